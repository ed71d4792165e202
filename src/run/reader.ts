import { type Day, dayOf, daysOf, type Span, spanDays } from '../days/day.ts';
import { type KnownDays, type Need, type PlannedRead, readsWhole } from '../plan/plan.ts';
import type { PivotRow } from '../sources/query.ts';
import { type Answer, type QueryCost, type Source, SourceError } from '../sources/source.ts';
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
  readonly signal?: AbortSignal | undefined;
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
  { ledgers, known, needs, asOf, now }: ReaderInput,
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
    need?.span ?? span,
    dayOf(now()),
  );
  await ledgers.save(packageName, ledger);
  return { ledger, changes: changesBetween(before, ledger, span) };
}

export function createReader(input: ReaderInput): Reader {
  const { source, ledgers, book, signal } = input;
  const { billed, keepsLedger } = source.traits;
  const asked = new Map<PlannedRead, Promise<ReadonlyMap<string, PackageRead>>>();

  async function ask(planned: PlannedRead): Promise<Answer> {
    const { packages, span, expectedBytes } = planned;
    if (billed) {
      for (const name of packages) await ledgers.demandRoom(name, spanDays(span));
    }
    const label = packages.length === 1 ? packages[0] : `(${span.start} for ${packages.length})`;
    return book.query(
      { label, expectedBytes, purpose: { packages, span } },
      () => source.read({ packages, span }, signal),
      (result) => billOf(result, expectedBytes),
    );
  }

  async function carryOut(planned: PlannedRead): Promise<ReadonlyMap<string, PackageRead>> {
    const brought = new Map<string, PackageRead>();
    const { rows, failures, cost } = await ask(planned);
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
