import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addDays, type Day } from '../../src/days/day.ts';
import { allDownloads } from '../../src/metric/breakdown.ts';
import { summarize } from '../../src/metric/summary.ts';
import { countByHand, dayNumber, dayText, endOf } from '../support/independent.ts';
import { createState } from '../support/state.ts';
import { createTable, type Downloads, runOn } from '../support/table.ts';
import { totals } from '../year/oracle.ts';

/*
 * Whatever happens to the table between runs, and in whatever order the runs look at it, a run that
 * reads only what its ledgers lack comes to what plain counting over the whole window says.
 */

const FIRST = '2026-01-01';
const DAYS = 60;
const PACKAGES = ['alpha', 'beta', 'gamma'];

function wholeWindow(table: readonly Downloads[], name: string, end: Day, windowDays: number) {
  const start = addDays(end, -windowDays);
  const rows = table.filter((row) => row.package === name && row.day >= start && row.day < end);
  return countByHand(rows.map((row) => ({ ...row, times: row.times ?? 1 })));
}

/** Rows that somebody else's packages add to every day that is filled, so that a few more are no incomplete day. */
const bulk = (day: Day): Downloads => ({ day, package: 'bulk', times: 200 });

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
const LAST = {
  kind: 'run' as const,
  asOf: addDays(FIRST, DAYS),
  packages: PACKAGES,
  windows: [7, 30] as const,
  full: false,
};
const history = fc.array(
  fc.oneof({ weight: 3, arbitrary: rowsArrive }, dayIsFilled, { weight: 2, arbitrary: run }),
  { minLength: 4, maxLength: 25 },
);

it('a run with a ledger comes to the figures of the whole window, whatever happened before', async () => {
  const check = fc.asyncProperty(history, async (events) => {
    // Most days have something from the start, so that windows are rarely too late.
    const start = Array.from({ length: DAYS / 2 }, (_, index) => addDays(FIRST, 2 * index));
    const table = createTable(
      start.flatMap((each) => [
        { day: each, package: 'alpha', installer: 'uv', system: 'Linux' },
        bulk(each),
      ]),
    );
    const state = createState();
    for (const event of [...events, LAST]) {
      if (event.kind === 'rows') table.rows.push(event);
      if (event.kind === 'fill') {
        const own = PACKAGES.map((name) => ({ day: event.day, package: name, installer: 'pip', times: 2 }));
        table.rows.push(...own, bulk(event.day));
      }
      if (event.kind !== 'run') continue;
      const { asOf, full, windows } = event;
      const packages = event.packages.map((name) => ({ name, windows }));
      const { outcomes } = await runOn(table.source(), state, asOf, packages, { full });
      const sums = totals(table.rows.map(({ day: each, times = 1 }) => ({ day: each, downloads: times })));
      const ending = endOf(sums, dayNumber(asOf), dayNumber(FIRST));
      const end = ending === undefined ? undefined : dayText(ending);
      for (const outcome of outcomes) {
        expect(outcome.kind).toBe(end === undefined ? 'failed' : 'read');
        if (outcome.kind === 'failed' || end === undefined) continue;
        for (const { windowDays, breakdown } of summarize(outcome.days, windows).windows) {
          const { others: _, countsBySystem, ...found } = breakdown;
          const all = { ...found, all: allDownloads(breakdown), counts_by_system: countsBySystem };
          expect(all).toEqual(wholeWindow(table.rows, outcome.package.name, end, windowDays));
        }
      }
    }
  });
  await fc.assert(check, { numRuns: 12 });
});
