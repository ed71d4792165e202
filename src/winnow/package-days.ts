import type { Day } from '../days/day.ts';
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
  const [first = '', last = ''] = [part[0], part.at(-1)];
  const isPart = (day: Day) => day >= first && day <= last;
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
