import { Ajv } from 'ajv';
import { makeBadge } from 'badge-maker';
import cssColors from 'color-name';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BADGES, CATALOGUE, pythonBadges, retiredBadge, type Summary } from '../../src/badges/catalogue.ts';
import { parseConfig } from '../../src/config/config.ts';
import { EXTRAS, type Looks, STYLES } from '../../src/config/looks.ts';
import { trackedSchema } from '../../src/config/schema.ts';
import { breakdownOf } from '../../src/metric/breakdown.ts';
import { facetList, facetsOf } from '../../src/metric/facets.ts';
import { badgeFiles } from '../../src/publish/package.ts';
import { anyRow, historyOf } from '../support/views.ts';
import { parseXml } from '../support/xml.ts';

/** Every figure differs, so that none can be taken for another. */
const breakdown = {
  count: 1_150,
  counts: { pip: 500, pipenv: 1, pipx: 2, uv: 400, poetry: 9, pdm: 10, 'pip-family': 503 },
  countsBySystem: { Linux: 2_000, Darwin: 30, Windows: 0 },
  excluded: { sidecar: 8, ci: 7, mirror: 6, browser: 5, unknown: 4, other: 3 },
  others: new Map([['requests', 3]]),
};

/** The eleven badges, spelled out: READMEs all over the place name them. */
const ELEVEN: [id: string, label: string, message: string, color: 'blue' | 'lightgrey'][] = [
  ['downloads', 'pip*/uv/poetry/pdm', '1.2k', 'blue'],
  ['installer-pip', 'pip', '500', 'blue'],
  ['installer-pipenv', 'pipenv', '1', 'lightgrey'],
  ['installer-pipx', 'pipx', '2', 'lightgrey'],
  ['installer-uv', 'uv', '400', 'blue'],
  ['installer-poetry', 'poetry', '9', 'lightgrey'],
  ['installer-pdm', 'pdm', '10', 'blue'],
  ['installer-pip-family', 'pip*', '503', 'blue'],
  ['os-linux', 'linux', '2k', 'blue'],
  ['os-macos', 'macos', '30', 'blue'],
  ['os-windows', 'windows', '0', 'lightgrey'],
];

/** The colours of shields.io by their names (badge-maker, lib/color.js). */
const FILLS = { blue: '#007ec6', lightgrey: '#9f9f9f' };

/** Downloads a day in a week and in the next, and what a trend says of them. */
const TRENDS: [before: number, now: number, message: string, color: string][] = [
  [10_000, 11_249, '+12 %', 'brightgreen'],
  [20, 10, '\u221250 %', 'orange'],
  [1_000, 1_004, '±0 %', 'lightgrey'],
  [0, 5, 'nothing to compare', 'lightgrey'],
  [1, 13, 'over +999 %', 'brightgreen'],
];
const changing = (before: number, now: number) => historyOf(14, (day) => (day < 7 ? before : now));

/** The files of a package with these figures in windows of so many days, by name. */
function filesOf(looks: Looks = {}, more: Partial<Summary> = {}, lengths = [30]): Record<string, string> {
  const figures = { title: 'demo', days: historyOf(30, 1), ...more };
  const windows = lengths.map((windowDays) => ({ breakdown, ...more, windowDays }));
  const [main = { breakdown, windowDays: 30 }] = windows;
  const files = badgeFiles(main, windows, figures, looks);
  return Object.fromEntries(files.map(({ name, content }) => [name, content]));
}

/** What a badge is to say, in both of its files; in that of the endpoint nothing else. */
function says(files: Record<string, string>, stem: string, label: string, message: string, color: string) {
  expect(files[`${stem}.json`]).toBe(
    `{\n  "schemaVersion": 1,\n  "label": "${label}",\n  "message": "${message}",\n  "color": "${color}"\n}\n`,
  );
  expect(files[`${stem}.svg`]).toContain(`<title>${label}: ${message.replace('>', '&gt;')}</title>`);
}

describe('badgeFiles', () => {
  it.each([30, 365])('makes both files of each of the eleven badges of %d days', (windowDays) => {
    const files = filesOf({}, {}, [windowDays]);
    const stems = ELEVEN.map(([id]) => `${id}-${windowDays}d-non-ci`);
    expect(Object.keys(files)).toEqual(stems.flatMap((stem) => [`${stem}.json`, `${stem}.svg`]));
    for (const [index, [, name, message, color]] of ELEVEN.entries()) {
      const [stem = '', label] = [stems[index], `${name} (${windowDays}d)`];
      says(files, stem, label, message, color);
      // The picture is well-formed, has the words, and asks for nothing.
      const svg = files[`${stem}.svg`] ?? '';
      const elements = parseXml(svg);
      expect(elements[0]?.attributes).toMatchObject({ role: 'img', 'aria-label': `${label}: ${message}` });
      expect(svg).toContain(`>${message}<`);
      expect(elements.filter((each) => each.name === 'rect')[2]?.attributes['fill']).toBe(FILLS[color]);
      expect(svg).not.toMatch(/<image|href|url\((?!#)/);
    }
  });
});

describe('looks', () => {
  const MAIN = 'downloads-30d-non-ci';
  const json = (looks: Looks, count = 1_150) =>
    JSON.parse(filesOf(looks, { breakdown: { ...breakdown, count } })[`${MAIN}.json`] ?? '');

  it('change label, colour, style, logo, time and suffix, in the file and in the picture', () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><path d="M0 0h4v4H0z"/></svg>';
    const colors = { color: 'brightgreen', labelColor: '#123456' };
    const own = { ...colors, style: 'for-the-badge', cacheSeconds: 3_600 } as const;
    const looks: Looks = { ...own, label: 'downloads', logo: { svg }, suffix: '/month' };
    const words = { schemaVersion: 1, label: 'downloads (30d)', message: '1.2k/month' };
    expect(json(looks)).toEqual({ ...own, ...words, logoSvg: svg });
    const files = filesOf(looks);
    const picture = files[`${MAIN}.svg`]?.toLowerCase();
    for (const part of ['#123456', btoa(svg), '<title>downloads (30d): 1.2k/month</title>']) {
      expect(picture).toContain(part.toLowerCase());
    }
    // Only the first badge has the label; otherwise all eleven would have the same.
    expect(files['installer-pip-30d-non-ci.json']).toContain('"pip (30d)"');
    const named = json({ logo: { name: 'python' }, logoColor: 'white' });
    expect(named).toMatchObject({ namedLogo: 'python', logoColor: 'white' });
  });

  it.each([
    [0, 'lightgrey'],
    [99, 'lightgrey'],
    [100, 'yellow'],
    [999, 'yellow'],
    [1_000, 'green'],
  ])('by steps, %i is %s', (count, color) => {
    const [yellow, green] = [
      { from: 100, color: 'yellow' },
      { from: 1_000, color: 'green' },
    ] as const;
    expect(json({ color: [yellow, green] }, count).color).toBe(color);
  });

  it('fit dark pages where that is wanted', () => {
    const picture = filesOf({ dark: true })[`${MAIN}.svg`] ?? '';
    expect(picture).toContain('@media (prefers-color-scheme:dark){[fill="#555"]{');
    expect(picture).toContain('fill="#555"');
    parseXml(picture);
  });
});

describe('badges that are asked for', () => {
  it.each(TRENDS)('have a trend from %d to %d a day say %s', (before, now, message, color) => {
    const files = filesOf({ extra: ['trend'] }, { days: changing(before, now) }, [7]);
    says(files, 'trend-7d-non-ci', 'trend (7d)', message, color);
  });

  it.each<[number, Looks, string, string]>([
    [12_345, {}, '12.3k', 'blue'],
    [9, {}, '9', 'lightgrey'],
    // A total is none of a month.
    [1_234, { suffix: '/month', color: [{ from: 1_000, color: 'green' }] }, '1.2k', 'green'],
  ])('have a total of %i with %j say since when', (count, looks, message, color) => {
    const total = { since: '2026-09-14', count, unknownDays: 3 };
    const files = filesOf({ ...looks, extra: ['total'] }, { total });
    says(files, 'total-non-ci', 'total since 2026-09', message, color);
  });

  const pythons = (counts: Record<string, number>, unknown = 0): Summary['facets'] => {
    const total = Object.values(counts).reduce((sum, count) => sum + count, unknown);
    const facets = facetsOf(total, (facet) =>
      facetList(facet, new Map(Object.entries(counts)), unknown, total),
    );
    return { facets, span: { start: '2026-09-01', end: '2026-09-15' }, source: 'duckdb' };
  };

  const few = { breakdown: { ...breakdown, count: 99 }, facets: pythons({ '3.10': 999 }) };
  it.each<[string, Looks, Partial<Summary>, string, string]>([
    ['its share of those known', {}, { facets: pythons({ '3.9': 55, '3.10': 945 }, 10) }, '95%', 'blue'],
    ['its colour', { color: 'green' }, { facets: pythons({ '3.14': 200 }) }, '100%', 'green'],
    ['no step of counts', { color: [] }, { facets: pythons({ '2.7': 200 }) }, '0%', 'blue'],
    ['that it is not all', {}, { facets: pythons({ '3.9': 1, '3.10': 999 }) }, '>99%', 'blue'],
    ['a hundred known', {}, { facets: pythons({ '3.10': 100 }) }, '100%', 'blue'],
    ['too few known', {}, { facets: pythons({ '3.10': 99 }) }, 'too few', 'lightgrey'],
    ['as many unknown as may be', {}, { facets: pythons({ '3.9': 90, '3.11': 110 }, 50) }, '55%', 'blue'],
    ['too many unknown', {}, { facets: pythons({ '3.10': 200 }, 51) }, 'too few', 'lightgrey'],
    ['that nothing was counted yet', {}, {}, 'not counted', 'lightgrey'],
    ['that there is too little by now', {}, few, 'too few', 'lightgrey'],
  ])('have a share of Pythons say %s', (_, looks, more, message, color) => {
    const extra: Looks['extra'] = ['python>=3.10', 'python>=3.9', 'python>=3.10'];
    const files = filesOf({ ...looks, suffix: '/month', extra }, more, [30, 90]);
    says(files, 'python-3-10-non-ci', 'python ≥ 3.10', message, color);
    const shares = Object.keys(files).filter((name) => /^python.*json$/.test(name));
    expect(shares).toEqual(['python-3-10-non-ci.json', 'python-3-9-non-ci.json']);
  });

  it('are made for each window, but for a total, of which there is one, and none where it is not known', () => {
    const extra = ['trend', 'sparkline', 'total', 'chart'] as const;
    const names = (total: Summary['total']) =>
      Object.keys(filesOf({ extra: [...extra] }, { total }, [30, 7]))
        .slice(2 * 2 * CATALOGUE.length)
        .flatMap((name) => /(.*)\.svg$/.exec(name)?.[1]?.replace('-non-ci', '') ?? []);
    const themed = ['chart', 'chart-small'].flatMap((id) =>
      [30, 7].flatMap((days) => ['', '-light', '-dark'].map((theme) => `${id}-${days}d${theme}`)),
    );
    const before = [
      'trend-30d',
      'trend-7d',
      ...themed.slice(0, 6).map((name) => name.replace('chart', 'sparkline')),
    ];
    expect(names({ since: '2026-09-14', count: 3, unknownDays: 0 })).toEqual([...before, 'total', ...themed]);
    expect(names(undefined)).toEqual([...before, ...themed]);
    const ids = BADGES.map(({ id }) => id).slice(CATALOGUE.length);
    expect(ids).toEqual([...extra, 'chart-small', 'chart-total', 'compare', 'compare-indexed']);
  });
});

/*
 * As much of shields.io's endpoint schema as is used, after `endpointSchema` in services/endpoint-common.js of badges/shields
 * and the table at https://shields.io/badges/endpoint-badge: unknown keys are refused, Joi's strings are not
 * empty unless allowed to be, there may be a named logo or an SVG, not both, and a logo's colour needs a named one.
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
    namedLogo: text,
    logoSvg: text,
    logoColor: text,
    style: text,
    cacheSeconds: { type: 'integer', minimum: 0 },
  },
  not: { required: ['namedLogo', 'logoSvg'] },
  dependencies: { logoColor: ['namedLogo'] },
};

const isEndpoint = new Ajv({ strictRequired: false }).compile(ENDPOINT_SCHEMA);

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
  const total = fc.record({ since: fc.constant('2026-09-14'), count: fc.nat(), unknownDays: fc.nat() });
  const days = fc.constantFrom(...TRENDS.map(([before, now]) => changing(before, now)));
  const figures = fc.record({ breakdown: fc.array(anyRow).map(breakdownOf), total, days });
  fc.assert(
    fc.property(figures, said, said, (known, ofAll, own) => {
      const text = JSON.stringify({
        service: { output_dir: 'out' },
        facets: { every_days: 7 },
        badges: { ...ofAll, extra: [...EXTRAS, 'python>=3.10'] },
        packages: [{ name: 'demo', badges: own }],
      });
      const { looks } = parseConfig(text, 'tracked.yaml', '/nowhere').packages[0] ?? {};
      const files = Object.entries(filesOf(looks, known, [7])).filter(([name]) => name.endsWith('.json'));
      expect(files).toHaveLength(CATALOGUE.length + 3);
      for (const [, content] of files) expect(isEndpoint(JSON.parse(content))).toBe(true);
    }),
    { numRuns: 30 },
  );
});

it.each([...BADGES, ...pythonBadges({ extra: ['python>=3.10'] })].filter(({ size }) => size === undefined))(
  'so does $id once it is not renewed',
  (kind) => expect(isEndpoint(retiredBadge(kind, kind.windowless ? undefined : 30))).toBe(true),
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
