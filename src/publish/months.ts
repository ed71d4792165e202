import { addDays, monthOfDay } from '../days/day.ts';
import { EXCLUSIONS, INSTALLERS } from '../metric/classes.ts';
import { byMonth, type Period } from '../metric/package-days.ts';

/*
 * <output_dir>/<package>/months.csv: the breakdown of a package by month since the first day that is known, where its total
 * is asked for. docs/files.md describes it.
 */

export const MONTHS_FILE = 'months.csv';

/** The file's text, a line for each month. */
export function monthsText(periods: readonly Period[]): string {
  const excluded = EXCLUSIONS.map((reason) => `excluded_${reason}`);
  const head = ['month', 'first_day', 'last_day', 'known_days', 'count', ...INSTALLERS, ...excluded];
  const lines = byMonth(periods).map(({ start, end, known, breakdown }) => [
    ...[monthOfDay(start), start, addDays(end, -1), known, breakdown.count],
    ...INSTALLERS.map((name) => breakdown.counts[name]),
    ...EXCLUSIONS.map((reason) => breakdown.excluded[reason]),
  ]);
  return [head, ...lines].map((line) => `${line.join(',')}\n`).join('');
}
