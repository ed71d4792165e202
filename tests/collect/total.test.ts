import { expect, it } from 'vitest';
import type { FetchedDays } from '../../src/collect/plan.ts';
import { periodsOfLedger } from '../../src/collect/reader.ts';
import { totalSince } from '../../src/metric/package-days.ts';
import { EMPTY_LEDGER, withDays } from '../../src/state/ledger.ts';

const row = { ci: null, installer: 'pip', system: null, sidecar: false, downloads: 1 };

/** What a run knows of a table that has rows on some days of January. */
function fetched(end: string, filled: readonly string[]): FetchedDays {
  const upstream = {
    end,
    lastDay: null,
    missingDays: [],
    partialDays: [],
    excessDays: [],
    since: '2026-01-01',
    fault: undefined,
  };
  const rows = new Map(filled.map((day) => [`2026-01-${day}`, 5]));
  return { upstream, known: { kind: 'known', rows }, partialDays: ['2026-01-03'], warnings: [] };
}

it('the total of a ledger is of what it keeps as a sum, and its days, each once, but for those that the table lost', () => {
  const span = { start: '2026-01-01', end: '2026-01-05' };
  const rows = ['01', '02', '03', '04'].map((day) => ({ ...row, day: `2026-01-${day}` }));
  const kept = withDays(EMPTY_LEDGER, span, rows, (day) => (day === '2026-01-04' ? 0 : 5));
  const old = [{ spans: [{ start: '2025-12-31', end: '2026-01-02' }], rows: [{ ...row, downloads: 7 }] }];
  const days = fetched('2026-01-05', ['01', '02', '04']);
  const periods = periodsOfLedger({ ...kept, old }, days, { wholeLog: true }) ?? [];
  expect(totalSince(periods, '2026-01-05')).toEqual({ since: '2025-12-31', count: 8, unknownDays: 2 });
  expect(
    periodsOfLedger({ ...kept, old }, fetched('2026-01-01', ['01', '02']), { wholeLog: true }),
  ).toBeUndefined();
  const whole = periodsOfLedger(kept, fetched('2026-01-05', ['02', '03']), { wholeLog: true }) ?? [];
  expect(whole.map(({ start, isPartial }) => [start, isPartial])).toEqual([
    ['2026-01-02', false],
    ['2026-01-03', true],
  ]);
  expect(periodsOfLedger(EMPTY_LEDGER, days, { wholeLog: true })).toEqual([]);
});
