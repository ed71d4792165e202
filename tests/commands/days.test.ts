import { describe, expect, it } from 'vitest';
import { addDays, type Day, daysOf, spanDays } from '../../src/days/day.ts';
import { bigQueryProject } from '../support/bigquery-project.ts';
import type { Fault as BigQueryFault, Trouble } from '../support/bigquery-server.ts';
import { clickHouseProject, daily, localProject } from '../support/project.ts';

/* Days that are late, lost, unknown, or many times the usual, from the answer to all that is published. */

describe('a poisoned package, by a fault that is in no table, keeps no other from being fresh:', () => {
  // A common price is asked for 63 packages, and for no fewer.
  const SHARED = { bytesPerDay: 160e6, bytesPerSharedDay: 9.5e9 };
  it.each([
    ['first', 6, [0]],
    ['in the middle', 6, [3]],
    ['last', 6, [5]],
    ['first and second', 6, [0, 1]],
    ['first and fourth', 6, [0, 3]],
    ['in the middle', 63, [31]],
    ['first and second', 63, [0, 1]],
  ] as const)('%s of %i packages', async (place, count, at) => {
    const list = Array.from({ length: count }, (_, index) => `p${String(index).padStart(3, '0')}`);
    const poisoned = at.map((index) => list[index]);
    const fault = { status: 400, reason: 'somethingNew', message: 'cannot' };
    const trouble = poisoned.map((among) => ({ on: 'insert', among, fault }) as Trouble);
    const options = count === 63 ? SHARED : {};
    const project = await bigQueryProject(list, options, { source: 'monthly_budget_gib: null' });
    for (const [run, today] of ['2026-04-20', '2026-04-21'].entries()) {
      const rows = list.flatMap((name) => daily(name, { start: addDays(today, -7), end: today }, 1));
      project.server.become({ rows, trouble, date: new Date(`${today}T04:12:00Z`) });
      const { exitCode } = await project.at(today, 'collect', '--no-page', '--log-level', 'silent');
      const entries = Object.entries<{ counted_to?: string; error_code?: string }>(project.health().packages);
      const behind = entries.filter(([, { counted_to = '' }]) => counted_to < addDays(today, -1));
      expect(exitCode).toBe(1);
      // Two of them end the first run, and are asked last from then on.
      const reachesAll = place !== 'first and second' || run > 0;
      expect(behind.every(([name]) => poisoned.includes(name))).toBe(reachesAll);
      const failed = entries.filter(([, { error_code }]) => error_code !== undefined).map(([name]) => name);
      expect(failed).toEqual(expect.arrayContaining(poisoned));
    }
  });
});

describe('days that the source told once', () => {
  const [FIRST, SECOND, THIRD] = ['2026-04-20', '2026-04-21', '2026-04-22'] as const;
  const denied: BigQueryFault = { status: 403, reason: 'accessDenied' };
  /** One download a day of each package, up to the day before, or to an earlier one. */
  const setUp = async () => {
    const project = await bigQueryProject(['alpha', 'beta']);
    const run = async (today: Day, fault?: BigQueryFault, end = today) => {
      const rows = ['alpha', 'beta'].flatMap((name) => daily(name, { start: addDays(today, -60), end }, 1));
      const trouble: Trouble[] = fault === undefined ? [] : [{ on: 'insert', revisions: true, fault }];
      project.server.become({ rows, trouble, date: new Date(`${today}T04:12:00Z`) });
      const { exitCode } = await project.at(today, 'collect', '--log-level', 'silent');
      const badges = Object.entries(project.files()).filter(([path]) => path.includes('non-ci.json'));
      return { exitCode, badges };
    };
    return { ...project, run };
  };

  it('are not untold because the account is refused: told, refused, told again', async () => {
    const { run, entry } = await setUp();
    const told = await run(FIRST);
    expect(told.exitCode).toBe(0);
    expect(await run(SECOND, denied)).toEqual({ ...told, exitCode: 1 });
    expect(entry('alpha').error).toContain('take "published" out of "upstream" in _health.json');
    expect((await run(THIRD)).exitCode).toBe(0);
    expect(entry('alpha')).not.toHaveProperty('error');
  });

  it('are waited for after an error that nobody knows, and no badge sinks', async () => {
    const { run } = await setUp();
    const told = await run(FIRST);
    // The table is three days late, and cannot say so.
    const fault = { status: 400, reason: 'somethingNew', message: 'odd' };
    expect(await run(SECOND, fault, addDays(SECOND, -3))).toEqual({ ...told, exitCode: 1 });
  });

  it('are not fewer later: a badge does not go back', async () => {
    const { run, entry } = await setUp();
    const told = await run(FIRST);
    expect(await run(SECOND, undefined, addDays(FIRST, -1))).toEqual({ ...told, exitCode: 1 });
    expect(entry('beta')).toMatchObject({ error_code: 'upstream-back' });
    expect((await run(THIRD)).exitCode).toBe(0);
  });

  it('may be those of another source, without harm', async () => {
    const { run, health, put } = await setUp();
    await run(FIRST);
    const changed = health();
    changed.upstream.published.source = 'clickhouse-1';
    put('output/_health.json', JSON.stringify(changed));
    expect((await run(SECOND, undefined, addDays(FIRST, -1))).exitCode).toBe(0);
    expect(health().upstream.published.last_day).toBe(addDays(FIRST, -2));
  });
});

describe('a day without a row of any package', () => {
  it.each([
    [true, [null, ['2026-04-10'], '±0 %', 1]],
    [false, [0, [], '−3 %', 0]],
  ])('in local files, whole log: %s', async (wholeLog, expected) => {
    const filled = daysOf({ start: '2025-10-01', end: '2026-04-25' }).filter((day) => day !== '2026-04-10');
    const { run, json, health, entry, message } = localProject(
      ['demo'],
      filled.map((at) => ({ at, installer: 'uv' })),
      { source: `whole_log: ${wholeLog}`, sections: 'badges: {extra: [trend, total]}' },
    );
    await run('collect', '--no-page');
    const { count, days, missing_days } = json('demo/history.json');
    const trend = message('demo', 'trend-30d');
    const { unknown_days, ...total } = entry('demo').total;
    expect([count[days.indexOf('2026-04-10')], missing_days, trend, unknown_days]).toEqual(expected);
    expect(total).toEqual({ since: '2025-10-01', count: filled.length });
    expect(health().upstream.missing_days).toEqual(missing_days);
  });
});

describe('days of which the log does not say what was by CI', () => {
  /*
   * Ten pip downloads a day, four of them by CI, of which PyPI's log has no flag before March 2024. Expected figures
   * are six times the days since then.
   */
  const NOW = '2026-11-29';
  const CI_KNOWN = '2024-03-01';
  const ROWS = daysOf({ start: '2023-09-01', end: NOW }).flatMap((day) =>
    [true, false].map((isCi) => ({
      project: 'demo',
      day,
      installer: 'pip',
      ci: isCi && day >= CI_KNOWN ? true : null,
      downloads: isCi ? 4 : 6,
    })),
  );
  const sections = 'badges: {extra: [total]}';

  it('are never paid for, and no part of a total', async () => {
    const { at, entry, server } = await bigQueryProject(['demo'], { rows: ROWS }, { sections });
    expect((await at(NOW, 'collect', '--no-page')).exitCode).toBe(0);
    const { stdout } = await at(NOW, 'backfill', '--from', '2023-11-01', '--yes');
    expect(stdout).toMatch(/^days before 2024-03-01 are not read: PyPI's log does not say which/);
    expect(stdout).toContain('known since 2024-03-01');
    await at(NOW, 'collect', '--no-page');
    const count = 6 * spanDays({ start: CI_KNOWN, end: NOW });
    expect(entry('demo').total).toEqual({ since: CI_KNOWN, count, unknown_days: 0 });
    expect(server.callsOf('insert').every(({ start = CI_KNOWN }) => start >= CI_KNOWN)).toBe(true);
  });

  it('are no part of what files have, and are named in the window', async () => {
    const days = daysOf({ start: '2024-02-20', end: '2024-03-29' });
    const { at, json, message } = localProject(
      ['demo'],
      days.map((day) => ({ at: day, installer: 'pip', times: 6 })),
      { sections },
    );
    const run = await at('2024-03-29', 'collect');
    expect([run.exitCode, run.stderr]).toEqual([0, expect.stringContaining('unknown-days')]);
    expect(json('demo/total-non-ci.json').label).toBe('total since 2024-03');
    expect([message('demo', 'total'), message('demo', 'downloads-30d')]).toEqual(['168', '168']);
    expect(json('demo/history.json').unknown_days).toEqual(['2024-02-28', '2024-02-29']);
  });
});

it('spikes are warned of, make the trend mean nothing, and leave the badge and the typical day as they are', async () => {
  const days = { start: '2026-01-01', end: '2026-04-25' };
  const rows = ['alpha', 'beta'].flatMap((name) => daily(name, days, 20));
  for (const day of ['2026-04-05', '2026-04-22'])
    rows.push({ project: 'alpha', day, installer: 'pip', downloads: 50_000 });
  const groups = 'groups: [{name: both, packages: [alpha, beta], window_days: [30]}]';
  const names = ['alpha', 'beta'].map((name) => `{name: ${name}, window_days: [7, 30]}`);
  const sections = `badges: {extra: [trend]}\n${groups}`;
  const { run, read, json, message, entry, health } = await clickHouseProject(
    names,
    { rows, days },
    { sections },
  );
  expect((await run('collect')).exitCode).toBe(0);
  // 20 a day by uv, and 50,000 by pip on two days.
  expect(message('alpha', 'downloads-30d')).toBe('100.6k');
  const spike =
    '2026-04-05 (50,020), 2026-04-22 (50,020): more than ten times the usual downloads, and more than a third of 7d, 30d; most often one client is behind it';
  expect(entry('alpha').warnings).toEqual([{ code: 'spike', message: spike }]);
  const grey = { message: 'not comparable', color: 'lightgrey' };
  for (const trend of ['trend-30d', 'trend-7d'])
    expect(json(`alpha/${trend}-non-ci.json`)).toMatchObject(grey);
  expect(json('alpha/history.json').typical_day).toBe(20);
  expect(read('output/alpha/index.html')).toContain('<span data-figure="typical">20</span> on a typical day');
  // The group has its member's figures, whose warning stands there.
  expect(health().groups.both.warnings).toEqual([]);
  expect(message('both', 'trend-30d')).toBe('not comparable');
});
