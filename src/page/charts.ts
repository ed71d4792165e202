import { SYSTEM_NAMES } from '../badges/catalogue.ts';
import { breakOf, dayTicks, wholeTicks } from '../badges/chart.ts';
import { linesPath, type Point, px } from '../badges/picture.ts';
import { date } from '../days/day.ts';
import { formatCount, formatNumber } from '../format.ts';
import { html, type Markup, type Part } from '../markup.ts';
import { allDownloads, type Breakdown, otherSystems } from '../metric/breakdown.ts';
import { EXCLUSIONS, INSTALLERS, type Installer, SYSTEMS } from '../metric/classes.ts';
import { knownDays, type PackageDays, spanOf, totalOf } from '../metric/package-days.ts';
import { days, EXCLUSION_NAMES, OTHER_SYSTEM, share } from './words.ts';

/**
 * A chart as one image with one label. Colours and lines are classes of page.css, as the page's policy forbids
 * style attributes; so one picture follows light and dark.
 *
 * @param label What the picture shows, for those who do not see it.
 * @param height Units of a drawing of bars, which grows and shrinks with its place; without it, units are pixels.
 */
function picture(label: string, className: string, content: Part, height?: number): Markup {
  const box = height !== undefined && html` viewBox="0 0 ${WIDTH} ${px(height)}"`;
  return html`<svg class="${className}" role="img" aria-label="${label}"${box}>${content}</svg>`;
}

/** Units of a drawing of bars; a phone shows them one to one. */
const WIDTH = 360;
/** From one row to the next. */
const ROW = 36;
/** Of the bar within its row. */
const BAR = { top: 17, height: 12 };
/** Base line of a row's words, and where the figure ends, left of the share. */
const TEXT = { y: 10, figure: WIDTH - 54 };

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

/** Boxes from the left edge, one for each row, as a path. */
function boxes(className: string, widths: readonly number[]): Markup {
  const steps = widths.map((width, index) =>
    width > 0 ? `M0 ${index * ROW + BAR.top}h${px(width)}v${BAR.height}H0z` : '',
  );
  return html`<path class="${className}" d="${steps.join('')}"/>`;
}

function barRow({ label, figure, share: part, from, to, className, total }: BarRow, index: number): Markup {
  const [x, end] = [px(from), px(to)];
  const bar =
    to > from &&
    html`<rect class="${className}"${x > 0 && html` x="${x}"`} y="${BAR.top - TEXT.y}" width="${px(end - x)}" height="${BAR.height}"><title>${label}: ${figure} (${part})</title></rect>`;
  return html`<g${total && html` class="total"`} transform="translate(0 ${index * ROW + TEXT.y})"><text>${label}</text><text x="${TEXT.figure}">${figure}</text><text x="${WIDTH}">${part}</text>${bar}</g>`;
}

/** A drawing of rows of bars, each with its label on the left, count and share on the right, as one image. */
function barChart(
  what: string,
  className: string,
  rows: readonly BarRow[],
  more?: Markup,
  bottom = 0,
): Markup {
  const told = rows.map((row) => `${row.label} ${row.figure} (${row.share})`).join(', ');
  const whole = rows.map(() => WIDTH);
  const content = [boxes('track', whole), rows.map(barRow), more];
  return picture(`${what}: ${told}`, `chart ${className}`, content, rows.length * ROW + bottom);
}

/** The lens below the last row: its cone, and the bar that it enlarges the non-CI downloads to. */
const LENS = { cone: 26, bar: 16, below: 4 };
/** Narrowest bar, in units: 14 of 40 million would otherwise be no ink at all. */
const SLIVER = 1.5;

/** Downloads as a bar that begins behind others, on a scale up to all downloads: a sliver of it is always seen. */
function barOf(label: string, before: number, downloads: number, all: number, className: string): BarRow {
  const least = downloads > 0 ? (all / WIDTH) * SLIVER : 0;
  // It is kept visible on the side where the bar begins.
  const end = Math.max(before + downloads, Math.min(before + least, all));
  const start = end - before < least ? end - least : before;
  const [from, to] = [(start / all) * WIDTH, (end / all) * WIDTH];
  return { label, figure: formatNumber(downloads), share: share(downloads, all), from, to, className };
}

/** All downloads, what is taken away step by step, and the non-CI ones. Other files stand there where there are any: PyPI records none now. */
function rowsOf({ count, excluded }: Breakdown, all: number): BarRow[] {
  let left = all;
  return [
    { ...barOf('All downloads', 0, all, all, 'all'), share: '100%', total: true },
    ...EXCLUSIONS.filter((reason) => reason !== 'sidecar' || excluded.sidecar > 0).map((reason) => {
      left -= excluded[reason];
      const step = barOf(EXCLUSION_NAMES[reason], left, excluded[reason], all, 'removed');
      return excluded[reason] === 0 ? step : { ...step, figure: `−${step.figure}` };
    }),
    { ...barOf('Non-CI downloads', 0, count, all, 'counted'), total: true },
  ];
}

/** Installers with downloads, in the order of the metric's list. */
export function installersOf({ counts }: Breakdown): Installer[] {
  return INSTALLERS.filter((name) => counts[name] > 0);
}

/** The non-CI downloads by installer as bars that fill the whole width. */
function lens(breakdown: Breakdown, y: number): Markup[] {
  let sum = 0;
  return installersOf(breakdown).map((name) => {
    const count = breakdown.counts[name];
    const from = (sum / breakdown.count) * WIDTH;
    sum += count;
    const width = (sum / breakdown.count) * WIDTH - from;
    return html`<rect class="${name}" x="${px(from + 0.5)}" y="${y}" width="${px(Math.max(0, width - 1))}" height="${LENS.bar}"><title>${name}: ${formatNumber(count)} (${share(count, breakdown.count)})</title></rect>`;
  });
}

/**
 * What is excluded as a waterfall: all downloads, less each class that does not count, down to the non-CI
 * downloads. The scale is linear, so that lengths are shares; a lens under the last row enlarges the non-CI
 * downloads to the full width by installer, which makes 14 of 2,771 as readable as 12 of 40 million.
 */
export function exclusionChart(breakdown: Breakdown): Markup {
  const all = allDownloads(breakdown);
  if (all === 0) return html`<p class="none">No downloads of any kind in this window.</p>`;
  const rows = rowsOf(breakdown, all);
  const below = ROW - BAR.top - BAR.height;
  const bottom = rows.length * ROW - below;
  const lensTop = bottom + LENS.cone;
  const lensed = breakdown.count > 0;
  const cone = html`<path class="cone" d="M0 ${bottom}H${px(rows.at(-1)?.to ?? 0)}L${WIDTH} ${lensTop}H0z"/>`;
  const left = rows.map(({ from, total }) => (total ? 0 : from));
  const more = html`${boxes('left', left)}${lensed && [cone, ...lens(breakdown, lensTop)]}`;
  const height = LENS.below - below + (lensed ? LENS.cone + LENS.bar : 0);
  return barChart('What is excluded', 'exclusions', rows, more, height);
}

/** Downloads not marked as CI by system, as bars from zero: each is as long as its share of all of them. */
export function systemsChart(breakdown: Breakdown): Markup {
  const systems = SYSTEMS.map((system) => [SYSTEM_NAMES[system], breakdown.countsBySystem[system]] as const);
  const counts = [...systems, [OTHER_SYSTEM, otherSystems(breakdown)] as const];
  const all = counts.reduce((sum, [, count]) => sum + count, 0);
  if (all === 0) return html`<p class="none">No downloads, so no systems.</p>`;
  const rows = counts.map(([label, count]) => barOf(label, 0, count, all, 'system'));
  return barChart('Downloads not marked as CI by system', 'systems', rows);
}

/** Some neighbouring days, added up. */
interface Bucket {
  readonly days: PackageDays;
  /** Place of the last day among those of the history. */
  readonly end: number;
  readonly sum: Breakdown;
  /** Non-CI downloads, or null if each of the days is missing or unknown. */
  readonly count: number | null;
}

/** The days of a history in buckets of `size` days; the last bucket is whole, the first may be short. */
function buckets(history: PackageDays, size: number): Bucket[] {
  const made: Bucket[] = [];
  for (let end = history.length; end > 0; end -= size) {
    const list = history.slice(Math.max(0, end - size), end);
    const [known] = knownDays(list);
    // A page has hundreds of single days, and adding up takes longer than drawing them.
    const sum = size === 1 && known ? known.breakdown : totalOf(list);
    made.push({ days: list, end: end - 1, sum, count: known ? sum.count : null });
  }
  return made.reverse();
}

/** What a bucket came to, by installer, in lines. */
function bucketTitle({ days: list, count, sum }: Bucket): string {
  const [first, last] = [list[0]?.day ?? '', list.at(-1)?.day ?? ''];
  const when = first === last ? date(first) : `${date(first)} to ${date(last)}`;
  const isUnknown = list.some((each) => each.isUnknown);
  if (count === null) return `${when}: ${isUnknown ? 'not known' : 'no data'}`;
  const lines = installersOf(sum).map((name) => {
    const figure = sum.counts[name];
    return `${name} ${formatNumber(figure)} (${share(figure, count)})`;
  });
  if (isUnknown) lines.push('unknown days left out');
  if (list.some(({ isPartial }) => isPartial)) lines.push('only a part of the data');
  return [`${when}: ${formatNumber(count)}`, ...lines].join('\n');
}

/*
 * A chart over time is as wide as its place, and its words keep their size: along the days everything stands at a
 * per cent of the width or, inside of the plot, at the number of its day, and only heights are pixels (as in
 * page.css).
 */

/** The plot begins below a margin with a line of words; more stand below it. */
const TOP = 16;
const PLOT = 186;
/** Base line of the words below the axis, days or months, and how far below them stands what they are in. */
const WORDS = { y: TOP + PLOT + 16, lower: 13 };

/** About how many ticks there is room for, and how many counts of a column. */
const TICKS = { wide: 10, narrow: 4 } as const;
const COUNTS = { wide: 14, narrow: 6 } as const;

/** From so many bars on they touch: they are too narrow for a gap. */
const TOUCHING = 150;

/** Gap between two bars as a part of the width: half a pixel on a phone, one and a half on a wide page. */
const GAP = 1 / 600;

/** Ticks below the days, in the middle of theirs: the day, and its month where that is new; or month and year. */
function timeTicks(history: PackageDays, size: keyof typeof TICKS): Markup {
  const ticks = dayTicks(spanOf(history), TICKS[size]).map(({ at, upper, lower }) => {
    const x = `${px((at / history.length) * 100)}%`;
    return html`<text x="${x}">${upper}</text>${lower && html`<text x="${x}" y="${WORDS.lower}">${lower}</text>`}`;
  });
  return html`<g class="${size}" transform="translate(0 ${WORDS.y})">${ticks}</g>`;
}

/** A box over the full height for each of some buckets, as a path. */
function columns(className: string, list: readonly Bucket[], size: number): Part {
  const steps = list.map(({ end }) => `M${end + 0.5 - size} 0h${size}v${PLOT}h-${size}z`);
  return list.length > 0 && html`<path class="${className}" d="${steps.join('')}"/>`;
}

/** What the buckets of a chart over time are drawn on. */
interface Scale {
  /** From 0 to what fills the height. */
  readonly ticks: readonly number[];
  readonly label: (tick: number) => string;
  /** A number of downloads of a bucket on this scale. */
  readonly of: (sum: number, bucket: Bucket) => number;
}

/** Each installer's part of every bar as lines as wide as the bars, one upon the other. */
function stack(list: readonly Bucket[], size: number, height: Scale['of']): Markup[] {
  const names = INSTALLERS.filter((name) => list.some(({ sum }) => sum.counts[name] > 0));
  const tops = list.map(() => ({ sum: 0, y: PLOT }));
  return names.map((name) => {
    const lines = list.map((bucket, index) => {
      const below = tops[index] ?? { sum: 0, y: PLOT };
      const sum = below.sum + bucket.sum.counts[name];
      const y = px(PLOT - height(sum, bucket));
      tops[index] = { sum, y };
      return y === below.y ? '' : `M${bucket.end + 0.5 - size / 2} ${below.y}V${y}`;
    });
    return html`<path class="${name}" d="${lines.join('')}"/>`;
  });
}

function timeChart(
  label: string,
  history: PackageDays,
  list: readonly Bucket[],
  size: number,
  scale: Scale,
  above?: Part,
): Markup {
  const { length } = history;
  const height = (value: number) => (value / (scale.ticks.at(-1) ?? 1)) * PLOT;
  const grid = scale.ticks.map((tick) => {
    const y = px(TOP + PLOT - height(tick));
    return html`<line x2="100%" y1="${y}" y2="${y}"/><text x="-8" y="${px(y + 4)}">${scale.label(tick)}</text>`;
  });
  const touching = list.length > TOUCHING;
  const width = touching ? size : Math.round((size - GAP * length) * 100) / 100;
  const broken = breakOf(spanOf(history));
  const missing = list.filter(({ count }) => count === null);
  const partial = list.filter((bucket) => bucket.days.some(({ isPartial }) => isPartial));
  const marks = [
    columns('missing', missing, size),
    columns('partial', partial, size),
    broken !== undefined && html`<path class="break" d="M${broken - 0.5} 0v${PLOT}"/>`,
  ];
  const bars = stack(list, size, (sum, bucket) => height(scale.of(sum, bucket)));
  // What a single day came to stands in the table of days, from where the page's script takes it.
  const hits =
    size > 1 &&
    list.map(
      (bucket) =>
        html`<path class="hit" d="M${bucket.end + 0.5 - size / 2} 0v${PLOT}"><title>${bucketTitle(bucket)}</title></path>`,
    );
  const plot = html`<svg y="${TOP}" height="${PLOT}" viewBox="-.5 0 ${length} ${PLOT}" preserveAspectRatio="none" stroke-width="${width}"${touching && html` shape-rendering="crispEdges"`}>${marks}${bars}${hits}</svg>`;
  const words = [timeTicks(history, 'wide'), timeTicks(history, 'narrow'), above];
  return picture(label, size === 1 ? 'time days' : 'time', [html`<g class="grid">${grid}</g>`, words, plot]);
}

/** The scale of a chart by day goes at least to this, so that a single download is no full bar. */
const DAILY_MIN = 4;

/** Non-CI downloads of each day (of at least one), stacked by installer. Days without data are marked, not zero. */
export function dailyChart(history: PackageDays): Markup {
  const list = buckets(history, 1);
  const best = list.reduce((a, b) => (b.sum.count > a.sum.count ? b : a));
  const most = best.sum.count;
  const label = `Non-CI downloads by day over ${days(list.length)}: at most ${formatNumber(most)}, on ${date(best.days[0]?.day ?? '')}`;
  const scale = {
    ticks: wholeTicks(Math.max(most, DAILY_MIN)),
    label: formatCount,
    of: (sum: number) => sum,
  };
  return timeChart(label, history, list, 1, scale);
}

/** Days that one column of the mix stands for: single days of a small package are noise. */
export function mixBucketDays(history: PackageDays): number {
  return history.length >= 21 ? 7 : 1;
}

/** Fewer downloads than these are too few for shares: a single one would be all of a column. */
export const SHARED_MIN = 10;

/** The downloads of each column above it, or of every second or third where there is no room for all. */
function countLabels(list: readonly Bucket[], size: number, width: keyof typeof COUNTS): Markup {
  const last = list.at(-1)?.end ?? 0;
  const step = Math.ceil(list.length / COUNTS[width]);
  const labels = list.map(({ end, count }, index) => {
    if (count === null || (list.length - 1 - index) % step > 0) return undefined;
    const middle = (Math.max(0, end + 1 - size) + end + 1) / 2;
    return html`<text x="${px((middle / (last + 1)) * 100)}%">${formatCount(count)}</text>`;
  });
  return html`<g class="${width} counts" transform="translate(0 ${TOP - 5})">${labels}</g>`;
}

/**
 * The installers' shares of the non-CI downloads, week by week, each below its number of downloads. Weeks with too few of
 * them have no shares.
 */
export function mixChart(history: PackageDays): Markup {
  const size = mixBucketDays(history);
  const list = buckets(history, size);
  const span = size === 1 ? 'day' : 'week';
  if (list.every(({ sum }) => sum.count < SHARED_MIN)) {
    return html`<p class="none">No ${span} has ${SHARED_MIN} downloads; fewer are too few for shares.</p>`;
  }
  const scale: Scale = {
    ticks: [0, 25, 50, 75, 100],
    label: (tick) => `${tick}%`,
    of: (sum, { sum: { count } }) => (count < SHARED_MIN ? 0 : (sum / count) * 100),
  };
  const label = `Share of each installer by ${span} over ${days(history.length)}`;
  const counts = [countLabels(list, size, 'wide'), countLabels(list, size, 'narrow')];
  return timeChart(label, history, list, size, scale, counts);
}

/** Pixels of the drawing inside of its margin; index.css has its whole size. */
const SIZE = { width: 116, height: 22, margin: 2 };

/** Days of the lines in a table: the same for every package. */
export const LINE_DAYS = 30;

/** The non-CI downloads of a history's last days, oldest first, as one line shows them; null where nothing is known. */
export function recentCounts(history: PackageDays): (number | null)[] {
  return history.slice(-LINE_DAYS).map(({ breakdown }) => breakdown?.count ?? null);
}

/**
 * The non-CI downloads of some days as a line small enough for a table's cell. Height is logarithmic, so that packages of
 * any size stand on one scale; a day is equally wide in all of them.
 *
 * @param most Downloads of the best day of all lines, which is the top of each.
 * @param isLong Whether there are thousands of lines, so that every point counts: each is the mean of three days.
 */
export function sparkline(counts: readonly (number | null)[], most: number, isLong = false): Markup {
  const [size, round] = isLong ? [3, Math.round] : [1, px];
  const step = (SIZE.width / (LINE_DAYS - size)) * size;
  const points: (Point | undefined)[] = [];
  for (let end = counts.length % size || size; end <= counts.length; end += size) {
    const known = counts.slice(Math.max(0, end - size), end).filter((count) => count !== null);
    const mean = known.reduce((sum, count) => sum + count, 0) / known.length;
    const x = SIZE.margin + SIZE.width - ((counts.length - end) / size) * step;
    const y = SIZE.margin + (1 - Math.log1p(mean) / Math.log1p(Math.max(1, most))) * SIZE.height;
    points.push(known.length === 0 ? undefined : [round(x), round(y)]);
  }
  const best = Math.max(0, ...counts.map((count) => count ?? 0));
  return picture(`At most ${formatNumber(best)} a day`, 'spark', html`<path d="${linesPath(points)}"/>`);
}
