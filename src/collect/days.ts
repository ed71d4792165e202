import type { TrackedPackage } from '../config/config.ts';
import { type Day, type Span, windowBefore } from '../days/day.ts';
import { ERAS } from '../days/eras.ts';
import { oddDaysOf, partitionSpan, type Upstream, upstreamOf } from '../days/upstream.ts';
import { OperatorError } from '../errors/error.ts';
import { nameSome } from '../format.ts';
import type { DaysAnswer, Source } from '../sources/source.ts';
import { needsFileNames } from '../sources/sql.ts';
import { type Budget, BudgetError } from '../state/spend.ts';
import { MINIMUM_BILLED } from '../util.ts';
import { type KnownDays, longestWindow } from './plan.ts';

/** What a run is asked for. */
export interface RunScope {
  readonly packages: readonly TrackedPackage[];
  readonly asOf: Day;
  /** Whether to read every day of the windows again. */
  readonly full: boolean;
  /** The last day of the published badges, as the last run told of this very source; undefined where that does not matter. */
  readonly published?: Day | undefined;
  /** Days that are looked back on where that is free, however short the windows. */
  readonly lookBackDays: number;
  /** Whether the windows are the past that totals are to be filled with. */
  readonly fillsPast?: boolean;
  /** Ends the run: what is under way is cancelled. */
  readonly signal?: AbortSignal | undefined;
}

/** What a run knows of the table's days before it asks for the first package. */
export interface FetchedDays {
  readonly upstream: Upstream;
  readonly known: KnownDays;
  /** All days that are known to be incomplete, those before the longest window among them: a trend leaves them out, too. */
  readonly partialDays: readonly Day[];
  /** What an operator should know, once a run. */
  readonly warnings: readonly string[];
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
  const { asOf } = task;
  // A clock that was ahead has written it.
  const isFuture = (task.published ?? '') >= asOf;
  const published = isFuture ? undefined : task.published;
  const rows = known.kind === 'known' ? known.rows : undefined;
  const odd = rows && traits.wholeLog ? oddDaysOf(spanOf(task, source), rows) : undefined;
  const upstream = upstreamOf(asOf, longest, rows, odd, traits.whereToLook, published);
  const nameless = !source.hasFileNames && needsFileNames(windowBefore(upstream.end, longest));
  return {
    upstream,
    known,
    partialDays: [...(odd?.partial ?? [])],
    warnings: [
      ...warnings,
      ...(isFuture
        ? [`_health.json says that badges end with ${task.published}, which is not over yet; that is ignored`]
        : []),
      ...warningsOf(upstream, asOf, traits.wholeLog),
      ...(nameless ? [NAMELESS] : []),
    ],
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
