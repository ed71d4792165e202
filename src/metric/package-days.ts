import { addDays, type Day, dayNumber, monthOfDay, type Span, spanDays } from '../days/day.ts';
import { append, sum } from '../util.ts';
import { type Breakdown, sumOf } from './breakdown.ts';

/** A package's day. */
export interface PackageDay {
  readonly day: Day;
  /** null where the day is unknown, or the table has nothing of it, which is not the same as zero. */
  readonly breakdown: Breakdown | null;
  /** Whether it is not known which downloads were by CI. */
  readonly isUnknown: boolean;
  /** Whether the table had only a part of it. */
  readonly isPartial: boolean;
}

/**
 * The unit that everything published is made from: UTC days of a package, oldest first, without a gap. Windows, histories
 * and charts are sums or slices of it.
 */
export type PackageDays = readonly PackageDay[];

/** The span of at least one day. */
export function spanOf(all: PackageDays): Span {
  return { start: all[0]?.day ?? '', end: addDays(all.at(-1)?.day ?? '', 1) };
}

/**
 * The days of two packages together, as far back as both go. A day of which nothing is known of one is not known of
 * both: a part of a sum would pass for the whole.
 *
 * @param one Ends with the same day as the other.
 */
export function together(one: PackageDays, other: PackageDays): PackageDays {
  const length = Math.min(one.length, other.length);
  const added = other.slice(-length);
  return one.slice(-length).map(({ day, breakdown, isUnknown, isPartial }, index) => {
    const more = added[index];
    return {
      day,
      breakdown: breakdown && more?.breakdown ? sumOf([breakdown, more.breakdown]) : null,
      isUnknown: isUnknown || more?.isUnknown === true,
      isPartial: isPartial || more?.isPartial === true,
    };
  });
}

/** A day of which the breakdown is known. */
export type KnownDay = PackageDay & { readonly breakdown: Breakdown };

/** The days that are known. */
export function knownDays(all: PackageDays): KnownDay[] {
  return all.filter((each): each is KnownDay => each.breakdown !== null);
}

/** The days that are known in full. */
export function wholeDaysOf(all: PackageDays): KnownDay[] {
  return knownDays(all).filter(({ isPartial }) => !isPartial);
}

/** The sum of days; days of which nothing is known add nothing. */
export function totalOf(all: PackageDays): Breakdown {
  return sumOf(knownDays(all).map(({ breakdown }) => breakdown));
}

/**
 * Days that are not known as a whole, oldest first: the table has nothing of them, it is not known which downloads were by CI, or
 * there is only a part.
 */
export function incompleteDaysOf(all: PackageDays) {
  const daysWith = (isOdd: (each: PackageDay) => boolean) => all.filter(isOdd).map(({ day }) => day);
  return {
    missing: daysWith(({ breakdown, isUnknown }) => breakdown === null && !isUnknown),
    unknown: daysWith(({ isUnknown }) => isUnknown),
    partial: daysWith(({ isPartial }) => isPartial),
  };
}

/** Part of a window's days that may be unknown. */
const UNKNOWN_SHARE = 1 / 10;

/** Whether enough is known of the last `windowDays` days for their sum to be published. */
export function isWindowKnown(all: PackageDays, windowDays: number): boolean {
  return incompleteDaysOf(all.slice(-windowDays)).unknown.length <= windowDays * UNKNOWN_SHARE;
}

/** Neighbouring days as one sum: a day, or the known days of a month. */
export interface Period extends Span {
  /** How many of its days are known; at least one. */
  readonly known: number;
  /** Whether it is a day of which the table had only a part. */
  readonly isPartial: boolean;
  readonly breakdown: Breakdown;
}

/** The known days of a history, each by itself. */
export function periodsOf(all: PackageDays): Period[] {
  return knownDays(all).map(({ day, breakdown, isPartial }) => ({
    start: day,
    end: addDays(day, 1),
    known: 1,
    isPartial,
    breakdown,
  }));
}

/** Periods, oldest first, as one; undefined if there are none. */
function joined(periods: readonly Period[]): Period | undefined {
  const [first, last] = [periods[0], periods.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const known = sum(periods, (period) => period.known);
  const breakdown = sumOf(periods.map((period) => period.breakdown));
  return { start: first.start, end: last.end, known, isPartial: false, breakdown };
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
    if (added === undefined) return [];
    const isPartial = period.isPartial || added.isPartial;
    return [{ ...period, isPartial, breakdown: sumOf([period.breakdown, added.breakdown]) }];
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
