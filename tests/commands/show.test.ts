import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addDays } from '../../src/days/day.ts';
import { type Options, type ServerRow, startClickHouse } from '../support/clickhouse-server.ts';
import { runMain } from '../support/context.ts';
import { tempFolder } from '../support/temp-folder.ts';

const AS_OF = '2026-10-31';
const NOW = () => new Date(`${AS_OF}T08:00:00Z`);

/** Somebody downloads boto3 every day, so that every day is there. */
const WHOLE: ServerRow[] = Array.from({ length: 80 }, (_, back) => ({
  project: 'boto3',
  day: addDays(AS_OF, -1 - back),
  installer: 'pip',
  downloads: 1_000,
}));

/** The package of README's story: 2,771 downloads, 14 of them by people. */
const YOUNG: ServerRow[] = [
  { project: 'young', day: '2026-10-02', installer: 'pip', system: 'Linux', downloads: 6 },
  { project: 'young', day: '2026-10-10', installer: 'pip', system: 'Darwin', downloads: 3 },
  { project: 'young', day: '2026-10-10', installer: 'uv', downloads: 5 },
  { project: 'young', day: '2026-10-11', ci: 'true', installer: 'pip', system: 'Linux', downloads: 120 },
  { project: 'young', day: '2026-10-11', installer: 'bandersnatch', downloads: 1_325 },
  { project: 'young', day: '2026-10-12', installer: 'Browser', downloads: 31 },
  { project: 'young', day: '2026-10-12', downloads: 1_201 },
  { project: 'young', day: '2026-10-13', installer: 'requests', downloads: 60 },
  { project: 'young', day: '2026-10-13', installer: 'Bazel', downloads: 20 },
];
const OTHER: ServerRow[] = [
  { project: 'other-tool', day: '2026-10-20', installer: 'poetry', system: 'Windows', downloads: 1_500 },
];

async function show(argv: readonly string[], options: Options = {}, env: Record<string, string> = {}) {
  const server = await startClickHouse({ rows: [...WHOLE, ...YOUNG, ...OTHER], ...options });
  onTestFinished(() => server.close());
  const folder = tempFolder();
  const result = await runMain(folder, ['show', ...argv], {
    env: { CLICKHOUSE_URL: server.url, LANG: 'C.UTF-8', ...env },
    now: NOW,
  });
  return { ...result, calls: server.calls, left: readdirSync(folder) };
}

describe('show', () => {
  it('draws the way from all downloads down to the non-CI downloads', async () => {
    const { exitCode, stdout, stderr, calls, left } = await show(['Young']);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(stdout).toBe(`young, 30 days from 1 Oct 2026 to 30 Oct 2026 (UTC)

All downloads                   2,771  100.0%  ███████████████████████████████
Mirrors                         1,325   47.8%  ██████████████▉
Unknown clients                 1,201   43.3%  █████████████▍
CI runs                           120    4.3%  █▍
Other programs                     80    2.9%  ▉
Browsers                           31    1.1%  ▍
Non-CI downloads                   14    0.5%  ▏

By installer
pip                                 9   64.3%  ███████████████████▉
uv                                  5   35.7%  ███████████▏

By system, for all clients
Linux                               6    0.2%  ▏
macOS                               3    0.1%  ▏
Other or none                   2,642   99.7%  ██████████████████████████████▉

Non-CI downloads by day
·▆·······█····················

Other programs: requests 60, Bazel 20

Counted from ClickHouse's public copy of PyPI's download log.
`);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    // The days of the table, and the package.
    expect(calls.map(({ kind }) => kind)).toEqual(['days', 'pivot']);
    expect(left).toEqual([]);
  });

  it('is plain text where the locale says no more', async () => {
    const { stdout } = await show(['young'], {}, { LANG: 'C' });
    expect(Math.max(...[...stdout].map((character) => character.charCodeAt(0)))).toBeLessThan(128);
    expect(stdout).toContain('Mirrors                         1,325   47.8%  ###############');
  });

  it('puts several side by side', async () => {
    const { exitCode, stdout } = await show(['young', 'other-tool']);
    expect(exitCode).toBe(0);
    const lines = stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, '  '));
    expect(lines).toEqual(
      expect.arrayContaining([
        '  young  other-tool',
        'All downloads  2,771  1,500',
        'Non-CI downloads  14  1,500',
        'of all  0.5%  100.0%',
        'by pip  9  0',
        'by poetry  0  1,500',
        'on Windows  0  1,500',
      ]),
    );
  });

  it('has a name above its figures where it does not fit beside their labels', async () => {
    const long = 'a-name-that-is-longer-than-what-is-left-of-a-line-beside-labels';
    const rows = [{ project: long, day: '2026-10-20', installer: 'pip', downloads: 2 }];
    const { stdout } = await show(['young', long], { rows: [...WHOLE, ...YOUNG, ...rows] });
    expect(stdout).toContain(`\n\n${long}\nAll downloads          2\n`);
    expect(stdout).toMatch(/\n {18}young\nAll downloads +2,771\n/);
  });

  it('begins a new table where names are many', async () => {
    const names = Array.from({ length: 9 }, (_, index) => `a-rather-long-name-${index}`);
    const rows = names.map((project) => ({ project, day: '2026-10-20', installer: 'pip', downloads: 2 }));
    const { stdout } = await show(names, { rows: [...WHOLE, ...rows] });
    for (const name of names) expect(stdout).toContain(name);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('counts as many days as were asked for, up to another day', async () => {
    const { stdout } = await show(['young', '--days', '2', '--as-of', '2026-10-12']);
    expect(stdout).toMatch(/^young, 2 days from 10 Oct 2026 to 11 Oct 2026/);
    expect(stdout).toMatch(/^All downloads +1,453 /m);
    expect(stdout).toMatch(/^Non-CI downloads +8 /m);
  });

  it('has all of it for programs', async () => {
    const { stdout } = await show(['young', '--json']);
    const value = JSON.parse(stdout);
    expect(value).toMatchObject({ source: 'clickhouse', as_of: AS_OF, window_days: 30 });
    expect(value.packages.young).toMatchObject({
      count: 14,
      all: 2_771,
      counts: { pip: 9, uv: 5, 'pip-family': 9 },
      counts_by_system: { Linux: 6, Darwin: 3, Windows: 0 },
      excluded: { sidecar: 0, ci: 120, mirror: 1_325, browser: 31, unknown: 1_201, other: 80 },
      others: { requests: 60, Bazel: 20 },
    });
    expect(value.packages.young.by_day).toHaveLength(30);
    expect(value.packages.young.by_day).toContainEqual({ day: '2026-10-10', count: 8 });
  });

  it('says that nobody knows a package', async () => {
    const { exitCode, stdout, stderr } = await show(['yuong', 'young']);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^young, 30 days/);
    expect(stderr).toBe(
      "yuong: no download of any kind from 2026-10-01 to 2026-10-30 in ClickHouse's public copy of PyPI's download log; is the name right? See https://pypi.org/project/yuong/\n",
    );
  });

  it('marks days that the source has in part', async () => {
    const rows = WHOLE.map((row) => (row.day === '2026-10-15' ? { ...row, downloads: 20 } : row));
    const { stdout, stderr } = await show(['young'], { rows: [...rows, ...YOUNG] });
    expect(stdout).toContain('The source has only a part of the rows of 15 Oct 2026.');
    expect(stderr).toContain('only a part of the rows of 2026-10-15');
  });

  it('says what went wrong, and to whom', async () => {
    const { exitCode, stdout, stderr } = await show(['young'], {
      fault: ({ kind }) =>
        kind === 'pivot' ? { exception: 497, name: 'ACCESS_DENIED', status: 403 } : undefined,
    });
    expect(exitCode).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^young: the user may not read the table/m);
  });

  it.each([
    [['young', '--days', '0'], '--days 0: expected a whole number of days from 1 to 365'],
    [['young', '--days', 'x'], '--days x: expected a whole number'],
    [
      ['young', '--source', 'pepy'],
      "argument 'pepy' is invalid. Allowed choices are bigquery, clickhouse, duckdb.",
    ],
    [['../young'], '../young: not a package name'],
    [['young', '--as-of', '2026-12-01'], '--as-of 2026-12-01: today is 2026-10-31'],
    [['young', '--source', 'duckdb'], 'duckdb.files: is missing'],
  ])('refuses %j', async (argv, expected) => {
    const { exitCode, stdout, stderr, calls } = await show(argv);
    expect([exitCode, stdout, calls]).toEqual([2, '', []]);
    expect(stderr).toContain(expected);
  });

  it('takes another source as tracked.yaml describes it, and leaves nothing behind', async () => {
    const folder = tempFolder();
    const examples = fileURLToPath(new URL('../../examples', import.meta.url));
    const text = readFileSync(join(examples, 'tracked.yaml'), 'utf8');
    writeFileSync(
      join(folder, 'tracked.yaml'),
      text
        .replace('file_downloads.ndjson', join(examples, 'file_downloads.ndjson'))
        .replaceAll('../demo/', ''),
    );
    const argv = ['show', 'example-young', '--source', 'duckdb', '--as-of', '2026-04-25', '--json'];
    const { exitCode, stdout } = await runMain(folder, argv, { now: NOW });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      source: 'duckdb',
      packages: { 'example-young': { count: 14, all: 2_771 } },
    });
    expect(existsSync(join(folder, 'output'))).toBe(false);
    expect(existsSync(join(folder, 'state'))).toBe(false);
  });
});
