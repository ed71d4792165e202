import type { Day } from '../days/day.ts';
import { median } from '../util.ts';
import type { PackageDays } from './package-days.ts';

/*
 * Days on which a package had many times its usual downloads, most often by one client. The thresholds are those of a
 * simulation that tests/metric/spikes.test.ts repeats.
 */

/** A spike has more than so many times the typical day, which is taken as 1 where it is less. */
const TIMES = 10;
/** And at least so many downloads: a package with 0.3 a day has none. */
const DOWNLOADS_MIN = 100;
/** Spikes are at most this part of the window's days; what comes more often is usual. */
const DAYS_SHARE = 1 / 4;
/** Together they make more than this part of the window's sum; else the sum is about right. */
const SUM_SHARE = 1 / 3;
/** Days that must be known to tell what is usual. */
const KNOWN_MIN = 7;

/** Least typical day that is told. */
const TYPICAL_MIN = 10;

/** A day and its non-CI downloads. */
export interface Spike {
  readonly day: Day;
  readonly count: number;
}

interface Counted extends Spike {
  readonly isComplete: boolean;
}

function countedDays({ days, breakdowns, partialDays }: PackageDays): Counted[] {
  return days.flatMap((day, index) => {
    const breakdown = breakdowns[index];
    return breakdown == null ? [] : [{ day, count: breakdown.count, isComplete: !partialDays.includes(day) }];
  });
}

/** Of the days that are known in full. */
const medianOf = (days: readonly Counted[]) =>
  median(days.flatMap(({ count, isComplete }) => (isComplete ? [count] : [])));

/** The known days of a window since the package's first download, as far as that is known. */
function livedDays(all: PackageDays, windowDays: number): Counted[] {
  const days = countedDays(all);
  const first = days.findIndex(({ count }) => count > 0);
  const start = all.days.at(-windowDays) ?? '';
  return first < 0 ? [] : days.slice(first).filter(({ day }) => day >= start);
}

/** The first days of a package before which it had none: a launch, however many downloads it brings. */
function launchDays(all: PackageDays, isMany: (count: number) => boolean): ReadonlySet<Day> {
  const days = countedDays(all);
  const first = days.findIndex(({ count }) => count > 0);
  if (first <= 0) return new Set();
  const after = days.slice(first);
  const end = after.findIndex(({ count }) => !isMany(count));
  return new Set(after.slice(0, end < 0 ? undefined : end).map(({ day }) => day));
}

/**
 * The spikes of a window, oldest first; none where too little is known.
 *
 * @param all The window's days at least; whether a day was a launch is seen from those before.
 */
export function spikesOf(all: PackageDays, windowDays: number): Spike[] {
  const lived = livedDays(all, windowDays);
  if (lived.length < KNOWN_MIN) return [];
  const usual = Math.max(medianOf(lived), 1);
  const isMany = (count: number) => count > TIMES * usual && count >= DOWNLOADS_MIN;
  const many = lived.filter(({ count }) => isMany(count));
  // Most packages end here, and this is asked of each window of each of them.
  if (many.length === 0) return [];
  const launch = launchDays(all, isMany);
  const spikes = many.filter(({ day }) => !launch.has(day));
  const sum = (list: readonly Spike[]) => list.reduce((total, { count }) => total + count, 0);
  const matters = spikes.length <= lived.length * DAYS_SHARE && sum(spikes) > sum(lived) * SUM_SHARE;
  return matters ? spikes.map(({ day, count }) => ({ day, count })) : [];
}

/** The median of the window's days that are known in full; undefined where that is too low to mean much. */
export function typicalDay(all: PackageDays, windowDays: number): number | undefined {
  const typical = medianOf(livedDays(all, windowDays));
  return typical < TYPICAL_MIN ? undefined : Math.round(typical);
}
