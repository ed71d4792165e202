import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawSparkline, formatCount } from '../../src/badges/catalogue.ts';
import { downloads, packageDays } from '../support/views.ts';
import { parseXml } from '../support/xml.ts';

describe('formatCount', () => {
  // By hand, from the rule in docs/files.md.
  it.each([
    [0, '0'],
    [9, '9'],
    [10, '10'],
    [999, '999'],
    [1_000, '1k'],
    [1_049, '1k'],
    [1_050, '1.1k'],
    [1_150, '1.2k'],
    [1_949, '1.9k'],
    [1_950, '2k'],
    [2_771, '2.8k'],
    [10_000, '10k'],
    [99_949, '99.9k'],
    [99_950, '100k'],
    [999_949, '999.9k'],
    [999_950, '1M'],
    [1_000_000, '1M'],
    [1_150_000, '1.2M'],
    [1_249_999, '1.2M'],
    [1_250_000, '1.3M'],
    [999_949_999, '999.9M'],
    [999_950_000, '1B'],
    [1_150_000_000, '1.2B'],
    [999_949_999_999, '999.9B'],
    [999_950_000_000, '1000B'],
    [Number.MAX_SAFE_INTEGER, '9007199.3B'],
  ])('%d reads %s', (count, message) => {
    expect(formatCount(count)).toBe(message);
  });

  it('agrees with the rounding of ICU, which works in decimal', () => {
    const icu = new Intl.NumberFormat('en-US', {
      notation: 'compact',
      maximumFractionDigits: 1,
      roundingMode: 'halfExpand',
    } as Intl.NumberFormatOptions);
    const aroundHalves = fc
      .tuple(fc.nat(99_999), fc.constantFrom(10, 1_000, 100_000, 1_000_000), fc.integer({ min: -2, max: 2 }))
      .map(([tenths, size, off]) => Math.max(0, tenths * size + size / 2 + off));
    const anyCount = fc.oneof(fc.nat(2_000_000), fc.integer({ min: 0, max: 999_949_999_999 }), aroundHalves);
    fc.assert(
      fc.property(anyCount, (count) => {
        expect(formatCount(count)).toBe(icu.format(count).replace('K', 'k'));
      }),
      { numRuns: 2_000 },
    );
  });

  it('never shrinks as the count grows', () => {
    const worth = (message: string) => {
      const size = { k: 1e3, M: 1e6, B: 1e9 }[message.at(-1) ?? ''] ?? 1;
      return Number.parseFloat(message) * size;
    };
    fc.assert(
      fc.property(fc.nat(2_000_000_000), fc.nat(5_000), (count, more) => {
        expect(worth(formatCount(count + more))).toBeGreaterThanOrEqual(worth(formatCount(count)));
      }),
    );
  });
});

function drawn(counts: readonly (number | null)[], windowDays = counts.length) {
  const rowsOf = (index: number) => (counts[index] == null ? null : [downloads('pip', counts[index])]);
  const history = packageDays(counts.length, rowsOf, { last: '2026-10-03' });
  const content = drawSparkline('demo', history, windowDays);
  const elements = parseXml(content);
  const paths = elements.filter((each) => each.name === 'path').map(({ attributes }) => attributes['d']);
  return { content, elements, paths };
}

it('a sparkline draws a line from the first day to the last, highest where most was downloaded', () => {
  const { content, paths, elements } = drawn([0, 10, 5]);
  expect(elements[0]?.attributes).toMatchObject({ width: '120', height: '30', role: 'img' });
  // 2 to 118 across, 28 (nothing) up to 2 (the most): half of it is 15.
  expect(paths).toEqual(['M2 28L60 2L118 15V28H2Z', 'M2 28L60 2L118 15']);
  expect(content).toContain(
    'PyPI downloads of demo by day, CI left out: 15 in 3 days to 2026-10-03, at most 10 a day</title>',
  );
  expect(content).toContain('@media (prefers-color-scheme:dark)');
});

it('a sparkline leaves a gap where nothing is known, and shows a day by itself', () => {
  expect(drawn([4, 4, null, 4]).paths[1]).toBe('M2 2L40.7 2M118 2h.1');
});

it('a sparkline takes the last days of a longer history, and stays flat where there is nothing', () => {
  expect(drawn([9, 9, 0, 0], 2).paths[1]).toBe('M2 28L118 28');
  expect(drawn([null]).paths).toEqual(['', '']);
});
