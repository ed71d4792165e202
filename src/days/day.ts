import { MS_PER_DAY, memoize } from '../util.ts';

/** A UTC calendar day, `YYYY-MM-DD`. Compares correctly as a string. */
export type Day = string;

/** Whole UTC days, half-open: `start` is the first, `end` the first one after. */
export interface Span {
  readonly start: Day;
  readonly end: Day;
}

/**
 * How many rows each day has in the whole table, over all packages; a day without any is absent. The
 * number changes when the table is filled in later.
 */
export type PartitionRows = ReadonlyMap<Day, number>;

/** How many days are remembered: a run asks for those of a few years, of each package again. */
const DAYS_MAX = 4_000;

/** Days since 1970-01-01. */
export const dayNumber = memoize(DAYS_MAX, (day: Day) => Date.parse(`${day}T00:00:00Z`) / MS_PER_DAY);

const dayAt = memoize(DAYS_MAX, (number: number) => dayOf(new Date(number * MS_PER_DAY)));

/** The day that is `days` after `day`, or before it if negative. */
export function addDays(day: Day, days: number): Day {
  return dayAt(dayNumber(day) + days);
}

/** The UTC day that an instant falls in. */
export function dayOf(instant: Date): Day {
  return instant.toISOString().slice(0, 10);
}

/** Not Intl's: loading its data takes longer than drawing a page, and its names change with Node's version. */
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The month of a day in short: `Apr`. */
export function monthOf(day: Day): string {
  return String(MONTHS[Number(day.slice(5, 7)) - 1]);
}

/** A day as people write it: `24 Apr 2026`. */
export function date(day: Day): string {
  return `${Number(day.slice(8, 10))} ${monthOf(day)} ${day.slice(0, 4)}`;
}

/** A UTC day as an instant, its midnight. */
export function instantOf(day: Day): Date {
  return new Date(dayNumber(day) * MS_PER_DAY);
}

/** A text as a day, or undefined unless it is a day of the calendar written `YYYY-MM-DD`, from the year 1000 to 2999. */
export function parseDay(text: string): Day | undefined {
  const time = /^[12]\d{3}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(time) && dayOf(new Date(time)) === text ? text : undefined;
}

/** How many days a span has. */
export function spanDays({ start, end }: Span): number {
  return dayNumber(end) - dayNumber(start);
}

/** The month that a day is of, `YYYY-MM`. */
export function monthOfDay(day: Day): string {
  return day.slice(0, 7);
}

/** The days of a span, oldest first. */
export function daysOf(span: Span): Day[] {
  return Array.from({ length: spanDays(span) }, (_, index) => addDays(span.start, index));
}

/**
 * The window of a badge: the `windowDays` whole UTC days that end before the day `asOf`.
 * As of 2026-04-25, 30 days are 2026-03-26 to 2026-04-24.
 */
export function windowBefore(asOf: Day, windowDays: number): Span {
  return { start: addDays(asOf, -windowDays), end: asOf };
}

/** How many days before yesterday a day is; yesterday is the newest that can have been counted. */
export function daysBehind(countedTo: Day, today: Day): number {
  return dayNumber(addDays(today, -1)) - dayNumber(countedTo);
}

/**
 * Whether figures that were counted up to a day are too old, however often the collector ran since.
 *
 * @param thresholdDays `stale_threshold_days`.
 * @param today UTC.
 */
export function isStale(countedTo: Day, thresholdDays: number, today: Day): boolean {
  return daysBehind(countedTo, today) > thresholdDays;
}
