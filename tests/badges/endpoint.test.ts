import { describe, expect, it } from 'vitest';
import { BADGES, CATALOGUE, type Summary } from '../../src/badges/catalogue.ts';
import { badgeFiles } from '../../src/badges/endpoint.ts';
import type { Looks } from '../../src/config/looks.ts';
import type { Breakdown } from '../../src/metric/breakdown.ts';
import { FACETS, type Facet, type FacetList, facetList } from '../../src/metric/facets.ts';
import { historyOf } from '../support/views.ts';
import { parseXml } from '../support/xml.ts';

/** Every figure differs, so that none can be taken for another. */
const breakdown: Breakdown = {
  count: 1_150,
  counts: { pip: 500, pipenv: 1, pipx: 2, uv: 400, poetry: 9, pdm: 10, 'pip-family': 503 },
  countsBySystem: { Linux: 2_000, Darwin: 30, Windows: 0 },
  excluded: { sidecar: 8, ci: 7, mirror: 6, browser: 5, unknown: 4, other: 3 },
  others: new Map([['requests', 3]]),
};

/** The eleven badges, spelled out: READMEs all over the place name them. */
const ELEVEN: Record<string, [label: string, message: string, color: string]> = {
  'downloads-30d-non-ci': ['pip*/uv/poetry/pdm (30d)', '1.2k', 'blue'],
  'installer-pip-30d-non-ci': ['pip (30d)', '500', 'blue'],
  'installer-pipenv-30d-non-ci': ['pipenv (30d)', '1', 'lightgrey'],
  'installer-pipx-30d-non-ci': ['pipx (30d)', '2', 'lightgrey'],
  'installer-uv-30d-non-ci': ['uv (30d)', '400', 'blue'],
  'installer-poetry-30d-non-ci': ['poetry (30d)', '9', 'lightgrey'],
  'installer-pdm-30d-non-ci': ['pdm (30d)', '10', 'blue'],
  'installer-pip-family-30d-non-ci': ['pip* (30d)', '503', 'blue'],
  'os-linux-30d-non-ci': ['linux (30d)', '2k', 'blue'],
  'os-macos-30d-non-ci': ['macos (30d)', '30', 'blue'],
  'os-windows-30d-non-ci': ['windows (30d)', '0', 'lightgrey'],
};

/** The colours of shields.io by their names (badge-maker, lib/color.js). */
const FILLS: Record<string, string> = { blue: '#007ec6', lightgrey: '#9f9f9f' };

const summaryOf = (more: Partial<Summary> = {}): Summary => ({
  windowDays: 30,
  breakdown,
  title: 'demo',
  history: historyOf(30, 1),
  trend: undefined,
  total: undefined,
  ...more,
});
const files = badgeFiles([summaryOf()]);
const withEnding = (ending: string) =>
  Object.fromEntries(
    files.flatMap(({ name, content }) =>
      name.endsWith(ending) ? [[name.slice(0, -ending.length), content]] : [],
    ),
  );

describe('badgeFiles', () => {
  it('makes an endpoint file for each of the eleven badges, with label, message and colour', () => {
    const made = Object.entries(withEnding('.json')).map(([stem, content]) => {
      const { label, message, color } = JSON.parse(content);
      return [stem, [label, message, color]];
    });
    expect(Object.fromEntries(made)).toEqual(ELEVEN);
    expect(CATALOGUE.map(({ id }) => `${id}-30d-non-ci`)).toEqual(Object.keys(ELEVEN));
    expect(files).toHaveLength(2 * CATALOGUE.length);
  });

  it('writes nothing but the four keys, with two-space indent and a final newline', () => {
    expect(files[0]?.content).toBe(
      '{\n  "schemaVersion": 1,\n  "label": "pip*/uv/poetry/pdm (30d)",\n  "message": "1.2k",\n  "color": "blue"\n}\n',
    );
  });

  it('names the window in every file name and label', () => {
    for (const { name, content } of badgeFiles([summaryOf({ windowDays: 365 })])) {
      expect(name).toMatch(/-365d-non-ci\.(json|svg)$/);
      expect(content).toMatch(/"label": "[^"]+ \(365d\)"|<title>[^<]+ \(365d\): /);
    }
  });

  it('draws each beside it: well-formed, the words in its title, and asking for nothing', () => {
    const drawn = withEnding('.svg');
    expect(Object.keys(drawn)).toEqual(Object.keys(ELEVEN));
    for (const [stem, [label, message, color]] of Object.entries(ELEVEN)) {
      const svg = drawn[stem] ?? '';
      const elements = parseXml(svg);
      expect(elements[0]).toMatchObject({
        name: 'svg',
        attributes: { role: 'img', 'aria-label': `${label}: ${message}` },
      });
      expect(svg).toContain(`<title>${label}: ${message}</title>`);
      expect(svg).toContain(`>${message}<`);
      expect(elements.filter(({ name }) => name === 'rect')[2]?.attributes['fill']).toBe(FILLS[color]);
      expect(elements.map(({ name }) => name)).not.toContain('image');
      expect(svg).not.toMatch(/href|url\((?!#)/);
    }
  });
});

describe('looks', () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><path d="M0 0h4v4H0z"/></svg>';
  const json = (looks: Looks, count = 1_150) =>
    JSON.parse(badgeFiles([summaryOf({ breakdown: { ...breakdown, count } })], looks)[0]?.content ?? '');

  it('change label, colour, style, logo, time and suffix, in the file and in the picture', () => {
    const looks: Looks = {
      label: 'downloads',
      color: 'brightgreen',
      labelColor: '#123456',
      style: 'for-the-badge',
      logo: { svg },
      cacheSeconds: 3_600,
      suffix: '/month',
    };
    const { suffix: _suffix, logo: _logo, ...same } = looks;
    const words = { schemaVersion: 1, label: 'downloads (30d)', message: '1.2k/month' };
    expect(json(looks)).toEqual({ ...same, ...words, logoSvg: svg });
    const [, picture, pip] = badgeFiles([summaryOf()], looks);
    expect(picture?.content).toContain('#123456');
    expect(picture?.content).toContain(Buffer.from(svg).toString('base64'));
    expect(picture?.content).toMatch(/<title>downloads \(30d\): 1\.2k\/month<\/title>/i);
    // Only the first badge has the label; otherwise all eleven would have the same.
    expect(JSON.parse(pip?.content ?? '').label).toBe('pip (30d)');
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
    const steps = [
      { from: 100, color: 'yellow' },
      { from: 1_000, color: 'green' },
    ];
    expect(json({ color: steps }, count).color).toBe(color);
  });

  it('fit dark pages where that is wanted', () => {
    const [, picture] = badgeFiles([summaryOf()], { dark: true });
    expect(picture?.content).toContain('@media (prefers-color-scheme:dark){[fill="#555"]{');
    expect(picture?.content).toContain('fill="#555"');
    expect(() => parseXml(picture?.content ?? '')).not.toThrow();
  });
});

type Made = ReturnType<typeof badgeFiles>;

describe('badges that are asked for', () => {
  const extras = (looks: Looks, ...summaries: Summary[]) =>
    badgeFiles(summaries, looks).slice(2 * CATALOGUE.length * summaries.length);

  function says(
    [endpoint, picture]: Made,
    stem: string,
    words: { label: string; message: string; color: string },
  ) {
    expect([endpoint?.name, picture?.name]).toEqual([`${stem}.json`, `${stem}.svg`]);
    expect(JSON.parse(endpoint?.content ?? '')).toEqual({ schemaVersion: 1, ...words });
    expect(picture?.content).toContain(`${words.label}: ${words.message}`);
  }

  it.each<[number | undefined, string, string]>([
    [0.1249, '+12 %', 'brightgreen'],
    [-0.5, '\u221250 %', 'orange'],
    [0.004, '±0 %', 'lightgrey'],
    [undefined, 'nothing to compare', 'lightgrey'],
    [12, 'over +999 %', 'brightgreen'],
  ])('have a trend of %s say %s', (trend, message, color) => {
    const made = extras({ extra: ['trend'] }, summaryOf({ trend, windowDays: 7 }));
    says(made, 'trend-7d-non-ci', { label: 'trend (7d)', message, color });
  });

  it.each<[number, Looks, string, string]>([
    [12_345, {}, '12.3k', 'blue'],
    [9, {}, '9', 'lightgrey'],
    // A total is none of a month.
    [1_234, { suffix: '/month', color: [{ from: 1_000, color: 'green' }] }, '1.2k', 'green'],
  ])('have a total of %i with %j say since when', (count, looks, message, color) => {
    const total = { since: '2026-09-14', count, unknownDays: 3 };
    const made = extras({ ...looks, extra: ['total'] }, summaryOf({ total }));
    says(made, 'total-non-ci', { label: 'total since 2026-09', message, color });
  });

  const pythons = (counts: Record<string, number>, unknown: number): Summary['facets'] => {
    const total = Object.values(counts).reduce((sum, count) => sum + count, unknown);
    const list = (facet: Facet) =>
      facetList(facet, new Map(facet === 'python' ? Object.entries(counts) : []), unknown, total);
    const lists = Object.fromEntries(FACETS.map((facet) => [facet, list(facet)])) as Record<Facet, FacetList>;
    const span = { start: '2026-09-01', end: '2026-09-15' };
    return { facets: { total, ...lists }, span, source: 'duckdb' };
  };

  it.each<[string, Looks, Partial<Summary>, string, string]>([
    ['its share of those known', {}, { facets: pythons({ '3.9': 55, '3.10': 945 }, 10) }, '95%', 'blue'],
    ['its colour', { color: 'green' }, { facets: pythons({ '3.14': 200 }, 0) }, '100%', 'green'],
    ['no step of counts', { color: [] }, { facets: pythons({ '2.7': 200 }, 0) }, '0%', 'blue'],
    ['that it is not all', {}, { facets: pythons({ '3.9': 1, '3.10': 999 }, 0) }, '>99%', 'blue'],
    ['too few known', {}, { facets: pythons({ '3.10': 99 }, 0) }, 'too few', 'lightgrey'],
    ['too many unknown', {}, { facets: pythons({ '3.10': 790 }, 210) }, 'too few', 'lightgrey'],
    ['that nothing was counted yet', {}, {}, 'not counted', 'lightgrey'],
    [
      'that there is too little by now',
      {},
      { breakdown: { ...breakdown, count: 99 }, facets: pythons({ '3.10': 1_000 }, 0) },
      'too few',
      'lightgrey',
    ],
  ])('have a share of Pythons say %s', (_, looks, more, message, color) => {
    const summaries = [summaryOf(more), summaryOf({ windowDays: 90, ...more })];
    const [endpoint, picture, ...rest] = extras(
      { ...looks, suffix: '/month', extra: ['python>=3.10'] },
      ...summaries,
    );
    expect([endpoint?.name, picture?.name, rest]).toEqual([
      'python-3-10-non-ci.json',
      'python-3-10-non-ci.svg',
      [],
    ]);
    const label = 'python ≥ 3.10';
    expect(JSON.parse(endpoint?.content ?? '')).toEqual({ schemaVersion: 1, label, message, color });
    const written = message.replace('>', '&gt;');
    expect(picture?.content).toContain(`<title>${label}: ${written}</title>`);
  });

  it('have each share of Pythons once', () => {
    const names = extras({ extra: ['python>=3.9', 'python>=3.10', 'python>=3.9'] }, summaryOf());
    expect(names.map(({ name }) => name).filter((name) => name.endsWith('.json'))).toEqual([
      'python-3-9-non-ci.json',
      'python-3-10-non-ci.json',
    ]);
  });

  it('are made for each window, but for a total, of which there is one, and none where it is not known', () => {
    const total = { since: '2026-09-14', count: 3, unknownDays: 0 };
    const looks: Looks = { extra: ['trend', 'sparkline', 'total', 'chart'] };
    const names = (known: typeof total | undefined) =>
      extras(looks, summaryOf({ total: known }), summaryOf({ total: known, windowDays: 7 }))
        .map(({ name }) => name)
        .filter((name) => name.endsWith('.svg'));
    const files = (id: string, ...themes: string[]) =>
      [30, 7].flatMap((days) => themes.map((theme) => `${id}-${days}d-non-ci${theme}.svg`));
    const themed = (id: string) => files(id, '', '-light', '-dark');
    const before = [...files('trend', ''), ...themed('sparkline')];
    const charts = [...themed('chart'), ...themed('chart-small')];
    expect(names(total)).toEqual([...before, 'total-non-ci.svg', ...charts]);
    expect(names(undefined)).toEqual([...before, ...charts]);
    const ids = BADGES.map(({ id }) => id).slice(CATALOGUE.length);
    expect(ids).toEqual([...(looks.extra ?? []), 'chart-small', 'chart-total', 'compare', 'compare-indexed']);
  });
});
