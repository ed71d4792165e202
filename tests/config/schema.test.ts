import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { trackedJsonSchema } from '../../src/config/schema.ts';

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

describe('tracked.schema.json', () => {
  it('is current; if not, run: npm run schema', () => {
    expect(read('tracked.schema.json')).toBe(`${JSON.stringify(trackedJsonSchema(), null, 2)}\n`);
  });

  it('describes every key to an editor and allows no other', () => {
    const schema = JSON.parse(read('tracked.schema.json'));
    for (const section of ['service', 'bigquery', 'duckdb']) {
      expect(schema.properties[section].additionalProperties).toBe(false);
      for (const [key, value] of Object.entries<{ description?: string }>(
        schema.properties[section].properties,
      )) {
        expect(value.description, `${section}.${key}`).toMatch(/\w/);
      }
    }
    expect(schema.required).toEqual(['service', 'packages']);
  });
});
