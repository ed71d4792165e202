import { addDays, type Day, dayNumber } from './day.ts';

/** How many days before yesterday a day is; yesterday is the newest that can have been counted. */
export function daysBehind(countedTo: Day, today: Day): number {
  return dayNumber(addDays(today, -1)) - dayNumber(countedTo);
}

/**
 * Whether figures that were counted up to a day are too old, however often the collector ran since.
 *
 * @param thresholdDays `stale_threshold_days`.
 * @param today UTC.
 */
export function isStale(countedTo: Day, thresholdDays: number, today: Day): boolean {
  return daysBehind(countedTo, today) > thresholdDays;
}
