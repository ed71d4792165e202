import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { addDays } from '../../src/days/day.ts';
import { interrupted, SourceError } from '../../src/errors/error.ts';
import { NO_COST } from '../../src/util.ts';
import { downloadsOf, failuresOf, GB, listOf, pricedRuns } from '../support/table.ts';

/*
 * What may go wrong where days are read once for all.
 */

const TODAY = '2026-11-29';

describe('an interruption', () => {
  it('ends a question that falls apart, and accounts for nothing that was not sent', async () => {
    const stop = new AbortController();
    const { run, asked, billed, state } = pricedRuns({
      before: ({ packages }) => {
        if (packages.length > 1) return new SourceError('job-failed', 'too much', { cost: NO_COST });
        if (packages[0] === 'p-3') stop.abort(new Error('SIGTERM'));
        return stop.signal.aborted ? interrupted(stop.signal.reason, NO_COST) : undefined;
      },
    });
    const { outcomes } = await run(TODAY, listOf(100, 1), { signal: stop.signal });
    expect(outcomes.map((outcome) => outcome.package.name)).toEqual(['p-0']);
    expect(asked).toHaveLength(5);
    // The question for all and the one that was cancelled billed nothing.
    const bytesBilled = billed() - 10 * GB - 150_000_000;
    expect((await state.spend.load()).months.get('2026-11')).toEqual({ bytesBilled, queries: 1 + 5 });
  });

  it('is heard while the price of a day is asked for', async () => {
    const stop = new AbortController();
    const { run, asked } = pricedRuns({
      estimate: (_, signal) =>
        new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(interrupted(signal.reason, NO_COST)));
          stop.abort(new Error('SIGTERM'));
        }),
    });
    const { outcomes } = await run(TODAY, listOf(100, 1), { signal: stop.signal });
    expect([outcomes, asked]).toEqual([[], []]);
  });

  it('is heard between packages whose answers are there', async () => {
    const stop = new AbortController();
    const before = () => void setTimeout(() => stop.abort(new Error('SIGTERM')), 1);
    const { outcomes } = await pricedRuns({ before }).run(TODAY, listOf(2_000, 2), { signal: stop.signal });
    expect(outcomes.length).toBeLessThan(2_000);
  });
});

it('days whose answer was lost are missed, also where the last question is about one package', async () => {
  const { run, state } = pricedRuns({});
  state.ledgers.append = async () => undefined;
  const packages = listOf(100, 3).map((each) =>
    each.name === 'p-7' ? { ...each, windows: [5] as const } : each,
  );
  const failures = failuresOf((await run(TODAY, packages)).outcomes);
  expect(failures).toHaveLength(100);
  expect(failures[7]).toMatch(/^p-7: .* was read, and what was kept of it is damaged or gone/);
});

it('a first filling that was stopped is not paid for again where the source cannot tell its days', async () => {
  const { run, asked, daysAsked } = pricedRuns({ unsupported: true, traits: { packageDaysAtOnce: 2_500 } });
  await run(TODAY, listOf(100, 30), { stopAfter: 1 });
  asked.length = 0;
  const { outcomes } = await run(TODAY, listOf(100, 30));
  expect(daysAsked()).toEqual(['2026-11-27', '2026-11-28']);
  expect(failuresOf(outcomes)).toEqual([]);
  expect(downloadsOf(outcomes[99])).toBe(30);
  // The whole window is due a week later, and not before.
  const later: number[] = [];
  for (const days of [6, 7]) {
    asked.length = 0;
    await run(addDays(TODAY, days), listOf(100, 30));
    later.push(daysAsked().length);
  }
  expect(later).toEqual([6, 30]);
});

it('a clock that was wrong once does not have whole windows read from then on', async () => {
  const { run, asked, daysScanned } = pricedRuns({ shared: () => 100 * GB, unsupported: true });
  await run('2036-01-10', listOf(1, 30));
  const days: number[] = [];
  for (let day = 0; day < 4; day += 1) {
    asked.length = 0;
    await run(addDays(TODAY, day), listOf(1, 30));
    days.push(daysScanned());
  }
  expect(days).toEqual([30, 2, 2, 2]);
});

it('no question for all is asked twice, however many packages are read side by side', async () => {
  const { run, asked } = pricedRuns({
    alone: GB,
    shared: () => 12 * GB,
    before: async ({ span }) => void (await sleep(span.end === TODAY ? 60 : 1)),
  });
  const tomorrow = addDays(TODAY, 1);
  await run(TODAY, listOf(31, 1));
  await run(tomorrow, listOf(31, 1).slice(30));
  asked.length = 0;
  const { outcomes } = await run(tomorrow, listOf(31, 3), { concurrency: 16 });
  expect(failuresOf(outcomes)).toEqual([]);
  const keys = asked.map(({ packages, span }) => `${packages.join()} ${span.start} ${span.end}`);
  expect(new Set(keys).size).toBe(keys.length);
});

it('a backfill while the table is late adds up no day that a window needs', async () => {
  const rowsOn = (day: string) => (day >= '2026-11-24' ? 0 : 1_000_000);
  const { run, asked } = pricedRuns({ shared: () => 100 * GB, rowsOn });
  await run(TODAY, listOf(1, 365));
  await run(TODAY, listOf(1, 500), { fillsPast: true, lookBackDays: 0 });
  asked.length = 0;
  const { outcomes } = await run(TODAY, listOf(1, 365));
  expect(asked).toEqual([]);
  expect(downloadsOf(outcomes[0])).toBe(365);
});
