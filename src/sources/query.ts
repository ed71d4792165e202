import { createHash } from 'node:crypto';
import { type Day, type Span, spanDays } from '../days/day.ts';

/*
 * The one question that is put to every source, and its one SQL text. BigQuery bills for the columns
 * that are named and the blocks of `file.project` that the filter leaves, per day of `timestamp`; the
 * size of the answer is free.
 */

/** One row of the answer: downloads of one day that agree in CI flag, installer and system. */
export interface PivotRow {
  readonly day: Day;
  readonly ci: boolean | null;
  readonly installer: string | null;
  readonly system: string | null;
  /** Downloads; a whole number of at least 0. */
  readonly downloads: number;
}

/** Which package, and which whole UTC days. */
export interface PivotQuestion {
  /** Normalized name. */
  readonly package: string;
  readonly span: Span;
}

/**
 * Most rows asked for with each day of a span. A package's day has a few dozen combinations; a
 * generous limit costs nothing, because LIMIT applies after aggregation.
 */
const ROWS_PER_DAY = 500;

/** LIMIT of a question. A result that is this long may be cut off, and is refused. */
export function rowLimit(span: Span): number {
  return ROWS_PER_DAY * spanDays(span);
}

/** Names and BigQuery types of the answer's columns, in order. */
export const PIVOT_COLUMNS = {
  day: 'STRING',
  ci: 'BOOL',
  installer_name: 'STRING',
  system_name: 'STRING',
  download_count: 'INT64',
} as const;

/**
 * The pivot query as SQL that BigQuery and DuckDB both understand.
 *
 * @param table Table expression, quoted as the engine wants it. It comes from a checked configuration.
 * @param marker What the engine puts before a parameter's name. Parameters: `project` STRING, `start`
 * and `end` TIMESTAMP (half-open, midnights UTC), `limit` INT64.
 */
export function pivotSql(table: string, marker: '@' | '$'): string {
  return `SELECT
  CAST(CAST(timestamp AS DATE) AS STRING) AS day,
  details.ci AS ci,
  details.installer.name AS installer_name,
  details.system.name AS system_name,
  COUNT(*) AS download_count
FROM ${table}
WHERE file.project = ${marker}project
  AND timestamp >= ${marker}start
  AND timestamp < ${marker}end
GROUP BY day, ci, installer_name, system_name
LIMIT ${marker}limit`;
}

/**
 * Fingerprint of the query's meaning: rows that were read with another one must not be mixed with
 * today's. White space is left out, as it means nothing.
 */
export function pivotShape(): string {
  return createHash('sha256')
    .update(pivotSql('table', '@').replaceAll(/\s+/g, ' '))
    .digest('hex')
    .slice(0, 16);
}

/** Midnight UTC at which a day begins, as a timestamp literal that both engines read. */
export function midnight(day: Day): string {
  return `${day} 00:00:00+00`;
}
