import { describe, expect, it } from 'vitest';
import { checkRows, type RawRow } from '../../src/sources/rows.ts';
import { SourceError } from '../../src/sources/source.ts';
import type { Question } from '../../src/sources/sql.ts';

const question: Question = { packages: ['demo'], span: { start: '2026-04-23', end: '2026-04-25' } };
const good: RawRow = {
  day: '2026-04-23',
  ci: null,
  installer_name: 'pip',
  system_name: 'Linux',
  download_count: 3,
};
const check = (change: RawRow) => checkRows(question, [{ ...good, ...change }], 1_000);
const rowsOf = (change: RawRow) => check(change).rows.get('demo');

describe('checkRows', () => {
  it('takes numbers, bigints and decimal text as counts', () => {
    for (const download_count of [3, 3n, '3']) {
      expect(rowsOf({ download_count })).toEqual([
        { day: '2026-04-23', ci: null, installer: 'pip', system: 'Linux', sidecar: false, downloads: 3 },
      ]);
    }
  });

  it('takes NULL in every column that can have it', () => {
    expect(rowsOf({ ci: true, installer_name: null, system_name: null })).toEqual([
      { day: '2026-04-23', ci: true, installer: null, system: null, sidecar: false, downloads: 3 },
    ]);
  });

  it.each<[RawRow, string]>([
    [
      { day: '2026-04-22' },
      'column day holds "2026-04-22" instead of a day from 2026-04-23 to before 2026-04-25',
    ],
    [{ day: '2026-04-25' }, 'column day holds "2026-04-25"'],
    [{ day: null }, 'column day holds null'],
    [{ day: 20260423 }, 'column day holds 20260423 instead of text or NULL'],
    [{ ci: 'yes' }, 'column ci holds "yes" instead of TRUE, FALSE or NULL'],
    [{ ci: 2 }, 'column ci holds 2 instead of TRUE, FALSE or NULL'],
    [{ ci: undefined }, 'column ci holds nothing'],
    [{ installer_name: 7n }, 'column installer_name holds "7" instead of text or NULL'],
    [{ installer_name: undefined }, 'column installer_name holds nothing instead of text or NULL'],
    [{ system_name: { name: 'Linux' } }, 'column system_name holds {"name":"Linux"}'],
    [{ download_count: -1 }, 'column download_count holds -1 instead of a count from 0 to 2^53 - 1'],
    [{ download_count: 1.5 }, 'column download_count holds 1.5'],
    [{ download_count: Number.NaN }, 'column download_count holds null'],
    [{ download_count: null }, 'column download_count holds null'],
    [{ download_count: '' }, 'column download_count holds ""'],
    [{ download_count: '1e3' }, 'column download_count holds "1e3"'],
    [{ download_count: '9007199254740992' }, 'column download_count holds "9007199254740992"'],
    [{ download_count: 9007199254740992n }, 'column download_count holds "9007199254740992"'],
    [{ download_count: true }, 'column download_count holds true'],
  ])('refuses %o', (change, says) => {
    expect(() => check(change)).toThrow(SourceError);
    expect(() => check(change)).toThrow(`unexpected answer: ${says}`);
  });

  it('quotes no more of a strange value than fits a message', () => {
    expect(() => check({ installer_name: ['x'.repeat(500)] })).toThrow(/^.{0,220}$/);
  });

  it('quotes a strange value without what moves a cursor or the order of a text', () => {
    expect(() => check({ day: '\u009b2J\u202e\u2028x' })).toThrow(
      'column day holds "\ufffd2J\ufffd x" instead',
    );
  });

  it('refuses an answer as long as its limit, and takes one that is one row shorter', () => {
    const rows = Array.from({ length: 1_000 }, (_, index) => ({
      ...good,
      installer_name: `client ${index}`,
    }));
    expect(() => checkRows(question, rows, 1_000)).toThrow(
      'result truncated: the answer fills its limit of 1000 rows, so some may be missing',
    );
    expect(checkRows(question, rows.slice(1), 1_000).rows.get('demo')).toMatchObject([
      { installer: '(other)', downloads: 999 * 3 },
    ]);
  });

  it('refuses a group that comes twice, as a page does that is served again', () => {
    const rows = [good, { ...good, installer_name: 'uv' }, { ...good, download_count: 4 }];
    expect(() => checkRows(question, rows, 1_000)).toThrow(
      'column day holds "2026-04-23" instead of each group once',
    );
  });

  it.each([
    ['pip', 'pip'],
    ['OS', 'OS'],
    ['', null],
    [null, null],
    ['Pip', '(other)'],
    ['password=', '(other)'],
    ['pip\n2026-04-23', '(other)'],
    ['constructor', '(other)'],
  ])('keeps the installer %j as %j', (installer_name, kept) => {
    expect(rowsOf({ installer_name })?.[0]?.installer).toBe(kept);
  });

  it.each([
    ['Darwin', 'Darwin'],
    ['', null],
    ['FreeBSD', '(other)'],
    ['Linux\u202e', '(other)'],
  ])('keeps the system %j as %j', (system_name, kept) => {
    expect(rowsOf({ system_name })?.[0]?.system).toBe(kept);
  });

  it('keeps a strange row to its package, and refuses one that belongs to nobody', () => {
    const several: Question = { packages: ['a', 'b', 'c'], span: question.span };
    const rows = [
      { ...good, project: 'a' },
      { ...good, project: 'b', ci: 'yes' },
    ];
    const { rows: sound, failures } = checkRows(several, rows, 1_000);
    expect([...sound].map(([name, list]) => [name, list.length])).toEqual([
      ['a', 1],
      ['c', 0],
    ]);
    expect([...failures.keys()]).toEqual(['b']);
    expect(() => checkRows(several, [{ ...good, project: 'd' }], 1_000)).toThrow('column project holds "d"');
    expect(() => checkRows(several, [good], 1_000)).toThrow('column project holds nothing');
  });

  it.each<[string, RawRow[], [string, string][], string[]]>([
    ['no row', [{}], [['2026-04-23', 'pip']], []],
    ['the only row of a day', [{ ci: 'unknown' }], [], ['2026-04-23']],
    ['one row of a day', [{ installer_name: 'uv' }, { ci: 'unknown' }, { ci: true }], [], ['2026-04-23']],
    ['a row of an unknown client', [{}, { ci: 'unknown', installer_name: null }], [], ['2026-04-23']],
    [
      'a row of one of two days',
      [{ ci: 'unknown' }, { day: '2026-04-24' }],
      [['2026-04-24', 'pip']],
      ['2026-04-23'],
    ],
    [
      'rows of both days',
      [{ ci: 'unknown' }, { day: '2026-04-24', ci: 'unknown' }],
      [],
      ['2026-04-23', '2026-04-24'],
    ],
  ])('takes a day for unknown where its flag is not known in %s', (_, changes, kept, unknown) => {
    const rows = changes.map((change) => ({ ...good, ...change }));
    const checked = checkRows(question, rows, 1_000);
    expect(checked.rows.get('demo')?.map(({ day, installer }) => [day, installer])).toEqual(kept);
    expect([...(checked.unknownDays.get('demo') ?? [])]).toEqual(unknown);
    expect([...checked.failures]).toEqual([]);
  });

  it('keeps an unknown day to its package, and checks its rows like any other', () => {
    const several: Question = { packages: ['a', 'b', 'c'], span: question.span };
    const unknown = { ...good, ci: 'unknown' };
    const { rows, unknownDays, failures } = checkRows(
      several,
      [
        { ...unknown, project: 'a' },
        { ...good, project: 'b' },
        { ...unknown, project: 'c' },
        { ...unknown, project: 'c', day: '2026-04-24', download_count: -1 },
      ],
      1_000,
    );
    expect([...rows].map(([name, list]) => [name, list.length])).toEqual([
      ['a', 0],
      ['b', 1],
    ]);
    expect([...unknownDays]).toEqual([['a', new Set(['2026-04-23'])]]);
    expect([...failures.keys()]).toEqual(['c']);
    expect(() => checkRows(question, [unknown, unknown], 1_000)).toThrow('instead of each group once');
    expect(() => checkRows(question, [{ ...unknown, day: '2026-04-25' }], 1_000)).toThrow('column day');
  });

  it('tells files that are no distributions only where the log may hold some: up to 2026-08-24', () => {
    const around: Question = { packages: ['demo'], span: { start: '2026-08-24', end: '2026-08-26' } };
    const kept = (day: string, flag: boolean | null) =>
      checkRows(around, [{ ...good, day, sidecar: flag }], 1_000).rows.get('demo')?.[0];
    const counted = { ci: null, installer: 'pip', system: 'Linux', sidecar: false };
    expect(kept('2026-08-24', true)).toMatchObject({
      installer: null,
      system: null,
      sidecar: true,
      downloads: 3,
    });
    expect(kept('2026-08-24', false)).toMatchObject(counted);
    expect(kept('2026-08-24', null)).toMatchObject(counted);
    expect(kept('2026-08-25', true)).toMatchObject(counted);
  });
});
