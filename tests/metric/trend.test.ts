import { expect, it } from 'vitest';
import type { PackageDays } from '../../src/metric/package-days.ts';
import { trendOf } from '../../src/metric/trend.ts';
import { daysWith } from '../support/views.ts';

it.each<[string, PackageDays, number | null | undefined]>([
  ['twice as many', daysWith([5, 5, 10, 10]), 1],
  ['half as many', daysWith([10, 10, 5, 5]), -0.5],
  ['the same', daysWith([3, 3, 3, 3]), 0],
  // Means of a day: 10 and 15, whatever is missing.
  ['a day that is missing', daysWith([10, null, 15, 15]), 0.5],
  ['a day that is incomplete', daysWith([10, 10, 15, 1], { partialDays: ['2026-04-24'] }), 0.5],
  ['older days beside', daysWith([999, 5, 5, 10, 10]), 1],
  ['nothing before', daysWith([0, 0, 4, 4]), undefined],
  ['too little known before', daysWith([null, null, 4, 4]), undefined],
  ['a spike', daysWith([...Array(13).fill(20), 50_000]), null],
  ['a spike in the window before', daysWith([50_000, ...Array(13).fill(20)]), null],
  ['too few days', daysWith([1, 2, 3]), undefined],
])('trendOf: %s', (_, days, expected) => {
  expect(trendOf(days, days.length < 14 ? 2 : 7)).toBe(expected);
});
