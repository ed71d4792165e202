import { describe, expect, it, onTestFinished } from 'vitest';
import type { Outcome } from '../../src/collect/reader.ts';
import { addDays } from '../../src/days/day.ts';
import { OperatorError } from '../../src/errors/error.ts';
import type { BigQueryConfig } from '../../src/sources/bigquery/index.ts';
import { openBigQuery } from '../../src/sources/bigquery/source.ts';
import { BigQueryServer, type ServerOptions } from '../support/bigquery-server.ts';
import { createState } from '../support/state.ts';
import { downloadsOf, failuresOf, GB, listOf, pricedRuns, runOn } from '../support/table.ts';

/*
 * Whole runs over many packages, where a day of a package bills 150 MB. Expected figures are prices times days.
 */

const TODAY = '2026-04-11';
const TOMORROW = '2026-04-12';

describe('the second day of a list on BigQuery', () => {
  /** Runs over packages of 7 days, each of which has as many downloads a day as its number, and one more. */
  async function house(count: number, options: ServerOptions, sharing: BigQueryConfig['sharing'] = 'auto') {
    const rows = listOf(count, 7).flatMap(({ name: project }, index) =>
      Array.from({ length: 8 }, (_, back) => ({
        project,
        day: addDays(TODAY, -back),
        installer: 'pip',
        downloads: index + 1,
      })),
    );
    const server = await BigQueryServer.start({ rows, pageRows: 100_000, ...options });
    onTestFinished(() => server.close());
    const config: BigQueryConfig = {
      ...{ kind: 'bigquery', projectId: 'p', location: 'US', queryTimeoutSeconds: 60, sharing },
      table: 'bigquery-public-data.pypi.file_downloads',
    };
    const state = createState();
    const collect = async (today: string) => {
      const [bytes, jobs] = [server.bytesBilled, server.jobs.size];
      const now = () => new Date(`${today}T06:00:00Z`);
      const source = await openBigQuery(config, { env: { BIGQUERY_EMULATOR_HOST: server.host }, now });
      const run = await runOn(source, state, today, listOf(count, 7));
      expect(failuresOf(run.outcomes)).toEqual([]);
      // One of the jobs asks for the days.
      return { ...run, billed: (server.bytesBilled - bytes) / GB, jobs: server.jobs.size - jobs - 1 };
    };
    return { server, state, collect };
  }

  it('of 70 packages is asked for one by one, and never more than one question at a time', async () => {
    const { server, collect } = await house(70, {});
    expect((await collect(TODAY)).notes).toEqual([expect.stringContaining('for each package alone')]);
    const { jobs, billed, notes } = await collect(TOMORROW);
    expect(jobs).toBe(70);
    expect(server.mostAtOnce).toBe(1);
    // 70 x 150 MB; each bill is rounded up to a MiB, and the days of the table are asked for once.
    expect(billed).toBeGreaterThanOrEqual(10.5);
    expect(billed).toBeLessThan(10.7);
    // A shared day bills 100 GB.
    expect(notes.join()).toContain('equal at about 667 packages');
  });

  it('of 150 packages is read once for all where that is cheaper', async () => {
    const { collect, state } = await house(150, { bytesPerSharedDay: 10 * GB });
    expect((await collect(TODAY)).billed).toBeCloseTo(7 * 10, 0);
    const { jobs, billed, outcomes, notes } = await collect(TOMORROW);
    expect(jobs).toBe(1);
    expect(billed).toBeCloseTo(10, 0);
    expect(notes.join()).toMatch(
      /^2026-04-11 is read once for all: a day of 150 packages .*by a dry run and its last bills/,
    );
    // Eight days are in the ledger: the seven of the first run, and the new one.
    expect(downloadsOf(outcomes[149])).toBe(150 * 8);
    // What a package's day bills alone is not fetched from a bill for all.
    const spend = JSON.parse(state.spends.at(-1) ?? '');
    expect(spend.packages).toEqual({});
    expect(spend.shared['2026-04']).toMatchObject({ days_scanned: 8 });
  });

  it('is asked for one by one where sharing would be cheaper, but is forbidden', async () => {
    const { server, collect } = await house(63, { bytesPerSharedDay: GB }, 'never');
    expect(await collect(TODAY)).toMatchObject({ jobs: 63, notes: [] });
    expect(server.callsOf('dryRun')).toEqual([]);
  });
});

describe('a first filling by several questions', () => {
  const COUNT = 100;
  const LIST = listOf(COUNT, 7);
  /** A question is about 400 days of packages at most: seven days are two questions. */
  const filling = (daily: (name: string, day: string) => number = (name) => Number(name.slice(2)) + 1) =>
    pricedRuns({ shared: () => GB, traits: { packageDaysAtOnce: 400 } }, { daily });

  it('saves the ledger of each package once', async () => {
    const { run, asked, state } = filling();
    const saves: string[] = [];
    const { save } = state.ledgers;
    state.ledgers.save = (name, ledger) => {
      saves.push(name);
      return save(name, ledger);
    };
    const { outcomes } = await run(TODAY, LIST);
    expect(asked).toHaveLength(2);
    expect(failuresOf(outcomes)).toEqual([]);
    expect(downloadsOf(outcomes[41])).toBe(42 * 7);
    expect(saves.toSorted()).toEqual(LIST.map(({ name }) => name).toSorted());
  });

  it.each([
    { code: 'disk-obstacle', affectsAll: false, failing: 1 },
    { code: 'disk-full', affectsAll: true, failing: COUNT },
  ] as const)('that was stopped, and then $code, fails $failing and is not paid for again', async (fault) => {
    const { run, asked, state } = filling();
    await run(TODAY, LIST, { stopAfter: 10 });
    expect(state.texts.size).toBe(10);
    const { save } = state.ledgers;
    state.ledgers.save = async (name, ledger) => {
      if (name === 'p-70') throw new OperatorError(fault.code, 'it cannot be written', fault);
      await save(name, ledger);
    };
    const failures = failuresOf((await run(TODAY, LIST)).outcomes);
    expect(failures).toHaveLength(fault.failing);
    expect(failures.join()).toContain('p-70: OperatorError: ');
    // What was paid for waits until it can be saved.
    state.ledgers.save = save;
    const { outcomes } = await run(TODAY, LIST);
    expect(asked).toHaveLength(2);
    expect(failuresOf(outcomes)).toEqual([]);
    expect(state.texts.size).toBe(COUNT);
    expect([70, 99].map((index) => downloadsOf(outcomes[index]))).toEqual([71 * 7, 100 * 7]);
  });

  it('that is done again tells which days had changed', async () => {
    let now = 8;
    const { run } = filling((name, day) => (name === 'p-7' && day === '2026-04-10' ? now : 8));
    await run(TODAY, LIST);
    now = 100;
    const { outcomes } = await run(TODAY, LIST, { full: true });
    const changes = outcomes.map((outcome) => (outcome.kind === 'read' ? outcome.changes : []));
    expect(changes[7]).toEqual([{ day: '2026-04-10', before: 8, after: 100 }]);
    expect(changes.flat()).toHaveLength(1);
  });
});

describe('a past that is filled once for all', () => {
  const DAYS = 380;
  const COUNT = 63;
  const total = (outcome: Outcome | undefined) => outcome?.kind === 'read' && outcome.total?.count;

  it.each([COUNT, 3])('is whole, each day once, where a run ends after %d packages', async (stopAfter) => {
    const daily = (name: string) => Number(name.slice(2)) + 1;
    const { run, asked, state } = pricedRuns({ shared: () => GB }, { daily });
    await run(TODAY, listOf(COUNT, DAYS), { stopAfter, fillsPast: true });
    const { outcomes } = await run(TODAY, listOf(COUNT, DAYS), { fillsPast: true });
    // 10,000 days of packages are the most of a question.
    expect(asked).toHaveLength(Math.ceil(DAYS / Math.floor(10_000 / COUNT)));
    expect([0, 41, 62].map((index) => total(outcomes[index]))).toEqual([DAYS, 42 * DAYS, 63 * DAYS]);
    const { old, days } = JSON.parse(state.texts.get('p-1') ?? '');
    // Of the days before today, 365 are kept one by one.
    expect([old[0].spans[0][0], old.at(-1).spans[0][1]]).toEqual(['2025-03-27', '2025-04-11']);
    const sums = old.map(({ rows }: { rows: unknown[][] }) => Number(rows[0]?.[3]));
    expect(sums.reduce((sum: number, each: number) => sum + each)).toBe(2 * (DAYS - 365));
    expect(days).toHaveLength(365);
  });
});
