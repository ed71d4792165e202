import { type Day, type Span, spanDays } from '../days/day.ts';
import type { NonEmpty } from '../non-empty.ts';

/*
 * The one question that is put to every source, and the SQL text that BigQuery and DuckDB share. BigQuery
 * bills for the columns that are named and the blocks of `file.project` that the filter leaves, per day of
 * `timestamp`; the size of the answer is free.
 */

/** One row of the answer: downloads of one day that agree in everything that the metric looks at. */
export interface PivotRow {
  readonly day: Day;
  readonly ci: boolean | null;
  readonly installer: string | null;
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
 * again. 1 did not ask for the file's name; 2 does for days before DISTRIBUTIONS_ONLY_SINCE.
 */
export const QUESTION = 2;

/**
 * From this day on PyPI's log holds distributions only (https://blog.pypi.org/posts/2026-08-31-download-counts).
 * Before it, requests for `.metadata`, `.asc`, `.egg` and others are in it, too, and only the file's name
 * tells them apart: one more column to pay for, so it is asked for only then.
 */
export const DISTRIBUTIONS_ONLY_SINCE: Day = '2026-08-24';

/** Endings of the names of distributions. */
export const DISTRIBUTION_ENDINGS = ['.whl', '.tar.gz', '.zip'] as const;

/** Whether a span has days whose files must be told apart by name. */
export function needsFileNames({ start }: Span): boolean {
  return start < DISTRIBUTIONS_ONLY_SINCE;
}

/**
 * Most rows asked for with each day of a package. A package's day has a few dozen combinations; a generous
 * limit costs nothing, because LIMIT applies after aggregation.
 */
const ROWS_PER_DAY = 500;

/** LIMIT of a question. A result that is this long may be cut off, and is refused. */
export function rowLimit({ packages, span }: Question): number {
  return ROWS_PER_DAY * spanDays(span) * packages.length;
}

/** How the question is put: for one package or several, with the file's name or without. */
export interface Shape {
  readonly several: boolean;
  readonly fileNames: boolean;
}

/** Names and BigQuery types of the answer's columns, in order. */
export function pivotColumns({ several, fileNames }: Shape) {
  return {
    ...(several ? { project: 'STRING' } : {}),
    day: 'STRING',
    ci: 'BOOL',
    installer_name: 'STRING',
    system_name: 'STRING',
    ...(fileNames ? { sidecar: 'BOOL' } : {}),
    download_count: 'INT64',
  } as const;
}

/** In what the engines' SQL differs. */
export interface Dialect {
  /** Table expression, quoted as the engine wants it. It comes from a checked configuration. */
  readonly table: string;
  /** What stands before a parameter's name. */
  readonly marker: '@' | '$';
  /** Membership in the list parameter `projects`. */
  readonly among: string;
}

export function bigQueryDialect(table: string): Dialect {
  return { table: `\`${table}\``, marker: '@', among: 'IN UNNEST(@projects)' };
}

export function duckDbDialect(table: string): Dialect {
  return { table, marker: '$', among: 'IN $projects' };
}

/**
 * The pivot query as SQL that BigQuery and DuckDB both understand. Parameters: `project` STRING, or
 * `projects` ARRAY<STRING> for several; `start` and `end` TIMESTAMP (half-open, midnights UTC); `limit` INT64.
 */
export function pivotSql({ table, marker, among }: Dialect, { several, fileNames }: Shape): string {
  const endings = DISTRIBUTION_ENDINGS.map((ending) => `ENDS_WITH(file.filename, '${ending}')`);
  const groups = [
    ...(several ? ['project'] : []),
    'day',
    'ci',
    'installer_name',
    'system_name',
    ...(fileNames ? ['sidecar'] : []),
  ];
  return `SELECT${several ? '\n  file.project AS project,' : ''}
  CAST(CAST(timestamp AS DATE) AS STRING) AS day,
  details.ci AS ci,
  details.installer.name AS installer_name,
  details.system.name AS system_name,${fileNames ? `\n  NOT (${endings.join(' OR ')}) AS sidecar,` : ''}
  COUNT(*) AS download_count
FROM ${table}
WHERE file.project ${several ? among : `= ${marker}project`}
  AND timestamp >= ${marker}start
  AND timestamp < ${marker}end
GROUP BY ${groups.join(', ')}
LIMIT ${marker}limit`;
}

/** Midnight UTC at which a day begins, as a timestamp literal that both engines read. */
export function midnight(day: Day): string {
  return `${day} 00:00:00+00`;
}
