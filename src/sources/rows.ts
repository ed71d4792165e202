import { type Day, daysOf, type Span } from '../days/day.ts';
import { ERAS } from '../days/eras.ts';
import { SourceError, sanitizeMessage } from '../errors/error.ts';
import { foldInstaller, foldSystem } from '../metric/classes.ts';
import { NO_COST } from '../util.ts';
import type { Answer } from './source.ts';
import type { PivotRow, Question } from './sql.ts';

/** A row as an engine gives it: integers as numbers, bigints or decimal text. */
export type RawRow = Readonly<Record<string, unknown>>;

/** A value that the question rules out. */
export function unexpected(column: string, value: unknown, expected: string): SourceError {
  const found =
    value === undefined ? 'nothing' : JSON.stringify(typeof value === 'bigint' ? String(value) : value);
  return new SourceError(
    'unexpected-answer',
    `unexpected answer: column ${column} holds ${sanitizeMessage(found.slice(0, 80))} instead of ${expected}; the table's schema may have changed`,
  );
}

/** @throws SourceError unless it is text or NULL. */
export function text(row: RawRow, column: string): string | null {
  const value = row[column];
  if (value !== null && typeof value !== 'string') throw unexpected(column, value, 'text or NULL');
  return value;
}

/** A flag as the engines give it: ClickHouse's enum as text, and its UInt8 as a number. */
const TRUE: readonly unknown[] = [true, 'true', 1];
const FALSE: readonly unknown[] = [false, 'false', 0];

function flag(row: RawRow, column: string): boolean | null {
  const value = row[column];
  if (value === null) return null;
  if (TRUE.includes(value) || FALSE.includes(value)) return TRUE.includes(value);
  throw unexpected(column, value, 'TRUE, FALSE or NULL');
}

/** A whole number of at least 0 that a double holds exactly, also as a bigint or as decimal text; undefined if it is none. */
export function wholeNumber(value: unknown): number | undefined {
  const isText = typeof value === 'string' && /^\d+$/.test(value);
  const number = isText || typeof value === 'bigint' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

/** @throws SourceError unless it is such a number. */
export function count(row: RawRow, column: string): number {
  const number = wholeNumber(row[column]);
  if (number === undefined) throw unexpected(column, row[column], 'a count from 0 to 2^53 - 1');
  return number;
}

/**
 * Makes a reader for the days of a span.
 *
 * @returns A function that throws SourceError unless the value is one of them.
 */
function dayReader(span: Span): (row: RawRow) => Day {
  const days = new Set(daysOf(span));
  return (row) => {
    const day = text(row, 'day');
    if (day !== null && days.has(day)) return day;
    throw unexpected('day', row['day'], `a day from ${span.start} to before ${span.end}`);
  };
}

/** A row as it is kept: names that are on no list are folded also where an engine did not. */
function pivotRow(row: RawRow, dayOf: (row: RawRow) => Day): PivotRow {
  const day = dayOf(row);
  const sidecar = 'sidecar' in row && flag(row, 'sidecar') === true && day < ERAS.distributions;
  const ci = row['ci'] === 'unknown' ? null : flag(row, 'ci');
  const installer = foldInstaller(text(row, 'installer_name'));
  const system = foldSystem(text(row, 'system_name'));
  const downloads = count(row, 'download_count');
  return sidecar
    ? { day, ci: null, installer: null, system: null, sidecar, downloads }
    : { day, ci, installer, system, sidecar, downloads };
}

/**
 * Checks an answer, row by row, and folds names that are on no list: a source that answers something else than what was
 * asked must not become a badge. Of several packages, a strange row is its own package's failure. A day of a package is
 * unknown, and has no rows, if any of its rows does not tell whether it is by CI.
 *
 * @param limit LIMIT of what was asked: an answer as long as that may be cut off.
 * @returns The answer, but for its cost: rows by package, days of which none are kept, and packages whose rows make no sense.
 * @throws SourceError if the answer may be cut off, a group comes twice, a row belongs to a package that was not asked
 * for, or the only package has a strange row.
 */
export function checkRows(question: Question, rows: readonly RawRow[], limit: number): Answer {
  if (rows.length >= limit) {
    throw new SourceError(
      'truncated',
      `result truncated: the answer fills its limit of ${limit} rows, so some may be missing; please report this package`,
    );
  }
  const { packages, span } = question;
  const dayOf = dayReader(span);
  const checked = new Map(packages.map((name) => [name, new Map<string, PivotRow>()]));
  const failures = new Map<string, SourceError>();
  const unknownDays = new Map<string, Set<Day>>();
  const groups = new Set<string>();
  for (const row of rows) {
    const name = packages.length === 1 && !('project' in row) ? packages[0] : (text(row, 'project') ?? '');
    const own = checked.get(name);
    if (own === undefined) throw unexpected('project', row['project'], 'a package that was asked for');
    let pivot: PivotRow;
    try {
      pivot = pivotRow(row, dayOf);
    } catch (error) {
      if (!(error instanceof SourceError) || packages.length === 1) throw error;
      failures.set(name, error);
      continue;
    }
    const { project, day, ci, installer_name, system_name, sidecar } = row;
    const group = JSON.stringify([project, day, ci, installer_name, system_name, sidecar]);
    if (groups.has(group)) throw unexpected('day', day, 'each group once');
    groups.add(group);
    if (ci === 'unknown') unknownDays.set(name, (unknownDays.get(name) ?? new Set()).add(pivot.day));
    const key = `${pivot.day} ${pivot.ci} ${pivot.installer} ${pivot.system} ${pivot.sidecar}`;
    own.set(key, { ...pivot, downloads: pivot.downloads + (own.get(key)?.downloads ?? 0) });
  }
  for (const name of failures.keys()) {
    checked.delete(name);
    unknownDays.delete(name);
  }
  const known = [...checked].map(([name, own]): [string, PivotRow[]] => {
    const without = unknownDays.get(name);
    return [name, [...own.values()].filter(({ day }) => !without?.has(day))];
  });
  return { rows: new Map(known), unknownDays, failures, cost: NO_COST };
}

/**
 * Checks an answer about days: each is of the span, and comes once.
 *
 * @throws SourceError if not.
 */
export function checkDays(span: Span, rows: readonly RawRow[]): Map<Day, number> {
  const dayOf = dayReader(span);
  const days = new Map<Day, number>();
  for (const row of rows) {
    const day = dayOf(row);
    if (days.has(day)) throw unexpected('day', day, 'each day once');
    days.set(day, count(row, 'row_count'));
  }
  return days;
}
