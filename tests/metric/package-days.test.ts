import { expect, it } from 'vitest';
import { incompleteDaysOf, isWindowKnown, together, totalsTogether } from '../../src/metric/package-days.ts';
import { downloads, packageDays } from '../support/views.ts';

/** Five days up to 2026-04-24 with 1, 2, an unknown number, 8 and 16 downloads; the 21st and the 24th incomplete. */
const all = packageDays(5, (index) => (index === 2 ? null : [downloads('uv', 2 ** index)]), {
  partialDays: ['2026-04-21', '2026-04-24'],
});

it('adds up the days that two packages share, and knows no day that is not known of both', () => {
  const other = packageDays(4, (index) => (index === 2 ? null : [downloads('pip', 100)]), {
    ...{ partialDays: ['2026-04-23'], unknownDays: ['2026-04-23'] },
  });
  const both = together(all, other);
  expect(both.map(({ day }) => day)).toEqual(other.map(({ day }) => day));
  expect(both.map(({ breakdown }) => breakdown?.count ?? null)).toEqual([102, null, null, 116]);
  expect(both[3]?.breakdown?.counts).toMatchObject({ pip: 100, uv: 16 });
  expect(incompleteDaysOf(both)).toEqual({
    ...{ missing: ['2026-04-22'], unknown: ['2026-04-23'] },
    partial: ['2026-04-21', '2026-04-23', '2026-04-24'],
  });
  expect(together(other, all)).toEqual(both);
});

it.each([
  [30, 3, true],
  [30, 4, false],
  [10, 1, true],
  [9, 1, false],
  [1, 0, true],
])('of %d days, %d may be unknown: %s', (windowDays, unknown, expected) => {
  // Those before the window do not matter.
  const days = packageDays(400, () => []).map((day, at) => {
    return { ...day, isUnknown: at < 20 || at >= 400 - unknown };
  });
  expect(isWindowKnown(days, windowDays)).toBe(expected);
});

it.each([
  ['2024-01-01', '2024-01-11', '2024-01-01', 13],
  ['2024-01-11', '2024-01-01', '2024-01-01', 13],
])('adds up totals since %s and %s', (one, other, since, unknownDays) => {
  const earlier = { since: one, count: 10, unknownDays: 1 };
  const all = totalsTogether(earlier, { since: other, count: 5, unknownDays: 2 });
  expect(all).toEqual({ since, count: 15, unknownDays });
});
