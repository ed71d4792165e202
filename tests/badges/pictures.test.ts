import { describe, expect, it } from 'vitest';
import { findBadge, type Summary } from '../../src/badges/catalogue.ts';
import { drawComparison } from '../../src/badges/comparison.ts';
import { COLORS, type Draw, THEMES } from '../../src/badges/picture.ts';
import { addDays } from '../../src/days/day.ts';
import { periodsOf } from '../../src/metric/package-days.ts';
import { createRandom } from '../support/random.ts';
import { cornersOf } from '../support/svg.ts';
import { daysWith, NOTHING } from '../support/views.ts';
import { parseXml } from '../support/xml.ts';

/** Of a chart of 720 by 260, from its own margins; at the right of a comparison stand names. */
const PLOT = { left: 44, right: 704, names: 534, top: 60, base: 220 };
const START = '2024-11-29';

type Counts = readonly (number | null)[];

/** Downloads on each day since the start; null is a day that is not known. */
const historyOf = (counts: Counts, partialDays: readonly string[] = []) =>
  daysWith(counts, { last: addDays(START, counts.length - 1), partialDays });

/** A picture of the last days, as a badge of that name. */
function draw(id: string, counts: Counts, more: Partial<Summary> = {}) {
  const known = { title: 'demo', windowDays: counts.length, breakdown: NOTHING, days: historyOf(counts) };
  return findBadge(id)?.render({ ...known, ...more }, {}) as Draw;
}

/** A comparison of packages over the last of their days. */
function compare(
  all: Readonly<Record<string, Counts>>,
  days: number,
  isIndexed: boolean,
  partialDays?: string[],
) {
  const compared = Object.entries(all).map(([title, counts]) => {
    return { title, history: historyOf(counts, partialDays) };
  });
  const end = addDays(START, Object.values(all)[0]?.length ?? 0);
  return drawComparison(compared, { start: addDays(end, -days), end }, isIndexed);
}

/** The path of a class, as an XML parser sees it. */
function pathOf(svg: string, className: string): { d: string; transform: string } {
  const isIt = (each: Record<string, string>) => each['class'] === className && each['d'] !== undefined;
  return { d: '', transform: '', ...parseXml(svg).find(({ attributes }) => isIt(attributes))?.attributes };
}

/** The height at the middle of each day of bars, undefined where there is none. */
function heights(d: string, days: number): (number | undefined)[] {
  const found: (number | undefined)[] = Array.from({ length: days });
  for (const bar of d.split(/(?=M)/)) {
    const corners = cornersOf(bar);
    for (const [index, [x, y]] of corners.entries()) {
      const [before] = corners[index - 1] ?? [x];
      for (let day = Math.ceil(before - 0.5); day + 0.5 < x; day += 1) found[day] = y;
    }
  }
  return found;
}

/** The points of a line by the day that they are in the middle of, in pixels; a dot begins left of its place. */
function pointsOf(d: string, days: number, right: number): (number | undefined)[] {
  const found: (number | undefined)[] = Array.from({ length: days });
  const dots = d.replaceAll(/M([\d.]+) ([\d.]+)h1\.5/g, (_, x, y) => `M${Number(x) + 0.7} ${y}`);
  for (const [x, y] of cornersOf(dots)) found[Math.floor(((x - PLOT.left) / (right - PLOT.left)) * days)] = y;
  return found;
}

/** The mean of the known ones of seven days, by hand. */
function meansOf(counts: Counts): (number | undefined)[] {
  return counts.map((count, at) => {
    const week = counts.slice(Math.max(0, at - 6), at + 1).filter((each) => each !== null);
    return count === null || week.length < 4 ? undefined : week.reduce((a, b) => a + b) / week.length;
  });
}

/** The height of a value; a tenth of a pixel, and half of it by rounding, is as near as it can be. */
const heightOf = (value: number, max: number) => PLOT.base - (value / max) * (PLOT.base - PLOT.top);
const NEAR = 0.06;

const next = createRandom(30);
const randomDays = (days: number, most: number) =>
  Array.from({ length: days }, () => (next() < 0.03 ? null : Math.floor(next() ** 3 * most)));
const sumOf = (counts: Counts) => counts.reduce<number>((all, count) => all + (count ?? 0), 0);

const FIVE = ['first', 'second', 'third', 'fourth', 'fifth'];
const MANY = Object.fromEntries(
  FIVE.map((_, index) => [`package-${index}`, randomDays(365, 10 ** (index + 2))]),
);

describe('a chart of 730 random days', () => {
  const counts = randomDays(730, 40_000);
  const svg = draw('chart', counts)('light');
  const max = Math.max(...counts.map((count) => count ?? 0));

  it('has bars whose places are the days, whose heights are their downloads, and whose sum is its figure', () => {
    const { d, transform } = pathOf(svg, 'bars');
    const [left = 0, base = 0, scaleX = 0, scaleY = 0] = (transform.match(/-?[\d.]+/g) ?? []).map(Number);
    expect(heights(d, 730)).toEqual(counts.map((count) => count ?? undefined));
    expect([left, base]).toEqual([PLOT.left, PLOT.base]);
    expect(left + 730 * scaleX).toBeCloseTo(PLOT.right, 2);
    expect(base + max * scaleY).toBeCloseTo(PLOT.top, 2);
    expect(svg).toContain(`>${sumOf(counts).toLocaleString('en-US')} in 730 days</text>`);
  });

  it('has a line that is the mean of seven of its bars, with gaps', () => {
    const points = pointsOf(pathOf(svg, 'stroke line').d, 730, PLOT.right);
    for (const [day, mean] of meansOf(counts).entries()) {
      if (mean === undefined) expect(points[day]).toBeUndefined();
      else expect(Math.abs((points[day] ?? 0) - heightOf(mean, max))).toBeLessThan(NEAR);
    }
  });

  it('marks the days that are not known below its axis', () => {
    const [, scaleX, d = ''] = /stroke-width="4" [^>]*scale\(([\d.]+) 1\)" d="([^"]*)"/.exec(svg) ?? [];
    expect(PLOT.left + 730 * Number(scaleX)).toBeCloseTo(PLOT.right, 2);
    expect(heights(d, 730)).toEqual(counts.map((count) => (count === null ? 0 : undefined)));
  });

  it.each<[string, (count: number | null, at: number) => number | null]>([
    ['with what it has', (count) => count],
    ['with 40 million downloads a day', (count) => count && count * 1_234],
    ['without a day of each week', (count, at) => (at % 7 === 3 ? null : count)],
    ['without 400 days', (count, at) => (at > 100 && at < 500 ? null : count)],
    ['without all days but two', (_, at) => (at % 729 === 0 ? 3 : null)],
  ])('is at most 15 kB %s', (_, to) => {
    expect(Buffer.byteLength(draw('chart', counts.map(to))('auto'))).toBeLessThan(15_000);
  });
});

describe('a chart', () => {
  it.each([
    ['the mean', Array(7).fill(9), '<tspan class="line">— 7-day mean: 9</tspan>'],
    [
      'a mean that is not known on the last day',
      [...Array(7).fill(9), null],
      '<tspan class="line">— 7-day mean</tspan><tspan class="quiet" dx="12">▪ no or partial data</tspan>',
    ],
    ['gaps alone', [1, null], '<tspan class="quiet">▪ no or partial data</tspan>'],
  ])('explains %s within its margin', (_, counts, expected) => {
    expect(draw('chart', counts)('light')).toContain(`text-anchor="end">${expected}</text></svg>`);
  });

  it('draws no mean above all bars, where days before its span had many more downloads', () => {
    const svg = draw('chart', [70_000, ...Array(9).fill(10)], { windowDays: 8 })('light');
    // From the sixth of eight days on.
    const places = [5.5, 6.5, 7.5].map((at) => PLOT.left + (at * (PLOT.right - PLOT.left)) / 8);
    const expected = places.map((x) => [Math.round(x * 10) / 10, PLOT.top]);
    expect(cornersOf(pathOf(svg, 'stroke line').d)).toEqual(expected);
  });

  it.each([
    ['w'.repeat(60), 28],
    ['日本語'.repeat(20), 28],
    ['🚀'.repeat(60), 28],
    ['ab-1 '.repeat(20), 45],
    ['short', 5],
  ])('cuts a title of %s before its figure', (title, length) => {
    const counts = Array(100).fill(10);
    const shown = /class="head ink" x="12" y="24">([^<]*)/.exec(
      draw('chart', counts, { title })('light'),
    )?.[1];
    expect([...(shown ?? '')]).toHaveLength(length);
  });

  it('draws months from two years on, as downloads a day', () => {
    const counts = Array.from({ length: 1_000 }, (_, at) => (at < 2 ? 31 : 62));
    const svg = draw('chart', counts)('light');
    // 29 and 30 November 2024, then December.
    expect(pathOf(svg, 'bars').d).toMatch(/^M0\.15 0V31h1\.7V0M4\.32 0V62h26\.35V0M/);
    expect(svg).toContain('a day, by month, without CI, to 25 Aug 2027');
    expect(svg).not.toContain('7-day mean');
  });

  it('marks days with a part of the data that are older than the window, where it shows the past', () => {
    const all = historyOf([2, 2, 2, 2], [START]);
    const svg = draw('chart-total', [2, 2], { days: all.slice(-2), periods: periodsOf(all) })('light');
    expect(svg).toContain('Nothing or only a part is known of 29 Nov 2024.');
  });

  it('marks spikes, days with a part of the data, and the day from which the log has installable files only', () => {
    const counts = Array.from({ length: 700 }, (_, at) => (at === 650 ? 900 : 1));
    const svg = draw('chart', counts, { days: historyOf(counts, [addDays(START, 699)]) })('light');
    expect(pathOf(svg, 'spike').d).toBe('M650 0V900h1V0');
    expect(heights(pathOf(svg, 'bars').d, 700)[650]).toBeUndefined();
    expect(svg).toMatch(/▲ spike.*▪ no or partial data/);
    expect(svg).toContain(
      'Many times the usual downloads: 10 Sep 2026. Nothing or only a part is known of 29 Oct 2026. The broken line: from 25 Aug 2026 on',
    );
    // Day 634 of 700, between 44 and 704.
    expect(svg).toContain(`stroke-dasharray="4 3" d="M641.8 `);
  });
});

describe('a comparison', () => {
  it.each([false, true])('has lines that are means of seven days, with gaps; indexed: %s', (isIndexed) => {
    const svg = compare(MANY, 365, isIndexed)('light');
    const expected = Object.values(MANY).map((counts) => {
      const own = sumOf(counts) / counts.filter((count) => count !== null).length / 100;
      return meansOf(counts).map((mean) => mean && mean / (isIndexed ? own : 1));
    });
    const max = Math.max(...expected.flat().map((value) => value ?? 0));
    for (const [index, className] of FIVE.entries()) {
      const d = pathOf(svg, `stroke ${className}`).d.replace(/M[\d.]+ [\d.]+h18$/, '');
      for (const [day, y] of pointsOf(d, 365, PLOT.names).entries()) {
        const value = expected[index]?.[day];
        // Beyond half a year, each second day up to the last.
        if (value === undefined || day % 2 === 1) expect(y, `${className} on day ${day}`).toBeUndefined();
        else expect(Math.abs(heightOf(value, max) - (y ?? 0))).toBeLessThanOrEqual(NEAR);
      }
    }
    expect(Buffer.byteLength(compare(MANY, 365, isIndexed)('auto'))).toBeLessThan(15_000);
  });

  it('says of each line whose it is, with its sum, where no colour is needed', () => {
    const svg = compare(MANY, 365, false)('dark');
    const lines = parseXml(svg).filter(({ attributes }) => attributes['stroke-width'] === '2');
    expect(new Set(lines.map(({ attributes }) => attributes['stroke-dasharray'])).size).toBe(5);
    for (const [index, [name, counts]] of Object.entries(MANY).entries()) {
      const sum = sumOf(counts).toLocaleString('en-US');
      expect(svg).toMatch(new RegExp(`class="${FIVE[index]}"[^>]*>${name}</text><text[^>]*>${sum}</text>`));
    }
    expect(svg).toContain('>sums of 365 days</text>');
  });

  it('names lines in the order in which they end', () => {
    const all = { p0: Array(30).fill(10), p1: Array(30).fill(30), p2: Array(30).fill(20) };
    const svg = compare(all, 30, false)('light');
    expect([...svg.matchAll(/>(p\d)<\/text>/g)].map(([, name]) => name)).toEqual(['p1', 'p2', 'p0']);
  });
});

describe('a sparkline', () => {
  it.each<[string, Counts, number, string, string]>([
    // 2 to 118 across, 28 (nothing) up to 2 (the most): half of it is 15.
    ['is highest where most was downloaded', [0, 10, 5], 3, 'M2 28l58-26 58 13', 'V28H2Z'],
    ['has gaps, and shows a day by itself', [4, 4, null, 4], 4, 'M2 2l38.7 0M117.3 2h1.5', 'V28H118Z'],
    ['takes the last days, and stays flat where there is nothing', [9, 9, 0, 0], 2, 'M2 28l116 0', 'V28H2Z'],
    ['stays empty where nothing is known', [null], 1, '', ''],
  ])('%s', (_, counts, windowDays, line, ground) => {
    const paths = parseXml(draw('sparkline', counts, { windowDays })('auto')).filter(
      ({ name }) => name === 'path',
    );
    const [area, drawn] = paths.map(({ attributes }) => attributes['d']);
    expect([drawn, area?.endsWith(ground)]).toEqual([line, true]);
  });
});

const TITLE = '<b>"&';
const ESCAPED = '&lt;b&gt;&quot;&amp;';

it.each<[string, Draw, title: string, description: string | undefined]>([
  [
    'chart',
    draw('chart', [1, 2, null, 4, 5, 6, 100_000], { title: TITLE }),
    `PyPI downloads of ${ESCAPED} a day, without CI`,
    '100,018 downloads by installers, not marked as CI, in 7 days, to 5 Dec 2024. At most 100,000 a day, on 5 Dec 2024. The mean of the last seven days is 16,670 a day. Nothing or only a part is known of 1 Dec 2024.',
  ],
  [
    // The day before the span takes part in the means: of 2, 4, 5, 6, 7 and 100,000.
    'comparison',
    compare({ [TITLE]: [1, 2, null, 4, 5, 6, 7, 100_000], beta: Array(8).fill(7) }, 7, true, ['2024-12-01']),
    `PyPI downloads a day, mean of each = 100, without CI: ${ESCAPED}, beta`,
    `Means of seven days of downloads by installers, not marked as CI, from 30 Nov 2024 to 6 Dec 2024. ${ESCAPED}: 100,024, at the end 16,671 a day; nothing or only a part is known of 1 Dec 2024. beta: 49, at the end 7 a day; nothing or only a part is known of 1 Dec 2024.`,
  ],
  [
    'sparkline',
    draw('sparkline', [0, 10, 5], { title: TITLE }),
    `PyPI downloads of ${ESCAPED} by day, without CI: 15 in 3 days to 2024-12-01, at most 10 a day`,
    undefined,
  ],
])('a %s is read out, and has no script, request or time', (_, picture, title, description) => {
  for (const theme of THEMES) {
    const svg = picture(theme);
    expect(svg).toBe(picture(theme));
    const described = description && 'd';
    expect(parseXml(svg)[0]?.attributes).toMatchObject({ role: 'img', 'aria-labelledby': 't' });
    expect(parseXml(svg)[0]?.attributes['aria-describedby']).toBe(described);
    expect(svg).toContain(`<title id="t">${title}</title>`);
    expect(/<desc id="d">(.*)<\/desc>/.exec(svg)?.[1]).toBe(description);
    expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/script|href|http|url\(|@import/);
    expect(svg.includes('@media (prefers-color-scheme:dark)')).toBe(theme === 'auto');
  }
});

const ZEROS = Array<number>(365).fill(0);
const NONE = { none: ZEROS.slice(0, 30), unknown: Array<null>(30).fill(null) };
it.each<[string, Draw]>([
  ...[[0, 0, 0], [null], ZEROS].map((counts): [string, Draw] => ['chart', draw('chart', counts)]),
  ...[false, true].map((isIndexed): [string, Draw] => ['comparison', compare(NONE, 30, isIndexed)]),
])('a %s stays whole without a download, and without a known day', (_, picture) => {
  const svg = picture('light');
  expect(svg).toMatch(/>0( in \d+ days?)?</);
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  parseXml(svg);
});

/** WCAG 2.2's relative luminance and contrast (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio). */
function contrast(one: string, other: string): number {
  const luminance = (color: string) => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5]
      .map((at) => Number.parseInt(color.slice(at, at + 2), 16) / 255)
      .map((part) => (part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** Grounds of GitHub's light and dark themes (default, muted, dimmed, high contrast), and PyPI's, which are light. */
const GROUNDS = [
  ['#ffffff', '#f6f8fa', '#fdfdfd'],
  ['#0d1117', '#151b23', '#22272e', '#212830', '#010409', '#0a0c10'],
] as const;

it('every colour but that of grounds has a contrast of 4.5:1 at least to what it stands on', () => {
  const { back: _, ...colors } = COLORS;
  const pairs = Object.values(colors).flatMap((each) =>
    GROUNDS.flatMap((grounds, scheme) => grounds.map((ground) => [each[scheme] ?? '', ground] as const)),
  );
  expect(pairs.filter(([color, ground]) => contrast(color, ground) < 4.5)).toEqual([]);
});
