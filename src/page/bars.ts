import { html, Markup } from './html.ts';
import { px, title } from './svg.ts';

/** Units of a drawing of bars; a phone shows them one to one. */
export const WIDTH = 360;
/** From one row to the next. */
export const ROW = 36;
/** Of the bar within its row. */
export const BAR = { top: 17, height: 12 };
/** Base line of a row's words, and where the figure ends, left of the share. */
const TEXT = { y: 10, figure: WIDTH - 54 };

const TOTAL = new Markup(' class="total"');

/** A bar below its words. */
export interface BarRow {
  readonly label: string;
  readonly figure: string;
  readonly share: string;
  /** Where the bar begins and ends, in units. */
  readonly from: number;
  readonly to: number;
  readonly className: string;
  /** Whether it is a sum, and not a part. */
  readonly total?: boolean;
}

/** A row as words: for titles and labels. */
export function told({ label, figure, share }: BarRow): { title: string; label: string } {
  return { title: `${label}: ${figure} (${share})`, label: `${label} ${figure} (${share})` };
}

/** Boxes from the left edge, one for each row, as a path. */
export function boxes(widths: readonly (number | undefined)[]): Markup {
  const steps = widths.map((width, index) =>
    width === undefined || width <= 0 ? '' : `M0 ${index * ROW + BAR.top}h${px(width)}v${BAR.height}H0z`,
  );
  return new Markup(steps.join(''));
}

function bar(row: BarRow): Markup {
  const [x, end] = [px(row.from), px(row.to)];
  return html`<rect class="${row.className}"${x === 0 ? undefined : html` x="${x}"`} y="${BAR.top - TEXT.y}" width="${px(end - x)}" height="${BAR.height}">${title(told(row).title)}</rect>`;
}

/** Rows of bars, each with its label on the left, count and share on the right. */
export function barRows(rows: readonly BarRow[]): Markup {
  return html`<path class="track" d="${boxes(rows.map(() => WIDTH))}"/>${rows.map((row, index) => {
    const y = index * ROW + TEXT.y;
    return html`<g${row.total ? TOTAL : undefined} transform="translate(0 ${y})"><text>${row.label}</text><text x="${TEXT.figure}">${row.figure}</text><text x="${WIDTH}">${row.share}</text>${row.to > row.from ? bar(row) : undefined}</g>`;
  })}`;
}
