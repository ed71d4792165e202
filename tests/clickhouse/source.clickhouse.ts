import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { daysOf, type Span } from '../../src/days/day.ts';
import { pivotStatement, SETTINGS } from '../../src/sources/clickhouse/sql.ts';
import type { PivotRow } from '../../src/sources/sql.ts';
import type { NonEmpty } from '../../src/util.ts';
import { crowd } from '../support/hostile-names.ts';
import { type Engine, type EngineRow, startEngine } from './engine.ts';

/* The source against ClickHouse's own engine, which refuses and cuts as the public endpoint does. */

const MAX_ROWS_TO_READ = 200_000;
const APRIL: Span = { start: '2026-04-01', end: '2026-05-01' };
const SMALL = { packages: ['small'], span: APRIL } as const;

let engine: Engine;

async function read(packages: NonEmpty<string>, span: Span) {
  const source = await engine.open();
  const { rows, unknownDays, failures } = await source.read({ packages, span });
  const codes = Object.fromEntries([...failures].map(([name, error]) => [name, error.code]));
  return { rows, unknownDays, failures, codes };
}

const sum = (rows: readonly PivotRow[] | undefined) =>
  rows?.reduce((total, { downloads }) => total + downloads, 0);

/** Downloads of a package on every day of April. */
const daily = (project: string, row: Omit<EngineRow, 'date' | 'project'>) =>
  daysOf(APRIL).map((date): EngineRow => ({ date, project, ci: 'false', ...row }));

beforeAll(async () => {
  engine = await startEngine(MAX_ROWS_TO_READ);
  await engine.add(
    ...daily('large', { installer: 'pip', system: 'Linux', times: 20_000 }),
    ...daily('small', { installer: 'uv', times: 2 }),
    { date: '2026-04-10', project: 'giant', installer: 'pip', ci: 'false', times: 300_000 },
  );
});
afterAll(() => engine.stop());
beforeEach(() => engine.asked());

/** Asks the engine as `demo`, without the source. */
async function ask(sql: string, more: Record<string, string>) {
  const headers = { 'x-clickhouse-user': 'demo' };
  const url = `${engine.url}/?${new URLSearchParams(more)}`;
  const answer = await fetch(url, { method: 'POST', headers, body: sql });
  return { status: answer.status, text: await answer.text() };
}

it('is asked of an engine that has the trap: past its read limit, it answers 200 with a part, unless told to refuse', async () => {
  const sql =
    "SELECT count() AS n FROM pypi.pypi WHERE project = 'large' AND NOT ignore(version) FORMAT JSONCompact";
  const { status, text } = await ask(sql, {});
  const [[count]] = JSON.parse(text).data;
  expect(status).toBe(200);
  expect(Number(count)).toBeGreaterThan(0);
  expect(Number(count)).toBeLessThan(600_000);
  const refused = await ask(sql, { read_overflow_mode: 'throw' });
  expect(refused.status).toBe(500);
  expect(refused.text).toMatch(/^Code: 158\. DB::Exception: .*\(TOO_MANY_ROWS\)/);
});

describe('read', () => {
  it('gives up on a package with a day that is refused, and on no other', async () => {
    const { rows, failures, codes } = await read(['giant', 'small'], APRIL);
    expect(codes).toEqual({ giant: 'too-large' });
    expect([...rows].map(([name, list]) => [name, sum(list)])).toEqual([['small', 60]]);
    const says = /^a single day of this package is more than the server reads .*Limit for rows/;
    expect(failures.get('giant')?.message).toMatch(says);
  });

  it('has unknown days where rows are older than the column ci, and the rows of all others, null for what is empty', async () => {
    const project = 'old';
    await engine.add(
      { date: '2026-04-03', project, installer: 'pip' },
      { date: '2026-04-04', project, ci: 'false' },
      { date: '2026-04-05', project, installer: 'pip' },
    );
    const { rows, unknownDays, codes } = await read(['old', 'small'], APRIL);
    expect(codes).toEqual({});
    expect([...unknownDays]).toEqual([['old', new Set(['2026-04-03', '2026-04-05'])]]);
    expect(sum(rows.get('small'))).toBe(60);
    const nameless = { ci: false, installer: null, system: null, sidecar: false, downloads: 1 };
    expect(rows.get('old')).toEqual([{ day: '2026-04-04', ...nameless }]);
  });

  it('gets no name that is on no list out of the engine, nor more rows than there can be', async () => {
    const names = crowd(3_000);
    const strange = names.map((installer, index) => ({
      date: index % 2 === 0 ? '2026-08-24' : '2026-09-01',
      ...{ project: 'strange', installer, system: names.at(-index) ?? '', filename: 'a.whl' },
      ci: 'false' as const,
    }));
    await engine.add(...strange);
    const end = '2026-10-01';
    for (const start of ['2026-08-01', '2026-09-01']) {
      const question = { packages: ['strange'], span: { start, end } } as const;
      const { sql, parameters } = pivotStatement('pypi.pypi', question);
      const given = { ...parameters, projects: "['strange']" };
      const sent = Object.entries(given).map(([name, value]) => [`param_${name}`, String(value)]);
      const { data } = JSON.parse((await ask(sql, Object.fromEntries(sent))).text) as { data: string[][] };
      const told = new Set(data.flatMap((row) => [row[3] ?? '', row[4] ?? '']));
      expect([...told].filter((name) => !['', 'pip', 'OS', 'Linux', '(other)'].includes(name))).toEqual([]);
      expect(data.length).toBeLessThan(10);
    }
    const { rows } = await read(['strange'], { start: '2026-08-01', end });
    expect(sum(rows.get('strange'))).toBe(names.length);
  });

  it('tells files that are no distributions, up to 2026-08-24', async () => {
    const names = ['a-1.whl', 'a-1.tar.gz', 'a-1.zip', 'a-1.whl.metadata', 'a-1.exe', 'a-1.WHL', ''];
    const on = (date: string) =>
      names.map((filename): EngineRow => ({ date, project: 'files', ci: 'false', filename }));
    await engine.add(...on('2026-08-24'), ...on('2026-08-25'));
    const told = async (start: string) => {
      const { rows } = await read(['files'], { start, end: '2026-08-26' });
      const asked = (await engine.asked()).some(({ sql }) => /filename|sidecar/.test(sql));
      const found = rows.get('files')?.map(({ day, sidecar, downloads }) => `${day} ${sidecar} ${downloads}`);
      return [asked, found?.toSorted()];
    };
    const both = ['2026-08-24 false 3', '2026-08-24 true 4', '2026-08-25 false 7'];
    expect(await told('2026-08-24')).toEqual([true, both]);
    expect(await told('2026-08-25')).toEqual([false, ['2026-08-25 false 7']]);
  });

  it('asks one question about a day of 130 packages, says who asks, and throws whatever is too much', async () => {
    const names = Array.from({ length: 130 }, (_, index) => `package-${index}`);
    await engine.add(...names.map((project): EngineRow => ({ date: '2026-04-24', project, ci: 'false' })));
    const all = names as unknown as NonEmpty<string>;
    const { rows, codes } = await read(all, { start: '2026-04-24', end: '2026-04-25' });
    expect(codes).toEqual({});
    expect([...rows.values()].map(sum)).toEqual(names.map(() => 1));
    const asked = await engine.asked();
    expect(asked.map(({ parameters }) => parameters['projects']?.split(',').length)).toEqual([130]);
    expect(asked[0]?.agent).toBe('pypi-badges/1.2.3 (+https://example.com)');
    const { wait_end_of_query: _, ...sent } = SETTINGS;
    expect(asked[0]?.settings).toEqual(sent);
  });

  it('hands every value over as a parameter', async () => {
    const strange = `x') OR 1 = 1 --\\'"`;
    const { rows, codes } = await read([strange, 'small'], APRIL);
    expect(codes).toEqual({});
    expect(rows.get(strange)).toEqual([]);
    expect(sum(rows.get('small'))).toBe(60);
  });

  const COLUMNS = 'date Date, project String, ci String, installer String, system String, filename String';
  it.each([
    ['a table that is not there', 'pypi.nope', undefined, 'not-found'],
    ['a database that is not there', 'nope.pypi', undefined, 'not-found'],
    ['a column that is not there', 'pypi.bare', 'date Date, project String', 'unexpected-answer'],
    ['a column of another type', 'pypi.bent', COLUMNS.replace('ci String', 'ci UInt8'), 'unexpected-answer'],
    ['days that are instants', 'pypi.late', COLUMNS.replace('Date,', 'DateTime,'), 'unexpected-answer'],
  ])('refuses %s', async (_, table, columns, code) => {
    if (columns !== undefined) {
      await engine.admin(`CREATE TABLE ${table} (${columns}) ENGINE = MergeTree ORDER BY project`);
    }
    const source = await engine.open({ table });
    await expect(source.read(SMALL)).rejects.toMatchObject({ code, affectsAll: true });
  });

  it('names a user that is refused', async () => {
    const source = await engine.open({ user: 'somebody' });
    const message = expect.stringMatching(/^ClickHouse refused the user or the password; check click/);
    await expect(source.read(SMALL)).rejects.toMatchObject({ code: 'sign-in-refused', message });
  });
});

describe('days', () => {
  it('sums the reference packages by day, whatever the number of rows', async () => {
    const source = await engine.open();
    await engine.add(
      { date: '2026-06-01', project: 'boto3', ci: 'false', times: 40 },
      { date: '2026-06-01', project: 'numpy', ci: 'false', times: 2 },
      { date: '2026-06-03', project: 'boto3', ci: 'false', times: 30 },
      { date: '2026-06-02', project: 'small', ci: 'false', times: 5 },
    );
    await engine.add({ date: '2026-06-01', project: 'boto3', ci: 'true', times: 8 });
    const told = await source.days({ start: '2026-06-01', end: '2026-06-05' });
    const rows = new Map(Object.entries({ '2026-06-01': 50, '2026-06-03': 30 }));
    expect(told).toMatchObject({ kind: 'known', rows });
    expect(await engine.asked()).toHaveLength(1);
    const none = await source.days({ start: '2026-07-01', end: '2026-07-05' });
    expect(none).toMatchObject({ kind: 'known', rows: new Map() });
  });

  it('cannot tell where there is no such table, or no reference package in it', async () => {
    await engine.admin('CREATE DATABASE own');
    await engine.admin('CREATE TABLE own.pypi AS pypi.pypi');
    const source = await engine.open({ table: 'own.pypi' });
    const reason = expect.stringMatching(/^pypi_downloads_per_day: the table is not there/);
    expect(await source.days(APRIL)).toMatchObject({ kind: 'unsupported', reason });
    await engine.admin('CREATE TABLE own.pypi_downloads_per_day AS pypi.pypi_downloads_per_day');
    await engine.admin("INSERT INTO own.pypi_downloads_per_day VALUES ('2026-04-01', 'small', 3)");
    const unknown = 'pypi_downloads_per_day: it knows none of the packages by which days are told';
    expect(await source.days(APRIL)).toMatchObject({ kind: 'unsupported', reason: unknown });
  });
});
