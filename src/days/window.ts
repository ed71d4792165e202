import { addDays, type Day, type Span } from './day.ts';

/**
 * The window of a badge: the `windowDays` whole UTC days that end before the day `asOf`.
 * As of 2026-04-25, 30 days are 2026-03-26 to 2026-04-24.
 */
export function windowBefore(asOf: Day, windowDays: number): Span {
  return { start: addDays(asOf, -windowDays), end: asOf };
}
