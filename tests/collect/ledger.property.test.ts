import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TrackedPackage } from '../../src/config/config.ts';
import { addDays, type Day } from '../../src/days/day.ts';
import { allDownloads } from '../../src/metric/breakdown.ts';
import { summarize } from '../../src/metric/summary.ts';
import { runOn } from '../support/priced-source.ts';
import { createState } from '../support/state.ts';
import { createTable, type Table } from '../support/table.ts';

/*
 * Whatever happens to the table between runs, and in whatever order the runs look at it, a run that
 * reads only what its ledgers lack comes to what one query over the whole window says. That query is
 * plain SQL on the same table, with the metric written out as filters.
 */

const FIRST = '2026-01-01';
const DAYS = 60;
const PACKAGES = ['alpha', 'beta', 'gamma'];

interface Figures {
  hero: number;
  uv: number;
  linux: number;
  all: number;
}

async function wholeWindow(table: Table, name: string, end: Day, windowDays: number): Promise<Figures> {
  const [row] = await table.sql(
    `SELECT
       (count(*) FILTER (details.ci IS NOT TRUE AND details.installer.name IN ('pip','pipenv','pipx','uv','poetry','pdm')))::INTEGER AS hero,
       (count(*) FILTER (details.ci IS NOT TRUE AND details.installer.name = 'uv'))::INTEGER AS uv,
       (count(*) FILTER (details.ci IS NOT TRUE AND details.system.name = 'Linux'))::INTEGER AS linux,
       count(*)::INTEGER AS all
     FROM file_downloads
     WHERE file.project = $name AND timestamp >= $start::TIMESTAMPTZ AND timestamp < $end::TIMESTAMPTZ`,
    { name, start: `${addDays(end, -windowDays)} 00:00:00+00`, end: `${end} 00:00:00+00` },
  );
  return row as unknown as Figures;
}

/**
 * Rows that somebody else's packages add, once, to every day that is filled: with a few rows fewer than others a day is not incomplete, and with a
 * few more it does not have twice the usual rows.
 */
const BULK = 200;

async function fill(table: Table, ...days: readonly Day[]): Promise<void> {
  const list = days.map((each) => `'${each} 12:00:00+00'::TIMESTAMPTZ`).join(', ');
  await table.sql(
    `INSERT INTO file_downloads SELECT day, {'project': 'bulk'},
       {'ci': NULL, 'installer': {'name': 'pip'}, 'system': NULL}
     FROM range(${BULK}), (SELECT UNNEST([${list}]) AS day)`,
  );
}

/** Rows of each day, over all packages. */
async function dayRows(table: Table): Promise<Map<Day, number>> {
  const rows = await table.sql(
    `SELECT strftime(timestamp, '%Y-%m-%d') AS day, count(*)::INTEGER AS n FROM file_downloads GROUP BY ALL`,
  );
  return new Map(rows.map(({ day: each, n }) => [String(each), Number(n)]));
}

/** Days that have fewer than 40 % of what two at least of the four same weekdays before have in the middle. */
function partFilled(rows: ReadonlyMap<Day, number>): Set<Day> {
  const part = new Set<Day>();
  for (const [each, count] of [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const usual: number[] = [];
    for (const back of [7, 14, 21, 28]) {
      const before = addDays(each, -back);
      if (rows.has(before) && !part.has(before)) usual.push(Number(rows.get(before)));
    }
    usual.sort((a, b) => a - b);
    const upper = Number(usual[Math.floor(usual.length / 2)]);
    const lower = Number(usual[Math.ceil(usual.length / 2) - 1]);
    if (usual.length >= 2 && count * 2 < 0.4 * (upper + lower)) part.add(each);
  }
  return part;
}

/** The day before which windows must end, or undefined where the table is more than seven days behind. */
async function expectedEnd(table: Table, asOf: Day): Promise<Day | undefined> {
  const rows = await dayRows(table);
  const part = partFilled(rows);
  const whole = [...rows.keys()].filter((each) => each < asOf && !part.has(each)).toSorted();
  const last = whole.at(-1);
  return last === undefined || last < addDays(asOf, -8) ? undefined : addDays(last, 1);
}

const day = fc.integer({ min: 0, max: DAYS - 1 }).map((offset) => addDays(FIRST, offset));

const rowsArrive = fc.record({
  kind: fc.constant('rows' as const),
  day,
  package: fc.constantFrom(...PACKAGES),
  ci: fc.constantFrom(true, false, null),
  installer: fc.constantFrom('pip', 'uv', 'bandersnatch', null),
  system: fc.constantFrom('Linux', 'Darwin', null),
  times: fc.integer({ min: 1, max: 4 }),
});

const dayIsFilled = fc.record({ kind: fc.constant('fill' as const), day });

const run = fc.record({
  kind: fc.constant('run' as const),
  asOf: fc.integer({ min: 10, max: DAYS }).map((offset) => addDays(FIRST, offset)),
  packages: fc.subarray(PACKAGES, { minLength: 1 }),
  windows: fc.constantFrom([30] as const, [7, 30] as const, [3] as const, [14, 45] as const),
  full: fc.boolean(),
});

const history = fc.array(
  fc.oneof({ weight: 3, arbitrary: rowsArrive }, dayIsFilled, { weight: 2, arbitrary: run }),
  {
    minLength: 4,
    maxLength: 25,
  },
);

describe('a run with a ledger', () => {
  it('comes to the figures of a whole-window query, whatever happened before', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (events) => {
        const table = await createTable();
        const state = createState();
        // Most days have something from the start, so that windows are rarely too late.
        await table.sql(
          `INSERT INTO file_downloads SELECT $first::TIMESTAMPTZ + to_days(n::INTEGER), {'project': 'alpha'},
             {'ci': NULL, 'installer': {'name': 'uv'}, 'system': {'name': 'Linux'}}
           FROM range(0, ${DAYS}, 2) AS days(n)`,
          { first: `${FIRST} 12:00:00+00` },
        );
        const last = {
          kind: 'run' as const,
          asOf: addDays(FIRST, DAYS),
          packages: PACKAGES,
          windows: [7, 30] as const,
          full: false,
        };
        const filled = new Set(Array.from({ length: DAYS / 2 }, (_, index) => addDays(FIRST, 2 * index)));
        await fill(table, ...filled);
        for (const event of [...events, last]) {
          if (event.kind === 'rows') await table.add(event);
          if (event.kind === 'fill') {
            await table.add(...PACKAGES.map((name) => ({ day: event.day, package: name, times: 2 })));
            if (!filled.has(event.day)) await fill(table, event.day);
            filled.add(event.day);
          }
          if (event.kind !== 'run') continue;
          const packages: TrackedPackage[] = event.packages.map((name) => ({ name, windows: event.windows }));
          const { asOf, full } = event;
          const { outcomes } = await runOn(table.source(), state, asOf, packages, { full });
          const end = await expectedEnd(table, asOf);
          for (const outcome of outcomes) {
            if (end === undefined) {
              expect(outcome.kind).toBe('failed');
              continue;
            }
            if (outcome.kind === 'failed') throw outcome.error;
            for (const { windowDays, breakdown } of summarize(outcome.days, event.windows).windows) {
              const found: Figures = {
                hero: breakdown.count,
                uv: breakdown.counts.uv,
                linux: breakdown.countsBySystem.Linux,
                all: allDownloads(breakdown),
              };
              expect(found).toEqual(await wholeWindow(table, outcome.package.name, end, windowDays));
            }
          }
        }
      }),
      { numRuns: 12 },
    );
  });
});
