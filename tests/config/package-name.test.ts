import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalizePackageName, PACKAGE_NAME } from '../../src/config/schema.ts';

describe('normalizePackageName', () => {
  // The examples of PEP 503's successor: https://packaging.python.org/en/latest/specifications/name-normalization/
  it.each([
    'friendly-bard',
    'Friendly-Bard',
    'FRIENDLY-BARD',
    'friendly.bard',
    'friendly_bard',
    'friendly--bard',
    'FrIeNdLy-._.-bArD',
  ])('%s is friendly-bard', (name) => {
    expect(normalizePackageName(name)).toBe('friendly-bard');
  });

  it('makes of every valid name a folder that lies where it should, and keeps it valid', () => {
    const letters = [...'abcXYZ019._-'];
    const valid = fc
      .string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 40 })
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
