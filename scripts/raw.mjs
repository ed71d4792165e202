// Rolldown plugin: `import text from './file?raw'` gives the file's text, as Vite has it built in; here styles and
// scripts without what a browser does not need, as each page carries them.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Features, transform } from 'lightningcss';
import { minifySync } from 'rolldown/experimental';

const SUFFIX = '?raw';

function minified(path) {
  const text = readFileSync(path, 'utf8');
  if (!/\.(css|js)$/.test(path)) return text;
  if (path.endsWith('.css')) {
    // `max-width` and not `width <=`, which browsers from before 2023 may not know.
    const include = Features.MediaRangeSyntax;
    return transform({ filename: path, code: Buffer.from(text), minify: true, include }).code.toString();
  }
  const { code, errors } = minifySync(path, text, { module: false });
  if (errors.length > 0) throw new Error(`${path}: ${errors[0].message}`);
  return code.trim();
}

export const raw = {
  name: 'raw',
  resolveId(source, importer) {
    if (source.endsWith(SUFFIX)) return resolve(dirname(importer), source.slice(0, -SUFFIX.length)) + SUFFIX;
  },
  load(id) {
    if (!id.endsWith(SUFFIX)) return;
    return {
      code: `export default ${JSON.stringify(minified(id.slice(0, -SUFFIX.length)))};`,
      moduleType: 'js',
    };
  },
};
