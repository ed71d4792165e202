import { escapeMarkup, formatNumber } from '../format.ts';
import { lastDays, type PackageDays } from '../winnow/package-days.ts';

/** Size of the picture, in pixels: beside a badge of 20 it is no taller than a line of a README. */
const WIDTH = 120;
const HEIGHT = 30;
const MARGIN = 2;

/** Colours that stand out from white and from GitHub's dark grey. */
const STYLE =
  'path{fill:none;stroke:#4338ca;stroke-width:1.5;stroke-linejoin:round}.a{fill:#4338ca;fill-opacity:.15;stroke:none}@media (prefers-color-scheme:dark){path{stroke:#a5b4fc}.a{fill:#a5b4fc}}';

const round = (value: number) => Math.round(value * 10) / 10;

/**
 * The non-CI downloads of a window's days as a small picture for READMEs, light and dark. Days of which nothing is
 * known are gaps.
 *
 * @param name Of the package, or title of the group.
 */
export function drawSparkline(name: string, history: PackageDays, windowDays: number): string {
  const { days, breakdowns } = lastDays(history, windowDays);
  const counts = breakdowns.map((breakdown) => breakdown?.count);
  const most = Math.max(0, ...counts.map((count) => count ?? 0));
  const x = (index: number) => round(MARGIN + (index / Math.max(1, days.length - 1)) * (WIDTH - 2 * MARGIN));
  const y = (count: number) => round(HEIGHT - MARGIN - (count / Math.max(1, most)) * (HEIGHT - 2 * MARGIN));
  const runs: [number, number][][] = [];
  for (const [index, count] of counts.entries()) {
    if (count === undefined) continue;
    const isNew = index === 0 || counts[index - 1] === undefined;
    if (isNew) runs.push([]);
    runs.at(-1)?.push([x(index), y(count)]);
  }
  const base = HEIGHT - MARGIN;
  const line = (run: readonly [number, number][]) => `M${run.map((point) => point.join(' ')).join('L')}`;
  const area = runs.map((run) => `${line(run)}V${base}H${run[0]?.[0]}Z`).join('');
  // A day by itself would be a line without length, which is not drawn.
  const path = runs.map((run) => `${line(run)}${run.length === 1 ? 'h.1' : ''}`).join('');
  const total = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  const window = days.length === 1 ? `on ${days[0]}` : `in ${days.length} days to ${days.at(-1)}`;
  const title = `PyPI downloads of ${name} by day, CI left out: ${formatNumber(total)} ${window}, at most ${formatNumber(most)} a day`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="t"><title id="t">${escapeMarkup(title)}</title><style>${STYLE}</style><path class="a" d="${area}"/><path d="${path}"/></svg>\n`;
}
