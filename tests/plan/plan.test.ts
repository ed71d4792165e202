import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDays, daysOf } from '../../src/days/day.ts';
import { daysToRead, hasChanged, roundedBill, toSpans } from '../../src/plan/plan.ts';
import { EMPTY_LEDGER, withDays } from '../../src/state/ledger.ts';

describe('a day has changed', () => {
  it.each([
    // 0.01 % of a million rows is a hundred.
    [1_000_000, 1_000_000, false],
    [1_000_000, 1_000_099, false],
    [1_000_000, 1_000_100, true],
    [1_000_000, 999_901, false],
    [1_000_000, 999_900, true],
    [0, 0, false],
    [0, 1, true],
    [5, 0, true],
    [null, 5, true],
  ])('%s rows when it was read, %s now: %s', (before, now, changed) => {
    expect(hasChanged(before, now)).toBe(changed);
  });
});

describe('the days to read', () => {
  const window = { start: '2026-03-01', end: '2026-03-06' };
  const known = withDays(EMPTY_LEDGER, { start: '2026-03-01', end: '2026-03-04' }, [], () => 100);
  const revisions = new Map(daysOf(window).map((day) => [day, 100]));

  it('are those that the ledger lacks', () => {
    expect(daysToRead(known, window, { kind: 'revisions', revisions }, '2026-03-06', false)).toEqual([
      '2026-03-04',
      '2026-03-05',
    ]);
  });

  it('are no days without rows in the table, even in full', () => {
    const hole = new Map([...revisions, ['2026-03-04', 0]]);
    hole.delete('2026-03-02');
    expect(daysToRead(known, window, { kind: 'revisions', revisions: hole }, '2026-03-06', true)).toEqual([
      '2026-03-01',
      '2026-03-03',
      '2026-03-05',
    ]);
  });

  it('are only the missing ones when it was not asked which changed', () => {
    expect(daysToRead(known, window, { kind: 'unasked' }, '2026-03-06', false)).toEqual([
      '2026-03-04',
      '2026-03-05',
    ]);
  });

  it('are the newest two as well when nobody can tell', () => {
    const all = { ...withDays(known, window, [], () => null), wholeRead: '2026-03-05' };
    expect(daysToRead(all, window, { kind: 'unknown' }, '2026-03-06', false)).toEqual([
      '2026-03-04',
      '2026-03-05',
    ]);
  });

  it('are the whole window when nobody can tell and a week has passed', () => {
    const all = { ...withDays(known, window, [], () => null), wholeRead: '2026-02-27' };
    expect(daysToRead(all, window, { kind: 'unknown' }, '2026-03-06', false)).toEqual(daysOf(window));
  });
});

describe('a bill', () => {
  it.each([
    [0, 10_485_760],
    [10_485_760, 10_485_760],
    [10_485_761, 11_534_336],
    [150_000_000, 150_994_944],
  ])('for %d bytes is %d', (bytes, billed) => {
    expect(roundedBill(bytes)).toBe(billed);
  });
});

describe('spans', () => {
  it('join days that follow each other', () => {
    expect(toSpans(['2026-02-27', '2026-02-28', '2026-03-01', '2026-03-05'], undefined)).toEqual([
      { start: '2026-02-27', end: '2026-03-02' },
      { start: '2026-03-05', end: '2026-03-06' },
    ]);
  });

  it('bridge a gap only where its days cost no more than the least that is billed for a query', () => {
    const days = ['2026-03-01', '2026-03-04'];
    expect(toSpans(days, (10 * 1024 ** 2) / 2)).toEqual([{ start: '2026-03-01', end: '2026-03-05' }]);
    expect(toSpans(days, (10 * 1024 ** 2) / 2 + 1)).toHaveLength(2);
    expect(toSpans(days, 150_000_000)).toHaveLength(2);
  });

  it('hold every day once and no other, in as few spans as there are runs of days', () => {
    const offsets = fc
      .uniqueArray(fc.integer({ min: 0, max: 60 }))
      .map((list) => list.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(offsets, (list) => {
        const days = list.map((offset) => addDays('2026-01-01', offset));
        const spans = toSpans(days, undefined);
        expect(spans.flatMap(daysOf)).toEqual(days);
        const runs = list.filter((offset, index) => list[index - 1] !== offset - 1).length;
        expect(spans).toHaveLength(runs);
      }),
    );
  });
});
