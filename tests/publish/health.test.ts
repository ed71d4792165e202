import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import {
  type FetchedUpstream,
  type Health,
  healthToJson,
  mergeHealth,
  mergeUpstream,
  type PackageHealth,
  parseHealth,
  readHealth,
  type UpstreamFacts,
  writeHealth,
} from '../../src/publish/health.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { YOUNG } from '../support/views.ts';

const UPSTREAM: UpstreamFacts = { lastDay: null, missingDays: [], partialDays: [], excessDays: [] };
const WARNING = { code: 'no-rows', message: 'is the name right?' } as const;
const NONE = { windowDays: 30, windows: [], warnings: [] };
/** One that an earlier failure kept from being tried. */
const untried: PackageHealth = { ...NONE, failure: { error: 'not attempted: why', code: 'permission' } };
const failed: PackageHealth = {
  ...NONE,
  failure: { error: 'why', code: 'permission' },
  countedTo: '2026-04-20',
  attempted: '2026-04-25T04:12:01.000Z',
  lastSuccess: '2026-04-21T04:12:02.000Z',
};
const success: PackageHealth = {
  windowDays: 30,
  count: 14,
  windows: [{ windowDays: 30, breakdown: YOUNG }],
  warnings: [WARNING],
  query: { daysScanned: 2, bytesProcessed: 5, bytesBilled: 10, cacheHit: false, durationMs: 4 },
  countedTo: '2026-04-24',
  attempted: '2026-04-25T04:12:01.000Z',
  lastSuccess: '2026-04-25T04:12:02.000Z',
};
/** One whose shorter window was held back, and one whose main window was. */
const HELD = { error: 'not renewed: 7d', code: 'incomplete-window', heldBack: [7] } as const;
const heldBack: PackageHealth = { ...success, failure: HELD };
const { count: _, ...withoutMain } = heldBack;
const mainHeldBack: PackageHealth = { ...withoutMain, windowDays: 7 };
const health: Health = {
  source: 'bigquery',
  started: '2026-04-25T04:12:00.000Z',
  finished: '2026-04-25T04:12:03.000Z',
  upstream: { ...UPSTREAM, lastDay: '2026-04-24', missingDays: ['2026-04-02'], partialDays: ['2026-04-03'] },
  groups: new Map(),
  packages: new Map([
    ['mcp-clipboard', success],
    ['broken', failed],
    ['held-back', heldBack],
    ['main-held-back', mainHeldBack],
    ['constructor', untried],
  ]),
  warnings: [{ code: 'left-over', message: 'gone/ is not tracked any more' }],
};

const read = (value: unknown) => parseHealth(JSON.stringify(value));

describe('the health file', () => {
  // What it has of a package that was counted, the example in docs/files.md says, which tests/docs.test.ts reads.
  it('has the keys that other programs read', async () => {
    const outputDir = join(tempFolder(), 'out');
    await writeHealth(outputDir, health);
    const text = readFileSync(join(outputDir, '_health.json'), 'utf8');
    expect(text.endsWith('}\n')).toBe(true);
    const { packages, upstream, warnings } = JSON.parse(text);
    const { 'mcp-clipboard': counted } = packages;
    const { count: _, counts: __, counts_by_system, excluded, ...withoutWindow } = counted;
    const held = { error: 'not renewed: 7d', error_code: 'incomplete-window', held_back: [7] };
    const [attempted, last_success] = ['2026-04-25T04:12:01.000Z', '2026-04-21T04:12:02.000Z'];
    const known = { window_days: 30, counted_to: '2026-04-20', attempted, last_success };
    expect(packages).toEqual({
      'mcp-clipboard': counted,
      broken: { error: 'why', error_code: 'permission', ...known },
      'held-back': { ...counted, ...held },
      'main-held-back': { ...withoutWindow, ...held, window_days: 7 },
      constructor: { error: 'not attempted: why', error_code: 'permission', window_days: 30 },
    });
    expect([counts_by_system, excluded.mirror]).toEqual([{ Linux: 8, Darwin: 4, Windows: 1 }, 1_325]);
    expect([upstream.missing_days, upstream.excess_days, warnings]).toEqual([
      ['2026-04-02'],
      [],
      health.warnings,
    ]);
    expect(statSync(join(outputDir, '_health.json')).mode & 0o777).toBe(0o644);
    expect(readdirSync(outputDir)).toEqual(['_health.json']);
    // And reads back as it was written.
    expect(await readHealth(outputDir)).toEqual(health);
  });

  it('names the twenty largest of the class other', () => {
    const others = new Map(Array.from({ length: 25 }, (_, at) => [`client-${at}`, at + 1] as const));
    const entry = { ...success, windows: [{ windowDays: 30, breakdown: { ...YOUNG, others } }] };
    const json = healthToJson({ ...health, packages: new Map([['a', entry]]) });
    const { other } = JSON.parse(JSON.stringify(json)).packages.a;
    expect(other).toHaveLength(20);
    expect([other[0].installer, other[19].installer]).toEqual(['client-24', 'client-5']);
  });

  it.each([
    ...['{"packages": {', '', 'null', '[]', '{"started": "2026-04-25T04:12:00.000Z"}', '{"packages": []}'],
    ...['{"packages": {"demo": 14}}', '{"packages": {"demo": null}}'],
  ])('is unreadable when it is %j', async (text) => {
    const folder = tempFolder();
    writeFileSync(join(folder, '_health.json'), text);
    expect(await readHealth(folder)).toBe('unreadable');
  });
});

describe('parseHealth', () => {
  // An installer that is added to the list is in no file of before.
  it('reads a file that lacks an installer, a system or a class', () => {
    const figures = { counts: { pip: 9, 'pip-family': 9 }, counts_by_system: { Darwin: 5, Windows: 0 } };
    const window = {
      ...figures,
      window_days: 3,
      count: 16,
      excluded: { ci: 7, browser: 0, unknown: 0, other: 4 },
    };
    const [known] = read({ packages: { demo: { windows: [window] } } })?.packages.get('demo')?.windows ?? [];
    expect(known?.breakdown).toMatchObject({
      count: 16,
      counts: { pip: 9, uv: 0 },
      countsBySystem: { Linux: 0, Darwin: 5 },
      excluded: { sidecar: 0, mirror: 0, ci: 7 },
    });
  });

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])('keeps a package called %s', (name) => {
    const { packages } = parseHealth(`{"packages": {"other": {"count": 2}, "${name}": {"count": 14}}}`) ?? {};
    expect(packages?.get('other')).toMatchObject({ count: 2 });
    // No package may be called __proto__.
    const own = name === '__proto__' ? [] : [name.toLowerCase()];
    expect([...(packages?.keys() ?? [])]).toEqual(['other', ...own]);
  });

  it('leaves out what makes no sense, and keeps the rest', () => {
    const odd = {
      finished: 7,
      upstream: { last_day: 'soon', missing_days: ['2026-02-30'], partial_days: 4 },
      warnings: [{ code: 'unheard-of', message: 'x' }],
      packages: {
        a: {
          error: 'why',
          error_code: 'of another version',
          window_days: '30',
          count: -1,
          windows: [{ count: 'many' }],
          query: { days_scanned: 'all' },
          counted_to: 'today',
          attempted: 'now',
          last_success: 'yesterday',
          warnings: [{ code: 'of-tomorrow', message: 'x' }, WARNING],
        },
        b: { count: 3, window_days: 7, windows: 'none', other: 4, warnings: {} },
      },
    };
    expect(read(odd)).toEqual({
      upstream: UPSTREAM,
      warnings: [],
      groups: new Map(),
      packages: new Map<string, object>([
        ['a', { failure: { error: 'why', code: undefined }, windows: [], warnings: [WARNING] }],
        ['b', { count: 3, windowDays: 7, windows: [], warnings: [] }],
      ]),
    });
  });
});

describe('mergeUpstream', () => {
  const facts = (lastDay: string | null, missingDays: string[] = [], partialDays: string[] = []) => {
    return { lastDay, missingDays, partialDays, excessDays: [] };
  };
  const missing = ['2026-01-30', '2026-02-10', '2026-04-01'];
  const partial = ['2026-01-25', '2026-03-01', '2026-04-20'];
  const [first, second] = missing as [string, string];
  const before = facts('2026-04-23', missing, partial);
  /** Of a run as of 2026-04-25 that looked at 30 days, where the longest window has 90: from 2026-01-25 on. */
  const fetched = { ...facts('2026-04-24', ['2026-04-02']), since: '2026-03-26', end: '2026-04-25' };
  const nothing = { ...facts(null), since: '2026-04-25', end: '2026-04-25' };

  it.each<[string, FetchedUpstream | undefined, UpstreamFacts, string?]>([
    ['that fetched nothing', undefined, before],
    [
      'that looked at 30 of 90 days',
      fetched,
      facts('2026-04-24', [first, second, '2026-04-02'], ['2026-01-25', '2026-03-01']),
    ],
    ['that looked at all 90', { ...fetched, since: '2026-01-25' }, facts('2026-04-24', ['2026-04-02'])],
    [
      'whose windows have left a day behind',
      { ...fetched, end: '2026-04-26', since: '2026-03-27' },
      facts('2026-04-24', [first, second, '2026-04-02'], ['2026-03-01']),
    ],
    ['whose source could not tell', nothing, before],
    [
      'that found the table a week behind, and knows no more',
      { ...nothing, lastDay: '2026-04-15' },
      facts('2026-04-15', missing, partial),
    ],
    [
      'of the past',
      { ...fetched, lastDay: '2026-04-09', since: '2026-03-11', end: '2026-04-10' },
      facts('2026-04-23', [first, second, '2026-04-02'], partial),
      '2026-04-10',
    ],
  ])('after a run %s', (_, run, expected, asOf = '2026-04-25') => {
    expect(mergeUpstream(before, run, asOf, 90)).toEqual(expected);
  });
});

describe('mergeHealth', () => {
  const list = 'service: {output_dir: out}\npackages: [alpha, beta, constructor]\n';
  const config = parseConfig(list, 'tracked.yaml', '/etc');
  const entry = (count: number): PackageHealth => ({ windowDays: 30, count, windows: [], warnings: [] });
  const packages = new Map(Object.entries({ beta: entry(1), alpha: entry(2), gone: entry(3) }));
  const previous: Health = { ...health, packages };
  const [started, finished] = ['2026-04-25T05:00:00.000Z', '2026-04-25T05:01:00.000Z'] as const;
  const run = {
    started: new Date(started),
    finished: new Date(finished),
    asOf: '2026-04-25',
    upstream: undefined,
    packages: new Map([['beta', entry(9)]]),
    groups: new Map(),
    warnings: [],
  };

  it('replaces what the run reached, keeps the rest in the order of the list, and forgets who is not in it', () => {
    const merged = mergeHealth(config, previous, run);
    const kept = { ...previous, warnings: [] };
    const all = new Map(Object.entries({ alpha: entry(2), beta: entry(9) }));
    expect(merged).toEqual({ ...kept, started, finished, packages: all });
    expect([...merged.packages.keys()]).toEqual(['alpha', 'beta']);
  });

  it('does not take the days of another source for those of this one', () => {
    const files = { ...previous, source: 'duckdb' };
    expect(mergeHealth(config, files, run).upstream.lastDay).toBeNull();
    const { source: _, ...old } = previous;
    expect(mergeHealth(config, old, run).upstream).toEqual(previous.upstream);
  });
});
