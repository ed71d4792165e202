import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { addDays, type Day } from '../../src/days/day.ts';
import { ledgerFolder, parseLedger } from '../../src/state/ledgers.ts';
import { EMPTY_SPEND, parseSpend } from '../../src/state/spend.ts';
import { bigQueryProject } from '../support/bigquery-project.ts';
import type { ServerRow } from '../support/bigquery-server.ts';
import { startCommand } from '../support/command.ts';
import { dayNumber } from '../support/independent.ts';
import { createRandom } from '../support/random.ts';
import { badgesOf } from '../year/oracle.ts';

/*
 * Kills the built command, with SIGKILL, at random moments while it asks a stand-in for BigQuery, and looks at
 * what it has left each time.
 */

/**
 * Lists to be read, and what a day bills that is read once for all. A list is killed `kills` times, and more often
 * until `answersLeft` of the killed runs have left an answer for all that is not in the ledgers yet.
 */
const LISTS = [
  {
    what: 'packages are asked for one by one',
    kills: 100,
    answersLeft: 0,
    packages: ['alpha', 'beta', 'gamma', 'delta', 'epsilon'],
    windows: [7, 30],
    bytesPerSharedDay: 100_000_000_000,
  },
  {
    what: 'days are read once for all packages',
    kills: 40,
    answersLeft: 5,
    // Fewer would not even be compared with a shared day.
    packages: Array.from({ length: 80 }, (_, index) => `package-${index}`),
    windows: [30],
    bytesPerSharedDay: 1_000_000_000,
  },
];
const FIRST = '2026-01-01';
const FIRST_AS_OF = '2026-03-01';
/** A test that has not hit what it wanted by then says so, and does not pass. */
const LAST_RUN = 250;
const HEALTH_KEYS = 'version,source,started,finished,upstream,packages';

function makeRows(packages: readonly string[]): ServerRow[] {
  const next = createRandom(1);
  return Array.from({ length: LAST_RUN + 60 }, (_, offset) => addDays(FIRST, offset)).flatMap((day) =>
    packages.flatMap((project) => [
      { project, day, installer: 'pip', system: 'Linux', downloads: 1 + Math.floor(next() * 20) },
      { project, day, ci: true, installer: 'uv', downloads: 1 + Math.floor(next() * 20) },
    ]),
  );
}

type Files = Readonly<Record<string, string>>;

/** Every file that bears a name of its own is whole, whatever was being written when the end came. */
function expectWhole(files: Files, host: string): void {
  const source = ledgerFolder(`bigquery:p.pypi.file_downloads on ${host}`);
  for (const [path, text] of Object.entries(files)) {
    if (!path.endsWith('.json')) continue;
    const [, name] = /^state\/ledger\/[^/]+\/([a-z0-9-]+)\.json$/.exec(path) ?? [];
    if (name !== undefined) parseLedger(text, { source, package: name });
    else if (path.startsWith('state/spend.')) expect(parseSpend(text)).toBeDefined();
    else if (path === 'output/_health.json') expect(Object.keys(JSON.parse(text)).join()).toBe(HEALTH_KEYS);
    else expect(Object.keys(JSON.parse(text)).length).toBeGreaterThan(0);
  }
}

/** What the command says that it has spent, with what it was about to. */
function accounted({ 'state/spend.json': text }: Files): { bytes: number; queries: number } {
  const { months, pending } = text === undefined ? EMPTY_SPEND : parseSpend(text);
  const bills = [
    ...months.values(),
    ...[...pending.values()].map(({ bytes }) => ({ bytesBilled: bytes, queries: 1 })),
  ];
  return {
    bytes: bills.reduce((sum, { bytesBilled }) => sum + bytesBilled, 0),
    queries: bills.reduce((sum, { queries }) => sum + queries, 0),
  };
}

it.each(LISTS)('leaves nothing wrong behind when it is killed $kills times and $what', async (list) => {
  const { packages, windows, bytesPerSharedDay } = list;
  const rows = makeRows(packages);
  const { folder, env, server, files, message } = await bigQueryProject(
    packages.map((name) => `{name: ${name}, window_days: [${windows}]}`),
    { rows, latencyMs: 3, bytesPerSharedDay },
    { source: 'table: p.pypi.file_downloads, monthly_budget_gib: null' },
  );

  async function collect(asOf: Day, killAfterMs?: number): Promise<{ ms: number; killed: boolean }> {
    const start = performance.now();
    const child = startCommand(folder, ['collect', '--as-of', asOf, '--log-level', 'silent'], { env });
    if (killAfterMs !== undefined) {
      await Promise.race([child, sleep(killAfterMs)]);
      child.kill('SIGKILL');
    }
    const { exitCode, stderr } = await child;
    if (killAfterMs === undefined) expect(exitCode, stderr).toBe(0);
    return { ms: performance.now() - start, killed: exitCode === undefined };
  }

  function expectRightCounts(asOf: Day): void {
    for (const name of packages) {
      for (const windowDays of windows) {
        const expected = badgesOf(rows, name, dayNumber(asOf), windowDays);
        const badge = `downloads-${windowDays}d`;
        expect(message(name, badge), `${name} ${badge}`).toBe(expected[`${badge}-non-ci.json`]);
      }
    }
  }

  const next = createRandom(2026);
  await collect(FIRST_AS_OF);
  expectRightCounts(FIRST_AS_OF);
  // Longer than a run takes; it follows what the machine can do at the time, so that four of five runs are hit.
  let latestMs = 2_000;
  let kills = 0;
  let answersLeft = 0;
  for (let run = 1; kills < list.kills || answersLeft < list.answersLeft; run += 1) {
    expect(run, `after ${kills} kills, ${answersLeft} of which left answers`).toBeLessThan(LAST_RUN);
    const asOf = addDays(FIRST_AS_OF, run);
    const { ms, killed } = await collect(asOf, next() * latestMs);
    kills += killed ? 1 : 0;
    latestMs = killed ? latestMs * 1.05 : Math.min(latestMs * 0.8, ms);
    const left = files();
    expectWhole(left, server.host);
    answersLeft += Object.keys(left).some((path) => path.includes('/_answers/')) ? 1 : 0;
    const { bytes, queries } = accounted(left);
    expect(bytes).toBeGreaterThanOrEqual(server.bytesBilled);
    expect(queries).toBeGreaterThanOrEqual(server.jobs.size);
    if (run % 5 > 0) continue;
    await collect(asOf);
    expectRightCounts(asOf);
    const odd = Object.keys(files()).filter((path) => /\.tmp$|\.rejected-\d+$|_answers/.test(path));
    expect(odd).toEqual([]);
  }
});
