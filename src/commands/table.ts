import { styleText } from 'node:util';
import { type Context, type Output, useColor } from './context.ts';

/** Colours that a terminal's own theme defines. */
export type Tone = 'green' | 'yellow' | 'red';

/** A column of a table for the terminal. */
export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
  /** Longer cells are cut and end in an ellipsis. */
  readonly maxWidth?: number;
  /** Whether this column gives way when the table is too wide; one of a table may. */
  readonly shrinks?: boolean;
  /** Colour of a cell by its text; what it says must be clear without. */
  readonly tone?: (cell: string) => Tone | undefined;
}

/** How a table is laid out for where it goes. */
export interface TableStyle {
  /** Columns of text that there is room for. */
  readonly width: number;
  readonly color: boolean;
}

/** For a file, a pipe or a journal: nothing is cut, as what is missing could not be got back. */
const PLAIN: TableStyle = { width: Number.POSITIVE_INFINITY, color: false };

const TERMINAL_WIDTH = 80;

/** Narrowest that a column shrinks to. */
const SHRUNK_MIN = 8;

const GAP = '  ';

/** The style for an output: as wide as its terminal, 80 columns if that does not say; colour on a terminal only. */
export function tableStyle(output: Output, env: Context['env']): TableStyle {
  const width = output.isTTY ? (output.columns ?? TERMINAL_WIDTH) : PLAIN.width;
  return { width, color: useColor(output, env) };
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

function widthsOf(columns: readonly Column[], lines: readonly (readonly string[])[], room: number): number[] {
  const wanted = columns.map(({ maxWidth = Number.POSITIVE_INFINITY }, index) =>
    Math.min(maxWidth, Math.max(...lines.map((cells) => cells[index]?.length ?? 0))),
  );
  const excess = wanted.reduce((sum, width) => sum + width, GAP.length * (columns.length - 1)) - room;
  if (excess <= 0) return wanted;
  return wanted.map((width, index) =>
    columns[index]?.shrinks ? Math.max(Math.min(width, SHRUNK_MIN), width - excess) : width,
  );
}

/**
 * Lays out cells under their titles, two spaces between columns, a final newline and nothing trailing.
 *
 * @param style Where it goes; by default nothing is cut, and there is no colour.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: TableStyle = PLAIN,
): string {
  const titles = columns.map(({ title }) => title);
  const widths = widthsOf(columns, [titles, ...rows], style.width);
  const paint = (text: string, tone: Tone | 'bold' | undefined) =>
    // Whether there are colours is decided by the caller, who knows the output.
    style.color && tone !== undefined ? styleText(tone, text, { validateStream: false }) : text;
  const render = (
    cells: readonly string[],
    toneOf: (column: Column, cell: string) => Tone | 'bold' | undefined,
  ) => {
    const last = cells.findLastIndex((cell) => cell !== '');
    return columns
      .slice(0, last + 1)
      .map((column, index) => {
        const width = widths[index] ?? 0;
        const cell = cut(cells[index] ?? '', width);
        const space = ' '.repeat(width - cell.length);
        const painted = cell === '' ? cell : paint(cell, toneOf(column, cell));
        if (column.align === 'right') return space + painted;
        return index === last ? painted : painted + space;
      })
      .join(GAP);
  };
  const head = render(titles, () => 'bold');
  const body = rows.map((cells) => render(cells, (column, cell) => column.tone?.(cell)));
  return `${[head, ...body].join('\n')}\n`;
}
