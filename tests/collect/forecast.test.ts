import { describe, expect, it } from 'vitest';
import { forecast } from '../../src/collect/forecast.ts';
import { EMPTY_SPEND, type Spend, type Usage } from '../../src/state/spend.ts';

const MB = 1_000_000;
const DAYS_QUESTION = 10 * 1024 ** 2;
const TIB = 1024 ** 4;
const now = new Date('2026-11-10T12:00:00Z'); // 20 days of 30 are left

const bill = (daysScanned: number, bytesBilled: number): Usage => ({ daysScanned, bytesBilled, queries: 1 });

/** A package whose ledger lacks some days. */
const entry = (name: string, windows: readonly [number, ...number[]], missing: string[] = []) => ({
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

describe('the forecast', () => {
  const result = forecast(list, spend, TIB, now, false);

  it('tells what each package has cost', () => {
    expect(result.packages).toEqual([
      { package: 'a', daysScanned: 39, bytesBilled: 5_850 * MB, bytesPerDay: 150 * MB },
      { package: 'b', daysScanned: 10, bytesBilled: 500 * MB, bytesPerDay: 50 * MB },
    ]);
    expect(result.otherBytes).toBe(150 * MB);
    expect(result.queries).toBe(30);
  });

  it('goes on with one day a package and the question about days', () => {
    expect(result.projectedBytes).toBe(6_500 * MB + 20 * (200 * MB + DAYS_QUESTION));
    expect(result.steadyBytes).toBe(30 * (200 * MB + DAYS_QUESTION));
  });

  it('tells what whole windows would cost', () => {
    expect(result.withoutLedgerBytes).toBe(30 * (30 * 150 * MB + 90 * 50 * MB));
  });

  it('tells how many more packages fit', () => {
    // (1 TiB - 30 * 210.5 MB) / (30 * 100 MB), rounded down
    expect(result.morePackages).toBe(364);
    expect(forecast(list, spend, null, now, false).morePackages).toBeNull();
    expect(forecast(list, spend, 1, now, false).morePackages).toBe(0);
  });

  it('expects more of a source that cannot tell its days', () => {
    const blind = [{ ...entry('a', [30]), unsupported: true }];
    const days = (6 * 2 + 30) / 7;
    expect(forecast(blind, spend, TIB, now, false).steadyBytes).toBe(30 * (days * 150 * MB + DAYS_QUESTION));
  });

  it('takes what a run takes for one that was never read, whatever the others bill', () => {
    const result = forecast([...list, entry('new', [30])], spend, TIB, now, false);
    expect(result.packages[2]).toEqual({
      package: 'new',
      daysScanned: 0,
      bytesBilled: 0,
      bytesPerDay: 160 * MB,
    });
    expect(result.steadyBytes).toBe(30 * (360 * MB + DAYS_QUESTION));
  });

  it('counts the days that are missing now, and what the budget lets through', () => {
    const behind = [entry('a', [30], ['2026-11-08', '2026-11-09']), entry('b', [7, 90], ['2026-11-09'])];
    const result = forecast(behind, spend, null, now, false);
    expect(result.missingBytes).toBe(2 * 150 * MB + 50 * MB);
    const goesOn = 6_500 * MB + 350 * MB + 20 * (200 * MB + DAYS_QUESTION);
    expect(result.projectedBytes).toBe(goesOn);
    expect(forecast(behind, spend, 8_000 * MB, now, false).projectedBytes).toBe(8_000 * MB);
    expect(forecast(behind, spend, 1, now, false).projectedBytes).toBe(6_500 * MB);
  });

  it('says nothing of a month in which nothing was asked', () => {
    expect(forecast(list, EMPTY_SPEND, TIB, now, false)).toMatchObject({
      bytesBilled: 0,
      queries: 0,
      otherBytes: 0,
    });
  });

  it('holds about 220 new packages in the free tier, as 160 MB a day are assumed', () => {
    const empty = forecast([], EMPTY_SPEND, TIB, now, false);
    expect(empty.morePackages).toBe(228);
    expect(empty.bytesBilled).toBe(0);
  });

  it('prices a day both ways, and goes on with the cheaper one', () => {
    // 200 MB one by one, against 165 GiB that are assumed: 100 MB a package, so 1,772 of them.
    expect(forecast(list, spend, TIB, now, true).day).toEqual({
      aloneBytes: 200 * MB,
      sharedBytes: 165 * 1024 ** 3,
      basis: 'an estimate',
      shares: false,
      held: true,
      breakEvenPackages: 1772,
    });
    // A hundred packages are 16 GB one by one, against 12.
    const many = Array.from({ length: 100 }, (_, index) => entry(`p-${index}`, [30], ['2026-11-09']));
    const cheap = {
      ...spend,
      months: new Map([['2026-11', { bytesBilled: 24_000 * MB, queries: 2 }]]),
      shared: new Map([['2026-11', bill(2, 2 * 12_000 * MB)]]),
    };
    const shared = forecast(many, cheap, TIB, now, true);
    expect(shared.day).toMatchObject({
      sharedBytes: 12_000 * MB,
      basis: 'its last bills',
      shares: true,
      held: true,
      breakEvenPackages: 75,
    });
    expect(shared.steadyBytes).toBe(30 * (12_000 * MB + DAYS_QUESTION));
    expect(shared.missingBytes).toBe(12_000 * MB);
    const blind = many.map((each) => ({ ...each, unsupported: true }));
    expect(forecast(blind, cheap, TIB, now, true).steadyBytes).toBe(
      30 * (((6 * 2 + 30) / 7) * 12_000 * MB + DAYS_QUESTION),
    );
    // What was read for all is no longer among what nobody of the list was billed.
    expect([shared.shared, shared.otherBytes]).toEqual([{ daysScanned: 2, bytesBilled: 24_000 * MB }, 0]);
    expect(shared.morePackages).toBe(Number.POSITIVE_INFINITY);
    // A budget that does not hold a month of them holds the day that is missing, but not thirty.
    const budget = 30 * 12_000 * MB - 1;
    expect(forecast(many, cheap, budget, now, true).day?.held).toBe(true);
    const days = Array.from({ length: 30 }, (_, index) => `2026-10-${String(index + 1).padStart(2, '0')}`);
    const unread = many.map((each) => ({ ...each, need: { ...each.need, days } }));
    const poor = forecast(unread, cheap, budget, now, true);
    expect(poor.day).toMatchObject({ shares: true, held: false });
    expect([poor.morePackages, poor.missingBytes]).toEqual([0, 30 * 16_000 * MB]);
    expect(forecast(many, cheap, TIB, now, false).day).toBeUndefined();
    // Below 10 GB a run does not even ask.
    expect(forecast(many.slice(0, 62), cheap, TIB, now, true).day?.shares).toBe(false);
  });
});
