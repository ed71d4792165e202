import { lastDays, type PackageDays, sliceDays } from './package-days.ts';

/** Share of a window's days that must be known in full for its mean to mean something. */
const KNOWN_SHARE = 1 / 2;

/** The mean non-CI count of the days that are known in full; undefined if fewer than half of them are. */
function dailyMean({ days, breakdowns, partialDays }: PackageDays): number | undefined {
  const counts = days.flatMap((day, index) => {
    const breakdown = breakdowns[index];
    return breakdown && !partialDays.includes(day) ? [breakdown.count] : [];
  });
  if (counts.length === 0 || counts.length < days.length * KNOWN_SHARE) return undefined;
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
  if (before === undefined || now === undefined || before === 0) return undefined;
  return now / before - 1;
}
