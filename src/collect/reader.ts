import { addDays, type Day, dayOf, daysOf, spanDays } from '../days/day.ts';
import { ERRORS, type ErrorCode } from '../errors/codes.ts';
import { affectsAll, describeError, OperatorError } from '../errors/error.ts';
import {
  type Answer,
  addCost,
  interrupted,
  mayBePackages,
  NO_COST,
  type QueryCost,
  SourceError,
} from '../sources/source.ts';
import type { Question } from '../sources/sql.ts';
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
import { BudgetError, bytesPerDay } from '../state/spend.ts';
import { append, partsOf, sum } from '../util.ts';
import { expectedBill, type Need, type PlannedRead, readsWhole } from './plan.ts';
import type { Prepared } from './run.ts';

/** A day that was read again and is no longer what the ledger had. Downloads of all classes. */
export interface DayChange {
  readonly day: Day;
  readonly before: number;
  readonly after: number;
}

/** What all questions about a package brought. */
export interface PackageRead {
  /** With all that was read; saved, where it is kept. */
  readonly ledger: Ledger;
  readonly changes: readonly DayChange[];
  /** Days that were read, and of which it is not known which downloads were by CI. */
  readonly unknownDays: ReadonlySet<Day>;
  /** Its share of what the questions took. */
  readonly cost: QueryCost;
  /** Days that were answered, which are all that were asked for. */
  readonly daysScanned: number;
}

/** Carries out the planned questions, each once, however many packages wait for it. */
export interface Reader {
  /**
   * Reads a package. Where a ledger is kept, all that was paid for is on the disk by then. To be called once.
   *
   * @throws Whatever kept a part of it from being read.
   */
  read(packageName: string): Promise<PackageRead>;
  /** Asks nothing from now on: what is not answered fails by this. */
  stop(error: OperatorError): void;
}

/** A package while its questions are asked. */
interface Reading {
  readonly changes: DayChange[];
  readonly unknownDays: Set<Day>;
  cost: QueryCost;
  /** How many days were answered. */
  daysScanned: number;
  /** As the last question has left it; where it is kept, only if that was about this package alone. */
  ledger?: Ledger | undefined;
  /** Why there is no whole answer. */
  failure?: { readonly error: unknown };
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

/** A question about several packages as two, each about half of them. */
function halfThePackages(planned: PlannedRead): PlannedRead[] {
  const { packages } = planned;
  return partsOf(packages, Math.ceil(packages.length / 2)).map((half) => ({ ...planned, packages: half }));
}

/**
 * Asks questions, and where one about several packages fails, smaller ones in its place.
 *
 * @param known What every question would meet, once one has met it.
 */
function createAsker(
  { input, source, book }: Omit<Prepared, 'fetched' | 'plan'>,
  known: () => OperatorError | undefined,
) {
  const { ledgers, signal, warn } = input;
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
    const purpose = { packages, span, estimatedBytes };
    const query = { label: labelOf({ packages, span }), expectedBytes, purpose };
    if (billed) await ledgers.assertRoom(packages, spanDays(span));
    const answer = await book.query(query, () => source.read({ packages, span }, signal));
    if (answer.rows.size > 0) failedAlone = 0;
    return answer;
  }

  /** A question about several packages as one for each. */
  function oneByOne({ packages, span }: PlannedRead): PlannedRead[] {
    return packages.map((name) => ({
      packages: [name],
      span,
      expectedBytes: expectedBill(span, bytesPerDay(book.spend, name)),
    }));
  }

  /**
   * Smaller questions in place of one about several packages that was refused, or whose answer was too long. Where a day is
   * read for all of them, halves of its days cost no more than the whole; a day alone is asked for package by package.
   */
  function smaller(planned: PlannedRead, error: SourceError) {
    const days = spanDays(planned.span);
    if (days === 1 || !TOO_LONG.includes(error.code)) {
      return { how: 'they are asked for one by one', parts: oneByOne(planned) };
    }
    mostDays = Math.min(mostDays, Math.ceil(days / 2));
    return { how: 'fewer days are asked for at a time', parts: halves(planned) };
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
    const aloneBytes = sum(alone, (each) => each.expectedBytes);
    if (packages.length <= 2 || aloneBytes <= 2 * expectedBytes)
      return yield* askEach(planned, alone, refused);
    const failed: [PlannedRead, SourceError][] = [];
    for (const part of halfThePackages(planned)) {
      try {
        yield { part, answer: await ask(part), refused };
      } catch (error) {
        if (!mayBePackages(error)) throw error;
        failed.push([part, error]);
      }
    }
    const [first, second] = failed;
    if (second !== undefined) throw second[1].with({ affectsAll: true });
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
        throw mayPass && failedAlone > 1 ? error.with({ affectsAll: true }) : error;
      }
      if (!isTooMuch(error) && !mayPass) throw error;
      const share = addCost(refused, shareOf(error.cost ?? NO_COST, packages.length));
      if (!billed) return yield* askEach(planned, halfThePackages(planned), share);
      const about = `${span.start} for ${packages.length} packages together: ${error.message}`;
      if (mayPass) {
        warn(`${about}; parts of them are asked for`);
        return yield* isolate(planned, share);
      }
      const { how, parts } = smaller(planned, error);
      warn(`${about}; ${how}`);
      return yield* askEach(planned, parts, share);
    }
    yield { part: planned, answer, refused };
  }

  return (planned: PlannedRead) => askInParts(planned, NO_COST);
}

/** @param onSharedDays Is told of days that were read once for all who lack them. */
export function createReader(prepared: Prepared, onSharedDays?: (days: number) => void): Reader {
  const { input, source, plan, fetched } = prepared;
  const { ledgers, asOf, fillsPast, now, warn } = input;
  const { upstream, known } = fetched;
  const asked = new Map<PlannedRead, Promise<void>>();
  /** What every question would meet, once one has met it: packages that have some of their answers ask no further. */
  let cause: OperatorError | undefined;
  const askInParts = createAsker(prepared, () => cause);
  const readsOf = new Map<string, PlannedRead[]>();
  for (const planned of plan.reads) {
    for (const name of planned.packages) append(readsOf, name, planned);
  }
  const readings = new Map<string, Reading>();
  const partitionRowsOf = (day: Day) => (known.kind === 'known' ? (known.rows.get(day) ?? 0) : null);

  function readingOf(name: string): Reading {
    const reading = readings.get(name) ?? {
      changes: [],
      unknownDays: new Set<Day>(),
      cost: { ...NO_COST, cacheHit: readsOf.has(name) },
      daysScanned: 0,
    };
    readings.set(name, reading);
    return reading;
  }

  /** Whether the whole window was read by now: for the first time, however long that took, or anew. */
  function isWhole(need: Need, before: Day | null, { days }: Ledger): boolean {
    const { unknownDays, daysScanned } = readingOf(need.package);
    if (before === null) return daysOf(need.span).every((day) => days.has(day) || unknownDays.has(day));
    return readsWhole(need) && daysScanned >= need.days.length;
  }

  /** Saves the ledger of a package as it has grown. */
  async function save(name: string, saved: Ledger, grown: Ledger): Promise<Ledger> {
    const need = plan.needs.get(name);
    const today = dayOf(now());
    const before = soundWholeRead(saved, today);
    const isNew = need !== undefined && isWhole(need, before, grown) && (before ?? '') < asOf;
    const ledger = withoutOld(
      { ...grown, wholeRead: isNew ? asOf : before },
      // What fills the past is wanted as a sum only.
      fillsPast || need === undefined ? addDays(upstream.end, -KEEP_DAYS) : need.span.start,
      today,
    );
    await ledgers.save(name, ledger);
    readingOf(name).changes.push(...changesBetween(saved, ledger));
    return ledger;
  }

  /**
   * Makes an answer outlive whatever happens next: it was paid for. Where the disk fails, it is saved once more, by itself.
   *
   * @returns The ledger, where an answer about one package is in it; other answers wait until all is answered.
   */
  async function keep(
    { packages, span }: Question,
    { rows, unknownDays }: Answer,
  ): Promise<Ledger | undefined> {
    const [name, ...others] = packages;
    const own = others.length === 0 ? rows.get(name) : undefined;
    const hold = () => ledgers.append(span, rows, partitionRowsOf, unknownDays).then(() => undefined);
    try {
      if (own === undefined) return await hold();
      const { ledger, saved } = await ledgers.load(name);
      const grown = withDays(ledger, span, own, partitionRowsOf, unknownDays.get(name));
      return await save(name, saved, withoutDays(grown, readingOf(name).unknownDays));
    } catch (error) {
      const failed = `${labelOf({ packages, span })}: ${describeError(error)}`;
      try {
        await hold();
      } catch (again) {
        warn(`${failed}; the answer could not be saved twice, and is lost`);
        throw again;
      }
      warn(`${failed}; the answer was saved in the second try`);
      return undefined;
    }
  }

  /** @param alone Whether the whole question was about one package: thousands of ledgers are too much to hold. */
  async function take(
    { packages, span }: Question,
    answer: Answer,
    refused: QueryCost,
    alone: boolean,
  ): Promise<void> {
    const days = spanDays(span);
    const { cacheHit, ...cost } = addCost(refused, shareOf(answer.cost, packages.length));
    for (const name of packages) {
      const reading = readingOf(name);
      const rows = answer.rows.get(name);
      if (rows === undefined) reading.failure ??= { error: answer.failures.get(name) };
      else reading.daysScanned += days;
      for (const day of answer.unknownDays.get(name) ?? []) reading.unknownDays.add(day);
      reading.cost = addCost(reading.cost, { ...cost, cacheHit: reading.cost.cacheHit && cacheHit });
    }
    const ledger = await keep({ packages, span }, answer);
    for (const name of packages) readingOf(name).ledger = alone ? ledger : undefined;
    if (source.traits.billed && packages.length > 1) onSharedDays?.(days);
  }

  async function carryOut(planned: PlannedRead): Promise<void> {
    const { packages, span } = planned;
    const daysLeft = new Map(packages.map((name) => [name, spanDays(span)]));
    try {
      for await (const { part, ...piece } of askInParts(planned)) {
        try {
          if ('error' in piece) throw piece.error;
          await take(part, piece.answer, piece.refused, packages.length === 1);
          for (const name of part.packages) {
            daysLeft.set(name, (daysLeft.get(name) ?? 0) - spanDays(part.span));
          }
        } catch (error) {
          if (affectsAll(error)) throw error;
          for (const name of part.packages) readingOf(name).failure ??= { error };
        }
      }
    } catch (error) {
      for (const [name, days] of daysLeft) if (days > 0) readingOf(name).failure ??= { error };
      if (affectsAll(error)) cause = error;
    }
  }

  /**
   * The ledger of a package whose questions are all answered, with what waited for it.
   *
   * @throws OperatorError if the disk refuses, or has lost an answer.
   */
  async function file(name: string, { ledger: last, unknownDays }: Reading): Promise<Ledger> {
    const { saved, ...loaded } =
      last === undefined ? await ledgers.load(name) : { ledger: last, saved: last };
    const ledger = withoutDays(loaded.ledger, unknownDays);
    // A window that lacks a day would pass for one with fewer downloads.
    const isKept = (day: Day) => ledger.days.has(day) || isOld(ledger.old, day) || unknownDays.has(day);
    const lost = plan.needs.get(name)?.days.find((day) => !isKept(day));
    if (lost !== undefined) {
      throw new OperatorError(
        'state-damaged',
        `${lost} was read, and what was kept of it is damaged or gone; the next run reads it again`,
      );
    }
    return ledger === saved ? ledger : save(name, saved, ledger);
  }

  return {
    async read(packageName) {
      const reading = readingOf(packageName);
      try {
        for (const planned of readsOf.get(packageName) ?? []) {
          const answered = asked.get(planned) ?? carryOut(planned);
          asked.set(planned, answered);
          await answered;
          if (reading.failure !== undefined) throw reading.failure.error;
        }
        return { ...reading, ledger: await file(packageName, reading) };
      } finally {
        // What a package has taken need not stay in memory.
        readings.delete(packageName);
      }
    },
    stop(error) {
      cause ??= error;
    },
  };
}
