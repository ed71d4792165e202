import type { TrackedPackage } from '../config/config.ts';
import { describeError, OperatorError } from '../errors.ts';
import { mapNonEmpty } from '../non-empty.ts';
import { type Source, SourceError } from '../sources/source.ts';
import { type Day, spanDays } from '../sources/span.ts';
import type { Outcome } from './outcome.ts';
import { windowBefore } from './window.ts';

/** What a run needs from outside. */
export interface RunInput {
  readonly packages: readonly TrackedPackage[];
  readonly asOf: Day;
  /** Opens the source, once, when the first package needs it. */
  readonly open: () => Promise<Source>;
  readonly now: () => Date;
}

async function readPackage(source: Source, tracked: TrackedPackage, input: RunInput): Promise<Outcome> {
  const attempted = input.now();
  try {
    const span = windowBefore(input.asOf, Math.max(...tracked.windows));
    const { rows, cost } = await source.pivot({ package: tracked.name, span });
    const windows = mapNonEmpty(tracked.windows, (windowDays) => {
      const { start } = windowBefore(input.asOf, windowDays);
      return { windowDays, rows: rows.filter((row) => row.day >= start) };
    });
    const durationMs = input.now().getTime() - attempted.getTime();
    const reading = { ...cost, daysScanned: spanDays(span), durationMs };
    return { kind: 'read', package: tracked, attempted, windows, reading };
  } catch (error) {
    return { kind: 'failed', package: tracked, attempted, error };
  }
}

function notAttempted(tracked: TrackedPackage, cause: unknown): Outcome {
  const error = new OperatorError(`not attempted: ${describeError(cause)}`, { cause });
  return { kind: 'failed', package: tracked, error };
}

/**
 * Reads the packages one after another; what happens to one is its own affair. Only a failure that
 * every package would meet ends the reading: the rest is then reported as not attempted, with that cause.
 */
export async function* readPackages(input: RunInput): AsyncGenerator<Outcome> {
  let source: Source | undefined;
  let cause: unknown;
  try {
    source = await input.open();
  } catch (error) {
    cause = error;
  }
  try {
    for (const tracked of input.packages) {
      if (source === undefined || cause !== undefined) {
        yield notAttempted(tracked, cause);
        continue;
      }
      const outcome = await readPackage(source, tracked, input);
      if (outcome.kind === 'failed' && outcome.error instanceof SourceError && outcome.error.affectsAll) {
        cause = outcome.error;
      }
      yield outcome;
    }
  } finally {
    await source?.close();
  }
}
