// Bundles src/ into dist/, together with the libraries that a daily run loads: Node.js takes a millisecond and more
// for each file, and these would be hundreds (docs/decisions.md, "Fast start"). What only some need stays outside.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { raw } from './raw.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// .ci/run has built this very folder; each of its scripts begins with a build. A clone of it (the Action's) is another.
if (process.env.PYPI_BADGES_BUILT === root) process.exit();

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const external = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });

/**
 * Which modules share a file; the others follow the commands that load them. What draws is in none of these, as it
 * is loaded while the source is asked: a module in `shared` must not import it.
 */
const groups = [
  ['errors', /^src\/errors\//],
  [
    'libraries',
    /^node_modules\/(@renovatebot\/pep440|color-name|commander|leven|p-limit|yaml|yocto-queue|zod)\//,
  ],
  [
    'http',
    /^node_modules\/(gaxios|https-proxy-agent|node-fetch|p-retry)\//,
    { includeDependenciesRecursively: true },
  ],
  ['wire', /^src\/sources\/(fault|http|proxy)\.ts$/],
  [
    'google',
    /^node_modules\/(@google-cloud|google-auth-library)\//,
    { includeDependenciesRecursively: true },
  ],
  ['drawing', /^node_modules\/badge-maker\//, { includeDependenciesRecursively: true }],
  [
    'shared',
    /^src\/(?!cli|node-version|sources\/(fault|http|proxy)\.|sources\/\w+\/(?!index\.)|page\/|badges\/|publish\/(?!health|history|facets)|commands\/account\.)/,
    { minShareCount: 2 },
  ],
].map(([name, paths, more]) => ({ name, test: (id) => paths.test(relative(root, id)), ...more }));

/**
 * What `npm ci` installs DuckDB from, exactly as it is locked here: deploy/install.sh does, where it is asked for.
 *
 * @returns {{dependencies: object, packages: object}} package.json, and the packages of package-lock.json.
 */
function lockOf(name) {
  const { packages: all } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const dependencies = { [name]: all[`node_modules/${name}`].version };
  const packages = { '': { dependencies } };
  const add = (each) => {
    const path = `node_modules/${each}`;
    if (packages[path] !== undefined) return;
    const { dev: _dev, ...entry } = all[path];
    packages[path] = entry;
    Object.keys({ ...entry.dependencies, ...entry.optionalDependencies }).forEach(add);
  };
  add(name);
  return { dependencies, packages };
}

/** A text with one character beyond Latin-1 takes twice the memory; in code, the number of a character is as good. */
const ascii = (code) =>
  code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** The licence of a package that was bundled: a file of its own, a section of its README, or who says which it is. */
function licenceText(folder, { license, author }) {
  const read = (pattern) => {
    const file = readdirSync(folder).find((name) => pattern.test(name));
    return file === undefined ? undefined : readFileSync(join(folder, file), 'utf8').trim();
  };
  const own = read(/^licen[cs]e(\.|$)/i) ?? /^(#+ *)?licen[cs]e\n.*/ims.exec(read(/^readme/i) ?? '')?.[0];
  if (own !== undefined) return own;
  if (!license || !author) throw new Error(`${folder} says nothing of its licence`);
  return `It comes without a text; its package.json says: ${license}, ${author.name ?? author}`;
}

/**
 * badge-maker's tables of widths, a font each: 220 kB of JSON, 11,000 rows in the order of their characters. The few of
 * Latin are parsed when a badge of that font is drawn, and all when a text has any other character.
 */
const widthsOnDemand = {
  name: 'widths-on-demand',
  transform(code, id) {
    if (/anafanafo\/data\/.*\.json$/.test(id)) {
      const latin = JSON.parse(code).filter(([first]) => first <= 0x24f);
      const parse = (json) => `JSON.parse(${JSON.stringify(json)})`;
      const widths = `let all; const latin = ${parse(JSON.stringify(latin))};
module.exports = (text) => /[^\\0-\\u024f]/.test(text) ? (all ??= ${parse(code)}) : latin;`;
      return { code: widths, moduleType: 'js' };
    }
    if (!id.endsWith('anafanafo/index.js')) return;
    const lazy = code
      .replace(
        /('[^']+'): createConsumer\(\s*(require\([^)]+\))\s*\),/g,
        '$1: (text) => createConsumer($2(text)),',
      )
      .replace('= consumers[font]', '= consumers[font]?.(text)');
    // Two for each of the four fonts, and the one that looks a font up.
    if (lazy.match(/\(text\)/g)?.length !== 9)
      throw new Error(`${id} no longer loads its tables as this expects`);
    return lazy;
  },
};

const bundle = await rolldown({
  // The merging of state is an entry of its own, for the Action.
  input: {
    cli: join(root, 'src/cli.ts'),
    merge: join(root, 'src/state/merge.ts'),
  },
  platform: 'node',
  preserveEntrySignatures: 'allow-extension',
  plugins: [raw, widthsOnDemand],
  external: (id) => external.some((name) => id === name || id.startsWith(`${name}/`)),
  resolve: {
    alias: {
      // The same code as ES modules: as CommonJS, each of its files is a function that is run first.
      yaml: join(root, 'node_modules/yaml/browser/dist/index.js'),
      // One copy for Google's client and for us: it asks for that of CommonJS.
      gaxios: join(root, 'node_modules/gaxios/build/esm/src/index.js'),
      // For Node.js without streams of the web, which no supported one is: a sixth of the code of Google's client.
      'web-streams-polyfill/dist/ponyfill.es2018.js': false,
      // Google's client reads error pages with it, which it never gets here: 2,000 names of characters.
      'html-entities': false,
      // Streams for a Node.js before 18.
      'readable-stream': 'node:stream',
      // pino's other threads: the log goes to stderr by this one.
      'thread-stream': false,
    },
  },
  // Google's client sends through node-fetch, and takes these from Node.js, which loads a whole client of its own for
  // them: 30 ms and 4 MB. Those of node-fetch are the ones that it is given in the end.
  transform: { inject: { Headers: ['node-fetch', 'Headers'], FormData: ['node-fetch', 'FormData'] } },
});
const { output } = await bundle.generate({
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
  codeSplitting: { groups, includeDependenciesRecursively: false },
});
await bundle.close();

// The licences of what was bundled ask to travel with it.
const modules = output.flatMap(({ moduleIds }) => moduleIds);
const bundled = new Set(
  modules.flatMap((id) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1] ?? []),
);
const notices = [...bundled].sort().map((name) => {
  const folder = join(root, 'node_modules', name);
  const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return `${name} ${about.version} (${about.license})\n\n${licenceText(folder, about)}\n`;
});

const dist = join(root, 'dist');
const files = new Map(output.map(({ fileName, code }) => [fileName, ascii(code)]));
files.set('THIRD-PARTY-LICENSES.txt', notices.join(`\n${'-'.repeat(80)}\n\n`));
const { dependencies, packages } = lockOf('@duckdb/node-api');
files.set('duckdb.package.json', JSON.stringify({ dependencies }));
files.set(
  'duckdb.package-lock.json',
  JSON.stringify({ lockfileVersion: 3, requires: true, packages }, null, 2),
);
mkdirSync(dist, { recursive: true });
const there = new Set(readdirSync(dist));
for (const name of there) if (!files.has(name)) rmSync(join(dist, name), { recursive: true });
// What would not change is left alone, so that tests that use it may run while others begin with a build.
for (const [name, content] of files) {
  const path = join(dist, name);
  if (!there.has(name) || readFileSync(path, 'utf8') !== content) writeFileSync(path, content);
}
