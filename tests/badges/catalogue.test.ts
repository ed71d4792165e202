import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCount } from '../../src/badges/catalogue.ts';

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
