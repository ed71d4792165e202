import { describe, expect, it } from 'vitest';
import { type Health, healthToJson, type PackageHealth } from '../../src/publish/health.ts';
import { localProject, openProject } from '../support/project.ts';
import { tableLines } from '../support/table-text.ts';
import { NOTHING } from '../support/views.ts';

const breakdown = {
  ...NOTHING,
  excluded: { sidecar: 7, ci: 4, mirror: 3, browser: 0, unknown: 2, other: 1 },
};
/** A package that was counted, with windows of 30 and 7 days. */
const success = (count: number, last: string, countedTo: string): PackageHealth => ({
  windowDays: 30,
  count,
  windows: [
    { windowDays: 30, breakdown: { ...breakdown, count } },
    { windowDays: 7, breakdown: { ...breakdown, count: 2 } },
  ],
  query: { daysScanned: 2, bytesProcessed: 5, bytesBilled: 10_485_760, cacheHit: false, durationMs: 1_250 },
  countedTo,
  warnings: [],
  attempted: last,
  lastSuccess: last,
});
const VANISHED = { code: 'installer-vanished', message: 'uv is gone' } as const;
const LEFT_OVER = { code: 'left-over', message: 'omega is not tracked any more' } as const;
const HEALTH: Health = {
  source: 'bigquery',
  started: '2026-04-25T04:12:00.000Z',
  finished: '2026-04-25T04:12:02.500Z',
  upstream: {
    lastDay: '2026-04-24',
    missingDays: ['2026-04-20'],
    partialDays: ['2026-04-01', '2026-04-02'],
    excessDays: ['2026-04-03'],
  },
  groups: new Map(),
  packages: new Map<string, PackageHealth>([
    ['alpha', { ...success(1_234, '2026-04-25T04:12:01.000Z', '2026-04-24'), warnings: [VANISHED] }],
    [
      'beta',
      {
        ...{ failure: { error: 'permission denied', code: 'permission' }, windowDays: 30, windows: [] },
        ...{ warnings: [], countedTo: '2026-04-19' },
        ...{ attempted: '2026-04-25T04:12:02.000Z', lastSuccess: '2026-04-20T04:12:02.000Z' },
      },
    ],
    // It ran this morning, as of a day last week.
    ['gamma', success(5, '2026-04-25T04:12:02.000Z', '2026-04-20')],
  ]),
  warnings: [LEFT_OVER],
};

const HEALTH_TEXT = JSON.stringify(healthToJson(HEALTH));

/** Runs `status` on what the last run has left. */
function status(packages: readonly string[], health: string | null = HEALTH_TEXT, ...argv: string[]) {
  const { put, within } = openProject({});
  put('tracked.yaml', `service: {output_dir: .}\npackages: [${packages.join(', ')}]\n`);
  if (health !== null) put('_health.json', health);
  return within({ now: () => new Date('2026-04-25T12:00:00.000Z') }, 'status', ...argv);
}

// Of delta and constructor, nothing is known yet.
const ALL = ['alpha', 'beta', 'gamma', 'delta', 'constructor'];

it('shows texts of a health file that was altered on one line, without control and bidi characters', async () => {
  const hostile = 'no\u001b]0;gone\u0007\nbeta  ok\u009b2J\u2028\u202ecba';
  const altered = JSON.parse(HEALTH_TEXT);
  altered.source = hostile;
  altered.warnings[0].message = hostile;
  altered.packages.alpha.warnings[0].message = hostile;
  altered.packages.beta.error = hostile;
  const show = (...argv: string[]) => status(['alpha', 'beta'], JSON.stringify(altered), ...argv);
  for (const argv of [[], ['--json'], ['--prometheus']]) {
    const { stdout, stderr } = await show(...argv);
    expect(stdout + stderr).not.toMatch(/[^\P{Cc}\n]|[\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
    expect(stdout).not.toMatch(/^beta {2}ok/m);
  }
  const { stdout } = await show();
  expect(stdout).toContain('counted from no\ufffd]0;gone\ufffd beta ok\ufffd2J \ufffdcba');
  expect(stdout).toContain('\nbeta: no\ufffd]0;gone\ufffd beta ok\ufffd2J \ufffdcba\n');
});

describe('status', () => {
  it('is a table, and exits 1 if anything is not well', async () => {
    const { exitCode, stdout, stderr } = await status(ALL);
    expect([exitCode, stderr]).toEqual([1, '']);
    expect(tableLines(stdout)).toEqual([
      "last run: 2026-04-25T04:12:02.500Z (7 hours ago), counted from PyPI's download log in BigQuery, table up to 2026-04-24",
      '',
      'package | window | non-CI | counted to | last success | state',
      'alpha | 30d | 1,234 | 2026-04-24 | 7 hours ago | ok',
      'beta | 30d | - | 2026-04-19 | 5 days ago | failed',
      'gamma | 30d | 5 | 2026-04-20 | 7 hours ago | stale',
      'delta | - | - | - | never | new',
      'constructor | - | - | - | never | new',
      '',
      'beta: permission denied',
      '',
      'alpha: warning (installer-vanished): uv is gone',
      '',
      'warning (left-over): omega is not tracked any more',
      '',
    ]);
  });

  it('exits 0 if all is well, also with a warning', async () => {
    const exitCodes = await Promise.all(ALL.map(async (name) => (await status([name])).exitCode));
    expect(exitCodes).toEqual([0, 1, 1, 1, 1]);
  });

  it('is JSON', async () => {
    const { exitCode, stdout } = await status(ALL, HEALTH_TEXT, '--json');
    expect(exitCode).toBe(1);
    const at = (time: string) => ({ window_days: 30, attempted: time, last_success: time });
    expect(JSON.parse(stdout)).toEqual({
      healthy: false,
      source: 'bigquery',
      started: '2026-04-25T04:12:00.000Z',
      finished: '2026-04-25T04:12:02.500Z',
      upstream: {
        ...{ last_day: '2026-04-24', missing_days: ['2026-04-20'] },
        ...{ partial_days: ['2026-04-01', '2026-04-02'], excess_days: ['2026-04-03'] },
      },
      warnings: [LEFT_OVER],
      packages: {
        alpha: {
          ...at('2026-04-25T04:12:01.000Z'),
          ...{ state: 'ok', count: 1_234, counted_to: '2026-04-24', age_seconds: 28_079 },
          warnings: [VANISHED],
        },
        beta: {
          ...{ state: 'failed', window_days: 30, counted_to: '2026-04-19', age_seconds: 460_078 },
          ...{ attempted: '2026-04-25T04:12:02.000Z', last_success: '2026-04-20T04:12:02.000Z' },
          ...{ error: 'permission denied', error_code: 'permission' },
        },
        gamma: {
          ...at('2026-04-25T04:12:02.000Z'),
          ...{ state: 'stale', count: 5, counted_to: '2026-04-20', age_seconds: 28_078 },
        },
        delta: { state: 'new' },
        constructor: { state: 'new' },
      },
    });
  });

  it.each([
    [null, /_health.json: there is none yet; run: pypi-badges collect/],
    ['{', /_health.json: it is not a health file/],
  ])('says so where there is no health file', async (health, text) => {
    const said = { exitCode: 1, stdout: '', stderr: expect.stringMatching(text) };
    expect(await status(ALL, health, '--prometheus')).toEqual(said);
  });
});

/** _health.json of pypi-winnow-downloads, as of 2026-04-25: names as they were listed, nothing of the table. */
const HEALTH_WINNOW = {
  started: '2026-04-25T04:12:00.123456+00:00',
  finished: '2026-04-25T04:12:42.654321+00:00',
  packages: {
    Small_00: { count: 14, window_days: 30, counts: { pip: 9, uv: 5, 'pip-family': 9 } },
    bad: { error: 'Quota exceeded', window_days: 30 },
  },
};

// As docs/deploy.md tells.
it('what pypi-winnow-downloads left is shown by status, drawn by report, and taken over by collect', async () => {
  const at = '2026-04-24';
  const { put, within, read, health, message } = localProject(
    ['Small_00', 'bad', 'constructor'],
    [
      { at, project: 'small-00', installer: 'pip', times: 20 },
      { at, project: 'bad', installer: 'uv', times: 3 },
      { at, project: 'constructor', installer: 'uv', times: 4 },
    ],
  );
  put('output/_health.json', JSON.stringify(HEALTH_WINNOW));
  const run = (...argv: string[]) => within({ now: () => new Date('2026-04-25T12:00:00.000Z') }, ...argv);
  const { exitCode, stdout, stderr } = await run('status');
  expect([exitCode, stderr]).toEqual([1, '']);
  expect(tableLines(stdout)).toEqual([
    'last run: 2026-04-25T04:12:42.654Z (7 hours ago)',
    '',
    'package | window | non-CI | counted to | last success | state',
    'small-00 | 30d | 14 | 2026-04-24 | 7 hours ago | ok',
    'bad | 30d | - | - | never | failed',
    'constructor | - | - | - | never | new',
    '',
    'bad: Quota exceeded',
    '',
  ]);
  expect(await run('report')).toMatchObject({ exitCode: 0, stderr: '' });
  expect(read('output/index.html')).toContain('The source answered with a fault');
  expect(read('output/index.html')).not.toContain('Quota');
  expect((await run('collect', '--no-page')).exitCode).toBe(0);
  expect(message('small-00', 'downloads-30d')).toBe('20');
  expect(health().packages).toMatchObject({ bad: { count: 3 }, constructor: { count: 4 } });
  expect((await run('status')).exitCode).toBe(0);
});

describe('status --prometheus', () => {
  const metrics = async (health = HEALTH_TEXT) => (await status(ALL, health, '--prometheus')).stdout;

  it('is the text format: HELP, TYPE and the samples of each metric together', async () => {
    const blocks = (await metrics()).split(/(?=^# HELP )/m);
    const name = /^# HELP (pypi_badges_[a-z_]+) \S.*\.\n# TYPE \1 gauge\n/;
    const samples = String.raw`(?:\1(?:\{[a-z_]+="[^"\\]*"(?:,[a-z_]+="[^"\\]*")*\})? -?[0-9.e+]+\n)+$`;
    for (const block of blocks) expect(block).toMatch(new RegExp(name.source + samples));
    expect(new Set(blocks.map((block) => name.exec(block)?.[1])).size).toBe(blocks.length);
  });

  // Other people's rules and dashboards know them by these names.
  it('has the figures', async () => {
    const text = await metrics();
    // 2026-04-25T04:12:00Z is 1777090320 seconds after 1970.
    // 2026-04-24, 19 and 20, at midnight, are 1776988800, 1776556800 and 1776643200.
    const expected = `
      run_start_timestamp_seconds 1777090320
      run_end_timestamp_seconds 1777090322.5
      run_duration_seconds 2.5
      upstream_last_day_timestamp_seconds 1776988800
      upstream_missing_days 1
      upstream_partial_days 2
      upstream_excess_days 1
      stale_threshold_seconds 259200
      package_last_success_timestamp_seconds{package="alpha"} 1777090321
      package_last_attempt_timestamp_seconds{package="beta"} 1777090322
      package_counted_to_timestamp_seconds{package="alpha"} 1776988800
      package_counted_to_timestamp_seconds{package="beta"} 1776556800
      package_counted_to_timestamp_seconds{package="gamma"} 1776643200
      package_warning{package="alpha",warning="installer-vanished"} 1
      package_error{package="beta",error_code="permission"} 1
      package_failed{package="alpha"} 0
      package_failed{package="beta"} 1
      package_failed{package="gamma"} 0
      package_failed{package="delta"} 1
      package_downloads{package="alpha",window_days="30"} 1234
      package_downloads{package="alpha",window_days="7"} 2
      package_excluded_downloads{package="alpha",window_days="30",class="mirror"} 3
      package_excluded_downloads{package="gamma",window_days="7",class="sidecar"} 7
      package_billed_bytes{package="alpha"} 10485760
      package_scanned_days{package="alpha"} 2
      package_query_duration_seconds{package="alpha"} 1.25
    `;
    const known = expected
      .trim()
      .split(/\n */)
      .map((line) => `pypi_badges_${line}`);
    expect(text.split('\n')).toEqual(expect.arrayContaining(known));
    expect(text).not.toContain('NaN');
    expect(text.endsWith('\n')).toBe(true);
  });

  it('leaves out what is not known', async () => {
    const text = await metrics('{"packages": {}}');
    expect(text).not.toMatch(/run_|upstream|downloads|NaN/);
    expect(text).toContain('pypi_badges_package_failed{package="delta"} 1');
  });
});
