import { countCell, dayCellIn, flagCell, type RawRow, textCell, UnexpectedCell } from './cells.ts';
import { type PIVOT_COLUMNS, type PivotQuestion, type PivotRow, rowLimit } from './query.ts';
import { SourceError } from './source.ts';

export type { RawRow } from './cells.ts';

type Column = keyof typeof PIVOT_COLUMNS;

function readRow(row: RawRow, dayOf: (row: RawRow, column: Column) => string): PivotRow {
  return {
    day: dayOf(row, 'day'),
    ci: flagCell(row, 'ci' satisfies Column),
    installer: textCell(row, 'installer_name' satisfies Column),
    system: textCell(row, 'system_name' satisfies Column),
    downloads: countCell(row, 'download_count' satisfies Column),
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
      `result truncated: the answer fills its limit of ${limit} rows, so some may be missing; please report this package`,
    );
  }
  const dayOf = dayCellIn(span);
  try {
    return rows.map((row) => readRow(row, dayOf));
  } catch (error) {
    if (!(error instanceof UnexpectedCell)) throw error;
    throw new SourceError(`unexpected answer: ${error.message}`);
  }
}
