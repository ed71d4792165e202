import { type Day, daysOf, type Span } from '../days/day.ts';
import { type PivotQuestion, type PivotRow, rowLimit } from './query.ts';
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
  const whole = typeof value === 'string' ? /^\d+$/.test(value) : ['number', 'bigint'].includes(typeof value);
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

/**
 * Checks an answer, row by row: a source that answers something else than what was asked must not
 * become a badge.
 *
 * @throws SourceError if the answer may be cut off, or a row has another shape or another day.
 */
export function checkRows(question: PivotQuestion, rows: readonly RawRow[]): PivotRow[] {
  const { span } = question;
  const limit = rowLimit(span);
  if (rows.length >= limit) {
    throw new SourceError(
      'truncated',
      `result truncated: the answer fills its limit of ${limit} rows, so some may be missing; please report this package`,
    );
  }
  const dayOf = dayReader(span);
  return rows.map((row) => ({
    day: dayOf(row),
    ci: flag(row, 'ci'),
    installer: text(row, 'installer_name'),
    system: text(row, 'system_name'),
    downloads: count(row, 'download_count'),
  }));
}
