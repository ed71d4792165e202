import { Ajv } from 'ajv';
import { makeBadge } from 'badge-maker';
import cssColors from 'color-name';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BADGES, CATALOGUE, pythonBadges, retiredBadge } from '../../src/badges/catalogue.ts';
import { badgeFiles } from '../../src/badges/endpoint.ts';
import { parseConfig } from '../../src/config/config.ts';
import { EXTRAS, STYLES } from '../../src/config/looks.ts';
import { trackedSchema } from '../../src/config/schema.ts';
import { breakdownOf } from '../../src/metric/breakdown.ts';
import { anyRow, historyOf } from '../support/views.ts';

/*
 * shields.io's endpoint schema, after `endpointSchema` in services/endpoint-common.js of badges/shields
 * and the table at https://shields.io/badges/endpoint-badge: unknown keys are refused, Joi's strings are not
 * empty unless allowed to be, there may be a named logo or an SVG, not both, and what is said of a logo needs one:
 * colour and size a named one.
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
  dependencies: {
    logoColor: ['namedLogo'],
    logoSize: ['namedLogo'],
    logoWidth: { anyOf: [{ required: ['namedLogo'] }, { required: ['logoSvg'] }] },
  },
};

const isEndpoint = new Ajv({ strictRequired: false }).compile(ENDPOINT_SCHEMA);

const PYTHON = pythonBadges({ extra: ['python>=3.10'] });

const summaries = fc.record({
  title: fc.constant('demo'),
  history: fc.constant(historyOf(7, 1)),
  breakdown: fc.array(anyRow).map(breakdownOf),
  windowDays: fc.integer({ min: 1, max: 365 }),
  total: fc.record({ since: fc.constant('2026-09-14'), count: fc.nat(), unknownDays: fc.nat() }),
  trend: fc.option(fc.double({ min: -1, max: 100, noNaN: true }), { nil: undefined }),
});
/** What may stand under `badges` in tracked.yaml. */
const badges = fc.record(
  {
    label_color: fc.constantFrom('blue', '#4c1', 'white'),
    logo: fc.constantFrom('python', `data:image/svg+xml;base64,${btoa('<svg/>')}`),
    logo_color: fc.constantFrom('white', 'f00', 'rebeccapurple'),
    style: fc.constantFrom(...STYLES),
    cache_seconds: fc.integer({ min: 300, max: 86_400 }),
    color: fc.constantFrom('red', { 100: 'yellow', 0: 'white' }),
    label: fc.constantFrom('downloads', ' '),
    suffix: fc.constant('/month'),
    dark: fc.boolean(),
  },
  { requiredKeys: [] },
);
/** Those that are not refused: an SVG cannot be coloured. */
const said = badges.filter(({ logo, logo_color }) => !(logo?.startsWith('data:') && logo_color));

it('endpoint files pass the schema of shields.io, strictly, whatever was counted, with every look', () => {
  expect(isEndpoint({ schemaVersion: 1, label: 'a', message: '' })).toBe(false);
  expect(isEndpoint({ schemaVersion: 1, label: 'a', message: 'b', logoColor: 'red' })).toBe(false);
  fc.assert(
    fc.property(summaries, said, said, (summary, ofAll, own) => {
      const text = JSON.stringify({
        service: { output_dir: 'out' },
        facets: { every_days: 7 },
        badges: { ...ofAll, extra: [...EXTRAS, 'python>=3.10'] },
        packages: [{ name: 'demo', badges: own }],
      });
      const { looks } = parseConfig(text, 'tracked.yaml', '/nowhere').packages[0] ?? {};
      const all = badgeFiles([summary], looks);
      const files = all.filter(({ name }) => name.endsWith('.json'));
      expect(files).toHaveLength(CATALOGUE.length + 3);
      for (const { content } of files) expect(isEndpoint(JSON.parse(content))).toBe(true);
    }),
    { numRuns: 30 },
  );
});

it.each([...BADGES, ...PYTHON].filter(({ size }) => size === undefined))(
  'so does $id once it is not renewed',
  (kind) => {
    expect(isEndpoint(retiredBadge(kind, kind.windowless ? undefined : 30))).toBe(true);
  },
);

it('every colour that tracked.yaml may name is one of the library that shields.io draws with', () => {
  const { badges: schema } = trackedSchema.shape;
  for (const name of [...Object.keys(cssColors), 'brightgreen', 'inactive', '4c1', '#4C1', 'aabbcc']) {
    expect(schema.safeParse({ color: name }).success).toBe(true);
    // It draws a colour that it does not know in its bright green.
    if (/^(?:brightgreen|#?4c1)$/i.test(name)) continue;
    expect(makeBadge({ message: 'm', color: name })).not.toBe(makeBadge({ message: 'm', color: 'nonsense' }));
  }
  for (const name of ['reddish', 'constructor', '#4c', 'rgb(1,2,3)', 'url(#a)', 'White ']) {
    expect(schema.safeParse({ color: name }).success).toBe(false);
  }
});
