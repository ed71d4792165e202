import { expect, it } from 'vitest';
import { daysBehind, isStale } from '../../src/days/staleness.ts';

it.each([
  // Yesterday of 2026-04-25 is the 24th; with a threshold of 3 the 21st is the last day that will do.
  ['2026-04-24', 0, false],
  ['2026-04-21', 3, false],
  ['2026-04-20', 4, true],
  ['2026-03-24', 31, true],
])('figures up to %s are %d days behind on 2026-04-25; stale: %s', (countedTo, behind, stale) => {
  expect(daysBehind(countedTo, '2026-04-25')).toBe(behind);
  expect(isStale(countedTo, 3, '2026-04-25')).toBe(stale);
});
