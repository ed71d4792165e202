import { SYSTEM_NAMES } from '../badges/catalogue.ts';
import { formatNumber } from '../format.ts';
import { allDownloads, type Breakdown } from '../winnow/breakdown.ts';
import { EXCLUSIONS, INSTALLERS, SYSTEMS } from '../winnow/classes.ts';
import { html, Markup, picture, px, title } from './html.ts';
import { EXCLUSION_NAMES, share } from './words.ts';

/** Units of a drawing of bars; a phone shows them one to one. */
const WIDTH = 360;
/** From one row to the next. */
const ROW = 36;
/** Of the bar within its row. */
const BAR = { top: 17, height: 12 };
/** Base line of a row's words, and where the figure ends, left of the share. */
const TEXT = { y: 10, figure: WIDTH - 54 };

const TOTAL = new Markup(' class="total"');

/** A bar below its words. */
interface BarRow {
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
function told({ label, figure, share }: BarRow): { title: string; label: string } {
  return { title: `${label}: ${figure} (${share})`, label: `${label} ${figure} (${share})` };
}

/** Boxes from the left edge, one for each row, as a path. */
function boxes(widths: readonly (number | undefined)[]): Markup {
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
function barRows(rows: readonly BarRow[]): Markup {
  return html`<path class="track" d="${boxes(rows.map(() => WIDTH))}"/>${rows.map((row, index) => {
    const y = index * ROW + TEXT.y;
    return html`<g${row.total ? TOTAL : undefined} transform="translate(0 ${y})"><text>${row.label}</text><text x="${TEXT.figure}">${row.figure}</text><text x="${WIDTH}">${row.share}</text>${row.to > row.from ? bar(row) : undefined}</g>`;
  })}`;
}

/** The lens below the last row: its cone, and the bar that it enlarges the non-CI downloads to. */
const LENS = { cone: 26, bar: 16, below: 4 };
/** Narrowest bar, in units: 14 of 40 million would otherwise be no ink at all. */
const SLIVER = 1.5;

/** Where a bar stands that goes from one number of downloads to another: a sliver of it is always seen. */
function place(from: number, to: number, all: number): { from: number; to: number } {
  if (to <= from) return { from: (from / all) * WIDTH, to: (from / all) * WIDTH };
  const unit = (all / WIDTH) * SLIVER;
  // It is kept visible on the side where the bar begins.
  const end = Math.max(to, Math.min(from + unit, all));
  const start = end - from < unit ? end - unit : from;
  return { from: (start / all) * WIDTH, to: (end / all) * WIDTH };
}

/** All downloads, what is taken away step by step, and the honest ones. */
function rowsOf(breakdown: Breakdown, all: number): BarRow[] {
  let left = all;
  const steps = EXCLUSIONS.map((reason) => {
    const removed = breakdown.excluded[reason];
    left -= removed;
    return {
      label: EXCLUSION_NAMES[reason],
      figure: removed === 0 ? '0' : `−${formatNumber(removed)}`,
      share: share(removed, all),
      ...place(left, left + removed, all),
      className: 'removed',
    };
  });
  const whole = { label: 'All downloads', figure: formatNumber(all), share: '100%' };
  const honest = {
    label: 'Non-CI downloads',
    figure: formatNumber(breakdown.count),
    share: share(breakdown.count, all),
  };
  return [
    { ...whole, from: 0, to: WIDTH, className: 'all', total: true },
    ...steps,
    { ...honest, ...place(0, breakdown.count, all), className: 'honest', total: true },
  ];
}

/** The non-CI downloads by installer as bars that fill the whole width. */
function lens(breakdown: Breakdown, y: number): Markup[] {
  let sum = 0;
  return INSTALLERS.filter((name) => breakdown.counts[name] > 0).map((name) => {
    const count = breakdown.counts[name];
    const from = (sum / breakdown.count) * WIDTH;
    sum += count;
    const width = (sum / breakdown.count) * WIDTH - from;
    const figure = `${name}: ${formatNumber(count)} (${share(count, breakdown.count)})`;
    return html`<rect class="${name}" x="${px(from + 0.5)}" y="${y}" width="${px(Math.max(0, width - 1))}" height="${LENS.bar}">${title(figure)}</rect>`;
  });
}

/**
 * The winnowing as a waterfall: all downloads, less each class that does not count, down to the honest
 * count. The scale is linear, so that lengths are shares; a lens under the last row enlarges the honest
 * count to the full width by installer, which makes 14 of 2,771 as readable as 12 of 40 million.
 */
export function winnowingChart(breakdown: Breakdown): Markup {
  const all = allDownloads(breakdown);
  if (all === 0) return html`<p class="none">No downloads of any kind in this window.</p>`;
  const rows = rowsOf(breakdown, all);
  const bottom = rows.length * ROW - (ROW - BAR.top - BAR.height);
  const lensTop = bottom + LENS.cone;
  const honest = place(0, breakdown.count, all).to;
  const enlarged =
    breakdown.count === 0
      ? undefined
      : html`<path class="cone" d="M0 ${bottom}H${px(honest)}L${WIDTH} ${lensTop}H0z"/>${lens(breakdown, lensTop)}`;
  const left = rows.map(({ from, total }) => (total ? undefined : from));
  return picture(
    `Winnowing: ${rows.map((row) => told(row).label).join(', ')}`,
    'chart winnowing',
    html`${barRows(rows)}<path class="left" d="${boxes(left)}"/>${enlarged}`,
    { width: WIDTH, height: (enlarged === undefined ? bottom : lensTop + LENS.bar) + LENS.below },
  );
}

/** Downloads outside of CI by system, as bars from zero. */
export function systemsChart({ countsBySystem }: Breakdown): Markup {
  const all = SYSTEMS.reduce((sum, system) => sum + countsBySystem[system], 0);
  if (all === 0) return html`<p class="none">No download named its system.</p>`;
  const max = Math.max(...SYSTEMS.map((system) => countsBySystem[system]));
  const rows = SYSTEMS.map((system) => ({
    label: SYSTEM_NAMES[system],
    figure: formatNumber(countsBySystem[system]),
    share: share(countsBySystem[system], all),
    from: 0,
    to: (countsBySystem[system] / max) * WIDTH,
    className: 'system',
  }));
  const label = `Downloads outside of CI by system: ${rows.map((row) => told(row).label).join(', ')}`;
  return picture(label, 'chart systems', barRows(rows), { width: WIDTH, height: rows.length * ROW });
}
