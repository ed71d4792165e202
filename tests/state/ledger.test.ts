import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FileRejected } from '../../src/state/checks.ts';
import {
  EMPTY_LEDGER,
  parseLedger,
  serializeLedger,
  soundWholeRead,
  withDays,
  withoutOld,
} from '../../src/state/ledger.ts';

const identity = { source: 'bigquery:p.d.t', package: 'alpha' };
const span = { start: '2026-03-01', end: '2026-03-04' };
const rows = [
  { day: '2026-03-01', ci: null, installer: 'pip', system: 'Linux', sidecar: false, downloads: 3 },
  { day: '2026-03-03', ci: true, installer: null, system: null, sidecar: true, downloads: 1 },
  { day: '2026-03-03', ci: false, installer: 'uv', system: null, sidecar: false, downloads: 2 },
];
const ledger = {
  ...withDays(EMPTY_LEDGER, span, rows, (day) => (day === '2026-03-02' ? 0 : 1000)),
  wholeRead: '2026-03-04',
};
const text = serializeLedger(ledger, identity);

describe('a ledger file', () => {
  it('brings back what was saved', () => {
    expect(parseLedger(text, identity)).toEqual(ledger);
    expect(ledger.days.get('2026-03-02')).toEqual({ partitionRows: 0, rows: [] });
    expect(ledger.days.get('2026-03-03')?.rows).toHaveLength(2);
  });

  it('has a line for each day, oldest first', () => {
    expect(text.split('\n').slice(1, 4)).toEqual([
      '["2026-03-01",1000,3,[[null,"pip","Linux",3]]],',
      '["2026-03-02",0,0,[]],',
      '["2026-03-03",1000,3,[[true,null,null,1,true],[false,"uv",null,2]]]',
    ]);
  });

  /** The file with other content, and the checksum that belongs to it: as if another program had written it. */
  const rewritten = (days: string, head: object = {}) => {
    const checksum = createHash('sha256').update(days).digest('hex').slice(0, 16);
    const { days: _, ...value } = JSON.parse(text);
    const start = JSON.stringify({ ...value, checksum, ...head });
    return `${start.slice(0, -1)},"days":[\n${days}\n]}\n`;
  };
  const lines = text.split('\n').slice(1, 4).join('\n');
  const day = (...parts: unknown[]) => rewritten(JSON.stringify(parts));

  it('is whole when it is written anew', () => {
    expect(rewritten(lines)).toBe(text);
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
    ['altered by one digit', text.replace('"Linux",3]', '"Linux",4]'), 'altered'],
    [
      'altered in a digit and the total',
      text.replace('3,[[null,"pip","Linux",3]', '4,[[null,"pip","Linux",4]'),
      'altered',
    ],
    ['altered in a name', text.replace('"pip"', '"uv"'), 'altered'],
    ['without a line', rewritten(lines).replace('["2026-03-02",0,0,[]],\n', ''), 'altered'],
    ['with a day whose total is another', day('2026-03-01', 1, 2, [[null, 'pip', null, 1]]), 'total'],
    ['with a day that is text', rewritten('"2026-03-01"'), 'entry'],
    ['with a day that does not exist', day('2026-02-30', 1, 0, []), '2026-02-30'],
    ['with a day that is a number', day(20260301, 1, 0, []), 'not a day'],
    [
      'with rows of the table that are text',
      day('2026-03-01', '1', 0, []),
      'rows of the table on 2026-03-01',
    ],
    ['with negative rows of the table', day('2026-03-01', -1, 0, []), 'rows of the table on 2026-03-01'],
    ['with rows that are no list', day('2026-03-01', 1, 0, null), 'rows'],
    ['with a row that is short', day('2026-03-01', 1, 1, [[null, 'pip', 1]]), 'no row'],
    ['with a CI flag that is text', day('2026-03-01', 1, 1, [['no', 'pip', null, 1]]), 'CI flag'],
    ['with an installer that is a number', day('2026-03-01', 1, 1, [[null, 3, null, 1]]), 'name'],
    ['with a flag of the file that is text', day('2026-03-01', 1, 1, [[null, 'pip', null, 1, 'x']]), 'file'],
    ['with a negative count', day('2026-03-01', 1, -1, [[null, 'pip', null, -1]]), 'are -1'],
    ['with half a download', day('2026-03-01', 1, 0.5, [[null, 'pip', null, 0.5]]), 'are 0.5'],
    ['with a day twice', rewritten('["2026-03-01",1,0,[]],\n["2026-03-01",1,0,[]]'), 'twice'],
  ])('is rejected when it is %s', (_, broken, reason) => {
    expect(() => parseLedger(broken, identity)).toThrow(FileRejected);
    expect(() => parseLedger(broken, identity)).toThrow(reason);
  });

  it('is quoted in short, without what moves a cursor or the order of a text', () => {
    const broken = rewritten(lines, { package: '\u009b2J\u202e'.repeat(999) });
    expect(() => parseLedger(broken, identity)).toThrow(/^it is about "(\ufffd2J\ufffd)+\.\.\.$/);
  });
});

describe('forgetting', () => {
  it('drops days of more than a year ago, unless a window reaches them', () => {
    const today = '2027-03-03';
    const window = { start: '2027-02-01', end: '2027-03-03' };
    expect([...withoutOld(ledger, window.start, today).days.keys()]).toEqual(['2026-03-03']);
    expect([...withoutOld(ledger, '2026-03-01', today).days.keys()]).toEqual([
      '2026-03-01',
      '2026-03-02',
      '2026-03-03',
    ]);
  });
});

it.each([
  ['2026-03-04', '2026-03-04'],
  ['2026-03-03', null],
])('was read as a whole on 2026-03-04, which on %s is %s', (today, expected) => {
  expect(soundWholeRead(ledger, today)).toBe(expected);
});
