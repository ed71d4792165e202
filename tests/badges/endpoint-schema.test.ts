import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../src/badges/catalogue.ts';
import { badgeFiles } from '../../src/badges/endpoint.ts';
import { winnow } from '../../src/winnow/breakdown.ts';
import { historyOf, NOTHING } from '../support/views.ts';

/*
 * shields.io's endpoint schema, after `endpointSchema` in services/endpoint-common.js of badges/shields
 * and the table at https://shields.io/badges/endpoint-badge: unknown keys are refused, Joi's strings are not
 * empty unless allowed to be, and there may be a named logo or an SVG, not both.
 */
const text = { type: 'string', minLength: 1 };
const ENDPOINT_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['schemaVersion', 'label', 'message'],
  properties: {
    schemaVersion: { const: 1 },
    label: { type: 'string' },
    message: text,
    color: text,
    labelColor: text,
    isError: { type: 'boolean' },
    namedLogo: text,
    logoSvg: text,
    logoColor: text,
    logoSize: text,
    logoWidth: { type: 'number' },
    style: text,
    cacheSeconds: { type: 'integer', minimum: 0 },
  },
  not: { required: ['namedLogo', 'logoSvg'] },
};

const UNKNOWN = { title: 'demo', history: historyOf(7, () => 1), trend: undefined, total: undefined };

const isEndpoint = new Ajv({ strictRequired: false }).compile(ENDPOINT_SCHEMA);

describe('endpoint files', () => {
  it('pass the schema of shields.io, strictly, whatever was counted', () => {
    const row = fc.record({
      sidecar: fc.boolean(),
      ci: fc.constantFrom(true, false, null),
      installer: fc.constantFrom('pip', 'uv', 'pdm', 'bandersnatch', '', null),
      system: fc.constantFrom('Linux', 'Darwin', 'Windows', null),
      downloads: fc.nat(10_000_000_000),
    });
    fc.assert(
      fc.property(fc.array(row), fc.integer({ min: 1, max: 365 }), (rows, days) => {
        const all = badgeFiles([{ ...UNKNOWN, windowDays: days, breakdown: winnow(rows) }]);
        const files = all.filter(({ name }) => name.endsWith('.json'));
        expect(files).toHaveLength(CATALOGUE.length);
        for (const { content } of files) expect(isEndpoint(JSON.parse(content))).toBe(true);
      }),
    );
  });

  it('of trends and totals pass it, too, with every look', () => {
    const looks = fc.record(
      {
        labelColor: fc.constantFrom('blue', '#4c1'),
        logo: fc.constantFrom({ name: 'python' }, { svg: '<svg/>' }),
        style: fc.constantFrom('flat' as const, 'social' as const),
        cacheSeconds: fc.integer({ min: 300, max: 86_400 }),
        color: fc.constantFrom('red', [{ from: 100, color: 'yellow' }]),
        suffix: fc.constant('/month'),
      },
      { requiredKeys: [] },
    );
    const total = fc.record({ since: fc.constant('2026-09-14'), count: fc.nat(), unknownDays: fc.nat() });
    const change = fc.option(fc.double({ min: -1, max: 100, noNaN: true }), { nil: undefined });
    fc.assert(
      fc.property(looks, total, change, (each, sum, share) => {
        const summary = { ...UNKNOWN, windowDays: 30, breakdown: NOTHING, total: sum, trend: share };
        const all = badgeFiles([summary], { ...each, extra: ['trend', 'total'] });
        const files = all.filter(({ name }) => name.endsWith('.json'));
        expect(files).toHaveLength(CATALOGUE.length + 2);
        for (const { content } of files) expect(isEndpoint(JSON.parse(content))).toBe(true);
      }),
    );
  });

  it('would fail it with a key, a type or a version of its own', () => {
    const badge = { schemaVersion: 1, label: 'a', message: 'b', color: 'blue' };
    expect(isEndpoint(badge)).toBe(true);
    for (const wrong of [
      { package: 'x' },
      { message: 14 },
      { message: '' },
      { schemaVersion: 2 },
      { color: '' },
    ]) {
      expect(isEndpoint({ ...badge, ...wrong })).toBe(false);
    }
  });
});
