import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sanitizeMessage } from '../../errors/error.ts';
import { roundedBill } from '../../util.ts';
import { withRetry } from '../http.ts';
import { type JsonObject, objectOf, type RawRow, wordOf } from '../rows.ts';
import {
  addCost,
  Fault,
  type FaultContext,
  interrupted,
  mayPass,
  NO_COST,
  type QueryCost,
  SourceError,
  sourceErrorOf,
} from '../source.ts';
import type { ApiRequest, Connection } from './connection.ts';
import { faultOfResult, JobFailed } from './fault.ts';

/** How long to wait for what. All in milliseconds. */
export interface Patience {
  /** For the whole of one query, with every retry. */
  readonly limitMs: number;
  /** Before the first retry, at least. */
  readonly backoffMs: number;
  /** Between two looks at a job, when the server answers at once that it still runs. */
  readonly pollMs: number;
}

/** For cancelling a job, in milliseconds. */
const CANCEL_MS = 2_000;

/** How often a job that failed by no fault of the query is run again. */
const JOB_RETRIES = 3;

/** A query with typed parameters. Values never stand inside the SQL. */
export interface QuerySpec {
  readonly sql: string;
  readonly parameters: Readonly<
    Record<string, readonly [type: 'STRING' | 'TIMESTAMP' | 'INT64', value: string | readonly string[]]>
  >;
  /** Columns of the answer and their BigQuery types, in order. */
  readonly columns: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly location: string;
  /** More rows than this are an error long before the end of the answer. */
  readonly rowLimit: number;
}

/** Rows fetched with each request; an answer that has more comes in pages. */
const PAGE_ROWS = 5_000;

/** How long the server is asked to hold a request for the answer of a running job. */
const LONG_POLL_MS = 10_000;

const unexpected = (what: string) => new SourceError('unexpected-answer', `unexpected answer: ${what}`);

/** BigQuery's older names of the same types. */
const ALIASES: ReadonlyMap<unknown, unknown> = new Map([
  ['BOOLEAN', 'BOOL'],
  ['INTEGER', 'INT64'],
]);

function checkSchema(schema: unknown, columns: QuerySpec['columns']): void {
  const found = [objectOf(schema)['fields'] ?? []].flat().map((field: unknown) => {
    const { name, type } = objectOf(field);
    return `${wordOf(name)} ${wordOf(ALIASES.get(type) ?? type)}`;
  });
  const expected = Object.entries(columns).map((column) => column.join(' '));
  if (found.join() === expected.join()) return;
  const names = sanitizeMessage(found.join(', ')) || 'not named';
  throw unexpected(`its columns are ${names} instead of ${expected.join(', ')}`);
}

/** The REST API writes every value as text; what does not fit its type is left as it is, to be refused later. */
function rowOf(value: unknown, named: readonly [name: string, type: string][]): RawRow {
  const cells = [objectOf(value)['f'] ?? []].flat();
  if (cells.length !== named.length) {
    throw unexpected(`a row has ${cells.length} values instead of ${named.length}`);
  }
  return Object.fromEntries(
    named.map(([name, type], index) => {
      const { v } = objectOf(cells[index]);
      const isFlag = type === 'BOOL' && (v === 'true' || v === 'false');
      return [name, isFlag ? v === 'true' : v];
    }),
  );
}

/** A whole number of at least 0 that JSON may carry as text; undefined if it is none. */
function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

/** Bytes that a job or a dry run processed, from its statistics; undefined if they do not tell. */
function processedBytes(job: JsonObject): number | undefined {
  const statistics = objectOf(job['statistics']);
  const { totalBytesProcessed } = objectOf(statistics['query']);
  return wholeNumber(totalBytesProcessed) ?? wholeNumber(statistics['totalBytesProcessed']);
}

/**
 * What a job took, from its statistics. A bill that is missing or unreadable is worked out from the
 * bytes that were processed: the budget must not believe that a query was free.
 */
function readCost(job: JsonObject): QueryCost {
  const query = objectOf(objectOf(job['statistics'])['query']);
  const bytesProcessed = processedBytes(job) ?? 0;
  const cacheHit = query['cacheHit'] === true;
  const free = cacheHit || bytesProcessed === 0;
  const bytesBilled = wholeNumber(query['totalBytesBilled']) ?? (free ? 0 : roundedBill(bytesProcessed));
  return { bytesProcessed, bytesBilled, cacheHit };
}

/**
 * Reads the body of a jobs.getQueryResults answer.
 *
 * @returns One page with the number of rows of all, and what the job took as far as this answer tells (the bill may be
 * smaller); undefined if the job is not done.
 * @throws SourceError if the answer is not shaped like one, or has other columns.
 */
function readPage(body: JsonObject, columns: QuerySpec['columns']) {
  const { jobComplete, schema, rows = [], pageToken, totalRows } = body;
  if (jobComplete === false) return undefined;
  if (jobComplete !== true) throw unexpected('it does not say whether the job is done');
  checkSchema(schema, columns);
  if (!Array.isArray(rows)) throw unexpected('its rows are no list');
  const named = Object.entries(columns);
  const total = wholeNumber(totalRows);
  if (total === undefined) throw unexpected('it does not say how many rows it has');
  return {
    rows: rows.map((row: unknown) => rowOf(row, named)),
    pageToken: typeof pageToken === 'string' && pageToken !== '' ? pageToken : undefined,
    total,
    costAtMost: readCost({ statistics: { query: body } }),
  };
}

/** One question being asked, and the state of its job. */
interface Asking {
  readonly connection: Connection;
  readonly spec: QuerySpec;
  readonly patience: Patience;
  readonly signal: AbortSignal;
  jobId: string | undefined;
  /** Whether the server has said that it has the job. */
  known: boolean;
  /** Whether a job may be running on the server. */
  running: boolean;
  /** What all jobs so far have taken; undefined once a job was left behind that may still be billed. */
  cost: QueryCost | undefined;
}

/** A job, or a dry run, which has no id. */
function jobBody({ spec, patience, connection, jobId }: Asking): object {
  const { sql, parameters, labels, location } = spec;
  const queryParameters = Object.entries(parameters).map(([name, [type, value]]) =>
    typeof value === 'string'
      ? { name, parameterType: { type }, parameterValue: { value } }
      : {
          name,
          parameterType: { type: 'ARRAY', arrayType: { type } },
          parameterValue: { arrayValues: value.map((each) => ({ value: each })) },
        },
  );
  return {
    jobReference: { projectId: connection.project, location, jobId },
    configuration: {
      ...(jobId === undefined && { dryRun: true }),
      labels,
      jobTimeoutMs: String(patience.limitMs),
      query: { query: sql, useLegacySql: false, parameterMode: 'NAMED', queryParameters },
    },
  };
}

/** Does something again while it fails by a fault that may pass; a job that failed does so in every answer. */
function patiently<T>({ patience, signal }: Asking, work: () => Promise<T>): Promise<T> {
  const policy = { backoffMs: patience.backoffMs, longestPauseMs: patience.limitMs };
  return withRetry(work, policy, signal, (error) => mayPass(error) && !(error instanceof JobFailed));
}

/** Adds up what a job took; what was left behind before stays unknown. */
function book(asking: Asking, cost: QueryCost): void {
  asking.cost = asking.cost && addCost(asking.cost, cost);
}

/** @throws JobFailed if that is what became of the job; what it took is then added up. */
function throwIfFailed(asking: Asking, job: JsonObject): void {
  const { errorResult } = objectOf(job['status']);
  if (!errorResult) return;
  asking.running = false;
  asking.known = true;
  book(asking, readCost(job));
  throw faultOfResult(errorResult);
}

/** Whether BigQuery may have had the request that failed, although there is no answer that says so. */
function mayHaveArrived(error: unknown): boolean {
  if (error instanceof SourceError) return error.step === 'bigquery';
  return error instanceof Fault && error.endpoint.step === 'bigquery' && error.details.maybeSent === true;
}

/**
 * Starts the job. If the answer to an earlier try was lost, the server knows the id already: then this
 * is the very job, and it is not run or billed twice.
 *
 * @returns What it has taken, if the answer says that it is done and tells; otherwise undefined.
 */
async function insert(asking: Asking): Promise<QueryCost | undefined> {
  const body = jobBody(asking);
  let answerLost = false;
  return patiently(asking, async () => {
    asking.running = true;
    try {
      const job = await asking.connection.send({ method: 'POST', path: '/jobs', body }, asking.signal);
      throwIfFailed(asking, job);
      asking.known = true;
      const isDone = objectOf(job['status'])['state'] === 'DONE' && processedBytes(job) !== undefined;
      return isDone ? readCost(job) : undefined;
    } catch (error) {
      if (error instanceof Fault && error.details.status === 409) {
        asking.known = true;
        return undefined;
      }
      answerLost ||= mayHaveArrived(error) && !(error instanceof JobFailed);
      asking.running = answerLost;
      throw error;
    }
  });
}

function getJob({ connection, spec, jobId }: Asking, signal: AbortSignal) {
  const query = { location: spec.location };
  return connection.send({ method: 'GET', path: `/jobs/${jobId}`, query }, signal);
}

/** One page of the answer. Waits while the job runs. */
async function fetchPage(asking: Asking, pageToken?: string) {
  const { connection, spec, patience, signal } = asking;
  const call: ApiRequest = {
    method: 'GET',
    path: `/queries/${asking.jobId}`,
    query: {
      location: spec.location,
      maxResults: String(PAGE_ROWS),
      timeoutMs: String(LONG_POLL_MS),
      ...(pageToken !== undefined && { pageToken }),
    },
  };
  for (;;) {
    const page = await patiently(asking, async () => {
      try {
        return readPage(await connection.send(call, signal), spec.columns);
      } catch (error) {
        // A failed job answers every such request with its own fault; only the job tells which it is.
        const answered = error instanceof Fault && error.endpoint.step === 'bigquery';
        if (answered && pageToken === undefined) throwIfFailed(asking, await getJob(asking, signal));
        throw error;
      }
    });
    if (page !== undefined) return page;
    await sleep(patience.pollMs, undefined, { signal });
  }
}

/** Runs the query as one job and reads its whole answer. */
async function runJob(asking: Asking): Promise<RawRow[]> {
  const { spec, signal } = asking;
  asking.jobId = `pypi-badges_${randomUUID()}`;
  asking.known = false;
  const cost = await insert(asking);
  let page = await fetchPage(asking);
  asking.running = false;
  // The bill is asked for before the further pages, so that it is known should they fail.
  const job = cost ? undefined : await patiently(asking, () => getJob(asking, signal)).catch(() => undefined);
  book(asking, cost ?? (job ? readCost(job) : page.costAtMost));
  signal.throwIfAborted();
  const { rows } = page;
  while (page.pageToken !== undefined && rows.length <= spec.rowLimit) {
    page = await fetchPage(asking, page.pageToken);
    rows.push(...page.rows);
  }
  if (page.pageToken === undefined && page.total !== rows.length) {
    throw unexpected(`${rows.length} rows came instead of ${page.total}`);
  }
  return rows;
}

/**
 * Cancels a job whose answer is no longer needed, so that it does not run on at our expense. A failure to
 * cancel is not reported: the server ends the job at its own time limit at the latest.
 */
async function abandon(asking: Asking): Promise<void> {
  const { connection, spec, running, jobId } = asking;
  if (!running) return;
  const signal = AbortSignal.timeout(CANCEL_MS);
  const path = `/jobs/${jobId}/cancel`;
  const query = { location: spec.location };
  try {
    await connection.send({ method: 'POST', path, query, skipClockCheck: true }, signal);
    asking.known = true;
    // A cancelled job may be billed for what it had read.
    book(asking, readCost(await getJob(asking, signal)));
  } catch (error) {
    // If the server never had the job, it billed nothing; otherwise the bill is not known.
    if (!(error instanceof Fault) || error.details.status !== 404) asking.cost = undefined;
  }
}

/** A sentence with what it lacks: the job, and what was billed nonetheless. */
function withContext(
  { code, message, affectsAll, step }: SourceError,
  { jobId, cost }: FaultContext,
): SourceError {
  const about = jobId === undefined ? message : `${message} [job ${jobId}]`;
  return new SourceError(code, about, { affectsAll, step, cost });
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
  const asking: Asking = {
    ...{ connection, spec, patience, signal },
    ...{ jobId: undefined, known: false, running: false, cost: NO_COST },
  };
  if (given?.aborted) throw interrupted(given.reason, NO_COST);
  try {
    return await work(asking);
  } catch (error) {
    await abandon(asking);
    const { jobId, known, cost } = asking;
    if (given?.aborted) throw interrupted(given.reason, cost);
    const context = { jobId: known ? jobId : undefined, cost, identity: connection.identity };
    if (error instanceof SourceError) throw withContext(error, context);
    const isSlow = known && error instanceof Fault && error.code === 'no-answer';
    if (error instanceof Fault && !(limit.aborted && isSlow)) throw sourceErrorOf(error, context);
    if (!limit.aborted) throw error;
    const slow = `BigQuery: the query took longer than ${patience.limitMs / 1000} seconds and was cancelled; raise bigquery.query_timeout_seconds`;
    throw withContext(new SourceError('timeout', slow), context);
  }
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
 * @returns What was made of the whole answer, and what it took.
 * @throws SourceError if there is no whole answer, with what was billed all the same.
 */
export function runQuery<T>(
  connection: Connection,
  spec: QuerySpec,
  patience: Patience,
  accept: (rows: readonly RawRow[]) => T,
  given?: AbortSignal,
): Promise<{ readonly value: T; readonly cost: QueryCost }> {
  return within(connection, spec, patience, given, async (asking) => {
    const policy = {
      backoffMs: patience.backoffMs,
      longestPauseMs: patience.limitMs,
      retries: JOB_RETRIES,
    };
    const isWorthIt = (error: unknown) => mayPass(error) && error instanceof JobFailed;
    const rows = await withRetry(() => runJob(asking), policy, asking.signal, isWorthIt);
    return { value: accept(rows), cost: asking.cost ?? NO_COST };
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
    const call: ApiRequest = { method: 'POST', path: '/jobs', body: jobBody(asking) };
    const answer = await patiently(asking, () => connection.send(call, asking.signal));
    throwIfFailed(asking, answer);
    const bytes = processedBytes(answer);
    if (bytes === undefined) throw unexpected('the dry run does not tell its bytes');
    return bytes;
  });
}
