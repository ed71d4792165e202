import { describe, expect, it } from 'vitest';
import { formatBytes, formatNumber, formatShare } from '../src/format.ts';

describe('formatNumber', () => {
  it('separates thousands', () => {
    expect([0, 999, 2_771, 1_234_567].map(formatNumber)).toEqual(['0', '999', '2,771', '1,234,567']);
  });
});

describe('formatShare', () => {
  it.each([
    [2_757, 2_771, '99.4%'],
    [0, 10, '0.0%'],
    [10, 10, '100.0%'],
    [99_999, 100_000, '99.9%'],
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
    [10_485_760, '10.0 MiB'],
    [4.6 * 1024 ** 3, '4.6 GiB'],
    [1024 ** 4, '1.0 TiB'],
    [5_000 * 1024 ** 4, '5000.0 TiB'],
  ])('%d is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
