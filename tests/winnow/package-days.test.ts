import { expect, it } from 'vitest';
import {
  isWindowKnown,
  knownDays,
  lastDays,
  missingDaysOf,
  type PackageDays,
  sliceDays,
  together,
  totalOf,
} from '../../src/winnow/package-days.ts';
import { downloads, packageDays } from '../support/views.ts';

/** Five days up to 2026-04-24 with 1, 2, an unknown number, 8 and 16 downloads; the 21st and the 24th incomplete. */
const all = packageDays(5, (index) => (index === 2 ? null : [downloads('uv', 2 ** index)]), {
  partialDays: ['2026-04-21', '2026-04-24'],
});

it.each<[string, number, number | undefined, object]>([
  [
    'all',
    0,
    undefined,
    { days: 5, count: 27, missing: ['2026-04-22'], partial: ['2026-04-21', '2026-04-24'] },
  ],
  ['the first two', 0, 2, { days: 2, count: 3, missing: [], partial: ['2026-04-21'] }],
  ['those in the middle', 2, 4, { days: 2, count: 8, missing: ['2026-04-22'], partial: [] }],
  ['the last', 4, undefined, { days: 1, count: 16, missing: [], partial: ['2026-04-24'] }],
  ['one that is not known', 2, 3, { days: 1, count: 0, missing: ['2026-04-22'], partial: [] }],
  ['none', 3, 3, { days: 0, count: 0, missing: [], partial: [] }],
])('a slice has its days, figures and marks: %s', (_, start, end, expected) => {
  const part = sliceDays(all, start, end);
  expect(part.breakdowns).toHaveLength(part.days.length);
  expect({
    days: part.days.length,
    count: totalOf(part).count,
    missing: missingDaysOf(part),
    partial: part.partialDays,
  }).toEqual(expected);
});

it.each([
  [0, []],
  [2, ['2026-04-23', '2026-04-24']],
  [5, all.days],
  [6, all.days],
])('the last %d days', (count, days) => {
  expect(lastDays(all, count).days).toEqual(days);
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
  const one = packageDays(5, (index) => (index < 2 ? null : [downloads('uv', 1)]), {
    unknownDays: ['2026-04-21'],
  });
  const other = packageDays(5, (index) => (index > 2 ? null : [downloads('uv', 1)]), {
    unknownDays: ['2026-04-24'],
  });
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

it('knows four of the five days', () => {
  expect(knownDays(all).map(({ count }) => count)).toEqual([1, 2, 8, 16]);
});
