import { describe, expect, it } from 'vitest';
import { drawChart } from '../../src/badges/chart.ts';
import { COLORS } from '../../src/badges/picture.ts';
import { addDays } from '../../src/days/day.ts';
import type { Breakdown } from '../../src/metric/breakdown.ts';
import { createRandom } from '../support/random.ts';
import { NOTHING } from '../support/views.ts';
import { parseXml } from '../support/xml.ts';

/** Of a chart of 720 by 260, from its own margins. */
const PLOT = { left: 44, right: 704, top: 60, base: 220 };

const START = '2024-11-29';
const breakdown = (count: number): Breakdown => ({
  ...NOTHING,
  count,
  counts: { ...NOTHING.counts, pip: count },
});

/** A chart of so many downloads on each day; null is a day that is not known. */
function chartOf(counts: readonly (number | null)[], more: Partial<Parameters<typeof drawChart>[0]> = {}) {
  const periods = counts.flatMap((count, at) => {
    const start = addDays(START, at);
    return count === null ? [] : [{ start, end: addDays(start, 1), known: 1, breakdown: breakdown(count) }];
  });
  const span = { start: START, end: addDays(START, counts.length) };
  const data = { title: 'demo', span, periods, partialDays: [], spikes: [], when: 'in so many days' };
  return drawChart({ ...data, ...more }, 'large');
}

/** What stands in a chart, as an XML parser sees it. */
function read(svg: string) {
  const paths = parseXml(svg).filter(({ name }) => name === 'path');
  return (className: string) => {
    const path = paths.find(({ attributes }) => attributes['class'] === className);
    return { d: '', transform: '', ...path?.attributes };
  };
}

type Point = [x: number, y: number];

/** The corners of a path of M, V, H and their small forms, in its own units. */
function cornersOf(d: string): Point[] {
  const corners: Point[] = [];
  let [x, y] = [0, 0];
  for (const [, letter = '', rest = ''] of d.matchAll(/([MVHvhl])([^A-Za-z]*)/g)) {
    const numbers = (rest.match(/-?(?:\d+\.?\d*|\.\d+)/g) ?? []).map(Number);
    for (let at = 0; at < numbers.length; at += letter === 'M' || letter === 'l' ? 2 : 1) {
      const [one = 0, two = 0] = numbers.slice(at);
      if (letter === 'M') [x, y] = [one, two];
      else if (letter === 'V') y = one;
      else if (letter === 'h') x += one;
      else if (letter === 'l') [x, y] = [x + one, y + two];
      corners.push([x, y]);
    }
  }
  return corners;
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

describe('a chart of 730 random days', () => {
  const next = createRandom(30);
  const counts = Array.from({ length: 730 }, () => (next() < 0.03 ? null : Math.floor(next() ** 3 * 40_000)));
  const svg = chartOf(counts, { when: 'in 730 days' })('light');
  const of = read(svg);
  const max = Math.max(...counts.map((count) => count ?? 0));

  it('has bars whose places are the days, and whose heights are their downloads', () => {
    const { d, transform } = of('bars');
    const [, left, base, scaleX, scaleY] = (
      /translate\(([\d.-]+) ([\d.-]+)\) scale\(([\d.-]+) ([\d.-]+)\)/.exec(transform) ?? []
    ).map(Number);
    expect(heights(d, 730)).toEqual(counts.map((count) => count ?? undefined));
    expect([left, base]).toEqual([PLOT.left, PLOT.base]);
    expect((left ?? 0) + 730 * (scaleX ?? 0)).toBeCloseTo(PLOT.right, 2);
    expect((base ?? 0) + max * (scaleY ?? 0)).toBeCloseTo(PLOT.top, 2);
  });

  it('has a figure that is the sum of its bars', () => {
    const sum = counts.reduce<number>((all, count) => all + (count ?? 0), 0);
    expect(svg).toContain(`>${sum.toLocaleString('en-US')} in 730 days</text>`);
  });

  it('has a line that is the mean of seven of its bars, with gaps', () => {
    const expected = counts.map((count, at) => {
      const week = counts.slice(Math.max(0, at - 6), at + 1).filter((each) => each !== null);
      return count === null || week.length < 4 ? undefined : week.reduce((a, b) => a + b) / week.length;
    });
    const { d } = of('stroke line');
    const points = cornersOf(d);
    expect(points).toHaveLength(expected.filter((mean) => mean !== undefined).length);
    const dayOf = (x: number) => Math.floor(((x - PLOT.left) / (PLOT.right - PLOT.left)) * 730);
    for (const [x, y] of points) {
      const mean = ((PLOT.base - y) / (PLOT.base - PLOT.top)) * max;
      // A tenth of a pixel, and half of it by rounding.
      expect(Math.abs(mean - (expected[dayOf(x)] ?? Number.NaN))).toBeLessThan((0.06 / 160) * max);
    }
  });

  it('marks the days that are not known below its axis', () => {
    const [, scaleX, d = ''] = /stroke-width="4" [^>]*scale\(([\d.]+) 1\)" d="([^"]*)"/.exec(svg) ?? [];
    expect(PLOT.left + 730 * Number(scaleX)).toBeCloseTo(PLOT.right, 2);
    const gaps = heights(d, 730).flatMap((height, at) => (height === undefined ? [] : [at]));
    expect(gaps).toEqual(counts.flatMap((count, at) => (count === null ? [at] : [])));
  });

  it.each<[string, (count: number | null, at: number) => number | null]>([
    ['with what it has', (count) => count],
    ['with 40 million downloads a day', (count) => count && count * 1_234],
    ['without a day of each week', (count, at) => (at % 7 === 3 ? null : count)],
    ['without 400 days', (count, at) => (at > 100 && at < 500 ? null : count)],
    ['without all days but two', (_, at) => (at % 729 === 0 ? 3 : null)],
  ])('is at most 15 kB %s', (_, to) => {
    expect(Buffer.byteLength(chartOf(counts.map(to))('auto'))).toBeLessThan(15_000);
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
    expect(chartOf(counts)('light')).toContain(`text-anchor="end">${expected}</text></svg>`);
  });

  it('draws no mean above all bars, where days before its span had many more downloads', () => {
    const span = { start: addDays(START, 2), end: addDays(START, 10) };
    const { d } = read(chartOf([70_000, ...Array(9).fill(10)], { span })('light'))('stroke line');
    const width = (PLOT.right - PLOT.left) / 8;
    // From the eighth day on.
    expect(cornersOf(d)).toEqual(
      [5.5, 6.5, 7.5].map((at) => [Math.round((PLOT.left + at * width) * 10) / 10, PLOT.top]),
    );
  });

  it.each([
    ['w'.repeat(60), 28],
    ['日本語'.repeat(20), 28],
    ['🚀'.repeat(60), 28],
    ['ab-1 '.repeat(20), 45],
    ['short', 5],
  ])('cuts a title of %s before its figure', (title, length) => {
    const [, shown = ''] =
      /class="head ink" x="12" y="24">([^<]*)/.exec(chartOf([1, 2], { title })('light')) ?? [];
    expect([...shown]).toHaveLength(length);
  });

  it('draws months from two years on, as downloads a day', () => {
    const days = 1_000;
    const svg = chartOf(Array.from({ length: days }, (_, at) => (at < 2 ? 31 : 62)))('light');
    // 29 and 30 November 2024, then December.
    expect(read(svg)('bars').d).toMatch(/^M0\.15 0V31h1\.7V0M4\.32 0V62h26\.35V0M/);
    expect(svg).toContain('a day, by month, without CI, to 25 Aug 2027');
    expect(svg).not.toContain('7-day mean');
  });

  it('marks spikes, days with a part of the data, and the day from which the log has installable files only', () => {
    const counts = Array.from({ length: 700 }, (_, at) => (at === 650 ? 900 : 10));
    const spike = addDays(START, 650);
    const odd = { spikes: [{ day: spike, count: 900 }], partialDays: [addDays(START, 699)] };
    const svg = chartOf(counts, odd)('light');
    expect(read(svg)('spike').d).toBe('M650 0V900h1V0');
    expect(heights(read(svg)('bars').d, 700)[650]).toBeUndefined();
    expect(svg).toContain('▲ spike');
    expect(svg).toContain('▪ no or partial data');
    expect(svg).toContain(
      'Many times the usual downloads: 10 Sep 2026. Nothing or only a part is known of 29 Oct 2026. The broken line: from 25 Aug 2026 on',
    );
    // Day 634 of 700, between 44 and 704.
    expect(svg).toContain(`stroke-dasharray="4 3" d="M641.8 `);
  });

  it('is read out, and has no script, request or time', () => {
    const draw = chartOf([1, 2, null, 4, 5, 6, 100_000], { title: '<b>"&' });
    for (const theme of ['auto', 'light', 'dark'] as const) {
      const svg = draw(theme);
      expect(svg).toBe(draw(theme));
      const [root] = parseXml(svg);
      expect(root?.attributes).toMatchObject({
        role: 'img',
        'aria-labelledby': 't',
        'aria-describedby': 'd',
      });
      expect(svg).toContain('<title id="t">PyPI downloads of &lt;b&gt;&quot;&amp; a day, without CI</title>');
      expect(svg).toContain(
        '<desc id="d">100,018 downloads by installers, not marked as CI, in so many days, to 5 Dec 2024. At most 100,000 a day, on 5 Dec 2024. The mean of the last seven days is 16,670 a day. Nothing or only a part is known of 1 Dec 2024.</desc>',
      );
      expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/script|href|http|url\(|@import/);
      expect(svg.includes('@media')).toBe(theme === 'auto');
    }
  });

  it('stays whole without a download, and without a known day', () => {
    for (const counts of [[0, 0, 0], [null], Array.from({ length: 365 }, () => 0)]) {
      const svg = chartOf(counts)('light');
      expect(svg).toContain('>0 in so many days<');
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
      parseXml(svg);
    }
  });
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

it.each(Object.entries(COLORS).filter(([name]) => name !== 'back'))(
  'the colours of %s have a contrast of 4.5:1 at least to what they stand on',
  (_, colors) => {
    for (const [scheme, color] of colors.entries()) {
      for (const ground of GROUNDS[scheme as 0 | 1]) {
        expect(contrast(color, ground), `${color} on ${ground}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  },
);
