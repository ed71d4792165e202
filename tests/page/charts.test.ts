import { describe, expect, it } from 'vitest';
import { breakNote } from '../../src/badges/chart.ts';
import { addDays } from '../../src/days/day.ts';
import { spanOf } from '../../src/metric/package-days.ts';
import {
  dailyChart,
  exclusionChart,
  mixBucketDays,
  mixChart,
  recentCounts,
  sparkline,
  systemsChart,
} from '../../src/page/charts.ts';
import { parsePage } from '../support/html.ts';
import { cornersOf } from '../support/svg.ts';
import { daysWith, downloads, historyOf, NOTHING, packageDays, YOUNG } from '../support/views.ts';
import { parseXml } from '../support/xml.ts';

type Chart = ReturnType<typeof dailyChart>;

const textsIn = (svg: Chart, selector: string) => parsePage(svg.text).texts(selector);
const labelOf = (svg: Chart) => parsePage(svg.text).document.querySelector('svg')?.getAttribute('aria-label');

/** Bars with their places and widths, of 360, and their titles. */
const bars = (svg: Chart) =>
  parsePage(svg.text)
    .all('rect')
    .map((rect) => {
      const [what, x, width] = ['class', 'x', 'width'].map((name) => rect.getAttribute(name) ?? '0');
      return `${what} ${x}+${width} ${rect.textContent}`;
    });

/** What is drawn by each match in the paths of a class, in a chart over time. */
const drawn = (svg: Chart, name: string, pattern: RegExp) =>
  parsePage(svg.text)
    .all(`svg svg path.${name}`)
    .flatMap((path) => [...(path.getAttribute('d') ?? '').matchAll(pattern)])
    .map((match) => match.slice(1).map(Number));

/** What a chart over time draws of an installer: the place of the day, and from below to above, in pixels. */
const linesOf = (svg: Chart, name: string) => drawn(svg, name, /M(\S+) (\S+)V(\S+?)(?=M|$)/g);

/** Boxes over the full height, by the places of their first and after their last day. */
const boxesOf = (svg: Chart, name: string) =>
  drawn(svg, name, /M(\S+) 0h(\d+)v186h-\d+z/g).map(([x = 0, width = 0]) => [x + 0.5, x + 0.5 + width]);

it('every chart is one labelled image without style, script or address', () => {
  const history = historyOf(30, 3, (index) => index, ['2026-04-10']);
  const spark = sparkline(recentCounts(history), 32);
  const known = 'svg g rect text path line title'.split(' ');
  const ofWindow = [exclusionChart(YOUNG), systemsChart(YOUNG)];
  for (const svg of [...ofWindow, dailyChart(history), mixChart(history), spark]) {
    const [root, ...elements] = parseXml(svg.text);
    expect(root).toMatchObject({
      name: 'svg',
      attributes: { role: 'img', 'aria-label': expect.stringMatching(/.{10}/) },
    });
    for (const { name, attributes } of elements) {
      expect(known).toContain(name);
      expect(Object.keys(attributes).join(' ')).not.toMatch(/style|\bon|href|\bid\b|aria-label/);
    }
    expect(svg.text).not.toMatch(/NaN|Infinity|undefined/);
  }
});

describe('exclusionChart', () => {
  const excluding = (excluded: object, count = 14) =>
    exclusionChart({ ...YOUNG, count, excluded: { ...NOTHING.excluded, ...excluded } });

  it('has bars as long as their share, each where the one above ends, and enlarges what is left by installer', () => {
    // 229 files beside packages make 3,000 of the 2,771.
    expect(bars(excluding({ ...YOUNG.excluded, sidecar: 229 }))).toEqual([
      'all 0+360 All downloads: 3,000 (100%)',
      'removed 332.5+27.5 Other files: −229 (7.6%)',
      'removed 318.1+14.4 CI runs: −120 (4.0%)',
      'removed 159.1+159 Mirrors: −1,325 (44.2%)',
      'removed 155.4+3.7 Browsers: −31 (1.0%)',
      'removed 11.3+144.1 Unknown clients: −1,201 (40.0%)',
      'removed 1.7+9.6 Other programs: −80 (2.7%)',
      'counted 0+1.7 Non-CI downloads: 14 (0.5%)',
      'pip 0.5+230.4 pip: 9 (64.3%)',
      'uv 231.9+127.6 uv: 5 (35.7%)',
    ]);
  });

  it('has every figure in its label and as text, and other files only where there are any: PyPI records none now', () => {
    const chart = exclusionChart(YOUNG);
    const told =
      'All downloads 2,771 (100%), CI runs −120 (4.3%), Mirrors −1,325 (47.8%), Browsers −31 (1.1%), Unknown clients −1,201 (43.3%), Other programs −80 (2.9%), Non-CI downloads 14 (0.5%)';
    expect(labelOf(chart)).toBe(`What is excluded: ${told}`);
    expect(textsIn(chart, 'text').join(' ')).toBe(told.replaceAll(/[()]|,(?= )/g, ''));
  });

  it('keeps a sliver of what is too little to be seen, inside of the picture', () => {
    expect(bars(excluding({ ci: 39_999_985, mirror: 1 }))).toEqual([
      'all 0+360 All downloads: 40,000,000 (100%)',
      'removed 0+360 CI runs: −39,999,985 (>99.9%)',
      'removed 0+1.5 Mirrors: −1 (<0.1%)',
      'counted 0+1.5 Non-CI downloads: 14 (<0.1%)',
      'pip 0.5+230.4 pip: 9 (64.3%)',
      'uv 231.9+127.6 uv: 5 (35.7%)',
    ]);
    expect(bars(excluding({ ci: 1 }, 40_000_000))[1]).toBe('removed 358.5+1.5 CI runs: −1 (<0.1%)');
  });

  it('has no lens over nothing, and no chart without downloads', () => {
    const machines = exclusionChart({ ...NOTHING, excluded: YOUNG.excluded });
    const cones = [machines, exclusionChart(YOUNG)].map((svg) => textsIn(svg, '.cone').length);
    expect(cones).toEqual([0, 1]);
    expect(labelOf(machines)).toContain('Non-CI downloads 0 (0%)');
    expect(exclusionChart(NOTHING).text).toBe('<p class="none">No downloads of any kind in this window.</p>');
  });
});

it('systemsChart compares the systems and the rest on one scale', () => {
  const chart = systemsChart(YOUNG);
  expect(labelOf(chart)).toBe(
    'Downloads not marked as CI by system: Linux 8 (0.3%), macOS 4 (0.2%), Windows 1 (<0.1%), Other or none 2,638 (99.5%)',
  );
  // 2,638 of 2,651; of the others a sliver is all that is seen.
  expect(bars(chart)).toEqual([
    'system 0+1.5 Linux: 8 (0.3%)',
    'system 0+1.5 macOS: 4 (0.2%)',
    'system 0+1.5 Windows: 1 (<0.1%)',
    'system 0+358.2 Other or none: 2,638 (99.5%)',
  ]);
  const half = { ...NOTHING, count: 40, countsBySystem: { Linux: 20, Darwin: 10, Windows: 0 } };
  expect(bars(systemsChart(half)).map((text) => text.split(' ')[1])).toEqual(['0+180', '0+90', '0+90']);
  expect(systemsChart(NOTHING).text).toContain('No downloads, so no systems.');
});

describe('dailyChart', () => {
  const wordsOf = (svg: Chart, size: string) => textsIn(svg, `g.${size} text`).join(' ');

  it('stacks the installers, marks missing days instead of drawing zero, and says how high it goes', () => {
    const onFifth = (count: number) => (index: number) => (index === 5 ? count : 0);
    const chart = dailyChart(historyOf(30, onFifth(1_100), onFifth(100), ['2026-04-10']));
    expect(labelOf(chart)).toBe('Non-CI downloads by day over 30 days: at most 1,200, on 31 Mar 2026');
    // On a scale that goes to 1,500; the 10th of April is the sixteenth day.
    expect(linesOf(chart, 'pip')).toEqual([[5, 186, 49.6]]);
    expect(linesOf(chart, 'uv')).toEqual([[5, 49.6, 37.2]]);
    expect(boxesOf(chart, 'missing')).toEqual([[15, 16]]);
    // The figures of each day are left to the table.
    expect([textsIn(chart, 'svg.days').length, textsIn(chart, 'title')]).toEqual([1, []]);
  });

  it('marks days of which the table had only a part, over the full height', () => {
    const days = daysWith([0, 1, 2, 3, 4], { partialDays: ['2026-04-22', '2026-04-24'] });
    expect(boxesOf(dailyChart(days), 'partial').flat()).toEqual([2, 3, 4, 5]);
  });

  it.each([
    ['wide', 7, '18 Apr 19 20 21 22 23 24'],
    ['narrow', 7, '19 Apr 21 23'],
    ['wide', 90, '25 Jan 1 Feb 8 15 22 1 Mar 8 15 22 29 5 Apr 12 19'],
    ['wide', 365, 'May 2025 Jun Jul Aug Sep Oct Nov Dec Jan 2026 Feb Mar Apr'],
    ['narrow', 1, '24 Apr'],
  ])('names days, or months, on a %s page of %d days', (size, count, expected) => {
    expect(wordsOf(dailyChart(historyOf(count, 1)), size)).toBe(expected);
  });

  it('has its words under the middle of their day', () => {
    const texts = parsePage(dailyChart(historyOf(4, 1)).text).all('g.wide text');
    const places = texts.map((text) => text.getAttribute('x'));
    expect(places).toEqual(['12.5%', '12.5%', '37.5%', '62.5%', '87.5%']);
  });

  it.each([
    [1, '0 1 2 3 4 5'],
    [21, '0 10 20 30'],
    [30, '0 10 20 30 40'],
    [1_200_000, '0 500k 1M 1.5M'],
  ])('has whole numbers on its axis, in few steps, the last above the best day: %d', (max, expected) => {
    expect(wordsOf(dailyChart(daysWith([max, 0, 0])), 'grid')).toBe(expected);
  });
});

describe('mixChart', () => {
  const countsIn = (svg: Chart, width = 'wide') => parsePage(svg.text).all(`g.${width}.counts text`);

  it('is by week from three weeks on, counted from the newest day, and by day before', () => {
    expect([7, 20, 21, 365].map((days) => mixBucketDays(historyOf(days, 1)))).toEqual([1, 1, 7, 7]);
    const titles = textsIn(mixChart(historyOf(30, 1, 3)), 'title');
    expect(titles).toHaveLength(5);
    expect(titles[0]).toBe('26 Mar 2026 to 27 Mar 2026: 8\npip 2 (25.0%)\nuv 6 (75.0%)');
    expect(titles[4]).toBe('18 Apr 2026 to 24 Apr 2026: 28\npip 7 (25.0%)\nuv 21 (75.0%)');
  });

  it('fills the height of every week with downloads, and none of a week without', () => {
    const later = (count: number) => (index: number) => (index < 7 ? 0 : count);
    const chart = mixChart(historyOf(21, later(5), later(15)));
    // A quarter and three quarters of 186 pixels, in the middle of the second and the third week.
    expect(linesOf(chart, 'pip')).toEqual([10, 17].map((x) => [x, 186, 139.5]));
    expect(linesOf(chart, 'uv')).toEqual([10, 17].map((x) => [x, 139.5, 0]));
    expect(textsIn(chart, 'path.hit')).toHaveLength(3);
  });

  const firstWeek = Array.from({ length: 7 }, (_, day) => addDays('2026-04-04', day));
  const WEEK = '70\npip 70 (100.0%)';
  const unknownDays = [...firstWeek, '2026-04-24'];
  it.each<[string, Parameters<typeof daysWith>[1] & {}, string, string]>([
    ['lacking or partial', { partialDays: ['2026-04-20'] }, 'no data', `${WEEK}\nonly a part of the data`],
    ['unknown', { unknownDays }, 'not known', '60\npip 60 (100.0%)\nunknown days left out'],
  ])('tells weeks with days that are %s', (_, more, first, last) => {
    const isKnown = (day: number) => day >= 7 && (day < 20 || more.unknownDays === undefined);
    const counts = Array.from({ length: 21 }, (__, day) => (isKnown(day) ? 10 : null));
    const history = daysWith(counts, more);
    const weeks = ['4 Apr 2026 to 10 Apr 2026', '11 Apr 2026 to 17 Apr 2026', '18 Apr 2026 to 24 Apr 2026'];
    const chart = mixChart(history);
    expect(textsIn(chart, 'title')).toEqual([first, WEEK, last].map((words, at) => `${weeks[at]}: ${words}`));
    expect(boxesOf(chart, 'missing')).toEqual([[0, 7]]);
    expect(boxesOf(chart, 'partial')).toEqual(more.partialDays === undefined ? [] : [[14, 21]]);
    expect(labelOf(dailyChart(history))).toContain('at most 10, on 11 Apr 2026');
  });

  it('has the downloads of each column above it, or of some', () => {
    const above = (days: number, width: string) => countsIn(mixChart(historyOf(days, 1_000)), width);
    // Four weeks of 7,000, and before them two days.
    const places = above(30, 'wide').map((text) => `${text.textContent} at ${text.getAttribute('x')}`);
    expect(places).toEqual(['2k at 3.3%', '7k at 18.3%', '7k at 41.7%', '7k at 65%', '7k at 88.3%']);
    const lengths = [above(98, 'wide'), above(98, 'narrow'), above(365, 'wide')].map(({ length }) => length);
    expect(lengths).toEqual([14, 5, 14]);
  });

  it('has no shares of fewer than ten downloads: one would be a full column', () => {
    const mostly = mixChart(historyOf(21, (index) => (index === 3 ? 9 : index === 10 ? 10 : 0)));
    expect(linesOf(mostly, 'pip')).toEqual([[10, 186, 0]]);
    expect(countsIn(mostly).map(({ textContent }) => textContent)).toEqual(['9', '10', '0']);
    const none = '<p class="none">No day has 10 downloads; fewer are too few for shares.</p>';
    expect(mixChart(historyOf(14, 1)).text).toBe(none);
    expect(mixChart(historyOf(21, 1)).text).toContain('No week has 10');
  });
});

it.each([
  ['2026-08-24', undefined],
  ['2026-08-25', 'M5.5 0v186'],
  ['2026-08-28', 'M2.5 0v186'],
  ['2026-08-31', undefined],
])('charts of days up to %s mark where only distributions are recorded from: %s', (last, place) => {
  const days = packageDays(7, () => [downloads('uv', 10)], { last });
  for (const chart of [dailyChart(days), mixChart(days)]) {
    expect(parsePage(chart.text).document.querySelector('.break')?.getAttribute('d')).toBe(place);
  }
  const note = "The broken line: from 25 Aug 2026 on, PyPI's log holds only files that can be installed.";
  expect(breakNote(spanOf(days))).toBe(place && note);
});

describe('sparkline', () => {
  const draw = (history: Parameters<typeof recentCounts>[0], most = 100, isLong = false) =>
    sparkline(recentCounts(history), most, isLong);
  const points = (svg: Chart) => cornersOf(/ d="([^"]*)"/.exec(svg.text)?.[1] ?? '');

  it('has a gap where there is no data', () => {
    const [whole, parted] = [[], ['2026-04-10']].map((gaps) => draw(historyOf(30, 2, 0, gaps)).text);
    expect([whole?.split('M').length, parted?.split('M').length]).toEqual([2, 3]);
  });

  it('is as high for the same downloads, whoever has them, from nothing to the best day of all', () => {
    const heights = (count: number) => [...new Set(points(draw(historyOf(30, count), 99)).map(([, y]) => y))];
    // Between 2 and 24 pixels from above; 9 is in the middle of 99 by logarithms of one more.
    expect([0, 9, 99].map(heights)).toEqual([[24], [13], [2]]);
  });

  it.each([
    [false, 30, 4],
    [true, 10, 13],
  ])('has the last thirty days, a day as wide in a short history: long %s', (isLong, count, step) => {
    const year = points(draw(historyOf(365, 5), 100, isLong));
    expect(year).toHaveLength(count);
    const week = points(draw(historyOf(7, 5), 100, isLong));
    const places = [year[0], year.at(-1), week.at(-1), week.at(-2)].map((point) =>
      Math.round(point?.[0] ?? 0),
    );
    expect(places).toEqual([2, 118, 118, 118 - step]);
  });

  it('tells the best day, and takes few bytes in a list of thousands', () => {
    const rising = historyOf(365, (index) => index);
    expect(labelOf(draw(rising))).toBe('At most 364 a day');
    expect(draw(rising, 364, true).text.length).toBeLessThan(150);
  });
});
