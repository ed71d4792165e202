import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TrackedPackage } from '../../src/config/config.ts';
import { addDays, type Day } from '../../src/days/day.ts';
import { beginRun } from '../../src/run/run.ts';
import { winnow } from '../../src/winnow/winnow.ts';
import { createState } from '../support/state.ts';
import { createTable, type Table } from '../support/table.ts';

/*
 * Whatever happens to the table between runs, and in whatever order the runs look at it, a run that
 * reads only what its ledgers lack comes to what one query over the whole window says. That query is
 * plain SQL on the same table, with the metric of DESIGN section 2 written out as filters.
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

/** The day before which windows must end, or undefined where the table is more than seven days behind. */
async function expectedEnd(table: Table, asOf: Day): Promise<Day | undefined> {
  const [row] = await table.sql(
    `SELECT strftime(max(timestamp), '%Y-%m-%d') AS day FROM file_downloads WHERE timestamp < $asOf::TIMESTAMPTZ`,
    { asOf: `${asOf} 00:00:00+00` },
  );
  const last = row?.['day'];
  if (typeof last !== 'string' || last < addDays(asOf, -8)) return undefined;
  return addDays(last, 1);
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
        for (const event of [...events, last]) {
          if (event.kind === 'rows') await table.add(event);
          if (event.kind === 'fill') {
            await table.add(...PACKAGES.map((name) => ({ day: event.day, package: name, times: 2 })));
          }
          if (event.kind !== 'run') continue;
          const packages: TrackedPackage[] = event.packages.map((name) => ({ name, windows: event.windows }));
          const { outcomes } = await beginRun({
            packages,
            asOf: event.asOf,
            full: event.full,
            open: async () => table.source(),
            state,
            budgetBytes: null,
            now: () => new Date(`${event.asOf}T04:00:00Z`),
          });
          const end = await expectedEnd(table, event.asOf);
          for await (const outcome of outcomes) {
            if (end === undefined) {
              expect(outcome.kind).toBe('failed');
              continue;
            }
            if (outcome.kind === 'failed') throw outcome.error;
            for (const { windowDays, rows } of outcome.windows) {
              const account = winnow(rows);
              const found: Figures = {
                hero: account.count,
                uv: account.counts.uv,
                linux: account.countsBySystem.Linux,
                all: rows.reduce((sum, { downloads }) => sum + downloads, 0),
              };
              expect(found).toEqual(await wholeWindow(table, outcome.package.name, end, windowDays));
            }
          }
        }
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});
