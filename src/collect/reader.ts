import { setImmediate as yieldToSignals } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { TrackedPackage } from '../config/config.ts';
import { addDays, type Day, dayOf, daysOf, type Span, spanDays } from '../days/day.ts';
import { ERAS } from '../days/eras.ts';
import { affectsAll, describeError, errorCode, OperatorError } from '../errors/error.ts';
import { breakdownOf } from '../metric/breakdown.ts';
import { type Period, totalSince } from '../metric/package-days.ts';
import { breakdownDays } from '../metric/summary.ts';
import type { FailedPackage, ReadPackage } from '../publish/package.ts';
import type { FacetQuestion } from '../sources/facets.ts';
import type { Answer, Source, SourceTraits } from '../sources/source.ts';
import type { Question } from '../sources/sql.ts';
import {
  allDownloadsOf,
  type DayRow,
  isOld,
  KEEP_DAYS,
  type Ledger,
  type OldDays,
  reachOf,
  soundWholeRead,
  spansOf,
  withDays,
  withoutDays,
  withoutOld,
} from '../state/ledger.ts';
import type { Budget } from '../state/spend.ts';
import { addCost, append, NO_COST, type QueryCost, sum } from '../util.ts';
import { createAsker, labelOf, shareOf } from './asker.ts';
import { askFacets, withFacets } from './facets.ts';
import {
  type FetchedDays,
  longestWindow,
  type Need,
  type PlannedRead,
  type RunPlan,
  readsWhole,
} from './plan.ts';
import type { RunInput } from './run.ts';

/** What a run has found out before it asks for the first package. */
export interface Prepared {
  readonly input: RunInput;
  readonly source: Source;
  readonly book: Budget;
  readonly fetched: FetchedDays;
  readonly plan: RunPlan;
}

/** What became of one package in a run. */
export type Outcome =
  | (ReadPackage & {
      /** The rows of those of its days that are known. */
      readonly rows: ReadonlyMap<Day, readonly DayRow[]>;
      /** With `full`: oldest first. */
      readonly changes: readonly DayChange[];
    })
  | FailedPackage;

/** A day that was read again and is no longer what the ledger had. Downloads of all classes. */
export interface DayChange {
  readonly day: Day;
  readonly before: number;
  readonly after: number;
}

/** A package while its questions are asked. */
interface Reading {
  readonly changes: DayChange[];
  /** Days that were read, and of which it is not known which downloads were by CI. */
  readonly unknownDays: Set<Day>;
  /** Its share of what the questions took. */
  cost: QueryCost;
  /** How many days were answered. */
  daysScanned: number;
  /** As the last question has left it, if that was about this package alone. */
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

/**
 * A window that lacks a day would pass for one with fewer downloads.
 *
 * @throws OperatorError if a day that was read is not in the ledger any more.
 */
function assertKept(days: readonly Day[], ledger: Ledger, unknownDays: ReadonlySet<Day>): void {
  const isKept = (day: Day) => ledger.days.has(day) || isOld(ledger.old, day) || unknownDays.has(day);
  const lost = days.find((day) => !isKept(day));
  if (lost === undefined) return;
  throw new OperatorError(
    'state-damaged',
    `${lost} was read, and what was kept of it is damaged or gone; the next run reads it again`,
  );
}

/** Carries out the planned questions. */
type Reader = ReturnType<typeof createReader>;

/**
 * Begins to carry out the planned questions, each once, however many packages wait for it.
 *
 * @param onSharedDays Is told of days that were read once for all who lack them.
 */
export function createReader(prepared: Prepared, onSharedDays?: (days: number) => void) {
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
    const { changes } = readingOf(name);
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
    changes.push(...changesBetween(saved, ledger));
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
    const taken = packages.map((name) => [name, readingOf(name)] as const);
    for (const [name, reading] of taken) {
      const rows = answer.rows.get(name);
      if (rows === undefined) reading.failure ??= { error: answer.failures.get(name) };
      else reading.daysScanned += days;
      for (const day of answer.unknownDays.get(name) ?? []) reading.unknownDays.add(day);
      reading.cost = addCost(reading.cost, { ...cost, cacheHit: reading.cost.cacheHit && cacheHit });
    }
    const ledger = await keep({ packages, span }, answer);
    for (const [, reading] of taken) reading.ledger = alone ? ledger : undefined;
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

  return {
    /**
     * Reads a package. Where a ledger is kept, all that was paid for is on the disk by then. To be called once.
     *
     * @throws Whatever kept a part of it from being read, or saved.
     */
    async read(packageName: string) {
      const reading = readingOf(packageName);
      try {
        for (const planned of readsOf.get(packageName) ?? []) {
          const answered = asked.get(planned) ?? carryOut(planned);
          asked.set(planned, answered);
          await answered;
          if (reading.failure !== undefined) throw reading.failure.error;
        }
        const { ledger: last, unknownDays } = reading;
        const { saved, ledger: loaded } =
          last === undefined ? await ledgers.load(packageName) : { saved: last, ledger: last };
        const ledger = withoutDays(loaded, unknownDays);
        assertKept(plan.needs.get(packageName)?.days ?? [], ledger, unknownDays);
        return { ...reading, ledger: ledger === saved ? ledger : await save(packageName, saved, ledger) };
      } finally {
        // What a package has taken need not stay in memory.
        readings.delete(packageName);
        ledgers.release?.(packageName);
      }
    },
    /** Asks nothing from now on: what is not answered fails by this. */
    stop(error: OperatorError): void {
      cause ??= error;
    },
  };
}

/** Whether the table does not have a day any more. */
function isLost(day: Day, { known }: FetchedDays): boolean {
  return known.kind === 'known' && !known.rows.get(day);
}

/**
 * The rows of the days of a span that are known. A day that the table has lost is not; of files that are a part of the table, one
 * without rows is a day without downloads.
 */
function rowsByDay(
  { days }: Ledger,
  span: Span,
  fetched: FetchedDays,
  { wholeLog }: SourceTraits,
): Map<Day, readonly DayRow[]> {
  return new Map(
    daysOf(span).flatMap((day) => {
      const rows = days.get(day)?.rows;
      if (!wholeLog) return [[day, rows ?? []]];
      return rows === undefined || isLost(day, fetched) ? [] : [[day, rows]];
    }),
  );
}

/** Of a day, and of days that were added up. */
const dayPeriod = (day: Day, rows: readonly DayRow[], isPartial: boolean): Period => {
  return { start: day, end: addDays(day, 1), known: 1, isPartial, breakdown: breakdownOf(rows) };
};
const oldPeriod = (old: OldDays): Period => {
  const known = sum(old.spans, spanDays);
  return { ...reachOf(old), known, isPartial: false, breakdown: breakdownOf(old.rows) };
};

/**
 * All that is known of the days before the windows' end, oldest first. Files that are a part of the table tell of every day since
 * the first of which they have any row.
 *
 * @returns undefined where older days are known only together with later ones.
 */
export function periodsOfLedger(
  { days, old }: Ledger,
  fetched: FetchedDays,
  { wholeLog }: Pick<SourceTraits, 'wholeLog'>,
): Period[] | undefined {
  const { end, since } = fetched.upstream;
  if (spansOf(old).some((span) => span.end > end)) return undefined;
  const isKept = (day: Day, partitionRows: number | null) =>
    day >= ERAS.ci &&
    day < end &&
    partitionRows !== 0 &&
    !isOld(old, day) &&
    !(day >= since && isLost(day, fetched));
  const kept = [...days].flatMap(([day, { partitionRows }]) => (isKept(day, partitionRows) ? day : []));
  const [first = end] = kept.toSorted();
  const own = wholeLog ? kept : daysOf({ start: first, end });
  const periods = own.map((day) =>
    dayPeriod(day, days.get(day)?.rows ?? [], fetched.partialDays.includes(day)),
  );
  return [...old.map(oldPeriod), ...periods].toSorted((a, b) => (a.start < b.start ? -1 : 1));
}

async function readPackage(
  { input, source, fetched, plan }: Prepared,
  reader: Reader,
  tracked: TrackedPackage,
): Promise<Outcome> {
  const { now, lookBackDays } = input;
  const attempted = now();
  const { name } = tracked;
  try {
    if (plan.faults.has(name)) throw plan.faults.get(name);
    const { ledger, changes, unknownDays, cost, daysScanned } = await reader.read(name);
    const { end } = fetched.upstream;
    const span = { start: addDays(end, -Math.max(longestWindow(tracked), lookBackDays)), end };
    const rows = rowsByDay(ledger, span, fetched, source.traits);
    const periods = tracked.total ? periodsOfLedger(ledger, fetched, source.traits) : undefined;
    return {
      kind: 'read',
      package: tracked,
      attempted,
      days: breakdownDays(span, rows, fetched.partialDays, unknownDays),
      rows,
      total: periods && totalSince(periods, end),
      periods,
      taken: { ...cost, daysScanned, durationMs: now().getTime() - attempted.getTime() },
      changes,
    };
  } catch (error) {
    return { kind: 'failed', package: tracked, attempted, error };
  }
}

const NOT_ATTEMPTED = 'not attempted: ';

/** What kept a package from being read, also where that was another package's failure. */
export function causeText(error: unknown): string {
  const text = describeError(error);
  return text.startsWith(NOT_ATTEMPTED) ? text.slice(NOT_ATTEMPTED.length) : text;
}

export function notAttempted(tracked: TrackedPackage, cause: unknown): Outcome {
  const error = new OperatorError(errorCode(cause), `${NOT_ATTEMPTED}${describeError(cause)}`, { cause });
  return { kind: 'failed', package: tracked, error };
}

/**
 * How many packages may be begun before the slowest of them is done, for each that is read at a time. A
 * slow one must not hold the others up, nor may its followers' rows pile up in memory.
 */
const LOOK_AHEAD = 4;

/**
 * Reads the packages, as many side by side as allowed, and hands the outcomes over in order. After a cause that
 * every package would meet nothing more is asked, and an interruption keeps those that have not begun from beginning.
 */
export async function* readAll(prepared: Prepared): AsyncGenerator<Outcome> {
  const { input, source, book, plan } = prepared;
  const { packages, signal } = input;
  const concurrency = Math.min(input.concurrency ?? 1, source.traits.questionsAtOnce);
  const shared = plan.reads.filter(({ packages: [, ...others] }) => others.length > 0);
  const sharedDays = sum(shared, ({ span }) => spanDays(span));
  let read = 0;
  const reader = createReader(prepared, (days) => {
    read += days;
    input.onSharedDays?.(read, sharedDays);
  });
  const limit = pLimit(concurrency);
  let cause: unknown;
  const readOne = async (tracked: TrackedPackage): Promise<Outcome | undefined> => {
    // Files are read and written without waiting, and a signal is only heard while the process waits.
    await yieldToSignals();
    if (signal?.aborted) return undefined;
    const outcome = await readPackage(prepared, reader, tracked);
    if (outcome.kind === 'read') return outcome;
    if (signal?.aborted) return undefined;
    if (!affectsAll(outcome.error)) return outcome;
    // The others have what was read of them already.
    if (cause !== undefined) return notAttempted(tracked, cause);
    cause = outcome.error;
    reader.stop(outcome.error);
    return outcome;
  };
  const ahead = concurrency === 1 ? 1 : concurrency * LOOK_AHEAD;
  async function* readEach(): AsyncGenerator<Outcome> {
    const reading: Promise<Outcome | undefined>[] = [];
    for (let next = 0; next < packages.length || reading.length > 0; ) {
      for (const tracked of packages.slice(next, next + ahead - reading.length)) {
        reading.push(limit(readOne, tracked));
        next += 1;
      }
      const outcome = await reading.shift();
      if (outcome !== undefined) yield outcome;
    }
  }
  // What the days of the list are expected to bill goes before.
  const daysBytes = sum(plan.reads, ({ expectedBytes }) => expectedBytes);
  const ask = (question: FacetQuestion) => askFacets(source, book, question, daysBytes, signal);
  try {
    yield* input.facets === undefined ? readEach() : withFacets(readEach(), input.facets, source.traits, ask);
  } finally {
    await book.close().catch(() => undefined);
    await source.close();
  }
}
