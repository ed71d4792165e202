import { expect, it } from 'vitest';
import { totalSince, totalsTogether } from '../../src/winnow/total.ts';
import { downloads } from '../support/views.ts';

const rows = [downloads('uv', 5), downloads('pip', 2, { ci: true }), downloads('bandersnatch', 9)];

it('counts the non-CI downloads since the first day that is known, and the days between that are not', () => {
  const spans = [
    { start: '2024-02-28', end: '2024-03-01' },
    { start: '2024-03-04', end: '2024-03-05' },
  ];
  // 1, 2 and 3 March are not known, nor is the 5th: 2024 is a leap year.
  expect(totalSince(spans, rows, '2024-03-06')).toEqual({ since: '2024-02-28', count: 5, unknownDays: 4 });
  expect(totalSince([], rows, '2024-03-06')).toBeUndefined();
});

it.each([
  ['2024-01-01', '2024-01-01', '2024-01-01', 3],
  ['2024-01-01', '2024-01-11', '2024-01-01', 13],
  ['2024-01-11', '2024-01-01', '2024-01-01', 13],
])('adds up totals since %s and %s', (one, other, since, unknownDays) => {
  expect(
    totalsTogether({ since: one, count: 10, unknownDays: 1 }, { since: other, count: 5, unknownDays: 2 }),
  ).toEqual({ since, count: 15, unknownDays });
});
