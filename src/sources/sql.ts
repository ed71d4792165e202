import { type Day, type Span, spanDays } from '../days/day.ts';
import { ERAS } from '../days/eras.ts';
import { KNOWN_INSTALLERS, OTHER_NAME, ROWS_A_DAY, SYSTEMS } from '../metric/classes.ts';
import type { NonEmpty } from '../util.ts';

/*
 * The one question that is put to every source, and the SQL text that BigQuery and DuckDB share. BigQuery
 * bills for the columns that are named and the blocks of `file.project` that the filter leaves, per day of
 * `timestamp`; the size of the answer is free.
 */

/** One row of the answer: downloads of one day that agree in everything that the metric looks at. */
export interface PivotRow {
  readonly day: Day;
  readonly ci: boolean | null;
  /** One of KNOWN_INSTALLERS or OTHER_NAME; null where the client gave no name. */
  readonly installer: string | null;
  /** One of SYSTEMS or OTHER_NAME; null where the client gave none. */
  readonly system: string | null;
  /** Whether the file is none that can be installed. */
  readonly sidecar: boolean;
  /** Downloads; a whole number of at least 0. */
  readonly downloads: number;
}

/** Which packages, and which whole UTC days. */
export interface Question {
  /** Normalized names, each once. */
  readonly packages: NonEmpty<string>;
  readonly span: Span;
}

/**
 * Which question the ledgers hold the answers of. To be raised by hand when the same package and day would
 * get another answer, and never for a change of the SQL's text alone: days that were paid for would be read
 * again. 3 folds names that are on no list, and asks for the file's name on 2026-08-24, too.
 */
export const QUESTION = 3;

/** Endings of the names of distributions. */
export const DISTRIBUTION_ENDINGS = ['.whl', '.tar.gz', '.zip'] as const;

/** Whether a span has days whose files must be told apart by name. */
export function needsFileNames({ start }: Span): boolean {
  return start < ERAS.distributions;
}

/** A query as BigQuery takes it. Values never stand inside the SQL. */
export interface Query {
  readonly sql: string;
  readonly parameters: Readonly<
    Record<string, readonly [type: 'STRING' | 'TIMESTAMP' | 'INT64', value: string | readonly string[]]>
  >;
  /** The parameter `limit`: one more row than the answer can have. */
  readonly limit: number;
}

/** Midnight UTC at which a day begins. */
const midnight = (day: Day) => `${day} 00:00:00+00`;

/**
 * Parameters of a query about packages: `project` STRING, or `projects` ARRAY<STRING> for several; `versions` ARRAY<STRING>
 * where only some are asked for; `start` and `end` TIMESTAMP (half-open, midnights UTC).
 */
export function parametersOf(question: Question & { readonly versions?: readonly string[] | undefined }) {
  const { packages, span, versions } = question;
  const parameters: Query['parameters'] = {
    ...(packages.length > 1 ? { projects: ['STRING', packages] } : { project: ['STRING', packages[0]] }),
    ...(versions && { versions: ['STRING', versions] }),
    start: ['TIMESTAMP', midnight(span.start)],
    end: ['TIMESTAMP', midnight(span.end)],
  };
  return parameters;
}

/** BigQuery's SQL as DuckDB reads it: another marker of parameters, another membership in a list, another function's name. */
export function asDuckDb(sql: string): string {
  return sql
    .replaceAll(/UNNEST\(@(\w+)\)/g, '@$1')
    .replaceAll('@', '$$')
    .replaceAll('REGEXP_CONTAINS', 'REGEXP_MATCHES');
}

/** Constants of ours as a list of SQL literals; none of them holds a quotation mark. */
export function literals(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}

const ENDINGS = DISTRIBUTION_ENDINGS.map((ending) => `ENDS_WITH(file.filename, '${ending}')`);

/** Whether a row is of a file that is no distribution, on a day on which there were such. */
export const OTHER_FILE = `COALESCE(CAST(timestamp AS DATE) < DATE '${ERAS.distributions}' AND NOT (${ENDINGS.join(' OR ')}), FALSE)`;

/**
 * The pivot query as BigQuery reads it, and DuckDB after `asDuckDb`. Names that are on no list never leave the engine, and
 * files that are no distributions are one row a day.
 *
 * @param table Quoted as the engine wants it. It comes from a checked configuration.
 * @param hasFileNames Whether the table has names of files.
 */
export function pivotQuery(table: string, question: Question, hasFileNames = true): Query {
  const { packages, span } = question;
  const several = packages.length > 1;
  const fileNames = hasFileNames && needsFileNames(span);
  const project = several ? ['project'] : [];
  const sidecar = fileNames ? ['sidecar'] : [];
  const sidecarOnly = fileNames ? 'WHEN sidecar THEN NULL ' : '';
  const summary = (name: string, known: readonly string[]) =>
    `CASE ${sidecarOnly}WHEN ${name} IN (${literals(known)}) THEN ${name} WHEN ${name} <> '' THEN '${OTHER_NAME}' END`;
  const sql = `SELECT
  ${[...project, 'day'].join(', ')},
  ${fileNames ? 'CASE WHEN NOT sidecar THEN flag END' : 'flag'} AS ci,
  ${summary('installer', KNOWN_INSTALLERS)} AS installer_name,
  ${summary('system', SYSTEMS)} AS system_name,${sidecar.map((name) => `\n  ${name},`).join('')}
  COUNT(*) AS download_count
FROM (
  SELECT${several ? '\n    file.project AS project,' : ''}
    CAST(CAST(timestamp AS DATE) AS STRING) AS day,
    details.ci AS flag,
    details.installer.name AS installer,
    details.system.name AS system${fileNames ? `,\n    ${OTHER_FILE} AS sidecar` : ''}
  FROM ${table}
  WHERE file.project ${several ? 'IN UNNEST(@projects)' : '= @project'}
    AND timestamp >= @start
    AND timestamp < @end
)
GROUP BY ${[...project, 'day', 'ci', 'installer_name', 'system_name', ...sidecar].join(', ')}
LIMIT @limit`;
  return {
    sql,
    parameters: parametersOf(question),
    limit: ROWS_A_DAY * spanDays(span) * packages.length + 1,
  };
}
