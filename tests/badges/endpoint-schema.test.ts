import { Ajv } from 'ajv';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CATALOGUE } from '../../src/badges/catalogue.ts';
import { badgeFiles } from '../../src/badges/endpoint.ts';
import { breakdownOf } from '../../src/metric/breakdown.ts';
import { historyOf } from '../support/views.ts';

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

const isEndpoint = new Ajv({ strictRequired: false }).compile(ENDPOINT_SCHEMA);

const row = fc.record({
  sidecar: fc.boolean(),
  ci: fc.constantFrom(true, false, null),
  installer: fc.constantFrom('pip', 'uv', 'pdm', 'bandersnatch', '', null),
  system: fc.constantFrom('Linux', 'Darwin', 'Windows', null),
  downloads: fc.nat(10_000_000_000),
});
const summaries = fc.record({
  title: fc.constant('demo'),
  history: fc.constant(historyOf(7, 1)),
  breakdown: fc.array(row).map(breakdownOf),
  windowDays: fc.integer({ min: 1, max: 365 }),
  total: fc.record({ since: fc.constant('2026-09-14'), count: fc.nat(), unknownDays: fc.nat() }),
  trend: fc.option(fc.double({ min: -1, max: 100, noNaN: true }), { nil: undefined }),
});
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

it('endpoint files pass the schema of shields.io, strictly, whatever was counted, with every look', () => {
  expect(isEndpoint({ schemaVersion: 1, label: 'a', message: '' })).toBe(false);
  fc.assert(
    fc.property(summaries, looks, (summary, each) => {
      const all = badgeFiles([summary], { ...each, extra: ['trend', 'total'] });
      const files = all.filter(({ name }) => name.endsWith('.json'));
      expect(files).toHaveLength(CATALOGUE.length + 2);
      for (const { content } of files) expect(isEndpoint(JSON.parse(content))).toBe(true);
    }),
  );
});
