import type { TrackedPackage } from '../config/config.ts';
import type { Day, Span } from '../days/day.ts';
import { revisionSpan, type Upstream, upstreamOf } from '../days/upstream.ts';
import { windowBefore } from '../days/window.ts';
import { daysToRead, type Knowledge, MINIMUM_BILLED, toSpans } from '../plan/plan.ts';
import type { RevisionsAnswer, Source } from '../sources/source.ts';
import { bytesPerDay, type Ledger } from '../state/ledger.ts';
import { BudgetError, REVISIONS, type SpendBook } from '../state/spend.ts';

/** What a run is asked to do. */
export interface Task {
  readonly packages: readonly TrackedPackage[];
  readonly asOf: Day;
  /** Whether to read every day of the windows again. */
  readonly full: boolean;
  /** Ends the asking. */
  readonly signal?: AbortSignal | undefined;
}

/** What a run knows before it asks for the first package. */
export interface Preparation {
  readonly upstream: Upstream;
  readonly knowledge: Knowledge;
  /** What an operator should know, once a run. */
  readonly warnings: readonly string[];
}

/** Days of a tracked package's longest window. */
function longestWindow(tracked: TrackedPackage): number {
  return Math.max(...tracked.windows);
}

/** Days of the longest window of all. */
function longestOf({ packages }: Task): number {
  return Math.max(...packages.map(longestWindow));
}

/** Days for a sentence: the first few, and how many more there are. */
function some(days: readonly Day[]): string {
  const more = days.length > 5 ? ` and ${days.length - 5} more days` : '';
  return `${days.slice(0, 5).join(', ')}${more}`;
}

function warningsOf(upstream: Upstream, asOf: Day): string[] {
  const late =
    upstream.end === asOf
      ? []
      : [`the table ends with ${upstream.lastDay}; windows end there too instead of before ${asOf}`];
  const missing =
    upstream.missingDays.length === 0
      ? []
      : [`the table has no rows on ${some(upstream.missingDays)}; counts lack what was downloaded then`];
  return [...late, ...missing];
}

function conclude(task: Task, knowledge: Knowledge, warnings: string[]): Preparation {
  const revisions = knowledge.kind === 'revisions' ? knowledge.revisions : undefined;
  const upstream = upstreamOf(task.asOf, longestOf(task), revisions);
  return { upstream, knowledge, warnings: [...warnings, ...warningsOf(upstream, task.asOf)] };
}

function concludeAnswer(task: Task, answer: RevisionsAnswer): Preparation {
  if ('revisions' in answer) return conclude(task, { kind: 'revisions', revisions: answer.revisions }, []);
  const fallback = `${answer.unavailable}; without revisions, the two newest days are read again with each run, and every seventh day the whole window`;
  return conclude(task, { kind: 'unknown' }, [fallback]);
}

/**
 * Asks, once for all packages, which days the table has and whether they changed.
 *
 * @throws SourceError if the source cannot be asked anything; OperatorError if the table is too far behind.
 */
export async function prepare(source: Source, book: SpendBook, task: Task): Promise<Preparation> {
  const span = revisionSpan(task.asOf, longestOf(task));
  try {
    const answer = await book.query(
      REVISIONS,
      source.billed ? MINIMUM_BILLED : 0,
      () => source.revisions(span, task.signal),
      (result) => ('cost' in result ? (result.cost?.bytesBilled ?? MINIMUM_BILLED) : 0),
    );
    return concludeAnswer(task, answer);
  } catch (error) {
    if (!(error instanceof BudgetError)) throw error;
    // Packages whose ledger has every day need no query, and so no budget.
    return conclude(task, { kind: 'unasked' }, [`which days changed was not asked: ${error.message}`]);
  }
}

/** Prepares without a question that costs money: days that are known then count as unchanged. */
export async function prepareFree(source: Source, task: Task): Promise<Preparation> {
  if (source.billed) return conclude(task, { kind: 'unasked' }, []);
  return concludeAnswer(task, await source.revisions(revisionSpan(task.asOf, longestOf(task))));
}

/** What is to be read for one package. */
export interface Plan {
  /** The longest window. */
  readonly window: Span;
  readonly spans: readonly Span[];
  /** Whether the spans are the whole window. */
  readonly whole: boolean;
}

/** Which spans of a package's longest window must be queried. */
export function planPackage(
  ledger: Ledger,
  tracked: TrackedPackage,
  preparation: Preparation,
  task: Task,
): Plan {
  const window = windowBefore(preparation.upstream.end, longestWindow(tracked));
  const days = daysToRead(ledger, window, preparation.knowledge, task.asOf, task.full);
  return {
    window,
    spans: toSpans(days, bytesPerDay(ledger)),
    whole: days.length === longestWindow(tracked),
  };
}
