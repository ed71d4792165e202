import { sum } from '../util.ts';
import { type PackageDays, wholeDaysOf } from './package-days.ts';
import { spikesOf } from './spikes.ts';

/** Share of a window's days that must be known in full for its mean to mean something. */
const KNOWN_SHARE = 1 / 2;

/** The mean non-CI count of the days that are known in full; undefined if fewer than half of them are. */
function dailyMean(all: PackageDays): number | undefined {
  const days = wholeDaysOf(all);
  if (days.length < all.length * KNOWN_SHARE) return undefined;
  return sum(days, ({ breakdown }) => breakdown.count) / days.length;
}

/**
 * The share by which a window's non-CI count a day has changed against the window of the same length before it. Days
 * that are missing or incomplete are left out of both, so that an outage is no trend.
 *
 * @param all Days up to the end of the window; what is known of the window before among them.
 * @returns Undefined if there is nothing to compare with: too little is known of either, or nothing was counted before.
 * Null where a spike in either window makes it mean nothing.
 */
export function trendOf(all: PackageDays, windowDays: number): number | null | undefined {
  const before = all.slice(0, -windowDays);
  if (before.length < windowDays) return undefined;
  const [then, now] = [before, all].map((days) => dailyMean(days.slice(-windowDays)));
  if (now === undefined || !then) return undefined;
  const isSpiked = [before, all].some((days) => spikesOf(days, windowDays).length > 0);
  return isSpiked ? null : now / then - 1;
}
