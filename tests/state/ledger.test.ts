import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDays, type Day, daysOf } from '../../src/days/day.ts';
import {
  EMPTY_LEDGER,
  isOld,
  type Ledger,
  soundWholeRead,
  spansOf,
  withDays,
  withoutOld,
} from '../../src/state/ledger.ts';
import { parseLedger, serializeLedger } from '../../src/state/ledgers.ts';
import { FileRejected } from '../../src/state/state-file.ts';

const identity = { source: 'bigquery:p.d.t', package: 'alpha' };
const row = (installer: string, downloads: number) => {
  return { ci: null, installer, system: 'Linux', sidecar: false, downloads };
};
const rows = [
  { day: '2026-03-01', ...row('pip', 3) },
  { day: '2026-03-03', ci: true, installer: null, system: null, sidecar: true, downloads: 1 },
  { day: '2026-03-03', ...row('uv', 2), ci: false, system: null },
];
const ledger: Ledger = {
  ...withDays(EMPTY_LEDGER, { start: '2026-03-01', end: '2026-03-04' }, rows, (day) =>
    day === '2026-03-02' ? 0 : 1000,
  ),
  wholeRead: '2026-03-04',
};
const text = serializeLedger(ledger, identity);

describe('a ledger file', () => {
  it('brings back what was saved, a line for each day, oldest first', () => {
    expect(parseLedger(text, identity)).toEqual(ledger);
    expect(text.split('\n').slice(1, 4)).toEqual([
      '["2026-03-01",1000,3,[[null,"pip","Linux",3]]],',
      '["2026-03-02",0,0,[]],',
      '["2026-03-03",1000,3,[[true,null,null,1,true],[false,"uv",null,2]]]',
    ]);
  });

  /** The file with other content, and the checksum that belongs to it: as if another program had written it. */
  const rewritten = (days: string, head: object = {}, old?: unknown) => {
    const summed = old === undefined ? days : `${JSON.stringify(old)}\n${days}`;
    const checksum = createHash('sha256').update(summed).digest('hex').slice(0, 16);
    const { days: _, ...value } = JSON.parse(text);
    const start = JSON.stringify({ ...value, checksum, ...head, ...(old === undefined ? {} : { old }) });
    return `${start.slice(0, -1)},"days":[\n${days}\n]}\n`;
  };
  const lines = text.split('\n').slice(1, 4).join('\n');
  const day = (...parts: unknown[]) => rewritten(JSON.stringify(parts));
  const SPAN = ['2024-01-01', '2024-01-03'];
  const old = (spans: unknown, oldRows: unknown = []) => rewritten(lines, {}, [{ spans, rows: oldRows }]);

  it('is whole when it is written anew', () => {
    expect(rewritten(lines)).toBe(text);
    const sum = { spans: [{ start: '2024-01-01', end: '2024-01-03' }], rows: [row('pip', 2)] };
    const parsed = parseLedger(old([SPAN], [[null, 'pip', 'Linux', 2]]), identity);
    expect(parsed).toEqual({ ...ledger, old: [sum] });
    // As they are written, by month; and beside what was one sum before.
    const sums = [sum, { spans: [{ start: '2024-02-01', end: '2024-02-02' }], rows: [row('uv', 1)] }];
    expect(parseLedger(serializeLedger({ ...ledger, old: sums }, identity), identity).old).toEqual(sums);
  });

  it.each([
    ['cut short', text.slice(0, -20), 'cut short'],
    ['empty', '', 'cut short'],
    ['a list', '[]', 'not a ledger'],
    ['null', 'null', 'not a ledger'],
    ['of another version', rewritten(lines, { version: 3 }), 'version 3, not 2'],
    ['of another source', rewritten(lines, { source: 'duckdb:/x' }), 'duckdb:/x'],
    ['of another query', rewritten(lines, { question: 1 }), 'another query'],
    ['of another package', rewritten(lines, { package: 'beta' }), '"beta"'],
    ['with a wrong whole_read', rewritten(lines, { whole_read: 7 }), 'whole_read'],
    ['altered', text.replace('3,[[null,"pip","Linux",3]', '4,[[null,"pip","Linux",4]'), 'altered'],
    ['without a line', rewritten(lines).replace('["2026-03-02",0,0,[]],\n', ''), 'altered'],
    ['with a day whose total is another', day('2026-03-01', 1, 2, [[null, 'pip', null, 1]]), 'total'],
  ])('is rejected when it is %s', (_, broken, reason) => {
    expect(() => parseLedger(broken, identity)).toThrow(FileRejected);
    expect(() => parseLedger(broken, identity)).toThrow(reason);
  });

  it('is quoted in short, without what moves a cursor or the order of a text', () => {
    const broken = rewritten(lines, { package: '\u009b2J\u202e'.repeat(999) });
    expect(() => parseLedger(broken, identity)).toThrow(/^it is about "(\ufffd2J\ufffd)+\.\.\.$/);
  });
});

it.each([
  ['2026-03-04', '2026-03-04'],
  ['2026-03-03', null],
])('was read as a whole on 2026-03-04, which on %s is %s', (today, expected) => {
  expect(soundWholeRead(ledger, today)).toBe(expected);
});

describe('days of more than a year ago', () => {
  /** The ledger with a download by pip on each of some days more, long after which all of them are old. */
  const withOld = (before: Ledger, days: readonly Day[]) => {
    const read = days.map((each) => [each, { partitionRows: 9, rows: [row('pip', 1)] }] as const);
    return withoutOld({ ...before, days: new Map(read) }, '2030-01-01', '2030-01-01');
  };

  it('are kept one by one where a window reaches them', () => {
    const kept = (needed: Day) => [...withoutOld(ledger, needed, '2027-03-03').days.keys()];
    expect(kept('2027-02-01')).toEqual(['2026-03-03']);
    expect(kept('2026-03-01')).toEqual(['2026-03-01', '2026-03-02', '2026-03-03']);
  });

  it('are added up, each once, but for those that the table had nothing of', () => {
    const span = { start: '2024-12-30', end: '2025-01-03' };
    const read = daysOf(span).map((each) => ({ day: each, ...row('pip', 1) }));
    const forget = (grown: Ledger) => withoutOld(grown, '2025-12-30', '2026-01-02');
    // The table had nothing of New Year's Eve.
    const older = forget(withDays(EMPTY_LEDGER, span, read, (each) => (each === '2024-12-31' ? 0 : 10)));
    expect([...older.days.keys()]).toEqual(['2025-01-02']);
    const january = { spans: [{ start: '2025-01-01', end: '2025-01-02' }], rows: [row('pip', 1)] };
    expect(older.old).toEqual([
      { spans: [{ start: '2024-12-30', end: '2024-12-31' }], rows: [row('pip', 1)] },
      january,
    ]);
    const tested = ['2024-12-29', '2024-12-30', '2024-12-31', '2025-01-01', '2025-01-02'];
    expect(tested.map((each) => isOld(older.old, each))).toEqual([false, true, false, true, false]);
    expect(forget(withDays(older, span, read, () => 10)).old).toEqual([
      { spans: [{ start: '2024-12-30', end: '2025-01-01' }], rows: [row('pip', 2)] },
      january,
    ]);

    const saved = serializeLedger(older, identity);
    expect(parseLedger(saved, identity)).toEqual(older);
    const altered = saved.replace('"pip","Linux",1]', '"pip","Linux",3]');
    expect(altered).not.toBe(saved);
    expect(() => parseLedger(altered, identity)).toThrow('it was altered');
  });

  it('come to the same in whatever order and portions they are added', () => {
    const all = Array.from({ length: 12 }, (_, index) => addDays('2024-02-25', index));
    fc.assert(
      fc.property(fc.shuffledSubarray(all), fc.shuffledSubarray(all), (one, other) => {
        const { old } = withOld(withOld(EMPTY_LEDGER, one), other);
        const known = new Set([...one, ...other]);
        expect(spansOf(old).flatMap(daysOf)).toEqual(all.filter((each) => known.has(each)));
        const months = ['2024-02', '2024-03'].map((month) =>
          [...known].filter((each) => each.startsWith(month)),
        );
        const sizes = months.map(({ length }) => length).filter((length) => length > 0);
        expect(old.map(({ rows: sum }) => sum.map(({ downloads }) => downloads))).toEqual(
          sizes.map((size) => [size]),
        );
      }),
    );
  });
});
