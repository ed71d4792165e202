import { describe, expect, it } from 'vitest';
import { fetchDays, fetchDaysFree, type RunScope } from '../../src/collect/days.ts';
import type { Source } from '../../src/sources/source.ts';
import { openBudget } from '../../src/state/spend.ts';
import { createState } from '../support/state.ts';
import { createTable } from '../support/table.ts';

const task: RunScope = { packages: [{ name: 'alpha', windows: [3] }], asOf: '2026-03-05', full: false };
const book = (budgetBytes: number | null = null, { spend } = createState()) =>
  openBudget(
    spend,
    budgetBytes,
    () => new Date('2026-03-05T04:00:00Z'),
    () => undefined,
  );

async function tableWithDays(...days: string[]) {
  const table = await createTable();
  await table.add(...days.map((day) => ({ day, package: 'alpha' })));
  return table;
}

describe('learning the days of the table', () => {
  it('tells their rows, and where the windows end', async () => {
    const table = await tableWithDays('2026-03-02', '2026-03-03');
    expect(await fetchDays(table.source(), await book(), task)).toMatchObject({
      known: { kind: 'known' },
      upstream: { end: '2026-03-04', lastDay: '2026-03-03', missingDays: ['2026-03-01'] },
      warnings: [
        'the table ends with 2026-03-03; windows end there too instead of before 2026-03-05',
        'the table has no rows on 2026-03-01; counts lack the downloads of these days',
      ],
    });
  });

  it('names a few missing days, and how many more there are', async () => {
    const table = await tableWithDays('2026-03-04');
    const wide = { ...task, packages: [{ name: 'alpha', windows: [9] as const }] };
    expect((await fetchDays(table.source(), await book(), wide)).warnings).toEqual([
      'the table has no rows on 2026-02-24, 2026-02-25, 2026-02-26, 2026-02-27, 2026-02-28 and 3 more; counts lack the downloads of these days',
    ]);
  });

  it('says that nothing can be counted when there is no day at all within reach', async () => {
    const table = await tableWithDays('2025-11-01');
    const { upstream } = await fetchDays(table.source(), await book(), task);
    expect(upstream.fault?.message).toContain('no whole day from 2026-01-19 to 2026-03-04');
  });

  it('keeps what it knows of the last day when the table is too far behind', async () => {
    const table = await tableWithDays('2026-02-20');
    const { upstream } = await fetchDays(table.source(), await book(), task);
    expect(upstream).toMatchObject({
      lastDay: '2026-02-20',
      fault: { code: 'upstream-late', message: expect.stringContaining('since 2026-02-20') },
    });
  });

  it('takes a day without rows for a zero where the source holds only somebody’s packages', async () => {
    const table = await tableWithDays('2026-03-02');
    const source = table.source({ traits: { wholeLog: false, billed: false } });
    const { upstream, warnings } = await fetchDays(source, await book(), task);
    expect(upstream).toMatchObject({
      end: '2026-03-05',
      lastDay: '2026-03-02',
      missingDays: [],
      partialDays: [],
    });
    expect(warnings).toEqual([]);
    const old = await tableWithDays('2026-02-20');
    const late = await fetchDays(
      old.source({ traits: { wholeLog: false, billed: false } }),
      await book(),
      task,
    );
    expect(late.warnings).toEqual([expect.stringContaining('the rows end with 2026-02-20')]);
  });

  it.each([
    ['2026-08-27', true],
    ['2026-08-28', false],
  ])('says as of %s whether files without names matter: %s', async (asOf, matters) => {
    const yesterday = new Date(Date.parse(asOf) - 86_400_000).toISOString().slice(0, 10);
    const table = await tableWithDays(yesterday);
    const source = { ...table.source({ traits: { wholeLog: false, billed: false } }), hasFileNames: false };
    const { warnings } = await fetchDays(source, await book(), { ...task, asOf });
    expect(warnings).toEqual(matters ? [expect.stringContaining('the rows have no file names')] : []);
  });

  it('goes on where the source cannot tell its days', async () => {
    const table = await tableWithDays('2026-03-04');
    const unsupported = table.source({ withoutDays: true });
    const free = table.source({ withoutDays: true, traits: { billed: false } });
    for (const fetched of [
      await fetchDays(unsupported, await book(), task),
      await fetchDaysFree(free, task),
    ]) {
      expect(fetched).toMatchObject({
        known: { kind: 'unsupported' },
        upstream: { end: '2026-03-05', lastDay: null, missingDays: [] },
      });
      expect(fetched.warnings).toHaveLength(1);
    }
  });

  it('accounts for the question, also when it is refused', async () => {
    const table = await tableWithDays('2026-03-04');
    const cost = { bytesProcessed: 5, bytesBilled: 7, cacheHit: false };
    const source: Source = {
      ...table.source({ bytesPerDay: 1 }),
      days: async () => ({ kind: 'known', rows: new Map([['2026-03-04', 1]]), cost }),
    };
    const accounted = async (days: Source['days']) => {
      const state = createState();
      await fetchDays({ ...source, days }, await book(null, state), task);
      return (await state.spend.load()).months.get('2026-03');
    };
    expect(await accounted(source.days)).toEqual({ bytesBilled: 7, queries: 1 });
    const unsupported = { kind: 'unsupported', reason: 'refused' } as const;
    expect(await accounted(async () => unsupported)).toEqual({ bytesBilled: 0, queries: 1 });
    expect(await accounted(async () => ({ ...unsupported, cost }))).toEqual({ bytesBilled: 7, queries: 1 });
  });

  it('asks nothing that is billed for a dry run', async () => {
    const table = await tableWithDays('2026-03-04');
    const source: Source = { ...table.source(), days: () => Promise.reject(new Error('asked')) };
    expect(await fetchDaysFree(source, task)).toMatchObject({ known: { kind: 'skipped' } });
  });
});
