import type { ServerRow } from '../support/bigquery-server.ts';
import { countByHand, type DayNumber, dayNumber } from '../support/independent.ts';
import { sumsBy } from '../support/stand-in.ts';

/*
 * What the badges must say, worked out from the table's rows alone by the rules of docs/metric.md. Shares nothing
 * with src/.
 */

/** Below 1,000 the number; then at most one decimal, rounded half up. */
const FORMAT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const message = (count: number) => (count < 1_000 ? String(count) : FORMAT.format(count).replace('K', 'k'));

/** The rows of the whole table by day. */
export function totals(rows: readonly Pick<ServerRow, 'day' | 'downloads'>[]): Map<DayNumber, number> {
  return new Map(sumsBy(rows, ({ day }) => day).map(([day, sum]) => [dayNumber(day), Number(sum)]));
}

/** The messages of a package's badges over one window, by file name. */
export function badgesOf(
  rows: readonly ServerRow[],
  name: string,
  end: DayNumber,
  windowDays: number,
): Record<string, string> {
  const own = rows.filter(
    ({ project, day }) => project === name && dayNumber(day) >= end - windowDays && dayNumber(day) < end,
  );
  const { count, counts, counts_by_system } = countByHand(
    own.map((row) => ({ ...row, times: row.downloads })),
  );
  const entries: [string, number][] = [
    ['downloads', count],
    ...Object.entries(counts).map(([installer, sum]): [string, number] => [`installer-${installer}`, sum]),
    ['os-linux', counts_by_system.Linux],
    ['os-macos', counts_by_system.Darwin],
    ['os-windows', counts_by_system.Windows],
  ];
  return Object.fromEntries(
    entries.map(([kind, sum]) => [`${kind}-${windowDays}d-non-ci.json`, message(sum)]),
  );
}
