import { describe, expect, it } from 'vitest';
import { addDays } from '../../src/days/day.ts';
import { winnow } from '../../src/winnow/breakdown.ts';
import type { PackageDays } from '../../src/winnow/package-days.ts';
import { trendOf } from '../../src/winnow/trend.ts';

/** Days with so many downloads by pip; null where nothing is known. */
function days(counts: readonly (number | null)[], partial: readonly number[] = []): PackageDays {
  const list = counts.map((_, index) => addDays('2026-10-01', index));
  return {
    days: list,
    breakdowns: counts.map((downloads) =>
      downloads === null
        ? null
        : winnow([{ ci: null, sidecar: false, installer: 'pip', system: null, downloads }]),
    ),
    unknownDays: [],
    partialDays: partial.map((index) => list[index] ?? ''),
  };
}

describe('trendOf', () => {
  it.each<[string, PackageDays, number | undefined]>([
    ['twice as many', days([5, 5, 10, 10]), 1],
    ['half as many', days([10, 10, 5, 5]), -0.5],
    ['the same', days([3, 3, 3, 3]), 0],
    // Means of a day: 10 and 12, whatever is missing.
    ['a day that is missing', days([10, null, 12, 12]), 0.2],
    ['a day that is incomplete', days([10, 10, 12, 1], [3]), 0.2],
    ['older days beside', days([999, 5, 5, 10, 10]), 1],
    ['nothing before', days([0, 0, 4, 4]), undefined],
    ['too little known before', days([null, null, 4, 4]), undefined],
    ['too few days', days([1, 2, 3]), undefined],
  ])('%s', (_, all, expected) => {
    const change = trendOf(all, 2);
    if (expected === undefined) expect(change).toBeUndefined();
    else expect(change).toBeCloseTo(expected, 10);
  });
});
