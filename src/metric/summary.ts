import { type Day, daysOf, type Span } from '../days/day.ts';
import { ERAS } from '../days/eras.ts';
import { mapNonEmpty, type NonEmpty } from '../util.ts';
import { type Breakdown, breakdownOf, type DownloadRow } from './breakdown.ts';
import type { DatedFacets } from './facets.ts';
import { type PackageDays, type Period, type Total, totalOf } from './package-days.ts';
import { warningsOf } from './warnings.ts';

/** The breakdown of one window. */
export interface Window {
  readonly windowDays: number;
  readonly breakdown: Breakdown;
}

/** What is known of a package or a group. */
export interface Figures {
  /** The longest window, and before it what else is known of the weeks that warnings and trends look at. */
  readonly days: PackageDays;
  /** What is known of it altogether; undefined where that is not wanted, or goes beyond the windows' end. */
  readonly total?: Total | undefined;
  /** What the total is made of, oldest first. */
  readonly periods?: readonly Period[] | undefined;
  /** Those of this run, or else those that were published last; absent where there are none. */
  readonly facets?: DatedFacets | undefined;
}

/** The sum of a window of days. */
export function windowOf(all: PackageDays, windowDays: number): Window {
  return { windowDays, breakdown: totalOf(all.slice(-windowDays)) };
}

/**
 * Sorts each day of what was read of a package into its classes, once.
 *
 * @param span The longest window at least.
 * @param rows A day that is absent is one that the table has nothing of.
 * @param partialDays Days of which the table had only a part.
 * @param unknownDays Days whose rows are not counted, as it is not known which were by CI.
 */
export function breakdownDays(
  span: Span,
  rows: ReadonlyMap<Day, Iterable<DownloadRow>>,
  partialDays: readonly Day[] = [],
  unknownDays: ReadonlySet<Day> = new Set(),
): PackageDays {
  return daysOf(span).map((day) => {
    const isUnknown = day < ERAS.ci || unknownDays.has(day);
    const own = isUnknown ? undefined : rows.get(day);
    return { day, breakdown: own ? breakdownOf(own) : null, isUnknown, isPartial: partialDays.includes(day) };
  });
}

/** What is published of a package. */
export type PackageSummary = ReturnType<typeof summarize>;

/**
 * Turns the days of a package, or of several together, into what is published.
 *
 * @param all The longest window at least.
 * @param windows Lengths in days.
 * @returns `windows`: one for each, in their order. `history`: the days of the longest.
 */
export function summarize(all: PackageDays, windows: NonEmpty<number>) {
  return {
    windows: mapNonEmpty(windows, (windowDays) => windowOf(all, windowDays)),
    history: all.slice(-Math.max(...windows)),
    warnings: warningsOf(all, windows),
  };
}
