import { type Day, parseDay, type Span, spanDays } from '../../days/day.ts';
import { errorCode, SourceError } from '../../errors/error.ts';
import { formatBytes } from '../../format.ts';
import { NO_COST } from '../../util.ts';
import { broken, checkClock, note, ok } from '../check.ts';
import { checkFacets, type FacetQuestion, facetQuery } from '../facets.ts';
import { kindOf, traitsOf } from '../index.ts';
import { checkDays, checkRows, type RawRow } from '../rows.ts';
import type { DaysAnswer, Finding, Source, World } from '../source.ts';
import { pivotQuery, type Query, type Question } from '../sql.ts';
import type { BigQueryConfig } from './index.ts';
import { connect, openQuery } from './job.ts';

/** Longest value of a job label (https://cloud.google.com/bigquery/docs/labels-intro#requirements). */
const LABEL_MAX = 63;

/** Longest wait, in seconds, where somebody waits. */
const WAIT_SECONDS = 20;

/** A day as the id of its partition, and back. */
const partitionOf = (day: Day) => day.replaceAll('-', '');
const dayOfPartition = (id: unknown) => parseDay(String(id).replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3'));

/** The partitions of a span, and one more, of which those of other days come last: a view has none at all. */
function partitionsQuery(path: string, span: Span): Query {
  const [, dataset = '', table = ''] = /^(.*)\.([^.]*)$/.exec(path) ?? [];
  return {
    sql: `SELECT partition_id, total_rows
FROM \`${dataset}.INFORMATION_SCHEMA.PARTITIONS\`
WHERE table_name = @table
ORDER BY CASE WHEN partition_id >= @start AND partition_id < @end THEN 0 ELSE 1 END
LIMIT @limit`,
    parameters: {
      table: ['STRING', table],
      start: ['STRING', partitionOf(span.start)],
      end: ['STRING', partitionOf(span.end)],
    },
    limit: spanDays(span) + 1,
  };
}

const unsupported = (why: string) =>
  ({ kind: 'unsupported', reason: `INFORMATION_SCHEMA.PARTITIONS: ${why}`, cost: NO_COST }) as const;

/**
 * The rows of each day, or why the table cannot tell them.
 *
 * @throws SourceError if the answer is none to this query.
 */
function readPartitions(rows: readonly RawRow[], span: Span): DaysAnswer {
  const ids = rows.map(({ partition_id: id }) => id);
  // A table without partitions has one row, which must not pass for a table without any day.
  if (ids.includes(null)) return unsupported('the table is not partitioned');
  if (ids.some((id) => /^(\d{4}|\d{6}|\d{10})$/.test(String(id)))) {
    return unsupported('the table is not partitioned by day');
  }
  const days = rows.map((row) => ({
    day: dayOfPartition(row['partition_id']),
    row_count: row['total_rows'],
  }));
  const own = days.filter(({ day = '' }) => day >= span.start && day < span.end);
  const filled = [...checkDays(span, own)].filter(([, total]) => total > 0);
  return { kind: 'known', rows: new Map(filled), cost: NO_COST };
}

/**
 * Google BigQuery, through the official client.
 *
 * @param world For the emulator's address (BIGQUERY_EMULATOR_HOST), Application Default Credentials, proxies and the comparison
 * with Google's clock.
 * @throws SourceError if there are no usable credentials.
 */
export async function openBigQuery(config: BigQueryConfig, world: World): Promise<Source> {
  const { env, isWaitedFor } = world;
  const waitSeconds = Math.min(config.queryTimeoutSeconds, isWaitedFor ? WAIT_SECONDS : Infinity);
  const connection = await connect({ ...config, queryTimeoutSeconds: waitSeconds }, world);
  const { project, payer, clockSkewMs, close } = connection;

  /** @param make The query that asks it. */
  function ask(make: typeof facetQuery, question: FacetQuestion, signal?: AbortSignal) {
    const [name, ...others] = question.packages;
    const labels = { package: others.length > 0 ? 'shared' : name.slice(0, LABEL_MAX) };
    return openQuery(connection, make(`\`${config.table}\``, question), labels, signal);
  }

  const askDays = (span: Span, signal?: AbortSignal) =>
    openQuery(connection, partitionsQuery(config.table, span), {}, signal);

  /** The refusal to tell the days: the account may well read the table itself. */
  const refusal = (error: unknown): SourceError => {
    if (error instanceof SourceError && error.code === 'permission') return error;
    throw error;
  };

  async function days(span: Span, signal?: AbortSignal): Promise<DaysAnswer> {
    const accept = async (rows: readonly RawRow[]) => {
      if (rows.length > 0) return readPartitions(rows, span);
      // Nothing is told of a view, ever, nor of a table that does not exist, which fails by this.
      await ask(pivotQuery, { packages: ['pip'], span }, signal).estimate();
      return unsupported('it has no row for the table, which must be a view');
    };
    const answer = await askDays(span, signal).run(accept).catch(refusal);
    if (!(answer instanceof Error)) return answer;
    return { ...unsupported(answer.message), refused: true, cost: answer.cost ?? NO_COST };
  }

  /** Asks for dry runs, which are free: permission and days. */
  async function checkTable(question: Question): Promise<Finding[]> {
    try {
      const size = formatBytes(await ask(pivotQuery, question).estimate());
      const dryRun = `free dry run for ${question.packages[0]}: ${size} at most`;
      const refused = await askDays(question.span).estimate().catch(refusal);
      const again =
        'the two newest days are read again with each run, and every seventh day the whole window';
      return [
        ok('permission', `${config.table} may be queried (${dryRun})`),
        refused instanceof Error
          ? note('days', `${refused.message}; ${again}`)
          : ok('days', 'the table tells which days have changed'),
      ];
    } catch (error) {
      // The check of the clock says that, and how far it is off.
      if (errorCode(error) === 'clock') return [];
      const step = error instanceof SourceError ? error.details.step : undefined;
      return [broken(step === 'sign-in' || step === 'proxy' ? step : 'permission', error)];
    }
  }

  return {
    traits: traitsOf(config, env),
    hasFileNames: true,
    ...(payer !== undefined && { payer }),
    clockSkewMs,
    days,
    read: (question, signal) =>
      ask(pivotQuery, question, signal).run((rows, limit) => checkRows(question, rows, limit)),
    estimate: (question, signal) => ask(pivotQuery, question, signal).estimate(),
    facets: (question, signal) =>
      ask(facetQuery, question, signal).run((rows) => checkFacets(question, rows)),
    estimateFacets: (question, signal) => ask(facetQuery, question, signal).estimate(),
    async check(question) {
      const [, [, credentials] = []] = await kindOf(config).describe(config, env);
      const who = `${credentials} (${payer ?? `project ${project}`})`;
      const table = await checkTable(question);
      const refused = ', and Google refuses such credentials';
      return [ok('credentials', who), ...table, ...checkClock(clockSkewMs(), "Google's", refused)];
    },
    close: async () => close(),
  };
}
