import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GaxiosOptions } from 'gaxios';
import { z } from 'zod';
import { type Endpoint, fault, interrupted, SourceError } from '../../errors/error.ts';
import { plural } from '../../format.ts';
import { addCost, isObject, jsonOf, type Loose, NO_COST, type QueryCost, roundedBill } from '../../util.ts';
import { openHttp, withRetry } from '../http.ts';
import { type RawRow, wholeNumber } from '../rows.ts';
import type { World } from '../source.ts';
import type { Query } from '../sql.ts';
import { openAccount, openEmulator } from './account.ts';
import { BIGQUERY, faultOfAnswer, faultOfResult } from './fault.ts';
import type { BigQueryConfig } from './index.ts';

/** Google refuses what a key has signed when the clock is off by more. */
const GOOGLE_CLOCK = { whose: "Google's", mostMs: 5 * 60_000 };

/**
 * Opens the line to BigQuery, or to the emulator that BIGQUERY_EMULATOR_HOST names.
 *
 * Address and authentication are the official client's. Its `createQueryJob` and `getQueryResults` are not used, as
 * of 8.3: an answer of 200 that is no job (an empty one, a proxy's page) ends the process with an unhandled
 * rejection, a server that never answers hangs it for good, as no request can be aborted, and counts beyond 2^53
 * come back rounded.
 *
 * @throws SourceError if there are no usable credentials.
 */
export async function connect(config: BigQueryConfig, world: World) {
  const { env } = world;
  const emulator = env['BIGQUERY_EMULATOR_HOST'];
  // An emulator has the clock of a machine at hand, and takes anything.
  const http = openHttp(world, emulator ? undefined : GOOGLE_CLOCK);
  const { base, project, identity, payer, headers } = emulator
    ? openEmulator(config, emulator)
    : await openAccount(config, env, http);
  const endpoint: Endpoint = { ...BIGQUERY, identity };

  /**
   * One request to BigQuery's REST API (https://cloud.google.com/bigquery/docs/reference/rest), without any retry, after
   * signing in where there is no token yet.
   *
   * @param path Behind `/projects/<project>`, with a slash at its beginning.
   * @param skipClockCheck Whether to send it also if the clock is wrong: it ends what was begun.
   * @returns The JSON object of the answer.
   * @throws SourceError for an error status, an answer that is no JSON object, a fault of the network or of signing
   * in, for no answer when the signal is given, and if the clock is wrong.
   */
  async function send(path: string, request: GaxiosOptions, signal: AbortSignal, skipClockCheck = false) {
    const token = await headers(signal).catch((error: unknown) => {
      // What was signed by a wrong clock is refused.
      if (!signal.aborted) http.assertClock();
      throw error;
    });
    if (!skipClockCheck) http.assertClock();
    const url = `${base}/projects/${project}${path}`;
    const params = { ...request.params, prettyPrint: 'false' };
    const answer = await http.send({ ...request, url, params, headers: token }, endpoint, signal);
    const { status, body: text } = answer;
    const value = jsonOf(text);
    if (status >= 400) throw faultOfAnswer(answer, value ?? text, endpoint);
    if (isObject(value)) return value as Loose;
    const what = 'the answer is cut short or no JSON object';
    throw fault('not-the-source', what, endpoint, { status, maybeSent: true });
  }

  return {
    /** The project that runs and pays for the queries. */
    project,
    location: config.location,
    /** Who is asked, and what one signs in with; an emulator wants nothing. */
    endpoint,
    /** Who asks and who pays, in words; undefined for an emulator. */
    payer,
    /** The time limit of one query is the longest pause; an emulator on this machine needs no courtesy. */
    policy: { backoffMs: emulator ? 2 : 1_000, longestPauseMs: config.queryTimeoutSeconds * 1000 },
    /** Milliseconds between two looks at a job, when the server answers at once that it still runs. */
    pollMs: emulator ? 20 : 500,
    clockSkewMs: http.clockSkewMs,
    send,
    close: http.close,
  };
}

/** For cancelling a job, in milliseconds. */
const CANCEL_MS = 2_000;

/** How often a job that failed by no fault of the query is run again. */
const JOB_RETRIES = 3;

/** Rows fetched with each request, and how long the server is asked to hold it while the job runs, in milliseconds. */
const PAGE_SIZE = { maxResults: '5000', timeoutMs: '10000' };

const unexpected = (what: string) => new SourceError('unexpected-answer', `unexpected answer: ${what}`);

/** Bytes that a job or a dry run processed, from its statistics; undefined if they do not tell. */
function processedBytes({ statistics }: Loose): number | undefined {
  const { query, totalBytesProcessed } = statistics ?? {};
  return wholeNumber(query?.['totalBytesProcessed']) ?? wholeNumber(totalBytesProcessed);
}

/**
 * What a job took, from its statistics. A bill that is missing or unreadable is worked out from the
 * bytes that were processed: the budget must not believe that a query was free.
 */
function readCost(job: Loose): QueryCost {
  const query = job['statistics']?.['query'];
  const bytesProcessed = processedBytes(job) ?? 0;
  const cacheHit = Boolean(query?.['cacheHit']);
  const bytesBilled = cacheHit || bytesProcessed === 0 ? 0 : roundedBill(bytesProcessed);
  return { bytesProcessed, bytesBilled: wholeNumber(query?.['totalBytesBilled']) ?? bytesBilled, cacheHit };
}

/** The body of a jobs.getQueryResults answer, which writes every value as text. */
const PAGE = z.object({
  jobComplete: z.literal(true),
  schema: z.object({ fields: z.array(z.object({ name: z.string() })).min(1) }),
  rows: z.array(z.object({ f: z.array(z.object({ v: z.unknown() })) })).default([]),
  pageToken: z.string().min(1).optional().catch(undefined),
  totalRows: z.unknown().transform(wholeNumber).pipe(z.number()),
});

/**
 * Reads the body of a jobs.getQueryResults answer.
 *
 * @returns One page with the number of rows of all, and what the job took as far as this answer tells (the bill may be
 * smaller); undefined if the job is not done.
 * @throws SourceError if the answer is not shaped like one.
 */
function readPage(body: Loose) {
  if (Object.is(body['jobComplete'], false)) return undefined;
  const { data, error } = PAGE.safeParse(body);
  if (data === undefined) throw unexpected(`its ${error.issues[0]?.path.join('.')} is not as it should be`);
  const names = data.schema.fields.map(({ name }) => name);
  const rows = data.rows.map(({ f }): RawRow => {
    if (f.length !== names.length)
      throw unexpected(`a row has ${f.length} values instead of ${names.length}`);
    return Object.fromEntries(names.map((name, index) => [name, f[index]?.v]));
  });
  return { ...data, rows, costAtMost: readCost({ statistics: { query: body } }) };
}

function parameterOf([name, [type, value]]: [string, Query['parameters'][string]]): object {
  if (typeof value === 'string') return { name, parameterType: { type }, parameterValue: { value } };
  const arrayValues = value.map((each) => ({ value: each }));
  return { name, parameterType: { type: 'ARRAY', arrayType: { type } }, parameterValue: { arrayValues } };
}

/**
 * Prepares a query.
 *
 * Faults that may pass are waited out with exponential backoff and jitter, as long as the time limit allows. A job that is
 * not waited for to the end is cancelled.
 *
 * @param labels Of the job, beside the one that all of ours have.
 * @param given Ends the waiting: the job is cancelled, and what is thrown has the message of the signal's reason.
 */
export function openQuery(
  { project, location, endpoint, policy, pollMs, send }: Awaited<ReturnType<typeof connect>>,
  { sql, parameters, limit }: Query,
  labels: Readonly<Record<string, string>>,
  given?: AbortSignal,
) {
  const limitMs = policy.longestPauseMs;
  const tooSlow = `BigQuery: the query took longer than ${plural(limitMs / 1000, 'second')} and was cancelled; raise bigquery.query_timeout_seconds`;
  const deadline = AbortSignal.timeout(limitMs);
  const signal = given === undefined ? deadline : AbortSignal.any([given, deadline]);
  /** Absent before the first job, and for a dry run, which has none. */
  let jobId: string | undefined;
  /** What is known of the job: a `sent` one may be running, and of a `running` or `ended` one the server has said that it has it. */
  let state: 'unsent' | 'sent' | 'running' | 'ended' = 'unsent';
  /** What all jobs so far have taken. */
  let cost = NO_COST;

  /** Asks again while that fails by a fault that may pass. */
  const patiently = <T>(work: () => Promise<T>): Promise<T> => withRetry(work, policy, signal);

  const get = (path: string, query: Readonly<Record<string, string>> = {}, until = signal) =>
    send(path, { params: { location, ...query } }, until);

  function post(): Promise<Loose> {
    const queryParameters = Object.entries({ ...parameters, limit: ['INT64', String(limit)] as const });
    const text = { query: sql, useLegacySql: false, parameterMode: 'NAMED' };
    const configuration = {
      ...(jobId === undefined && { dryRun: true }),
      labels: { app: 'pypi-badges', ...labels },
      jobTimeoutMs: String(limitMs),
      query: { ...text, queryParameters: queryParameters.map(parameterOf) },
    };
    const data = { jobReference: { projectId: project, location, jobId }, configuration };
    return send('/jobs', { method: 'POST', data }, signal);
  }

  /** @throws SourceError if that is what became of the job; what it took is then added up. */
  function throwIfFailed(job: Loose): void {
    const errorResult = job['status']?.['errorResult'];
    if (!errorResult) return;
    // A dry run is no job, and bills nothing.
    if (jobId !== undefined) {
      state = 'ended';
      cost = addCost(cost, readCost(job));
    }
    throw faultOfResult(errorResult, endpoint);
  }

  /**
   * Starts a job. If the answer to an earlier try was lost, the server knows the id already: then this is the very job,
   * and it is not run or billed twice.
   */
  async function insert(): Promise<void> {
    jobId = `pypi-badges_${randomUUID()}`;
    state = 'unsent';
    await patiently(async () => {
      try {
        throwIfFailed(await post());
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        const { status, step, maybeSent } = error.details;
        // BigQuery may have had the request, although there is no answer that says so.
        if (step === 'bigquery' && maybeSent === true) state = 'sent';
        if (status !== 409) throw error;
      }
      state = 'running';
    });
  }

  /** One page of the answer. Waits while the job runs. */
  async function fetchPage(pageToken?: string) {
    const query = { ...PAGE_SIZE, ...(pageToken && { pageToken }) };
    for (;;) {
      const page = await patiently(async () => {
        try {
          return readPage(await get(`/queries/${jobId}`, query));
        } catch (error) {
          // A failed job answers every such request with its own fault; only the job tells which it is.
          const isAnswer = error instanceof SourceError && error.details.step === 'bigquery';
          if (isAnswer && pageToken === undefined) throwIfFailed(await get(`/jobs/${jobId}`));
          throw error;
        }
      });
      if (page !== undefined) return page;
      await sleep(pollMs, undefined, { signal });
    }
  }

  async function runJob(): Promise<RawRow[]> {
    await insert();
    let page = await fetchPage();
    state = 'ended';
    // The bill is asked for before the further pages, so that it is known should they fail.
    const bill = patiently(async () => readCost(await get(`/jobs/${jobId}`)));
    cost = addCost(cost, await bill.catch(() => page.costAtMost));
    signal.throwIfAborted();
    const { rows } = page;
    while (page.pageToken !== undefined && rows.length <= limit) {
      page = await fetchPage(page.pageToken);
      rows.push(...page.rows);
    }
    if (page.pageToken === undefined && page.totalRows !== rows.length) {
      throw unexpected(`${rows.length} rows came instead of ${page.totalRows}`);
    }
    return rows;
  }

  /**
   * Cancels a job whose answer is no longer needed, so that it does not run on at our expense. A failure to
   * cancel is not reported: the server ends the job at its own time limit at the latest.
   *
   * @returns What all jobs have taken; undefined if it is not known what that job is billed.
   */
  async function abandon(): Promise<QueryCost | undefined> {
    if (state !== 'sent' && state !== 'running') return cost;
    const until = AbortSignal.timeout(CANCEL_MS);
    try {
      await send(`/jobs/${jobId}/cancel`, { method: 'POST', params: { location } }, until, true);
      state = 'ended';
      // A cancelled job may be billed for what it had read.
      return addCost(cost, readCost(await get(`/jobs/${jobId}`, {}, until)));
    } catch (error) {
      // If the server never had the job, it billed nothing.
      return error instanceof SourceError && error.details.status === 404 ? cost : undefined;
    }
  }

  /** Does `work` within the time limit, and says of whatever ends it which job that was, and what it took. */
  async function within<T>(work: () => Promise<T>): Promise<T> {
    if (given?.aborted) throw interrupted(given.reason, NO_COST);
    try {
      return await work();
    } catch (error) {
      const taken = await abandon();
      if (given?.aborted) throw interrupted(given.reason, taken);
      const isKnown = state === 'running' || state === 'ended';
      const isFault = error instanceof SourceError;
      const isSlow = deadline.aborted && (!isFault || (isKnown && error.code === 'no-answer'));
      const told = isSlow ? new SourceError('timeout', tooSlow) : error;
      if (!(told instanceof SourceError)) throw error;
      throw told.with({ cost: taken }, isKnown ? `${told.message} [job ${jobId}]` : told.message);
    }
  }

  return {
    /**
     * Runs the query to its end; a job that failed by a fault that may pass is run again, under an id of its own.
     *
     * @param accept Makes something of the rows, or refuses them; one more row than there can be are as many as `limit`.
     * @returns What was made of the whole answer, with what it took.
     * @throws SourceError if there is no whole answer, with what was billed all the same.
     */
    run: <T extends object>(accept: (rows: readonly RawRow[], limit: number) => T | Promise<T>) =>
      within(async () => {
        const rows = await withRetry(runJob, { ...policy, retries: JOB_RETRIES, ofJob: true }, signal);
        return { ...(await accept(rows, limit)), cost };
      }),
    /**
     * Asks what the query would read, in bytes and at most. It runs nothing and costs nothing.
     *
     * @throws SourceError as `run` does.
     */
    estimate: () =>
      within(async () => {
        const answer = await patiently(post);
        throwIfFailed(answer);
        const bytes = processedBytes(answer);
        if (bytes === undefined) throw unexpected('the dry run does not tell its bytes');
        return bytes;
      }),
  };
}
