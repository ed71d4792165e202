import { type CountableTimeInterval, utcDay, utcTickInterval } from 'd3-time';
import {
  addDays,
  type Day,
  date,
  dayOf,
  daysOf,
  instantOf,
  monthOf,
  type Span,
  spanDays,
} from '../days/day.ts';
import { ERAS } from '../days/eras.ts';
import { formatCount, formatNumber, nameSome } from '../format.ts';
import { html, type Markup, type Part } from '../markup.ts';
import { byMonth, type KnownDay, type Period } from '../metric/package-days.ts';
import { sum } from '../util.ts';
import { type Draw, linesPath, px, svg } from './picture.ts';

/*
 * Charts of downloads by day for READMEs, and what they share with those of the page.
 */

/** Sizes of a chart, in pixels; `small` has no legend, as its description says all of it. */
export const CHART_SIZES = {
  large: { width: 720, height: 260 },
  small: { width: 360, height: 180 },
} as const;
export type ChartSize = keyof typeof CHART_SIZES;

/** Around the plot. */
const MARGIN = { left: 44, right: 16, top: 60, bottom: 40 };
/** Base lines of the two rows of words above the plot. */
const ROWS = { head: 24, note: 44 };

/** About how many ticks of days there is room for. */
const TICKS = { large: 9, small: 4 };
/** A character in a heading in a wide system font, in pixels. */
const HEAD_CHARACTER = { narrow: 11, wide: 18 };
const NARROW = /[a-ln-vx-z\p{Nd}\p{P}\p{Zs}]/u;

/** The longest span, in days, that is drawn by day: two years. */
const DAILY_MAX = 731;
/** From so many bars on they touch: they are too narrow for a gap. */
const TOUCHING = 120;
const GAP = 0.15;

/** Days of the mean, and how many of them must be known. */
const MEAN_DAYS = 7;
const MEAN_KNOWN_MIN = 4;

/** The place of the first day of which PyPI's log holds only distributions: figures before and after count otherwise. */
export function breakOf({ start, end }: Span): number | undefined {
  return start < ERAS.distributions && ERAS.distributions < end
    ? spanDays({ start, end: ERAS.distributions })
    : undefined;
}

/** What the broken line in a chart of a span means; undefined where there is none. */
export function breakNote(span: Span): string | undefined {
  if (breakOf(span) === undefined) return undefined;
  return `The broken line: from ${date(ERAS.distributions)} on, PyPI's log holds only files that can be installed.`;
}

/** Ticks from 0 to the first above `max`, in whole steps of 1, 2 or 5 times a power of ten; at most six. */
export function wholeTicks(max: number): number[] {
  const rough = max / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10));
  return Array.from({ length: Math.floor(max / step) + 2 }, (_, index) => index * step);
}

/**
 * About `count` ticks along the days of a span.
 *
 * @returns `at`: the middle of its day, in days from the beginning of the span. `upper`: the day of the month, or the month.
 * `lower`: the month, or the year; undefined where it is that of the tick before.
 */
export function dayTicks(span: Span, count: number) {
  const [start, end] = [instantOf(span.start), instantOf(span.end)];
  // Null would mean that no ticks are wanted.
  const fitting = utcTickInterval(start, instantOf(addDays(span.end, -1)), count) as CountableTimeInterval;
  const interval = spanDays(span) <= count ? utcDay : fitting;
  const ticks = interval.range(start, end);
  const months = ticks.length > 1 && ticks.every((time) => time.getUTCDate() === 1);
  let before = '';
  return ticks.map((time) => {
    const day = dayOf(time);
    const [upper, lower] = months
      ? [monthOf(day), day.slice(0, 4)]
      : [String(time.getUTCDate()), monthOf(day)];
    const isNew = lower !== before;
    before = lower;
    return { at: spanDays({ start: span.start, end: day }) + 0.5, upper, lower: isNew ? lower : undefined };
  });
}

/** The mean of the known days among seven, up to each day of a span; undefined where fewer than four are known. */
export function meansOf(periods: readonly Period[], span: Span): (number | undefined)[] {
  const days = periods.filter((period) => spanDays(period) === 1);
  const counts = new Map(days.map(({ start, breakdown }) => [start, breakdown.count]));
  return daysOf(span).map((day) => {
    const back = Array.from({ length: MEAN_DAYS }, (_, ago) => counts.get(addDays(day, -ago)));
    const week = back.filter((count) => count !== undefined);
    if (back[0] === undefined || week.length < MEAN_KNOWN_MIN) return undefined;
    return sum(week, (count) => count) / week.length;
  });
}

type Plot = ReturnType<typeof plotOf>;

/**
 * Where a chart's figures stand: days across, and from 0 up to `max`.
 *
 * @param margin Pixels at its right.
 */
export function plotOf(size: ChartSize, span: Span, max: number, margin = MARGIN.right) {
  const { width, height } = CHART_SIZES[size];
  const base = height - MARGIN.bottom;
  const scale = (width - MARGIN.left - margin) / spanDays(span);
  return {
    ...{ size, span, max, right: width - margin },
    x: (days: number) => MARGIN.left + days * scale,
    y: (value: number) => base - (value / max) * (base - MARGIN.top),
  };
}

/** Words of which `x` is where they begin, or with another `anchor` where they end or have their middle. */
export function words(
  x: number,
  y: number,
  text: Part,
  anchor?: 'middle' | 'end',
  className = 'quiet',
): Markup {
  const place = anchor && html` text-anchor="${anchor}"`;
  return html`<text class="${className}" x="${px(x)}" y="${px(y)}"${place}>${text}</text>`;
}

/** A text that fits into so many pixels of a heading. */
export function cut(text: string, room: number): string {
  const shown = [...text];
  const widthOf = (character: string) => HEAD_CHARACTER[NARROW.test(character) ? 'narrow' : 'wide'];
  const isTooWide = (most: number) => sum(shown, widthOf) > most;
  if (!isTooWide(room)) return text;
  while (shown.length > 0 && isTooWide(room - HEAD_CHARACTER.wide)) shown.pop();
  return `${shown.join('')}…`;
}

/** A plot's axes with their words, and what is written above it. */
export function frame(plot: Plot, title: string, figure: string, note: string): Part {
  const { size, span, max, right, x, y } = plot;
  const base = y(0);
  const { width } = CHART_SIZES[size];
  const room = width - 12 - MARGIN.right - figure.length * HEAD_CHARACTER.narrow;
  const shown = wholeTicks(max).filter((tick) => tick <= max);
  const grid = shown.map((tick) => {
    const at = px(y(tick));
    const dots = tick > 0 && html` stroke-dasharray="1 5"`;
    return html`<path class="stroke quiet"${dots} d="M${MARGIN.left} ${at}H${right}"/>${words(MARGIN.left - 6, at + 4, formatCount(tick), 'end')}`;
  });
  const days = dayTicks(span, TICKS[size]).map(({ at, upper, lower }) => [
    words(x(at), base + 17, upper, 'middle'),
    lower && words(x(at), base + 31, lower, 'middle'),
  ]);
  const broken = breakOf(span);
  return [
    words(12, ROWS.head, cut(title, room), undefined, 'head ink'),
    words(width - MARGIN.right, ROWS.head, figure, 'end', 'head ink'),
    words(12, ROWS.note, note),
    grid,
    days,
    broken !== undefined &&
      html`<path class="stroke quiet" stroke-dasharray="4 3" d="M${px(x(broken))} ${MARGIN.top - 8}V${base}"/>`,
  ];
}

const hundredths = (value: number) => Math.round(value * 100) / 100;
const precise = (value: number) => Number(value.toPrecision(7));

/**
 * Bars as a path in units of days and downloads, so that its numbers are the figures: up to 100,000 as they are, beyond
 * in a power of ten that leaves five digits, which is finer than a pixel.
 *
 * @param bars `at`: days from the beginning of the span; `value`: downloads a day.
 * @param gap Part of a bar that stays free.
 */
function barsPath(
  className: string,
  bars: readonly { at: number; days: number; value: number }[],
  gap: number,
  { x, y, max }: Plot,
): Part {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(max)) - 4);
  const decimals = max < 1_000 ? 2 : 0;
  let path = '';
  let end: number | undefined;
  for (const { at, days, value } of bars) {
    if (at !== end || gap > 0) path += `${path && 'V0'}M${hundredths(at + (days * gap) / 2)} 0`;
    path += `V${Number((value / unit).toFixed(decimals))}h${hundredths(days * (1 - gap))}`;
    end = at + days;
  }
  return (
    path &&
    html`<path class="${className}" transform="translate(${MARGIN.left} ${y(0)}) scale(${precise(x(1) - x(0))} ${precise(y(unit) - y(0))})" d="${path}V0"/>`
  );
}

/** Marks below the axis, in units of days like the bars. */
export function gapsPath(gaps: readonly number[], { x, y }: Plot): Part {
  const steps = gaps.map((at, index) => (gaps[index - 1] === at - 1 ? 'h1' : `M${at} 0h1`)).join('');
  return (
    steps &&
    html`<path class="stroke quiet" stroke-width="4" transform="translate(${MARGIN.left} ${y(0) + 3}) scale(${precise(x(1) - x(0))} 1)" d="${steps}"/>`
  );
}

/** Places of the days of a span that no period covers, or of which there is only a part. */
export function gapsOf(periods: readonly Period[], span: Span): number[] {
  const whole = new Set(periods.flatMap((period) => (period.isPartial ? [] : daysOf(period))));
  return daysOf(span).flatMap((day, at) => (whole.has(day) ? [] : [at]));
}

/** What a chart of one package or group shows. */
export interface ChartData {
  /** What the package or group is called. */
  readonly title: string;
  readonly span: Span;
  /** What is known of the span, oldest first; earlier days take part in the first means. */
  readonly periods: readonly Period[];
  readonly spikes: readonly KnownDay[];
  /** When the downloads were, as words behind their number. */
  readonly when: string;
}

export const meanText = (value: number) => (value < 10 ? String(px(value)) : formatNumber(Math.round(value)));
export const listed = (days: readonly Day[]) => nameSome(days.map(date));

/** All that a chart shows, in words. */
function description(
  { span, when, spikes }: ChartData,
  shown: readonly Period[],
  { total, mean, gaps }: { total: number; mean: number | undefined; gaps: readonly number[] },
): string {
  const daily = ({ breakdown, known }: Period) => breakdown.count / known;
  const [best] = shown.toSorted((a, b) => daily(b) - daily(a));
  const gapDays = gaps.map((at) => addDays(span.start, at));
  const sentences = [
    `${formatNumber(total)} downloads by installers, not marked as CI, ${when}, to ${date(addDays(span.end, -1))}.`,
    total > 0 &&
      best &&
      `At most ${meanText(daily(best))} a day, ${spanDays(best) === 1 ? 'on' : 'from'} ${date(best.start)}.`,
    mean !== undefined && `The mean of the last seven days is ${meanText(mean)} a day.`,
    spikes.length > 0 && `Many times the usual downloads: ${listed(spikes.map(({ day }) => day))}.`,
    gaps.length > 0 && `Nothing or only a part is known of ${listed(gapDays)}.`,
    breakNote(span),
  ];
  return sentences.filter(Boolean).join(' ');
}

/** What the marks of a chart mean, in their colours. */
function legend(hasLine: boolean, mean: number | undefined, hasSpikes: boolean, hasGaps: boolean): Markup[] {
  const all = [
    [hasLine, 'line', `— 7-day mean${mean === undefined ? '' : `: ${meanText(mean)}`}`],
    [hasSpikes, 'spike', '▲ spike'],
    [hasGaps, 'quiet', '▪ no or partial data'],
  ] as const;
  const shown = all.filter(([isThere]) => isThere);
  return shown.map(
    ([, name, text], index) => html`<tspan class="${name}"${index > 0 && html` dx="12"`}>${text}</tspan>`,
  );
}

/**
 * The non-CI downloads a day as bars, by month where the span is longer than two years, with the mean of seven days as a line.
 * Days of which nothing or only a part is known have a mark below the axis, spikes one above their bars.
 */
export function drawChart(data: ChartData, size: ChartSize): Draw {
  const { title, span, when } = data;
  const [isLong, isSmall] = [spanDays(span) > DAILY_MAX, size === 'small'];
  const within = data.periods.filter(({ start }) => start >= span.start);
  const shown = isLong ? byMonth(within) : within;
  const days = new Set(isLong ? [] : data.spikes.map(({ day }) => day));
  const bars = shown.map(({ start, end, known, breakdown }) => {
    const at = spanDays({ start: span.start, end: start });
    return { at, days: spanDays({ start, end }), value: breakdown.count / known, isSpike: days.has(start) };
  });
  const plot = plotOf(size, span, Math.max(1, ...bars.map(({ value }) => value)));
  const { x, y } = plot;
  const means = isLong ? [] : meansOf(data.periods, span);
  const mean = means.at(-1);
  // Above all bars a mean is only by days before the span.
  const line = linesPath(
    means.map((value, at) => (value === undefined || value > plot.max ? undefined : [x(at + 0.5), y(value)])),
  );
  const gaps = gapsOf(shown, span);
  const [spikes, others] = [bars.filter(({ isSpike }) => isSpike), bars.filter(({ isSpike }) => !isSpike)];
  const gap = bars.length > TOUCHING ? 0 : GAP;
  const marks = spikes.map(({ at, value }) => `M${px(x(at + 0.5))} ${px(y(value) - 3)}l-4-6h8z`).join('');
  const meaning = legend(line !== '', mean, spikes.length > 0, gaps.length > 0);
  const total = sum(within, ({ breakdown }) => breakdown.count);
  const what = isLong ? 'a day, by month' : 'a day';
  const note = `${isSmall ? '' : 'PyPI downloads '}${what}, without CI, to ${date(addDays(span.end, -1))}`;
  const body = [
    frame(plot, title, `${formatNumber(total)} ${when}`, note),
    barsPath('bars', others, gap, plot),
    barsPath('spike', spikes, gap, plot),
    marks && html`<path class="spike" d="${marks}"/>`,
    gapsPath(gaps, plot),
    line && html`<path class="stroke line" stroke-width="1.5" d="${line}"/>`,
    !isSmall && meaning.length > 0 && words(plot.right, ROWS.note, meaning, 'end'),
  ];
  const told = `PyPI downloads of ${title} ${what}, without CI`;
  return svg(CHART_SIZES[size], told, body, description(data, shown, { total, mean, gaps }));
}
