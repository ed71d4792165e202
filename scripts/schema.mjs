// Writes tracked.schema.json, the JSON Schema of tracked.yaml for editors, from src/config/schema.ts.
import { writeFileSync } from 'node:fs';
import { importTs } from './import-ts.mjs';

const { trackedJsonSchema } = await importTs('src/config/schema.ts');
const file = new URL('../tracked.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(trackedJsonSchema(), null, 2)}\n`);
