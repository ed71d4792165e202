import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { beginRun, type Run, type RunInput } from '../collect/run.ts';
import { ERRORS } from '../errors/codes.ts';
import { describeError, errorCode, UsageError } from '../errors/error.ts';

/** The pauses between attempts, as parts of the whole wait: soon at first, and then more rarely. */
const PAUSES = [1 / 8, 1 / 8, 1 / 4, 1 / 2];

const MS_PER_MINUTE = 60_000;
const MINUTES_MAX = 600;

/** @throws UsageError if the text is no number of minutes. */
export function selectMinutes(text = '0'): number {
  const minutes = /^\d{1,3}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (minutes <= MINUTES_MAX) return minutes;
  throw new UsageError(`--wait ${text}: expected a number of minutes from 0 to ${MINUTES_MAX}`);
}

/**
 * Begins a run, and where nothing at all can be reached tries again for some time: after a boot or while a
 * router starts, the network comes minutes later than the timer. Nothing has been asked by then, so nothing is asked twice.
 */
export async function beginPatiently(input: RunInput, minutes: number, log: Logger): Promise<Run> {
  let run = await beginRun(input);
  for (const part of minutes > 0 ? PAUSES : []) {
    if (run.fault === undefined || !ERRORS[errorCode(run.fault)].passes) return run;
    const pauseMs = part * minutes * MS_PER_MINUTE;
    log.warn(`${describeError(run.fault)}; trying again in ${Math.ceil(pauseMs / 1000)} s`);
    try {
      await sleep(pauseMs, undefined, input.signal === undefined ? {} : { signal: input.signal });
    } catch {
      return run;
    }
    run = await beginRun(input);
  }
  return run;
}
