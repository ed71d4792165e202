import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { ApiError, faultOf, isTransient, JobFailed } from './fault.ts';

/** How long to wait for what. All in milliseconds. */
export interface Patience {
  /** For the whole of one question, with every retry. */
  readonly limitMs: number;
  /** Before the first retry, at least; doubled before each further one, and up to twice that at random. */
  readonly backoffMs: number;
  /** Between two looks at a job, when the server answers at once that it still runs. */
  readonly pollMs: number;
  /** For cancelling a job. */
  readonly cancelMs: number;
}

/** Retries of one request. BigQuery's SLA asks for waits from 1 s that double up to 32 s. */
export const REQUEST_RETRIES = 5;

/** How often a job that failed by no fault of the query is run again. */
export const JOB_RETRIES = 3;

/** The fault that is being waited out at present, and how often it was met. */
export interface PresentFault {
  readonly error: unknown;
  readonly tries: number;
}

/** Something that is tried again. */
export interface Trying {
  readonly patience: Patience;
  readonly signal: AbortSignal;
  readonly sent: { fault?: PresentFault };
}

const waitOf = (error: unknown) => (error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0);

/**
 * Does `work` again while it fails by a fault that may pass, after the wait that the server asked for or that is
 * due anyway. If the server asks for a longer wait than the time limit leaves, it gives up at once.
 */
export async function persist<T>(
  { patience, signal, sent }: Trying,
  retries: number,
  again: (error: unknown) => boolean,
  work: () => Promise<T>,
): Promise<T> {
  const worthIt = (error: unknown) => again(error) && waitOf(error) < patience.limitMs;
  return pRetry(
    async () => {
      const result = await work();
      delete sent.fault;
      return result;
    },
    {
      retries,
      minTimeout: patience.backoffMs,
      maxTimeout: 32 * patience.backoffMs,
      randomize: true,
      signal,
      onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
        // The end of the waiting is no fault of the request.
        if (signal.aborted) return;
        const before = sent.fault?.error === error ? sent.fault.tries : 0;
        sent.fault = { error, tries: Math.max(before, attemptNumber) };
        if (retriesLeft > 0 && worthIt(error)) await sleep(waitOf(error), undefined, { signal });
      },
      shouldRetry: ({ error }) => worthIt(error),
    },
  );
}

/** Whether a request may be repeated. */
export const mayPass = (error: unknown) => isTransient(faultOf(error)) && !(error instanceof JobFailed);

/** Whether a job may be run again. */
export const mayPassAsJob = (error: unknown) => error instanceof JobFailed && isTransient(error.fault);
