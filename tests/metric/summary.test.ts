import fc from 'fast-check';
import { expect, it } from 'vitest';
import { daysOf } from '../../src/days/day.ts';
import { breakdownOf } from '../../src/metric/breakdown.ts';
import { breakdownDays, summarize } from '../../src/metric/summary.ts';
import { anyRow, downloads } from '../support/views.ts';

const span = { start: '2026-04-15', end: '2026-04-25' };
it('looks further back than the longest window for warnings', () => {
  const weeks = { start: '2026-03-21', end: '2026-04-25' };
  const rowsOf = (day: string) => [downloads('pip', 10), downloads('uv', day < '2026-04-18' ? 10 : 0)];
  const rows = new Map(daysOf(weeks).map((day) => [day, rowsOf(day)]));
  const { history, warnings } = summarize(breakdownDays(weeks, rows), [7]);
  expect(warnings.map(({ code }) => code)).toEqual(['installer-vanished']);
  expect(history).toHaveLength(7);
});

it('comes to what the rows of a window come to at once', () => {
  const days = daysOf(span);
  const anyDays = fc.tuple(...days.map(() => fc.array(anyRow, { maxLength: 4 })));
  fc.assert(
    fc.property(anyDays, fc.integer({ min: 1, max: 10 }), (lists, windowDays) => {
      const rows = new Map(days.map((day, at) => [day, lists[at] ?? []]));
      const { windows } = summarize(breakdownDays(span, rows), [windowDays]);
      expect(windows[0].breakdown).toEqual(breakdownOf(lists.slice(-windowDays).flat()));
    }),
  );
});
