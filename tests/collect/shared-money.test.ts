import { describe, expect, it } from 'vitest';
import { addDays, type Day, daysOf, spanDays } from '../../src/days/day.ts';
import { SourceError } from '../../src/sources/source.ts';
import { GIB } from '../../src/util.ts';
import { type Asked, failuresOf, GB, listOf, pricedSource, runOn } from '../support/priced-source.ts';
import { createState } from '../support/state.ts';

/*
 * What days that may be read once for all cost, and what the budget lets through. Prices are the source's, and expected
 * bills those prices times days.
 */

const TODAY = '2026-11-29';
const since = (day: Day) => (Date.parse(TODAY) - Date.parse(day)) / 86_400_000;
const shared = (asked: readonly Asked[]) => asked.filter(({ packages }) => packages.length > 1);
const daysAsked = (asked: readonly Asked[]) => asked.flatMap(({ span }) => daysOf(span));
const PAST = { fillsPast: true, lookBackDays: 0 };

describe('days of which later ones bill ten times as much', () => {
  const grown = (day: Day) => (day < '2025-06-01' ? 12 * GB : 120 * GB);
  const packages = listOf(100, since('2024-03-01'));

  it('are each read the cheaper way', async () => {
    const { source, asked, billed } = pricedSource({ shared: grown });
    const { outcomes, notes } = await runOn(source, createState(), TODAY, packages, PAST);
    expect(failuresOf(outcomes)).toEqual([]);
    // A hundred packages are 15 GB a day one by one.
    const old = since('2024-03-01') - since('2025-06-01');
    const cheapest = (old * 12 + since('2025-06-01') * 15) * GB;
    expect(billed()).toBeGreaterThanOrEqual(cheapest);
    // A question may be about days before and after that.
    expect(billed()).toBeLessThan(cheapest * 1.02);
    expect(daysAsked(shared(asked)).every((day) => day < '2025-09-01')).toBe(true);
    expect(notes.join()).toMatch(/^of 1,003 days, [45]\d\d are read once for all: /);
  });

  it('are never billed beyond the budget', async () => {
    const { source, billed } = pricedSource({ shared: grown });
    const budgetBytes = 1024 * GIB;
    await runOn(source, createState(), TODAY, packages, { ...PAST, budgetBytes });
    expect(billed()).toBeLessThanOrEqual(budgetBytes);
    expect(billed()).toBeGreaterThan(0.9 * budgetBytes);
  });
});

it('the price of days with names of files is none of those without', async () => {
  const { source, asked } = pricedSource({ shared: (day) => (day < '2026-08-25' ? 14 : 7) * GB });
  const state = createState();
  await runOn(source, state, TODAY, listOf(105, 120));
  const before = asked.length;
  const { notes } = await runOn(source, state, addDays(TODAY, 1), listOf(63, 120));
  expect(asked.slice(before).map(({ bytes }) => bytes)).toEqual([7 * GB]);
  expect(notes.join()).toContain('(by a dry run and its last bills)');
});

it('what a question bills of its estimate is fetched', async () => {
  const { source, asked } = pricedSource({
    shared: () => 10 * GB,
    estimate: async ({ span }) => 40 * GB * spanDays(span),
  });
  const state = createState();
  // 300 packages are 48 GB by what is assumed, and so worth 40.
  await runOn(source, state, TODAY, listOf(300, 3));
  expect(shared(asked)).toHaveLength(1);
  // A hundred are 16, which is worth 10.
  await runOn(source, state, addDays(TODAY, 1), listOf(100, 3));
  expect(shared(asked)).toHaveLength(2);
});

it('a budget that holds neither a month of days for all nor those that are missing is spent on some packages', async () => {
  const { source, asked } = pricedSource({ shared: () => 100 * GB });
  const state = createState();
  const { outcomes, warnings } = await runOn(source, state, TODAY, listOf(700, 30), {
    budgetBytes: 1024 * GIB,
  });
  expect(shared(asked)).toEqual([]);
  const filled = outcomes.filter(({ kind }) => kind === 'read').length;
  // Thirty days of 150 MB, and 160 MB that are assumed of the next.
  expect(filled).toBe(Math.floor((1024 * GIB - 30 * 0.01 * GB) / (30 * 0.15 * GB)));
  expect(warnings[0]).toMatch(
    /^days that are read once for all are cheaper, but the budget of 1,024\.0 GiB holds neither those that are missing \(about 2,79\d\.\d GiB\) nor a month of them: packages are asked for one by one/,
  );
});

it('a budget that holds all days that are missing is spent on them, though it does not hold a month of them', async () => {
  const { source, asked, billed } = pricedSource({ shared: () => 100 * GB });
  const state = createState();
  const budgetBytes = 1024 * GIB;
  await runOn(source, state, '2026-11-20', listOf(1_500, 7), { budgetBytes });
  const { outcomes } = await runOn(source, state, '2026-11-21', listOf(1_500, 7), { budgetBytes });
  expect(failuresOf(outcomes)).toEqual([]);
  expect(shared(asked)).toHaveLength(asked.length);
  expect(billed()).toBe(8 * 100 * GB);
});

it('a budget holds a month by what its newest days bill, whatever older ones do', async () => {
  const { source, asked } = pricedSource({ shared: (day) => (day < '2026-08-25' ? 200 : 100) * GB });
  const { outcomes } = await runOn(source, createState(), TODAY, listOf(1_500, 120), {
    budgetBytes: 30 * 110 * GB,
  });
  // The days that are left of the month's budget are not asked for one by one, which would cost 240 GB each.
  expect(shared(asked)).toHaveLength(asked.length);
  expect(failuresOf(outcomes)).toHaveLength(1_500);
});

describe('a budget that does not hold a first filling', () => {
  it.each([
    { packages: 700, window: 90, price: 100, budget: 3_000, fills: {} },
    { packages: 100, window: 1_000, price: 12, budget: 1_024, fills: PAST },
  ])('is spent on the newest days, and goes on in the next month: %o', async (list) => {
    const { source, asked, billed } = pricedSource({ shared: () => list.price * GB });
    const state = createState();
    const packages = listOf(list.packages, list.window);
    const more = { ...list.fills, budgetBytes: list.budget * GIB };
    const days = Math.floor((list.budget * GIB) / (list.price * GB));
    await runOn(source, state, TODAY, packages, more);
    expect(billed() / GB).toBeCloseTo(days * list.price, 0);
    expect(daysAsked(asked).toSorted()).toEqual(daysOf({ start: addDays(TODAY, -days), end: TODAY }));
    await runOn(source, state, '2026-12-01', packages, more);
    expect(new Set(daysAsked(asked)).size).toBe(2 * days);
  });

  it('leaves nothing to be read twice where the source cannot tell its days', async () => {
    const { source, asked } = pricedSource({ shared: () => 20 * GB, unsupported: true });
    const state = createState();
    for (const today of [TODAY, '2026-12-01', '2027-01-01']) {
      await runOn(source, state, today, listOf(260, 40), { budgetBytes: 610 * GB });
    }
    const days = daysAsked(asked);
    // Thirty; the eight that are left of the window with the two new ones; and of the whole window, due by then, thirty.
    expect(days).toHaveLength(30 + 10 + 30);
    expect(days.length - new Set(days).size).toBeLessThanOrEqual(0);
  });
});

it('questions that took too long once are not asked at that length again', async () => {
  const { source, asked, billed } = pricedSource({
    shared: () => 100 * GB,
    before: ({ packages, span, bytes }) => {
      if (packages.length === 1 || spanDays(span) <= 2) return;
      const cost = { bytesProcessed: bytes, bytesBilled: bytes, cacheHit: false };
      throw new SourceError('job-timeout', 'too long', { cost });
    },
  });
  const { outcomes } = await runOn(source, createState(), TODAY, listOf(1_000, 30));
  expect(failuresOf(outcomes)).toEqual([]);
  // Ten days, five and three in vain; then thirty, two at a time at most.
  expect(billed()).toBe((10 + 5 + 3 + 30) * 100 * GB);
  expect(Math.max(...asked.slice(3).map(({ span }) => spanDays(span)))).toBeLessThanOrEqual(3);
});

it('what a part of a question was estimated at is a count of bytes, which a run after a kill can read', async () => {
  const { source } = pricedSource({
    shared: () => 10 * GB,
    // No third of it is whole.
    estimate: async () => 40 * GB + 1,
    before: ({ packages, span }) => {
      if (packages.length > 1 && spanDays(span) > 2) throw new SourceError('timeout', 'too long');
    },
  });
  const state = createState();
  await runOn(source, state, TODAY, listOf(300, 3));
  const estimates = state.spends.flatMap((text) =>
    Object.values<{ bytes_estimated: number }>(JSON.parse(text).shared).map((bill) => bill.bytes_estimated),
  );
  expect(estimates.length).toBeGreaterThan(2);
  expect(estimates.filter((bytes) => !Number.isSafeInteger(bytes))).toEqual([]);
});

it.each([
  ['query-invalid', 'asked for one by one'],
  ['quota', 'asked for one by one'],
  ['unexpected-answer', 'asked for one by one'],
] as const)('a price that cannot be asked (%s) leaves the way one by one', async (code, told) => {
  const estimate = () => Promise.reject(new SourceError(code, 'no'));
  const { source, asked } = pricedSource({ shared: () => GB, estimate });
  const state = createState();
  const { outcomes, warnings } = await runOn(source, state, TODAY, listOf(70, 1));
  expect(failuresOf(outcomes)).toEqual([]);
  expect(asked).toHaveLength(70);
  expect(warnings).toEqual([
    `what a day bills that is read once for all could not be asked: no; packages are ${told}`,
  ]);
});

it('a price that cannot be asked is that of the last bills', async () => {
  const state = createState();
  const first = pricedSource({ shared: () => 10 * GB });
  await runOn(first.source, state, TODAY, listOf(100, 3));
  const estimate = () => Promise.reject(new SourceError('quota', 'no'));
  const { source, asked } = pricedSource({ shared: () => 10 * GB, estimate });
  const { warnings } = await runOn(source, state, addDays(TODAY, 1), listOf(100, 3));
  expect(asked).toHaveLength(1);
  expect(warnings.join()).toContain('the last bills must do');
});
