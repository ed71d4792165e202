import { formatNumber } from '../format.ts';
import type { PackageDays } from '../winnow/package-days.ts';
import { buckets } from './buckets.ts';
import { Markup } from './html.ts';
import { picture, px } from './svg.ts';
import { days } from './words.ts';

/** How finely lines are drawn: where there are thousands of them, every point counts. */
export type SparkDetail = 'fine' | 'coarse';

/** Most points of a line, and how its coordinates are rounded. */
const DETAILS: Record<SparkDetail, { points: number; round: (value: number) => number }> = {
  fine: { points: 45, round: px },
  coarse: { points: 12, round: Math.round },
};

/** Pixels of the drawing inside of its margin; page.css has its whole size. */
const SIZE = { width: 116, height: 22, margin: 2 };

/**
 * The honest downloads of a history as a line small enough for a table's cell: by day, or over long
 * windows by the mean of some days.
 */
export function sparkline(history: PackageDays, detail: SparkDetail = 'fine'): Markup {
  const { points, round } = DETAILS[detail];
  const size = Math.ceil(history.days.length / points);
  const list = buckets(history, size).slice(history.days.length % size === 0 ? 0 : 1);
  const means = list.map(({ count, known }) => (count === null ? undefined : count / known));
  const most = Math.max(0, ...means.map((mean) => mean ?? 0));
  let [x, y] = [0, 0];
  let path = '';
  let isOpen = false;
  for (const [index, mean] of means.entries()) {
    if (mean !== undefined) {
      const nextX = round(SIZE.margin + (index / Math.max(1, means.length - 1)) * SIZE.width);
      const nextY = round(SIZE.margin + (1 - mean / Math.max(1, most)) * SIZE.height);
      // Steps are shorter than places; a minus parts two numbers as a space does.
      const [dx, dy] = [px(nextX - x), px(nextY - y)];
      if (!isOpen) path += `M${nextX} ${nextY}${means[index + 1] === undefined ? 'h0' : ''}`;
      else if (dy === 0) path += `h${dx}`;
      else path += `l${dx}${dy < 0 ? '' : ' '}${dy}`;
      [x, y] = [nextX, nextY];
    }
    isOpen = mean !== undefined;
  }
  const mean = size === 1 ? '' : ` in the mean of ${size}`;
  const best = Math.max(0, ...history.breakdowns.map((breakdown) => breakdown?.count ?? 0));
  const label =
    detail === 'coarse'
      ? `At most ${formatNumber(best)} a day`
      : `Honest downloads over ${days(history.days.length)}, at most ${formatNumber(Math.round(most))} a day${mean}`;
  return picture(label, 'spark', new Markup(`<path d="${path}"/>`));
}
