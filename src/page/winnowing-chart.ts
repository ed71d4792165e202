import { formatNumber } from '../format.ts';
import { allDownloads, type Breakdown } from '../winnow/breakdown.ts';
import { EXCLUSIONS, INSTALLERS } from '../winnow/classes.ts';
import { BAR, type BarRow, barRows, boxes, ROW, told, WIDTH } from './bars.ts';
import { html, type Markup } from './html.ts';
import { picture, px, title } from './svg.ts';
import { EXCLUSION_NAMES, share } from './words.ts';

/** The lens below the last row: its cone, and the bar that it enlarges the honest count to. */
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
    label: 'Honest downloads',
    figure: formatNumber(breakdown.count),
    share: share(breakdown.count, all),
  };
  return [
    { ...whole, from: 0, to: WIDTH, className: 'all', total: true },
    ...steps,
    { ...honest, ...place(0, breakdown.count, all), className: 'honest', total: true },
  ];
}

/** The honest count by installer as bars that fill the whole width. */
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
