import { rect, text } from '@observablehq/plot';
import { SYSTEM_NAMES } from '../badges/catalogue.ts';
import { formatNumber } from '../format.ts';
import type { Breakdown } from '../winnow/breakdown.ts';
import { SYSTEMS } from '../winnow/classes.ts';
import { draw } from './draw.ts';
import { html, type Markup } from './html.ts';
import { share } from './words.ts';

const WIDTH = 360;
const ROW = 36;

/** Downloads outside of CI by system, as bars from zero. */
export function systemsChart({ countsBySystem }: Breakdown): Markup {
  const all = SYSTEMS.reduce((sum, system) => sum + countsBySystem[system], 0);
  if (all === 0) return html`<p class="none">No download named its system.</p>`;
  const rows = SYSTEMS.map((system, index) => ({
    label: SYSTEM_NAMES[system],
    count: countsBySystem[system],
    figure: formatNumber(countsBySystem[system]),
    share: share(countsBySystem[system], all),
    y: index * ROW,
  }));
  const max = Math.max(...rows.map(({ count }) => count));
  const bar = { y1: (row: { y: number }) => row.y + 17, y2: (row: { y: number }) => row.y + 29 };
  const y = (row: { y: number }) => row.y + 6;
  const right = { frameAnchor: 'right', textAnchor: 'end', fontVariant: 'tabular-nums', y } as const;
  return draw(
    {
      width: WIDTH,
      height: rows.length * ROW,
      margin: 0,
      x: { domain: [0, max], range: [0, WIDTH], axis: null },
      y: { type: 'identity', axis: null },
      marks: [
        rect(rows, { x1: 0, x2: () => max, ...bar, fill: 'var(--track)' }),
        rect(rows, {
          x1: 0,
          x2: 'count',
          ...bar,
          fill: 'var(--system)',
          title: (row) => `${row.label}: ${row.figure} (${row.share})`,
        }),
        text(rows, { frameAnchor: 'left', textAnchor: 'start', y, text: 'label' }),
        text(rows, { ...right, dx: -54, text: 'figure' }),
        text(rows, { ...right, text: 'share', fill: 'var(--quiet)' }),
      ],
    },
    `Downloads outside of CI by system: ${rows.map((row) => `${row.label} ${row.figure} (${row.share})`).join(', ')}`,
    'systems',
  );
}
