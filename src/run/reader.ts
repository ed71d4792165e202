import { addDays, type Day, dayOf, spanDays } from '../days/day.ts';
import { ERRORS } from '../errors/codes.ts';
import { OperatorError } from '../errors/error.ts';
import {
  chunks,
  expectedBill,
  type KnownDays,
  type Need,
  type PlannedRead,
  readsWhole,
} from '../plan/plan.ts';
import type { PivotRow } from '../sources/query.ts';
import {
  type Answer,
  addCost,
  NO_COST,
  type QueryCost,
  type Source,
  SourceError,
} from '../sources/source.ts';
import { type Ledger, withDays, withoutOld } from '../state/ledger.ts';
import type { Ledgers } from '../state/ledgers.ts';
import { isOld } from '../state/old-days.ts';
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

/** A ledger with all that was read, saved. */
export interface FiledLedger {
  readonly ledger: Ledger;
  readonly changes: readonly DayChange[];
}

/** What a question brought for one of its packages. */
export type PackageRead =
  | {
      readonly kind: 'answered';
      /** Absent where they are kept for the ledger. */
      readonly rows?: readonly PivotRow[];
      /** The ledger that they are in by now; absent where they wait for it, or where it is not worth keeping in memory. */
      readonly ledger?: Ledger;
      readonly changes: readonly DayChange[];
      /** Its share of what the question took. */
      readonly cost: QueryCost;
    }
  | { readonly kind: 'failed'; readonly error: unknown };

/** Carries out planned questions, each once, however many packages wait for it. */
export interface Reader {
  /** What a question brings for a package that is part of it. Where a ledger is kept, it is safe on the disk by then. */
  read(planned: PlannedRead, packageName: string): Promise<PackageRead>;
  /**
   * The ledger of a package whose questions are all answered, with what waited for it.
   *
   * @throws OperatorError if the disk refuses, or has lost an answer.
   */
  file(packageName: string): Promise<FiledLedger>;
}

function total(rows: readonly { readonly downloads: number }[]): number {
  return rows.reduce((sum, { downloads }) => sum + downloads, 0);
}

/** The days that a ledger had before, and that count otherwise now. */
function changesBetween(before: Ledger, after: Ledger): DayChange[] {
  return [...before.days].flatMap(([day, known]) => {
    const fresh = after.days.get(day);
    if (fresh === undefined || fresh === known) return [];
    const change = { day, before: total(known.rows), after: total(fresh.rows) };
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

/** What a smaller question may well be answered to. */
function isTooMuch(error: unknown): error is SourceError {
  if (!(error instanceof SourceError)) return false;
  const { refused } = ERRORS[error.code];
  return (
    !error.affectsAll && (refused === true || ['truncated', 'timeout', 'too-large'].includes(error.code))
  );
}

/** What a planned question has brought so far. */
interface Brought {
  readonly reads: Map<string, PackageRead>;
  /** Whether it is about one package: thousands of ledgers are too much to hold, so they are read again. */
  readonly alone: boolean;
}

/**
 * Adds what a part of a planned question brought: a package that failed in one part has failed. Where days are asked
 * for in parts, their rows are in the ledger.
 */
function put({ reads }: Brought, name: string, read: PackageRead): void {
  const before = reads.get(name);
  if (before === undefined || read.kind === 'failed') {
    reads.set(name, read);
  } else if (before.kind === 'answered') {
    const changes = [...before.changes, ...read.changes];
    reads.set(name, { ...read, changes, cost: addCost(before.cost, read.cost) });
  }
}

export function createReader(input: ReaderInput): Reader {
  const { source, ledgers, book, known, needs, asOf, fillsPast, signal, now } = input;
  const { billed, keepsLedger } = source.traits;
  const asked = new Map<PlannedRead, Promise<ReadonlyMap<string, PackageRead>>>();
  /** How many days of each package were answered. */
  const answered = new Map<string, number>();
  const partitionRowsOf = (day: Day) => (known.kind === 'told' ? (known.rows.get(day) ?? 0) : null);

  async function save(name: string, saved: Ledger, grown: Ledger): Promise<FiledLedger> {
    const need = needs.get(name);
    const whole = need !== undefined && readsWhole(need) && (answered.get(name) ?? 0) >= need.days.length;
    const ledger = withoutOld(
      { ...grown, wholeRead: whole && (saved.wholeRead ?? '') < asOf ? asOf : saved.wholeRead },
      // What fills the past is wanted as a sum only.
      fillsPast || need === undefined ? asOf : need.span.start,
      dayOf(now()),
    );
    await ledgers.save(name, ledger);
    return { ledger, changes: changesBetween(saved, ledger) };
  }

  /**
   * Makes an answer outlive whatever happens next: it was paid for.
   *
   * @returns The ledger, where the question was about one package; those of several are saved when all is answered.
   */
  async function keep(
    { packages: [name, ...others], span }: PlannedRead,
    { rows }: Answer,
  ): Promise<FiledLedger | undefined> {
    if (others.length > 0) {
      await ledgers.hold(span, rows, partitionRowsOf);
      return undefined;
    }
    const own = rows.get(name);
    if (own === undefined) return undefined;
    const { ledger, saved } = await ledgers.load(name);
    return save(name, saved, withDays(ledger, span, own, partitionRowsOf));
  }

  async function ask({ packages, span, expectedBytes }: PlannedRead): Promise<Answer> {
    if (billed) await ledgers.demandRoom(packages, spanDays(span));
    const label = packages.length === 1 ? packages[0] : `(${span.start} for ${packages.length})`;
    return book.query(
      { label, expectedBytes, purpose: { packages, span } },
      () => source.read({ packages, span }, signal),
      (result) => billOf(result, expectedBytes),
    );
  }

  async function take(planned: PlannedRead, answer: Answer, refused: QueryCost, brought: Brought) {
    const { packages, span } = planned;
    for (const name of answer.rows.keys()) {
      answered.set(name, (answered.get(name) ?? 0) + spanDays(span));
    }
    const filed = keepsLedger ? await keep(planned, answer) : undefined;
    const common = {
      kind: 'answered',
      cost: addCost(refused, shareOf(answer.cost, packages.length)),
      changes: filed?.changes ?? [],
      ...(brought.alone && filed ? { ledger: filed.ledger } : {}),
    } as const;
    for (const name of packages) {
      const rows = answer.rows.get(name);
      if (rows === undefined) put(brought, name, { kind: 'failed', error: answer.failures.get(name) });
      else put(brought, name, keepsLedger ? common : { ...common, rows });
    }
  }

  /**
   * Smaller questions in place of one about several packages that was refused, or whose answer was too long. Where a day is
   * read for all of them, halves of its days cost no more than the whole; a day alone is asked for package by package.
   */
  function smaller({ packages, span, expectedBytes }: PlannedRead, { code }: SourceError) {
    const days = spanDays(span);
    if (billed && days > 1 && (code === 'truncated' || code === 'timeout')) {
      const middle = addDays(span.start, Math.floor(days / 2));
      const halves = [
        { start: middle, end: span.end },
        { start: span.start, end: middle },
      ];
      return {
        how: 'fewer days are asked for at a time',
        parts: halves.map((half) => ({ packages, span: half, expectedBytes: expectedBytes / 2 })),
      };
    }
    return {
      how: 'they are asked for one by one',
      parts: chunks(packages, billed ? 1 : Math.ceil(packages.length / 2)).map((part) => ({
        packages: part,
        span,
        expectedBytes: billed ? expectedBill(span, book.bytesPerDay(part[0])) : 0,
      })),
    };
  }

  /**
   * Asks a question, in smaller ones if need be.
   *
   * @param refused A package's share of what refused questions took.
   * @throws SourceError that all of its packages are to have; OperatorError if the disk refuses.
   */
  async function askInParts(planned: PlannedRead, refused: QueryCost, brought: Brought): Promise<void> {
    const { packages, span } = planned;
    let answer: Answer;
    try {
      answer = await ask(planned);
    } catch (error) {
      if (!isTooMuch(error) || packages.length === 1) throw error;
      const { how, parts } = smaller(planned, error);
      if (billed) {
        input.warn(`${span.start} for ${packages.length} packages together: ${error.message}; ${how}`);
      }
      let share = addCost(refused, shareOf(error.cost ?? NO_COST, packages.length));
      for (const part of parts) {
        await askOrFail(part, share, brought);
        // Halves of the days are about every package, which has borne its share by now.
        if (part.packages === packages) share = NO_COST;
      }
      return;
    }
    await take(planned, answer, refused, brought);
  }

  /** The same; what goes wrong is its packages' failure, and is thrown only if every package would meet it. */
  async function askOrFail(planned: PlannedRead, refused: QueryCost, brought: Brought): Promise<void> {
    try {
      await askInParts(planned, refused, brought);
    } catch (error) {
      for (const name of planned.packages) put(brought, name, { kind: 'failed', error });
      if (error instanceof OperatorError && error.affectsAll) throw error;
    }
  }

  async function carryOut(planned: PlannedRead): Promise<ReadonlyMap<string, PackageRead>> {
    const reads = new Map<string, PackageRead>();
    try {
      await askInParts(planned, NO_COST, { reads, alone: planned.packages.length === 1 });
    } catch (error) {
      const missed = planned.packages.filter((name) => !reads.has(name));
      for (const name of missed) reads.set(name, { kind: 'failed', error });
    }
    return reads;
  }

  return {
    async read(planned, packageName) {
      const answer = asked.get(planned) ?? carryOut(planned);
      asked.set(planned, answer);
      const read = (await answer).get(packageName);
      // What every package has taken need not stay in memory.
      if (planned.packages.at(-1) === packageName) asked.delete(planned);
      return read ?? { kind: 'failed', error: new Error(`no answer for ${packageName}`) };
    },
    async file(packageName) {
      const { ledger, saved } = await ledgers.load(packageName);
      // A window that lacks a day would pass for one with fewer downloads.
      const isKept = (day: Day) => ledger.days.has(day) || isOld(ledger.old, day);
      const lost = needs.get(packageName)?.days.find((day) => !isKept(day));
      if (lost !== undefined) {
        throw new OperatorError(
          'state-damaged',
          `${lost} was read, and what was kept of it is damaged or gone; the next run reads it again`,
        );
      }
      if (ledger === saved) return { ledger, changes: [] };
      return save(packageName, saved, ledger);
    },
  };
}
