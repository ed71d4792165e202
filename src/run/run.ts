import pLimit from 'p-limit';
import type { TrackedPackage } from '../config/config.ts';
import { type Day, dayOf, daysOf, type Span, spanDays } from '../days/day.ts';
import type { Upstream } from '../days/upstream.ts';
import { windowBefore } from '../days/window.ts';
import { describeError, errorCode, OperatorError } from '../errors/error.ts';
import { mapNonEmpty } from '../non-empty.ts';
import { roundedBill } from '../plan/plan.ts';
import type { PivotRow } from '../sources/query.ts';
import { type PivotAnswer, type QueryCost, type Source, SourceError } from '../sources/source.ts';
import { bytesPerDay, type Ledger, withBill, withDays, withoutOld } from '../state/ledger.ts';
import { BYTES_PER_UNSEEN_DAY, EMPTY_SPEND, monthOf, openSpendBook, type SpendBook } from '../state/spend.ts';
import type { State } from '../state/state.ts';
import { until } from '../until.ts';
import type { DayChange, Outcome } from './outcome.ts';
import { type Plan, type Preparation, planPackage, prepare, type Task } from './prepare.ts';

/** What a run needs from outside. */
export interface RunInput extends Task {
  /** Opens the source, once. */
  readonly open: () => Promise<Source>;
  readonly state: State;
  /** Most bytes to be billed in a calendar month (UTC), or null for no limit. */
  readonly budgetBytes: number | null;
  /** How many packages are read side by side; one after another if absent. */
  readonly concurrency?: number;
  readonly now: () => Date;
}

/** A run that has begun. */
export interface Run {
  /** What the table has; undefined if it could not be asked. */
  readonly upstream: Upstream | undefined;
  /** What an operator should know, once a run. */
  readonly warnings: readonly string[];
  /** One for each package, in the order asked for. */
  readonly outcomes: AsyncIterable<Outcome>;
}

interface Session {
  readonly source: Source;
  readonly book: SpendBook;
  readonly preparation: Preparation;
  readonly input: RunInput;
}

/** What the queries of a package have brought so far. */
interface Progress {
  readonly ledger: Ledger;
  readonly cost: QueryCost;
  readonly daysScanned: number;
}

/** A query that failed without a bill may have been billed as expected. */
function billedBy(result: PivotAnswer | Error, expected: number): number {
  if (result instanceof Error && !(result instanceof SourceError)) return expected;
  return result.cost?.bytesBilled ?? expected;
}

function total(rows: readonly { readonly downloads: number }[]): number {
  return rows.reduce((sum, { downloads }) => sum + downloads, 0);
}

/** The days that a ledger had before, and that count otherwise now. */
function changesBetween(before: Ledger, after: Ledger, spans: readonly Span[]): DayChange[] {
  return spans.flatMap(daysOf).flatMap((day) => {
    const known = before.days.get(day);
    if (known === undefined) return [];
    const change = { day, before: total(known.rows), after: total(after.days.get(day)?.rows ?? []) };
    return change.before === change.after ? [] : [change];
  });
}

/** Queries one span; the bill is written down when it returns, the days are not. */
async function readSpan(
  { source, book, preparation, input }: Session,
  tracked: TrackedPackage,
  progress: Progress,
  span: Span,
): Promise<Progress> {
  const { knowledge } = preparation;
  const days = spanDays(span);
  const perDay = bytesPerDay(progress.ledger) ?? BYTES_PER_UNSEEN_DAY;
  const expected = source.billed ? roundedBill(days * perDay) : 0;
  const month = monthOf(input.now());
  const { rows, cost } = await book.query(
    tracked.name,
    expected,
    () => source.pivot({ package: tracked.name, span }, input.signal),
    (result) => billedBy(result, expected),
  );
  const revisionOf = (day: Day) =>
    knowledge.kind === 'revisions' ? (knowledge.revisions.get(day) ?? 0) : null;
  const read = withDays(progress.ledger, span, rows, revisionOf);
  return {
    ledger: withBill(read, month, days, cost.bytesBilled),
    daysScanned: progress.daysScanned + days,
    cost: {
      bytesProcessed: progress.cost.bytesProcessed + cost.bytesProcessed,
      bytesBilled: progress.cost.bytesBilled + cost.bytesBilled,
      cacheHit: progress.cost.cacheHit && cost.cacheHit,
    },
  };
}

/** The rows of a window; a day that the table no longer has any row of counts as the table says. */
function rowsOf(ledger: Ledger, window: Span, { knowledge }: Preparation): PivotRow[] {
  const gone = (day: Day) => knowledge.kind === 'revisions' && !knowledge.revisions.get(day);
  return daysOf(window).flatMap((day) =>
    gone(day) ? [] : (ledger.days.get(day)?.rows ?? []).map((row) => ({ day, ...row })),
  );
}

/**
 * Queries the spans of a package one after another. After each, the ledger is saved: what was paid for
 * must outlive whatever happens next.
 */
async function readSpans(
  session: Session,
  tracked: TrackedPackage,
  before: Ledger,
  plan: Plan,
): Promise<Progress> {
  const { input } = session;
  const cost = { bytesProcessed: 0, bytesBilled: 0, cacheHit: plan.spans.length > 0 };
  let progress: Progress = { ledger: before, cost, daysScanned: 0 };
  for (const span of plan.spans) {
    progress = await readSpan(session, tracked, progress, span);
    const done = span === plan.spans.at(-1);
    const newer = (before.wholeRead ?? '') < input.asOf;
    const wholeRead = done && plan.whole && newer ? input.asOf : before.wholeRead;
    const ledger = withoutOld({ ...progress.ledger, wholeRead }, plan.window, dayOf(input.now()));
    await input.state.saveLedger(tracked.name, ledger);
    progress = { ...progress, ledger };
  }
  return progress;
}

async function readPackage(session: Session, tracked: TrackedPackage): Promise<Outcome> {
  const { input, preparation } = session;
  const attempted = input.now();
  try {
    const before = await input.state.loadLedger(tracked.name);
    const plan = planPackage(before, tracked, preparation, input);
    const { ledger, cost, daysScanned } = await readSpans(session, tracked, before, plan);
    const windows = mapNonEmpty(tracked.windows, (windowDays) => ({
      windowDays,
      rows: rowsOf(ledger, windowBefore(preparation.upstream.end, windowDays), preparation),
    }));
    const durationMs = input.now().getTime() - attempted.getTime();
    const changes = changesBetween(before, ledger, plan.spans);
    return {
      kind: 'read',
      package: tracked,
      attempted,
      windows,
      upstream: preparation.upstream,
      reading: { ...cost, daysScanned, durationMs },
      changes,
    };
  } catch (error) {
    return { kind: 'failed', package: tracked, attempted, error };
  }
}

function notAttempted(tracked: TrackedPackage, cause: unknown): Outcome {
  const error = new OperatorError(errorCode(cause), `not attempted: ${describeError(cause)}`, { cause });
  return { kind: 'failed', package: tracked, error };
}

/**
 * How many packages may be begun before the slowest of them is done, for each that is read at a time. A
 * slow one must not hold the others up, nor may its followers' rows pile up in memory.
 */
const LOOK_AHEAD = 4;

/**
 * Reads the packages, as many side by side as allowed, and hands the outcomes over in order. A cause that
 * every package would meet, or an interruption, keeps those that have not begun from beginning.
 */
async function* readAll(session: Session): AsyncGenerator<Outcome> {
  const { packages, concurrency = 1, signal } = session.input;
  const limit = pLimit(concurrency);
  let cause: unknown;
  const readOne = async (tracked: TrackedPackage): Promise<Outcome | undefined> => {
    if (signal?.aborted) return undefined;
    if (cause !== undefined) return notAttempted(tracked, cause);
    const outcome = await readPackage(session, tracked);
    if (outcome.kind === 'read') return outcome;
    if (signal?.aborted) return undefined;
    if (outcome.error instanceof SourceError && outcome.error.affectsAll) cause = outcome.error;
    return outcome;
  };
  const reading: Promise<Outcome | undefined>[] = [];
  const ahead = concurrency === 1 ? 1 : concurrency * LOOK_AHEAD;
  try {
    for (let next = 0; next < packages.length || reading.length > 0; ) {
      for (const tracked of packages.slice(next, next + ahead - reading.length)) {
        reading.push(limit(readOne, tracked));
        next += 1;
      }
      const outcome = await reading.shift();
      if (outcome !== undefined) yield outcome;
    }
  } finally {
    await session.source.close();
  }
}

async function* failAll({ packages, signal }: RunInput, cause: unknown): AsyncGenerator<Outcome> {
  if (signal?.aborted) return;
  for (const tracked of packages) yield notAttempted(tracked, cause);
}

/**
 * Begins a run: asks what the table has, and then reads the packages, each only for the days that its
 * ledger lacks or that have changed. What happens to one package is its own affair;
 * only what every package would meet ends the reading: the rest is then reported as not attempted, with
 * that cause. The signal ends it, too: what is under way is cancelled, and packages that were not finished
 * have no outcome. Nothing is thrown.
 */
export async function beginRun(input: RunInput): Promise<Run> {
  let source: Source | undefined;
  try {
    const { state, signal } = input;
    source = await until(input.open(), signal);
    const budgetBytes = source.billed ? input.budgetBytes : null;
    const spend = source.billed ? await state.loadSpend() : EMPTY_SPEND;
    const save = source.billed ? state.saveSpend : async () => undefined;
    const book = openSpendBook(spend, save, budgetBytes, input.now);
    const preparation = await prepare(source, book, input);
    const outcomes = readAll({ source, book, preparation, input });
    return { upstream: preparation.upstream, warnings: preparation.warnings, outcomes };
  } catch (error) {
    await source?.close();
    return { upstream: undefined, warnings: [], outcomes: failAll(input, error) };
  }
}
