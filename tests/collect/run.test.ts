import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/collect/reader.ts';
import type { RunInput } from '../../src/collect/run.ts';
import { addDays, type Day } from '../../src/days/day.ts';
import { SourceError } from '../../src/errors/error.ts';
import { incompleteDaysOf } from '../../src/metric/package-days.ts';
import { createState } from '../support/state.ts';
import { createTable, downloadsOf, failuresOf, runOn, type SourceOptions } from '../support/table.ts';

const MB = 1_000_000;
const single = (name: string, ...windows: [number, ...number[]]) => ({ name, windows });
const span = (start: Day, end: Day) => ({ packages: ['alpha'], span: { start, end } });

/** A table in which somebody downloads alpha, and others something else, on every day of 2026 until 30 May. */
function quiet() {
  const table = createTable(
    Array.from({ length: 150 }, (_, index) => addDays('2026-01-01', index)).flatMap((day) => [
      { day, package: 'alpha' },
      { day, package: 'someone', times: 2 },
    ]),
  );
  const state = createState();
  /** A run of alpha with 30 days, unless told otherwise. */
  const collect = (asOf: Day, more: Partial<RunInput> & { source?: SourceOptions } = {}) =>
    runOn(table.source(more.source), state, asOf, [single('alpha', 30)], more);
  /** What a run asked for. */
  const asks = async (...given: Parameters<typeof collect>) => {
    const before = table.asked.length;
    await collect(...given);
    return table.asked.slice(before).map(({ packages, span }) => ({ packages, span }));
  };
  return { table, state, collect, asks };
}

const total = (outcome: Outcome | undefined) => downloadsOf(outcome, lastOf(outcome, 30));

/** The first of the last days before the windows end. */
function lastOf(outcome: Outcome | undefined, days: number): Day {
  return outcome?.kind === 'read' ? addDays(outcome.days.at(-1)?.day ?? '', 1 - days) : '';
}

it('knows of incomplete days before the longest window, so that an outage is no trend', async () => {
  const { table, collect } = quiet();
  const outage = '2026-03-21';
  const others = table.rows.filter(({ day, package: name }) => name === 'someone' && day !== outage);
  table.rows.push(...others.map(({ day }) => ({ day, package: 'someone', times: 10 })));
  const source = { traits: { billed: false } };
  const { outcomes, upstream } = await collect('2026-05-10', { source, lookBackDays: 60 });
  expect(upstream?.partialDays).toEqual([]);
  expect(
    outcomes.flatMap((each) => (each.kind === 'read' ? incompleteDaysOf(each.days).partial : [])),
  ).toEqual([outage]);
});

describe('what is read', () => {
  it('scans 30 + 39 days in forty daily runs of a quiet table', async () => {
    const { table, collect } = quiet();
    for (let run = 0; run < 40; run += 1) {
      expect(total((await collect(addDays('2026-03-01', run))).outcomes[0])).toBe(30);
    }
    expect(table.daysScanned()).toBe(30 + 39);
  });

  it('takes any number of windows from what the longest one read, and only the older days when one grows', async () => {
    const { collect, asks } = quiet();
    const windows = { packages: [single('alpha', 7, 30)] };
    expect(await asks('2026-05-01', windows)).toEqual([span('2026-04-01', '2026-05-01')]);
    const longer = { packages: [single('alpha', 40)] };
    expect(await asks('2026-05-01', longer)).toEqual([span('2026-03-22', '2026-04-01')]);
    const [outcome] = (await collect('2026-05-01', windows)).outcomes;
    expect([7, 30].map((days) => downloadsOf(outcome, lastOf(outcome, days)))).toEqual([7, 30]);
  });

  it.each([
    [false, span('2026-02-10', '2026-02-11')],
    [true, span('2026-01-30', '2026-03-01')],
  ])('reads a day again that has changed, and all of them with --full: %s', async (full, expected) => {
    const { table, collect } = quiet();
    await collect('2026-03-01');
    table.rows.push({ day: '2026-02-10', package: 'alpha', times: 5 });
    table.asked.length = 0;
    const { outcomes } = await collect('2026-03-01', { full });
    expect(table.asked).toMatchObject([expected]);
    expect(total(outcomes[0])).toBe(35);
    expect(outcomes[0]).toMatchObject({
      taken: { daysScanned: full ? 30 : 1 },
      changes: [{ day: '2026-02-10', before: 1, after: 6 }],
    });
  });
});

describe('a source that cannot tell its days', () => {
  const source = { unsupported: true };

  it('costs two days a run, and every seventh time the whole window', async () => {
    const { table, collect } = quiet();
    for (let run = 0; run < 40; run += 1) {
      const { warnings } = await collect(addDays('2026-03-01', run), { source });
      expect(warnings).toEqual([expect.stringContaining('the view is refused')]);
    }
    // Runs 1, 8, 15, 22, 29 and 36 read 30 days, the other 34 two.
    expect(table.daysScanned()).toBe(6 * 30 + 34 * 2);
  });

  it('counts rows that come a day late at once, and those that come weeks later within a week', async () => {
    const { table, collect } = quiet();
    await collect('2026-03-01', { source });
    table.rows.push({ day: '2026-02-28', package: 'alpha', times: 5 });
    table.rows.push({ day: '2026-02-15', package: 'alpha', times: 3 });
    const counts: number[] = [];
    for (let run = 1; run <= 7; run += 1) {
      counts.push(total((await collect(addDays('2026-03-01', run), { source })).outcomes[0]));
    }
    expect(counts).toEqual([35, 35, 35, 35, 35, 35, 38]);
  });

  it('reads its days once more when its days can be told again', async () => {
    const { table, collect } = quiet();
    await collect('2026-03-01', { source });
    for (const _ of [1, 2]) {
      await collect('2026-03-01');
      expect(table.daysScanned()).toBe(60);
    }
  });
});

describe('a table that is late or has holes', () => {
  it('fails every package, unread, when it is more than seven days behind', async () => {
    const { table, collect } = quiet();
    const { outcomes } = await collect('2026-06-08', { packages: [single('alpha', 30), single('beta', 7)] });
    const late = expect.stringContaining('no whole day since 2026-05-30');
    expect(failuresOf(outcomes)).toEqual([late, late]);
    expect(table.asked).toEqual([]);
  });

  it('lists a hole, does not read it, reads it once it is filled, and counts what the table has lost as lost', async () => {
    const { table, collect } = quiet();
    const look = async () => {
      const { upstream, warnings, outcomes } = await collect('2026-03-01');
      expect(warnings.join().includes('no rows on 2026-02-18')).toBe(upstream?.missingDays.length === 1);
      return [upstream?.missingDays, table.daysScanned(), total(outcomes[0])];
    };
    table.lose('2026-02-18');
    expect(await look()).toEqual([['2026-02-18'], 29, 29]);
    table.rows.push({ day: '2026-02-18', package: 'alpha', times: 9 });
    expect(await look()).toEqual([[], 30, 38]);
    table.lose('2026-02-18');
    expect(await look()).toEqual([['2026-02-18'], 30, 29]);
  });
});

describe('failures', () => {
  const packages = ['alpha', 'beta', 'gamma'].map((name) => single(name, 3));

  it.each([
    ['keep to their package', 'unavailable', ['read', 'failed', 'read'], ['alpha', 'beta', 'gamma']],
    [
      'end the run when every package would meet them',
      'permission',
      ['read', 'failed', 'failed'],
      ['alpha', 'beta'],
    ],
  ] as const)('%s', async (_, code, kinds, asked) => {
    const { table, collect } = quiet();
    const source: SourceOptions = {
      before: ({ packages: [name] }) => (name === 'beta' ? new SourceError(code, 'broken') : undefined),
    };
    const { outcomes } = await collect('2026-03-01', { source, packages });
    expect(outcomes.map(({ kind }) => kind)).toEqual(kinds);
    expect(table.asked.map((question) => question.packages[0])).toEqual(asked);
    const unasked = outcomes.filter((outcome) => outcome.attempted === undefined);
    expect(failuresOf(unasked)).toEqual(
      kinds[2] === 'read' ? [] : ['gamma: OperatorError: not attempted: broken'],
    );
  });

  it('keep what was paid for before them', async () => {
    const { collect, asks } = quiet();
    for (const day of ['2026-02-01', '2026-02-20']) await collect(day, { packages: [single('alpha', 3)] });
    // Three gaps to fill, the newest first; the second query fails.
    let queries = 0;
    const source = { before: () => (++queries === 2 ? new SourceError('unavailable', 'broken') : undefined) };
    const wide = [single('alpha', 40)];
    expect(failuresOf((await collect('2026-02-25', { source, packages: wide })).outcomes)).toHaveLength(1);
    expect(await asks('2026-02-25', { packages: wide })).toEqual([
      span('2026-02-01', '2026-02-17'),
      span('2026-01-16', '2026-01-29'),
    ]);
  });
});

describe('the budget', () => {
  const source = { alone: 150 * MB };
  // 30 days of 160 MB, rounded up to whole MiB.
  const expected = 4578 * 1024 ** 2;

  it('writes down what is about to be asked before it is, and what it billed after', async () => {
    const { state, collect } = quiet();
    await collect('2026-03-01', { source });
    const spends = state.spends.map((text) => JSON.parse(text));
    const pending = { '(days)': { month: '2026-03', bytes: 10_485_760 } };
    expect(spends[0]).toMatchObject({ version: 1, months: {}, pending });
    expect(spends[2].pending).toEqual({ alpha: { month: '2026-03', bytes: expected } });
    const months = { '2026-03': { bytes_billed: 30 * 150 * MB, queries: 2 } };
    expect(spends.at(-1)).toMatchObject({ months, pending: {} });

    // As if it had been killed during alpha's query: what that was to bill counts as billed.
    state.spends.push(state.spends[2] ?? '');
    await collect('2026-03-02', { source });
    const last = JSON.parse(state.spends.at(-1) ?? '');
    // Days of the first run, alpha's lost query, and the two of the second run, with one new day.
    expect(last.months['2026-03']).toEqual({ bytes_billed: expected + 150 * MB, queries: 4 });
  });

  it('stops the package that would pass it, says when it can run, and lets cheaper ones run', async () => {
    const { table, collect } = quiet();
    await collect('2026-03-01', { source });
    const packages = [single('someone', 30), single('alpha', 30)];
    const { outcomes } = await collect('2026-03-02', { source, packages, budgetBytes: 6_000 * MB });
    expect(failuresOf(outcomes)).toEqual([
      "someone: BudgetError: the month's budget would be passed: 4.2 GiB of 5.6 GiB are billed in 2026-03, and this needs about 4.5 GiB; it can run from 2026-04-01 (UTC), or raise bigquery.monthly_budget_gib",
    ]);
    expect(table.asked.map((question) => question.packages[0])).toEqual(['alpha', 'alpha']);
  });

  it('still serves what the ledger has when not even the question about days fits', async () => {
    const { collect } = quiet();
    const packages = [single('alpha', 30), single('someone', 7)];
    await collect('2026-03-01', { source });
    const { outcomes, warnings } = await collect('2026-03-01', { source, packages, budgetBytes: 1 });
    expect(warnings.join()).toContain('which days changed was not asked');
    expect(total(outcomes[0])).toBe(30);
    expect(failuresOf(outcomes).join()).toContain('it can never run within this budget');
  });

  it('does not concern a source that bills nothing', async () => {
    const { state, collect } = quiet();
    const free = { source: { traits: { billed: false } }, budgetBytes: 1 };
    expect(failuresOf((await collect('2026-03-01', free)).outcomes)).toEqual([]);
    expect(state.spends).toEqual([]);
  });
});
