import { median } from '../util.ts';
import { addDays, type Day, dayNumber, daysOf, type PartitionRows, type Span, windowBefore } from './day.ts';

/** How many days upstream may be behind before a window that ends earlier says too little. */
export const LATE_DAYS_MAX = 7;

/** A day with less than this share of what such a day usually has is incomplete. */
const PARTIAL_SHARE = 0.4;
/**
 * The newest day must have this much: it may still grow, and to wait a day costs nothing. Below the 61 % to which
 * the log fell on 2026-08-24.
 */
const NEWEST_SHARE = 0.55;
/** A day with more than so many times what is usual has too many rows: on 2021-11-23 they were written twice. */
const EXCESS_TIMES = 2;
/** "Usually": the same weekday in so many weeks before, of which so many must be known. */
const USUAL_WEEKS = 4;
const USUAL_KNOWN_MIN = 2;
/** So many odd days that are alike, of so many at most, are a new level: one more than the table may be late, and two that differ. */
const LEVEL_DAYS = LATE_DAYS_MAX + 1;
const LEVEL_WITHIN = LEVEL_DAYS + 2;
/** Alike: the least of their shares is this part of the greatest at least, */
const LEVEL_ALIKE = 0.6;
/** and the least share is no rest of an outage. In November 2021 days had 0.2 % of their rows. */
const LEVEL_SHARE_MIN = 0.05;
/** So many days in a row that are as before a new level take it back: it was an outage. */
const BACK_DAYS = 3;

/** Days of which the table lacks something, or has too much. */
export const ODD_DAYS = ['missingDays', 'partialDays', 'excessDays'] as const;

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
  /** Days of the longest window with far more rows than usual, oldest first. */
  readonly excessDays: readonly Day[];
  /** First of the days whose missing and incomplete ones are told; `end` where nothing is known of them. */
  readonly since: Day;
  /** Why no window can be counted, if so: the table is too far behind, or ends earlier than it did. */
  readonly fault: { readonly code: 'upstream-late' | 'upstream-back'; readonly message: string } | undefined;
}

/**
 * The days whose row counts a run needs: its longest window, wherever lateness may put it, and the weeks
 * before it that a day is compared with.
 */
export function partitionSpan(asOf: Day, longestDays: number): Span {
  return { start: addDays(asOf, -longestDays - LATE_DAYS_MAX - 7 * USUAL_WEEKS - 7), end: asOf };
}

/** The days of a span whose rows, over all packages, are not those of such a day. */
export interface OddDays {
  readonly partial: ReadonlySet<Day>;
  readonly excess: ReadonlySet<Day>;
  /** What part each day has of what is usual; absent where that is not known. */
  readonly shares: ReadonlyMap<Day, number>;
}

/** The odd days up to one that are alike, oldest first, if they are enough for a new level. */
function alikeOf(odd: ReadonlySet<Day>, shares: OddDays['shares'], last: Day): Day[] | undefined {
  const newest = daysOf({ start: addDays(last, 1 - LEVEL_WITHIN), end: addDays(last, 1) });
  const days = newest.filter((day) => odd.has(day));
  const shareOf = (day: Day) => shares.get(day) ?? 0;
  const sorted = days.toSorted((a, b) => shareOf(a) - shareOf(b));
  const first = sorted.findIndex((day, index) => {
    const least = shareOf(day);
    const other = sorted[index + LEVEL_DAYS - 1];
    return other !== undefined && least >= LEVEL_SHARE_MIN && least >= LEVEL_ALIKE * shareOf(other);
  });
  return first < 0 ? undefined : sorted.slice(first, first + LEVEL_DAYS).toSorted();
}

/** Whether a day that is usual by a former level is nearer to it than to the level now. */
function isNearer(formerShare: number, share: number): boolean {
  const isUsual = formerShare >= PARTIAL_SHARE && formerShare <= EXCESS_TIMES;
  return isUsual && Math.abs(Math.log(formerShare)) < Math.abs(Math.log(share));
}

/**
 * Compares each day of a span with the median of the same weekday in the four weeks before, as far as these are known and
 * not odd themselves; a weekend has about 64 % of a midweek day. In November 2021 days of 467,591,439 rows fell to
 * 780,878, and 780,878 is not zero. Where the log stays at another level, its days are usual from then on, unless it comes
 * back within these weeks.
 */
export function oddDaysOf(span: Span, rows: PartitionRows): OddDays {
  const [partial, excess, shares] = [new Set<Day>(), new Set<Day>(), new Map<Day, number>()];
  const rowsOf = (day: Day) => rows.get(day) ?? 0;
  /** Since when the log is at its level, and since when it was at the one before. */
  let level = { start: span.start, before: span.start, odd: partial };
  /** The newest days, as far as they are as before the level. */
  let back: Day[] = [];
  for (const day of daysOf(span)) {
    const count = rowsOf(day);
    if (count === 0) continue;
    const weeks = Array.from({ length: USUAL_WEEKS }, (_, week) => addDays(day, -7 * (week + 1)));
    const known = weeks.filter((each) => rowsOf(each) > 0 && !partial.has(each) && !excess.has(each));
    const usual = known.filter((each) => each >= level.start).map(rowsOf);
    const former = known.filter((each) => each < level.start && each >= level.before).map(rowsOf);
    const share = usual.length === 0 ? undefined : count / median(usual);
    const formerShare = former.length === 0 ? undefined : count / median(former);
    const isBack = share !== undefined && formerShare !== undefined && isNearer(formerShare, share);
    back = isBack ? [...back, day] : [];
    if (back.length === BACK_DAYS) {
      const outage = daysOf({ start: level.start, end: back[0] ?? day });
      for (const each of back) (level.odd === partial ? excess : partial).delete(each);
      for (const each of outage) if (rowsOf(each) > 0) level.odd.add(each);
      level = { ...level, start: level.before };
      back = [];
    } else if (share !== undefined && usual.length >= USUAL_KNOWN_MIN) {
      shares.set(day, share);
      const odd = share < PARTIAL_SHARE ? partial : share > EXCESS_TIMES ? excess : undefined;
      odd?.add(day);
      const alike = odd && alikeOf(odd, shares, day);
      if (odd !== undefined && alike !== undefined) {
        for (const each of alike) odd.delete(each);
        level = { start: alike[0] ?? day, before: level.start, odd };
      }
    }
  }
  return { partial, excess, shares };
}

/**
 * Where the windows end. A newest day that has no rows yet in the whole table, or only a part of them, is
 * no low figure: the table is filled late now and then, and a badge must not sink because of that.
 *
 * @param rows Of `partitionSpan`, or more; undefined if the source cannot tell, and then nothing is known to be late.
 * @param odd Its odd days; undefined where the source does not hold every package's downloads: in somebody's export a day
 * without rows is one on which nothing was downloaded, and none is missing.
 * @param whereToLook What an operator can do about a table that is behind, as words in brackets.
 * @param published The last day of the badges that are published; it stays the last as long as it has rows, so that no
 * badge goes back.
 */
export function upstreamOf(
  asOf: Day,
  longestDays: number,
  rows: PartitionRows | undefined,
  odd: OddDays | undefined,
  whereToLook: string,
  published?: Day,
): Upstream {
  const reach = partitionSpan(asOf, longestDays);
  const newest = addDays(asOf, -1);
  const noOdd = { missingDays: [], partialDays: [], excessDays: [] };
  const nothing = { ...noOdd, end: asOf, lastDay: null, since: asOf, fault: undefined };
  if (rows === undefined) return nothing;
  const hasRows = (day: Day) => (rows.get(day) ?? 0) > 0;
  const failed = (fault: Upstream['fault'], lastDay?: Day): Upstream => {
    return { ...nothing, lastDay: lastDay ?? null, fault };
  };
  if (odd === undefined) {
    const lastDay = daysOf(reach).findLast(hasRows);
    if (lastDay !== undefined) return { ...nothing, lastDay, since: windowBefore(asOf, longestDays).start };
    const message = `there are no rows from ${reach.start} to ${newest} (${whereToLook}), or --as-of is wrong; the badges stay as they are`;
    return failed({ code: 'upstream-late', message });
  }

  const { partial, excess, shares } = odd;
  const mayGrow = (day: Day) => day === newest && (shares.get(day) ?? 1) < NEWEST_SHARE;
  const complete = daysOf(reach).findLast((day) => hasRows(day) && !partial.has(day) && !mayGrow(day));
  const lastDay = published !== undefined && (complete ?? '') < published ? published : complete;
  if (lastDay !== undefined && lastDay !== complete && !hasRows(lastDay)) {
    const message = `the table ends with ${complete ?? 'none of these days'}, and the badges with ${lastDay}, which it has lost: they stay as they are until it is back (${whereToLook})`;
    return failed({ code: 'upstream-back', message }, complete);
  }
  if (lastDay === undefined || dayNumber(newest) - dayNumber(lastDay) > LATE_DAYS_MAX) {
    const when = lastDay === undefined ? `from ${reach.start} to ${newest}` : `since ${lastDay}`;
    const message = `the table has no whole day ${when}, more than ${LATE_DAYS_MAX} days before ${asOf}; it is behind (${whereToLook}), or --as-of is wrong; the badges stay as they are`;
    return failed({ code: 'upstream-late', message }, lastDay);
  }
  const end = addDays(lastDay, 1);
  const window = windowBefore(end, longestDays);
  const days = daysOf(window);
  const oddDays = {
    missingDays: days.filter((day) => !hasRows(day)),
    partialDays: days.filter((day) => partial.has(day)),
    excessDays: days.filter((day) => excess.has(day)),
  };
  return { ...oddDays, end, lastDay, since: window.start, fault: undefined };
}
