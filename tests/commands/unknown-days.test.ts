import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addDays, type Day, daysOf } from '../../src/days/day.ts';
import { type ServerRow, startClickHouse } from '../support/clickhouse-server.ts';
import { runMain } from '../support/context.ts';
import { tempFolder } from '../support/temp-folder.ts';

/*
 * An unknown day, of which the source does not say which downloads were by CI, from the answer to all that is published.
 * Each day has 3 downloads of alpha and 2 of beta, so that every figure is a product.
 */

const TODAY = '2026-04-25';
/** The windows end with 2026-04-24, and 30 days begin with 2026-03-26. */
const UNKNOWN = '2026-04-24';

interface Options {
  readonly packages?: string;
  readonly badges?: string;
  readonly groups?: string;
  readonly from?: Day;
}

async function house({
  packages = '[{name: alpha, window_days: [30, 7]}, {name: beta, window_days: [30, 7]}]',
  badges = '',
  groups = '',
  from = '2026-01-01',
}: Options = {}) {
  const daily = (project: string, downloads: number): ServerRow[] =>
    daysOf({ start: from, end: '2026-05-01' }).map((day) => ({ project, day, installer: 'uv', downloads }));
  // Days are told by boto3.
  const rows = [...daily('boto3', 5_000), ...daily('alpha', 3), ...daily('beta', 2)];
  const copy = await startClickHouse({ rows });
  onTestFinished(() => copy.close());
  const folder = tempFolder();
  writeFileSync(
    join(folder, 'tracked.yaml'),
    `service: {output_dir: out, source: clickhouse}\npackages: ${packages}\n${badges}${groups}`,
  );
  const read = (path: string) => readFileSync(join(folder, 'out', path), 'utf8');
  const json = (path: string) => JSON.parse(read(path));
  return {
    copy,
    read,
    json,
    at: (today: Day, ...argv: string[]) =>
      runMain(folder, argv, {
        env: { CLICKHOUSE_URL: copy.url },
        now: () => new Date(`${today}T04:12:00Z`),
      }),
    /** A row without a flag beside what the day has, or what the day has by its repair. */
    spoil: (...days: Day[]) =>
      rows.push(...days.map((day) => ({ project: 'alpha', day, ci: 'unknown' as const, downloads: 1 }))),
    repair: () => rows.splice(0, rows.length, ...rows.filter(({ ci }) => ci !== 'unknown')),
    message: (name: string, file: string) => json(`${name}/${file}-non-ci.json`).message as string,
    entry: (name: string) => json('_health.json').packages[name],
    page: (name: string) => read(`${name}/index.html`).replaceAll(/<[^>]+>|\s+/g, ' '),
    asked: () => copy.calls.filter(({ kind }) => kind === 'pivot').map(({ start, end }) => [start, end]),
  };
}

/** As many days as that before today, each as a day. */
const back = (...days: number[]) => days.map((count) => addDays(TODAY, -count));

describe('a window', () => {
  it.each<[string, number, Day[], string | undefined]>([
    ['of 30 days with one unknown', 30, back(1), '87'],
    ['of 30 days with three: a tenth', 30, back(1, 2, 30), '81'],
    ['of 30 days with four', 30, back(1, 2, 29, 30), undefined],
    ['of 30 days, and the unknown day before it', 30, back(31), '90'],
    ['of 10 days with one', 10, back(10), '27'],
    ['of 9 days with one', 9, back(9), undefined],
    ['of 7 days with one', 7, back(7), undefined],
    ['of one day', 1, back(1), undefined],
  ])('%s is published without them, or not at all', async (_, windowDays, unknown, message) => {
    const world = await house({ packages: `[{name: alpha, window_days: ${windowDays}}]` });
    // The badge of before that may have to stay.
    await world.at('2026-03-10', 'collect');
    world.spoil(...unknown);
    const { exitCode } = await world.at(TODAY, 'collect');
    expect(exitCode).toBe(message === undefined ? 1 : 0);
    expect(world.message('alpha', `downloads-${windowDays}d`)).toBe(message ?? String(3 * windowDays));
    expect(world.entry('alpha')).toMatchObject(
      message === undefined
        ? { error_code: 'incomplete-window', held_back: [windowDays], window_days: windowDays }
        : { count: Number(message), window_days: windowDays, counted_to: '2026-04-24' },
    );
  });

  it('is held back alone: the others, and other packages, are published', async () => {
    const world = await house();
    await world.at('2026-04-24', 'collect');
    world.spoil(UNKNOWN);
    const { exitCode, stdout, stderr } = await world.at(TODAY, 'collect');
    expect(exitCode).toBe(1);
    const sentence =
      "not renewed: 7d (unknown: 2026-04-24); the source does not say which downloads were by CI on more than a tenth of the window's days, so its badges stay as they were";
    const lines = stdout.split('\n').map((line) => line.trimEnd().replaceAll(/ {2,}/g, ' | '));
    expect(lines).toEqual([
      'package | window | non-CI | all | excluded | state',
      'alpha | 30d | 87 | 87 | 0.0% | ok',
      'alpha | 7d | - | - | - | failed',
      'beta | 30d | 60 | 60 | 0.0% | ok',
      'beta | 7d | 14 | 14 | 0.0% | ok',
      '',
      `alpha: ${sentence}`,
      '',
      'alpha: warning (unknown-days): the source does not say which downloads of 2026-04-24 were by CI; this day is left out',
      '',
    ]);
    expect(stderr).toContain('"error_code":"incomplete-window"');
    expect(stderr).toContain('"warning":"unknown-days"');
    expect([world.message('alpha', 'downloads-30d'), world.message('alpha', 'downloads-7d')]).toEqual([
      '87',
      '21',
    ]);
    expect(world.entry('alpha')).toMatchObject({
      error: sentence,
      error_code: 'incomplete-window',
      held_back: [7],
      window_days: 30,
      count: 87,
      windows: [{ window_days: 30, count: 87 }],
      warnings: [{ code: 'unknown-days' }],
      counted_to: '2026-04-24',
      last_success: '2026-04-25T04:12:00.000Z',
    });
    expect(world.entry('beta')).toMatchObject({ count: 60, windows: [{ count: 60 }, { count: 14 }] });
    expect(world.entry('beta')).not.toHaveProperty('error');

    const page = world.page('alpha');
    expect(page).toContain('A window was not renewed.');
    expect(page).toContain('These are: 24 Apr 2026.');
    expect(page).toContain(
      'Not known of 24 Apr 2026: the source does not say which downloads were by CI on it',
    );
    expect(page).toContain('2026-04-24 not known');
    expect(page).not.toContain('18 of 18');

    const table = await world.at(TODAY, 'status');
    expect(table.exitCode).toBe(1);
    expect(table.stdout).toMatch(/alpha +30d +87 +2026-04-24 .* failed/);
    expect(table.stdout).toContain(`alpha: ${sentence}`);
    const metrics = (await world.at(TODAY, 'status', '--prometheus')).stdout;
    expect(metrics).toContain('pypi_badges_package_error{package="alpha",error_code="incomplete-window"} 1');
    expect(metrics).toContain('pypi_badges_package_downloads{package="alpha",window_days="30"} 87');
    expect(metrics).not.toContain('{package="alpha",window_days="7"}');
  });

  it('that is listed first lends its figures to no other', async () => {
    const world = await house({ packages: '[{name: alpha, window_days: [7, 30]}]' });
    world.spoil(UNKNOWN);
    expect((await world.at(TODAY, 'collect')).exitCode).toBe(1);
    const entry = world.entry('alpha');
    expect(entry).toMatchObject({
      held_back: [7],
      window_days: 7,
      windows: [{ window_days: 30, count: 87 }],
    });
    expect(entry).not.toHaveProperty('count');
  });

  it('of which nothing is published has a page without figures', async () => {
    const world = await house({ packages: '[{name: alpha, window_days: 7}]' });
    world.spoil(...back(1, 2, 3, 4, 5, 6, 7));
    expect((await world.at(TODAY, 'collect')).exitCode).toBe(1);
    expect(world.json('alpha/history.json').count).toEqual(Array(7).fill(null));
    expect(world.entry('alpha')).not.toHaveProperty('last_success');
    expect(world.entry('alpha')).toMatchObject({ held_back: [7], warnings: [{ code: 'unknown-days' }] });
    expect(world.page('alpha')).toContain('Not known from 18 Apr 2026 to 24 Apr 2026.');
    expect(world.page('alpha')).not.toContain('No non-CI downloads');
  });
});

it('is read again by the next run, alone, and counted once it is repaired', async () => {
  const world = await house();
  world.spoil(UNKNOWN);
  await world.at(TODAY, 'collect');
  const before = world.asked().length;
  await world.at(TODAY, 'collect');
  expect(world.asked().slice(before)).toEqual([['2026-04-24', '2026-04-25']]);
  world.repair();
  const { exitCode } = await world.at(TODAY, 'collect');
  expect(exitCode).toBe(0);
  expect(world.asked()).toHaveLength(before + 2);
  expect([world.message('alpha', 'downloads-30d'), world.message('alpha', 'downloads-7d')]).toEqual([
    '90',
    '21',
  ]);
  expect(world.json('alpha/history.json').unknown_days).toEqual([]);
  expect(world.entry('alpha')).toMatchObject({ count: 90, warnings: [] });
  await world.at(TODAY, 'collect');
  expect(world.asked()).toHaveLength(before + 2);
});

it('takes the place of what the ledger had of the day', async () => {
  const world = await house({ packages: '[{name: alpha, window_days: 30}]' });
  await world.at(TODAY, 'collect');
  world.spoil(UNKNOWN);
  expect((await world.at(TODAY, 'collect', '--full')).exitCode).toBe(0);
  expect(world.message('alpha', 'downloads-30d')).toBe('87');
  expect((await world.at(TODAY, 'export', '--format', 'csv')).stdout).not.toContain(UNKNOWN);
});

it('is null in the history, a gap in pictures, and in no trend', async () => {
  const world = await house({
    packages: '[{name: alpha, window_days: 30}]',
    badges: 'badges: {extra: [trend, sparkline, total]}\n',
  });
  world.spoil('2026-04-10');
  expect((await world.at(TODAY, 'collect')).exitCode).toBe(0);
  const history = world.json('alpha/history.json');
  const at = history.days.indexOf('2026-04-10');
  expect(history).toMatchObject({ missing_days: [], unknown_days: ['2026-04-10'], partial_days: [] });
  expect([history.count[at - 1], history.count[at], history.installers.uv[at]]).toEqual([3, null, null]);
  expect(world.message('alpha', 'trend-30d')).toBe('±0 %');
  expect(
    world
      .read('alpha/sparkline-30d-non-ci.svg')
      .match(/class="stroke bars".*? d="(.*?)"/)?.[1]
      ?.match(/M/g),
  ).toHaveLength(2);
  // What the ledger has: 35 days that the warnings look back on, or 60 for a trend.
  expect(world.entry('alpha').total).toEqual({ since: '2026-02-24', count: 3 * 59, unknown_days: 1 });
});

it('of one package is unknown of a group', async () => {
  const world = await house({
    groups: 'groups: [{name: both, packages: [alpha, beta], window_days: [30, 7]}]\n',
  });
  world.spoil(UNKNOWN);
  expect((await world.at(TODAY, 'collect')).exitCode).toBe(1);
  expect(world.message('both', 'downloads-30d')).toBe(String(5 * 29));
  expect(world.json('both/history.json')).toMatchObject({ unknown_days: [UNKNOWN], missing_days: [] });
  expect(world.json('_health.json').groups.both).toMatchObject({
    error_code: 'incomplete-window',
    held_back: [7],
    window_days: 30,
    count: 5 * 29,
    windows: [{ window_days: 30, count: 5 * 29 }],
    warnings: [{ code: 'unknown-days' }],
  });
});

it('is left out of a total, which says so; backfill keeps all other days of the query', async () => {
  const world = await house({
    packages: '[{name: alpha, window_days: 30}]',
    badges: 'badges: {extra: [total]}\n',
    from: '2025-01-01',
  });
  world.spoil('2025-03-01', '2025-07-01');
  const filled = await world.at(TODAY, 'backfill', '--from', '2025-01-01');
  expect([filled.exitCode, filled.stdout.split('\n')[1]]).toEqual([
    0,
    'alpha: 479 days read; known since 2025-01-01; 2 days left out, as the source does not say which downloads were by CI',
  ]);
  expect((await world.at(TODAY, 'collect')).exitCode).toBe(0);
  expect(world.entry('alpha').total).toEqual({ since: '2025-01-01', count: 3 * 477, unknown_days: 2 });
  world.repair();
  const again = await world.at(TODAY, 'backfill', '--from', '2025-01-01');
  expect(again.stdout).toContain('alpha: 2 days read; known since 2025-01-01\n');
  await world.at(TODAY, 'collect');
  expect(world.entry('alpha').total).toEqual({ since: '2025-01-01', count: 3 * 479, unknown_days: 0 });
});

it('is named by show, and no window without a known day is a zero', async () => {
  const world = await house();
  world.spoil(UNKNOWN);
  const shown = await world.at(TODAY, 'show', 'alpha', '--days', '7');
  expect(shown.exitCode).toBe(0);
  expect(shown.stdout).toContain('Left out, as it is not known which downloads were by CI: 24 Apr 2026.');
  const json = JSON.parse((await world.at(TODAY, 'show', 'alpha', '--days', '7', '--json')).stdout);
  expect(json.packages.alpha).toMatchObject({ count: 18, unknown_days: [UNKNOWN] });
  const none = await world.at(TODAY, 'show', 'alpha', '--days', '1');
  expect(none).toMatchObject({
    exitCode: 1,
    stdout: '',
    stderr: expect.stringContaining('alpha: the source does not say of any of these days which downloads'),
  });
});
