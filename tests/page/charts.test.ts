import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { systemsChart } from '../../src/page/systems-chart.ts';
import {
  breakNote,
  dailyChart,
  mixBucketDays,
  mixChart,
  seenInstallers,
  sparkline,
} from '../../src/page/time-charts.ts';
import { winnowingChart } from '../../src/page/winnowing-chart.ts';
import { downloads, historyOf, NOTHING, packageDays, YOUNG } from '../support/views.ts';
import { parseXml } from '../support/xml.ts';

/** A drawn chart, with its rectangles as numbers. */
function look(svg: { text: string }) {
  const elements = parseXml(svg.text);
  const number = (attributes: Record<string, string>, name: string) => Number(attributes[name]);
  return {
    label: elements[0]?.attributes['aria-label'] ?? '',
    titles: [...svg.text.matchAll(/<title>([^<]*)<\/title>/g)].map((match) => match[1] ?? ''),
    texts: [...svg.text.matchAll(/<text[^>]*>([^<]+)<\/text>/g)].map((match) => match[1] ?? ''),
    rects: elements
      .filter(({ name }) => name === 'rect')
      .map(({ attributes }) => ({
        x: number(attributes, 'x'),
        y: number(attributes, 'y'),
        width: number(attributes, 'width'),
        height: number(attributes, 'height'),
        fill: attributes['fill'],
      })),
    elements,
  };
}

const elementsIn = (svg: { text: string }, selector: string) => [
  ...parseHTML(svg.text).document.querySelectorAll(selector),
];

/** Rectangles of a layer that has one fill for all: place, and size. */
const rectsOf = (svg: { text: string }, fill: string) =>
  elementsIn(svg, `g[fill="${fill}"] rect`).map((rect) =>
    ['x', 'y', 'width', 'height'].map((name) => Number(rect.getAttribute(name))),
  );

/** Bars of a colour, as shares of the drawing's width of 360. */
const shares = (svg: { text: string }, fill: string) =>
  look(svg)
    .rects.filter((rect) => rect.fill === `var(--${fill})`)
    .map(({ x, width }) => [x / 360, width / 360]);

describe('every chart', () => {
  const history = historyOf(
    30,
    () => 3,
    (index) => index,
    ['2026-04-10'],
  );
  const charts = {
    winnowing: winnowingChart(YOUNG),
    systems: systemsChart(YOUNG),
    daily: dailyChart(history, 'wide'),
    mix: mixChart(history, 'narrow'),
    spark: sparkline(history),
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

describe('winnowingChart', () => {
  it('has bars as long as their share, each where the one above ends', () => {
    // 229 files beside packages make 3,000 of the 2,771.
    const chart = winnowingChart({ ...YOUNG, excluded: { ...YOUNG.excluded, sidecar: 229 } });
    const removed = shares(chart, 'removed');
    let left = 3_000;
    for (const [index, out] of [229, 120, 1_325, 31, 1_201, 80].entries()) {
      left -= out;
      expect(removed[index]?.[0]).toBeCloseTo(left / 3_000, 3);
      expect(removed[index]?.[1]).toBeCloseTo(out / 3_000, 3);
    }
    expect(left).toBe(14);
    expect(shares(chart, 'all')).toEqual([[0, 1]]);
    expect(shares(chart, 'honest')[0]?.[1]).toBeCloseTo(14 / 3_000, 3);
  });

  it('enlarges the honest count to the full width by installer', () => {
    const [pip] = shares(winnowingChart(YOUNG), 'pip');
    const [uv] = shares(winnowingChart(YOUNG), 'uv');
    expect(pip?.[1]).toBeCloseTo(9 / 14, 1);
    expect((uv?.[0] ?? 0) + (uv?.[1] ?? 0)).toBeCloseTo(1, 1);
  });

  it('has every figure as text, as title and in its label', () => {
    const { label, texts, titles } = look(winnowingChart(YOUNG));
    expect(texts).toEqual(expect.arrayContaining(['2,771', '−120', '−1,325', '−31', '−1,201', '−80', '14']));
    expect(label).toBe(
      'Winnowing: All downloads 2,771 (100%), Files beside packages 0 (0%), CI runs −120 (4.3%), Mirrors −1,325 (47.8%), Browsers −31 (1.1%), Unknown clients −1,201 (43.3%), Other programs −80 (2.9%), Honest downloads 14 (0.5%)',
    );
    expect(titles).toEqual(
      expect.arrayContaining(['Mirrors: −1,325 (47.8%)', 'Honest downloads: 14 (0.5%)', 'pip: 9 (64.3%)']),
    );
  });

  it('keeps a sliver of what is too little to be seen, inside of the picture', () => {
    const huge = { ...YOUNG, excluded: { ...NOTHING.excluded, ci: 39_999_985, mirror: 1 } };
    const chart = winnowingChart(huge);
    expect(shares(chart, 'honest')).toEqual([[0, 1.5 / 360]]);
    expect(look(chart).texts).toEqual(expect.arrayContaining(['40,000,000', '14', '&lt;0.1%']));
    const first = winnowingChart({ ...YOUNG, count: 40_000_000, excluded: { ...NOTHING.excluded, ci: 1 } });
    expect(shares(first, 'removed').filter(([, width]) => width !== 0)).toEqual([[358.5 / 360, 1.5 / 360]]);
    for (const { x, width } of [...look(chart).rects, ...look(first).rects]) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x + width).toBeLessThanOrEqual(360.01);
    }
  });

  it('has no lens over nothing, and no chart without downloads', () => {
    const machines = winnowingChart({ ...NOTHING, excluded: YOUNG.excluded });
    expect(look(machines).elements.filter(({ name }) => name === 'path')).toEqual([]);
    expect(look(machines).label).toContain('Honest downloads 0 (0%)');
    expect(winnowingChart(NOTHING).text).toBe('<p class="none">No downloads of any kind in this window.</p>');
  });
});

describe('systemsChart', () => {
  it('compares the systems', () => {
    const bars = shares(systemsChart(YOUNG), 'system');
    expect(bars).toHaveLength(0);
    const { label, rects } = look(systemsChart(YOUNG));
    expect(label).toBe(
      'Downloads outside of CI by system: Linux 8 (61.5%), macOS 4 (30.8%), Windows 1 (7.7%)',
    );
    expect(rects.slice(3).map(({ width }) => width)).toEqual([360, 180, 45]);
    expect(systemsChart(NOTHING).text).toContain('No download named its system');
  });
});

describe('dailyChart', () => {
  const history = historyOf(
    30,
    (index) => (index === 5 ? 1_150 : 0),
    (index) => (index === 5 ? 50 : 0),
    ['2026-04-10'],
  );

  it('says what each day came to, and which had no data', () => {
    const { titles, label } = look(dailyChart(history, 'wide'));
    expect(titles).toHaveLength(30);
    expect(titles[5]).toBe('31 Mar 2026: 1,200\npip 1,150 (95.8%)\nuv 50 (4.2%)');
    expect(titles[0]).toBe('26 Mar 2026: 0');
    expect(titles[15]).toBe('10 Apr 2026: no data');
    expect(label).toBe('Honest downloads by day over 30 days: at most 1,200, on 31 Mar 2026');
  });

  it('stacks the installers, and marks missing days over the full height instead of drawing zero', () => {
    const { rects, elements } = look(dailyChart(history, 'wide'));
    const [pip] = rects.filter(({ fill }) => fill === 'var(--pip)');
    const [uv] = rects.filter(({ fill }) => fill === 'var(--uv)');
    expect((pip?.height ?? 0) / (uv?.height ?? 1)).toBeCloseTo(23, 0);
    expect((uv?.y ?? 0) + (uv?.height ?? 0)).toBeCloseTo(pip?.y ?? 0, 1);
    const marked = elements.filter(({ attributes }) => attributes['fill'] === 'var(--missing)');
    expect(marked).toHaveLength(1);
    expect(rects.filter(({ fill }) => fill === 'var(--pip)')).toHaveLength(1);
  });

  it('marks days of which the table had only a part, over the full height, and says so', () => {
    const partialDays = ['2026-04-22', '2026-04-24'];
    const days = packageDays(5, (index) => [downloads('pip', index)], { partialDays });
    const chart = dailyChart(days, 'wide');
    expect(look(chart).titles.slice(2)).toEqual([
      '22 Apr 2026: 2\npip 2 (100.0%)\nonly a part of the data',
      '23 Apr 2026: 3\npip 3 (100.0%)',
      '24 Apr 2026: 4\npip 4 (100.0%)\nonly a part of the data',
    ]);
    const hits = rectsOf(chart, 'transparent');
    expect(hits).toHaveLength(5);
    expect(rectsOf(chart, 'var(--partial)')).toEqual([hits[2], hits[4]]);
  });

  it('has whole numbers on its axis, in few steps', () => {
    const ticks = (max: number) =>
      look(
        dailyChart(
          historyOf(7, (index) => (index === 0 ? max : 0)),
          'wide',
        ),
      )
        .texts.filter((text) => /^[\d.]+[kMB]?$/.test(text))
        .filter((text) => !/^\d+$/.test(text) || Number(text) <= max);
    expect(ticks(1).slice(0, 2)).toEqual(['0', '1']);
    expect(ticks(21)).toEqual(expect.arrayContaining(['0', '10', '20']));
    expect(ticks(1_200_000)).toEqual(expect.arrayContaining(['0', '500k', '1M']));
  });

  it('is a page, not a book: a year stays below 150 kB', () => {
    const year = historyOf(
      365,
      (index) => index * 1_000,
      () => 5_000,
    );
    expect(dailyChart(year, 'wide').text.length).toBeLessThan(150_000);
    expect(look(dailyChart(year, 'wide')).titles).toHaveLength(365);
  });
});

describe('mixChart', () => {
  it('is by week from three weeks on, counted from the newest day, and by day before', () => {
    expect([7, 20, 21, 365].map((days) => mixBucketDays(historyOf(days, () => 1)))).toEqual([1, 1, 7, 7]);
    const { titles } = look(
      mixChart(
        historyOf(
          30,
          () => 1,
          () => 3,
        ),
        'wide',
      ),
    );
    expect(titles).toHaveLength(5);
    expect(titles[0]).toBe('26 Mar 2026 to 27 Mar 2026: 8\npip 2 (25.0%)\nuv 6 (75.0%)');
    expect(titles[4]).toBe('18 Apr 2026 to 24 Apr 2026: 28\npip 7 (25.0%)\nuv 21 (75.0%)');
  });

  it('fills the height of every week with downloads, and none of a week without', () => {
    const { rects } = look(
      mixChart(
        historyOf(
          21,
          (index) => (index < 7 ? 0 : 5),
          (index) => (index < 7 ? 0 : 15),
        ),
        'wide',
      ),
    );
    const pip = rects.filter(({ fill }) => fill === 'var(--pip)');
    const uv = rects.filter(({ fill }) => fill === 'var(--uv)');
    expect([pip.length, uv.length]).toEqual([2, 2]);
    expect((uv[0]?.height ?? 0) / (pip[0]?.height ?? 1)).toBeCloseTo(3, 1);
    expect(new Set([...pip, ...uv].map(({ width }) => Math.round(width))).size).toBe(1);
  });

  it('tells in its label how it began and ended', () => {
    const label = look(
      mixChart(
        historyOf(
          7,
          (index) => 6 - index,
          (index) => index,
        ),
        'wide',
      ),
    ).label;
    expect(label).toBe(
      'Share of each installer. 18 Apr 2026: 6, pip 6 (100.0%); then 24 Apr 2026: 6, uv 6 (100.0%)',
    );
  });
});

describe('the day from which only distributions are recorded, 2026-08-24', () => {
  const upTo = (last: string, count = 7) => packageDays(count, () => [downloads('uv', 1)], { last });
  const broken = (svg: { text: string }) => svg.text.split('stroke-dasharray').length - 1;

  it.each([
    ['before it', '2026-08-23', false],
    ['that end with it', '2026-08-24', true],
    ['around it', '2026-08-27', true],
    ['that begin with it', '2026-08-30', false],
    ['after it', '2026-08-31', false],
  ])('is marked in charts of days %s: %s', (_, last, marked) => {
    const days = upTo(last);
    expect(broken(dailyChart(days, 'wide'))).toBe(marked ? 1 : 0);
    expect(broken(mixChart(days, 'narrow'))).toBe(marked ? 1 : 0);
    expect(breakNote(days)).toBe(
      marked
        ? "The broken line: from 24 Aug 2026 on, PyPI's log holds only files that can be installed."
        : undefined,
    );
  });

  it('is where the day begins', () => {
    const chart = dailyChart(upTo('2026-08-27'), 'wide');
    // The 21st to the 27th: the 24th is the fourth.
    const [fourth] = rectsOf(chart, 'transparent')[3] ?? [];
    const [line] = elementsIn(chart, 'g[stroke-dasharray] line');
    expect(Number(line?.getAttribute('x1'))).toBeCloseTo(fourth ?? 0, 0);
  });
});

describe('sparkline', () => {
  it('has a gap where there is no data', () => {
    const moves = (svg: { text: string }) => (svg.text.match(/M/g) ?? []).length;
    expect(moves(sparkline(historyOf(30, () => 2)))).toBe(1);
    expect(
      moves(
        sparkline(
          historyOf(
            30,
            () => 2,
            () => 0,
            ['2026-04-10'],
          ),
        ),
      ),
    ).toBe(2);
  });

  it('has few points over long windows', () => {
    expect(look(sparkline(historyOf(30, (index) => index))).label).toBe(
      'Honest downloads over 30 days, at most 29 a day',
    );
    expect(look(sparkline(historyOf(365, () => 2))).label).toBe(
      'Honest downloads over 365 days, at most 2 a day in the mean of 9',
    );
  });
});

describe('seenInstallers', () => {
  it('leaves out those without a download', () => {
    expect(
      seenInstallers(
        historyOf(
          3,
          () => 0,
          () => 1,
        ),
      ),
    ).toEqual(['uv']);
    expect(seenInstallers(historyOf(3, () => 0))).toEqual([]);
  });
});
