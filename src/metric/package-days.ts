import { addDays, type Day, dayNumber, monthOfDay, type Span, spanDays } from '../days/day.ts';
import { append } from '../util.ts';
import { type Breakdown, sumOf } from './breakdown.ts';

/**
 * The unit that everything published is made from: a package's days, each with its breakdown. Windows,
 * histories and charts are sums or slices of it.
 */
export interface PackageDays {
  /** UTC days, oldest first, without a gap. */
  readonly days: readonly Day[];
  /** One for each of `days`; null where the day is unknown, or the table has nothing of it, which is not the same as zero. */
  readonly breakdowns: readonly (Breakdown | null)[];
  /** Those of `days` of which it is not known which downloads were by CI, oldest first. */
  readonly unknownDays: readonly Day[];
  /** Those of `days` of which the table had only a part. */
  readonly partialDays: readonly Day[];
}

/** A part of the days, by place. */
export function sliceDays(
  { days, breakdowns, unknownDays, partialDays }: PackageDays,
  start: number,
  end?: number,
): PackageDays {
  const part = days.slice(start, end);
  const isPart = (day: Day) => day >= (part[0] ?? '') && day <= (part.at(-1) ?? '');
  return {
    days: part,
    breakdowns: breakdowns.slice(start, end),
    unknownDays: unknownDays.filter(isPart),
    partialDays: partialDays.filter(isPart),
  };
}

/** The last `count` days; all of them if there are fewer. */
export function lastDays(all: PackageDays, count: number): PackageDays {
  return sliceDays(all, Math.max(0, all.days.length - count));
}

/**
 * The days of two packages together, as far back as both go. A day of which nothing is known of one is not known of
 * both: a part of a sum would pass for the whole.
 *
 * @param one Ends with the same day as the other.
 */
export function together(one: PackageDays, other: PackageDays): PackageDays {
  const length = Math.min(one.days.length, other.days.length);
  const [a, b] = [lastDays(one, length), lastDays(other, length)];
  return {
    days: a.days,
    breakdowns: a.breakdowns.map((breakdown, index) => {
      const added = b.breakdowns[index];
      return breakdown === null || added == null ? null : sumOf([breakdown, added]);
    }),
    unknownDays: [...new Set([...a.unknownDays, ...b.unknownDays])].toSorted(),
    partialDays: [...new Set([...a.partialDays, ...b.partialDays])].toSorted(),
  };
}

/** The breakdowns of the days that are known. */
export function knownDays({ breakdowns }: PackageDays): Breakdown[] {
  return breakdowns.filter((breakdown) => breakdown !== null);
}

/** The sum of days; days of which nothing is known add nothing. */
export function totalOf(days: PackageDays): Breakdown {
  return sumOf(knownDays(days));
}

/** Days of which the table has nothing at all, oldest first. */
export function missingDaysOf({ days, breakdowns, unknownDays }: PackageDays): Day[] {
  return days.filter((day, index) => breakdowns[index] === null && !unknownDays.includes(day));
}

/** Part of a window's days that may be unknown. */
const UNKNOWN_SHARE = 1 / 10;

/** Whether enough is known of the last `windowDays` days for their sum to be published. */
export function isWindowKnown(all: PackageDays, windowDays: number): boolean {
  return lastDays(all, windowDays).unknownDays.length <= windowDays * UNKNOWN_SHARE;
}

/** Neighbouring days as one sum: a day, or the known days of a month. */
export interface Period extends Span {
  /** How many of its days are known; at least one. */
  readonly known: number;
  readonly breakdown: Breakdown;
}

/** The known days of a history, each by itself. */
export function periodsOf({ days, breakdowns }: Pick<PackageDays, 'days' | 'breakdowns'>): Period[] {
  return days.flatMap((day, index) => {
    const breakdown = breakdowns[index];
    return breakdown ? [{ start: day, end: days[index + 1] ?? addDays(day, 1), known: 1, breakdown }] : [];
  });
}

/** Periods, oldest first, as one; undefined if there are none. */
function joined(periods: readonly Period[]): Period | undefined {
  const [first, last] = [periods[0], periods.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const known = periods.reduce((sum, period) => sum + period.known, 0);
  const breakdown = sumOf(periods.map((period) => period.breakdown));
  return { start: first.start, end: last.end, known, breakdown };
}

/** Periods by month; each lies in one. */
export function byMonth(periods: readonly Period[]): Period[] {
  const months = new Map<string, Period[]>();
  for (const period of periods) append(months, monthOfDay(period.start), period);
  return [...months.values()].flatMap((parts) => joined(parts) ?? []);
}

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
 * @param periods Oldest first.
 * @param end The day after the last that is wanted.
 * @returns undefined if no day is known.
 */
export function totalSince(periods: readonly Period[], end: Day): Total | undefined {
  const all = joined(periods);
  if (all === undefined) return undefined;
  const { start, known, breakdown } = all;
  return { since: start, count: breakdown.count, unknownDays: spanDays({ start, end }) - known };
}

/** The periods of which both packages know the same days, added up: a part of a sum would pass for the whole. */
export function periodsTogether(one: readonly Period[], other: readonly Period[]): Period[] {
  const keyOf = ({ start, end, known }: Period) => `${start} ${end} ${known}`;
  const others = new Map(other.map((period) => [keyOf(period), period]));
  return one.flatMap((period) => {
    const added = others.get(keyOf(period));
    return added === undefined ? [] : [{ ...period, breakdown: sumOf([period.breakdown, added.breakdown]) }];
  });
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

/** Share of a window's days that must be known in full for its mean to mean something. */
const KNOWN_SHARE = 1 / 2;

/** The breakdowns of the days that are known in full. */
export function wholeDaysOf(all: PackageDays): Breakdown[] {
  return periodsOf(all).flatMap(({ start, breakdown }) => (all.partialDays.includes(start) ? [] : breakdown));
}

/** The mean non-CI count of the days that are known in full; undefined if fewer than half of them are. */
function dailyMean(all: PackageDays): number | undefined {
  const counts = wholeDaysOf(all).map(({ count }) => count);
  if (counts.length < all.days.length * KNOWN_SHARE) return undefined;
  return counts.reduce((sum, count) => sum + count, 0) / counts.length;
}

/**
 * The share by which a window's non-CI count a day has changed against the window of the same length before it. Days
 * that are missing or incomplete are left out of both, so that an outage is no trend.
 *
 * @param all Days up to the end of the window; what is known of the window before among them.
 * @returns Undefined if there is nothing to compare with: too little is known of either, or nothing was counted before.
 */
export function trendOf(all: PackageDays, windowDays: number): number | undefined {
  const start = all.days.length - 2 * windowDays;
  if (start < 0) return undefined;
  const before = dailyMean(sliceDays(all, start, start + windowDays));
  const now = dailyMean(lastDays(all, windowDays));
  return now === undefined || !before ? undefined : now / before - 1;
}
