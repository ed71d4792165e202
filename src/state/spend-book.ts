import { dayOf, daysOf, type Span } from '../days/day.ts';
import {
  billedPart,
  bytesPerDay,
  bytesPerSharedDay,
  demandBudget,
  type Month,
  monthOf,
  type Spend,
  withPendingBilled,
  withPurpose,
  withQuery,
} from './bills.ts';
import type { Lock } from './lock.ts';
import type { SpendFile } from './spend.ts';

/** A query as the account sees it. */
export interface BilledQuery {
  /** What is asked: a package's name, or words in parentheses. */
  readonly label: string;
  readonly expectedBytes: number;
  /** What it is for; absent where its price tells nothing about a package's days. */
  readonly purpose?: {
    readonly packages: readonly string[];
    readonly span: Span;
    readonly estimatedBytes?: number | undefined;
  };
}

/** Keeps the spend of a run, and writes every change down before the next step is taken. */
export interface SpendBook {
  /** Bytes that a day of the package billed before; undefined if it never did. */
  bytesPerDay(packageName: string): number | undefined;
  /** Bytes that a day billed when it was read once for many packages; undefined if none was. */
  bytesPerSharedDay(): number | undefined;
  /** What part of its estimate a question for many packages billed; undefined if that is not known. */
  billedPart(): number | undefined;
  /** @throws BudgetError if a query that is expected to bill so much would pass the budget. */
  demand(expectedBytes: number): void;
  /**
   * Runs `ask`, having written down that it is expected to bill so much, and then what it really billed. If
   * that cannot be written, the answer is returned all the same, as it was paid for; the next query is
   * then not sent.
   *
   * @param billOf What was billed, and whether that tells the price: a cached answer does not.
   * @throws BudgetError without asking, if that would pass the budget; OperatorError, also without asking, if the disk
   * refuses or the lock is lost.
   */
  query<T>(
    query: BilledQuery,
    ask: () => Promise<T>,
    billOf: (result: T | Error) => { readonly bytes: number; readonly telling: boolean },
  ): Promise<T>;
  /** Writes down what is not yet, and keeps a copy. */
  close(): Promise<void>;
}

/**
 * @param file Where the spend is kept; undefined for a source that bills nothing.
 * @param budgetBytes Most bytes to be billed in a month, or null for no limit.
 * @param assertHeld Throws if another run may be under way, whose queries this one does not know of.
 */
export async function openSpendBook(
  file: SpendFile | undefined,
  budgetBytes: number | null,
  now: () => Date,
  assertHeld: Lock['assertHeld'],
): Promise<SpendBook> {
  const initial = await file?.load();
  if (file === undefined || initial === undefined) return freeBook(assertHeld);
  const packages = new Map(initial.packages);
  let current: Spend = { ...withPendingBilled(initial), packages };
  let unsaved = initial.pending.size > 0;
  let noted = Promise.resolve();
  // One after another, and always the newest state: packages may be read side by side.
  const write = (spend: Spend): Promise<void> => {
    current = spend;
    unsaved = true;
    noted = noted
      .catch(() => undefined)
      .then(() => {
        assertHeld();
        return file.note(current);
      });
    return noted;
  };

  const without = (label: string) => {
    const pending = new Map(current.pending);
    pending.delete(label);
    return pending;
  };

  async function account(
    { purpose }: BilledQuery,
    label: string,
    month: Month,
    bytes: number,
    telling: boolean,
  ) {
    const counted = withQuery({ ...current, pending: without(label) }, month, bytes);
    const spend =
      purpose === undefined || !telling
        ? counted
        : withPurpose(counted, packages, month, bytes, {
            ...purpose,
            today: dayOf(now()),
            days: daysOf(purpose.span),
          });
    // What was paid for must not be lost because the bill cannot be written; the next query finds out.
    await write(spend).catch(() => undefined);
  }

  const demand = (expectedBytes: number) =>
    demandBudget(current, monthOf(now()), Math.ceil(expectedBytes), budgetBytes);

  return {
    bytesPerDay: (packageName) => bytesPerDay(current, packageName),
    bytesPerSharedDay: () => bytesPerSharedDay(current),
    billedPart: () => billedPart(current),
    demand,
    async query(query, ask, billOf) {
      demand(query.expectedBytes);
      const month = monthOf(now());
      const bytes = Math.ceil(query.expectedBytes);
      let { label } = query;
      // Of a package that is part of two questions that fell apart, both may be under way.
      for (let more = 2; current.pending.has(label); more += 1) label = `${query.label} (${more})`;
      const pending = new Map([...current.pending, [label, { month, bytes }]]);
      try {
        await write({ ...current, pending });
        // Whoever gets the lock after this finds the query among those that may have been billed.
        assertHeld();
      } catch (error) {
        // It was not sent, so it is not pending either.
        current = { ...current, pending: without(label) };
        throw error;
      }
      try {
        const result = await ask();
        const bill = billOf(result);
        await account(query, label, month, bill.bytes, bill.telling);
        return result;
      } catch (error) {
        const bill = billOf(error as Error);
        await account(query, label, month, bill.bytes, false);
        throw error;
      }
    },
    async close() {
      await noted.catch(() => undefined);
      assertHeld();
      if (unsaved) await file.save(current);
      await file.backUp(current);
    },
  };
}

/** For a source that bills nothing. */
function freeBook(assertHeld: Lock['assertHeld']): SpendBook {
  return {
    bytesPerDay: () => undefined,
    bytesPerSharedDay: () => undefined,
    billedPart: () => undefined,
    demand: () => undefined,
    async query(_, ask) {
      assertHeld();
      return ask();
    },
    close: async () => undefined,
  };
}
