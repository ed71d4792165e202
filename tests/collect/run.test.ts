import { describe, expect, it } from 'vitest';
import type { Outcome, RunInput } from '../../src/collect/run.ts';
import { addDays, type Day } from '../../src/days/day.ts';
import { OperatorError } from '../../src/errors/error.ts';
import { SourceError } from '../../src/sources/source.ts';
import { runOn } from '../support/priced-source.ts';
import { createState } from '../support/state.ts';
import { createTable, type SourceOptions } from '../support/table.ts';

const MB = 1_000_000;

/** A table in which somebody downloads alpha, and others something else, on every day of 2026 until 30 May. */
async function quiet() {
  const table = await createTable();
  await table.sql(
    `INSERT INTO file_downloads SELECT '2026-01-01 12:00:00+00'::TIMESTAMPTZ + to_days(n::INTEGER),
       {'project': project}, {'ci': NULL, 'installer': {'name': 'pip'}, 'system': NULL}
     FROM range(150) AS days(n), (VALUES ('alpha'), ('someone'), ('someone')) AS projects(project)`,
  );
  const state = createState();
  /** A run of alpha with 30 days, unless told otherwise. */
  const collect = (asOf: Day, more: Partial<RunInput> & { source?: SourceOptions } = {}) =>
    runOn(table.source(more.source), state, asOf, [{ name: 'alpha', windows: [30] }], more);
  return { table, state, collect };
}

function total(outcome: Outcome | undefined): number {
  if (outcome?.kind !== 'read') throw new Error('not read');
  return downloadsOf(outcome, outcome.package.windows[0]);
}

/** Downloads of the last days before the windows end. */
function downloadsOf(outcome: Extract<Outcome, { kind: 'read' }>, windowDays: number): number {
  const first = addDays(outcome.days.days.at(-1) ?? '', 1 - windowDays);
  return [...outcome.rows]
    .filter(([day]) => day >= first)
    .flatMap(([, rows]) => rows)
    .reduce((sum, { downloads }) => sum + downloads, 0);
}

function messageOf(outcome: Outcome | undefined): string {
  if (outcome?.kind !== 'failed') throw new Error('not failed');
  return outcome.error instanceof Error ? outcome.error.message : String(outcome.error);
}

it('knows of incomplete days before the longest window, so that an outage is no trend', async () => {
  const { table, collect } = await quiet();
  await table.sql(
    `INSERT INTO file_downloads SELECT '2026-01-01 12:00:00+00'::TIMESTAMPTZ + to_days(n::INTEGER),
       {'project': 'someone'}, {'ci': NULL, 'installer': {'name': 'pip'}, 'system': NULL}
     FROM range(150) AS days(n), range(10) WHERE n <> 79`,
  );
  const source = { traits: { billed: false } };
  const { outcomes, upstream } = await collect('2026-05-10', { source, lookBackDays: 60 });
  expect(upstream?.partialDays).toEqual([]);
  expect(outcomes).toMatchObject([{ kind: 'read', days: { partialDays: ['2026-03-21'] } }]);
});

describe('what is read', () => {
  it('scans 30 + 39 days in forty daily runs of a quiet table', async () => {
    const { table, collect } = await quiet();
    for (let run = 0; run < 40; run += 1) {
      const { outcomes } = await collect(addDays('2026-03-01', run));
      expect(total(outcomes[0])).toBe(30);
    }
    expect(table.daysScanned()).toBe(30 + 39);
  });

  it('reads a day that has changed again, and nothing else', async () => {
    const { table, collect } = await quiet();
    await collect('2026-03-01');
    await table.add({ day: '2026-02-10', package: 'alpha', times: 5 });
    table.asked.length = 0;
    const { outcomes } = await collect('2026-03-01');
    expect(table.asked).toEqual([{ packages: ['alpha'], span: { start: '2026-02-10', end: '2026-02-11' } }]);
    expect(total(outcomes[0])).toBe(35);
    expect(outcomes[0]).toMatchObject({ changes: [{ day: '2026-02-10', before: 1, after: 6 }] });
  });

  it('takes any number of windows from what the longest one read', async () => {
    const { table, collect } = await quiet();
    const { outcomes } = await collect('2026-05-01', { packages: [{ name: 'alpha', windows: [7, 30, 90] }] });
    expect(table.daysScanned()).toBe(90);
    const [outcome] = outcomes;
    if (outcome?.kind !== 'read') throw new Error('not read');
    expect([7, 30, 90].map((windowDays) => downloadsOf(outcome, windowDays))).toEqual([7, 30, 90]);
  });

  it('reads only the older days when a window grows', async () => {
    const { table, collect } = await quiet();
    await collect('2026-05-01');
    table.asked.length = 0;
    await collect('2026-05-01', { packages: [{ name: 'alpha', windows: [40] }] });
    expect(table.asked).toEqual([{ packages: ['alpha'], span: { start: '2026-03-22', end: '2026-04-01' } }]);
  });

  it('reads everything again with --full, and tells what had changed', async () => {
    const { table, collect } = await quiet();
    await collect('2026-03-01');
    await table.add({ day: '2026-02-03', package: 'alpha' });
    const { outcomes } = await collect('2026-03-01', { full: true });
    expect(table.daysScanned()).toBe(60);
    expect(outcomes[0]).toMatchObject({
      taken: { daysScanned: 30 },
      changes: [{ day: '2026-02-03', before: 1, after: 2 }],
    });
  });
});

describe('a source that cannot tell its days', () => {
  const source = { withoutDays: true };

  it('costs two days a run, and every seventh time the whole window', async () => {
    const { table, collect } = await quiet();
    for (let run = 0; run < 40; run += 1) {
      const { warnings } = await collect(addDays('2026-03-01', run), { source });
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain('the view is refused');
    }
    // Runs 1, 8, 15, 22, 29 and 36 read 30 days, the other 34 two.
    expect(table.daysScanned()).toBe(6 * 30 + 34 * 2);
  });

  it('still counts rows that come a day late', async () => {
    const { table, collect } = await quiet();
    await collect('2026-03-01', { source });
    await table.add({ day: '2026-02-28', package: 'alpha', times: 3 });
    const { outcomes } = await collect('2026-03-02', { source });
    expect(total(outcomes[0])).toBe(33);
  });

  it('finds a day that was filled in weeks later within a week', async () => {
    const { table, collect } = await quiet();
    await collect('2026-03-01', { source });
    await table.add({ day: '2026-02-15', package: 'alpha', times: 3 });
    const counts: number[] = [];
    for (let run = 1; run <= 7; run += 1) {
      const { outcomes } = await collect(addDays('2026-03-01', run), { source });
      counts.push(total(outcomes[0]));
    }
    expect(counts).toEqual([30, 30, 30, 30, 30, 30, 33]);
  });

  it('reads its days once more when its days can be told again', async () => {
    const { table, collect } = await quiet();
    await collect('2026-03-01', { source });
    await collect('2026-03-01');
    expect(table.daysScanned()).toBe(60);
    await collect('2026-03-01');
    expect(table.daysScanned()).toBe(60);
  });
});

describe('a table that is late or has holes', () => {
  it('ends the window with the last day that there is', async () => {
    const { collect } = await quiet();
    const { upstream, warnings, outcomes } = await collect('2026-06-07');
    expect(upstream).toMatchObject({ end: '2026-05-31', lastDay: '2026-05-30', missingDays: [] });
    expect(warnings.join()).toContain('the table ends with 2026-05-30');
    expect(total(outcomes[0])).toBe(30);
  });

  it('fails every package, unread, when it is more than seven days behind', async () => {
    const { table, collect } = await quiet();
    const packages = [
      { name: 'alpha', windows: [30] as const },
      { name: 'beta', windows: [7] as const },
    ];
    const { outcomes } = await collect('2026-06-08', { packages });
    expect(outcomes.map(messageOf)).toEqual([
      expect.stringContaining('no whole day since 2026-05-30'),
      expect.stringContaining('no whole day since 2026-05-30'),
    ]);
    expect(table.asked).toEqual([]);
  });

  it('lists a hole, does not read it, and reads it once it is filled', async () => {
    const { table, collect } = await quiet();
    await table.sql("DELETE FROM file_downloads WHERE timestamp::DATE = DATE '2026-02-18'");
    const first = await collect('2026-03-01');
    expect(first.upstream?.missingDays).toEqual(['2026-02-18']);
    expect(first.warnings.join()).toContain('2026-02-18');
    expect(table.daysScanned()).toBe(29);
    expect(total(first.outcomes[0])).toBe(29);

    await table.add({ day: '2026-02-18', package: 'alpha', times: 9 });
    const second = await collect('2026-03-01');
    expect(second.upstream?.missingDays).toEqual([]);
    expect(table.daysScanned()).toBe(30);
    expect(total(second.outcomes[0])).toBe(38);
  });

  it('counts a day as the table says when the table has lost it', async () => {
    const { table, collect } = await quiet();
    await collect('2026-03-01');
    await table.sql("DELETE FROM file_downloads WHERE timestamp::DATE = DATE '2026-02-18'");
    const { outcomes } = await collect('2026-03-01');
    expect(total(outcomes[0])).toBe(29);
  });
});

describe('failures', () => {
  const packages = ['alpha', 'beta', 'gamma'].map((name) => ({ name, windows: [3] as const }));
  const faultOn = (name: string, error: Error): SourceOptions => ({
    fault: (question) => (question.packages[0] === name ? error : undefined),
  });

  it('keep to their package', async () => {
    const { collect } = await quiet();
    const source = faultOn('beta', new SourceError('unavailable', 'broken'));
    const { outcomes } = await collect('2026-03-01', { source, packages });
    expect(outcomes.map(({ kind }) => kind)).toEqual(['read', 'failed', 'read']);
  });

  it('end the run when every package would meet them', async () => {
    const { table, collect } = await quiet();
    const source = faultOn('beta', new SourceError('permission', 'no permission'));
    const { outcomes } = await collect('2026-03-01', { source, packages });
    expect(outcomes.map(({ kind }) => kind)).toEqual(['read', 'failed', 'failed']);
    expect(messageOf(outcomes[2])).toBe('not attempted: no permission');
    expect(outcomes[2]).not.toHaveProperty('attempted');
    expect(table.asked.map((question) => question.packages[0])).toEqual(['alpha', 'beta']);
  });

  it("are every package's when the source cannot be opened", async () => {
    const { collect } = await quiet();
    const open = async () => {
      throw new OperatorError('files-missing', 'no such file');
    };
    const run = await collect('2026-03-01', { packages, open });
    expect(run.upstream).toBeUndefined();
    expect(run.outcomes.map(messageOf)).toEqual(Array(3).fill('not attempted: no such file'));
  });

  it('keep what was paid for before them', async () => {
    const { table, collect } = await quiet();
    await collect('2026-02-01', { packages: [{ name: 'alpha', windows: [3] }] });
    await collect('2026-02-20', { packages: [{ name: 'alpha', windows: [3] }] });
    table.asked.length = 0;
    // Three gaps to fill, the newest first; the second query fails.
    let queries = 0;
    const source = { fault: () => (++queries === 2 ? new SourceError('unavailable', 'broken') : undefined) };
    const wide = [{ name: 'alpha', windows: [40] as const }];
    const failed = await collect('2026-02-25', { source, packages: wide });
    expect(failed.outcomes.map(({ kind }) => kind)).toEqual(['failed']);
    table.asked.length = 0;
    await collect('2026-02-25', { packages: wide });
    expect(table.asked.map(({ span }) => span)).toEqual([
      { start: '2026-02-01', end: '2026-02-17' },
      { start: '2026-01-16', end: '2026-01-29' },
    ]);
  });
});

describe('the budget', () => {
  const source = { bytesPerDay: 150 * MB };

  it('writes down what is about to be asked before it is, and what it billed after', async () => {
    const { state, collect } = await quiet();
    await collect('2026-03-01', { source });
    const spends = state.spends.map((text) => JSON.parse(text));
    expect(spends[0]).toMatchObject({
      version: 1,
      months: {},
      pending: { '(days)': { month: '2026-03', bytes: 10_485_760 } },
    });
    // 30 days of 160 MB, rounded up to whole MiB.
    expect(spends[2].pending).toEqual({ alpha: { month: '2026-03', bytes: 4578 * 1024 ** 2 } });
    expect(spends.at(-1)).toMatchObject({
      version: 1,
      months: { '2026-03': { bytes_billed: 30 * 150 * MB, queries: 2 } },
      pending: {},
    });
  });

  it('counts what a killed run was asking as billed', async () => {
    const { state, collect } = await quiet();
    await collect('2026-03-01', { source });
    state.spends.push(state.spends[2] ?? ''); // as if it had been killed during alpha's query
    await collect('2026-03-02', { source });
    const last = JSON.parse(state.spends.at(-1) ?? '');
    // Days of the first run, alpha's lost query, and the two of the second run, with one new day.
    expect(last.months['2026-03']).toEqual({ bytes_billed: 4578 * 1024 ** 2 + 150 * MB, queries: 4 });
  });

  it('stops the package that would pass it, says when it can run, and lets cheaper ones run', async () => {
    const { table, collect } = await quiet();
    const alpha = { name: 'alpha', windows: [30] as const };
    await collect('2026-03-01', { source, packages: [alpha] });
    const { outcomes } = await collect('2026-03-02', {
      source,
      packages: [{ name: 'someone', windows: [30] }, alpha],
      budgetBytes: 6_000 * MB,
    });
    expect(messageOf(outcomes[0])).toBe(
      "the month's budget would be passed: 4.2 GiB of 5.6 GiB are billed in 2026-03, and this needs about 4.5 GiB; it can run from 2026-04-01 (UTC), or raise bigquery.monthly_budget_gib",
    );
    expect(outcomes[1]?.kind).toBe('read');
    expect(table.asked.map((question) => question.packages[0])).toEqual(['alpha', 'alpha']);
  });

  it('still serves what the ledger has when not even the question about days fits', async () => {
    const { collect } = await quiet();
    const packages = [
      { name: 'alpha', windows: [30] as const },
      { name: 'someone', windows: [7] as const },
    ];
    await collect('2026-03-01', { source, packages: packages.slice(0, 1) });
    const { outcomes, warnings } = await collect('2026-03-01', { source, packages, budgetBytes: 1 });
    expect(warnings.join()).toContain('which days changed was not asked');
    expect(total(outcomes[0])).toBe(30);
    expect(messageOf(outcomes[1])).toContain('it can never run within this budget');
  });

  it('accounts for a query that failed after it was billed', async () => {
    const { state, collect } = await quiet();
    const cost = { bytesProcessed: 5 * MB, bytesBilled: 5 * MB, cacheHit: false };
    const billedFault = { ...source, fault: () => new SourceError('unavailable', 'page lost', { cost }) };
    await collect('2026-03-01', { source: billedFault });
    expect(JSON.parse(state.spends.at(-1) ?? '').months).toEqual({
      '2026-03': { bytes_billed: 5 * MB, queries: 2 },
    });
  });

  it('does not concern a source that bills nothing', async () => {
    const { state, collect } = await quiet();
    const free = { traits: { billed: false } };
    const { outcomes } = await collect('2026-03-01', { source: free, budgetBytes: 1 });
    expect(outcomes[0]?.kind).toBe('read');
    expect(state.spends).toEqual([]);
  });
});
