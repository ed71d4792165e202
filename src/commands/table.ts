/** A column of a table for the terminal. */
export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
  /** Longer cells are cut and end in an ellipsis. */
  readonly maxWidth?: number;
}

function cut(text: string, width = Number.POSITIVE_INFINITY): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

/** Lays out cells under their titles, two spaces between columns, a final newline and nothing trailing. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const padded = columns.map(({ title, align, maxWidth }, index) => {
    const cells = [title, ...rows.map((row) => row[index] ?? '')].map((cell) => cut(cell, maxWidth));
    const width = Math.max(...cells.map((cell) => cell.length));
    return cells.map((cell) => (align === 'right' ? cell.padStart(width) : cell.padEnd(width)));
  });
  const lines = ['titles', ...rows].map((_, line) => padded.map((cells) => cells[line]).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}
