import { type Day, type PartitionRows, parseDay, type Span, spanDays } from '../../days/day.ts';
import type { Env } from '../../env.ts';
import { traitsOf } from '../index.ts';
import {
  bigQueryDialect,
  midnight,
  needsFileNames,
  pivotColumns,
  pivotSql,
  type Question,
  rowLimit,
  type Shape,
} from '../query.ts';
import { checkRows, count, type RawRow, unexpected } from '../rows.ts';
import { addCost, type DaysAnswer, NO_COST, type QueryCost, type Source, SourceError } from '../source.ts';
import { connect } from './connection.ts';
import type { BigQueryConfig } from './index.ts';
import { dryRun, type Patience, type QuerySpec, runQuery } from './job.ts';

/** BigQuery, with what only `doctor` asks of it. */
export interface BigQuerySource extends Source {
  /** The project that runs and pays for the queries. */
  readonly project: string;
  /** Why days cannot be asked for, found out for free; undefined if they can. */
  daysRefused(span: Span): Promise<string | undefined>;
}

/** Longest value of a job label (https://cloud.google.com/bigquery/docs/labels-intro#requirements). */
const LABEL_MAX = 63;

const APP = 'pypi-badges';

function shapeOf({ packages, span }: Question): Shape {
  return { several: packages.length > 1, fileNames: needsFileNames(span) };
}

function pivotSpec(config: BigQueryConfig, question: Question): QuerySpec {
  const { packages, span } = question;
  const [first, ...others] = packages;
  const shape = shapeOf(question);
  const limit = rowLimit(question);
  return {
    sql: pivotSql(bigQueryDialect(config.table), shape),
    parameters: {
      ...(shape.several ? { projects: ['STRING', packages] } : { project: ['STRING', first] }),
      start: ['TIMESTAMP', midnight(span.start)],
      end: ['TIMESTAMP', midnight(span.end)],
      limit: ['INT64', String(limit)],
    },
    columns: pivotColumns(shape),
    labels: { app: APP, package: others.length > 0 ? 'shared' : first.slice(0, LABEL_MAX) },
    location: config.location,
    rowLimit: limit,
  };
}

const PARTITION_COLUMNS = { partition_id: 'STRING', total_rows: 'INT64' };

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
    columns: PARTITION_COLUMNS,
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

/** Time limits of production; an emulator on this machine needs no courtesy. */
function patienceFor(config: BigQueryConfig, emulated: boolean): Patience {
  const limitMs = config.queryTimeoutSeconds * 1000;
  return emulated
    ? { limitMs, backoffMs: 2, pollMs: 20, cancelMs: 2_000 }
    : { limitMs, backoffMs: 1_000, pollMs: 500, cancelMs: 2_000 };
}

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
  const patience = patienceFor(config, connection.emulated);

  async function daysRefused(span: Span): Promise<string | undefined> {
    try {
      await dryRun(connection, partitionsSpec(config, span), patience);
      return undefined;
    } catch (error) {
      if (error instanceof SourceError && error.code === 'permission') return error.message;
      throw error;
    }
  }

  async function days(span: Span, signal?: AbortSignal): Promise<DaysAnswer> {
    const untold = (text: string, cost: QueryCost | undefined, refused?: true): DaysAnswer => ({
      kind: 'untold',
      reason: `INFORMATION_SCHEMA.PARTITIONS: ${text}`,
      ...(refused === undefined ? {} : { refused }),
      ...(cost === undefined ? {} : { cost }),
    });
    const accept = (rows: readonly RawRow[]) => readPartitions(rows, span);
    const answer = await runQuery(connection, partitionsSpec(config, span), patience, accept, signal).catch(
      (error: unknown) => {
        // The account may well read the table itself.
        if (error instanceof SourceError && error.code === 'permission') return error;
        throw error;
      },
    );
    if (answer instanceof Error) return untold(answer.message, answer.cost, true);
    const { value, cost } = answer;
    if (typeof value === 'string') return untold(value, cost);
    if (value.size > 0) return { kind: 'told', rows: value, cost };
    // None of these days: a table that does not exist, one that is far behind, or a view, of which nothing is told ever.
    const question: Question = { packages: ['pip'], span };
    try {
      await dryRun(connection, pivotSpec(config, question), patience, signal);
      const hasAny = (rows: readonly RawRow[]) => rows.length > 0;
      const any = await runQuery(connection, partitionsSpec(config, EVER, 1), patience, hasAny, signal);
      const both = addCost(cost, any.cost);
      return any.value
        ? { kind: 'told', rows: value, cost: both }
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
    days,
    daysRefused,
    close: async () => connection.close(),
  };
}
