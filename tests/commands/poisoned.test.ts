import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bigQueryProject } from '../support/bigquery-project.ts';
import type { ServerRow, Trouble } from '../support/bigquery-server.ts';
import { runMain } from '../support/context.ts';

/* A package whose query always fails, by a fault that is in no table, keeps no other package from being fresh. */

const DAY_MS = 86_400_000;
const text = (time: number) => new Date(time).toISOString().slice(0, 10);
const FIRST_RUN = Date.parse('2026-04-20T06:00:00Z');
const RUNS = Array.from({ length: 5 }, (_, index) => FIRST_RUN + index * DAY_MS);

/** One download by pip a day of each package, up to the day before. */
function rowsOf(packages: readonly string[], now: number): ServerRow[] {
  return packages.flatMap((project) =>
    Array.from({ length: 60 }, (_, index) => ({
      project,
      day: text(now - (index + 1) * DAY_MS),
      installer: 'pip',
      system: 'Linux',
      downloads: 1,
    })),
  );
}

const names = (count: number) =>
  Array.from({ length: count }, (_, index) => `p${String(index).padStart(3, '0')}`);
const PLACES: readonly [string, (list: readonly string[]) => string[]][] = [
  ['first', (list) => [list[0] ?? '']],
  ['in the middle', (list) => [list[list.length >> 1] ?? '']],
  ['last', (list) => [list.at(-1) ?? '']],
  ['first and second', (list) => list.slice(0, 2)],
  ['first and fourth', (list) => [list[0] ?? '', list[3] ?? '']],
];

/** After a run that reached all of them, all others end with yesterday; only the poisoned packages have failed. */
function demandFresh(
  folder: string,
  poisoned: readonly string[],
  exitCode: number,
  now: number,
  reachesAll: boolean,
) {
  const { packages } = JSON.parse(readFileSync(join(folder, 'output/_health.json'), 'utf8'));
  const behind = Object.entries<{ counted_to?: string; error_code?: string }>(packages)
    .filter(([name]) => !poisoned.includes(name))
    .filter(([, entry]) => (entry.counted_to ?? '') < text(now - DAY_MS));
  expect([text(now), exitCode]).toEqual([text(now), 1]);
  expect(behind.length === 0).toBe(reachesAll);
  for (const name of poisoned) expect(packages[name].error_code).toBeDefined();
}

describe.each(PLACES)('a poisoned package that is %s of the list', (place, choose) => {
  it.each([
    ['asked for each package', 6, place === 'first' ? 5 : 3, {}],
    // The fewest for whom a common price is asked.
    ['read for all', 63, 2, { bytesPerDay: 160e6, bytesPerSharedDay: 9.5e9 }],
  ])('on BigQuery, %s', async (_, count, runs, options) => {
    const list = names(count);
    const poisoned = choose(list);
    const fault = { status: 400, reason: 'somethingNew', message: 'cannot' };
    const trouble = poisoned.map((name): Trouble => ({ on: 'insert', among: name, fault }));
    const project = await bigQueryProject(list, { ...options, trouble });
    project.track(list, { bigquery: '  monthly_budget_gib: null\n' });
    for (const [index, now] of RUNS.slice(0, runs).entries()) {
      project.server.become({ ...options, rows: rowsOf(list, now), trouble, date: new Date(now) });
      const world = { env: project.env, now: () => new Date(now) };
      const argv = ['collect', '--no-page', '--log-level', 'silent'];
      const { exitCode } = await runMain(project.folder, argv, world);
      // Two of them end the first run, and are asked last from then on.
      demandFresh(project.folder, poisoned, exitCode, now, place !== 'first and second' || index > 0);
    }
  });
});

describe('days that the source told once', () => {
  const setUp = async () => {
    const project = await bigQueryProject(['alpha', 'beta']);
    const run = async (now: number, options: Parameters<typeof project.server.become>[0]) => {
      project.server.become({ trouble: [], date: new Date(now), ...options });
      const world = { env: project.env, now: () => new Date(now) };
      const { exitCode, stdout } = await runMain(project.folder, ['collect', '--log-level', 'silent'], world);
      const badges = Object.entries(project.files()).filter(([path]) => path.includes('non-ci.json'));
      return { exitCode, stdout, badges };
    };
    return { ...project, run };
  };
  const list = ['alpha', 'beta'];

  it('are not untold because the account is refused: told, refused, told again', async () => {
    const { run, health } = await setUp();
    const denied: Trouble = { on: 'insert', revisions: true, fault: { status: 403, reason: 'accessDenied' } };
    const [first, second, third] = RUNS as [number, number, number];
    const told = await run(first, { rows: rowsOf(list, first) });
    expect(told.exitCode).toBe(0);
    const refused = await run(second, { rows: rowsOf(list, second), trouble: [denied] });
    expect(refused.exitCode).toBe(1);
    expect(refused.badges).toEqual(told.badges);
    expect(health().packages['alpha']?.['error']).toContain(
      'take "published" out of "upstream" in _health.json',
    );
    const again = await run(third, { rows: rowsOf(list, third) });
    expect([again.exitCode, health().packages['alpha']?.['error']]).toEqual([0, undefined]);
  });

  it('may be untold from the beginning', async () => {
    const { run } = await setUp();
    const denied: Trouble = { on: 'insert', revisions: true, fault: { status: 403, reason: 'accessDenied' } };
    for (const now of RUNS.slice(0, 2)) {
      expect((await run(now, { rows: rowsOf(list, now), trouble: [denied] })).exitCode).toBe(0);
    }
  });

  it.each([
    ['an error of the job', { jobFails: { reason: 'jobInternalError', message: 'odd' } }],
    ['a reason that nobody knows', { status: 400, reason: 'somethingNew', message: 'odd' }],
  ])('are waited for after %s, and no badge sinks', async (_, fault) => {
    const { run } = await setUp();
    const [first, second] = RUNS as [number, number];
    const told = await run(first, { rows: rowsOf(list, first) });
    // The table is three days late, and cannot say so.
    const late = rowsOf(list, second).filter(({ day }) => day < text(second - 3 * DAY_MS));
    const failed = await run(second, { rows: late, trouble: [{ on: 'insert', revisions: true, fault }] });
    expect([failed.exitCode, failed.badges]).toEqual([1, told.badges]);
  });

  it('are not fewer later: a badge does not go back', async () => {
    const { run, health } = await setUp();
    const [first, second, third] = RUNS as [number, number, number];
    const told = await run(first, { rows: rowsOf(list, first) });
    const lost = rowsOf(list, first).filter(({ day }) => day < text(first - DAY_MS));
    const back = await run(second, { rows: lost });
    expect([back.exitCode, back.badges]).toEqual([1, told.badges]);
    expect(health().packages['beta']).toMatchObject({ error_code: 'upstream-back' });
    expect((await run(third, { rows: rowsOf(list, third) })).exitCode).toBe(0);
  });

  it('may lie in the future, by a clock that was ahead, without harm', async () => {
    const { run, read, put } = await setUp();
    const [first, second] = RUNS as [number, number];
    await run(first, { rows: rowsOf(list, first) });
    const health = JSON.parse(read('output/_health.json'));
    health.upstream.published.last_day = '2030-01-01';
    put('output/_health.json', JSON.stringify(health));
    expect((await run(second, { rows: rowsOf(list, second) })).exitCode).toBe(0);
    expect(JSON.parse(read('output/_health.json')).upstream.published.last_day).toBe(text(second - DAY_MS));
  });
});
