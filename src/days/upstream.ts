import { addDays, type Day, dayNumber, daysOf, type PartitionRows, type Span } from './day.ts';
import { windowBefore } from './window.ts';

/** How many days upstream may be behind before a window that ends earlier says too little. */
export const LATE_DAYS_MAX = 7;

/** A day with less than this share of what such a day usually has was incomplete. */
const PARTIAL_SHARE = 0.4;
/** "Usually": the same weekday in so many weeks before, of which so many must be known. */
const PARTIAL_WEEKS = 4;
const PARTIAL_KNOWN_MIN = 2;

export interface UpstreamFault {
  readonly code: 'upstream-late' | 'upstream-back';
  /** For the operator. */
  readonly message: string;
}

/** What the table has, as far as this run looks. */
export interface Upstream {
  /** The day before which the windows end: the as-of day, or an earlier one if the table is behind. */
  readonly end: Day;
  /** Newest day that is filled; null if the source cannot tell, or has none where this run looks. */
  readonly lastDay: Day | null;
  /** Days of the longest window without any row in the whole table, oldest first. */
  readonly missingDays: readonly Day[];
  /** Days of the longest window that were incomplete, oldest first. */
  readonly partialDays: readonly Day[];
  /** First of the days whose missing and incomplete ones are told; `end` where nothing is known of them. */
  readonly since: Day;
  /** Why no window can be counted, if so: the table is too far behind, or ends earlier than it did. */
  readonly fault: UpstreamFault | undefined;
}

/**
 * The days whose row counts a run needs: its longest window, wherever lateness may put it, and the weeks
 * before it that a day is compared with.
 */
export function partitionSpan(asOf: Day, longestDays: number): Span {
  return { start: addDays(asOf, -longestDays - LATE_DAYS_MAX - 7 * PARTIAL_WEEKS - 7), end: asOf };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/**
 * The days of a span that were incomplete: fewer rows, over all packages, than 40 % of the median of
 * the same weekday in the four weeks before, where at least two of these are known and were not filled in
 * part themselves. A weekend has about 64 % of a midweek day, so days are compared with their own weekday.
 * In November 2021 days of 467,591,439 rows fell to 780,878, and 780,878 is not zero.
 */
export function partialDaysOf(span: Span, rows: PartitionRows): ReadonlySet<Day> {
  const partial = new Set<Day>();
  for (const day of daysOf(span)) {
    const count = rows.get(day) ?? 0;
    if (count === 0) continue;
    const usual = Array.from({ length: PARTIAL_WEEKS }, (_, week) => addDays(day, -7 * (week + 1)))
      .filter((before) => !partial.has(before))
      .map((before) => rows.get(before) ?? 0)
      .filter((known) => known > 0);
    if (usual.length >= PARTIAL_KNOWN_MIN && count < PARTIAL_SHARE * median(usual)) partial.add(day);
  }
  return partial;
}

/**
 * Where the windows end. A newest day that has no rows yet in the whole table, or only a part of them, is
 * no low figure: the table is filled late now and then, and a badge must not sink because of that.
 *
 * @param rows Of `partitionSpan`; undefined if the source cannot tell, and then nothing is known to be late.
 * @param wholeLog Whether the source holds every package's downloads, so that a day without rows is missing;
 * in somebody's export it is a day on which nothing was downloaded.
 * @param whereToLook What an operator can do about a table that is behind, as words in brackets.
 * @param published The last day of the badges that are published; it stays the last as long as it has rows, so that no
 * badge goes back.
 */
export function upstreamOf(
  asOf: Day,
  longestDays: number,
  rows: PartitionRows | undefined,
  { wholeLog, whereToLook }: { readonly wholeLog: boolean; readonly whereToLook: string },
  published?: Day,
): Upstream {
  const reach = partitionSpan(asOf, longestDays);
  const since = windowBefore(asOf, longestDays).start;
  const nothing = { end: asOf, missingDays: [], partialDays: [], since, fault: undefined };
  if (rows === undefined) return { ...nothing, lastDay: null, since: asOf };
  const hasRows = (day: Day) => (rows.get(day) ?? 0) > 0;
  if (!wholeLog) return { ...nothing, lastDay: daysOf(reach).findLast(hasRows) ?? null };

  const partial = partialDaysOf(reach, rows);
  const complete = daysOf(reach).findLast((day) => hasRows(day) && !partial.has(day));
  const lastDay = published !== undefined && (complete ?? '') < published ? published : complete;
  const newest = addDays(asOf, -1);
  if (lastDay !== undefined && lastDay !== complete && !hasRows(lastDay)) {
    const message = `the table ends with ${complete ?? 'none of these days'}, and the badges with ${lastDay}, which it has lost: they stay as they are until it is back (${whereToLook})`;
    return { ...nothing, lastDay: complete ?? null, since: asOf, fault: { code: 'upstream-back', message } };
  }
  if (lastDay === undefined || dayNumber(newest) - dayNumber(lastDay) > LATE_DAYS_MAX) {
    const seen =
      lastDay === undefined
        ? `no whole day from ${reach.start} to ${newest}`
        : `no whole day since ${lastDay}`;
    const message = `the table has ${seen}, more than ${LATE_DAYS_MAX} days before ${asOf}; it is behind (${whereToLook}), or --as-of is wrong; the badges stay as they are`;
    return { ...nothing, lastDay: lastDay ?? null, since: asOf, fault: { code: 'upstream-late', message } };
  }
  const end = addDays(lastDay, 1);
  const window = daysOf(windowBefore(end, longestDays));
  return {
    end,
    lastDay,
    missingDays: window.filter((day) => !hasRows(day)),
    partialDays: window.filter((day) => partial.has(day)),
    since: windowBefore(end, longestDays).start,
    fault: undefined,
  };
}
