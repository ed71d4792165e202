import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBytes, formatGib, formatNumber, formatShare, plural } from '../src/format.ts';

describe('formatNumber', () => {
  it('separates thousands', () => {
    expect([0, 999, 2_771, 1_234_567].map(formatNumber)).toEqual(['0', '999', '2,771', '1,234,567']);
  });

  it('is what Intl says of any whole number', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(formatNumber(value)).toBe(value.toLocaleString('en-US'));
      }),
    );
  });
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
    [0, 0, '-'],
  ])('%d of %d is %s', (part, whole, text) => {
    expect(formatShare(part, whole)).toBe(text);
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
  expect([0, 1, 2_000].map((count) => plural(count, 'package'))).toEqual([
    '0 packages',
    '1 package',
    '2,000 packages',
  ]);
});
