import { type Day, daysOf, type Span } from './span.ts';

/*
 * Reading single values of an answer. A source that answers something else than what was asked must not
 * become a badge, whichever source it is.
 */

/** A row as an engine gives it: integers as numbers, bigints or decimal text. */
export type RawRow = Readonly<Record<string, unknown>>;

/** A value that the question rules out; the message is a sentence for the operator. */
export class UnexpectedCell extends Error {
  override name = 'UnexpectedCell';

  constructor(column: string, value: unknown, expected: string) {
    const found =
      value === undefined ? 'nothing' : JSON.stringify(typeof value === 'bigint' ? String(value) : value);
    super(
      `column ${column} holds ${found.slice(0, 80)} instead of ${expected}; the table's schema may have changed`,
    );
  }
}

/** @throws UnexpectedCell unless it is text or NULL. */
export function textCell(row: RawRow, column: string): string | null {
  const value = row[column];
  if (value !== null && typeof value !== 'string') throw new UnexpectedCell(column, value, 'text or NULL');
  return value;
}

/** @throws UnexpectedCell unless it is TRUE, FALSE or NULL. */
export function flagCell(row: RawRow, column: string): boolean | null {
  const value = row[column];
  if (value !== null && typeof value !== 'boolean') {
    throw new UnexpectedCell(column, value, 'TRUE, FALSE or NULL');
  }
  return value;
}

/** @throws UnexpectedCell unless it is a whole number that a double holds exactly. */
export function countCell(row: RawRow, column: string): number {
  const value = row[column];
  const whole = typeof value === 'string' ? /^\d+$/.test(value) : ['number', 'bigint'].includes(typeof value);
  const number = whole ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number) || number < 0) {
    throw new UnexpectedCell(column, value, 'a count from 0 to 2^53 - 1');
  }
  return number;
}

/**
 * Makes a reader for the days of a span.
 *
 * @returns A function that throws UnexpectedCell unless the value is one of them.
 */
export function dayCellIn(span: Span): (row: RawRow, column: string) => Day {
  const days = new Set(daysOf(span));
  return (row, column) => {
    const day = textCell(row, column);
    if (day === null || !days.has(day)) {
      throw new UnexpectedCell(column, row[column], `a day from ${span.start} to before ${span.end}`);
    }
    return day;
  };
}
