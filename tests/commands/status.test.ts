import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runMain } from '../support/context.ts';
import { tempFolder } from '../support/temp-folder.ts';

const world = { now: () => new Date('2026-04-25T12:00:00.000Z') };

const excluded = { ci: 4, mirror: 3, browser: 0, unknown: 2, other: 1 };
const success = (count: number, last: string) => {
  const window = { window_days: 30, count, counts: {}, counts_by_system: {}, excluded };
  return {
    ...window,
    windows: [window, { ...window, window_days: 7, count: 2 }],
    query: {
      days_scanned: 2,
      bytes_processed: 5,
      bytes_billed: 10_485_760,
      cache_hit: false,
      duration_ms: 1_250,
    },
    attempted: last,
    last_success: last,
  };
};
const HEALTH = {
  started: '2026-04-25T04:12:00.000Z',
  finished: '2026-04-25T04:12:02.500Z',
  upstream: { last_day: '2026-04-24', missing_days: ['2026-04-20'] },
  packages: {
    alpha: success(1_234, '2026-04-25T04:12:01.000Z'),
    beta: {
      error: 'permission denied',
      window_days: 30,
      attempted: '2026-04-25T04:12:02.000Z',
      last_success: '2026-04-20T04:12:02.000Z',
    },
    gamma: success(5, '2026-04-21T12:00:00.000Z'),
  },
};

function folder(packages: readonly string[], health: unknown = HEALTH): string {
  const path = tempFolder();
  const list = packages.map((name) => `  - ${name}\n`).join('');
  writeFileSync(join(path, 'tracked.yaml'), `service:\n  output_dir: output\npackages:\n${list}`);
  if (health !== undefined) {
    mkdirSync(join(path, 'output'));
    writeFileSync(
      join(path, 'output/_health.json'),
      typeof health === 'string' ? health : JSON.stringify(health),
    );
  }
  return path;
}

const ALL = ['alpha', 'beta', 'gamma', 'delta'];

describe('status', () => {
  it('is a table, and exits 1 if anything is not well', async () => {
    const { exitCode, stdout, stderr } = await runMain(folder(ALL), ['status'], world);
    expect([exitCode, stderr]).toEqual([1, '']);
    expect(stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      'last run: 2026-04-25T04:12:02.500Z (7 hours ago), table up to 2026-04-24',
      '',
      'package | window | honest | last success | state',
      'alpha | 30d | 1,234 | 7 hours ago | ok',
      'beta | 30d | - | 5 days ago | failed',
      'gamma | 30d | 5 | 4 days ago | stale',
      'delta | - | - | never | never',
      '',
      'beta: permission denied',
      '',
    ]);
  });

  it('exits 0 if all is well', async () => {
    expect((await runMain(folder(['alpha']), ['status'], world)).exitCode).toBe(0);
  });

  it.each([['gamma'], ['beta'], ['delta']])('exits 1 for %s alone', async (name) => {
    expect((await runMain(folder([name]), ['status'], world)).exitCode).toBe(1);
  });

  it('is JSON', async () => {
    const { exitCode, stdout } = await runMain(folder(ALL), ['status', '--json'], world);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      healthy: false,
      started: HEALTH.started,
      finished: HEALTH.finished,
      upstream: HEALTH.upstream,
      packages: {
        alpha: {
          state: 'ok',
          window_days: 30,
          count: 1_234,
          attempted: '2026-04-25T04:12:01.000Z',
          last_success: '2026-04-25T04:12:01.000Z',
          age_seconds: 28_079,
        },
        beta: {
          state: 'failed',
          window_days: 30,
          attempted: '2026-04-25T04:12:02.000Z',
          last_success: '2026-04-20T04:12:02.000Z',
          age_seconds: 460_078,
          error: 'permission denied',
        },
        gamma: {
          state: 'stale',
          window_days: 30,
          count: 5,
          attempted: '2026-04-21T12:00:00.000Z',
          last_success: '2026-04-21T12:00:00.000Z',
          age_seconds: 345_600,
        },
        delta: { state: 'never' },
      },
    });
  });

  it.each([
    [undefined, /_health.json: there is none yet; run: pypi-badges collect/],
    ['{', /_health.json: it is not a health file/],
  ])('says so where there is no health file', async (health, text) => {
    const path = folder(ALL, health ?? 'x');
    if (health === undefined)
      writeFileSync(join(path, 'tracked.yaml'), 'service: {output_dir: none}\npackages: [a]\n');
    const { exitCode, stdout, stderr } = await runMain(path, ['status', '--prometheus'], world);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(text);
  });

  it('is either JSON or metrics', async () => {
    const { exitCode, stderr } = await runMain(folder(ALL), ['status', '--json', '--prometheus'], world);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch('--json and --prometheus: choose one of them');
  });
});

describe('status --prometheus', () => {
  const metrics = async (health: unknown = HEALTH) =>
    (await runMain(folder(ALL, health), ['status', '--prometheus'], world)).stdout;

  it('is the text format: HELP, TYPE and the samples of each metric together', async () => {
    const lines = (await metrics()).trimEnd().split('\n');
    let current = '';
    const seen = new Set<string>();
    for (const [index, line] of lines.entries()) {
      const help = /^# HELP (pypi_badges_[a-z_]+) \S.*\.$/.exec(line);
      if (help?.[1] !== undefined) {
        current = help[1];
        expect(seen).not.toContain(current);
        seen.add(current);
        expect(lines[index + 1]).toBe(`# TYPE ${current} gauge`);
      } else if (!line.startsWith('# TYPE')) {
        expect(line).toMatch(
          new RegExp(`^${current}(\\{[a-z_]+="[^"\\\\]*"(,[a-z_]+="[^"\\\\]*")*\\})? -?[0-9.e+]+$`),
        );
      }
    }
    expect(seen.size).toBe(14);
  });

  it('has the figures', async () => {
    const text = await metrics();
    const lines = text.split('\n');
    // 2026-04-25T04:12:00Z is 1777090320 seconds after 1970.
    expect(lines).toEqual(
      expect.arrayContaining([
        'pypi_badges_run_start_timestamp_seconds 1777090320',
        'pypi_badges_run_duration_seconds 2.5',
        'pypi_badges_upstream_last_day_timestamp_seconds 1776988800',
        'pypi_badges_upstream_missing_days 1',
        'pypi_badges_stale_threshold_seconds 259200',
        'pypi_badges_package_last_success_timestamp_seconds{package="alpha"} 1777090321',
        'pypi_badges_package_failed{package="alpha"} 0',
        'pypi_badges_package_failed{package="beta"} 1',
        'pypi_badges_package_failed{package="gamma"} 0',
        'pypi_badges_package_failed{package="delta"} 1',
        'pypi_badges_package_downloads{package="alpha",window_days="30"} 1234',
        'pypi_badges_package_downloads{package="alpha",window_days="7"} 2',
        'pypi_badges_package_excluded_downloads{package="alpha",window_days="30",class="mirror"} 3',
        'pypi_badges_package_billed_bytes{package="alpha"} 10485760',
        'pypi_badges_package_scanned_days{package="alpha"} 2',
        'pypi_badges_package_query_duration_seconds{package="alpha"} 1.25',
      ]),
    );
    expect(text).not.toContain('NaN');
    expect(text.endsWith('\n')).toBe(true);
  });

  it('leaves out what is not known', async () => {
    const text = await metrics({ packages: {} });
    expect(text).not.toMatch(/run_|upstream|downloads|NaN/);
    expect(text).toContain('pypi_badges_package_failed{package="delta"} 1');
  });
});
