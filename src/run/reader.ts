import { type Day, dayOf, daysOf, type Span, spanDays } from '../days/day.ts';
import { ERRORS } from '../errors/codes.ts';
import { expectedBill, type KnownDays, type Need, type PlannedRead, readsWhole } from '../plan/plan.ts';
import type { PivotRow } from '../sources/query.ts';
import {
  type Answer,
  addCost,
  NO_COST,
  type QueryCost,
  type Source,
  SourceError,
} from '../sources/source.ts';
import { type Ledger, type Ledgers, withDays, withoutOld } from '../state/ledger.ts';
import type { SpendBook } from '../state/spend-book.ts';
import type { DayChange } from './outcome.ts';

/** What a read needs from its run. */
export interface ReaderInput {
  readonly source: Source;
  readonly ledgers: Ledgers;
  readonly book: SpendBook;
  readonly known: KnownDays;
  readonly needs: ReadonlyMap<string, Need>;
  readonly asOf: Day;
  readonly fillsPast?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Is told of what an operator should know. */
  readonly warn: (message: string) => void;
  readonly now: () => Date;
}

/** What a question brought for one of its packages. */
export type PackageRead =
  | {
      readonly kind: 'answered';
      /** Absent where the rows are in the ledger. */
      readonly rows?: readonly PivotRow[];
      /** The ledger that the rows are in, where it is worth keeping in memory. */
      readonly ledger?: Ledger;
      readonly changes: readonly DayChange[];
      /** Its share of what the question took. */
      readonly cost: QueryCost;
    }
  | { readonly kind: 'failed'; readonly error: unknown };

/** Carries out planned questions, each once, however many packages wait for it. */
export interface Reader {
  /** What a question brings for a package that is part of it. */
  read(planned: PlannedRead, packageName: string): Promise<PackageRead>;
}

function total(rows: readonly { readonly downloads: number }[]): number {
  return rows.reduce((sum, { downloads }) => sum + downloads, 0);
}

/** The days of a span that a ledger had before, and that count otherwise now. */
function changesBetween(before: Ledger, after: Ledger, span: Span): DayChange[] {
  return daysOf(span).flatMap((day) => {
    const known = before.days.get(day);
    if (known === undefined) return [];
    const change = { day, before: total(known.rows), after: total(after.days.get(day)?.rows ?? []) };
    return change.before === change.after ? [] : [change];
  });
}

/** A query that failed without a bill may have been billed as expected; a cached answer tells no price. */
function billOf(result: Answer | Error, expected: number) {
  const cost = result instanceof Error && !(result instanceof SourceError) ? undefined : result.cost;
  return { bytes: cost?.bytesBilled ?? expected, telling: cost?.cacheHit === false };
}

function shareOf(cost: QueryCost, packages: number): QueryCost {
  return {
    ...cost,
    bytesProcessed: Math.floor(cost.bytesProcessed / packages),
    bytesBilled: Math.floor(cost.bytesBilled / packages),
  };
}

/** Saves an answer in the package's ledger: what was paid for must outlive whatever happens next. */
async function keep(
  { ledgers, known, needs, asOf, fillsPast, now }: ReaderInput,
  { span }: PlannedRead,
  packageName: string,
  rows: readonly PivotRow[],
): Promise<{ ledger: Ledger; changes: DayChange[] }> {
  const { ledger: before } = await ledgers.load(packageName);
  const partitionRowsOf = (day: Day) => (known.kind === 'told' ? (known.rows.get(day) ?? 0) : null);
  const need = needs.get(packageName);
  const whole = need !== undefined && readsWhole(need) && (before.wholeRead ?? '') < asOf;
  const grown = withDays(before, span, rows, partitionRowsOf);
  const ledger = withoutOld(
    { ...grown, wholeRead: whole ? asOf : before.wholeRead },
    // What fills the past is wanted as a sum only.
    fillsPast ? asOf : (need?.span ?? span).start,
    dayOf(now()),
  );
  await ledgers.save(packageName, ledger);
  return { ledger, changes: changesBetween(before, ledger, span) };
}

/** What a smaller question may well be answered to. */
function isTooMuch(error: unknown): error is SourceError {
  if (!(error instanceof SourceError)) return false;
  const { refused } = ERRORS[error.code];
  return (
    !error.affectsAll && (refused === true || ['truncated', 'timeout', 'too-large'].includes(error.code))
  );
}

export function createReader(input: ReaderInput): Reader {
  const { source, ledgers, book, signal } = input;
  const { billed, keepsLedger } = source.traits;
  const asked = new Map<PlannedRead, Promise<ReadonlyMap<string, PackageRead>>>();

  async function ask(planned: PlannedRead): Promise<Answer> {
    const { packages, span, expectedBytes } = planned;
    if (billed) await ledgers.demandRoom(packages[0], spanDays(span) * packages.length);
    const label = packages.length === 1 ? packages[0] : `(${span.start} for ${packages.length})`;
    return book.query(
      { label, expectedBytes, purpose: { packages, span } },
      () => source.read({ packages, span }, signal),
      (result) => billOf(result, expectedBytes),
    );
  }

  /** A question for several packages, in smaller ones if the source refuses it or its answer is too long. */
  async function askInParts(planned: PlannedRead): Promise<Answer> {
    try {
      return await ask(planned);
    } catch (error) {
      if (!isTooMuch(error) || planned.packages.length === 1) throw error;
      if (billed) {
        input.warn(
          `${planned.span.start} for ${planned.packages.length} packages together: ${error.message}; they are asked for one by one`,
        );
      }
      return askParts(planned, billed ? 1 : Math.ceil(planned.packages.length / 2), error);
    }
  }

  async function askParts(planned: PlannedRead, size: number, cause: SourceError): Promise<Answer> {
    const rows = new Map<string, readonly PivotRow[]>();
    const failures = new Map<string, SourceError>();
    let cost = cause.cost ?? NO_COST;
    for (let start = 0; start < planned.packages.length; start += size) {
      const [first, ...rest] = planned.packages.slice(start, start + size);
      if (first === undefined) break;
      const { span } = planned;
      const expectedBytes = billed ? expectedBill(span, book.bytesPerDay(first)) : 0;
      try {
        const part = await askInParts({ packages: [first, ...rest], span, expectedBytes });
        for (const [name, own] of part.rows) rows.set(name, own);
        for (const [name, error] of part.failures) failures.set(name, error);
        cost = addCost(cost, part.cost) ?? cost;
      } catch (error) {
        if (!(error instanceof SourceError) || error.affectsAll) throw error;
        for (const name of [first, ...rest]) failures.set(name, error);
      }
    }
    return { rows, failures, cost };
  }

  async function carryOut(planned: PlannedRead): Promise<ReadonlyMap<string, PackageRead>> {
    const brought = new Map<string, PackageRead>();
    const { rows, failures, cost } = await askInParts(planned);
    const share = shareOf(cost, planned.packages.length);
    for (const name of planned.packages) {
      const own = rows.get(name);
      if (own === undefined) {
        brought.set(name, { kind: 'failed', error: failures.get(name) });
        continue;
      }
      try {
        const answered = { kind: 'answered', cost: share } as const;
        if (!keepsLedger) {
          brought.set(name, { ...answered, rows: own, changes: [] });
          continue;
        }
        const { ledger, changes } = await keep(input, planned, name, own);
        // Thousands of ledgers are too much to hold; they are read again.
        const held = planned.packages.length === 1 ? { ledger } : {};
        brought.set(name, { ...answered, ...held, changes });
      } catch (error) {
        brought.set(name, { kind: 'failed', error });
      }
    }
    return brought;
  }

  return {
    async read(planned, packageName) {
      const answer = asked.get(planned) ?? carryOut(planned);
      asked.set(planned, answer);
      try {
        const brought = (await answer).get(packageName);
        return brought ?? { kind: 'failed', error: new Error(`no answer for ${packageName}`) };
      } catch (error) {
        return { kind: 'failed', error };
      } finally {
        // Rows that every package has taken need not stay in memory.
        if (planned.packages.at(-1) === packageName) asked.delete(planned);
      }
    },
  };
}
