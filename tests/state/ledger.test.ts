import { describe, expect, it } from 'vitest';
import {
  billedOf,
  bytesPerDay,
  EMPTY_LEDGER,
  LedgerRejected,
  parseLedger,
  serializeLedger,
  withBill,
  withDays,
  withoutOld,
} from '../../src/state/ledger.ts';

const identity = { source: 'bigquery:p.d.t', package: 'alpha' };
const span = { start: '2026-03-01', end: '2026-03-04' };
const rows = [
  { day: '2026-03-01', ci: null, installer: 'pip', system: 'Linux', downloads: 3 },
  { day: '2026-03-03', ci: true, installer: null, system: null, downloads: 1 },
  { day: '2026-03-03', ci: false, installer: 'uv', system: null, downloads: 2 },
];
const ledger = withBill(
  withDays(EMPTY_LEDGER, span, rows, (day) => (day === '2026-03-02' ? 0 : 1000)),
  '2026-03',
  3,
  450_000_000,
);
const text = serializeLedger(ledger, identity);

describe('a ledger file', () => {
  it('brings back what was saved', () => {
    expect(parseLedger(text, identity)).toEqual(ledger);
    expect(ledger.days.get('2026-03-02')).toEqual({ revision: 0, rows: [] });
    expect(ledger.days.get('2026-03-03')?.rows).toHaveLength(2);
  });

  it('has a line for each day, oldest first', () => {
    expect(text.split('\n').slice(1, 4)).toEqual([
      '["2026-03-01",1000,[[null,"pip","Linux",3]]],',
      '["2026-03-02",0,[]],',
      '["2026-03-03",1000,[[true,null,null,1],[false,"uv",null,2]]]',
    ]);
  });

  const edit = (change: (value: Record<string, unknown>) => void): string => {
    const value = JSON.parse(text) as Record<string, unknown>;
    change(value);
    return JSON.stringify(value);
  };
  const day = (...parts: unknown[]) => edit((value) => Object.assign(value, { days: [parts] }));

  it.each([
    ['cut short', text.slice(0, -20), 'cut short'],
    ['empty', '', 'cut short'],
    ['a list', '[]', 'version'],
    ['null', 'null', 'not a ledger'],
    ['of another version', edit((value) => Object.assign(value, { version: 2 })), 'version 2, not 1'],
    ['of another source', edit((value) => Object.assign(value, { source: 'duckdb:/x' })), 'duckdb:/x'],
    ['of another query', edit((value) => Object.assign(value, { query: 'x' })), 'another query'],
    ['of another package', edit((value) => Object.assign(value, { package: 'beta' })), '"beta"'],
    ['with a wrong whole_read', edit((value) => Object.assign(value, { whole_read: 7 })), 'whole_read'],
    ['without bills', edit((value) => Object.assign(value, { billed: null })), 'billed'],
    ['with a bill of a strange month', edit((value) => Object.assign(value, { billed: { May: {} } })), 'May'],
    [
      'with a bill that is no count',
      edit((value) =>
        Object.assign(value, { billed: { '2026-03': { days_scanned: 1, bytes_billed: -1, queries: 1 } } }),
      ),
      '2026-03',
    ],
    [
      'with a bill that is null',
      edit((value) => Object.assign(value, { billed: { '2026-03': null } })),
      '2026-03',
    ],
    ['without days', edit((value) => Object.assign(value, { days: {} })), 'list of days'],
    ['with a day that is text', edit((value) => Object.assign(value, { days: ['2026-03-01'] })), 'entry'],
    ['with a day that does not exist', day('2026-02-30', 1, []), '2026-02-30'],
    ['with a day that is a number', day(20260301, 1, []), 'not a day'],
    ['with a revision that is text', day('2026-03-01', '1', []), 'revision'],
    ['with a negative revision', day('2026-03-01', -1, []), 'revision'],
    ['with rows that are no list', day('2026-03-01', 1, null), 'rows'],
    ['with a row that is short', day('2026-03-01', 1, [[null, 'pip', 1]]), 'four parts'],
    ['with a CI flag that is text', day('2026-03-01', 1, [['no', 'pip', null, 1]]), 'CI flag'],
    ['with an installer that is a number', day('2026-03-01', 1, [[null, 3, null, 1]]), 'name'],
    ['with a negative count', day('2026-03-01', 1, [[null, 'pip', null, -1]]), 'counts -1'],
    ['with half a download', day('2026-03-01', 1, [[null, 'pip', null, 0.5]]), 'counts 0.5'],
    [
      'with a day twice',
      edit((value) =>
        Object.assign(value, {
          days: [
            ['2026-03-01', 1, []],
            ['2026-03-01', 1, []],
          ],
        }),
      ),
      'twice',
    ],
  ])('is rejected when it is %s', (_, broken, reason) => {
    expect(() => parseLedger(broken, identity)).toThrow(LedgerRejected);
    expect(() => parseLedger(broken, identity)).toThrow(reason);
  });
});

describe('what was billed', () => {
  it('can still be told from a ledger of another source, and not from rubble', () => {
    expect(billedOf(text)).toEqual({ '2026-03': { daysScanned: 3, bytesBilled: 450_000_000, queries: 1 } });
    expect(billedOf(text.slice(0, 50))).toEqual({});
    expect(billedOf('')).toEqual({});
  });

  it('gives the bytes of a day from the latest month that billed anything', () => {
    expect(bytesPerDay(EMPTY_LEDGER)).toBeUndefined();
    const later = withBill(withBill(ledger, '2026-04', 2, 320_000_000), '2026-05', 4, 0);
    expect(bytesPerDay(later)).toBe(160_000_000);
  });
});

describe('forgetting', () => {
  it('drops days of more than a year ago, unless a window reaches them', () => {
    const today = '2027-03-03';
    const window = { start: '2027-02-01', end: '2027-03-03' };
    expect([...withoutOld(ledger, window, today).days.keys()]).toEqual(['2026-03-03']);
    expect([...withoutOld(ledger, { start: '2026-03-01', end: '2026-03-03' }, today).days.keys()]).toEqual([
      '2026-03-01',
      '2026-03-02',
      '2026-03-03',
    ]);
  });

  it('drops bills of more than thirteen months', () => {
    const months = Array.from(
      { length: 15 },
      (_, index) => `${2025 + Math.floor(index / 12)}-${String((index % 12) + 1).padStart(2, '0')}`,
    );
    const billed = months.reduce((total, month) => withBill(total, month, 1, 1), EMPTY_LEDGER);
    expect(Object.keys(withoutOld(billed, span, '2026-03-04').billed)).toEqual(months.slice(2));
  });
});
