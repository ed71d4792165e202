import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Goal,
  hasChanged,
  type KnownDays,
  needOf,
  planReads,
  readsWhole,
  sharedQuestions,
  toSpans,
} from '../../src/collect/plan.ts';
import { addDays, type Day, daysOf, spanDays } from '../../src/days/day.ts';
import type { Question } from '../../src/sources/sql.ts';
import { EMPTY_LEDGER, type Ledger, withDays } from '../../src/state/ledger.ts';
import { roundedBill } from '../../src/util.ts';
import { TRAITS } from '../support/table.ts';

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

describe('the days that a package needs', () => {
  const window = { start: '2026-03-01', end: '2026-03-06' };
  const kept = withDays(EMPTY_LEDGER, { start: '2026-03-01', end: '2026-03-04' }, [], () => 100);
  const rows = new Map(daysOf(window).map((day) => [day, 100]));
  const tracked = { name: 'alpha', windows: [2, 5] as const };
  const goal = (known: KnownDays, full = false): Goal => {
    return { end: window.end, asOf: '2026-03-06', lookBackDays: 35, full, known };
  };
  const NEWEST = ['2026-03-04', '2026-03-05'];
  const holes = new Map([...rows, ['2026-03-04', 0], ['2026-03-02', 0]] as const);
  const wholeOn = (day: Day) => ({ ...withDays(kept, window, [], () => null), wholeRead: day });

  it.each<[string, Ledger, KnownDays, boolean, readonly Day[]]>([
    ['those that the ledger lacks', kept, { kind: 'known', rows }, false, NEWEST],
    [
      'no days without rows in the table, even in full',
      kept,
      { kind: 'known', rows: holes },
      true,
      ['2026-03-01', '2026-03-03', '2026-03-05'],
    ],
    ['only the missing ones when it was not asked which changed', kept, { kind: 'skipped' }, false, NEWEST],
    [
      'the newest two as well when the source cannot tell',
      wholeOn('2026-03-05'),
      { kind: 'unsupported' },
      false,
      NEWEST,
    ],
    [
      'all when a week has passed then',
      wholeOn('2026-02-27'),
      { kind: 'unsupported' },
      false,
      daysOf(window),
    ],
  ])('are %s', (_, ledger, known, full, expected) => {
    expect(needOf(tracked, ledger, goal(known, full), TRAITS).days).toEqual(expected);
  });

  it('are those of the longest window, and what the warnings look at only where reading is free', () => {
    const need = needOf(tracked, EMPTY_LEDGER, goal({ kind: 'unsupported' }), TRAITS);
    expect(need.span).toEqual(window);
    expect(readsWhole(need)).toBe(true);
    const traits = { billed: false, keepsLedger: true };
    const free = needOf(tracked, EMPTY_LEDGER, goal({ kind: 'unsupported' }), traits);
    expect(free.span).toEqual({ start: '2026-01-30', end: '2026-03-06' });
  });
});

describe('the questions of a run', () => {
  const inShort = ({ packages, span }: Question) => [packages, span.start, spanDays(span)];
  const need = (name: string, ...days: Day[]) => ({
    package: name,
    span: { start: '2026-03-01', end: '2026-03-31' },
    days,
  });
  const day = (date: Day) => ({ start: date, end: addDays(date, 1) });

  it('are one for each package and span where more at once would cost more', () => {
    const needs = [need('a', '2026-03-01', '2026-03-02', '2026-03-10'), need('b'), need('c', '2026-03-10')];
    const prices = new Map([['c', 50_000_000]]);
    expect(planReads(needs, TRAITS, (name) => prices.get(name), [])).toEqual([
      { packages: ['a'], span: day('2026-03-10'), expectedBytes: 153 * 1024 ** 2 },
      // Two days of the 160 MB that are assumed, in whole MiB.
      { packages: ['a'], span: { start: '2026-03-01', end: '2026-03-03' }, expectedBytes: 306 * 1024 ** 2 },
      { packages: ['c'], span: day('2026-03-10'), expectedBytes: 48 * 1024 ** 2 },
    ]);
  });

  it('are for a year at most, the newest first', () => {
    const days = Array.from({ length: 800 }, (_, index) => addDays('2024-01-01', index));
    const reads = planReads([need('a', ...days)], TRAITS, () => 1, []);
    expect(reads.map(({ span }) => [span.start, span.end])).toEqual([
      ['2025-03-10', '2026-03-11'],
      ['2024-03-09', '2025-03-10'],
      ['2024-01-01', '2024-03-09'],
    ]);
  });

  it('that may be put once for all are about days that many lack, the newest first, within what the source takes', () => {
    const shares = { ...TRAITS, sharesDays: true, packageDaysAtOnce: 7 };
    const five = ['2026-03-01', '2026-03-02', '2026-03-03', '2026-03-04', '2026-03-05'];
    const needs = [need('a', ...five), need('b', ...five), need('c', '2026-03-05', '2026-03-06')];
    // 5 GB and a byte each: two of them are worth asking.
    const perDay = () => 5_000_000_001;
    const found = sharedQuestions(needs, shares, perDay);
    expect(found.map((each) => [...inShort(each), each.aloneBytesADay])).toEqual([
      // Seven days of packages are three days of two.
      [['a', 'b', 'c'], '2026-03-05', 1, 15_000_000_003],
      [['a', 'b'], '2026-03-02', 3, 10_000_000_002],
      [['a', 'b'], '2026-03-01', 1, 10_000_000_002],
    ]);
    expect(sharedQuestions(needs, TRAITS, perDay)).toEqual([]);
    expect(sharedQuestions(needs, shares, () => 5_000_000_000)).toHaveLength(1);
    const [, second] = found;
    if (second === undefined) throw new Error('not found');
    const reads = planReads(needs, shares, perDay, [{ ...second, expectedBytes: 1 }]);
    expect(reads.map(inShort)).toEqual([
      [['a', 'b'], '2026-03-02', 3],
      [['a'], '2026-03-05', 1],
      [['a'], '2026-03-01', 1],
      [['b'], '2026-03-05', 1],
      [['b'], '2026-03-01', 1],
      [['c'], '2026-03-05', 2],
    ]);
  });

  it('are cut where names of files are no longer paid for', () => {
    const days = ['2026-08-23', '2026-08-24', '2026-08-25', '2026-08-26'];
    const cut = [
      ['2026-08-25', 2],
      ['2026-08-23', 2],
    ];
    const alone = planReads([need('a', ...days)], TRAITS, () => 150_000_000, []);
    expect(alone.map(({ span }) => [span.start, spanDays(span)])).toEqual(cut);
    const needs = ['a', 'b'].map((name) => need(name, ...days));
    const shared = sharedQuestions(needs, { ...TRAITS, sharesDays: true }, () => 1e10);
    expect(shared.map(({ span }) => [span.start, spanDays(span)])).toEqual(cut);
  });

  it('take packages that lack the same days together, within what the source takes', () => {
    const free = { ...TRAITS, billed: false, packagesAtOnce: 2, packageDaysAtOnce: 3 };
    const needs = ['a', 'b', 'c'].map((name) => need(name, '2026-03-10'));
    needs.push(need('d', '2026-03-01', '2026-03-02'), need('e', '2026-03-01', '2026-03-02'));
    expect(planReads(needs, free, () => undefined, []).map(inShort)).toEqual([
      [['a', 'b'], '2026-03-10', 1],
      [['c'], '2026-03-10', 1],
      [['d'], '2026-03-01', 2],
      [['e'], '2026-03-01', 2],
    ]);
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
    expect(toSpans(['2026-02-27', '2026-02-28', '2026-03-01', '2026-03-05'], 0)).toEqual([
      { start: '2026-02-27', end: '2026-03-02' },
      { start: '2026-03-05', end: '2026-03-06' },
    ]);
  });

  it('bridge a gap that is no longer than what it is worth: the least that is billed for a query', () => {
    const [span, days] = [{ start: '2026-03-01', end: '2026-03-05' }, ['2026-03-01', '2026-03-04']];
    expect(toSpans(days, 2)).toEqual([span]);
    expect(toSpans(days, 1)).toHaveLength(2);
    const least = 10 * 1024 ** 2;
    const spans = (perDay: number) =>
      planReads([{ package: 'a', span, days }], TRAITS, () => perDay, []).length;
    expect([least / 2, least / 2 + 1, 150_000_000].map(spans)).toEqual([1, 2, 2]);
  });

  it('hold every day once and no other, in as few spans as there are runs of days', () => {
    const offsets = fc
      .uniqueArray(fc.integer({ min: 0, max: 60 }))
      .map((list) => list.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(offsets, (list) => {
        const days = list.map((offset) => addDays('2026-01-01', offset));
        const spans = toSpans(days, 0);
        expect(spans.flatMap(daysOf)).toEqual(days);
        const runs = list.filter((offset, index) => list[index - 1] !== offset - 1).length;
        expect(spans).toHaveLength(runs);
      }),
    );
  });
});
