import { describe, expect, it } from 'vitest';
import { instantOf } from '../../src/days/day.ts';
import { date, days, instant, isDay, share } from '../../src/page/words.ts';

describe('share', () => {
  it.each([
    [0, 0, '0%'],
    [0, 9, '0%'],
    [14, 2_771, '0.5%'],
    [2_757, 2_771, '99.5%'],
    [9, 14, '64.3%'],
    [1, 2_000, '0.1%'],
    [1, 2_001, '<0.1%'],
    [1_999, 2_000, '>99.9%'],
    [1_998, 2_000, '99.9%'],
    [1, 40_000_000, '<0.1%'],
    [39_999_999, 40_000_000, '>99.9%'],
    [9, 9, '100.0%'],
  ])('of %d in %d is %s', (part, whole, expected) => {
    expect(share(part, whole)).toBe(expected);
  });
});

describe('time in words', () => {
  it('is UTC', () => {
    expect([days(1), days(30), days(1_000)]).toEqual(['1 day', '30 days', '1,000 days']);
    expect(date('2026-04-24')).toBe('24 Apr 2026');
    expect(date('2026-09-01')).toBe('1 Sep 2026');
    expect([isDay('2026-04-24'), isDay('2026-04-24T00:00:00Z')]).toEqual([true, false]);
    expect(instantOf('2026-04-24').toISOString()).toBe('2026-04-24T00:00:00.000Z');
    expect(instant('2026-04-25T23:59:59.999Z')).toBe('25 Apr 2026, 23:59 UTC');
    expect(instant('soon')).toBe('soon');
  });
});
