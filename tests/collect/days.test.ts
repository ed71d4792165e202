import { describe, expect, it } from 'vitest';
import type { RunScope } from '../../src/collect/plan.ts';
import { fetchDays, fetchDaysFree } from '../../src/collect/run.ts';
import type { Day } from '../../src/days/day.ts';
import type { Source } from '../../src/sources/source.ts';
import { openBudget } from '../../src/state/spend.ts';
import { createState } from '../support/state.ts';
import { createTable, type SourceOptions } from '../support/table.ts';

const packages = [{ name: 'alpha', windows: [3] as const }];
const task: RunScope = { packages, asOf: '2026-03-05', full: false, lookBackDays: 0 };
const now = () => new Date('2026-03-05T04:00:00Z');
const book = ({ spend } = createState()) => openBudget(spend, null, now, () => undefined);
const LOCAL = { traits: { wholeLog: false, billed: false } };

/** A source that has rows on some days. */
const sourceWith = (days: readonly Day[], options: SourceOptions = {}) =>
  createTable(days.map((day) => ({ day, package: 'alpha' }))).source(options);

describe('the days of the table', () => {
  const LATE = { code: 'upstream-late', message: expect.stringContaining('since 2026-02-20') };
  const NONE = { message: expect.stringContaining('no whole day from 2026-01-19 to 2026-03-04') };

  it.each<[string, Day[], SourceOptions, number, object, unknown[]]>([
    [
      'with their rows, and where the windows end',
      ['2026-03-02', '2026-03-03'],
      {},
      3,
      { end: '2026-03-04', lastDay: '2026-03-03', missingDays: ['2026-03-01'] },
      [
        'the table ends with 2026-03-03; windows end there too instead of before 2026-03-05',
        'the table has no rows on 2026-03-01; counts lack the downloads of these days',
      ],
    ],
    [
      'of which a few missing ones are named, and how many more there are',
      ['2026-03-04'],
      {},
      9,
      {},
      [
        'the table has no rows on 2026-02-24, 2026-02-25, 2026-02-26, 2026-02-27, 2026-02-28 and 3 more; counts lack the downloads of these days',
      ],
    ],
    ['of which there is none within reach', ['2025-11-01'], {}, 3, { fault: NONE }, []],
    ['too far behind', ['2026-02-20'], {}, 3, { lastDay: '2026-02-20', fault: LATE }, []],
    [
      'that are zeros without rows where the source holds only somebody’s packages',
      ['2026-03-02'],
      LOCAL,
      3,
      { end: '2026-03-05', lastDay: '2026-03-02', missingDays: [], partialDays: [] },
      [],
    ],
    [
      'of somebody’s packages that end long before',
      ['2026-02-20'],
      LOCAL,
      3,
      {},
      [expect.stringContaining('the rows end with 2026-02-20')],
    ],
  ])('%s', async (_, days, options, window, upstream, warnings) => {
    const packages = [{ name: 'alpha', windows: [window] as const }];
    const fetched = await fetchDays(sourceWith(days, options), await book(), { ...task, packages });
    expect(fetched).toMatchObject({ known: { kind: 'known' }, upstream, warnings });
  });

  it.each([
    ['2026-08-27', true],
    ['2026-08-28', false],
  ])('say as of %s whether files without names matter: %s', async (asOf, matters) => {
    const source = { ...sourceWith(['2026-08-26', '2026-08-27'], LOCAL), hasFileNames: false };
    const { warnings } = await fetchDays(source, await book(), { ...task, asOf });
    expect(warnings).toEqual(matters ? [expect.stringContaining('the rows have no file names')] : []);
  });

  it('are all there where the source cannot tell them', async () => {
    const source = (billed: boolean) => sourceWith(['2026-03-04'], { unsupported: true, traits: { billed } });
    for (const fetched of [
      await fetchDays(source(true), await book(), task),
      await fetchDays(source(true), await book(), { ...task, published: '2026-03-03' }),
      await fetchDaysFree(source(false), task),
    ]) {
      expect(fetched).toMatchObject({
        known: { kind: 'unsupported' },
        upstream: { end: '2026-03-05', lastDay: null, missingDays: [] },
        warnings: [expect.any(String)],
      });
    }
  });

  it('that end before those of the badges, as by a clock that is behind, take none of them back', async () => {
    const behind = { ...task, published: '2026-03-20' };
    const { upstream } = await fetchDays(sourceWith(['2026-03-04']), await book(), behind);
    expect(upstream.fault?.code).toBe('upstream-back');
  });

  it('are a question that is accounted for, also when it is refused', async () => {
    const cost = { bytesProcessed: 5, bytesBilled: 7, cacheHit: false };
    const accounted = async (answer: Awaited<ReturnType<Source['days']>>) => {
      const state = createState();
      await fetchDays({ ...sourceWith([]), days: async () => answer }, await book(state), task);
      return (await state.spend.load()).months.get('2026-03');
    };
    for (const answer of [
      { kind: 'known', rows: new Map() },
      { kind: 'unsupported', reason: 'refused' },
    ] as const) {
      expect(await accounted({ ...answer, cost })).toEqual({ bytesBilled: 7, queries: 1 });
    }
  });

  it('are asked for in no dry run that is billed', async () => {
    const source: Source = { ...sourceWith([]), days: () => Promise.reject(new Error('asked')) };
    expect(await fetchDaysFree(source, task)).toMatchObject({ known: { kind: 'skipped' } });
  });
});
