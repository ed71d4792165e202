import { median, sum } from '../util.ts';
import { type KnownDay, knownDays, type PackageDays } from './package-days.ts';

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

/** The known days since the package's first download, as far as that is known. */
function livedDays(all: PackageDays): KnownDay[] {
  const first = all.findIndex(({ breakdown }) => breakdown !== null && breakdown.count > 0);
  return first < 0 ? [] : knownDays(all.slice(first));
}

/** Those of them that are in a window. */
function inWindow(lived: readonly KnownDay[], all: PackageDays, windowDays: number): KnownDay[] {
  const start = all.at(-windowDays)?.day ?? '';
  return lived.filter(({ day }) => day >= start);
}

/** Of the days that are known in full. */
const medianOf = (days: readonly KnownDay[]) =>
  median(days.flatMap(({ breakdown, isPartial }) => (isPartial ? [] : [breakdown.count])));

const countOf = ({ breakdown }: KnownDay) => breakdown.count;

/**
 * The spikes of a window, oldest first; none where too little is known.
 *
 * @param all The window's days at least; whether a day was a launch is seen from those before.
 */
export function spikesOf(all: PackageDays, windowDays: number): KnownDay[] {
  const lived = livedDays(all);
  const days = inWindow(lived, all, windowDays);
  if (days.length < KNOWN_MIN) return [];
  const usual = Math.max(medianOf(days), 1);
  const isMany = ({ breakdown: { count } }: KnownDay) => count > TIMES * usual && count >= DOWNLOADS_MIN;
  const isLaunch = knownDays(all)[0]?.breakdown.count === 0;
  // Days of a launch, with none before it, are no spikes, however many downloads they bring.
  const end = isLaunch ? lived.find((day) => !isMany(day))?.day : '';
  const spikes = days.filter((day) => isMany(day) && end !== undefined && day.day >= end);
  const matters =
    spikes.length <= days.length * DAYS_SHARE && sum(spikes, countOf) > sum(days, countOf) * SUM_SHARE;
  return matters ? spikes : [];
}

/** The median of the window's days that are known in full; undefined where that is too low to mean much. */
export function typicalDay(all: PackageDays, windowDays: number): number | undefined {
  const typical = medianOf(inWindow(livedDays(all), all, windowDays));
  return typical < TYPICAL_MIN ? undefined : Math.round(typical);
}
