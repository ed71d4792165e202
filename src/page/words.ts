import { type Day, dayNumber } from '../days/day.ts';
import { formatShare, plural } from '../format.ts';
import type { Exclusion } from '../metric/classes.ts';
import { MS_PER_DAY } from '../util.ts';

/** The classes that do not count, as headings. */
export const EXCLUSION_NAMES: Record<Exclusion, string> = {
  sidecar: 'Other files',
  ci: 'CI runs',
  mirror: 'Mirrors',
  browser: 'Browsers',
  unknown: 'Unknown clients',
  other: 'Other programs',
};

/** What stands beside the systems that have a badge. */
export const OTHER_SYSTEM = 'Other or none';

/** `1 day`, `30 days`. */
export function days(count: number): string {
  return plural(count, 'day');
}

/** A share of a whole as the terminal shows it, but for nothing, which has no decimals. */
export function share(part: number, whole: number): string {
  return part === 0 ? '0%' : formatShare(part, whole);
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

/** Whether a time is told to the day only. */
export function isDay(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text);
}

/** A UTC day as an instant, its midnight. */
export function instantOf(day: Day): Date {
  return new Date(dayNumber(day) * MS_PER_DAY);
}

/** An instant as people write it: `24 Apr 2026, 04:12 UTC`; the text as it is if it is none. */
export function instant(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return text;
  const exact = time.toISOString();
  return `${date(exact)}, ${exact.slice(11, 16)} UTC`;
}
