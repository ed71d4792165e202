import { formatNumber } from '../format.ts';
import { html, Markup, type Part } from '../markup.ts';
import type { PackageDays } from '../metric/package-days.ts';

/*
 * Pictures for READMEs: SVG as text, with system fonts, without script and request. They hold nothing but what they show,
 * so that a picture of the same days is the same file.
 */

/**
 * Whose colours a picture has: those for a light page, those for a dark one, or those that the reader's system prefers. That
 * need not be what the page has, so `auto` brings a background of its own.
 */
export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/** Name of the file of a picture, from that of its badge without an ending. */
export function pictureFile(stem: string, theme: Theme): string {
  return `${stem}${theme === 'auto' ? '' : `-${theme}`}.svg`;
}

/** The whole SVG of a picture in the colours of a theme. */
export type Draw = (theme: Theme) => string;

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The colour of each class on a light and on a dark page, at least 4.5:1 against the backgrounds of GitHub and PyPI. */
export const COLORS = {
  back: ['#ffffff', '#0d1117'],
  ink: ['#1f2328', '#f0f6fc'],
  quiet: ['#59636e', '#9ea7b3'],
  bars: ['#5b5fc7', '#7f88f5'],
  line: ['#17153b', '#f0f6fc'],
  spike: ['#b3400c', '#ff9b50'],
  first: ['#0550ae', '#6cb6ff'],
  second: ['#b3400c', '#ff9b50'],
  third: ['#0b6b62', '#4fd1c5'],
  fourth: ['#a3156a', '#ff8ac6'],
  fifth: ['#1f2328', '#f0f6fc'],
} as const satisfies Record<string, readonly [light: string, dark: string]>;

/** What is the same on light and dark pages. */
const STYLE =
  'svg{fill:currentColor;font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}.stroke{fill:none;stroke:currentColor;stroke-linejoin:round}.head{font-weight:600;font-size:16px}';

/** The rules of the classes that a picture uses. */
function rulesOf(body: string, scheme: 0 | 1): string {
  const used = Object.entries(COLORS).filter(([name]) => new RegExp(`class="[^"]*\\b${name}\\b`).test(body));
  return used.map(([name, colors]) => `.${name}{color:${colors[scheme]}}`).join('');
}

/**
 * A picture as a file.
 *
 * @param title What it shows, for those who do not see it, and `description` all that it says.
 * @param content Elements; the colour of each comes from its class.
 */
export function svg({ width, height }: Size, title: string, content: Part, description?: string): Draw {
  const body = html`${content}`.text;
  const whole = html`<rect class="back" width="${width}" height="${height}" rx="3"/>${new Markup(body)}`.text;
  const described = description && html` aria-describedby="d"`;
  const head = html`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="t"${described}><title id="t">${title}</title>${description && html`<desc id="d">${description}</desc>`}`;
  return (theme) => {
    const rules =
      theme === 'auto'
        ? `${rulesOf(whole, 0)}@media (prefers-color-scheme:dark){${rulesOf(whole, 1)}}`
        : rulesOf(body, theme === 'light' ? 0 : 1);
    return `${head.text}<style>${STYLE}${rules}</style>${theme === 'auto' ? whole : body}</svg>\n`;
  };
}

/** A coordinate with one decimal: nobody sees what is finer, and it would make up a third of a picture's text. */
export function px(value: number): number {
  return Math.round(value * 10) / 10;
}

/** A number without a zero that SVG can do without. */
const short = (value: number) => String(value).replace(/^(-?)0\./, '$1.');

export type Point = readonly [x: number, y: number];

/** A line of at least one point. */
type Run = readonly [Point, ...Point[]];

/** Neighbouring points that are known, in runs; an unknown one parts two of them. */
function runsOf(points: readonly (Point | undefined)[]): Run[] {
  const runs: [Point, ...Point[]][] = [];
  for (const [index, point] of points.entries()) {
    if (point === undefined) continue;
    if (points[index - 1] === undefined) runs.push([point]);
    else runs.at(-1)?.push(point);
  }
  return runs;
}

/** Lines through the points that are known. */
export const linesPath = (points: readonly (Point | undefined)[]) => runsOf(points).map(linePath).join('');

/** A line through the points of a run, by steps, which are shorter than places; a point by itself is a dot as wide as a line. */
function linePath([first, ...rest]: Run): string {
  let [x, y] = [px(first[0]), px(first[1])];
  if (rest.length === 0) return `M${px(x - 0.7)} ${y}h1.5`;
  const start = `M${x} ${y}`;
  const steps = rest.map(([nextX, nextY]) => {
    const [dx, dy] = [px(px(nextX) - x), px(px(nextY) - y)];
    [x, y] = [px(nextX), px(nextY)];
    return `${short(dx)}${dy < 0 ? '' : ' '}${short(dy)}`;
  });
  return `${start}l${steps.join(' ').replaceAll(' -', '-')}`;
}

/** Of a sparkline, in pixels: beside a badge of 20 it is no taller than a line of a README. */
export const SPARKLINE: Size = { width: 120, height: 30 };
const MARGIN = 2;

/**
 * The non-CI downloads of a window's days as a small picture. Days of which nothing is known are gaps.
 *
 * @param summary `title` is what the package or group is called.
 */
export function drawSparkline(summary: { title: string; days: PackageDays; windowDays: number }): Draw {
  const { width, height } = SPARKLINE;
  const days = summary.days.slice(-summary.windowDays);
  const counts = days.map(({ breakdown }) => breakdown?.count);
  const most = Math.max(0, ...counts.map((count) => count ?? 0));
  const base = height - MARGIN;
  const runs = runsOf(
    counts.map((count, index) => {
      if (count === undefined) return undefined;
      const x = MARGIN + (index / Math.max(1, days.length - 1)) * (width - 2 * MARGIN);
      return [x, base - (count / Math.max(1, most)) * (height - 2 * MARGIN)];
    }),
  );
  const area = runs.map((run) => `${linePath(run)}V${base}H${px(run[0][0])}Z`).join('');
  const total = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  const last = days.at(-1)?.day;
  const window = days.length === 1 ? `on ${last}` : `in ${days.length} days to ${last}`;
  const title = `PyPI downloads of ${summary.title} by day, without CI: ${formatNumber(total)} ${window}, at most ${formatNumber(most)} a day`;
  const line = html`<path class="stroke bars" stroke-width="1.5" d="${runs.map(linePath).join('')}"/>`;
  return svg(SPARKLINE, title, html`<path class="bars" fill-opacity=".15" d="${area}"/>${line}`);
}
