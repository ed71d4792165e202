import { OperatorError } from '../errors/error.ts';
import { isCount } from './count.ts';
import type { Month } from './ledger.ts';

/*
 * What was billed, by calendar month (UTC), and what is being asked right now. The latter is written
 * down before each query: if the run is killed during it, the next run counts it as billed.
 */

export interface MonthSpend {
  readonly bytesBilled: number;
  readonly queries: number;
}

/** A query that was sent, or is about to be, and has not been accounted for. */
export interface PendingQuery {
  readonly month: Month;
  /** What it is expected to bill. */
  readonly bytes: number;
}

export interface Spend {
  readonly months: Readonly<Record<Month, MonthSpend>>;
  /** By what is asked: a package's name, or REVISIONS. */
  readonly pending: Readonly<Record<string, PendingQuery>>;
}

export const EMPTY_MONTH: MonthSpend = { bytesBilled: 0, queries: 0 };

export const EMPTY_SPEND: Spend = { months: {}, pending: {} };

/** Stands for the question about revisions; no package can be called this. */
export const REVISIONS = '(revisions)';

/** What a day of a package bills that was never read, in bytes: the larger packages' measure. */
export const BYTES_PER_UNSEEN_DAY = 160_000_000;

const GIB = 1024 ** 3;
const VERSION = 1;

/** The month of an instant, in UTC. */
export function monthOf(instant: Date): Month {
  return instant.toISOString().slice(0, 7);
}

/** The first day of the month after. */
export function nextMonthStart(month: Month): string {
  const [year = 0, number = 0] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number, 1)).toISOString().slice(0, 10);
}

/** The text of spend.json. */
export function serializeSpend({ months, pending }: Spend): string {
  const value = {
    version: VERSION,
    months: Object.fromEntries(
      Object.entries(months).map(([month, { bytesBilled, queries }]) => [
        month,
        { bytes_billed: bytesBilled, queries },
      ]),
    ),
    pending,
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

function entriesOf(value: unknown): [string, Record<string, unknown>][] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = Object.entries(value);
  return entries.every(([, entry]) => typeof entry === 'object' && entry !== null) ? entries : undefined;
}

/** Reads the text of spend.json; undefined if it is not sound. */
export function parseSpend(text: string): Spend | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { version, months, pending } = (value ?? {}) as Record<string, unknown>;
  const monthEntries = entriesOf(months);
  const pendingEntries = entriesOf(pending);
  if (version !== VERSION || monthEntries === undefined || pendingEntries === undefined) return undefined;
  const sound =
    monthEntries.every(([, { bytes_billed, queries }]) => isCount(bytes_billed) && isCount(queries)) &&
    pendingEntries.every(([, { month, bytes }]) => typeof month === 'string' && isCount(bytes));
  if (!sound) return undefined;
  return {
    months: Object.fromEntries(
      monthEntries.map(([month, { bytes_billed, queries }]) => [
        month,
        { bytesBilled: bytes_billed as number, queries: queries as number },
      ]),
    ),
    pending: pending as Spend['pending'],
  };
}

/** The spend with one more query that billed so much. */
export function withQuery(spend: Spend, month: Month, bytesBilled: number): Spend {
  const before = spend.months[month] ?? EMPTY_MONTH;
  const after = { bytesBilled: before.bytesBilled + bytesBilled, queries: before.queries + 1 };
  return { ...spend, months: { ...spend.months, [month]: after } };
}

/** The spend after a run that may have been killed: what was being asked counts as billed as expected. */
export function withPendingBilled(spend: Spend): Spend {
  return Object.values(spend.pending).reduce((total, { month, bytes }) => withQuery(total, month, bytes), {
    ...spend,
    pending: {},
  } as Spend);
}

/** Bytes of a month that are billed or about to be. */
export function committedBytes(spend: Spend, month: Month): number {
  return Object.values(spend.pending)
    .filter((query) => query.month === month)
    .reduce((total, { bytes }) => total + bytes, spend.months[month]?.bytesBilled ?? 0);
}

/** Bytes as GiB, for people. */
export function gib(bytes: number): string {
  const value = (bytes / GIB).toLocaleString('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return `${value} GiB`;
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
  const when =
    bytes > budgetBytes
      ? 'it can never run within this budget'
      : `it can run from ${nextMonthStart(month)} (UTC)`;
  throw new BudgetError(
    `the month's budget would be passed: ${gib(committed)} of ${gib(budgetBytes)} are billed in ${month}, and this needs about ${gib(bytes)}; ${when}, or raise bigquery.monthly_budget_gib`,
  );
}

/** Keeps the spend of a run, and writes every change down before the next step is taken. */
export interface SpendBook {
  readonly current: Spend;
  /**
   * Runs `ask`, having written down that it is expected to bill so much, and then what it really billed.
   *
   * @throws BudgetError without asking, if that would pass the budget.
   */
  query<T>(
    what: string,
    expectedBytes: number,
    ask: () => Promise<T>,
    billedBy: (result: T | Error) => number,
  ): Promise<T>;
}

/**
 * @param save Makes a state durable.
 * @param budgetBytes Most bytes to be billed in a month, or null for no limit.
 */
export function openSpendBook(
  initial: Spend,
  save: (spend: Spend) => Promise<void>,
  budgetBytes: number | null,
  now: () => Date,
): SpendBook {
  let current = withPendingBilled(initial);
  let saved = Promise.resolve();
  // One after another, and always the newest state: packages may be read side by side.
  const write = (spend: Spend): Promise<void> => {
    current = spend;
    const next = saved.catch(() => undefined).then(() => save(current));
    saved = next;
    return next;
  };
  return {
    get current() {
      return current;
    },
    async query(what, expectedBytes, ask, billedBy) {
      const month = monthOf(now());
      const bytes = Math.ceil(expectedBytes);
      demandBudget(current, month, bytes, budgetBytes);
      await write({ ...current, pending: { ...current.pending, [what]: { month, bytes } } });
      const settle = async (bytesBilled: number) => {
        const { [what]: _, ...pending } = current.pending;
        await write(withQuery({ ...current, pending }, month, bytesBilled));
      };
      try {
        const result = await ask();
        await settle(billedBy(result));
        return result;
      } catch (error) {
        if (what in current.pending) await settle(billedBy(error as Error));
        throw error;
      }
    },
  };
}
