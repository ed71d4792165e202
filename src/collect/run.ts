import { type Day, type Span, windowBefore } from '../days/day.ts';
import { ERAS } from '../days/eras.ts';
import { oddDaysOf, partitionSpan, type Upstream, upstreamOf } from '../days/upstream.ts';
import { OperatorError } from '../errors/error.ts';
import { nameSome } from '../format.ts';
import type { DaysAnswer, Source } from '../sources/source.ts';
import { needsFileNames } from '../sources/sql.ts';
import type { Ledgers } from '../state/ledgers.ts';
import type { Lock } from '../state/lock.ts';
import { type Budget, BudgetError, openBudget, type SpendFile } from '../state/spend.ts';
import { abortable, MINIMUM_BILLED } from '../util.ts';
import type { FacetTask } from './facets.ts';
import { type FetchedDays, type KnownDays, longestWindow, planRun, type RunScope } from './plan.ts';
import { notAttempted, type Outcome, readAll } from './reader.ts';

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
