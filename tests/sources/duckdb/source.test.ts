import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openDuckDb } from '../../../src/sources/duckdb/source.ts';
import type { PivotRow, Question } from '../../../src/sources/query.ts';
import type { Source } from '../../../src/sources/source.ts';
import { type Download, ndjson, writeNdjson } from '../../support/downloads.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const APRIL = { start: '2026-03-26', end: '2026-04-25' };
const DEMO: Question = { packages: ['demo'], span: APRIL };

async function open(files: string): Promise<Source> {
  const source = await openDuckDb({ kind: 'duckdb', files, wholeLog: false });
  onTestFinished(() => source.close());
  return source;
}

/** Writes a Parquet file from NDJSON text with the types of the public table, by an engine of its own. */
async function writeParquet(folder: string, name: string, downloads: readonly Download[]): Promise<string> {
  const json = join(folder, 'rows-for-parquet.ndjson');
  writeNdjson(json, downloads);
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const path = join(folder, name);
  await connection.run(
    `COPY (FROM read_json('${json}', format = 'newline_delimited', columns = {timestamp: 'TIMESTAMPTZ',
      file: 'STRUCT(project VARCHAR)',
      details: 'STRUCT(ci BOOLEAN, installer STRUCT(name VARCHAR), system STRUCT(name VARCHAR))'}))
    TO '${path}' (FORMAT parquet)`,
  );
  connection.closeSync();
  instance.closeSync();
  return path;
}

async function read(source: Source, question = DEMO): Promise<readonly PivotRow[]> {
  const [name] = question.packages;
  return (await source.read(question)).rows.get(name) ?? [];
}

const sorted = (rows: readonly PivotRow[]) => rows.map((row) => JSON.stringify(row)).toSorted();

const MIXED: readonly Download[] = [
  { at: '2026-03-26 00:00:00', installer: 'pip', system: 'Linux', times: 2 },
  { at: '2026-04-24 23:59:59', installer: 'pip', system: 'Linux' },
  { at: '2026-04-24', ci: true, installer: 'uv', system: 'Darwin', times: 3 },
  { at: '2026-04-24', ci: false, installer: 'uv', system: 'Darwin' },
  { at: '2026-04-24', details: null },
  { at: '2026-04-24', details: { ci: null, installer: null, system: null } },
  { at: '2026-04-24', details: { ci: true } },
  { at: '2026-04-24', installer: '', system: '' },
  { at: '2026-03-25 23:59:59', installer: 'pip' },
  { at: '2026-04-25 00:00:00', installer: 'pip' },
  { at: '2026-04-24', project: 'other', installer: 'pip' },
];

/** MIXED as pivot rows of APRIL, by hand. */
const PIVOTED: readonly PivotRow[] = [
  { day: '2026-03-26', ci: null, installer: 'pip', system: 'Linux', sidecar: false, downloads: 2 },
  { day: '2026-04-24', ci: null, installer: 'pip', system: 'Linux', sidecar: false, downloads: 1 },
  { day: '2026-04-24', ci: true, installer: 'uv', system: 'Darwin', sidecar: false, downloads: 3 },
  { day: '2026-04-24', ci: false, installer: 'uv', system: 'Darwin', sidecar: false, downloads: 1 },
  { day: '2026-04-24', ci: null, installer: null, system: null, sidecar: false, downloads: 3 },
  { day: '2026-04-24', ci: true, installer: null, system: null, sidecar: false, downloads: 1 },
];

describe('the source duckdb', () => {
  it('pivots NDJSON: whole UTC days, one package, NULL and empty names alike', async () => {
    const folder = tempFolder();
    writeNdjson(join(folder, 'rows.ndjson'), MIXED);
    const source = await open(join(folder, 'rows.ndjson'));
    expect(sorted(await read(source))).toEqual(sorted(PIVOTED));
    const { cost } = await source.read(DEMO);
    expect(cost).toEqual({ bytesProcessed: 0, bytesBilled: 0, cacheHit: false });
  });

  it('answers the same from Parquet', async () => {
    const folder = tempFolder();
    const rows = await read(await open(await writeParquet(folder, 'rows.parquet', MIXED)));
    expect(sorted(rows)).toEqual(sorted(PIVOTED));
  });

  it('does not depend on the time zone of the machine', async () => {
    const folder = tempFolder();
    const path = await writeParquet(folder, 'rows.parquet', MIXED);
    vi.stubEnv('TZ', 'Pacific/Kiritimati');
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const rows = await read(await open(path));
    expect(sorted(rows)).toEqual(sorted(PIVOTED));
  });

  it('reads timestamps in the other forms of the export', async () => {
    const path = join(tempFolder(), 'rows.ndjson');
    const line = (timestamp: string) =>
      `${JSON.stringify({ timestamp, file: { project: 'demo' }, details: null })}\n`;
    writeFileSync(
      path,
      ['2026-04-24T12:00:00Z', '2026-04-24 12:00:00+00', '2026-04-25T01:00:00+02:00'].map(line).join(''),
    );
    const rows = await read(await open(path));
    expect(rows).toEqual([
      { day: '2026-04-24', ci: null, installer: null, system: null, sidecar: false, downloads: 3 },
    ]);
  });

  it('reads all files of a glob as one table, in a folder with a quote in its name', async () => {
    const folder = join(tempFolder(), "people's");
    mkdirSync(folder);
    writeNdjson(join(folder, 'a.ndjson'), MIXED.slice(0, 5));
    writeFileSync(join(folder, 'b.jsonl.gz'), gzipSync(ndjson(MIXED.slice(5))));
    const rows = await read(await open(join(folder, '*.*')));
    expect(sorted(rows)).toEqual(sorted(PIVOTED));
  });

  it('opens its files once, and not once a package', async () => {
    const path = join(tempFolder(), 'rows.ndjson');
    writeNdjson(path, MIXED);
    const source = await open(path);
    writeFileSync(path, 'gone');
    expect(await read(source)).toHaveLength(6);
    expect(await read(source, { ...DEMO, packages: ['other'] })).toHaveLength(1);
    expect(await read(source, { ...DEMO, packages: ["x' OR '1'='1"] })).toEqual([]);
    const { rows } = await source.read({ ...DEMO, packages: ['demo', 'other', 'none'] });
    expect([...rows].map(([name, list]) => [name, list.length])).toEqual([
      ['demo', 6],
      ['other', 1],
      ['none', 0],
    ]);
  });

  it('knows a table whose optional columns were never filled', async () => {
    const path = join(tempFolder(), 'rows.ndjson');
    writeNdjson(path, [{ at: '2026-04-24', details: null }]);
    expect(await read(await open(path))).toHaveLength(1);
  });

  it('counts the rows of each day over all packages', async () => {
    const path = join(tempFolder(), 'rows.ndjson');
    writeNdjson(path, MIXED);
    const answer = await (await open(path)).days(APRIL);
    expect(answer).toEqual({
      kind: 'told',
      rows: new Map([
        ['2026-03-26', 2],
        ['2026-04-24', 10],
      ]),
      cost: { bytesProcessed: 0, bytesBilled: 0, cacheHit: false },
    });
  });

  it('bills nothing', async () => {
    const path = join(tempFolder(), 'rows.ndjson');
    writeNdjson(path, MIXED);
    expect(await (await open(path)).estimate(DEMO)).toBe(0);
  });

  it('answers with no name that is on no list, however many there are', async () => {
    const path = join(tempFolder(), 'rows.ndjson');
    writeNdjson(
      path,
      Array.from({ length: 600 }, (_, index) => ({
        at: '2026-04-24',
        installer: `client-${index}`,
        system: `os-${index}`,
      })),
    );
    expect(await read(await open(path))).toEqual([
      {
        day: '2026-04-24',
        ci: null,
        installer: '(other)',
        system: '(other)',
        sidecar: false,
        downloads: 600,
      },
    ]);
  });
});

describe('files that the source duckdb cannot use', () => {
  it.each([
    ['a missing file', 'none.ndjson', undefined, /no file matches .*none\.ndjson; check the path/],
    ['a glob of nothing', 'none/*.parquet', undefined, /no file matches .*none\/\*\.parquet/],
    ['a file of another kind', 'rows.csv', 'a,b\n', /rows\.csv cannot be read: /],
    ['malformed NDJSON', 'rows.ndjson', '{"timestamp": \n', /rows\.ndjson cannot be read: .*JSON/],
    ['malformed Parquet', 'rows.parquet', 'PAR1', /rows\.parquet cannot be read: /],
    [
      'a timestamp that is none',
      'rows.ndjson',
      ndjson([{ at: 'yesterday!' }]),
      /rows\.ndjson cannot be read: .*yesterday/,
    ],
    [
      'a missing column',
      'rows.ndjson',
      '{"timestamp": "2026-04-24 12:00:00 UTC", "file": {"name": "x"}, "details": null}\n',
      /rows\.ndjson: missing column file\.project; every row needs timestamp and file\.project/,
    ],
    [
      'nothing that is a row',
      'rows.json',
      '[{"a": 1}]',
      /rows\.json: missing column timestamp, file\.project/,
    ],
    [
      'a struct that is a text',
      'rows.ndjson',
      '{"timestamp": "2026-04-24 12:00:00 UTC", "file": "demo-1.0.whl", "details": null}\n',
      /rows\.ndjson/,
    ],
  ])('%s is named', async (_, name, content, says) => {
    const folder = tempFolder();
    if (content !== undefined) writeFileSync(join(folder, name), content);
    const opening = open(join(folder, name));
    await expect(opening).rejects.toThrow(says);
    await expect(opening).rejects.toMatchObject({ affectsAll: true });
    await expect(opening).rejects.toThrow(/^[^\n]*$/);
  });

  it('the one of several that lacks a column is named', async () => {
    const folder = tempFolder();
    writeNdjson(join(folder, 'a.ndjson'), MIXED);
    writeFileSync(join(folder, 'b.ndjson'), '{"timestamp": "2026-04-24 12:00:00 UTC"}\n');
    await expect(open(join(folder, '*.ndjson'))).rejects.toThrow(/b\.ndjson: missing column file\.project;/);
  });

  it('Parquet that goes bad while it is in use fails the question', async () => {
    const folder = tempFolder();
    const path = await writeParquet(folder, 'rows.parquet', MIXED);
    const source = await open(path);
    writeFileSync(path, 'PAR1 and no more');
    await expect(source.read(DEMO)).rejects.toThrow(/rows\.parquet cannot be read: /);
    await expect(source.days(APRIL)).rejects.toThrow(/rows\.parquet cannot be read: /);
  });
});

describe('files as BigQuery exports them', () => {
  const row = (day: string, more: object = {}) =>
    JSON.stringify({ timestamp: `${day} 12:00:00.123456 UTC`, file: { project: 'demo' }, ...more });
  const pip = { details: { installer: { name: 'pip' } } };

  it.each<[string, Record<string, string | Buffer>]>([
    ['no row with a CI flag', { 'a.json': `${row('2026-04-24', pip)}\n${row('2026-04-23', pip)}\n` }],
    [
      'one shard with a CI flag and one without',
      {
        'a.json': `${row('2026-04-24', { details: { ci: false, installer: { name: 'pip' } } })}\n`,
        'b.json': `${row('2026-04-23', pip)}\n`,
      },
    ],
    [
      'an empty shard beside a full one',
      { 'a-000': '', 'a-001': `${row('2026-04-24', pip)}\n${row('2026-04-23', pip)}` },
    ],
    ['an array of objects', { 'a.json': `[${row('2026-04-24', pip)},\n ${row('2026-04-23', pip)}]` }],
    [
      'shards without an ending, one of them compressed',
      { 'a-000': `${row('2026-04-24', pip)}\n`, 'a-001': gzipSync(`${row('2026-04-23', pip)}\n`) },
    ],
  ])('%s: two downloads by pip', async (_, files) => {
    const folder = tempFolder();
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    const rows = await read(await open(join(folder, '*')));
    expect(rows.map(({ day, installer, downloads }) => [day, installer, downloads]).toSorted()).toEqual([
      ['2026-04-23', 'pip', 1],
      ['2026-04-24', 'pip', 1],
    ]);
  });

  it('counts nothing of a file without rows', async () => {
    const path = join(tempFolder(), 'rows.ndjson');
    writeFileSync(path, '');
    expect(await read(await open(path))).toEqual([]);
  });

  it('tells files that are no packages by name, where the export has names', async () => {
    const path = join(tempFolder(), 'rows.ndjson');
    const names = [
      'demo-1.whl',
      'demo-1.tar.gz',
      'demo-1.zip',
      'demo-1.whl.metadata',
      'demo-1.exe',
      'demo-1.whl.asc',
    ];
    const lines = names.map((filename) => row('2026-04-24', { file: { project: 'demo', filename } }));
    writeFileSync(path, lines.join('\n'));
    const source = await open(path);
    expect(source.hasFileNames).toBe(true);
    expect((await read(source)).map(({ sidecar, downloads }) => [sidecar, downloads]).toSorted()).toEqual([
      [false, 3],
      [true, 3],
    ]);
  });

  it('reads Parquet that lacks optional columns beside JSON that has them', async () => {
    const folder = tempFolder();
    const instance = await DuckDBInstance.create();
    const connection = await instance.connect();
    await connection.run(
      `COPY (SELECT TIMESTAMPTZ '2026-04-23 12:00:00+00' AS timestamp, {'project': 'demo'} AS file,
        {'installer': {'name': 'pip'}} AS details) TO '${join(folder, 'a-000')}' (FORMAT parquet)`,
    );
    connection.closeSync();
    instance.closeSync();
    writeFileSync(join(folder, 'a-001'), `${row('2026-04-24', pip)}\n`);
    const rows = await read(await open(join(folder, 'a-*')));
    expect(rows.map(({ day, ci, installer }) => [day, ci, installer]).toSorted()).toEqual([
      ['2026-04-23', null, 'pip'],
      ['2026-04-24', null, 'pip'],
    ]);
  });
});
