import { OperatorError } from '../errors/error.ts';
import { addDays, type Day, dayNumber, daysOf, type PartitionRows, type Span } from './day.ts';
import { windowBefore } from './window.ts';

/** How many days upstream may be behind before a window that ends earlier says too little. */
export const LATE_DAYS_MAX = 7;

/** What the table has, as far as this run looks. */
export interface Upstream {
  /** The day before which the windows end: the as-of day, or an earlier one if the table is behind. */
  readonly end: Day;
  /** Newest day with rows; null if the source cannot tell. */
  readonly lastDay: Day | null;
  /** Days of the longest window without any row in the whole table, oldest first. */
  readonly missingDays: readonly Day[];
}

/** The days whose revisions a run needs: its longest window, wherever lateness may put it. */
export function revisionSpan(asOf: Day, longestDays: number): Span {
  return { start: addDays(asOf, -longestDays - LATE_DAYS_MAX), end: asOf };
}

/**
 * Where the windows end. A newest day without any row in the whole table is not a zero: the table is
 * filled late now and then, and a badge must not sink because of that.
 *
 * @param revisions Of `revisionSpan`; undefined if the source cannot tell, and then nothing is known to be late.
 * @throws OperatorError if the table is more than seven days behind.
 */
export function upstreamOf(asOf: Day, longestDays: number, revisions: PartitionRows | undefined): Upstream {
  if (revisions === undefined) return { end: asOf, lastDay: null, missingDays: [] };
  const hasRows = (day: Day) => (revisions.get(day) ?? 0) > 0;
  const reach = revisionSpan(asOf, longestDays);
  const lastDay = daysOf(reach).findLast(hasRows);
  const newest = addDays(asOf, -1);
  if (lastDay === undefined || dayNumber(newest) - dayNumber(lastDay) > LATE_DAYS_MAX) {
    const seen =
      lastDay === undefined ? `no rows from ${reach.start} to ${newest}` : `no rows since ${lastDay}`;
    throw new OperatorError(
      'upstream-late',
      `the table has ${seen}, more than ${LATE_DAYS_MAX} days before ${asOf}; its pipeline is behind (see https://status.python.org), or --as-of is wrong; the badges stay as they are`,
    );
  }
  const end = addDays(lastDay, 1);
  const missingDays = daysOf(windowBefore(end, longestDays)).filter((day) => !hasRows(day));
  return { end, lastDay, missingDays };
}
