import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { daysOf } from '../../src/days/day.ts';
import { breakdownOf, type DownloadRow } from '../../src/metric/breakdown.ts';
import { incompleteDaysOf } from '../../src/metric/package-days.ts';
import { breakdownDays, summarize } from '../../src/metric/summary.ts';
import { anyRow, downloads } from '../support/views.ts';

const span = { start: '2026-04-15', end: '2026-04-25' };
const known = new Map(daysOf(span).map((day): [string, DownloadRow[]] => [day, []]));

const fold = (rows: typeof known, windows: [number, ...number[]], partialDays: string[] = [], days = span) =>
  summarize(breakdownDays(days, rows, partialDays), windows);

describe('fold', () => {
  it('sums the days of each window, in the order of the configuration', () => {
    const rows = new Map(known)
      .set('2026-04-17', [downloads('pip', 100)])
      .set('2026-04-18', [downloads('pip', 9), downloads('uv', 5)])
      .set('2026-04-24', [downloads('requests', 3)]);
    const { windows, history, warnings } = fold(rows, [7, 8, 1]);
    // Seven days are the 18th to the 24th.
    expect(windows.map(({ windowDays, breakdown }) => `${breakdown.count} in ${windowDays}`)).toEqual([
      '14 in 7',
      '114 in 8',
      '0 in 1',
    ]);
    expect(windows[2]?.breakdown.others).toEqual(new Map([['requests', 3]]));
    expect(history.map(({ day }) => day)).toEqual(daysOf({ start: '2026-04-17', end: '2026-04-25' }));
    expect(warnings).toEqual([]);
  });

  it('keeps a day that is not known apart from one without downloads', () => {
    const rows = new Map(known);
    rows.delete('2026-04-20');
    const { history } = fold(rows, [10], ['2026-04-01', '2026-04-21']);
    const counts = history.map(({ breakdown }) => breakdown?.count);
    expect(counts).toEqual([0, 0, 0, 0, 0, undefined, 0, 0, 0, 0]);
    expect(incompleteDaysOf(history).partial).toEqual(['2026-04-21']);
  });

  it('looks further back than the longest window for warnings', () => {
    const weeks = { start: '2026-03-21', end: '2026-04-25' };
    const rowsOf = (day: string) => [downloads('pip', 10), downloads('uv', day < '2026-04-18' ? 10 : 0)];
    const rows = new Map(daysOf(weeks).map((day) => [day, rowsOf(day)]));
    const { history, warnings } = fold(rows, [7], [], weeks);
    expect(warnings.map(({ code }) => code)).toEqual(['installer-vanished']);
    expect(history).toHaveLength(7);
  });

  it('comes to what the rows of a window come to at once', () => {
    const days = daysOf(span);
    const anyDays = fc.tuple(...days.map(() => fc.array(anyRow, { maxLength: 4 })));
    fc.assert(
      fc.property(anyDays, fc.integer({ min: 1, max: 10 }), (lists, windowDays) => {
        const rows = new Map(days.map((day, at) => [day, lists[at] ?? []]));
        const { windows } = fold(rows, [windowDays]);
        expect(windows[0].breakdown).toEqual(breakdownOf(lists.slice(-windowDays).flat()));
      }),
    );
  });
});
