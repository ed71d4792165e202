import { afterEach, describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/collect/run.ts';
import { addDays } from '../../src/days/day.ts';
import { OperatorError } from '../../src/errors/error.ts';
import type { BigQueryConfig } from '../../src/sources/bigquery/index.ts';
import { openBigQuery } from '../../src/sources/bigquery/source.ts';
import { BigQueryServer, type ServerOptions, type ServerRow } from '../support/bigquery-server.ts';
import { downloadsOf, failuresOf, runOn } from '../support/priced-source.ts';
import { createState } from '../support/state.ts';

/*
 * Whole runs over many packages against BigQuery's dialect on loopback, which bills 150 MB for a package's
 * day and 100 GB for a day that is read for several. Expected figures are those prices times days.
 */

const GB = 1_000_000_000;
/** Yesterday of the first run. */
const FIRST = '2026-04-10';
const WINDOW = 7;

const CONFIG: BigQueryConfig = {
  kind: 'bigquery',
  projectId: 'p',
  location: 'US',
  table: 'bigquery-public-data.pypi.file_downloads',
  queryTimeoutSeconds: 60,
  sharing: 'auto',
};

const nameOf = (index: number) => `p-${index}`;

/** Every package has as many downloads a day as its number, and one more. */
function rowsOf(count: number, days: number): ServerRow[] {
  return Array.from({ length: days }, (_, back) => addDays(FIRST, 1 - back)).flatMap((day) =>
    Array.from({ length: count }, (_, index) => ({
      project: nameOf(index),
      day,
      installer: 'pip',
      downloads: index + 1,
    })),
  );
}

let server: BigQueryServer;
afterEach(() => server.close());

async function house(
  count: number,
  options: ServerOptions = {},
  config: Partial<BigQueryConfig> = {},
  window = WINDOW,
) {
  const rows = rowsOf(count, window + 1);
  server = await BigQueryServer.start({ rows, pageRows: 100_000, ...options });
  const state = createState();
  const packages = Array.from({ length: count }, (_, index) => ({
    name: nameOf(index),
    windows: [window] as [number],
    total: window > WINDOW,
  }));
  const warnings: string[] = [];
  return {
    rows,
    state,
    warnings,
    /** @param stopAfter How many packages are published before the run is stopped; all of them if absent. */
    async collect(yesterday: string, { full = false, stopAfter = count } = {}) {
      const before = server.bytesBilled;
      const today = addDays(yesterday, 1);
      const now = () => new Date(`${today}T06:00:00Z`);
      const source = await openBigQuery(
        { ...CONFIG, ...config },
        { BIGQUERY_EMULATOR_HOST: server.host },
        now,
      );
      const more = { full, stopAfter, fillsPast: window > WINDOW };
      const warn = (message: string) => void warnings.push(message);
      const run = await runOn(source, state, today, packages, { ...more, warn });
      return { ...run, billed: server.bytesBilled - before };
    },
  };
}

const jobs = () => server.callsOf('insert').filter(({ revisions }) => !revisions).length;

describe('the second day of a list', () => {
  it('of 70 packages is asked for one by one, and never more than one question at a time', async () => {
    const { collect } = await house(70);
    expect((await collect(FIRST)).notes).toEqual([expect.stringContaining('for each package alone')]);
    const asked = jobs();
    const { billed, outcomes, notes } = await collect(addDays(FIRST, 1));
    expect(jobs() - asked).toBe(70);
    expect(server.mostAtOnce).toBe(1);
    expect(failuresOf(outcomes)).toEqual([]);
    // 70 x 150 MB; each bill is rounded up to a MiB, and the days of the table are asked for once.
    expect(billed / GB).toBeGreaterThanOrEqual(10.5);
    expect(billed / GB).toBeLessThan(10.7);
    expect(notes.join()).toContain('equal at about 667 packages');
  });

  it('of 1,500 packages is read once for all', async () => {
    const { collect, state } = await house(1_500);
    const first = await collect(FIRST);
    expect(first.billed / GB).toBeCloseTo(7 * 100, 0);
    const asked = jobs();
    const { billed, outcomes, notes } = await collect(addDays(FIRST, 1));
    expect(jobs() - asked).toBe(1);
    expect(failuresOf(outcomes)).toEqual([]);
    expect(billed / GB).toBeCloseTo(100, 0);
    expect(notes.join()).toMatch(
      /^2026-04-11 is read once for all: a day of 1,500 packages .*by a dry run and its last bills/,
    );
    // Eight days are in the ledger: the seven of the first run, and the new one.
    expect(downloadsOf(outcomes[1_499])).toBe(1_500 * 8);
    // What a package's day bills alone is not fetched from a bill for all.
    const spend = JSON.parse(state.spends.at(-1) ?? '');
    expect(spend.packages).toEqual({});
    expect(spend.shared['2026-04']).toMatchObject({ days_scanned: 8 });
  });

  it('of packages for which sharing would be cheaper is asked for one by one where it is forbidden', async () => {
    const { collect } = await house(63, { bytesPerSharedDay: GB }, { sharing: 'never' });
    const { notes } = await collect(FIRST);
    expect(jobs()).toBe(63);
    expect(notes).toEqual([]);
    expect(server.callsOf('dryRun')).toEqual([]);
  });
});

describe('a first filling by several questions', () => {
  const COUNT = 1_500;
  /** As many days as make 10,000 of the packages together, which is the most that a question may have. */
  const QUESTIONS = Math.ceil(WINDOW / Math.floor(10_000 / COUNT));

  it('saves the ledger of each package once', async () => {
    const { collect, state } = await house(COUNT);
    const saves = new Map<string, number>();
    const { save } = state.ledgers;
    state.ledgers.save = (name, ledger) => {
      saves.set(name, (saves.get(name) ?? 0) + 1);
      return save(name, ledger);
    };
    const { outcomes } = await collect(FIRST);
    expect(jobs()).toBe(QUESTIONS);
    expect(QUESTIONS).toBeGreaterThan(1);
    expect(failuresOf(outcomes)).toEqual([]);
    expect(downloadsOf(outcomes[41])).toBe(42 * WINDOW);
    expect(saves.size).toBe(COUNT);
    expect(new Set(saves.values())).toEqual(new Set([1]));
  });

  it('that was stopped is not paid for again', async () => {
    const { collect, state } = await house(COUNT);
    await collect(FIRST, { stopAfter: 10 });
    const asked = jobs();
    expect(state.texts.size).toBe(10);
    const { outcomes } = await collect(FIRST);
    expect(jobs() - asked).toBe(0);
    expect(state.texts.size).toBe(COUNT);
    expect(outcomes).toHaveLength(COUNT);
    expect(downloadsOf(outcomes[1_499])).toBe(COUNT * WINDOW);
  });

  it.each([
    { code: 'disk-obstacle', affectsAll: false, failing: 1 },
    { code: 'disk-full', affectsAll: true, failing: COUNT },
  ] as const)('that was stopped, and then $code, fails $failing and asks nothing', async (fault) => {
    const { collect, state } = await house(COUNT);
    await collect(FIRST, { stopAfter: 10 });
    const asked = jobs();
    const { save } = state.ledgers;
    state.ledgers.save = async (name, ledger) => {
      if (name === nameOf(700)) throw new OperatorError(fault.code, 'it cannot be written', fault);
      await save(name, ledger);
    };
    const { outcomes } = await collect(FIRST);
    expect(jobs() - asked).toBe(0);
    expect(failuresOf(outcomes)).toHaveLength(fault.failing);
    expect(failuresOf(outcomes).join()).toContain('p-700: OperatorError: ');
    // What was paid for waits until it can be saved.
    state.ledgers.save = save;
    const last = await collect(FIRST);
    expect(jobs() - asked).toBe(0);
    expect(failuresOf(last.outcomes)).toEqual([]);
    expect(downloadsOf(last.outcomes[700])).toBe(701 * WINDOW);
  });

  it('that is done again tells which days had changed', async () => {
    const { collect, rows } = await house(COUNT);
    await collect(FIRST);
    const row = rows.find(({ project, day }) => project === nameOf(7) && day === FIRST);
    Object.assign(row ?? {}, { downloads: 100 });
    const { outcomes } = await collect(FIRST, { full: true });
    const changes = outcomes.map((outcome) => (outcome.kind === 'read' ? outcome.changes : []));
    expect(changes[7]).toEqual([{ day: FIRST, before: 8, after: 100 }]);
    expect(changes.flat()).toHaveLength(1);
  });
});

describe('a past that is filled once for all', () => {
  const DAYS = 400;
  const COUNT = 80;
  /** Of the days before today, 365 are kept one by one. */
  const OLD = DAYS - 365;

  function total(outcome: Outcome | undefined): number {
    if (outcome?.kind !== 'read') throw new Error('not read');
    return outcome.total?.count ?? 0;
  }

  it.each([COUNT, 3])('is whole, each day once, where a run ends after %d packages', async (stopAfter) => {
    const { collect, state } = await house(COUNT, { bytesPerSharedDay: GB }, {}, DAYS);
    await collect(FIRST, { stopAfter });
    const asked = jobs();
    const { outcomes } = await collect(FIRST);
    expect(jobs() - asked).toBe(0);
    expect(asked).toBe(Math.ceil(DAYS / Math.floor(10_000 / COUNT)));
    for (const index of [0, 41, 79]) {
      expect(total(outcomes[index])).toBe((index + 1) * DAYS);
    }
    const text = JSON.parse(state.texts.get(nameOf(1)) ?? '');
    const old = text.old as { spans: [string, string][]; rows: unknown[][] }[];
    expect([old[0]?.spans[0]?.[0], old.at(-1)?.spans[0]?.[1]]).toEqual([
      '2025-03-07',
      addDays('2025-03-07', OLD),
    ]);
    expect(old.reduce((sum, { rows }) => sum + Number(rows[0]?.[3]), 0)).toBe(2 * OLD);
    expect(text.days).toHaveLength(365);
  });
});
