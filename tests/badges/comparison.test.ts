import { describe, expect, it } from 'vitest';
import { drawComparison } from '../../src/badges/comparison.ts';
import { addDays } from '../../src/days/day.ts';
import { createRandom } from '../support/random.ts';
import { downloads, packageDays } from '../support/views.ts';
import { parseXml } from '../support/xml.ts';

/** Of a chart of 720 by 260, from its own margins. */
const PLOT = { left: 44, right: 534, top: 60, base: 220 };
const LAST = '2026-11-28';
const CLASSES = ['first', 'second', 'third', 'fourth', 'fifth'];

/** A package with so many downloads on each of the last days; null is a day that is not known. */
function compared(title: string, counts: readonly (number | null)[], partialDays: readonly string[] = []) {
  const rowsOf = (at: number) => (counts[at] === null ? null : [downloads('pip', counts[at] ?? 0)]);
  return { title, history: packageDays(counts.length, rowsOf, { last: LAST, partialDays }) };
}

const spanOf = (days: number) => ({ start: addDays(LAST, 1 - days), end: addDays(LAST, 1) });

/** The points of a line by the day that they are in the middle of, in pixels. */
function heightsOf(svg: string, className: string, days: number): (number | undefined)[] {
  const [line] = parseXml(svg).filter(({ attributes }) => attributes['class'] === `stroke ${className}`);
  const [, d = ''] = /^(.*)M[\d.]+ [\d.]+h18$/.exec(line?.attributes['d'] ?? '') ?? [];
  const found: (number | undefined)[] = Array.from({ length: days });
  let [x, y] = [0, 0];
  // A dot begins left of its place.
  const runs = d.replaceAll(/M([\d.]+) ([\d.]+)h1\.5/g, (_, left, top) => `M${Number(left) + 0.7} ${top}`);
  for (const [, letter, rest = ''] of runs.matchAll(/([Ml])([^A-Za-z]*)/g)) {
    const numbers = (rest.match(/-?(?:\d+\.?\d*|\.\d+)/g) ?? []).map(Number);
    for (let at = 0; at < numbers.length; at += 2) {
      const [one = 0, two = 0] = numbers.slice(at);
      [x, y] = letter === 'M' ? [one, two] : [x + one, y + two];
      found[Math.floor(((x - PLOT.left) / (PLOT.right - PLOT.left)) * days)] = y;
    }
  }
  return found;
}

/** The mean of the known ones of seven days, by hand. */
function meansOf(counts: readonly (number | null)[]): (number | undefined)[] {
  return counts.map((count, at) => {
    const week = counts.slice(Math.max(0, at - 6), at + 1).filter((each) => each !== null);
    return count === null || week.length < 4 ? undefined : week.reduce((a, b) => a + b) / week.length;
  });
}

describe('a comparison of five packages over 365 random days', () => {
  const random = createRandom(30);
  const all = CLASSES.map((_, index) =>
    Array.from({ length: 365 }, () =>
      random() < 0.03 ? null : Math.floor(random() ** 3 * 10 ** (index + 2)),
    ),
  );
  const packages = all.map((counts, index) => compared(`package-${index}`, counts));

  it.each([false, true])(
    'has lines that are the means of seven days, with gaps; indexed: %s',
    (isIndexed) => {
      const svg = drawComparison(packages, spanOf(365), isIndexed)('light');
      const expected = all.map((counts) => {
        const known = counts.filter((count) => count !== null);
        const own = known.reduce((a, b) => a + b) / known.length;
        return meansOf(counts).map((mean) => (mean === undefined || !isIndexed ? mean : (mean / own) * 100));
      });
      const max = Math.max(...expected.flat().map((value) => value ?? 0));
      for (const [index, className] of CLASSES.entries()) {
        for (const [day, y] of heightsOf(svg, className, 365).entries()) {
          const value = expected[index]?.[day];
          expect(y === undefined, `${className} on day ${day}`).toBe(
            // Beyond half a year, each second day up to the last.
            value === undefined || day % 2 === 1,
          );
          if (y === undefined || value === undefined) continue;
          expect(Math.abs(PLOT.base - (value / max) * (PLOT.base - PLOT.top) - y)).toBeLessThanOrEqual(0.06);
        }
      }
    },
  );

  it('says of each line whose it is, with its sum, where no colour is needed', () => {
    const svg = drawComparison(packages, spanOf(365), false)('dark');
    const dashes = parseXml(svg)
      .filter(({ attributes }) => CLASSES.some((each) => attributes['class'] === `stroke ${each}`))
      .map(({ attributes }) => attributes['stroke-dasharray']);
    expect(new Set(dashes).size).toBe(5);
    for (const [index, counts] of all.entries()) {
      const sum = counts.reduce<number>((a, b) => a + (b ?? 0), 0).toLocaleString('en-US');
      expect(svg).toMatch(
        new RegExp(`class="${CLASSES[index]}"[^>]*>package-${index}</text><text[^>]*>${sum}</text>`),
      );
    }
    expect(svg).toContain('>sums of 365 days</text>');
  });

  it('has at most 15 kB in every theme', () => {
    for (const isIndexed of [false, true])
      expect(Buffer.byteLength(drawComparison(packages, spanOf(365), isIndexed)('auto'))).toBeLessThan(
        15_000,
      );
  });
});

describe('a comparison', () => {
  it('is read out, and has no script, request or time', () => {
    const packages = [
      compared('<b>"&', [1, 2, null, 4, 5, 6, 7, 100_000]),
      compared('beta', [7, 7, 7, 7, 7, 7, 7, 7], ['2026-11-22']),
    ];
    const draw = drawComparison(packages, spanOf(7), true);
    for (const theme of ['auto', 'light', 'dark'] as const) {
      const svg = draw(theme);
      expect(svg).toBe(draw(theme));
      expect(parseXml(svg)[0]?.attributes).toMatchObject({ role: 'img', 'aria-describedby': 'd' });
      expect(svg).toContain(
        '<title id="t">PyPI downloads a day, mean of each = 100, without CI: &lt;b&gt;&quot;&amp;, beta</title>',
      );
      // The day before the span takes part in the means: of 2, 4, 5, 6, 7 and 100,000.
      expect(svg).toContain(
        '<desc id="d">Means of seven days of downloads by installers, not marked as CI, from 22 Nov 2026 to 28 Nov 2026. &lt;b&gt;&quot;&amp;: 100,024, at the end 16,671 a day; nothing or only a part is known of 23 Nov 2026. beta: 49, at the end 7 a day; nothing or only a part is known of 22 Nov 2026.</desc>',
      );
      expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/script|href|http|url\(|@import/);
      expect(svg.includes('@media')).toBe(theme === 'auto');
    }
  });

  it('names lines in the order in which they end', () => {
    const packages = [10, 30, 20].map((count, index) =>
      compared(
        `p${index}`,
        Array.from({ length: 30 }, () => count),
      ),
    );
    const names = [...drawComparison(packages, spanOf(30), false)('light').matchAll(/>(p\d)<\/text>/g)];
    expect(names.map(([, name]) => name)).toEqual(['p1', 'p2', 'p0']);
  });

  it.each([false, true])(
    'stays whole without a download, and without a known day; indexed: %s',
    (isIndexed) => {
      const packages = [compared('none', Array(30).fill(0)), compared('unknown', Array(30).fill(null))];
      const svg = drawComparison(packages, spanOf(30), isIndexed)('light');
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
      parseXml(svg);
    },
  );
});
