import { type Day, dayNumber } from '../days/day.ts';
import { OperatorError } from '../errors/error.ts';
import { formatGib } from '../format.ts';

/*
 * The account of money: what was billed, by calendar month (UTC), and what is being asked right now. This
 * file is its arithmetic; spend.ts keeps it on the disk.
 */

/** A calendar month in UTC, `YYYY-MM`. */
export type Month = string;

export interface MonthSpend {
  readonly bytesBilled: number;
  readonly queries: number;
}

/** What the queries of one package, or of days of one age, took in a month. */
export interface Bill extends MonthSpend {
  readonly daysScanned: number;
  /** What the source had said that they would read at most; absent where it was not asked. */
  readonly bytesEstimated?: number;
}

/** Bills by month. */
export type Bills = ReadonlyMap<Month, Bill>;

/** A query that was sent, or is about to be, and has not been accounted for. */
export interface PendingQuery {
  readonly month: Month;
  /** What it is expected to bill. */
  readonly bytes: number;
}

export interface Spend {
  readonly months: ReadonlyMap<Month, MonthSpend>;
  /** By what is asked: a package's name, or a word in parentheses. */
  readonly pending: ReadonlyMap<string, PendingQuery>;
  /** By package, the newest months only: what a day of it bills is learnt from here. */
  readonly packages: ReadonlyMap<string, Bills>;
  /** By month: what a day read once for all bills is learnt from here. */
  readonly shared: Bills;
  /** By the age of the day that was read: what a newest day bills against older ones has not been published. */
  readonly ages: ReadonlyMap<string, Bill>;
}

export const EMPTY_MONTH: MonthSpend = { bytesBilled: 0, queries: 0 };
export const EMPTY_BILL: Bill = { ...EMPTY_MONTH, daysScanned: 0 };

export const EMPTY_SPEND: Spend = {
  months: new Map(),
  pending: new Map(),
  packages: new Map(),
  shared: new Map(),
  ages: new Map(),
};

/** Months of bills that are kept to learn from. */
const KEPT_MONTHS = 2;

/** The month of an instant, in UTC. */
export function monthOf(instant: Date): Month {
  return instant.toISOString().slice(0, 7);
}

/** The first day of the month after. */
export function nextMonthStart(month: Month): Day {
  const [year = 0, number = 0] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number, 1)).toISOString().slice(0, 10);
}

const AGES: readonly (readonly [label: string, days: number])[] = [
  ['1', 1],
  ['2-7', 7],
  ['8-35', 35],
  ['36+', Number.POSITIVE_INFINITY],
];

export const AGE_LABELS: readonly string[] = AGES.map(([label]) => label);

/** In which group of ages a day falls that is read on another: `1` is yesterday. */
export function ageOf(day: Day, today: Day): string {
  const age = dayNumber(today) - dayNumber(day);
  return AGES.find(([, most]) => age <= most)?.[0] ?? '36+';
}

/** Two bills as one. */
function plus(bill: Bill | undefined, more: Bill): Bill {
  const { daysScanned, bytesBilled, queries, bytesEstimated } = bill ?? EMPTY_BILL;
  const estimated = (bytesEstimated ?? 0) + (more.bytesEstimated ?? 0);
  return {
    daysScanned: daysScanned + more.daysScanned,
    bytesBilled: bytesBilled + more.bytesBilled,
    queries: queries + more.queries,
    ...(estimated === 0 ? {} : { bytesEstimated: estimated }),
  };
}

/** The spend with one more query that billed so much. */
export function withQuery(spend: Spend, month: Month, bytesBilled: number): Spend {
  const before = spend.months.get(month) ?? EMPTY_MONTH;
  const after = { bytesBilled: before.bytesBilled + bytesBilled, queries: before.queries + 1 };
  return { ...spend, months: new Map([...spend.months, [month, after]]) };
}

/** The spend after a run that may have been killed: what was being asked counts as billed as expected. */
export function withPendingBilled(spend: Spend): Spend {
  return [...spend.pending.values()].reduce<Spend>(
    (total, { month, bytes }) => withQuery(total, month, bytes),
    {
      ...spend,
      pending: new Map(),
    },
  );
}

/** Bytes of a month that are billed or about to be. */
export function committedBytes(spend: Spend, month: Month): number {
  return [...spend.pending.values()]
    .filter((query) => query.month === month)
    .reduce((total, { bytes }) => total + bytes, spend.months.get(month)?.bytesBilled ?? 0);
}

/** The bill of the latest month in which anything was; undefined if there is none. */
function latest(bills: Bills | undefined): Bill | undefined {
  const sorted = [...(bills ?? [])].toSorted(([a], [b]) => (a < b ? 1 : -1));
  return sorted.find(([, bill]) => bill.daysScanned > 0 && bill.bytesBilled > 0)?.[1];
}

function perDay(bill: Bill | undefined): number | undefined {
  return bill === undefined ? undefined : bill.bytesBilled / bill.daysScanned;
}

/**
 * Bytes that a day of a package billed when it was asked for alone, on average over the latest month that
 * billed anything; undefined if none did.
 */
export function bytesPerDay(spend: Spend, packageName: string): number | undefined {
  return perDay(latest(spend.packages.get(packageName)));
}

/** Bytes that a day billed when it was read once for many packages; undefined if none was. */
export function bytesPerSharedDay({ shared }: Spend): number | undefined {
  return perDay(latest(shared));
}

/**
 * What part of its estimate a question for many packages billed, at most 1; undefined if that is not known. Days of
 * different years differ tenfold in size, and the estimate knows that.
 */
export function billedPart({ shared }: Spend): number | undefined {
  const bill = latest(shared);
  if (bill?.bytesEstimated === undefined) return undefined;
  return Math.min(1, bill.bytesBilled / bill.bytesEstimated);
}

/** A query that was not sent, as it would pass the month's budget. */
export class BudgetError extends OperatorError {
  override name = 'BudgetError';

  constructor(message: string) {
    super('budget', message);
  }
}

/**
 * Refuses what would pass the budget.
 *
 * @param budgetBytes Most bytes to be billed in a month, or null for no limit.
 * @throws BudgetError with spent, expected, budget, and when it can run.
 */
export function demandBudget(spend: Spend, month: Month, bytes: number, budgetBytes: number | null): void {
  const committed = committedBytes(spend, month);
  if (budgetBytes === null || committed + bytes <= budgetBytes) return;
  const raise = 'raise bigquery.monthly_budget_gib';
  const when =
    bytes > budgetBytes
      ? `it can never run within this budget; ${raise}`
      : `it can run from ${nextMonthStart(month)} (UTC), or ${raise}`;
  throw new BudgetError(
    `the month's budget would be passed: ${formatGib(committed)} of ${formatGib(budgetBytes)} are billed in ${month}, and this needs about ${formatGib(bytes)}; ${when}`,
  );
}

/** Who and what a query was for, so that its price can be learnt. */
export interface Purpose {
  readonly today: Day;
  /** Packages that were asked for. */
  readonly packages: readonly string[];
  readonly days: readonly Day[];
  /** What the source had said that it would read at most, in bytes; absent if it was not asked. */
  readonly estimatedBytes?: number | undefined;
}

/** Bills with one more, of the newest months. */
function withBill(bills: Bills | undefined, month: Month, bill: Bill): Bills {
  const all = new Map([...(bills ?? []), [month, plus(bills?.get(month), bill)]]);
  return new Map([...all].toSorted(([a], [b]) => (a < b ? -1 : 1)).slice(-KEPT_MONTHS));
}

/**
 * The spend with a bill under what it tells the price of.
 *
 * @param ownBills Those of the spend's packages. They are changed in place: there are thousands, with a query each.
 */
export function withPurpose(
  spend: Spend,
  ownBills: Map<string, Bills>,
  month: Month,
  bytesBilled: number,
  { today, packages, days, estimatedBytes }: Purpose,
): Spend {
  const bill = { daysScanned: days.length, bytesBilled, queries: 1 };
  const [name, ...others] = packages;
  if (name === undefined) return spend;
  // What a day bills for all together says nothing of what it bills for one of them.
  if (others.length > 0) {
    const told = estimatedBytes === undefined ? bill : { ...bill, bytesEstimated: estimatedBytes };
    return { ...spend, shared: withBill(spend.shared, month, told) };
  }
  ownBills.set(name, withBill(ownBills.get(name), month, bill));
  const ages = new Map(spend.ages);
  const [age, ...older] = new Set(days.map((day) => ageOf(day, today)));
  // Only a query over days of one age tells what such a day bills.
  if (age !== undefined && older.length === 0) {
    ages.set(age, plus(ages.get(age), bill));
  }
  return { ...spend, ages };
}
