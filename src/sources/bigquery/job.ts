import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault, type FaultContext, sourceErrorOf } from '../fault.ts';
import { mayPass, withRetry } from '../http.ts';
import type { RawRow } from '../rows.ts';
import { addCost, interrupted, NO_COST, type QueryCost, SourceError } from '../source.ts';
import { type Columns, costIfDone, processedBytes, readCost, readPage } from './answer.ts';
import type { ApiRequest, Connection } from './connection.ts';
import { ClockWrong } from './connection.ts';
import { faultOfResult, JobFailed } from './fault.ts';

/** How long to wait for what. All in milliseconds. */
export interface Patience {
  /** For the whole of one query, with every retry. */
  readonly limitMs: number;
  /** Before the first retry, at least. */
  readonly backoffMs: number;
  /** Between two looks at a job, when the server answers at once that it still runs. */
  readonly pollMs: number;
  /** For cancelling a job. */
  readonly cancelMs: number;
}

/** How often a job that failed by no fault of the query is run again. */
const JOB_RETRIES = 3;

/** A query with typed parameters. Values never stand inside the SQL. */
export interface QuerySpec {
  readonly sql: string;
  readonly parameters: Readonly<
    Record<string, readonly [type: 'STRING' | 'TIMESTAMP' | 'INT64', value: string | readonly string[]]>
  >;
  readonly columns: Columns;
  readonly labels: Readonly<Record<string, string>>;
  readonly location: string;
  /** More rows than this are an error long before the end of the answer. */
  readonly rowLimit: number;
}

/** What was made of the whole answer to a query, and what it took. */
export interface QueryAnswer<T> {
  readonly value: T;
  readonly cost: QueryCost;
}

/** Rows fetched with each request; an answer that has more comes in pages. */
const PAGE_ROWS = 5_000;

/** How long the server is asked to hold a request for the answer of a running job. */
const LONG_POLL_MS = 10_000;

/** The state of a question that is being asked, as needed to cancel it. */
interface Sent {
  jobId?: string;
  /** Whether the server has said that it has the job. */
  known: boolean;
  /** Whether a job may be running on the server. */
  running: boolean;
  /** What all jobs so far have taken; undefined once a job was left behind that may still be billed. */
  cost: QueryCost | undefined;
}

/** One question being asked. */
interface Asking {
  readonly connection: Connection;
  readonly spec: QuerySpec;
  readonly patience: Patience;
  readonly signal: AbortSignal;
  readonly sent: Sent;
}

function jobBody({ spec, patience, connection }: Asking, jobId: string | undefined): object {
  const { sql, parameters, labels, location } = spec;
  return {
    jobReference: { projectId: connection.project, location, ...(jobId === undefined ? {} : { jobId }) },
    configuration: {
      ...(jobId === undefined ? { dryRun: true } : {}),
      labels,
      jobTimeoutMs: String(patience.limitMs),
      query: {
        query: sql,
        useLegacySql: false,
        parameterMode: 'NAMED',
        queryParameters: Object.entries(parameters).map(([name, [type, value]]) =>
          typeof value === 'string'
            ? { name, parameterType: { type }, parameterValue: { value } }
            : {
                name,
                parameterType: { type: 'ARRAY', arrayType: { type } },
                parameterValue: { arrayValues: value.map((each) => ({ value: each })) },
              },
        ),
      },
    },
  };
}

/** Does something again while it fails by a fault that may pass; a job that failed does so in every answer. */
function patiently<T>({ patience, signal }: Asking, work: () => Promise<T>): Promise<T> {
  const policy = { backoffMs: patience.backoffMs, longestPauseMs: patience.limitMs };
  return withRetry(work, policy, signal, (error) => mayPass(error) && !(error instanceof JobFailed));
}

function request(asking: Asking, call: ApiRequest) {
  return patiently(asking, () => asking.connection.send(call, asking.signal));
}

/** @throws JobFailed if that is what became of the job; what it took is then added up. */
function throwIfFailed({ sent }: Asking, job: Readonly<Record<string, unknown>>): void {
  const { errorResult } = (job['status'] ?? {}) as { errorResult?: unknown };
  if (!errorResult) return;
  sent.running = false;
  sent.known = true;
  sent.cost = sent.cost && addCost(sent.cost, readCost(job));
  throw faultOfResult(errorResult);
}

/** Whether BigQuery may have had the request that failed, although there is no answer that says so. */
function mayHaveArrived(error: unknown): boolean {
  return error instanceof ClockWrong
    ? error.maybeSent
    : error instanceof Fault && error.endpoint.step === 'bigquery' && error.details.maybeSent === true;
}

/**
 * Starts the job. If the answer to an earlier try was lost, the server knows the id already: then this
 * is the very job, and it is not run or billed twice.
 *
 * @returns What it has taken, if it is done already; otherwise undefined.
 */
async function insert(asking: Asking, jobId: string): Promise<QueryCost | undefined> {
  const { connection, signal, sent } = asking;
  const body = jobBody(asking, jobId);
  let answerLost = false;
  return patiently(asking, async () => {
    sent.running = true;
    try {
      const job = await connection.send({ method: 'POST', path: '/jobs', body }, signal);
      throwIfFailed(asking, job);
      sent.known = true;
      return costIfDone(job);
    } catch (error) {
      if (error instanceof Fault && error.details.status === 409) {
        sent.known = true;
        return undefined;
      }
      answerLost ||= mayHaveArrived(error) && !(error instanceof JobFailed);
      sent.running = answerLost;
      throw error;
    }
  });
}

function getJob({ connection, spec }: Asking, jobId: string, signal: AbortSignal) {
  const query = { location: spec.location };
  return connection.send({ method: 'GET', path: `/jobs/${jobId}`, query }, signal);
}

/** One page of the answer. Waits while the job runs. */
async function fetchPage(asking: Asking, jobId: string, pageToken: string | undefined) {
  const { connection, spec, patience, signal } = asking;
  const call: ApiRequest = {
    method: 'GET',
    path: `/queries/${jobId}`,
    query: {
      location: spec.location,
      maxResults: String(PAGE_ROWS),
      timeoutMs: String(LONG_POLL_MS),
      ...(pageToken === undefined ? {} : { pageToken }),
    },
  };
  for (;;) {
    const page = await patiently(asking, async () => {
      try {
        return readPage(await connection.send(call, signal), spec.columns);
      } catch (error) {
        // A failed job answers every such request with its own fault; only the job tells which it is.
        const answered = error instanceof Fault && error.endpoint.step === 'bigquery';
        if (answered && pageToken === undefined) {
          throwIfFailed(asking, await getJob(asking, jobId, signal));
        }
        throw error;
      }
    });
    if (page !== undefined) return page;
    await sleep(patience.pollMs, undefined, { signal });
  }
}

/**
 * What the job took. It is asked for before the further pages, so that it is known should they fail.
 *
 * @param atMost What the answer itself says, which will do if the job cannot be asked.
 */
async function fetchCost(asking: Asking, jobId: string, atMost: QueryCost): Promise<QueryCost> {
  const query = { location: asking.spec.location };
  try {
    return readCost(await request(asking, { method: 'GET', path: `/jobs/${jobId}`, query }));
  } catch {
    return atMost;
  }
}

/** Runs the query as one job and reads its whole answer. */
async function runJob(asking: Asking): Promise<RawRow[]> {
  const { sent, spec } = asking;
  const jobId = `pypi-badges_${randomUUID()}`;
  sent.jobId = jobId;
  sent.known = false;
  const cost = await insert(asking, jobId);
  let page = await fetchPage(asking, jobId, undefined);
  sent.running = false;
  sent.cost = sent.cost && addCost(sent.cost, cost ?? (await fetchCost(asking, jobId, page.costAtMost)));
  asking.signal.throwIfAborted();
  const rows = page.rows;
  while (page.pageToken !== undefined && rows.length <= spec.rowLimit) {
    page = await fetchPage(asking, jobId, page.pageToken);
    rows.push(...page.rows);
  }
  if (page.pageToken === undefined && page.totalRows !== rows.length) {
    throw new SourceError(
      'unexpected-answer',
      `unexpected answer: ${rows.length} rows came instead of ${page.totalRows}`,
    );
  }
  return rows;
}

/**
 * Cancels a job whose answer is no longer needed, so that it does not run on at our expense. A failure to
 * cancel is not reported: the server ends the job at its own time limit at the latest.
 */
async function abandon(asking: Asking): Promise<void> {
  const { connection, spec, patience, sent } = asking;
  const { jobId } = sent;
  if (!sent.running || jobId === undefined) return;
  const signal = AbortSignal.timeout(patience.cancelMs);
  const query = { location: spec.location };
  try {
    await connection.send(
      { method: 'POST', path: `/jobs/${jobId}/cancel`, query, skipClockCheck: true },
      signal,
    );
    sent.known = true;
    // A cancelled job may be billed for what it had read.
    sent.cost = sent.cost && addCost(sent.cost, readCost(await getJob(asking, jobId, signal)));
  } catch (error) {
    // If the server never had the job, it billed nothing; otherwise the bill is not known.
    if (!(error instanceof Fault) || error.details.status !== 404) sent.cost = undefined;
  }
}

/** Does `work` within the time limit, and turns whatever ends it into a sentence. */
async function within<T>(
  connection: Connection,
  spec: QuerySpec,
  patience: Patience,
  given: AbortSignal | undefined,
  work: (asking: Asking) => Promise<T>,
): Promise<T> {
  const limit = AbortSignal.timeout(patience.limitMs);
  const signal = given === undefined ? limit : AbortSignal.any([given, limit]);
  const sent: Sent = { known: false, running: false, cost: NO_COST };
  const asking: Asking = { connection, spec, patience, signal, sent };
  if (given?.aborted) throw interrupted(given.reason, NO_COST);
  try {
    return await work(asking);
  } catch (error) {
    await abandon(asking);
    const { jobId, known, cost } = sent;
    if (given?.aborted) throw interrupted(given.reason, cost);
    const context = { jobId: known ? jobId : undefined, cost, identity: connection.identity };
    const isSlow = limit.aborted && known && error instanceof Fault && error.code === 'no-answer';
    if (error instanceof Fault && !isSlow) throw sourceErrorOf(error, context);
    const reason = limit.aborted && !(error instanceof SourceError) ? tookTooLong(patience) : error;
    throw withContext(reason, context);
  }
}

const tookTooLong = ({ limitMs }: Patience) =>
  new SourceError(
    'timeout',
    `BigQuery: the query took longer than ${limitMs / 1000} seconds and was cancelled; raise bigquery.query_timeout_seconds`,
  );

/** A sentence with what it lacks: the job, and what was billed nonetheless. */
function withContext(error: unknown, { jobId, cost }: FaultContext): unknown {
  if (!(error instanceof SourceError)) return error;
  const { code, message, affectsAll, step } = error;
  return new SourceError(code, jobId === undefined ? message : `${message} [job ${jobId}]`, {
    affectsAll,
    ...(step === undefined ? {} : { step }),
    ...(cost === undefined ? {} : { cost }),
  });
}

/**
 * Runs a query to its end.
 *
 * Faults that may pass are waited out with exponential backoff and jitter, as long as the time limit
 * allows; a job that failed by one is run again, under an id of its own. A job that is not waited for to
 * the end is cancelled.
 *
 * @param accept Makes something of the rows, or refuses them.
 * @param given Ends the waiting: the job is cancelled, and what is thrown has the message of the signal's reason.
 * @throws SourceError if there is no whole answer, with what was billed all the same.
 */
export function runQuery<T>(
  connection: Connection,
  spec: QuerySpec,
  patience: Patience,
  accept: (rows: readonly RawRow[]) => T,
  given?: AbortSignal,
): Promise<QueryAnswer<T>> {
  return within(connection, spec, patience, given, async (asking) => {
    const { backoffMs, limitMs: longestPauseMs } = patience;
    const rows = await withRetry(
      () => runJob(asking),
      { backoffMs, longestPauseMs, retries: JOB_RETRIES },
      asking.signal,
      (error) => mayPass(error) && error instanceof JobFailed,
    );
    return { value: accept(rows), cost: asking.sent.cost ?? NO_COST };
  });
}

/**
 * Asks what a query would read, in bytes and at most. It runs nothing and costs nothing.
 *
 * @throws SourceError as `runQuery` does.
 */
export function dryRun(
  connection: Connection,
  spec: QuerySpec,
  patience: Patience,
  given?: AbortSignal,
): Promise<number> {
  return within(connection, spec, patience, given, async (asking) => {
    const answer = await request(asking, { method: 'POST', path: '/jobs', body: jobBody(asking, undefined) });
    throwIfFailed(asking, answer);
    const bytes = processedBytes(answer);
    if (bytes === undefined)
      throw new SourceError('unexpected-answer', 'unexpected answer: the dry run does not tell its bytes');
    return bytes;
  });
}
