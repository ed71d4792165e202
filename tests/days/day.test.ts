import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addDays,
  dayNumber,
  dayOf,
  daysBehind,
  daysOf,
  isStale,
  parseDay,
  spanDays,
  windowBefore,
} from '../../src/days/day.ts';

describe('days', () => {
  it('are those of UTC', () => {
    expect(dayOf(new Date('2026-04-24T23:59:59.999Z'))).toBe('2026-04-24');
    expect(dayOf(new Date('2026-04-25T00:30:00+02:00'))).toBe('2026-04-24');
    expect(dayNumber('1970-01-02')).toBe(1);
  });

  it.each([
    ...['', '2026-4-25', '20260425', '2026-04-25T00:00:00Z', ' 2026-04-25', '0026-04-25', 'yesterday'],
  ])('%j is no day', (text) => {
    expect(parseDay(text)).toBeUndefined();
  });

  it.each([1900, 1999, 2000, 2023, 2024, 2026, 2100])('texts of digits are days of %d or none', (year) => {
    // The calendar is that of Date, which rolls a day over that a month does not have.
    const days = new Set(
      Array.from({ length: 366 }, (_, index) => dayOf(new Date(Date.UTC(year, 0, 1 + index)))),
    );
    const two = (value: number) => String(value).padStart(2, '0');
    for (let number = 0; number < 10_000; number += 1) {
      const text = `${year}-${two(Math.floor(number / 100))}-${two(number % 100)}`;
      if (parseDay(text) !== (days.has(text) ? text : undefined)) expect.fail(text);
    }
  });
});

describe('spans', () => {
  it('are half-open', () => {
    const span = { start: '2026-02-27', end: '2026-03-02' };
    expect(spanDays(span)).toBe(3);
    expect(daysOf(span)).toEqual(['2026-02-27', '2026-02-28', '2026-03-01']);
    expect(daysOf({ start: '2026-03-02', end: '2026-03-02' })).toEqual([]);
  });

  it('hold every day once, whatever the length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40_000 }), fc.nat(400), (from, length) => {
        const start = addDays('1970-01-01', from);
        const span = { start, end: addDays(start, length) };
        expect(daysOf(span).map(dayNumber)).toEqual(Array.from({ length }, (_, index) => from + index));
        expect(windowBefore(span.end, length)).toEqual(span);
      }),
    );
  });
});

it.each([
  // The example of docs/metric.md: 2026-03-26 .. 2026-04-24.
  ['2026-04-25', 30, '2026-03-26'],
  ['2024-03-01', 1, '2024-02-29'],
  ['2025-03-01', 1, '2025-02-28'],
  ['2026-01-01', 365, '2025-01-01'],
])('a window as of %s of %d days begins with %s', (asOf, days, start) => {
  expect(windowBefore(asOf, days)).toEqual({ start, end: asOf });
});

it.each([
  // Yesterday of 2026-04-25 is the 24th; with a threshold of 3 the 21st is the last day that will do.
  ['2026-04-24', 0, false],
  ['2026-04-21', 3, false],
  ['2026-04-20', 4, true],
])('figures up to %s are %d days behind on 2026-04-25; stale: %s', (countedTo, behind, stale) => {
  expect(daysBehind(countedTo, '2026-04-25')).toBe(behind);
  expect(isStale(countedTo, 3, '2026-04-25')).toBe(stale);
});
