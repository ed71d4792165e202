// Rolldown plugin: `import text from './file?raw'` gives the file's text, as Vite has it built in.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const SUFFIX = '?raw';

export const raw = {
  name: 'raw',
  resolveId(source, importer) {
    if (source.endsWith(SUFFIX)) return resolve(dirname(importer), source.slice(0, -SUFFIX.length)) + SUFFIX;
  },
  load(id) {
    if (!id.endsWith(SUFFIX)) return;
    const code = `export default ${JSON.stringify(readFileSync(id.slice(0, -SUFFIX.length), 'utf8'))};`;
    return { code, moduleType: 'js' };
  },
};
