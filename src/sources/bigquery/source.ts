import { type Day, type PartitionRows, parseDay, type Span, spanDays } from '../../days/day.ts';
import { errorCode } from '../../errors/error.ts';
import { formatBytes } from '../../format.ts';
import type { Env } from '../../util.ts';
import { broken, checkClock, note, ok } from '../check.ts';
import { checkFacets, FACET_COLUMNS, type FacetQuestion, facetRowLimit, facetSql } from '../facets.ts';
import { traitsOf } from '../index.ts';
import { checkRows, count, type RawRow, unexpected } from '../rows.ts';
import {
  addCost,
  type DaysAnswer,
  type Finding,
  NO_COST,
  type QueryCost,
  type Source,
  SourceError,
  type World,
} from '../source.ts';
import {
  bigQueryDialect,
  midnight,
  pivotColumns,
  pivotSql,
  type Question,
  rowLimit,
  shapeOf,
} from '../sql.ts';
import { connect } from './connection.ts';
import type { BigQueryConfig } from './index.ts';
import { dryRun, type Patience, type QuerySpec, runQuery } from './job.ts';

/** BigQuery, with what only `doctor` asks of it. */
interface BigQuerySource extends Source {
  /** The project that runs and pays for the queries. */
  readonly project: string;
  /** Why days cannot be asked for, found out for free; undefined if they can. */
  daysRefused(span: Span): Promise<string | undefined>;
}

/** Longest value of a job label (https://cloud.google.com/bigquery/docs/labels-intro#requirements). */
const LABEL_MAX = 63;

const APP = 'pypi-badges';

/** A query about packages, but for its text and the columns and length of its answer. */
function packageSpec(config: BigQueryConfig, { packages, span, versions }: FacetQuestion) {
  const [first, ...others] = packages;
  return (sql: string, columns: QuerySpec['columns'], limit: number): QuerySpec => ({
    sql,
    parameters: {
      ...(others.length > 0 ? { projects: ['STRING', packages] } : { project: ['STRING', first] }),
      ...(versions && { versions: ['STRING', versions] }),
      start: ['TIMESTAMP', midnight(span.start)],
      end: ['TIMESTAMP', midnight(span.end)],
      limit: ['INT64', String(limit)],
    },
    columns,
    labels: { app: APP, package: others.length > 0 ? 'shared' : first.slice(0, LABEL_MAX) },
    location: config.location,
    rowLimit: limit,
  });
}

function pivotSpec(config: BigQueryConfig, question: Question): QuerySpec {
  const specOf = packageSpec(config, question);
  const shape = shapeOf(question);
  return specOf(pivotSql(bigQueryDialect(config.table), shape), pivotColumns(shape), rowLimit(question));
}

function facetSpec(config: BigQueryConfig, question: FacetQuestion): QuerySpec {
  const sql = facetSql(bigQueryDialect(config.table), shapeOf(question), question.versions !== undefined);
  return packageSpec(config, question)(sql, FACET_COLUMNS, facetRowLimit(question));
}

/** A day as the id of its partition, and back. */
const partitionOf = (day: Day) => day.replaceAll('-', '');
const dayOfPartition = (id: string) => parseDay(id.replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3'));

function partitionsSpec(config: BigQueryConfig, span: Span, limit = spanDays(span) + 1): QuerySpec {
  const [, dataset = '', table = ''] = /^(.*)\.([^.]*)$/.exec(config.table) ?? [];
  return {
    // A table without partitions has one row here, with NULL: it must not pass for one without any day.
    sql: `SELECT partition_id, total_rows
FROM \`${dataset}.INFORMATION_SCHEMA.PARTITIONS\`
WHERE table_name = @table
  AND (partition_id IS NULL OR (partition_id >= @start AND partition_id < @end))
LIMIT @limit`,
    parameters: {
      table: ['STRING', table],
      start: ['STRING', partitionOf(span.start)],
      end: ['STRING', partitionOf(span.end)],
      limit: ['INT64', String(limit)],
    },
    columns: { partition_id: 'STRING', total_rows: 'INT64' },
    labels: { app: APP },
    location: config.location,
    rowLimit: limit,
  };
}

/**
 * The rows of each day, or why the table cannot tell them.
 *
 * @throws SourceError if the answer is none to this query.
 */
function readPartitions(rows: readonly RawRow[], span: Span): PartitionRows | string {
  const counts = new Map<Day, number>();
  const seen = new Set<Day>();
  for (const row of rows) {
    const id = row['partition_id'];
    if (id === null) return 'the table is not partitioned';
    const day = typeof id === 'string' ? dayOfPartition(id) : undefined;
    if (day === undefined && /^(\d{4}|\d{6}|\d{10})$/.test(String(id))) {
      return 'the table is not partitioned by day';
    }
    if (day === undefined || day < span.start || day >= span.end || seen.has(day)) {
      throw unexpected('partition_id', id, `each day from ${span.start} to before ${span.end} once`);
    }
    seen.add(day);
    const total = count(row, 'total_rows');
    if (total > 0) counts.set(day, total);
  }
  return counts;
}

/** Any day at all, for a table that has none of those asked for. */
const EVER: Span = { start: '0001-01-01', end: '9999-12-31' };

/**
 * Google BigQuery, through the official client.
 *
 * @param env For the emulator's address (BIGQUERY_EMULATOR_HOST), Application Default Credentials and proxies.
 * @param now For the comparison with Google's clock.
 * @throws SourceError if there are no usable credentials.
 */
export async function openBigQuery(
  config: BigQueryConfig,
  env: Env,
  now: () => Date,
): Promise<BigQuerySource> {
  const connection = await connect(config, env, now);
  // An emulator on this machine needs no courtesy.
  const [backoffMs, pollMs] = connection.identity === undefined ? [2, 20] : [1_000, 500];
  const patience: Patience = { limitMs: config.queryTimeoutSeconds * 1000, backoffMs, pollMs };

  /** The refusal to tell the days: the account may well read the table itself. */
  const refusal = (error: unknown): SourceError => {
    if (error instanceof SourceError && error.code === 'permission') return error;
    throw error;
  };

  async function daysRefused(span: Span): Promise<string | undefined> {
    const asked = dryRun(connection, partitionsSpec(config, span), patience);
    const answer = await asked.catch(refusal);
    return answer instanceof Error ? answer.message : undefined;
  }

  async function days(span: Span, signal?: AbortSignal): Promise<DaysAnswer> {
    const untold = (text: string, cost: QueryCost | undefined, refused?: true): DaysAnswer => ({
      kind: 'unsupported',
      reason: `INFORMATION_SCHEMA.PARTITIONS: ${text}`,
      ...(refused && { refused }),
      cost,
    });
    const accept = (rows: readonly RawRow[]) => readPartitions(rows, span);
    const asked = runQuery(connection, partitionsSpec(config, span), patience, accept, signal);
    const answer = await asked.catch(refusal);
    if (answer instanceof Error) return untold(answer.message, answer.cost, true);
    const { value, cost } = answer;
    if (typeof value === 'string') return untold(value, cost);
    if (value.size > 0) return { kind: 'known', rows: value, cost };
    // None of these days: a table that does not exist, one that is far behind, or a view, of which nothing is told ever.
    const question: Question = { packages: ['pip'], span };
    try {
      await dryRun(connection, pivotSpec(config, question), patience, signal);
      const hasAny = (rows: readonly RawRow[]) => rows.length > 0;
      const any = await runQuery(connection, partitionsSpec(config, EVER, 1), patience, hasAny, signal);
      const both = addCost(cost, any.cost);
      return any.value
        ? { kind: 'known', rows: value, cost: both }
        : untold('it has no row for the table, which must be a view', both);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      const { code, message, affectsAll } = error;
      throw new SourceError(code, message, { affectsAll, cost: addCost(cost, error.cost ?? NO_COST) });
    }
  }

  return {
    traits: traitsOf(config, env),
    hasFileNames: true,
    project: connection.project,
    ...(connection.account === undefined
      ? {}
      : { payer: `${connection.account}, project ${connection.project}` }),
    clockSkewMs: connection.clockSkewMs,
    async read(question, signal) {
      const spec = pivotSpec(config, question);
      const accept = (rows: readonly RawRow[]) => checkRows(question, rows, spec.rowLimit);
      const { value, cost } = await runQuery(connection, spec, patience, accept, signal);
      return { ...value, cost };
    },
    estimate: (question, signal) => dryRun(connection, pivotSpec(config, question), patience, signal),
    async facets(question, signal) {
      const accept = (rows: readonly RawRow[]) => checkFacets(question, rows);
      const { value, cost } = await runQuery(
        connection,
        facetSpec(config, question),
        patience,
        accept,
        signal,
      );
      return { ...value, cost };
    },
    estimateFacets: (question, signal) => dryRun(connection, facetSpec(config, question), patience, signal),
    days,
    daysRefused,
    close: async () => connection.close(),
  };
}

/** Longest wait, in seconds; shorter than in a run, as `doctor` is run by hand. */
const WAIT_SECONDS = 20;

/** Where the identity comes from, without anything secret. */
function describeCredentials({ credentialFile }: BigQueryConfig, env: World['env']): string {
  const emulator = env['BIGQUERY_EMULATOR_HOST'];
  if (emulator) return `none needed: BIGQUERY_EMULATOR_HOST leads to ${emulator}`;
  return credentialFile ?? 'Application Default Credentials';
}

async function checkTable(source: BigQuerySource, table: string, question: Question): Promise<Finding[]> {
  try {
    const bytes = await source.estimate(question);
    const size = formatBytes(bytes);
    const permission = `${table} may be queried (free dry run for ${question.packages[0]}: ${size} at most)`;
    const refused = await source.daysRefused(question.span);
    const without =
      'the two newest days are read again with each run, and every seventh day the whole window';
    return [
      ok('permission', permission),
      refused === undefined
        ? ok('days', 'the table tells which days have changed')
        : note('days', `${refused}; ${without}`),
    ];
  } catch (error) {
    // The check of the clock says that, and how far it is off.
    if (errorCode(error) === 'clock') return [];
    const step = error instanceof SourceError ? error.step : undefined;
    return [broken(step === 'sign-in' || step === 'proxy' ? step : 'permission', error)];
  }
}

/** Signs in and asks for a dry run, which is free: credentials, permission, days and clock. */
export async function checkBigQuery(
  config: BigQueryConfig,
  { env, now }: World,
  question: Question,
): Promise<Finding[]> {
  const queryTimeoutSeconds = Math.min(config.queryTimeoutSeconds, WAIT_SECONDS);
  let source: BigQuerySource;
  try {
    source = await openBigQuery({ ...config, queryTimeoutSeconds }, env, now);
  } catch (error) {
    return [broken(errorCode(error) === 'proxy-invalid' ? 'proxy' : 'credentials', error)];
  }
  try {
    const who = `${describeCredentials(config, env)} (${source.payer ?? `project ${source.project}`})`;
    const table = await checkTable(source, config.table, question);
    const refused = ', and Google refuses such credentials';
    return [ok('credentials', who), ...table, ...checkClock(source.clockSkewMs?.(), "Google's", refused)];
  } finally {
    await source.close();
  }
}
