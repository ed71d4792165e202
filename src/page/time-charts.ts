import { axisX, axisY, lineY, type Markish, rectY, ruleX, ruleY } from '@observablehq/plot';
import { formatCount } from '../badges/message.ts';
import type { Day } from '../days/day.ts';
import { formatNumber } from '../format.ts';
import { DISTRIBUTIONS_ONLY_SINCE } from '../sources/query.ts';
import { MS_PER_DAY } from '../units.ts';
import { sumOf } from '../winnow/breakdown.ts';
import { INSTALLERS, type Installer } from '../winnow/classes.ts';
import { knownDays, type PackageDays, sliceDays, totalOf } from '../winnow/package-days.ts';
import { draw } from './draw.ts';
import type { Markup } from './html.ts';
import { date, days, instantOf, share } from './words.ts';

/** A chart is drawn twice, and the page shows the one that fits: text that shrinks is not read. */
export type ChartSize = 'wide' | 'narrow';

const SIZES = {
  wide: { width: 1000, height: 228, ticks: 10 },
  narrow: { width: 350, height: 208, ticks: 4 },
} as const;

/** Some neighbouring days, added up. */
interface Bucket {
  readonly first: Day;
  readonly last: Day;
  readonly start: Date;
  readonly end: Date;
  /** How many of the days there was data for. */
  readonly known: number;
  /** Honest downloads, or null if there was no data for any of the days. */
  readonly count: number | null;
  /** Whether the table had only a part of one of the days. */
  readonly partial: boolean;
  readonly installers: Readonly<Record<Installer, number>>;
}

/** The days of a history in buckets of `size` days; the last bucket is whole, the first may be short. */
function buckets(history: PackageDays, size: number): Bucket[] {
  const made: Bucket[] = [];
  for (let end = history.days.length; end > 0; end -= size) {
    const part = sliceDays(history, Math.max(0, end - size), end);
    const known = knownDays(part);
    const { count, counts } = sumOf(known);
    const [first, last] = [String(part.days[0]), String(part.days.at(-1))];
    made.push({
      first,
      last,
      start: instantOf(first),
      end: new Date(instantOf(last).getTime() + MS_PER_DAY),
      known: known.length,
      count: known.length === 0 ? null : count,
      partial: part.partialDays.length > 0,
      installers: counts,
    });
  }
  return made.reverse();
}

/** Installers that a history has downloads of, in the order of the metric's list. */
export function seenInstallers(history: PackageDays): Installer[] {
  const { counts } = totalOf(history);
  return INSTALLERS.filter((name) => counts[name] > 0);
}

interface Segment {
  readonly start: Date;
  readonly end: Date;
  readonly from: number;
  readonly to: number;
  readonly color: string;
}

/** Each bucket's installers, one upon the other; `whole` is what the bucket's full height stands for. */
function stack(
  list: readonly Bucket[],
  names: readonly Installer[],
  height: (bucket: Bucket, sum: number) => number,
): Segment[] {
  return list.flatMap((bucket) => {
    let sum = 0;
    return names.flatMap((name) => {
      if (bucket.installers[name] === 0) return [];
      const from = height(bucket, sum);
      sum += bucket.installers[name];
      const { start, end } = bucket;
      return [{ start, end, from, to: height(bucket, sum), color: `var(--${name})` }];
    });
  });
}

function bucketTitle(bucket: Bucket, names: readonly Installer[]): string {
  const when =
    bucket.first === bucket.last ? date(bucket.first) : `${date(bucket.first)} to ${date(bucket.last)}`;
  const { count } = bucket;
  if (count === null) return `${when}: no data`;
  const parts = names
    .filter((name) => bucket.installers[name] > 0)
    .map((name) => {
      const figure = bucket.installers[name];
      return `${name} ${formatNumber(figure)} (${share(figure, count)})`;
    });
  const part = bucket.partial ? ['only a part of the data'] : [];
  return [`${when}: ${formatNumber(count)}`, ...parts, ...part].join('\n');
}

/** What the broken line in the charts of a history means; undefined if there is none. */
export function breakNote({ days: list }: PackageDays): string | undefined {
  const has = list.includes(DISTRIBUTIONS_ONLY_SINCE) && list[0] !== DISTRIBUTIONS_ONLY_SINCE;
  return has
    ? `The broken line: from ${date(DISTRIBUTIONS_ONLY_SINCE)} on, PyPI's log holds only files that can be installed.`
    : undefined;
}

/** Where PyPI stopped counting files that are no packages: figures before and after count otherwise. */
function breakMark(history: PackageDays): Markish[] {
  if (breakNote(history) === undefined) return [];
  return [ruleX([instantOf(DISTRIBUTIONS_ONLY_SINCE)], { stroke: 'var(--quiet)', strokeDasharray: '4 3' })];
}

function timeChart(
  history: PackageDays,
  list: readonly Bucket[],
  size: ChartSize,
  y: { max: number; percent: boolean },
  label: string,
): Markup {
  const { width, height, ticks } = SIZES[size];
  const names = seenInstallers(history);
  const full = (bucket: Bucket, sum: number) => (y.percent ? (sum / Number(bucket.count)) * 100 : sum);
  const span = { x1: 'start', x2: 'end' } as const;
  // Bars too narrow for a gap overlap a little, or else seams would show between them.
  const gap =
    list.length > 150
      ? { insetRight: -0.3, shapeRendering: 'crispEdges' }
      : { insetLeft: 0.5, insetRight: 0.5 };
  const tickFormat = y.percent ? (tick: number) => `${tick}%` : (tick: number) => formatCount(tick);
  const yTicks = y.percent ? [0, 25, 50, 75, 100] : wholeTicks(y.max);
  return draw(
    {
      width,
      height,
      marginLeft: 44,
      marginRight: 12,
      marginTop: 10,
      marginBottom: 32,
      x: { type: 'utc' },
      y: { domain: [0, y.max] },
      color: { type: 'identity' },
      marks: [
        ruleY(yTicks, { stroke: 'var(--grid)' }),
        axisY({ ticks: yTicks, tickFormat, tickSize: 0, label: null, fill: 'var(--quiet)' }),
        axisX({ ticks, tickSize: 4, label: null, fill: 'var(--quiet)', stroke: 'var(--grid)' }),
        rectY(
          list.filter(({ count }) => count === null),
          {
            ...span,
            y1: 0,
            y2: y.max,
            fill: 'var(--missing)',
            stroke: 'var(--quiet)',
            strokeDasharray: '2 3',
          },
        ),
        rectY(
          list.filter(({ partial }) => partial),
          { ...span, y1: 0, y2: y.max, fill: 'var(--partial)' },
        ),
        ...breakMark(history),
        rectY(stack(list, names, full), {
          ...span,
          y1: 'from',
          y2: 'to',
          fill: 'color',
          ...gap,
        }),
        rectY(list, {
          ...span,
          y1: 0,
          y2: y.max,
          fill: 'transparent',
          title: (bucket: Bucket) => bucketTitle(bucket, names),
        }),
      ],
    },
    label,
    size,
  );
}

/** Ticks from 0 up to `max`, in whole steps of 1, 2 or 5 times a power of ten; at most five. */
function wholeTicks(max: number): number[] {
  const rough = max / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10));
  return Array.from({ length: Math.floor(max / step) + 1 }, (_, index) => index * step);
}

/** Honest downloads of each day (of at least one), stacked by installer. Days without data are marked, not zero. */
export function dailyChart(history: PackageDays, size: ChartSize): Markup {
  const list = buckets(history, 1);
  const best = list.reduce((a, b) => ((b.count ?? 0) > (a.count ?? 0) ? b : a));
  const max = Number(best.count);
  const label = `Honest downloads by day over ${days(list.length)}: at most ${formatNumber(max)}, on ${date(best.first)}`;
  return timeChart(history, list, size, { max, percent: false }, label);
}

/** Days that one column of the mix stands for: single days of a small package are noise. */
export function mixBucketDays(history: PackageDays): number {
  return history.days.length >= 21 ? 7 : 1;
}

/** The installers' shares of the honest downloads, week by week. Weeks without downloads stay empty. */
export function mixChart(history: PackageDays, size: ChartSize): Markup {
  const list = buckets(history, mixBucketDays(history));
  const names = seenInstallers(history);
  const ends = list.filter((_, index) => index === 0 || index === list.length - 1);
  const summary = ends.map((bucket) => bucketTitle(bucket, names).replaceAll('\n', ', ')).join('; then ');
  return timeChart(history, list, size, { max: 100, percent: true }, `Share of each installer. ${summary}`);
}

/** Most points of a line in a table's cell; with hundreds of rows, every point counts. */
const SPARK_POINTS = 45;

/**
 * The honest downloads of a history as a line small enough for a table's cell: by day, or over long
 * windows by the mean of some days.
 */
export function sparkline(history: PackageDays): Markup {
  const size = Math.ceil(history.days.length / SPARK_POINTS);
  const list = buckets(history, size).slice(history.days.length % size === 0 ? 0 : 1);
  const y = (bucket: Bucket) => (bucket.count === null ? Number.NaN : bucket.count / bucket.known);
  const most = Math.max(0, ...list.map((bucket) => y(bucket) || 0));
  return draw(
    {
      width: 120,
      height: 26,
      margin: 2,
      x: { axis: null },
      y: { axis: null, domain: [0, Math.max(1, most)] },
      marks: [
        lineY(list, { x: (_: Bucket, index: number) => index, y, stroke: 'var(--honest)', strokeWidth: 1.5 }),
      ],
    },
    `Honest downloads over ${days(history.days.length)}, at most ${formatNumber(Math.round(most))} a day${size === 1 ? '' : ` in the mean of ${size}`}`,
    'spark',
  );
}
