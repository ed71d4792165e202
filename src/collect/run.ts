import { setImmediate as yieldToSignals } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { TrackedPackage } from '../config/config.ts';
import { addDays, type Day, daysOf, type Span, spanDays, windowBefore } from '../days/day.ts';
import { ERAS } from '../days/eras.ts';
import { oddDaysOf, partitionSpan, type Upstream, upstreamOf } from '../days/upstream.ts';
import { affectsAll, describeError, errorCode, OperatorError } from '../errors/error.ts';
import { nameSome } from '../format.ts';
import { breakdownOf } from '../metric/breakdown.ts';
import { type Period, totalSince } from '../metric/package-days.ts';
import { breakdownDays } from '../metric/summary.ts';
import type { FailedPackage, ReadPackage } from '../publish/package.ts';
import type { FacetQuestion } from '../sources/facets.ts';
import type { DaysAnswer, Source, SourceTraits } from '../sources/source.ts';
import { needsFileNames } from '../sources/sql.ts';
import { type DayRow, isOld, type Ledger, type OldDays, reachOf, spansOf } from '../state/ledger.ts';
import type { Ledgers } from '../state/ledgers.ts';
import type { Lock } from '../state/lock.ts';
import { type Budget, BudgetError, openBudget, type SpendFile } from '../state/spend.ts';
import { abortable, MINIMUM_BILLED, sum } from '../util.ts';
import { askFacets, type FacetTask, withFacets } from './facets.ts';
import {
  type FetchedDays,
  type KnownDays,
  longestWindow,
  planRun,
  type RunPlan,
  type RunScope,
} from './plan.ts';
import { createReader, type DayChange, type Reader } from './reader.ts';

/** What a run needs from outside. */
export interface RunInput extends RunScope {
  /** Opens the source, once. */
  readonly open: () => Promise<Source>;
  /** Throws if another run may be under way. Nothing is queried after that, and no money written down. */
  readonly assertHeld: Lock['assertHeld'];
  readonly ledgers: Ledgers;
  /** Absent for a run that leaves nothing behind. */
  readonly spend?: SpendFile;
  /** Most bytes to be billed in a calendar month (UTC), or null for no limit. */
  readonly budgetBytes: number | null;
  /** How many packages are read side by side; one after another if absent. */
  readonly concurrency?: number;
  /** Is told of what an operator should know, while packages are read. */
  readonly warn: (message: string) => void;
  /** What is asked about facets; nothing if absent. */
  readonly facets?: FacetTask | undefined;
  /** Is told how many days were read once for all who lack them, of how many that are planned so. */
  readonly onSharedDays?: (read: number, of: number) => void;
  readonly now: () => Date;
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

/** A run that has begun. */
export interface Run {
  /** Why nothing at all could be read, if so. */
  readonly fault?: unknown;
  /** What the table has; undefined if it could not be asked. */
  readonly upstream: Upstream | undefined;
  /** What an operator should know, once a run. */
  readonly warnings: readonly string[];
  /** What an operator may want to know, once a run. */
  readonly notes: readonly string[];
  /** One for each package, in the order asked for. */
  readonly outcomes: AsyncIterable<Outcome>;
}

/** What a run has found out before it asks for the first package. */
export interface Prepared {
  readonly input: RunInput;
  readonly source: Source;
  readonly book: Budget;
  readonly fetched: FetchedDays;
  readonly plan: RunPlan;
}

/** Stands for the question about days in the account of money; no package can be called this. */
const DAYS_LABEL = '(days)';

function warningsOf(upstream: Upstream, asOf: Day, wholeLog: boolean): string[] {
  const { end, lastDay, missingDays, partialDays, excessDays, fault } = upstream;
  const warnings: string[] = [];
  if (fault !== undefined) return warnings;
  if (end !== asOf) {
    warnings.push(`the table ends with ${lastDay}; windows end there too instead of before ${asOf}`);
  }
  if (missingDays.length > 0) {
    warnings.push(
      `the table has no rows on ${nameSome(missingDays)}; counts lack the downloads of these days`,
    );
  }
  if (partialDays.length > 0) {
    warnings.push(
      `the table has only a part of the rows of ${nameSome(partialDays)}; counts lack a part of them until the source has the rest`,
    );
  }
  if (excessDays.length > 0) {
    warnings.push(
      `the table has more than twice the usual rows on ${nameSome(excessDays)}; rows may have been written twice, and counts be too high`,
    );
  }
  if (!wholeLog && lastDay !== null && lastDay < upstream.since) {
    warnings.push(
      `the rows end with ${lastDay}, before the longest window begins; every count is 0, unless --as-of says another day`,
    );
  }
  return warnings;
}

const NAMELESS = `the rows have no file names (file.filename), so of days before ${ERAS.distributions} files beside packages, such as .metadata, are counted like packages`;

function conclude(
  source: Source,
  task: RunScope,
  known: KnownDays,
  warnings: readonly string[],
): FetchedDays {
  const { traits } = source;
  const longest = Math.max(...task.packages.map(longestWindow));
  const { asOf, published } = task;
  const rows = known.kind === 'known' ? known.rows : undefined;
  const odd = rows && traits.wholeLog ? oddDaysOf(spanOf(task, source), rows) : undefined;
  const upstream = upstreamOf(asOf, longest, rows, odd, traits.whereToLook, published);
  const nameless = !source.hasFileNames && needsFileNames(windowBefore(upstream.end, longest));
  return {
    upstream,
    known,
    partialDays: [...(odd?.partial ?? [])],
    warnings: [...warnings, ...warningsOf(upstream, asOf, traits.wholeLog), ...(nameless ? [NAMELESS] : [])],
  };
}

function concludeAnswer(source: Source, task: RunScope, answer: DaysAnswer): FetchedDays {
  if (answer.kind === 'known') return conclude(source, task, answer, []);
  if (answer.refused && task.published !== undefined) {
    throw new OperatorError(
      'permission',
      `${answer.reason}. The source told its days before, so nothing is counted without them: grant it again, or take "published" out of "upstream" in _health.json to go on without`,
      { affectsAll: true },
    );
  }
  const fallback = `${answer.reason}; without the rows of each day, the two newest days are read again with each run, and every seventh day the whole window`;
  return conclude(source, task, { kind: 'unsupported' }, [fallback]);
}

function spanOf({ packages, asOf, lookBackDays }: RunScope, { traits }: Source): Span {
  const span = partitionSpan(asOf, Math.max(lookBackDays, ...packages.map(longestWindow)));
  const all = !traits.keepsLedger && packages.some(({ total }) => total);
  return all && span.start > ERAS.ci ? { ...span, start: ERAS.ci } : span;
}

/**
 * Asks, once for all packages, which days the table has and how many rows each.
 *
 * @throws SourceError if the source cannot be asked anything.
 */
export async function fetchDays(source: Source, book: Budget, task: RunScope): Promise<FetchedDays> {
  try {
    const answer = await book.query(
      { label: DAYS_LABEL, expectedBytes: source.traits.billed ? MINIMUM_BILLED : 0 },
      () => source.days(spanOf(task, source), task.signal),
    );
    return concludeAnswer(source, task, answer);
  } catch (error) {
    if (!(error instanceof BudgetError)) throw error;
    // Packages whose ledger has every day need no query, and so no budget.
    return conclude(source, task, { kind: 'skipped' }, [
      `which days changed was not asked: ${error.message}`,
    ]);
  }
}

/** The same without a question that costs money: days in the ledger then count as unchanged. */
export async function fetchDaysFree(source: Source, task: RunScope): Promise<FetchedDays> {
  if (source.traits.billed) return conclude(source, task, { kind: 'skipped' }, []);
  return concludeAnswer(source, task, await source.days(spanOf(task, source)));
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

function notAttempted(tracked: TrackedPackage, cause: unknown): Outcome {
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
async function* readAll(prepared: Prepared): AsyncGenerator<Outcome> {
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

async function* failAll({ packages, signal }: RunInput, cause: unknown): AsyncGenerator<Outcome> {
  if (signal?.aborted) return;
  for (const tracked of packages) yield notAttempted(tracked, cause);
}

/**
 * Begins a run: asks what the table has, plans all that must be read, and then reads it. What happens to one
 * package is its own affair; only what every package would meet ends the reading: the rest is then reported
 * as not attempted, with that cause. The signal ends it, too: what is under way is cancelled, and packages
 * that were not finished have no outcome. Nothing is thrown.
 */
export async function beginRun(input: RunInput): Promise<Run> {
  let source: Source | undefined;
  let fetched: FetchedDays | undefined;
  try {
    const { ledgers, spend, budgetBytes, signal, now, assertHeld } = input;
    source = await abortable(input.open(), signal);
    const { traits } = source;
    const book = await openBudget(traits.billed ? spend : undefined, budgetBytes, now, assertHeld);
    fetched = await fetchDays(source, book, input);
    const { fault } = fetched.upstream;
    if (fault !== undefined) throw new OperatorError(fault.code, fault.message);
    await ledgers.recover(signal);
    const plan = await planRun(input, source, fetched, { ledgers, budgetBytes, spend: book.spend });
    const outcomes = readAll({ input, source, book, fetched, plan });
    return {
      upstream: fetched.upstream,
      warnings: [...fetched.warnings, ...plan.warnings],
      notes: [
        ...(source.payer === undefined ? [] : [`BigQuery is asked by ${source.payer}, which pays`]),
        ...plan.notes,
      ],
      outcomes,
    };
  } catch (error) {
    await source?.close();
    return {
      fault: error,
      upstream: fetched?.upstream,
      warnings: fetched?.warnings ?? [],
      notes: [],
      outcomes: failAll(input, error),
    };
  }
}
