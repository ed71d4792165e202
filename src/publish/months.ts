import { addDays, monthOfDay } from '../days/day.ts';
import type { Breakdown } from '../metric/breakdown.ts';
import { EXCLUSIONS, INSTALLERS } from '../metric/classes.ts';
import { byMonth, type Period } from '../metric/package-days.ts';

/*
 * <output_dir>/<package>/months.csv: the breakdown of a package by month since the first day that is known, where its total
 * is asked for. docs/files.md describes it.
 */

export const MONTHS_FILE = 'months.csv';

const COLUMNS: readonly (readonly [name: string, of: (breakdown: Breakdown) => number])[] = [
  ['count', ({ count }) => count],
  ...INSTALLERS.map((name) => [name, ({ counts }: Breakdown) => counts[name]] as const),
  ...EXCLUSIONS.map((name) => [`excluded_${name}`, ({ excluded }: Breakdown) => excluded[name]] as const),
];

/** The file's text, a line for each month. */
export function monthsText(periods: readonly Period[]): string {
  const lines = byMonth(periods).map((period) => {
    const { start, end, known, breakdown } = period;
    return [monthOfDay(start), start, addDays(end, -1), known, ...COLUMNS.map(([, of]) => of(breakdown))];
  });
  const head = ['month', 'first_day', 'last_day', 'known_days', ...COLUMNS.map(([name]) => name)];
  return [head, ...lines].map((line) => `${line.join(',')}\n`).join('');
}
