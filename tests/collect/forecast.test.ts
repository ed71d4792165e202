import { describe, expect, it } from 'vitest';
import { forecast } from '../../src/collect/forecast.ts';
import { daysOf } from '../../src/days/day.ts';
import { EMPTY_SPEND, type Spend, type Usage } from '../../src/state/spend.ts';

const MB = 1_000_000;
const DAYS_QUESTION = 10 * 1024 ** 2;
const TIB = 1024 ** 4;
const now = new Date('2026-11-10T12:00:00Z'); // 20 days of 30 are left

const bill = (daysScanned: number, bytesBilled: number): Usage => ({ daysScanned, bytesBilled, queries: 1 });

/** A package whose ledger lacks some days. */
const entry = (name: string, windows: readonly [number, ...number[]], missing: readonly string[] = []) => ({
  tracked: { name, windows },
  unsupported: false,
  need: { package: name, span: { start: '2026-10-11', end: '2026-11-10' }, days: missing },
});
const list = [entry('a', [30]), entry('b', [7, 90])];
const spend: Spend = {
  ...EMPTY_SPEND,
  months: new Map([['2026-11', { bytesBilled: 6_500 * MB, queries: 30 }]]),
  packages: new Map([
    ['a', new Map([['2026-11', bill(39, 39 * 150 * MB)]])],
    ['b', new Map([['2026-11', bill(10, 10 * 50 * MB)]])],
  ]),
};
const of = (
  entries = list,
  budget: number | null = TIB,
  { known = spend, shares = false, facets = 0 } = {},
) => forecast(entries, known, budget, now, shares, facets);

describe('the forecast', () => {
  it('counts facets every few days, where they are asked for', () => {
    // 330 MB for each of the 30 and 7 days of the first windows, every tenth day.
    const facets = (330 * 37 * MB) / 10;
    const { steadyBytes, morePackages } = of(list, TIB, { facets: 10 });
    expect(steadyBytes).toBe(30 * (200 * MB + facets + DAYS_QUESTION));
    // (1 TiB - 30 * 1,431.5 MB) / (30 * (100 MB + 610.5 MB)), rounded down
    expect(morePackages).toBe(49);
  });

  it('expects more of a source that cannot tell its days', () => {
    const { steadyBytes } = of([{ ...entry('a', [30]), unsupported: true }]);
    expect(steadyBytes).toBe(30 * (((6 * 2 + 30) / 7) * 150 * MB + DAYS_QUESTION));
  });

  it('counts the days that are missing now, and what the budget lets through', () => {
    const behind = [entry('a', [30], ['2026-11-08', '2026-11-09']), entry('b', [7, 90], ['2026-11-09'])];
    expect(of(behind, null).missingBytes).toBe(2 * 150 * MB + 50 * MB);
    const goesOn = 6_500 * MB + 350 * MB + 20 * (200 * MB + DAYS_QUESTION);
    const projected = [null, 8_000 * MB, 1].map((budget) => of(behind, budget).projectedBytes);
    expect(projected).toEqual([goesOn, 8_000 * MB, 6_500 * MB]);
  });
});

describe('the price of a day both ways', () => {
  // A hundred packages are 16 GB one by one, against 12.
  const many = Array.from({ length: 100 }, (_, index) => entry(`p-${index}`, [30], ['2026-11-09']));
  const known: Spend = {
    ...spend,
    months: new Map([['2026-11', { bytesBilled: 24_000 * MB, queries: 2 }]]),
    shared: new Map([['2026-11', bill(2, 2 * 12_000 * MB)]]),
  };
  const price = (entries: typeof list, budget = TIB) => of(entries, budget, { known, shares: true });

  it('is that for all for many', () => {
    // Below 10 GB a run does not even ask.
    expect(price(many.slice(0, 62)).day?.shares).toBe(false);
    const basis = 'its last bills';
    expect(price(many)).toMatchObject({
      day: { sharedBytes: 12_000 * MB, basis, shares: true, held: true, breakEvenPackages: 75 },
      steadyBytes: 30 * (12_000 * MB + DAYS_QUESTION),
      missingBytes: 12_000 * MB,
      morePackages: Number.POSITIVE_INFINITY,
      // What was read for all is no longer among what nobody of the list was billed.
      shared: { daysScanned: 2, bytesBilled: 24_000 * MB },
      otherBytes: 0,
    });
    const { steadyBytes } = price(many.map((each) => ({ ...each, unsupported: true })));
    expect(steadyBytes).toBe(30 * (((6 * 2 + 30) / 7) * 12_000 * MB + DAYS_QUESTION));
  });

  it('is held back by a budget that does not hold a month of them, nor what is missing', () => {
    const budget = 30 * 12_000 * MB - 1;
    expect(price(many, budget).day?.held).toBe(true);
    const days = daysOf({ start: '2026-10-01', end: '2026-10-31' });
    expect(
      price(
        many.map((each) => ({ ...each, need: { ...each.need, days } })),
        budget,
      ),
    ).toMatchObject({
      day: { shares: true, held: false },
      morePackages: 0,
      missingBytes: 30 * 16_000 * MB,
    });
  });
});
