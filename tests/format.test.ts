import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBytes, formatCount, formatGib, formatNumber, formatShare, plural } from '../src/format.ts';

it('formatNumber is what Intl says of any whole number', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      expect(formatNumber(value)).toBe(value.toLocaleString('en-US'));
    }),
  );
});

/** Pairs of what is given and what it is as a text. */
const pairs = (table: string) =>
  table
    .trim()
    .split(/,\s+/)
    .map((pair) => pair.split(' => ')) as [string, string][];

it.each(
  pairs(`
    2757/2771 => 99.5%, 9/14 => 64.3%, 1/3 => 33.3%, 1/2000 => 0.1%, 1/2001 => <0.1%, 1999/2000 => >99.9%, 0/0 => -,
    9994/10000 => 99.9%, 99999/100000 => >99.9%, 39999999/40000000 => >99.9%, 0/10 => 0.0%, 10/10 => 100.0%`),
)('formatShare of %s is %s', (given, text) => {
  const [part, whole] = given.split('/').map(Number);
  expect(formatShare(Number(part), Number(whole))).toBe(text);
});

it.each(pairs('945 => 95%, 944 => 94%, 1 => <1%, 999 => >99%, 0 => 0%, 1000 => 100%'))(
  'formatShare of %s in 1,000 in whole percent is %s',
  (part, text) => {
    expect(formatShare(Number(part), 1_000, 0)).toBe(text);
  },
);

// 1024.0 KiB would be the same figure in the wrong unit.
it.each(
  pairs(`
    0 => 0 B, 1023 => 1023 B, 1024 => 1.0 KiB, 1048575 => 1.0 MiB, 1048000 => 1023.4 KiB, 10485760 => 10.0 MiB,
    4939212390 => 4.6 GiB, 1099511627776 => 1.0 TiB, 5497558138880000 => 5000.0 TiB`),
)('formatBytes of %s is %s', (bytes, text) => {
  expect(formatBytes(Number(bytes))).toBe(text);
});

it.each(pairs('0 => 0.0 GiB, 10485760 => <0.1 GiB, 279172874 => 0.3 GiB, 1099511627776 => 1,024.0 GiB'))(
  'formatGib of %s is %s',
  (bytes, text) => {
    expect(formatGib(Number(bytes))).toBe(text);
  },
);

it.each(pairs('0 => 0 packages, 1 => 1 package, 2000 => 2,000 packages'))(
  'plural of %s is %s',
  (count, text) => {
    expect(plural(Number(count), 'package')).toBe(text);
  },
);

describe('formatCount', () => {
  // By hand, from the rule in docs/files.md.
  it.each(
    pairs(`
      0 => 0, 9 => 9, 10 => 10, 999 => 999, 1000 => 1k, 1049 => 1k, 1050 => 1.1k, 1150 => 1.2k, 1949 => 1.9k, 1950 => 2k,
      2771 => 2.8k, 10000 => 10k, 99949 => 99.9k, 99950 => 100k, 999949 => 999.9k, 999950 => 1M, 1000000 => 1M,
      1150000 => 1.2M, 1249999 => 1.2M, 1250000 => 1.3M, 999949999 => 999.9M, 999950000 => 1B, 1150000000 => 1.2B,
      999949999999 => 999.9B, 999950000000 => 1000B, 9007199254740991 => 9007199.3B`),
  )('%s reads %s', (count, message) => {
    expect(formatCount(Number(count))).toBe(message);
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
});
