import { randomUUID } from 'node:crypto';
import type { BigQuery, BigQueryOptions, Job, Query } from '@google-cloud/bigquery';
import type { BigQueryConfig } from '../config/config.ts';
import { bigQueryError } from './bigquery-error.ts';
import { inspectKeyFile } from './credentials.ts';
import { midnight, PIVOT_COLUMNS, type PivotQuestion, pivotSql, rowLimit } from './query.ts';
import { checkRows, type RawRow } from './rows.ts';
import { type PivotAnswer, type QueryCost, type Source, SourceError } from './source.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Rows fetched with each request; an answer that has more comes in pages. */
const PAGE_ROWS = 5_000;

/** Longest value of a job label (https://cloud.google.com/bigquery/docs/labels-intro#requirements). */
const LABEL_MAX = 63;

async function clientOptions(config: BigQueryConfig, env: Env): Promise<BigQueryOptions> {
  const emulator = env['BIGQUERY_EMULATOR_HOST'];
  if (emulator) {
    const { PassThroughClient } = await import('google-auth-library');
    return {
      apiEndpoint: emulator,
      // Nobody to ask for a token: without this, the client searches the network for a metadata server.
      authClient: new PassThroughClient(),
      projectId: config.projectId ?? 'emulator',
    };
  }
  const key = config.credentialFile === undefined ? undefined : inspectKeyFile(config.credentialFile);
  const projectId = config.projectId ?? key?.projectId;
  return {
    ...(config.credentialFile === undefined ? {} : { keyFilename: config.credentialFile }),
    ...(projectId === undefined ? {} : { projectId }),
  };
}

/** The question as BigQuery's API takes it. Values travel as typed parameters, never inside the SQL. */
function queryOptions(config: BigQueryConfig, { package: project, span }: PivotQuestion): Query {
  return {
    query: pivotSql(`\`${config.table}\``, '@'),
    location: config.location,
    params: { project, start: midnight(span.start), end: midnight(span.end), limit: rowLimit(span) },
    types: { project: 'STRING', start: 'TIMESTAMP', end: 'TIMESTAMP', limit: 'INT64' },
    labels: { app: 'pypi-badges', package: project.slice(0, LABEL_MAX) },
  };
}

interface Page {
  readonly rows: RawRow[];
  readonly pageToken: string | undefined;
  readonly complete: boolean;
}

interface Field {
  readonly name?: string;
  readonly type?: string;
}

/** BigQuery's older names of the same types. */
const ALIASES: Record<string, string> = { BOOLEAN: 'BOOL', INTEGER: 'INT64' };

function checkSchema(fields: readonly Field[] | undefined): void {
  const found = (fields ?? []).map(({ name, type = '' }) => `${name} ${ALIASES[type] ?? type}`).join(', ');
  const expected = Object.entries(PIVOT_COLUMNS)
    .map((column) => column.join(' '))
    .join(', ');
  if (found !== expected) {
    throw new SourceError(
      `unexpected answer: its columns are ${found || 'not named'} instead of ${expected}`,
    );
  }
}

async function fetchPage(job: Job, pageToken: string | undefined): Promise<Page> {
  const [rows, , response] = await job.getQueryResults({
    autoPaginate: false,
    maxResults: PAGE_ROWS,
    // Counts beyond 2^53 must reach the check as they are instead of being rounded on the way.
    wrapIntegers: { integerTypeCastFunction: (value: string) => value },
    ...(pageToken === undefined ? {} : { pageToken }),
  });
  const complete = response?.jobComplete === true;
  if (complete) checkSchema(response?.schema?.fields);
  return { rows, complete, pageToken: response?.pageToken };
}

/** Waits for the job to end and reads its whole answer. */
async function fetchRows(job: Job): Promise<RawRow[]> {
  const rows: RawRow[] = [];
  let pageToken: string | undefined;
  for (;;) {
    const page = await fetchPage(job, pageToken);
    if (!page.complete) continue;
    rows.push(...page.rows);
    pageToken = page.pageToken;
    if (pageToken === undefined) return rows;
  }
}

function costOf(metadata: Job['metadata']): QueryCost {
  const { totalBytesProcessed, totalBytesBilled, cacheHit } = metadata?.statistics?.query ?? {};
  return {
    bytesProcessed: Number(totalBytesProcessed ?? 0),
    bytesBilled: Number(totalBytesBilled ?? 0),
    cacheHit: cacheHit === true,
  };
}

/** Waits for `work`, but not once `signal` is given: it then rejects with the signal's reason. */
async function until<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
  });
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function ask(
  client: BigQuery,
  config: BigQueryConfig,
  question: PivotQuestion,
  signal: AbortSignal,
): Promise<PivotAnswer> {
  const jobId = `pypi-badges_${randomUUID()}`;
  const job = client.job(jobId, { location: config.location });
  const options = {
    ...queryOptions(config, question),
    jobId,
    jobTimeoutMs: config.queryTimeoutSeconds * 1000,
  };
  try {
    await until(client.createQueryJob(options), signal);
    const rows = await until(fetchRows(job), signal);
    const [metadata] = await until(job.getMetadata(), signal);
    return { rows: checkRows(question, rows), cost: costOf(metadata) };
  } catch (error) {
    if (!signal.aborted) throw bigQueryError(error, jobId);
    // Whatever ended the waiting, the job goes on and bills until somebody stops it.
    await job.cancel().catch(() => undefined);
    throw new SourceError(
      `the query took longer than ${config.queryTimeoutSeconds} seconds and was cancelled; raise bigquery.query_timeout_seconds [job ${jobId}]`,
    );
  }
}

/**
 * Google BigQuery, through the official client.
 *
 * @param env For BIGQUERY_EMULATOR_HOST, the address of an emulator to ask instead, without credentials.
 * @throws SourceError if the credential file is unusable.
 */
export async function openBigQuery(config: BigQueryConfig, env: Env): Promise<Source> {
  const options = await clientOptions(config, env);
  const { BigQuery } = await import('@google-cloud/bigquery');
  const client = new BigQuery({ ...options, location: config.location });

  return {
    billed: true,
    pivot: (question) =>
      ask(client, config, question, AbortSignal.timeout(config.queryTimeoutSeconds * 1000)),
    async estimate(question) {
      try {
        const [job] = await client.createQueryJob({ ...queryOptions(config, question), dryRun: true });
        return Number(job.metadata?.statistics?.totalBytesProcessed ?? 0);
      } catch (error) {
        throw bigQueryError(error);
      }
    },
    revisions: async () => ({ unavailable: 'BigQuery was not asked' }),
    close: async () => undefined,
  };
}
