import { expect, it } from 'vitest';
import { instantOf } from '../../src/days/day.ts';
import { date, days, instant, isDay, share } from '../../src/page/words.ts';

it('a share is that of the terminal, but nothing has no decimals', () => {
  expect([share(0, 0), share(0, 9), share(14, 2_771)]).toEqual(['0%', '0%', '0.5%']);
});

it('time in words is UTC', () => {
  expect([days(1), days(30), days(1_000)]).toEqual(['1 day', '30 days', '1,000 days']);
  expect(date('2026-04-24')).toBe('24 Apr 2026');
  expect(date('2026-09-01')).toBe('1 Sep 2026');
  expect([isDay('2026-04-24'), isDay('2026-04-24T00:00:00Z')]).toEqual([true, false]);
  expect(instantOf('2026-04-24').toISOString()).toBe('2026-04-24T00:00:00.000Z');
  expect(instant('2026-04-25T23:59:59.999Z')).toBe('25 Apr 2026, 23:59 UTC');
  expect(instant('soon')).toBe('soon');
});
