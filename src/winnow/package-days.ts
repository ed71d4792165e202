import type { Day } from '../days/day.ts';
import { type Breakdown, sumOf } from './breakdown.ts';

/**
 * The unit that everything published is made from: a package's days, each with its breakdown. Windows,
 * histories and charts are sums or slices of it.
 */
export interface PackageDays {
  /** UTC days, oldest first, without a gap. */
  readonly days: readonly Day[];
  /** One for each of `days`; null where nothing is known of the day, which is not the same as zero. */
  readonly breakdowns: readonly (Breakdown | null)[];
  /** Those of `days` of which the table had only a part. */
  readonly partialDays: readonly Day[];
}

/** A part of the days, by place. */
export function sliceDays(
  { days, breakdowns, partialDays }: PackageDays,
  start: number,
  end?: number,
): PackageDays {
  const part = days.slice(start, end);
  const [first = '', last = ''] = [part[0], part.at(-1)];
  return {
    days: part,
    breakdowns: breakdowns.slice(start, end),
    partialDays: partialDays.filter((day) => day >= first && day <= last),
  };
}

/** The last `count` days; all of them if there are fewer. */
export function lastDays(all: PackageDays, count: number): PackageDays {
  return sliceDays(all, Math.max(0, all.days.length - count));
}

/** The breakdowns of the days that are known. */
export function knownDays({ breakdowns }: PackageDays): Breakdown[] {
  return breakdowns.filter((breakdown) => breakdown !== null);
}

/** The sum of days; days of which nothing is known add nothing. */
export function totalOf(days: PackageDays): Breakdown {
  return sumOf(knownDays(days));
}

/** Days of which nothing is known, oldest first. */
export function missingDaysOf({ days, breakdowns }: PackageDays): Day[] {
  return days.filter((_, index) => breakdowns[index] === null);
}
