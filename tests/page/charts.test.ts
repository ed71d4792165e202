import { describe, expect, it } from 'vitest';
import { addDays } from '../../src/days/day.ts';
import {
  breakNote,
  dailyChart,
  exclusionChart,
  mixBucketDays,
  mixChart,
  recentCounts,
  seenInstallers,
  sparkline,
  systemsChart,
} from '../../src/page/charts.ts';
import { parsePage } from '../support/html.ts';
import { downloads, historyOf, NOTHING, packageDays, YOUNG } from '../support/views.ts';
import { parseXml } from '../support/xml.ts';

/** A drawn chart, with its rectangles as numbers. */
function look(svg: { text: string }) {
  const elements = parseXml(svg.text);
  const texts = (pattern: RegExp) => [...svg.text.matchAll(pattern)].map((match) => match[1] ?? '');
  const rects = elements.filter(({ name }) => name === 'rect');
  return {
    label: elements[0]?.attributes['aria-label'] ?? '',
    titles: texts(/<title>([^<]*)<\/title>/g),
    texts: texts(/<text[^>]*>([^<]+)<\/text>/g),
    rects: rects.map(({ attributes: { x, width, class: what } }) => ({
      // What an SVG leaves out is 0.
      x: Number(x ?? 0),
      width: Number(width ?? 0),
      what,
    })),
    elements,
  };
}

const elementsIn = (svg: { text: string }, selector: string) => parsePage(svg.text).all(selector);
/** What is drawn by each match in the paths of a class, in a chart over time. */
const drawn = (svg: { text: string }, name: string, pattern: RegExp) =>
  elementsIn(svg, `svg svg path.${name}`).flatMap((path) =>
    [...(path.getAttribute('d') ?? '').matchAll(pattern)].map((match) => match.slice(1).map(Number)),
  );

/** What a chart over time draws of an installer, by the place of the day: from below and to above, in pixels. */
const linesOf = (svg: { text: string }, name: string) =>
  drawn(svg, name, /M(\S+) (\S+)V(\S+?)(?=M|$)/g).map(([x = 0, from = 0, to = 0]) => ({
    ...{ x, from, to },
    height: from - to,
  }));

/** Boxes over the full height, by the places of their first and after their last day. */
const boxesOf = (svg: { text: string }, name: string) =>
  drawn(svg, name, /M(\S+) 0h(\d+)v186h-\d+z/g).map(([x = 0, width = 0]) => [x + 0.5, x + 0.5 + width]);

/** Bars of a kind, as shares of the drawing's width of 360. */
const shares = (svg: { text: string }, what: string) =>
  look(svg)
    .rects.filter((rect) => rect.what === what)
    .map(({ x, width }) => [x / 360, width / 360]);

describe('every chart', () => {
  const history = historyOf(30, 3, (index) => index, ['2026-04-10']);
  const charts = {
    exclusions: exclusionChart(YOUNG),
    systems: systemsChart(YOUNG),
    daily: dailyChart(history),
    mix: mixChart(history),
    spark: sparkline(recentCounts(history), 32),
  };
  it.each(Object.entries(charts))('is one labelled image without style, script or address: %s', (_, svg) => {
    const { elements, label } = look(svg);
    expect(elements[0]).toMatchObject({ name: 'svg', attributes: { role: 'img' } });
    expect(label.length).toBeGreaterThan(10);
    expect(elements.map(({ name }) => name)).not.toEqual(expect.arrayContaining(['style']));
    for (const { name, attributes } of elements) {
      expect(['svg', 'g', 'rect', 'text', 'tspan', 'path', 'line', 'title']).toContain(name);
      expect(Object.keys(attributes).filter((key) => /^(style|on.*|href|id)$/.test(key))).toEqual([]);
    }
    expect(elements.slice(1).some(({ attributes }) => 'aria-label' in attributes)).toBe(false);
    expect(svg.text).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe('exclusionChart', () => {
  it('has bars as long as their share, each where the one above ends', () => {
    // 229 files beside packages make 3,000 of the 2,771.
    const chart = exclusionChart({ ...YOUNG, excluded: { ...YOUNG.excluded, sidecar: 229 } });
    const removed = shares(chart, 'removed');
    let left = 3_000;
    for (const [index, out] of [229, 120, 1_325, 31, 1_201, 80].entries()) {
      left -= out;
      expect(removed[index]?.[0]).toBeCloseTo(left / 3_000, 3);
      expect(removed[index]?.[1]).toBeCloseTo(out / 3_000, 3);
    }
    expect(left).toBe(14);
    expect(shares(chart, 'all')).toEqual([[0, 1]]);
    expect(shares(chart, 'counted')[0]?.[1]).toBeCloseTo(14 / 3_000, 3);
  });

  it('enlarges the non-CI downloads to the full width by installer', () => {
    const [[, pip] = []] = shares(exclusionChart(YOUNG), 'pip');
    const [[start = 0, uv = 0] = []] = shares(exclusionChart(YOUNG), 'uv');
    expect(pip).toBeCloseTo(9 / 14, 1);
    expect(start + uv).toBeCloseTo(1, 1);
  });

  it('has every figure as text, as title and in its label', () => {
    const { label, texts, titles } = look(exclusionChart(YOUNG));
    expect(texts).toEqual(expect.arrayContaining(['2,771', '−120', '−1,325', '−31', '−1,201', '−80', '14']));
    expect(label).toBe(
      'What is excluded: All downloads 2,771 (100%), CI runs −120 (4.3%), Mirrors −1,325 (47.8%), Browsers −31 (1.1%), Unknown clients −1,201 (43.3%), Other programs −80 (2.9%), Non-CI downloads 14 (0.5%)',
    );
    expect(titles).toEqual(
      expect.arrayContaining(['Mirrors: −1,325 (47.8%)', 'Non-CI downloads: 14 (0.5%)', 'pip: 9 (64.3%)']),
    );
  });

  it('has a row of other files only where there are any: PyPI records none after 2026-08-24', () => {
    expect(look(exclusionChart(YOUNG)).texts).not.toContain('Other files');
    const old = exclusionChart({ ...YOUNG, excluded: { ...YOUNG.excluded, sidecar: 1 } });
    expect(look(old).texts.slice(3, 6)).toEqual(['Other files', '−1', '&lt;0.1%']);
  });

  it('keeps a sliver of what is too little to be seen, inside of the picture', () => {
    const huge = { ...YOUNG, excluded: { ...NOTHING.excluded, ci: 39_999_985, mirror: 1 } };
    const chart = exclusionChart(huge);
    expect(shares(chart, 'counted')).toEqual([[0, 1.5 / 360]]);
    expect(look(chart).texts).toEqual(expect.arrayContaining(['40,000,000', '14', '&lt;0.1%']));
    const first = exclusionChart({ ...YOUNG, count: 40_000_000, excluded: { ...NOTHING.excluded, ci: 1 } });
    expect(shares(first, 'removed')).toEqual([[358.5 / 360, 1.5 / 360]]);
    for (const { x, width } of [...look(chart).rects, ...look(first).rects]) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x + width).toBeLessThanOrEqual(360.01);
    }
  });

  it('has no lens over nothing, and no chart without downloads', () => {
    const machines = exclusionChart({ ...NOTHING, excluded: YOUNG.excluded });
    expect(elementsIn(machines, '.cone')).toEqual([]);
    expect(elementsIn(exclusionChart(YOUNG), '.cone')).toHaveLength(1);
    expect(look(machines).label).toContain('Non-CI downloads 0 (0%)');
    expect(exclusionChart(NOTHING).text).toBe('<p class="none">No downloads of any kind in this window.</p>');
  });
});

describe('systemsChart', () => {
  it('compares the systems and the rest on one scale', () => {
    const { label, rects, titles } = look(systemsChart(YOUNG));
    expect(label).toBe(
      'Downloads not marked as CI by system: Linux 8 (0.3%), macOS 4 (0.2%), Windows 1 (<0.1%), Other or none 2,638 (99.5%)',
    );
    // 2,638 of 2,651; of the others a sliver is all that is seen.
    expect(rects.map(({ width }) => width)).toEqual([1.5, 1.5, 1.5, 358.2]);
    expect(titles).toEqual([
      'Linux: 8 (0.3%)',
      'macOS: 4 (0.2%)',
      'Windows: 1 (&lt;0.1%)',
      'Other or none: 2,638 (99.5%)',
    ]);
    const half = { ...NOTHING, count: 40, countsBySystem: { Linux: 20, Darwin: 10, Windows: 0 } };
    expect(look(systemsChart(half)).rects.map(({ width }) => width)).toEqual([180, 90, 90]);
    expect(systemsChart(NOTHING).text).toContain('No downloads, so no systems.');
  });
});

describe('dailyChart', () => {
  const onFifth = (count: number) => (index: number) => (index === 5 ? count : 0);
  const history = historyOf(30, onFifth(1_150), onFifth(50), ['2026-04-10']);

  it('says how high it goes, and leaves the figures of each day to the table', () => {
    const chart = dailyChart(history);
    expect(look(chart).label).toBe('Non-CI downloads by day over 30 days: at most 1,200, on 31 Mar 2026');
    expect(elementsIn(chart, 'svg.days')).toHaveLength(1);
    expect(look(chart).titles).toEqual([]);
  });

  it('stacks the installers, and marks missing days over the full height instead of drawing zero', () => {
    const chart = dailyChart(history);
    const [pip, ...others] = linesOf(chart, 'pip');
    const [uv] = linesOf(chart, 'uv');
    expect(others).toEqual([]);
    expect(pip).toMatchObject({ x: 5, from: 186 });
    expect(uv).toMatchObject({ x: 5, from: pip?.to });
    // 1,200 on a scale that goes to 1,500.
    expect(uv?.to).toBeCloseTo(186 / 5, 1);
    expect((pip?.height ?? 0) / (uv?.height ?? 1)).toBeCloseTo(23, 0);
    // The 10th of April is the sixteenth day.
    expect(boxesOf(chart, 'missing')).toEqual([[15, 16]]);
  });

  it('marks days of which the table had only a part, over the full height', () => {
    const partialDays = ['2026-04-22', '2026-04-24'];
    const days = packageDays(5, (index) => [downloads('pip', index)], { partialDays });
    expect(boxesOf(dailyChart(days), 'partial').flat()).toEqual([2, 3, 4, 5]);
  });

  it.each([
    ['wide', 7, '18 Apr 19 20 21 22 23 24'],
    ['narrow', 7, '19 Apr 21 23'],
    ['wide', 90, '25 Jan 1 Feb 8 15 22 1 Mar 8 15 22 29 5 Apr 12 19'],
    ['wide', 365, 'May 2025 Jun Jul Aug Sep Oct Nov Dec Jan 2026 Feb Mar Apr'],
    ['narrow', 1, '24 Apr'],
  ])('names days, or months, on a %s page of %d days', (size, count, expected) => {
    const chart = dailyChart(historyOf(count, 1));
    const words = elementsIn(chart, `g.${size} text`).map(({ textContent }) => textContent);
    expect(words.join(' ')).toBe(expected);
  });

  it('has its words under the middle of their day', () => {
    const chart = dailyChart(historyOf(4, 1));
    const places = elementsIn(chart, 'g.wide text').map((text) => text.getAttribute('x'));
    expect(places).toEqual(['12.5%', '12.5%', '37.5%', '62.5%', '87.5%']);
  });

  it('has whole numbers on its axis, in few steps, the last above the best day', () => {
    const ticks = (max: number) =>
      look(dailyChart(historyOf(7, (index) => (index === 0 ? max : 0))))
        .texts.filter((text) => /^[\d.]+[kMB]?$/.test(text))
        .slice(0, -10);
    expect(ticks(1)).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(ticks(21)).toEqual(['0', '10', '20', '30']);
    expect(ticks(30)).toEqual(['0', '10', '20', '30', '40']);
    expect(ticks(1_200_000)).toEqual(['0', '500k', '1M', '1.5M']);
  });

  it('is a page, not a book: a year stays below 12 kB', () => {
    const year = historyOf(365, (index) => index * 1_000, 5_000);
    expect(dailyChart(year).text.length).toBeLessThan(12_000);
    expect(linesOf(dailyChart(year), 'pip')).toHaveLength(364);
  });
});

describe('mixChart', () => {
  it('is by week from three weeks on, counted from the newest day, and by day before', () => {
    expect([7, 20, 21, 365].map((days) => mixBucketDays(historyOf(days, 1)))).toEqual([1, 1, 7, 7]);
    const { titles } = look(mixChart(historyOf(30, 1, 3)));
    expect(titles).toHaveLength(5);
    expect(titles[0]).toBe('26 Mar 2026 to 27 Mar 2026: 8\npip 2 (25.0%)\nuv 6 (75.0%)');
    expect(titles[4]).toBe('18 Apr 2026 to 24 Apr 2026: 28\npip 7 (25.0%)\nuv 21 (75.0%)');
  });

  it('fills the height of every week with downloads, and none of a week without', () => {
    const later = (count: number) => (index: number) => (index < 7 ? 0 : count);
    const chart = mixChart(historyOf(21, later(5), later(15)));
    // A quarter and three quarters of 186 pixels, in the middle of the second and the third week.
    expect(linesOf(chart, 'pip')).toEqual([10, 17].map((x) => ({ x, from: 186, to: 139.5, height: 46.5 })));
    expect(linesOf(chart, 'uv')).toEqual([10, 17].map((x) => ({ x, from: 139.5, to: 0, height: 139.5 })));
    expect(elementsIn(chart, 'path.hit')).toHaveLength(3);
  });

  const firstWeek = Array.from({ length: 7 }, (_, day) => addDays('2026-04-04', day));
  const WEEK = '70\nuv 70 (100.0%)';
  it.each<[string, Parameters<typeof packageDays>[2], number[], string[]]>([
    [
      'without data, and those of which there was only a part',
      { partialDays: ['2026-04-20'] },
      [0, 1, 2, 3, 4, 5, 6],
      ['no data', WEEK, `${WEEK}\nonly a part of the data`],
    ],
    [
      'of which nothing or not all is known',
      { unknownDays: [...firstWeek, '2026-04-24'] },
      [0, 1, 2, 3, 4, 5, 6, 20],
      ['not known', WEEK, '60\nuv 60 (100.0%)\nunknown days left out'],
    ],
  ])('tells weeks %s', (_, more, without, expected) => {
    const rowsOf = (index: number) => (without.includes(index) ? null : [downloads('uv', 10)]);
    const history = packageDays(21, rowsOf, more);
    const weeks = ['4 Apr 2026 to 10 Apr 2026', '11 Apr 2026 to 17 Apr 2026', '18 Apr 2026 to 24 Apr 2026'];
    const chart = mixChart(history);
    expect(look(chart).titles).toEqual(expected.map((words, at) => `${weeks[at]}: ${words}`));
    expect(boxesOf(chart, 'missing')).toEqual([[0, 7]]);
    expect(boxesOf(chart, 'partial')).toEqual(more?.partialDays === undefined ? [] : [[14, 21]]);
    expect(look(dailyChart(history)).label).toContain('at most 10, on 11 Apr 2026');
  });

  it('has the downloads of each column above it, or of some', () => {
    const above = (days: number, width: string) =>
      elementsIn(mixChart(historyOf(days, 1_000)), `g.${width}.counts text`).map(
        (text) => `${text.textContent} at ${text.getAttribute('x')}`,
      );
    // Four weeks of 7,000, and before them two days.
    const weeks = ['2k at 3.3%', '7k at 18.3%', '7k at 41.7%', '7k at 65%', '7k at 88.3%'];
    expect(above(30, 'wide')).toEqual(weeks);
    const lengths = [above(98, 'wide'), above(98, 'narrow'), above(365, 'wide')].map(({ length }) => length);
    expect(lengths).toEqual([14, 5, 14]);
  });

  it('has no shares of fewer than ten downloads: one would be a full column', () => {
    const few = mixChart(historyOf(21, (index) => [9, 10, 0][Math.floor(index / 7)] ?? 0));
    expect(linesOf(few, 'pip').map(({ x }) => x)).toEqual([3, 10]);
    const mostly = historyOf(21, (index) => (index === 3 ? 9 : index === 10 ? 10 : 0));
    expect(linesOf(mixChart(mostly), 'pip').map(({ x, to }) => [x, to])).toEqual([[10, 0]]);
    const counts = elementsIn(mixChart(mostly), 'g.wide.counts text').map(({ textContent }) => textContent);
    expect(counts).toEqual(['9', '10', '0']);
    const none = '<p class="none">No day has 10 downloads; fewer are too few for shares.</p>';
    expect(mixChart(historyOf(14, 1)).text).toBe(none);
    expect(mixChart(historyOf(21, 1)).text).toContain('No week has 10');
  });
});

describe('the day from which only distributions are recorded, 2026-08-25', () => {
  const upTo = (last: string, count = 7) => packageDays(count, () => [downloads('uv', 10)], { last });
  const broken = (svg: { text: string }) => elementsIn(svg, '.break').length;

  it.each([
    ['before it', '2026-08-24', false],
    ['that end with it', '2026-08-25', true],
    ['around it', '2026-08-28', true],
    ['that begin with it', '2026-08-31', false],
    ['after it', '2026-09-01', false],
  ])('is marked in charts of days %s: %s', (_, last, marked) => {
    const days = upTo(last);
    expect(broken(dailyChart(days))).toBe(marked ? 1 : 0);
    expect(broken(mixChart(days))).toBe(marked ? 1 : 0);
    const note = "The broken line: from 25 Aug 2026 on, PyPI's log holds only files that can be installed.";
    expect(breakNote(days)).toBe(marked ? note : undefined);
  });

  it('is where the day begins', () => {
    const chart = dailyChart(upTo('2026-08-28'));
    // The 22nd to the 28th: the 25th is the fourth, and a bar's line is in its middle.
    expect(linesOf(chart, 'uv')[3]?.x).toBe(3);
    expect(elementsIn(chart, '.break')[0]?.getAttribute('d')).toBe('M2.5 0v186');
  });
});

describe('sparkline', () => {
  const draw = (history: Parameters<typeof recentCounts>[0], most = 100, isLong = false) =>
    sparkline(recentCounts(history), most, isLong);
  /** The points of its line, from the steps between them. */
  const points = (svg: { text: string }) => {
    const at = { x: 0, y: 0 };
    return [...svg.text.matchAll(/([Ml])(-?[\d.]+) (-?[\d.]+)/g)].map(([, step, x, y]) => {
      at.x = Number(x) + (step === 'M' ? 0 : at.x);
      at.y = Number(y) + (step === 'M' ? 0 : at.y);
      return { ...at };
    });
  };

  it('has a gap where there is no data', () => {
    const moves = (svg: { text: string }) => (svg.text.match(/M/g) ?? []).length;
    expect(moves(draw(historyOf(30, 2)))).toBe(1);
    expect(moves(draw(historyOf(30, 2, 0, ['2026-04-10'])))).toBe(2);
  });

  it('is as high for the same downloads, whoever has them, from nothing to the best day of all', () => {
    const heights = (count: number) => new Set(points(draw(historyOf(30, count), 99)).map(({ y }) => y));
    // Between 2 and 24 pixels from above; 9 is in the middle of 99 by logarithms of one more.
    expect([0, 9, 99].map(heights)).toEqual([24, 13, 2].map((y) => new Set([y])));
  });

  it.each([
    [false, 30, 4],
    [true, 10, 13],
  ])('has the last thirty days, a day as wide in a short history: long %s', (isLong, count, step) => {
    const year = points(draw(historyOf(365, 5), 100, isLong));
    expect(year).toHaveLength(count);
    expect(year[0]?.x).toBeCloseTo(2, 0);
    expect(year.at(-1)?.x).toBeCloseTo(118, 0);
    const week = points(draw(historyOf(7, 5), 100, isLong));
    expect(week.at(-1)?.x).toBeCloseTo(118, 0);
    expect((week[1]?.x ?? 0) - (week[0]?.x ?? 0)).toBeCloseTo(step, 0);
  });

  it('tells the best day, and takes few bytes in a list of thousands', () => {
    const rising = historyOf(365, (index) => index);
    expect(look(draw(rising)).label).toBe('At most 364 a day');
    expect(draw(rising, 364, true).text.length).toBeLessThan(200);
  });
});

it('seenInstallers leaves out those without a download', () => {
  expect(seenInstallers(historyOf(3, 0, 1))).toEqual(['uv']);
  expect(seenInstallers(historyOf(3, 0))).toEqual([]);
});
