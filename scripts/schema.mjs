// Writes the JSON Schemas from the shapes in src/: tracked.schema.json, for editors of tracked.yaml, and
// docs/history.schema.json and docs/facets.schema.json, for readers of history.json and facets.json.
import { writeFileSync } from 'node:fs';
import { importTs } from './import-ts.mjs';

function write(path, schema) {
  writeFileSync(new URL(`../${path}`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
}

const { trackedJsonSchema } = await importTs('src/config/schema.ts');
write('tracked.schema.json', trackedJsonSchema());
const { historyJsonSchema } = await importTs('src/publish/history.ts');
write('docs/history.schema.json', historyJsonSchema());
const { facetsJsonSchema } = await importTs('src/publish/facets.ts');
write('docs/facets.schema.json', facetsJsonSchema());
