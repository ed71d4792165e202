import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalizePackageName, PACKAGE_NAME, trackedJsonSchema } from '../../src/config/schema.ts';

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

describe('tracked.schema.json', () => {
  it('is current; if not, run: npm run schema', () => {
    expect(read('tracked.schema.json')).toBe(`${JSON.stringify(trackedJsonSchema(), null, 2)}\n`);
  });

  it('describes every key to an editor and allows no other', () => {
    const schema = JSON.parse(read('tracked.schema.json'));
    for (const section of ['service', 'bigquery', 'clickhouse', 'duckdb', 'badges', 'facets']) {
      const { additionalProperties, properties } = schema.properties[section];
      expect(additionalProperties).toBe(false);
      for (const [key, { description }] of Object.entries<{ description?: string }>(properties)) {
        expect(description, `${section}.${key}`).toMatch(/\w/);
      }
    }
    expect(schema.required).toEqual(['service', 'packages']);
  });
});

describe('normalizePackageName', () => {
  // The examples of PEP 503's successor: https://packaging.python.org/en/latest/specifications/name-normalization/
  it.each(['FRIENDLY-BARD', 'friendly.bard', 'friendly_bard', 'friendly--bard', 'FrIeNdLy-._.-bArD'])(
    '%s is friendly-bard',
    (name) => expect(normalizePackageName(name)).toBe('friendly-bard'),
  );

  it('makes of every valid name a folder that lies where it should, and keeps it valid', () => {
    const letter = fc.constantFrom(...'abcXYZ019._-');
    const valid = fc
      .string({ unit: letter, minLength: 1, maxLength: 40 })
      .filter((name) => PACKAGE_NAME.test(name));
    fc.assert(
      fc.property(valid, (name) => {
        const normalized = normalizePackageName(name);
        expect(normalized).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
        expect(normalizePackageName(normalized)).toBe(normalized);
      }),
    );
  });
});
