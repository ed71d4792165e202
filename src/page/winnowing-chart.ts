import { areaX, rect, text } from '@observablehq/plot';
import { formatNumber } from '../format.ts';
import { allDownloads, type Breakdown } from '../winnow/breakdown.ts';
import { EXCLUSIONS, INSTALLERS } from '../winnow/classes.ts';
import { draw } from './draw.ts';
import { html, type Markup } from './html.ts';
import { EXCLUSION_NAMES, share } from './words.ts';

/** Units of the drawing; a phone shows them one to one. */
const WIDTH = 360;
const ROW = 36;
const BAR = { top: 17, height: 12 };
/** The lens below the last row: its cone, and the bar that it enlarges the honest count to. */
const LENS = { cone: 26, bar: 16, below: 4 };
/** Narrowest bar, in units: 14 of 40 million would otherwise be no ink at all. */
const SLIVER = 1.5;

interface Row {
  readonly label: string;
  readonly figure: string;
  readonly share: string;
  /** What is taken away here, or what there is on the first and last row, in downloads. */
  readonly from: number;
  readonly to: number;
  readonly color: string;
}

function rowsOf(breakdown: Breakdown, all: number): Row[] {
  let left = all;
  const steps = EXCLUSIONS.map((reason) => {
    const removed = breakdown.excluded[reason];
    const to = left;
    left -= removed;
    return {
      label: EXCLUSION_NAMES[reason],
      figure: removed === 0 ? '0' : `−${formatNumber(removed)}`,
      share: share(removed, all),
      from: left,
      to,
      color: 'var(--removed)',
    };
  });
  const whole = { label: 'All downloads', figure: formatNumber(all), share: '100%', from: 0, to: all };
  const honest = {
    label: 'Honest downloads',
    figure: formatNumber(breakdown.count),
    share: share(breakdown.count, all),
    from: 0,
    to: breakdown.count,
  };
  return [{ ...whole, color: 'var(--all)' }, ...steps, { ...honest, color: 'var(--honest)' }];
}

function describe(rows: readonly Row[]): string {
  return rows.map(({ label, figure, share: part }) => `${label} ${figure} (${part})`).join(', ');
}

/** The honest count by installer as bars that fill the whole width, in downloads of `all`. */
function lensOf(breakdown: Breakdown, all: number) {
  let sum = 0;
  return INSTALLERS.filter((name) => breakdown.counts[name] > 0).map((name) => {
    const from = (sum / breakdown.count) * all;
    sum += breakdown.counts[name];
    const figure = `${name}: ${formatNumber(breakdown.counts[name])} (${share(breakdown.counts[name], breakdown.count)})`;
    return { from, to: (sum / breakdown.count) * all, color: `var(--${name})`, figure };
  });
}

/** What stands above each bar: its name on the left, count and share on the right. */
function labels(rows: readonly (Row & { y: number })[], fontWeight: number) {
  const right = { frameAnchor: 'right', textAnchor: 'end', fontVariant: 'tabular-nums' } as const;
  const y = (row: { y: number }) => row.y + 6;
  return [
    text(rows, { frameAnchor: 'left', textAnchor: 'start', y, text: 'label', fontWeight }),
    text(rows, { ...right, y, dx: -54, text: 'figure', fontWeight }),
    text(rows, { ...right, y, text: 'share', fill: 'var(--quiet)' }),
  ];
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
  const unit = (all / WIDTH) * SLIVER;
  const bars = rows.map((row, index) => {
    // A sliver is kept visible on the side where its bar begins.
    const to = row.to > row.from ? Math.max(row.to, Math.min(row.from + unit, all)) : row.to;
    const from = to - row.from < unit && row.to > row.from ? to - unit : row.from;
    return { ...row, from, to, y: index * ROW };
  });
  const bottom = rows.length * ROW - (ROW - BAR.top - BAR.height);
  const lens = lensOf(breakdown, all);
  const lensTop = bottom + LENS.cone;
  const height = lens.length === 0 ? bottom + LENS.below : lensTop + LENS.bar + LENS.below;
  const title = (row: { label: string; figure: string; share: string }) =>
    `${row.label}: ${row.figure} (${row.share})`;
  const cone = [
    { y: bottom, x: Math.max(breakdown.count, unit) },
    { y: lensTop, x: all },
  ];
  return draw(
    {
      width: WIDTH,
      height,
      margin: 0,
      x: { domain: [0, all], range: [0, WIDTH], axis: null },
      y: { type: 'identity', axis: null },
      marks: [
        rect(bars, {
          x1: 0,
          x2: all,
          y1: (row) => row.y + BAR.top,
          y2: (row) => row.y + BAR.top + BAR.height,
          fill: 'var(--track)',
        }),
        rect(
          bars.filter((_, index) => index > 0 && index < bars.length - 1),
          {
            x1: 0,
            x2: 'from',
            y1: (row) => row.y + BAR.top,
            y2: (row) => row.y + BAR.top + BAR.height,
            fill: 'var(--left)',
          },
        ),
        rect(bars, {
          x1: 'from',
          x2: 'to',
          y1: (row) => row.y + BAR.top,
          y2: (row) => row.y + BAR.top + BAR.height,
          fill: (row) => row.color,
          title,
        }),
        ...labels(bars.slice(1, -1), 400),
        ...labels(
          bars.filter((_, index) => index === 0 || index === bars.length - 1),
          600,
        ),
        lens.length === 0 ? null : areaX(cone, { y: 'y', x1: 0, x2: 'x', fill: 'var(--cone)' }),
        rect(lens, {
          x1: 'from',
          x2: 'to',
          y1: lensTop,
          y2: lensTop + LENS.bar,
          insetLeft: 0.5,
          insetRight: 0.5,
          fill: 'color',
          title: 'figure',
        }),
      ],
      color: { type: 'identity' },
    },
    `Winnowing: ${describe(rows)}`,
    'winnowing',
  );
}
