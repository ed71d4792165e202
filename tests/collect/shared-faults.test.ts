import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { addDays, daysOf, spanDays } from '../../src/days/day.ts';
import { interrupted, NO_COST, SourceError } from '../../src/sources/source.ts';
import { downloadsOf, failuresOf, GB, listOf, pricedSource, runOn } from '../support/priced-source.ts';
import { createState } from '../support/state.ts';

/*
 * What may go wrong where days are read once for all.
 */

const TODAY = '2026-11-29';

describe('an interruption', () => {
  it('ends a question that falls apart, and accounts for nothing that was not sent', async () => {
    const stop = new AbortController();
    const { source, asked, billed } = pricedSource({
      shared: () => 10 * GB,
      before: ({ packages }) => {
        if (packages.length > 1) throw new SourceError('job-failed', 'too much', { cost: NO_COST });
        if (packages[0] === 'p-3') stop.abort(new Error('SIGTERM'));
        if (stop.signal.aborted) throw interrupted(stop.signal.reason, NO_COST);
      },
    });
    const state = createState();
    const { outcomes } = await runOn(source, state, TODAY, listOf(100, 1), { signal: stop.signal });
    expect(outcomes.map((outcome) => outcome.package.name)).toEqual(['p-0']);
    expect(asked).toHaveLength(5);
    const month = (await state.spend.load()).months.get('2026-11');
    // The question for all and the one that was cancelled billed nothing.
    expect(month?.bytesBilled).toBe(billed() - 10 * GB - 150_000_000);
    expect(month?.queries).toBe(1 + 5);
  });

  it('is heard while the price of a day is asked for', async () => {
    const stop = new AbortController();
    const { source, asked } = pricedSource({
      shared: () => 10 * GB,
      estimate: (_, signal) =>
        new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(interrupted(signal.reason, NO_COST)));
          stop.abort(new Error('SIGTERM'));
        }),
    });
    const { outcomes } = await runOn(source, createState(), TODAY, listOf(100, 1), { signal: stop.signal });
    expect([outcomes, asked]).toEqual([[], []]);
  });

  it('is heard between packages whose answers are there', async () => {
    const stop = new AbortController();
    const { source } = pricedSource({
      shared: () => 10 * GB,
      before: () => {
        setTimeout(() => stop.abort(new Error('SIGTERM')), 1);
      },
    });
    const { outcomes } = await runOn(source, createState(), TODAY, listOf(2_000, 2), { signal: stop.signal });
    expect(outcomes.length).toBeLessThan(2_000);
  });
});

it('a cause that all would meet, found while a question falls apart, ends the asking', async () => {
  let refused = false;
  const { source, asked } = pricedSource({
    shared: () => 10 * GB,
    before: ({ packages }) => {
      if (packages[0] === 'p-3') throw new SourceError('quota', 'used up');
      if (packages.length === 1 || refused) return;
      refused = true;
      throw new SourceError('job-failed', 'too much');
    },
  });
  const { outcomes } = await runOn(source, createState(), TODAY, listOf(100, 200));
  expect(asked).toHaveLength(5);
  expect(failuresOf(outcomes)).toHaveLength(100);
});

it('days whose answer was lost are missed, also where the last question is about one package', async () => {
  const state = createState();
  state.ledgers.append = async () => undefined;
  const packages = listOf(100, 3).map((each, index) =>
    index === 7 ? { ...each, windows: [5] as const } : each,
  );
  const { source } = pricedSource({ shared: () => 10 * GB });
  const { outcomes } = await runOn(source, state, TODAY, packages);
  const failures = failuresOf(outcomes);
  expect(failures).toHaveLength(100);
  expect(failures[7]).toMatch(/^p-7: .* was read, and what was kept of it is damaged or gone/);
});

it('a first filling that was stopped is not paid for again where the source cannot tell its days', async () => {
  const { source, asked } = pricedSource({ shared: () => 40 * GB, unsupported: true });
  const state = createState();
  await runOn(source, state, TODAY, listOf(400, 30), { stopAfter: 1 });
  const before = asked.length;
  const { outcomes } = await runOn(source, state, TODAY, listOf(400, 30));
  expect(asked.slice(before).flatMap(({ span }) => daysOf(span))).toEqual(['2026-11-27', '2026-11-28']);
  expect(failuresOf(outcomes)).toEqual([]);
  expect(downloadsOf(outcomes[399])).toBe(30);
  // The whole window is due a week later, and not before.
  const weekLater = addDays(TODAY, 7);
  for (const [today, days] of [
    [addDays(TODAY, 6), 6],
    [weekLater, 30],
  ] as const) {
    const then = asked.length;
    await runOn(source, state, today, listOf(400, 30));
    expect(asked.slice(then).reduce((sum, { span }) => sum + spanDays(span), 0)).toBe(days);
  }
});

it('a clock that was wrong once does not have whole windows read from then on', async () => {
  const { source, asked } = pricedSource({ shared: () => 100 * GB, unsupported: true });
  const state = createState();
  await runOn(source, state, '2036-01-10', listOf(1, 30));
  const days: number[] = [];
  for (let day = 0; day < 4; day += 1) {
    const before = asked.length;
    await runOn(source, state, addDays(TODAY, day), listOf(1, 30));
    days.push(asked.slice(before).reduce((sum, { span }) => sum + spanDays(span), 0));
  }
  expect(days).toEqual([30, 2, 2, 2]);
});

it('no question for all is asked twice, however many packages are read side by side', async () => {
  const { source, asked } = pricedSource({
    alone: GB,
    shared: () => 12 * GB,
    before: ({ span }) => sleep(span.end === TODAY ? 60 : 1),
  });
  const state = createState();
  await runOn(source, state, TODAY, listOf(31, 1));
  await runOn(source, state, addDays(TODAY, 1), listOf(31, 1).slice(30));
  const before = asked.length;
  const { outcomes } = await runOn(source, state, addDays(TODAY, 1), listOf(31, 3), { concurrency: 16 });
  expect(failuresOf(outcomes)).toEqual([]);
  const keys = asked
    .slice(before)
    .map(({ packages, span }) => `${packages.join()} ${span.start} ${span.end}`);
  expect(new Set(keys).size).toBe(keys.length);
});

it('a backfill while the table is late adds up no day that a window needs', async () => {
  const { source, asked } = pricedSource({
    shared: () => 100 * GB,
    rowsOn: (day) => (day >= '2026-11-24' ? 0 : 1_000_000),
  });
  const state = createState();
  await runOn(source, state, TODAY, listOf(1, 365));
  await runOn(source, state, TODAY, listOf(1, 500), { fillsPast: true, lookBackDays: 0 });
  const before = asked.length;
  const { outcomes } = await runOn(source, state, TODAY, listOf(1, 365));
  expect(asked.length).toBe(before);
  expect(downloadsOf(outcomes[0])).toBe(365);
});
