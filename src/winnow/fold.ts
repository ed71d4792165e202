import { type Day, daysOf, type Span } from '../days/day.ts';
import { mapNonEmpty, type NonEmpty } from '../non-empty.ts';
import { type Breakdown, type DownloadRow, winnow } from './breakdown.ts';
import { lastDays, type PackageDays, totalOf } from './package-days.ts';
import { trendOf } from './trend.ts';
import { type Warning, warningsOf } from './warnings.ts';

/** What was read of a package. */
export interface ReadDays {
  /** The longest window at least. */
  readonly span: Span;
  /** A day that is absent is not known. */
  readonly rows: ReadonlyMap<Day, Iterable<DownloadRow>>;
}

/** The breakdown of one window. */
export interface Window {
  readonly windowDays: number;
  readonly breakdown: Breakdown;
}

/** What is published of a package. */
export interface Folded {
  /** One for each window, in the order of the configuration. */
  readonly windows: NonEmpty<Window>;
  /** The days of the longest window. */
  readonly history: PackageDays;
  /** Change of each window's count against the window before, as a share; undefined where that is not known. */
  readonly trends: readonly (number | undefined)[];
  readonly warnings: readonly Warning[];
}

/**
 * Turns what was read of a package into what is published: winnows each day once, and sums days.
 *
 * @param windows Lengths in days.
 * @param partialDays Days of which the table had only a part.
 */
export function fold(read: ReadDays, windows: NonEmpty<number>, partialDays: readonly Day[]): Folded {
  const days = daysOf(read.span);
  const breakdowns = days.map((day) => {
    const rows = read.rows.get(day);
    return rows === undefined ? null : winnow(rows);
  });
  const all: PackageDays = { days, breakdowns, partialDays };
  const longest = Math.max(...windows);
  return {
    windows: mapNonEmpty(windows, (windowDays) => ({
      windowDays,
      breakdown: totalOf(lastDays(all, windowDays)),
    })),
    history: lastDays(all, longest),
    trends: windows.map((windowDays) => trendOf(all, windowDays)),
    warnings: warningsOf(all, longest),
  };
}
