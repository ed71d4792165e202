import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBytes, formatCount, formatGib, formatNumber, formatShare, plural } from '../src/format.ts';

it('formatNumber is what Intl says of any whole number', () => {
  expect([0, 999, 2_771, 1_234_567].map(formatNumber)).toEqual(['0', '999', '2,771', '1,234,567']);
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      expect(formatNumber(value)).toBe(value.toLocaleString('en-US'));
    }),
  );
});

describe('formatShare', () => {
  it.each([
    [2_757, 2_771, '99.5%'],
    [9, 14, '64.3%'],
    [1, 2_000, '0.1%'],
    [1, 2_001, '<0.1%'],
    [1_999, 2_000, '>99.9%'],
    [9_994, 10_000, '99.9%'],
    [0, 10, '0.0%'],
    [10, 10, '100.0%'],
    [99_999, 100_000, '>99.9%'],
    [1, 3, '33.3%'],
    [39_999_999, 40_000_000, '>99.9%'],
    [0, 0, '-'],
  ])('%d of %d is %s', (part, whole, text) => {
    expect(formatShare(part, whole)).toBe(text);
  });

  it.each([
    [945, 1_000, '95%'],
    [944, 1_000, '94%'],
    [1, 1_000, '<1%'],
    [999, 1_000, '>99%'],
    [0, 10, '0%'],
    [10, 10, '100%'],
  ])('%d of %d in whole percent is %s', (part, whole, text) => {
    expect(formatShare(part, whole, 0)).toBe(text);
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1.0 KiB'],
    // 1024.0 KiB would be the same figure in the wrong unit.
    [1_048_575, '1.0 MiB'],
    [1_048_000, '1023.4 KiB'],
    [10_485_760, '10.0 MiB'],
    [4.6 * 1024 ** 3, '4.6 GiB'],
    [1024 ** 4, '1.0 TiB'],
    [5_000 * 1024 ** 4, '5000.0 TiB'],
  ])('%d is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('formatGib', () => {
  it.each([
    [0, '0.0 GiB'],
    [10_485_760, '<0.1 GiB'],
    [0.26 * 1024 ** 3, '0.3 GiB'],
    [1024 ** 4, '1,024.0 GiB'],
  ])('%d is %s', (bytes, text) => {
    expect(formatGib(bytes)).toBe(text);
  });
});

it('says one package, and two packages', () => {
  const said = [0, 1, 2_000].map((count) => plural(count, 'package'));
  expect(said).toEqual(['0 packages', '1 package', '2,000 packages']);
});

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
