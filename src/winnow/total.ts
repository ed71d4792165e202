import { type Day, dayNumber, type Span, spanDays } from '../days/day.ts';
import { type DownloadRow, winnow } from './breakdown.ts';

/** The non-CI downloads since the first day that is known, which need not be the first that there was. */
export interface Total {
  readonly since: Day;
  readonly count: number;
  /** Days since then of which nothing is known, so that they are left out; of a group, of all its packages together. */
  readonly unknownDays: number;
}

/**
 * The total of what is known of a package.
 *
 * @param spans Days that are known, oldest first and disjoint.
 * @param rows Their rows.
 * @param end The day after the last that is wanted.
 * @returns undefined if no day is known.
 */
export function totalSince(spans: readonly Span[], rows: Iterable<DownloadRow>, end: Day): Total | undefined {
  const since = spans[0]?.start;
  if (since === undefined) return undefined;
  const known = spans.reduce((sum, span) => sum + spanDays(span), 0);
  return { since, count: winnow(rows).count, unknownDays: spanDays({ start: since, end }) - known };
}

/** Two totals together: since the earlier first day, with the days before the later one among those that are unknown. */
export function totalsTogether(one: Total, other: Total): Total {
  const [earlier, later] = one.since <= other.since ? [one, other] : [other, one];
  return {
    since: earlier.since,
    count: one.count + other.count,
    unknownDays: one.unknownDays + other.unknownDays + dayNumber(later.since) - dayNumber(earlier.since),
  };
}
