import { type Day, daysOf, type Span } from '../days/day.ts';
import { ERAS } from '../days/eras.ts';
import { mapNonEmpty, type NonEmpty } from '../util.ts';
import { type Breakdown, breakdownOf, type DownloadRow } from './breakdown.ts';
import { lastDays, type PackageDays, totalOf, trendOf } from './package-days.ts';
import { spikesOf } from './spikes.ts';
import { type Warning, warningsOf } from './warnings.ts';

/** What was read of a package. */
export interface ReadDays {
  /** The longest window at least. */
  readonly span: Span;
  /** A day that is absent is one that the table has nothing of. */
  readonly rows: ReadonlyMap<Day, Iterable<DownloadRow>>;
  /** Days whose rows are not counted, as it is not known which were by CI; absent if there are none. */
  readonly unknownDays?: ReadonlySet<Day>;
}

/** The breakdown of one window. */
export interface Window {
  readonly windowDays: number;
  readonly breakdown: Breakdown;
}

/** As a share; undefined where it is not known, and null where a spike in either window makes it mean nothing. */
export type Trend = number | null | undefined;

/** What is published of a package. */
export interface PackageSummary {
  /** One for each window, in the order of the configuration. */
  readonly windows: NonEmpty<Window>;
  /** The days of the longest window. */
  readonly history: PackageDays;
  /** Change of each window's count against the window before. */
  readonly trends: readonly Trend[];
  readonly warnings: readonly Warning[];
}

/**
 * Sorts each day of what was read into its classes, once.
 *
 * @param partialDays Days of which the table had only a part.
 */
export function breakdownDays(
  { span, rows, unknownDays }: ReadDays,
  partialDays: readonly Day[],
): PackageDays {
  return daysOf(span).map((day) => {
    const isUnknown = day < ERAS.ci || unknownDays?.has(day) === true;
    const own = isUnknown ? undefined : rows.get(day);
    return { day, breakdown: own ? breakdownOf(own) : null, isUnknown, isPartial: partialDays.includes(day) };
  });
}

function comparableTrend(all: PackageDays, windowDays: number): Trend {
  const trend = trendOf(all, windowDays);
  if (trend === undefined) return undefined;
  const before = all.slice(0, -windowDays);
  const isSpiked = [all, before].some((days) => spikesOf(days, windowDays).length > 0);
  return isSpiked ? null : trend;
}

/**
 * Turns the days of a package, or of several together, into what is published.
 *
 * @param all The longest window at least.
 * @param windows Lengths in days.
 */
export function summarize(all: PackageDays, windows: NonEmpty<number>): PackageSummary {
  const longest = Math.max(...windows);
  return {
    windows: mapNonEmpty(windows, (windowDays) => ({
      windowDays,
      breakdown: totalOf(lastDays(all, windowDays)),
    })),
    history: lastDays(all, longest),
    trends: windows.map((windowDays) => comparableTrend(all, windowDays)),
    warnings: warningsOf(all, windows),
  };
}
