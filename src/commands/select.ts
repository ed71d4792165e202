import { normalizePackageName, PACKAGE_NAME, PACKAGE_NAME_MAX, WINDOW_DAYS_MAX } from '../config/schema.ts';
import { type Day, dayOf, parseDay } from '../days/day.ts';
import { UsageError } from '../errors/error.ts';

/*
 * Values of the command line as commands work with them.
 */

/** @throws UsageError if the text is no day. */
export function selectDay(option: string, text: string, example: Day): Day {
  const day = parseDay(text);
  if (day !== undefined) return day;
  throw new UsageError(`${option} ${text}: not a day; write it as YYYY-MM-DD, such as ${example}`);
}

/**
 * The day before which the windows end: today (UTC), unless an earlier one was asked for.
 *
 * @throws UsageError if the text is no day, or one that would count part of a day.
 */
export function selectAsOf(text: string | undefined, now: Date): Day {
  const today = dayOf(now);
  if (text === undefined) return today;
  const day = selectDay('--as-of', text, today);
  if (day > today) {
    throw new UsageError(`--as-of ${text}: today is ${today} (UTC), and days that are not over do not count`);
  }
  return day;
}

/** @throws UsageError if the text is no length that a window may have. */
export function selectDays(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= WINDOW_DAYS_MAX) return count;
  throw new UsageError(`--days ${text}: expected a whole number of days from 1 to ${WINDOW_DAYS_MAX}`);
}

/**
 * Names of packages that need not be tracked, normalized, each once.
 *
 * @throws UsageError if one is no name.
 */
export function selectNames(names: readonly string[]): string[] {
  const wrong = names.find((name) => name.length > PACKAGE_NAME_MAX || !PACKAGE_NAME.test(name));
  if (wrong === undefined) return [...new Set(names.map(normalizePackageName))];
  throw new UsageError(
    `${wrong}: not a package name; it has letters, digits, '.', '_' and '-', and begins and ends with a letter or digit`,
  );
}
