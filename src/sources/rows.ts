import { type Day, daysOf, type Span } from '../days/day.ts';
import { DISTRIBUTIONS_ONLY_SINCE, type PivotRow, type Question } from './query.ts';
import { SourceError } from './source.ts';

/** A row as an engine gives it: integers as numbers, bigints or decimal text. */
export type RawRow = Readonly<Record<string, unknown>>;

/** A value that the question rules out. */
export function unexpected(column: string, value: unknown, expected: string): SourceError {
  const found =
    value === undefined ? 'nothing' : JSON.stringify(typeof value === 'bigint' ? String(value) : value);
  return new SourceError(
    'unexpected-answer',
    `unexpected answer: column ${column} holds ${found.slice(0, 80)} instead of ${expected}; the table's schema may have changed`,
  );
}

/** @throws SourceError unless it is text or NULL. */
export function text(row: RawRow, column: string): string | null {
  const value = row[column];
  if (value !== null && typeof value !== 'string') throw unexpected(column, value, 'text or NULL');
  return value;
}

function flag(row: RawRow, column: string): boolean | null {
  const value = row[column];
  if (value !== null && typeof value !== 'boolean') throw unexpected(column, value, 'TRUE, FALSE or NULL');
  return value;
}

/** @throws SourceError unless it is a whole number that a double holds exactly. */
export function count(row: RawRow, column: string): number {
  const value = row[column];
  const whole =
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    (typeof value === 'string' && /^\d+$/.test(value));
  const number = whole ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number) || number < 0)
    throw unexpected(column, value, 'a count from 0 to 2^53 - 1');
  return number;
}

/**
 * Makes a reader for the days of a span.
 *
 * @returns A function that throws SourceError unless the value is one of them.
 */
export function dayReader(span: Span): (row: RawRow) => Day {
  const days = new Set(daysOf(span));
  return (row) => {
    const day = text(row, 'day');
    if (day !== null && days.has(day)) return day;
    throw unexpected('day', row['day'], `a day from ${span.start} to before ${span.end}`);
  };
}

function pivotRow(row: RawRow, dayOf: (row: RawRow) => Day): PivotRow {
  const day = dayOf(row);
  return {
    day,
    ci: flag(row, 'ci'),
    installer: text(row, 'installer_name'),
    system: text(row, 'system_name'),
    sidecar: 'sidecar' in row && flag(row, 'sidecar') === true && day < DISTRIBUTIONS_ONLY_SINCE,
    downloads: count(row, 'download_count'),
  };
}

/** An answer, checked: rows by package, and the packages whose rows make no sense. */
export interface CheckedRows {
  readonly rows: Map<string, PivotRow[]>;
  readonly failures: Map<string, SourceError>;
}

/**
 * Checks an answer, row by row: a source that answers something else than what was asked must not become
 * a badge. Of several packages, a strange row is its own package's failure.
 *
 * @param limit LIMIT of the question: an answer as long as that may be cut off.
 * @throws SourceError if the answer may be cut off, a row belongs to a package that was not asked for, or the only
 * package has a strange row.
 */
export function checkRows(question: Question, rows: readonly RawRow[], limit: number): CheckedRows {
  if (rows.length >= limit) {
    throw new SourceError(
      'truncated',
      `result truncated: the answer fills its limit of ${limit} rows, so some may be missing; please report this package`,
    );
  }
  const dayOf = dayReader(question.span);
  const [first, ...others] = question.packages;
  const checked = new Map<string, PivotRow[]>(question.packages.map((name) => [name, []]));
  const failures = new Map<string, SourceError>();
  for (const row of rows) {
    const name = others.length === 0 ? first : text(row, 'project');
    const own = name === null ? undefined : checked.get(name);
    if (name === null || own === undefined) {
      throw unexpected('project', row['project'], 'a package that was asked for');
    }
    try {
      own.push(pivotRow(row, dayOf));
    } catch (error) {
      if (!(error instanceof SourceError) || others.length === 0) throw error;
      failures.set(name, error);
    }
  }
  for (const name of failures.keys()) checked.delete(name);
  return { rows: checked, failures };
}
