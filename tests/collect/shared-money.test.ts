import { describe, expect, it } from 'vitest';
import { addDays, type Day, daysOf, spanDays } from '../../src/days/day.ts';
import { SourceError } from '../../src/errors/error.ts';
import { GIB } from '../../src/util.ts';
import { failuresOf, GB, listOf, pricedRuns } from '../support/table.ts';

/*
 * What days that may be read once for all cost, and what the budget lets through. Prices are the source's, and expected
 * bills those prices times days.
 */

const TODAY = '2026-11-29';
const since = (day: Day) => spanDays({ start: day, end: TODAY });
const PAST = { fillsPast: true, lookBackDays: 0 };

describe('days of which later ones bill ten times as much', () => {
  const [first, change] = ['2026-03-01', '2026-07-01'];
  const grown = { shared: (day: Day) => (day < change ? 12 * GB : 120 * GB) };
  const packages = listOf(100, since(first));

  it('are each read the cheaper way', async () => {
    const { run, shared, billed } = pricedRuns(grown);
    const { outcomes, notes } = await run(TODAY, packages, PAST);
    expect(failuresOf(outcomes)).toEqual([]);
    // A hundred packages are 15 GB a day one by one.
    const cheapest = ((since(first) - since(change)) * 12 + since(change) * 15) * GB;
    expect(billed()).toBeGreaterThanOrEqual(cheapest);
    // A question may be about days before and after that.
    expect(billed()).toBeLessThan(cheapest * 1.05);
    expect(shared().every(({ span }) => span.end <= addDays(change, 90))).toBe(true);
    expect(notes.join()).toMatch(/^of 273 days, 77 are read once for all: /);
  });

  it('are never billed beyond the budget', async () => {
    const { run, billed } = pricedRuns(grown);
    const budgetBytes = 1024 * GIB;
    await run(TODAY, packages, { ...PAST, budgetBytes });
    expect(billed()).toBeLessThanOrEqual(budgetBytes);
    expect(billed()).toBeGreaterThan(0.9 * budgetBytes);
  });
});

it('the price of days with names of files is none of those without', async () => {
  const { run, asked } = pricedRuns({ shared: (day) => (day < '2026-08-25' ? 14 : 7) * GB });
  await run(TODAY, listOf(105, 120));
  asked.length = 0;
  const { notes } = await run(addDays(TODAY, 1), listOf(63, 120));
  expect(asked.map(({ bytes }) => bytes)).toEqual([7 * GB]);
  expect(notes.join()).toContain('(by a dry run and its last bills)');
});

it('what a question bills of its estimate is fetched', async () => {
  const { run, shared } = pricedRuns({ estimate: async ({ span }) => 40 * GB * spanDays(span) });
  // 300 packages are 48 GB by what is assumed, and so worth 40.
  await run(TODAY, listOf(300, 3));
  expect(shared()).toHaveLength(1);
  // A hundred are 16, which is worth 10.
  await run(addDays(TODAY, 1), listOf(100, 3));
  expect(shared()).toHaveLength(2);
});

it('a budget that holds neither a month of days for all nor those that are missing is spent on some packages', async () => {
  const { run, shared } = pricedRuns({ shared: () => 100 * GB });
  const { outcomes, warnings } = await run(TODAY, listOf(700, 30), { budgetBytes: 1024 * GIB });
  expect(shared()).toEqual([]);
  const filled = outcomes.filter(({ kind }) => kind === 'read').length;
  // Thirty days of 150 MB, and 160 MB that are assumed of the next.
  expect(filled).toBe(Math.floor((1024 * GIB - 30 * 0.01 * GB) / (30 * 0.15 * GB)));
  expect(warnings[0]).toMatch(
    /^days that are read once for all are cheaper, but the budget of 1,024\.0 GiB holds neither those that are missing \(about 2,79\d\.\d GiB\) nor a month of them: packages are asked for one by one/,
  );
});

it('a budget that holds all days that are missing is spent on them, though it does not hold a month of them', async () => {
  const { run, asked, shared, billed } = pricedRuns({});
  const budgetBytes = 102 * GIB;
  await run('2026-11-20', listOf(100, 7), { budgetBytes });
  const { outcomes } = await run('2026-11-21', listOf(100, 7), { budgetBytes });
  expect(failuresOf(outcomes)).toEqual([]);
  expect(shared()).toHaveLength(asked.length);
  expect(billed()).toBe(8 * 10 * GB);
});

it('a budget holds a month by what its newest days bill, whatever older ones do', async () => {
  const { run, asked, shared } = pricedRuns({ shared: (day) => (day < '2026-08-25' ? 200 : 100) * GB });
  const { outcomes } = await run(TODAY, listOf(1_500, 120), { budgetBytes: 30 * 110 * GB });
  // The days that are left of the month's budget are not asked for one by one, which would cost 240 GB each.
  expect(shared()).toHaveLength(asked.length);
  expect(failuresOf(outcomes)).toHaveLength(1_500);
});

describe('a budget that does not hold a first filling', () => {
  it.each([
    { packages: 100, window: 90, price: 14, budget: 430, fills: {} },
    { packages: 100, window: 300, price: 12, budget: 1_024, fills: PAST },
  ])('is spent on the newest days, and goes on in the next month: %o', async (list) => {
    const { run, daysAsked, billed } = pricedRuns({ shared: () => list.price * GB });
    const packages = listOf(list.packages, list.window);
    const more = { ...list.fills, budgetBytes: list.budget * GIB };
    const days = Math.floor((list.budget * GIB) / (list.price * GB));
    await run(TODAY, packages, more);
    expect(billed() / GB).toBeCloseTo(days * list.price, 0);
    expect(daysAsked().toSorted()).toEqual(daysOf({ start: addDays(TODAY, -days), end: TODAY }));
    await run('2026-12-01', packages, more);
    expect(new Set(daysAsked()).size).toBe(2 * days);
  });

  it('leaves nothing to be read twice where the source cannot tell its days', async () => {
    const { run, daysAsked } = pricedRuns({ shared: () => 20 * GB, unsupported: true });
    for (const today of [TODAY, '2026-12-01', '2027-01-01']) {
      await run(today, listOf(260, 40), { budgetBytes: 610 * GB });
    }
    // Thirty; the eight that are left of the window with the two new ones; and of the whole window, due by then, thirty.
    expect(daysAsked()).toHaveLength(30 + 10 + 30);
    expect(new Set(daysAsked()).size).toBe(30 + 10 + 30);
  });
});

it('what a part of a question was estimated at is a count of bytes, which a run after a kill can read', async () => {
  const { run, state } = pricedRuns({
    // No third of it is whole.
    estimate: async () => 40 * GB + 1,
    before: ({ packages, span }) =>
      packages.length > 1 && spanDays(span) > 2 ? new SourceError('timeout', 'too long') : undefined,
  });
  await run(TODAY, listOf(300, 3));
  const estimates = state.spends.flatMap((text) =>
    Object.values<{ bytes_estimated: number }>(JSON.parse(text).shared).map((bill) => bill.bytes_estimated),
  );
  expect(estimates.length).toBeGreaterThan(2);
  expect(estimates.filter((bytes) => !Number.isSafeInteger(bytes))).toEqual([]);
});

describe('a price that cannot be asked', () => {
  it.each([['query-invalid'], ['quota'], ['unexpected-answer']] as const)(
    '(%s) leaves the way one by one',
    async (code) => {
      const estimate = () => Promise.reject(new SourceError(code, 'no'));
      const { run, asked } = pricedRuns({ shared: () => GB, estimate });
      const { outcomes, warnings } = await run(TODAY, listOf(70, 1));
      expect(failuresOf(outcomes)).toEqual([]);
      expect(asked).toHaveLength(70);
      expect(warnings).toEqual([
        'what a day bills that is read once for all could not be asked: no; packages are asked for one by one',
      ]);
    },
  );

  it('is that of the last bills', async () => {
    const first = pricedRuns({});
    await first.run(TODAY, listOf(100, 3));
    const estimate = () => Promise.reject(new SourceError('quota', 'no'));
    const { run, asked } = pricedRuns({ estimate }, first);
    const { warnings } = await run(addDays(TODAY, 1), listOf(100, 3));
    expect(asked).toHaveLength(1);
    expect(warnings.join()).toContain('the last bills must do');
  });
});
