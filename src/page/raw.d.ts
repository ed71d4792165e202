/** A file's text, put in by the bundler (scripts/build.mjs; Vite knows it by itself). */
declare module '*?raw' {
  const text: string;
  export default text;
}
