import { describe, expect, it } from 'vitest';
import { windowBefore } from '../../src/days/window.ts';

describe('windowBefore', () => {
  it.each([
    // The example of docs/metric.md: 2026-03-26 .. 2026-04-24.
    ['2026-04-25', 30, { start: '2026-03-26', end: '2026-04-25' }],
    ['2026-04-25', 1, { start: '2026-04-24', end: '2026-04-25' }],
    ['2024-03-01', 1, { start: '2024-02-29', end: '2024-03-01' }],
    ['2026-01-01', 365, { start: '2025-01-01', end: '2026-01-01' }],
  ])('as of %s, %d days are %j', (asOf, days, span) => {
    expect(windowBefore(asOf, days)).toEqual(span);
  });
});
