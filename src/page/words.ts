import { type Day, dayNumber } from '../days/day.ts';
import { formatNumber, formatShare } from '../format.ts';
import type { Exclusion } from '../winnow/classes.ts';

/** The classes that do not count, as headings. */
export const EXCLUSION_NAMES: Record<Exclusion, string> = {
  ci: 'CI runs',
  mirror: 'Mirrors',
  browser: 'Browsers',
  unknown: 'Unknown clients',
  other: 'Other programs',
};

/** `1 day`, `30 days`. */
export function days(count: number): string {
  return count === 1 ? '1 day' : `${formatNumber(count)} days`;
}

/**
 * A share of a whole as the terminal shows it (one decimal, rounded down), except that shares too small
 * for that are said to be, and not called 0.
 */
export function share(part: number, whole: number): string {
  if (part === 0) return '0%';
  return part * 1000 < whole ? '<0.1%' : formatShare(part, whole);
}

const DATE = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  timeZone: 'UTC',
});

/** A day as people write it: `24 Apr 2026`. */
export function date(day: Day): string {
  return DATE.format(new Date(dayNumber(day) * 86_400_000));
}

/** A UTC day as an instant, its midnight. */
export function instantOf(day: Day): Date {
  return new Date(dayNumber(day) * 86_400_000);
}

/** An instant as people write it: `24 Apr 2026, 04:12 UTC`; the text as it is if it is none. */
export function instant(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return text;
  return `${DATE.format(time)}, ${time.toISOString().slice(11, 16)} UTC`;
}
