import type { Day } from '../days/day.ts';
import type { DownloadRow } from './breakdown.ts';
import { classify, EXCLUSIONS, type Exclusion, INSTALLERS, isInstaller } from './classes.ts';
import { knownDays, type PackageDays } from './package-days.ts';

/** Downloads of a day that agree in all that is told of them. */
export interface TableRow {
  readonly package: string;
  /** The first of the days. */
  readonly day: Day;
  /** How many known days it is the sum of: more than one where the ledger keeps a month as a sum. */
  readonly days: number;
  /** `counted`, or why they do not count. */
  readonly class: 'counted' | Exclusion;
  /** The name that the client gave; empty if it gave none, or that is not known. */
  readonly installer: string;
  /** The same of the system. */
  readonly system: string;
  readonly downloads: number;
}

export const TABLE_COLUMNS = ['package', 'day', 'days', 'class', 'installer', 'system', 'downloads'] as const;

/** The rows of a package's days, oldest first. */
export function tableOfRows(
  packageName: string,
  days: Iterable<readonly [Day, Iterable<DownloadRow>, count?: number]>,
): TableRow[] {
  return [...days]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([day, rows, count = 1]) =>
      [...rows].map((row): TableRow => {
        const category = classify(row);
        return {
          package: packageName,
          day,
          days: count,
          class: isInstaller(category) ? 'counted' : category,
          installer: row.installer ?? '',
          system: row.system ?? '',
          downloads: row.downloads,
        };
      }),
    );
}

/** The same of days of which only the sums are known; names of installers that do not count, and systems, are not. */
export function tableOfDays(packageName: string, history: PackageDays): TableRow[] {
  return knownDays(history).flatMap(({ day, breakdown: { counts, excluded } }) => {
    const rowOf = (category: TableRow['class'], installer: string, downloads: number): TableRow => {
      return { package: packageName, day, days: 1, class: category, installer, system: '', downloads };
    };
    const rows = [
      ...INSTALLERS.map((installer) => rowOf('counted', installer, counts[installer])),
      ...EXCLUSIONS.map((reason) => rowOf(reason, '', excluded[reason])),
    ];
    return rows.filter(({ downloads }) => downloads > 0);
  });
}
