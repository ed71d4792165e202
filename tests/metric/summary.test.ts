import { expect, it } from 'vitest';
import { daysOf } from '../../src/days/day.ts';
import { breakdownDays, summarize } from '../../src/metric/summary.ts';
import { downloads } from '../support/views.ts';

it('looks further back than the longest window for warnings', () => {
  const weeks = { start: '2026-03-21', end: '2026-04-25' };
  const rowsOf = (day: string) => [downloads('pip', 10), downloads('uv', day < '2026-04-18' ? 10 : 0)];
  const rows = new Map(daysOf(weeks).map((day) => [day, rowsOf(day)]));
  const { history, warnings } = summarize(breakdownDays(weeks, rows), [7]);
  expect(warnings.map(({ code }) => code)).toEqual(['installer-vanished']);
  expect(history).toHaveLength(7);
});
