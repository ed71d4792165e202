import { describe, expect, it } from 'vitest';
import { SourceError } from '../../src/errors/error.ts';
import { checkRows, type RawRow } from '../../src/sources/rows.ts';
import type { Question } from '../../src/sources/sql.ts';

const question: Question = { packages: ['demo'], span: { start: '2026-04-23', end: '2026-04-25' } };
const several: Question = { ...question, packages: ['a', 'b', 'c'] };
const names = { installer_name: 'pip', system_name: 'Linux' };
const good: RawRow = { day: '2026-04-23', ci: null, ...names, download_count: 3 };
const rowsWith = (changes: readonly RawRow[]) => changes.map((change) => ({ ...good, ...change }));
const check = (...changes: RawRow[]) => checkRows(question, rowsWith(changes), 1_000);
const rowsOf = (change: RawRow) => check(change).rows.get('demo');
const kept = { day: '2026-04-23', ci: null, installer: 'pip', system: 'Linux', sidecar: false, downloads: 3 };
const lengths = (rows: ReadonlyMap<string, readonly unknown[]>) =>
  [...rows].map(([name, list]) => [name, list.length]);

describe('checkRows', () => {
  it('takes numbers, bigints and decimal text as counts, and NULL in every column that can have it', () => {
    for (const download_count of [3, 3n, '3']) expect(rowsOf({ download_count })).toEqual([kept]);
    const nothing = { ci: true, installer_name: null, system_name: null };
    expect(rowsOf(nothing)).toEqual([{ ...kept, ci: true, installer: null, system: null }]);
  });

  it.each<[RawRow, string]>([
    [{ day: '2026-04-22' }, 'day holds "2026-04-22" instead of a day from 2026-04-23 to before 2026-04-25'],
    [{ day: '2026-04-25' }, 'day holds "2026-04-25"'],
    [{ day: null }, 'day holds null'],
    [{ day: 20260423 }, 'day holds 20260423 instead of text or NULL'],
    [{ ci: 'yes' }, 'ci holds "yes" instead of TRUE, FALSE or NULL'],
    [{ ci: 2 }, 'ci holds 2 instead of TRUE, FALSE or NULL'],
    [{ ci: undefined }, 'ci holds nothing'],
    [{ installer_name: 7n }, 'installer_name holds "7" instead of text or NULL'],
    [{ installer_name: undefined }, 'installer_name holds nothing instead of text or NULL'],
    [{ system_name: { name: 'Linux' } }, 'system_name holds {"name":"Linux"}'],
    [{ download_count: -1 }, 'download_count holds -1 instead of a count from 0 to 2^53 - 1'],
    [{ download_count: 1.5 }, 'download_count holds 1.5'],
    [{ download_count: Number.NaN }, 'download_count holds null'],
    [{ download_count: null }, 'download_count holds null'],
    [{ download_count: '' }, 'download_count holds ""'],
    [{ download_count: '1e3' }, 'download_count holds "1e3"'],
    [{ download_count: '9007199254740992' }, 'download_count holds "9007199254740992"'],
    [{ download_count: 9007199254740992n }, 'download_count holds "9007199254740992"'],
    [{ download_count: true }, 'download_count holds true'],
    [{ day: '2026-04-23 00:00:00' }, 'day holds "2026-04-23 00:00:00"'],
    [{ sidecar: 2 }, 'sidecar holds 2'],
    // Without what moves a cursor or the order of a text.
    [{ day: '\u009b2J\u202e\u2028x' }, 'day holds "\ufffd2J\ufffd x" instead'],
  ])('refuses %o', (change, says) => {
    expect(() => check(change)).toThrow(SourceError);
    expect(() => check(change)).toThrow(`unexpected answer: column ${says}`);
  });

  it('quotes no more of a strange value than fits a message', () => {
    expect(() => check({ installer_name: ['x'.repeat(500)] })).toThrow(/^.{0,220}$/);
  });

  it('refuses an answer as long as its limit, and takes one that is one row shorter', () => {
    const rows = Array.from({ length: 1_000 }, (_, index) => ({ installer_name: `client ${index}` }));
    const says = 'result truncated: the answer fills its limit of 1000 rows, so some may be missing';
    expect(() => check(...rows)).toThrow(says);
    const { rows: found } = check(...rows.slice(1));
    expect(found.get('demo')).toMatchObject([{ installer: '(other)', downloads: 999 * 3 }]);
  });

  it('refuses a group that comes twice, as a page does that is served again', () => {
    const says = 'column day holds "2026-04-23" instead of each group once';
    expect(() => check({}, { installer_name: 'uv' }, { download_count: 4 })).toThrow(says);
    expect(() => check({ ci: 'unknown' }, { ci: 'unknown' })).toThrow('instead of each group once');
  });

  it('keeps the names that are on a list, and folds all others', () => {
    const installers = { pip: 'pip', OS: 'OS', '': null, 'pip\n2026-04-23': '(other)' };
    const others = { Pip: '(other)', 'password=': '(other)', constructor: '(other)' };
    for (const [installer_name, installer] of Object.entries({ ...installers, ...others })) {
      expect(rowsOf({ installer_name })).toEqual([{ ...kept, installer }]);
    }
    const systems = { Darwin: 'Darwin', '': null, FreeBSD: '(other)', 'Linux\u202e': '(other)' };
    for (const [system_name, system] of Object.entries(systems)) {
      expect(rowsOf({ system_name })).toEqual([{ ...kept, system }]);
    }
  });

  it('keeps a strange row to its package, and refuses one that belongs to nobody', () => {
    const rows = rowsWith([{ project: 'a' }, { project: 'b', ci: 'yes' }]);
    const { rows: sound, failures } = checkRows(several, rows, 1_000);
    expect(lengths(sound)).toEqual(Object.entries({ a: 1, c: 0 }));
    expect([...failures.keys()]).toEqual(['b']);
    expect(() => checkRows(several, [{ ...good, project: 'd' }], 1_000)).toThrow('column project holds "d"');
    expect(() => checkRows(several, [good], 1_000)).toThrow('column project holds nothing');
  });

  const [unknown, next] = [{ ci: 'unknown' }, { day: '2026-04-24' }];
  it.each<[string, RawRow[], string[], string[]]>([
    ['no row', [{}], ['2026-04-23'], []],
    ['the only row of a day', [unknown], [], ['2026-04-23']],
    ['one row of a day', [{ installer_name: 'uv' }, unknown, { ci: true }], [], ['2026-04-23']],
    ['a row of an unknown client', [{}, { ...unknown, installer_name: null }], [], ['2026-04-23']],
    ['a row of one of two days', [unknown, next], ['2026-04-24'], ['2026-04-23']],
    ['rows of both days', [unknown, { ...next, ...unknown }], [], ['2026-04-23', '2026-04-24']],
  ])('takes a day for unknown where its flag is not known in %s', (_, changes, known, days) => {
    const { rows, unknownDays, failures } = check(...changes);
    expect(rows.get('demo')?.map(({ day }) => day)).toEqual(known);
    expect([...(unknownDays.get('demo') ?? [])]).toEqual(days);
    expect([...failures]).toEqual([]);
  });

  it('keeps an unknown day to its package, and checks its rows like any other', () => {
    const strange = { ...unknown, ...next, project: 'c', download_count: -1 };
    const [a, c] = [
      { ...unknown, project: 'a' },
      { ...unknown, project: 'c' },
    ];
    const rows = rowsWith([a, { project: 'b' }, c, strange]);
    const { rows: sound, unknownDays, failures } = checkRows(several, rows, 1_000);
    expect(lengths(sound)).toEqual(Object.entries({ a: 0, b: 1 }));
    expect([...unknownDays]).toEqual([['a', new Set(['2026-04-23'])]]);
    expect([...failures.keys()]).toEqual(['c']);
    expect(() => check({ ...unknown, day: '2026-04-25' })).toThrow('column day');
  });

  it('tells files that are no distributions only where the log may hold some: up to 2026-08-24', () => {
    const around: Question = { packages: ['demo'], span: { start: '2026-08-24', end: '2026-08-26' } };
    const found = (day: string, sidecar: boolean | null) =>
      checkRows(around, [{ ...good, day, sidecar }], 1_000).rows.get('demo');
    const day = '2026-08-24';
    expect(found(day, true)).toEqual([{ ...kept, day, installer: null, system: null, sidecar: true }]);
    for (const flag of [false, null]) expect(found(day, flag)).toEqual([{ ...kept, day }]);
    expect(found('2026-08-25', true)).toEqual([{ ...kept, day: '2026-08-25' }]);
  });
});
