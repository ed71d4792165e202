import type { TrackedPackage } from '../config/config.ts';
import { dayNumber } from '../days/day.ts';
import { bytesPerDay, type Ledger, type Month } from '../state/ledger.ts';
import {
  BYTES_PER_UNSEEN_DAY,
  committedBytes,
  EMPTY_MONTH,
  monthOf,
  nextMonthStart,
  type Spend,
} from '../state/spend.ts';
import { MINIMUM_BILLED, NEWEST_DAYS, WHOLE_EVERY_DAYS } from './plan.ts';

/** What one package has cost in a month. */
export interface PackageCost {
  readonly package: string;
  readonly daysScanned: number;
  readonly bytesBilled: number;
  /** What a day of it bills, on average; the assumption for a package never read, if none has billed. */
  readonly bytesPerDay: number;
}

/** What the tracked list costs. All sizes in bytes, all times in UTC. */
export interface Forecast {
  readonly month: Month;
  readonly bytesBilled: number;
  readonly queries: number;
  readonly packages: readonly PackageCost[];
  /** Billed in this month by nothing that is tracked: revisions, failed queries, packages no longer tracked. */
  readonly otherBytes: number;
  /** Billed by the end of this month, if it goes on like this. */
  readonly projectedBytes: number;
  /** What a whole month of daily runs costs, when no package is new. */
  readonly steadyBytes: number;
  /** What that month would cost if every run read its whole windows. */
  readonly withoutLedgerBytes: number;
  /** How many more packages like these a whole month's budget holds; null if there is no budget. */
  readonly morePackages: number | null;
}

/** A package and its ledger. */
export interface Tracked {
  readonly tracked: TrackedPackage;
  readonly ledger: Ledger;
}

/**
 * Days that a daily run reads of a package: one, if the source tells which others changed (those are
 * few); else the newest two, and the whole window every seventh time.
 */
function daysARun({ tracked, ledger }: Tracked): number {
  const newest = [...ledger.days].reduce<[string, number | null] | undefined>(
    (best, [day, { revision }]) => (best === undefined || day > best[0] ? [day, revision] : best),
    undefined,
  );
  if (newest === undefined || newest[1] !== null) return 1;
  const often = WHOLE_EVERY_DAYS - 1;
  return (often * NEWEST_DAYS + Math.max(...tracked.windows)) / WHOLE_EVERY_DAYS;
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((total, value) => total + of(value), 0);
}

/**
 * What the list has cost in this month, and what it will.
 *
 * @param budgetBytes Most bytes to be billed in a month, or null for no limit.
 */
export function forecast(
  list: readonly Tracked[],
  spend: Spend,
  budgetBytes: number | null,
  now: Date,
): Forecast {
  const month = monthOf(now);
  const monthEnd = dayNumber(nextMonthStart(month));
  const daysInMonth = monthEnd - dayNumber(`${month}-01`);
  const daysLeft = monthEnd - dayNumber(now.toISOString().slice(0, 10)) - 1;

  const known = list.flatMap(({ ledger }) => bytesPerDay(ledger) ?? []);
  const typical = known.length === 0 ? BYTES_PER_UNSEEN_DAY : sum(known, (bytes) => bytes) / known.length;
  const rate = ({ ledger }: Tracked) => bytesPerDay(ledger) ?? typical;
  const packages = list.map((entry) => ({
    package: entry.tracked.name,
    daysScanned: entry.ledger.billed[month]?.daysScanned ?? 0,
    bytesBilled: entry.ledger.billed[month]?.bytesBilled ?? 0,
    bytesPerDay: rate(entry),
  }));

  const { queries } = spend.months[month] ?? EMPTY_MONTH;
  const bytesBilled = committedBytes(spend, month);
  const bytesADay = MINIMUM_BILLED + sum(list, (entry) => daysARun(entry) * rate(entry));
  const steadyBytes = bytesADay * daysInMonth;
  const room = budgetBytes === null ? null : budgetBytes - steadyBytes;
  return {
    month,
    bytesBilled,
    queries,
    packages,
    otherBytes: Math.max(0, bytesBilled - sum(packages, (entry) => entry.bytesBilled)),
    projectedBytes: bytesBilled + bytesADay * daysLeft,
    steadyBytes,
    withoutLedgerBytes: sum(list, (entry) => rate(entry) * Math.max(...entry.tracked.windows)) * daysInMonth,
    morePackages: room === null ? null : Math.max(0, Math.floor(room / (typical * daysInMonth))),
  };
}
