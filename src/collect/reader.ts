import { addDays, type Day, dayOf, daysOf, spanDays } from '../days/day.ts';
import { ERRORS, type ErrorCode } from '../errors/codes.ts';
import { describeError, OperatorError } from '../errors/error.ts';
import {
  type Answer,
  addCost,
  costOf,
  ending,
  interrupted,
  mayBePackages,
  NO_COST,
  type QueryCost,
  type Source,
  SourceError,
} from '../sources/source.ts';
import type { PivotRow, Question } from '../sources/sql.ts';
import {
  allDownloadsOf,
  isOld,
  KEEP_DAYS,
  type Ledger,
  soundWholeRead,
  withDays,
  withoutDays,
  withoutOld,
} from '../state/ledger.ts';
import type { Ledgers } from '../state/ledgers.ts';
import { type Budget, BudgetError } from '../state/spend.ts';
import { chunks, expectedBill, type KnownDays, type Need, type PlannedRead, readsWhole } from './plan.ts';

/** A day that was read again and is no longer what the ledger had. Downloads of all classes. */
export interface DayChange {
  readonly day: Day;
  readonly before: number;
  readonly after: number;
}

/** What a read needs from its run. */
export interface ReaderInput {
  readonly source: Source;
  readonly ledgers: Ledgers;
  readonly book: Budget;
  readonly known: KnownDays;
  readonly needs: ReadonlyMap<string, Need>;
  readonly asOf: Day;
  /** The day before which windows end. */
  readonly end: Day;
  readonly fillsPast?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Is told of what an operator should know. */
  readonly warn: (message: string) => void;
  /** Is told of days that were read once for all who lack them. */
  readonly onSharedDays?: ((days: number) => void) | undefined;
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
   * @param ledger As its last question has left it, if that was about this package alone.
   * @throws OperatorError if the disk refuses, or has lost an answer.
   */
  file(packageName: string, ledger?: Ledger): Promise<FiledLedger>;
  /** Asks nothing from now on: what is not answered fails by this. */
  stop(error: OperatorError): void;
  /** Days of a package that were read, and of which it is not known which downloads were by CI. */
  unknownDays(packageName: string): ReadonlySet<Day>;
  /** Is to be called for each package when it takes no more of its questions. */
  leave(reads: readonly PlannedRead[]): void;
}

/** The days that a ledger had before, and that count otherwise now. */
function changesBetween(before: Ledger, after: Ledger): DayChange[] {
  return [...before.days].flatMap(([day, known]) => {
    const fresh = after.days.get(day);
    if (fresh === undefined || fresh === known) return [];
    const change = { day, before: allDownloadsOf(known.rows), after: allDownloadsOf(fresh.rows) };
    return change.before === change.after ? [] : [change];
  });
}

/** A query that failed without a bill may have been billed as expected; a cached answer tells no price. */
function billOf(result: Answer | Error, expected: number) {
  const cost = costOf(result);
  return { bytes: cost?.bytesBilled ?? expected, telling: cost?.cacheHit === false };
}

function shareOf(cost: QueryCost, packages: number): QueryCost {
  return {
    ...cost,
    bytesProcessed: Math.floor(cost.bytesProcessed / packages),
    bytesBilled: Math.floor(cost.bytesBilled / packages),
  };
}

/** What a question is about: its package, or words in parentheses. */
function labelOf({ packages, span }: Question): string {
  return packages.length === 1 ? packages[0] : `(${span.start} for ${packages.length})`;
}

/** What may be answered if fewer days are asked for at a time. */
const TOO_LONG: readonly ErrorCode[] = ['truncated', 'timeout', 'job-timeout'];

/** What a smaller question may well be answered to. */
function isTooMuch(error: unknown): error is SourceError {
  if (!(error instanceof SourceError)) return false;
  return !error.affectsAll && ERRORS[error.code].refused === true;
}

/** A question about several packages for halves of its days, the newer ones first. */
function halves(planned: PlannedRead): PlannedRead[] {
  const { span, expectedBytes, estimatedBytes } = planned;
  const days = spanDays(span);
  const middle = addDays(span.start, Math.floor(days / 2));
  return [
    { start: middle, end: span.end },
    { start: span.start, end: middle },
  ].map((half) => {
    const part = spanDays(half) / days;
    return {
      ...planned,
      span: half,
      expectedBytes: expectedBytes * part,
      ...(estimatedBytes === undefined ? {} : { estimatedBytes: Math.round(estimatedBytes * part) }),
    };
  });
}

/** A part of a question, with its answer or why there is none. */
type Piece = { readonly part: PlannedRead } & (
  | {
      readonly answer: Answer;
      /** Each package's share of what refused questions took. */
      readonly refused: QueryCost;
    }
  | { readonly error: unknown }
);

/**
 * Asks questions, and where one about several packages fails, smaller ones in its place.
 *
 * @param known What every question would meet, once one has met it.
 */
function createAsker(
  { source, ledgers, book, signal, warn }: ReaderInput,
  known: () => OperatorError | undefined,
) {
  const { billed } = source.traits;
  /** How many questions about one package failed by a fault that may pass, without a success between. */
  let failedAlone = 0;
  /** Most days of a question about several packages that was not too long. */
  let mostDays = Number.POSITIVE_INFINITY;

  async function ask({ packages, span, expectedBytes, estimatedBytes }: PlannedRead): Promise<Answer> {
    if (signal?.aborted) throw interrupted(signal.reason, NO_COST);
    const cause = known();
    if (cause !== undefined) throw cause;
    book.assertWithin(expectedBytes);
    if (billed) await ledgers.assertRoom(packages, spanDays(span));
    const answer = await book.query(
      { label: labelOf({ packages, span }), expectedBytes, purpose: { packages, span, estimatedBytes } },
      () => source.read({ packages, span }, signal),
      (result) => billOf(result, expectedBytes),
    );
    if (answer.rows.size > 0) failedAlone = 0;
    return answer;
  }

  /** A question about several packages as one for each. */
  function oneByOne({ packages, span }: PlannedRead): PlannedRead[] {
    return packages.map((name) => ({
      packages: [name],
      span,
      expectedBytes: billed ? expectedBill(span, book.bytesPerDay(name)) : 0,
    }));
  }

  /**
   * Smaller questions in place of one about several packages that was refused, or whose answer was too long. Where a day is
   * read for all of them, halves of its days cost no more than the whole; a day alone is asked for package by package.
   */
  function smaller(planned: PlannedRead, error: SourceError) {
    const { packages, span } = planned;
    if (billed && spanDays(span) > 1 && TOO_LONG.includes(error.code)) {
      mostDays = Math.min(mostDays, Math.ceil(spanDays(span) / 2));
      return { how: 'fewer days are asked for at a time', parts: halves(planned) };
    }
    if (billed) return { how: 'they are asked for one by one', parts: oneByOne(planned) };
    const parts = chunks(packages, Math.ceil(packages.length / 2));
    return {
      how: 'half of them are asked for at a time',
      parts: parts.map((part): PlannedRead => ({ packages: part, span, expectedBytes: 0 })),
    };
  }

  /** Asks the parts of a question, each of which fails by itself. */
  async function* askEach(
    { packages }: PlannedRead,
    parts: readonly PlannedRead[],
    refused: QueryCost,
  ): AsyncGenerator<Piece> {
    let share = refused;
    for (const part of parts) {
      try {
        yield* askInParts(part, share);
      } catch (error) {
        yield { part, error };
        if (signal?.aborted) throw error;
      }
      // Halves of the days are about every package, which has borne its share by now.
      if (part.packages === packages) share = NO_COST;
    }
  }

  /**
   * Finds the packages whose queries fail by a fault that may pass, so that they hold nobody up. A half of the packages bills as
   * much as all of them where a day is read for all, so they are asked for one by one as soon as that is no dearer.
   *
   * @throws SourceError if both halves fail: it is the source's fault then, and ends the querying.
   */
  async function* isolate(planned: PlannedRead, refused: QueryCost): AsyncGenerator<Piece> {
    const { packages, expectedBytes } = planned;
    const alone = oneByOne(planned);
    const aloneBytes = alone.reduce((sum, each) => sum + each.expectedBytes, 0);
    if (packages.length <= 2 || aloneBytes <= 2 * expectedBytes)
      return yield* askEach(planned, alone, refused);
    const failed: [PlannedRead, SourceError][] = [];
    for (const half of chunks(packages, Math.ceil(packages.length / 2))) {
      const part = { ...planned, packages: half };
      try {
        yield { part, answer: await ask(part), refused };
      } catch (error) {
        if (!mayBePackages(error)) throw error;
        failed.push([part, error]);
      }
    }
    const [first, second] = failed;
    if (second !== undefined) throw ending(second[1]);
    if (first === undefined) return;
    const [half, { cost = NO_COST }] = first;
    yield* isolate(half, addCost(refused, shareOf(cost, half.packages.length)));
  }

  /**
   * Asks a question, in smaller ones if need be.
   *
   * @throws SourceError that all of its packages are to have that had no answer.
   */
  async function* askInParts(planned: PlannedRead, refused: QueryCost): AsyncGenerator<Piece> {
    const { packages, span } = planned;
    const canHalve = billed && packages.length > 1 && spanDays(span) > 1;
    if (canHalve && spanDays(span) > mostDays) return yield* askEach(planned, halves(planned), refused);
    let answer: Answer;
    try {
      answer = await ask(planned);
    } catch (error) {
      // The newest days are read as far as the money goes.
      if (error instanceof BudgetError && canHalve) return yield* askEach(planned, halves(planned), refused);
      const mayPass = mayBePackages(error);
      if (packages.length === 1) {
        failedAlone += mayPass ? 1 : 0;
        // A package alone may be at fault; two in a row are not.
        throw mayPass && failedAlone > 1 ? ending(error) : error;
      }
      if (!isTooMuch(error) && !mayPass) throw error;
      const share = addCost(refused, shareOf(error.cost ?? NO_COST, packages.length));
      const about = `${span.start} for ${packages.length} packages together: ${error.message}`;
      if (mayPass && billed) {
        warn(`${about}; parts of them are asked for`);
        return yield* isolate(planned, share);
      }
      const { how, parts } = smaller(planned, error);
      if (billed) warn(`${about}; ${how}`);
      return yield* askEach(planned, parts, share);
    }
    yield { part: planned, answer, refused };
  }

  return (planned: PlannedRead) => askInParts(planned, NO_COST);
}

/**
 * Adds what a part of a question brought: a package that failed in one part has failed. Where days are asked
 * for in parts, their rows are in the ledger.
 */
function put(reads: Map<string, PackageRead>, name: string, read: PackageRead): void {
  const before = reads.get(name);
  if (before === undefined || read.kind === 'failed') {
    reads.set(name, read);
  } else if (before.kind === 'answered') {
    const changes = [...before.changes, ...read.changes];
    reads.set(name, { ...read, changes, cost: addCost(before.cost, read.cost) });
  }
}

export function createReader(input: ReaderInput): Reader {
  const { source, ledgers, known, needs, asOf, end, fillsPast, now } = input;
  const { billed, keepsLedger } = source.traits;
  const asked = new Map<PlannedRead, Promise<ReadonlyMap<string, PackageRead>>>();
  /** How many packages have left each question that several wait for. */
  const left = new Map<PlannedRead, number>();
  /** What every question would meet, once one has met it: packages that have some of their answers ask no further. */
  let cause: OperatorError | undefined;
  const askInParts = createAsker(input, () => cause);
  /** How many days of each package were answered. */
  const answered = new Map<string, number>();
  const unknown = new Map<string, Set<Day>>();
  const unknownDays = (name: string): ReadonlySet<Day> => unknown.get(name) ?? new Set();
  const partitionRowsOf = (day: Day) => (known.kind === 'known' ? (known.rows.get(day) ?? 0) : null);

  /** Whether the whole window was read by now: for the first time, however long that took, or anew. */
  function isWhole(need: Need | undefined, before: Day | null, { days }: Ledger): boolean {
    if (need === undefined) return false;
    const without = unknownDays(need.package);
    if (before === null) return daysOf(need.span).every((day) => days.has(day) || without.has(day));
    return readsWhole(need) && (answered.get(need.package) ?? 0) >= need.days.length;
  }

  async function save(name: string, saved: Ledger, grown: Ledger): Promise<FiledLedger> {
    const need = needs.get(name);
    const today = dayOf(now());
    const before = soundWholeRead(saved, today);
    const ledger = withoutOld(
      { ...grown, wholeRead: isWhole(need, before, grown) && (before ?? '') < asOf ? asOf : before },
      // What fills the past is wanted as a sum only.
      fillsPast || need === undefined ? addDays(end, -KEEP_DAYS) : need.span.start,
      today,
    );
    await ledgers.save(name, ledger);
    return { ledger, changes: changesBetween(saved, ledger) };
  }

  /**
   * Makes an answer outlive whatever happens next: it was paid for. Where the disk fails, it is saved once more, by itself.
   *
   * @returns The ledger, where an answer about one package is in it; other answers wait until all is answered.
   */
  async function keep(
    { packages, span }: Question,
    { rows, unknownDays: without }: Answer,
  ): Promise<FiledLedger | undefined> {
    const [name, ...others] = packages;
    const own = others.length === 0 ? rows.get(name) : undefined;
    const hold = () => ledgers.append(span, rows, partitionRowsOf, without).then(() => undefined);
    try {
      if (own === undefined) return await hold();
      const { ledger, saved } = await ledgers.load(name);
      const grown = withDays(ledger, span, own, partitionRowsOf, without?.get(name));
      return await save(name, saved, withoutDays(grown, unknownDays(name)));
    } catch (error) {
      const failed = `${labelOf({ packages, span })}: ${describeError(error)}`;
      try {
        await hold();
      } catch (again) {
        input.warn(`${failed}; the answer could not be saved twice, and is lost`);
        throw again;
      }
      input.warn(`${failed}; the answer was saved in the second try`);
      return undefined;
    }
  }

  async function take(
    part: PlannedRead,
    answer: Answer,
    refused: QueryCost,
    reads: Map<string, PackageRead>,
    alone: boolean,
  ) {
    const { packages, span } = part;
    for (const name of answer.rows.keys()) {
      answered.set(name, (answered.get(name) ?? 0) + spanDays(span));
    }
    for (const [name, days] of answer.unknownDays ?? []) {
      unknown.set(name, new Set([...unknownDays(name), ...days]));
    }
    const filed = keepsLedger ? await keep(part, answer) : undefined;
    if (billed && packages.length > 1) input.onSharedDays?.(spanDays(span));
    const common = {
      kind: 'answered',
      cost: addCost(refused, shareOf(answer.cost, packages.length)),
      changes: filed?.changes ?? [],
      ...(alone && filed ? { ledger: filed.ledger } : {}),
    } as const;
    for (const name of packages) {
      const rows = answer.rows.get(name);
      if (rows === undefined) put(reads, name, { kind: 'failed', error: answer.failures.get(name) });
      else put(reads, name, keepsLedger ? common : { ...common, rows });
    }
  }

  async function carryOut(planned: PlannedRead): Promise<ReadonlyMap<string, PackageRead>> {
    const reads = new Map<string, PackageRead>();
    // Thousands of ledgers are too much to hold, so they are read again.
    const alone = planned.packages.length === 1;
    const fail = (names: readonly string[], error: unknown) => {
      for (const name of names) put(reads, name, { kind: 'failed', error });
      if (error instanceof OperatorError && error.affectsAll) cause = error;
    };
    try {
      for await (const piece of askInParts(planned)) {
        const { part } = piece;
        try {
          if ('error' in piece) throw piece.error;
          await take(part, piece.answer, piece.refused, reads, alone);
        } catch (error) {
          fail(part.packages, error);
          if (error instanceof OperatorError && error.affectsAll) throw error;
        }
      }
    } catch (error) {
      fail(
        planned.packages.filter((name) => !reads.has(name)),
        error,
      );
    }
    return reads;
  }

  return {
    async read(planned, packageName) {
      const answer = asked.get(planned) ?? carryOut(planned);
      asked.set(planned, answer);
      const read = (await answer).get(packageName);
      return read ?? { kind: 'failed', error: new Error(`no answer for ${packageName}`) };
    },
    async file(packageName, last) {
      const loaded = last === undefined ? await ledgers.load(packageName) : { ledger: last, saved: last };
      const without = unknownDays(packageName);
      const { saved } = loaded;
      const ledger = withoutDays(loaded.ledger, without);
      // A window that lacks a day would pass for one with fewer downloads.
      const isKept = (day: Day) => ledger.days.has(day) || isOld(ledger.old, day) || without.has(day);
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
    stop(error) {
      cause ??= error;
    },
    unknownDays,
    leave(reads) {
      for (const planned of reads) {
        const times = (left.get(planned) ?? 0) + 1;
        left.set(planned, times);
        // What every package has taken need not stay in memory.
        if (times === planned.packages.length) asked.delete(planned);
      }
    },
  };
}
