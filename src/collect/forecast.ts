import type { TrackedPackage } from '../config/config.ts';
import { dayNumber } from '../days/day.ts';
import {
  bytesPerDay,
  bytesPerSharedDay,
  committedBytes,
  EMPTY_MONTH,
  EMPTY_USAGE,
  monthOf,
  nextMonthStart,
  type Spend,
} from '../state/spend.ts';
import { GIB, MINIMUM_BILLED, sum } from '../util.ts';
import { FACET_BYTES_PER_DAY } from './facets.ts';
import {
  aloneBytes,
  BYTES_PER_UNSEEN_DAY,
  canFill,
  isWorthSharing,
  longestWindow,
  NEWEST_DAYS,
  type Need,
  packagesByDay,
  WHOLE_EVERY_DAYS,
} from './plan.ts';

/**
 * What reading a day for all packages is expected to bill where none was read so: 165 GiB, the upper end of an
 * estimate for 2026 (docs/cost-model.md), as nobody has published a figure.
 */
export const ASSUMED_SHARED_DAY_BYTES = 165 * GIB;

export interface ForecastEntry {
  readonly tracked: TrackedPackage;
  /** Whether its newest day was read from a source that could not tell its days. */
  readonly unsupported: boolean;
  /** What its ledger lacks. */
  readonly need: Need;
}

/**
 * Days that a daily run reads of a package: one, if the source tells which others changed (those are
 * few); else the newest two, and the whole window every seventh time.
 */
function daysARun({ tracked, unsupported }: ForecastEntry): number {
  if (!unsupported) return 1;
  const often = WHOLE_EVERY_DAYS - 1;
  return (often * NEWEST_DAYS + longestWindow(tracked)) / WHOLE_EVERY_DAYS;
}

/**
 * The two ways to read a day of the whole list: one query for each package, and one for all of them. Sizes in bytes.
 *
 * @param missing What each day that is missing now bills one by one.
 */
function dayPrices(
  aloneBytes: number,
  packages: number,
  missing: readonly number[],
  spend: Spend,
  budgetBytes: number | null,
) {
  const known = bytesPerSharedDay(spend);
  const sharedBytes = known ?? ASSUMED_SHARED_DAY_BYTES;
  const days = missing.filter((bytes) => isWorthSharing(bytes, sharedBytes)).length;
  return {
    aloneBytes,
    sharedBytes,
    basis: known === undefined ? 'an estimate' : 'its last bills',
    /** Whether that is cheaper, and worth asking for. */
    shares: packages > 1 && isWorthSharing(aloneBytes, sharedBytes),
    /** Whether the budget ever brings the windows so; if not, a run asks for packages one by one all the same. */
    held: canFill(sharedBytes, days * sharedBytes, budgetBytes),
    /** Packages like these at which the two are equal. */
    breakEvenPackages: Math.ceil(sharedBytes / (aloneBytes / packages)),
  };
}

/** What the tracked list costs. */
export type Forecast = ReturnType<typeof forecast>;

/**
 * What the list has cost in this month, and what it will. All sizes in bytes, all times in UTC.
 *
 * @param sharesDays Whether a day may be read for all packages where that is cheaper.
 * @param budgetBytes Most bytes to be billed in a month, or null for no limit.
 * @param facetsEveryDays After how many days facets are counted again; 0 for never.
 */
export function forecast(
  list: readonly ForecastEntry[],
  spend: Spend,
  budgetBytes: number | null,
  now: Date,
  sharesDays: boolean,
  facetsEveryDays: number,
) {
  const month = monthOf(now);
  const monthEnd = dayNumber(nextMonthStart(month));
  const daysInMonth = monthEnd - dayNumber(`${month}-01`);
  const daysLeft = monthEnd - dayNumber(now.toISOString().slice(0, 10)) - 1;

  const perDay = (name: string) => bytesPerDay(spend, name);
  const rate = ({ tracked }: ForecastEntry) => perDay(tracked.name) ?? BYTES_PER_UNSEEN_DAY;
  const typical = sum(list, rate) / list.length;
  const packages = list.map((entry) => {
    const bill = spend.packages.get(entry.tracked.name)?.get(month);
    return {
      package: entry.tracked.name,
      daysScanned: bill?.daysScanned ?? 0,
      bytesBilled: bill?.bytesBilled ?? 0,
      /** What a day of it bills alone, on average; what is assumed, if it never billed. */
      bytesPerDay: rate(entry),
    };
  });

  const { daysScanned, bytesBilled: sharedBytes } = spend.shared.get(month) ?? EMPTY_USAGE;
  const { queries } = spend.months.get(month) ?? EMPTY_MONTH;
  const bytesBilled = committedBytes(spend, month);
  const missing = [...packagesByDay(list.map(({ need }) => need)).values()].map((names) =>
    aloneBytes(names, perDay),
  );
  const day = sharesDays ? dayPrices(sum(list, rate), list.length, missing, spend, budgetBytes) : undefined;
  const alone = sum(list, (entry) => daysARun(entry) * rate(entry));
  const together = (day?.sharedBytes ?? 0) * Math.max(0, ...list.map(daysARun));
  const facetBytes = sum(list, ({ tracked }) => FACET_BYTES_PER_DAY * tracked.windows[0]);
  const facets = facetsEveryDays === 0 ? 0 : facetBytes / facetsEveryDays;
  const bytesADay = MINIMUM_BILLED + facets + (day?.shares ? together : alone);
  const missingBytes = sum(missing, (bytes) =>
    day?.held && isWorthSharing(bytes, day.sharedBytes) ? day.sharedBytes : bytes,
  );
  const goesOn = bytesBilled + missingBytes + bytesADay * daysLeft;
  const steadyBytes = bytesADay * daysInMonth;
  const room = budgetBytes === null ? null : budgetBytes - steadyBytes;
  const another = ((day?.shares ? 0 : typical) + facets / list.length) * daysInMonth;
  return {
    month,
    bytesBilled,
    queries,
    packages,
    /** Of days that were read once for all packages, in this month. */
    shared: { daysScanned, bytesBilled: sharedBytes },
    /** Billed in this month by nothing of these: questions about days, failed queries, packages no longer tracked. */
    otherBytes: Math.max(0, bytesBilled - sharedBytes - sum(packages, (entry) => entry.bytesBilled)),
    /** What the days bill that the windows lack now: the first filling, or what has come since the last run. */
    missingBytes,
    /** Billed by the end of this month, if it goes on like this; the budget lets no more through. */
    projectedBytes: Math.max(bytesBilled, Math.min(goesOn, budgetBytes ?? goesOn)),
    /** What a whole month of daily runs costs, when no package is new. */
    steadyBytes,
    /** What that month would cost if every run read its whole windows. */
    withoutLedgerBytes:
      (facets + sum(list, (entry) => rate(entry) * longestWindow(entry.tracked))) * daysInMonth,
    /** Undefined where days are not read for all. */
    day,
    /**
     * How many more packages like these a whole month's budget holds; null if there is no budget. Infinite where
     * a day is read for all, and no facets are counted.
     */
    morePackages: room === null ? null : Math.max(0, Math.floor(Math.max(0, room) / another) || 0),
  };
}
