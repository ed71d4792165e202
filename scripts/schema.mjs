// Writes tracked.schema.json, the JSON Schema of tracked.yaml for editors, from src/config/schema.ts.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'pypi-badges-schema-'));
try {
  const file = join(folder, 'schema.mjs');
  const bundle = await rolldown({ input: join(root, 'src/config/schema.ts'), platform: 'node' });
  await bundle.write({ file, format: 'esm' });
  const { trackedJsonSchema } = await import(pathToFileURL(file).href);
  writeFileSync(join(root, 'tracked.schema.json'), `${JSON.stringify(trackedJsonSchema(), null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
