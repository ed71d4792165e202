import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDays, daysOf } from '../../src/days/day.ts';
import { EMPTY_LEDGER, parseLedger, serializeLedger, withDays, withoutOld } from '../../src/state/ledger.ts';
import { isOld, oldText, parseOldDays, withOldDays } from '../../src/state/old-days.ts';

const row = (installer: string, downloads: number) => ({
  ci: null,
  installer,
  system: 'Linux',
  sidecar: false,
  downloads,
});
const day = (installer: string, downloads: number) => ({ rows: [row(installer, downloads)] });

describe('old days', () => {
  it('are added up, each once, with the spans that they make', () => {
    const first = withOldDays(undefined, [
      ['2024-01-03', day('pip', 5)],
      ['2024-01-01', day('pip', 2)],
      ['2024-01-07', day('uv', 1)],
    ]);
    expect(first.spans).toEqual([
      { start: '2024-01-01', end: '2024-01-02' },
      { start: '2024-01-03', end: '2024-01-04' },
      { start: '2024-01-07', end: '2024-01-08' },
    ]);
    expect(first.rows).toEqual([row('pip', 7), row('uv', 1)]);
    const second = withOldDays(first, [
      ['2024-01-02', day('pip', 10)],
      ['2024-01-03', day('pip', 99)],
    ]);
    expect(second.spans).toEqual([
      { start: '2024-01-01', end: '2024-01-04' },
      { start: '2024-01-07', end: '2024-01-08' },
    ]);
    expect(second.rows).toEqual([row('pip', 17), row('uv', 1)]);
    expect(
      ['2023-12-31', '2024-01-01', '2024-01-04', '2024-01-07'].map((each) => isOld(second, each)),
    ).toEqual([false, true, false, true]);
    expect(parseOldDays(JSON.parse(oldText(second)))).toEqual(second);
  });

  it('come to the same in whatever order and portions they are added', () => {
    const all = Array.from({ length: 12 }, (_, index) => addDays('2024-02-25', index));
    fc.assert(
      fc.property(fc.shuffledSubarray(all), fc.shuffledSubarray(all), (one, other) => {
        const add = (old: ReturnType<typeof withOldDays> | undefined, days: readonly string[]) =>
          withOldDays(
            old,
            days.map((each) => [each, day('pip', 1)] as const),
          );
        const old = add(add(undefined, one), other);
        const known = new Set([...one, ...other]);
        expect(old.spans.flatMap(daysOf)).toEqual(all.filter((each) => known.has(each)));
        expect(old.rows.map(({ downloads }) => downloads)).toEqual(known.size === 0 ? [] : [known.size]);
      }),
    );
  });

  it.each([
    [null, 'its old days are none'],
    [{ spans: [], rows: [] }, 'its old days are none'],
    [{ spans: [['2024-01-02', '2024-01-01']], rows: [] }, 'a span of its old days is none'],
    [{ spans: [['2024-01-01', 3]], rows: [] }, 'a span of its old days is none'],
    [
      {
        spans: [
          ['2024-01-01', '2024-01-03'],
          ['2024-01-02', '2024-01-05'],
        ],
        rows: [],
      },
      'the spans of its old days overlap',
    ],
    [{ spans: [['2024-01-01', '2024-01-03']], rows: [[null, 'pip', 'Linux', -1]] }, 'which is no count'],
  ])('are not read from %j', (value, reason) => {
    expect(() => parseOldDays(value)).toThrow(reason);
  });
});

describe('a ledger', () => {
  const identity = { source: 'bigquery:p.d.t', package: 'alpha' };
  const span = { start: '2024-12-30', end: '2025-01-03' };
  const rows = daysOf(span).map((each) => ({ day: each, ...row('pip', 1) }));
  // The table had nothing of New Year's Eve.
  const ledger = withDays(EMPTY_LEDGER, span, rows, (each) => (each === '2024-12-31' ? 0 : 10));
  const older = withoutOld(ledger, '2025-12-30', '2026-01-02');

  it('adds up the days of more than a year ago, but for those of which nothing is known', () => {
    expect([...older.days.keys()]).toEqual(['2025-01-02']);
    expect(older.old).toEqual({
      spans: [
        { start: '2024-12-30', end: '2024-12-31' },
        { start: '2025-01-01', end: '2025-01-02' },
      ],
      rows: [row('pip', 2)],
    });
  });

  it('keeps the sum in its file, and does not trust one that was altered', () => {
    const text = serializeLedger(older, identity);
    expect(parseLedger(text, identity)).toEqual(older);
    const altered = text.replace('"pip","Linux",2]', '"pip","Linux",3]');
    expect(altered).not.toBe(text);
    expect(() => parseLedger(altered, identity)).toThrow('it was altered');
  });

  it('does not count a day twice that is read again and grows old again', () => {
    const again = withDays(older, span, rows, () => 10);
    expect(withoutOld(again, '2025-12-30', '2026-01-02').old).toEqual({
      spans: [{ start: '2024-12-30', end: '2025-01-02' }],
      rows: [row('pip', 3)],
    });
  });
});
