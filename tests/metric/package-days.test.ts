import { expect, it } from 'vitest';
import { breakdownOf } from '../../src/metric/breakdown.ts';
import {
  isWindowKnown,
  lastDays,
  missingDaysOf,
  type PackageDays,
  sliceDays,
  together,
  totalOf,
  totalSince,
  totalsTogether,
  trendOf,
} from '../../src/metric/package-days.ts';
import { daysWith, downloads, packageDays } from '../support/views.ts';

/** Five days up to 2026-04-24 with 1, 2, an unknown number, 8 and 16 downloads; the 21st and the 24th incomplete. */
const all = packageDays(5, (index) => (index === 2 ? null : [downloads('uv', 2 ** index)]), {
  partialDays: ['2026-04-21', '2026-04-24'],
});

it.each<[string, number, number | undefined, number, number, string[], string[]]>([
  ['all', 0, undefined, 5, 27, ['2026-04-22'], ['2026-04-21', '2026-04-24']],
  ['the first two', 0, 2, 2, 3, [], ['2026-04-21']],
  ['those in the middle', 2, 4, 2, 8, ['2026-04-22'], []],
  ['the last', 4, undefined, 1, 16, [], ['2026-04-24']],
  ['one that is not known', 2, 3, 1, 0, ['2026-04-22'], []],
  ['none', 3, 3, 0, 0, [], []],
])('a slice has its days, figures and marks: %s', (_, start, end, days, count, missing, partial) => {
  const part = sliceDays(all, start, end);
  expect([part.days.length, part.breakdowns.length, totalOf(part).count]).toEqual([days, days, count]);
  expect([missingDaysOf(part), part.partialDays]).toEqual([missing, partial]);
});

it.each([
  [0, 0],
  [2, 2],
  [6, 5],
])('the last %d days are %d', (count, length) => {
  expect(lastDays(all, count).days).toEqual(all.days.slice(5 - length));
});

it('adds up the days that two packages share, and knows no day that is not known of both', () => {
  const other = packageDays(4, (index) => (index === 2 ? null : [downloads('pip', 100)]), {
    partialDays: ['2026-04-23'],
  });
  const both = together(all, other);
  expect(both.days).toEqual(other.days);
  expect(both.breakdowns.map((breakdown) => breakdown?.count ?? null)).toEqual([102, null, null, 116]);
  expect(both.breakdowns[3]?.counts).toMatchObject({ pip: 100, uv: 16 });
  expect(both.partialDays).toEqual(['2026-04-21', '2026-04-23', '2026-04-24']);
  expect(together(other, all)).toEqual(both);
});

it('tells an unknown day from a missing one, in slices and of two packages', () => {
  const one = daysWith([null, null, 1, 1, 1], { unknownDays: ['2026-04-21'] });
  const other = daysWith([1, 1, 1, null, null], { unknownDays: ['2026-04-24'] });
  const marks = (days: PackageDays) => [missingDaysOf(days), days.unknownDays];
  expect(marks(one)).toEqual([['2026-04-20'], ['2026-04-21']]);
  expect(marks(lastDays(one, 4))).toEqual([[], ['2026-04-21']]);
  expect(marks(lastDays(one, 3))).toEqual([[], []]);
  expect(marks(together(one, other))).toEqual([
    ['2026-04-20', '2026-04-23'],
    ['2026-04-21', '2026-04-24'],
  ]);
  expect(totalOf(together(one, other)).count).toBe(2);
});

it.each([
  [30, 3, true],
  [30, 4, false],
  [29, 3, false],
  [10, 1, true],
  [9, 1, false],
  [365, 36, true],
  [365, 37, false],
  [1, 0, true],
])('of %d days, %d may be unknown: %s', (windowDays, unknown, expected) => {
  const days = packageDays(400, () => []);
  // Those before the window do not matter.
  const unknownDays = [...days.days.slice(0, 20), ...days.days.slice(400 - unknown)];
  expect(isWindowKnown({ ...days, unknownDays }, windowDays)).toBe(expected);
});

it('counts the non-CI downloads since the first day that is known, and the days between that are not', () => {
  const breakdown = breakdownOf([downloads('uv', 5), downloads('pip', 2, { ci: true })]);
  const periods = [
    { start: '2024-02-28', end: '2024-03-01', known: 2, breakdown },
    { start: '2024-03-04', end: '2024-03-05', known: 1, breakdown },
  ];
  // 1, 2 and 3 March are not known, nor is the 5th: 2024 is a leap year.
  expect(totalSince(periods, '2024-03-06')).toEqual({ since: '2024-02-28', count: 10, unknownDays: 4 });
  expect(totalSince([], '2024-03-06')).toBeUndefined();
});

it.each([
  ['2024-01-01', '2024-01-01', '2024-01-01', 3],
  ['2024-01-01', '2024-01-11', '2024-01-01', 13],
  ['2024-01-11', '2024-01-01', '2024-01-01', 13],
])('adds up totals since %s and %s', (one, other, since, unknownDays) => {
  const [a, b] = [
    { since: one, count: 10, unknownDays: 1 },
    { since: other, count: 5, unknownDays: 2 },
  ];
  expect(totalsTogether(a, b)).toEqual({ since, count: 15, unknownDays });
});

it.each<[string, PackageDays, number | undefined]>([
  ['twice as many', daysWith([5, 5, 10, 10]), 1],
  ['half as many', daysWith([10, 10, 5, 5]), -0.5],
  ['the same', daysWith([3, 3, 3, 3]), 0],
  // Means of a day: 10 and 15, whatever is missing.
  ['a day that is missing', daysWith([10, null, 15, 15]), 0.5],
  ['a day that is incomplete', daysWith([10, 10, 15, 1], { partialDays: ['2026-04-24'] }), 0.5],
  ['older days beside', daysWith([999, 5, 5, 10, 10]), 1],
  ['nothing before', daysWith([0, 0, 4, 4]), undefined],
  ['too little known before', daysWith([null, null, 4, 4]), undefined],
  ['too few days', daysWith([1, 2, 3]), undefined],
])('trendOf: %s', (_, days, expected) => {
  expect(trendOf(days, 2)).toBe(expected);
});
