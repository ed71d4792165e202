import { describe, expect, it } from 'vitest';
import { prepare, prepareFree, type Task } from '../../src/run/prepare.ts';
import type { Source } from '../../src/sources/source.ts';
import { EMPTY_SPEND, openSpendBook } from '../../src/state/spend.ts';
import { createTable } from '../support/table.ts';

const task: Task = { packages: [{ name: 'alpha', windows: [3] }], asOf: '2026-03-05', full: false };
const book = (budgetBytes: number | null = null) =>
  openSpendBook(
    EMPTY_SPEND,
    async () => undefined,
    budgetBytes,
    () => new Date('2026-03-05T04:00:00Z'),
  );

async function tableWithDays(...days: string[]) {
  const table = await createTable();
  await table.add(...days.map((day) => ({ day, package: 'alpha' })));
  return table;
}

describe('preparing a run', () => {
  it('learns the revisions, and where the windows end', async () => {
    const table = await tableWithDays('2026-03-02', '2026-03-03');
    expect(await prepare(table.source(), book(), task)).toMatchObject({
      knowledge: { kind: 'revisions' },
      upstream: { end: '2026-03-04', lastDay: '2026-03-03', missingDays: ['2026-03-01'] },
      warnings: [
        'the table ends with 2026-03-03; windows end there too instead of before 2026-03-05',
        'the table has no rows on 2026-03-01; counts lack what was downloaded then',
      ],
    });
  });

  it('names a few missing days, and how many more there are', async () => {
    const table = await tableWithDays('2026-03-04');
    const wide = { ...task, packages: [{ name: 'alpha', windows: [9] as const }] };
    expect((await prepare(table.source(), book(), wide)).warnings).toEqual([
      'the table has no rows on 2026-02-24, 2026-02-25, 2026-02-26, 2026-02-27, 2026-02-28 and 3 more days; counts lack what was downloaded then',
    ]);
  });

  it('fails when there is no day at all within reach', async () => {
    const table = await tableWithDays('2026-01-01');
    await expect(prepare(table.source(), book(), task)).rejects.toThrow(
      'no rows from 2026-02-23 to 2026-03-04',
    );
  });

  it('goes on without revisions where the source cannot tell them', async () => {
    const table = await tableWithDays('2026-03-04');
    const source = table.source({ withoutRevisions: true });
    for (const prepared of [await prepare(source, book(), task), await prepareFree(source, task)]) {
      expect(prepared).toMatchObject({
        knowledge: { kind: 'unknown' },
        upstream: { end: '2026-03-05', lastDay: null, missingDays: [] },
      });
      expect(prepared.warnings).toHaveLength(1);
    }
  });

  it('accounts for the question about revisions, also when it is refused', async () => {
    const table = await tableWithDays('2026-03-04');
    const cost = { bytesProcessed: 5, bytesBilled: 7, cacheHit: false };
    const source: Source = {
      ...table.source({ bytesPerDay: 1 }),
      revisions: async () => ({ revisions: new Map([['2026-03-04', 1]]), cost }),
    };
    const told = book();
    await prepare(source, told, task);
    expect(told.current.months).toEqual({ '2026-03': { bytesBilled: 7, queries: 1 } });
    const refused = book();
    await prepare({ ...source, revisions: async () => ({ unavailable: 'refused' }) }, refused, task);
    expect(refused.current.months['2026-03']?.queries).toBe(1);
  });

  it('asks nothing that is billed for a dry run', async () => {
    const table = await tableWithDays('2026-03-04');
    const source: Source = {
      ...table.source({ bytesPerDay: 1 }),
      revisions: () => Promise.reject(new Error('asked')),
    };
    expect(await prepareFree(source, task)).toMatchObject({ knowledge: { kind: 'unasked' } });
  });
});
