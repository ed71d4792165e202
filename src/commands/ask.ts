import type { FacetTask } from '../collect/facets.ts';
import { WARNING_DAYS } from '../collect/plan.ts';
import { causeText, type Outcome } from '../collect/reader.ts';
import { beginRun } from '../collect/run.ts';
import type { Day } from '../days/day.ts';
import { nameSome, plural } from '../format.ts';
import { summarize } from '../metric/summary.ts';
import { openSource, type SourceConfig, sourceName } from '../sources/index.ts';
import { ledgersInMemory } from '../state/ledgers.ts';
import type { Account } from './account.ts';
import type { Context, GlobalOptions } from './context.ts';
import { createLog } from './output.ts';

/** What is asked for, now and once. */
export interface Asking {
  readonly names: readonly string[];
  readonly windowDays: number;
  readonly asOf: Day;
  readonly source: SourceConfig;
  /** What is asked about facets besides; nothing if absent. */
  readonly facets?: FacetTask;
}

/** What was read of a package, or why nothing was. */
export type Answer =
  | (Account & Extract<Outcome, { kind: 'read' }>)
  | { readonly kind: 'failed'; readonly name: string; readonly why: string };

function answerOf(outcome: Outcome, windowDays: number): Answer {
  const { name } = outcome.package;
  if (outcome.kind === 'failed') return { kind: 'failed', name, why: causeText(outcome.error) };
  return { ...outcome, name, summary: summarize(outcome.days, [windowDays]) };
}

/** Reads the days of packages, and leaves nothing behind on the disk. What an operator should know goes to the log. */
export async function readNow(
  { names, windowDays, asOf, source, facets }: Asking,
  { logLevel = 'warn' }: GlobalOptions,
  context: Context,
): Promise<Answer[]> {
  const { log, progress } = await createLog({ logLevel }, context);
  const signal = context.interruptible?.();
  progress.show(`Asking ${sourceName(source.kind).shortName} for ${nameSome(names, 3)}`);
  try {
    const { outcomes, warnings } = await beginRun({
      packages: names.map((name) => ({ name, windows: [windowDays] })),
      asOf,
      facets,
      full: false,
      lookBackDays: WARNING_DAYS,
      open: () => openSource(source, context),
      // Nothing is written that another run could need.
      assertHeld: () => undefined,
      ledgers: ledgersInMemory(),
      budgetBytes: null,
      signal,
      warn: (message) => log.warn(message),
      now: context.now,
    });
    for (const warning of warnings) log.warn(warning);
    const read: Answer[] = [];
    for await (const outcome of outcomes) {
      read.push(answerOf(outcome, windowDays));
      progress.show(`${read.length} of ${plural(names.length, 'package')} counted`);
    }
    signal?.throwIfAborted();
    return read;
  } finally {
    progress.clear();
  }
}
