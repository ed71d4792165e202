import { SYSTEM_NAMES } from '../badges/catalogue.ts';
import { formatNumber } from '../format.ts';
import type { Breakdown } from '../winnow/breakdown.ts';
import { SYSTEMS } from '../winnow/classes.ts';
import { barRows, ROW, told, WIDTH } from './bars.ts';
import { html, type Markup } from './html.ts';
import { picture } from './svg.ts';
import { share } from './words.ts';

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
