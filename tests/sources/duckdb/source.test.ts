import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openDuckDb } from '../../../src/sources/duckdb/source.ts';
import type { Source } from '../../../src/sources/source.ts';
import type { PivotRow, Question } from '../../../src/sources/sql.ts';
import { copyParquet, type Download, ndjson, writeNdjson } from '../../support/downloads.ts';
import { folderOf, tempFolder } from '../../support/temp-folder.ts';

const APRIL = { start: '2026-03-26', end: '2026-04-25' };
const DEMO: Question = { packages: ['demo'], span: APRIL };

async function open(files: string): Promise<Source> {
  const source = await openDuckDb({ kind: 'duckdb', files, wholeLog: false });
  onTestFinished(() => source.close());
  return source;
}

const openIn = (files: Readonly<Record<string, string | Buffer>>, pattern = '*') =>
  open(join(folderOf(files), pattern));

/** Sets the machine's time zone to the one that is furthest ahead. */
function liveInKiritimati(): void {
  vi.stubEnv('TZ', 'Pacific/Kiritimati');
  onTestFinished(() => void vi.unstubAllEnvs());
}

/** A pivot row of the 24th by pip. */
const pipRow = (downloads: number, more: Partial<PivotRow> = {}): PivotRow => ({
  ...{ day: '2026-04-24', ci: null, installer: 'pip', system: null, sidecar: false, downloads },
  ...more,
});

/** Writes a Parquet file of rows with the types of the public table. */
async function writeParquet(downloads: readonly Download[]): Promise<string> {
  const json = join(folderOf({ 'rows.ndjson': ndjson(downloads) }), 'rows.ndjson');
  const types = `{timestamp: 'TIMESTAMPTZ', file: 'STRUCT(project VARCHAR)',
    details: 'STRUCT(ci BOOLEAN, installer STRUCT(name VARCHAR), system STRUCT(name VARCHAR))'}`;
  await copyParquet(`${json}.parquet`, `FROM read_json('${json}', columns = ${types})`);
  return `${json}.parquet`;
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
    const source = await openIn({ rows: ndjson(MIXED) });
    expect(source.traits).toMatchObject({ billed: false, keepsLedger: false, wholeLog: false });
    expect(source.traits.id).toMatch(/^duckdb:\/.*\*$/);
    expect(sorted(await read(source))).toEqual(sorted(PIVOTED));
    const { cost } = await source.read(DEMO);
    expect(cost).toEqual({ bytesProcessed: 0, bytesBilled: 0, cacheHit: false });
    const sums = new Map(Object.entries({ '2026-03-26': 2, '2026-04-24': 10 }));
    expect(await source.days(APRIL)).toEqual({ kind: 'known', rows: sums, cost });
  });

  it('answers the same from Parquet, in any time zone', async () => {
    const path = await writeParquet(MIXED);
    expect(sorted(await read(await open(path)))).toEqual(sorted(PIVOTED));
    liveInKiritimati();
    expect(sorted(await read(await open(path)))).toEqual(sorted(PIVOTED));
  });

  it('reads timestamps in the other forms of the export', async () => {
    const others = ['2026-04-24 12:00:00+00', '2026-04-25T01:00:00+02:00', '2026-04-24'];
    const row = { file: { project: 'demo' }, details: { installer: { name: 'pip' } } };
    const lines = ['2026-04-24T12:00:00Z', ...others].map((timestamp) =>
      JSON.stringify({ timestamp, ...row }),
    );
    expect(await read(await openIn({ rows: lines.join('\n') }))).toEqual([pipRow(4)]);
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
    const lengths = [...rows].map(([name, list]) => [name, list.length]);
    expect(Object.fromEntries(lengths)).toEqual({ demo: 6, other: 1, none: 0 });
  });
});

const PIP = `{'installer': {'name': 'pip'}} AS details`;
const DEMO_FILE = `{'project': 'demo'} AS file`;

describe('files of which each row counts', () => {
  const rows = (times: number) => ndjson([{ at: '2026-04-24', installer: 'pip', times }]);
  const row = rows(1).trim();

  it.each<[string, Record<string, string | Buffer>, string, number]>([
    ['a name with brackets', { 'part[1]': rows(200), part1: rows(100) }, 'part*', 300],
    ['a name with brackets alone', { 'part[1]': rows(200), part1: rows(100) }, 'part[1]', 200],
    ['a name of wildcards', { '*?{a,b}.ndjson': rows(2), 'x?{a,b}.ndjson': rows(1) }, '[*]*', 2],
    ['a folder with a quote and brackets', { "a's[1]/x": rows(2), "a's1/x": rows(1) }, "a's[[]1]/*", 2],
    ['a folder called like a column', { 'timestamp=2020-01-01/project=x/a': rows(3) }, '*/*/a', 3],
    ['a name that is wrong about compression', { 'a.gz': rows(2), 'b.zst': rows(1) }, '*', 3],
    ['a byte order mark', { a: `\ufeff${rows(2)}`, b: `\ufeff[${row},${row}]` }, '*', 4],
    ['an array beside lines and an empty file', { a: '', b: ` [${row},\n${row}]`, c: rows(3) }, '*', 5],
    ['compressed arrays', { a: gzipSync(`\ufeff[${row},${row}]`), b: gzipSync(`[${row}]`) }, '*', 3],
    ['an object over several lines', { a: JSON.stringify(JSON.parse(row), null, 2) }, '*', 1],
  ])('%s', async (_, files, pattern, expected) => {
    expect(await read(await openIn(files, pattern))).toEqual([pipRow(expected)]);
  });

  const types = 'TIMESTAMP TIMESTAMP_S TIMESTAMP_MS TIMESTAMP_NS TIMESTAMPTZ VARCHAR DATE'.split(' ');
  it.each(types)('Parquet with timestamps as %s, in UTC', async (type) => {
    liveInKiritimati();
    const path = join(tempFolder(), 'x[1]=*?.parquet');
    const utc = "'2026-04-24 23:59:59+00'";
    await copyParquet(path, `SELECT CAST(${utc} AS ${type}) AS timestamp, ${DEMO_FILE}, ${PIP}`);
    expect(await read(await open(path))).toEqual([pipRow(1)]);
  });
});

describe('files that the source duckdb cannot use', () => {
  const at = '"timestamp": "2026-04-24 12:00:00 UTC"';
  const demoFile = '"file": {"project": "demo"}';
  const mixed = ndjson(MIXED);
  const flatLine = `{${at}, "file_project": "demo", "pip": 1}`;
  const epoch = /DuckDB: COPY \(SELECT \* REPLACE \(to_timestamp\(timestamp\) .* FROM '.*epoch'\) TO/;
  const noInstaller = /no row with details\.installer\.name, so .* \(columns of .*: timest/;
  const copy = /in DuckDB: COPY \(SELECT timestamp, \{'project': project\} AS file, .* FROM '.*'\) TO 'rows/;

  const lines = (...rows: string[]) => rows.join('\n');
  it.each<[string, string | undefined, ...RegExp[]]>([
    ['none.ndjson', undefined, /no file matches .*none\.ndjson; check the path$/],
    ['none/*.parquet', undefined, /no file matches .*none\/\*\.parquet/],
    ['malformed.ndjson', '{"timestamp": \n', /malformed\.ndjson cannot be read: .*JSON/],
    ['cut-off.ndjson', ndjson(MIXED).slice(0, -9), /cut-off\.ndjson cannot be read: .*JSON/],
    ['cut-off.json', `[{${at}, "file": {"project": "demo"}}`, /cut-off\.json cannot be read: .*JSON/],
    ['malformed.parquet', 'PAR1', /malformed\.parquet cannot be read: /],
    ['flat-text.ndjson', `{${at}, "file": "demo-1.0.whl"}\n`, /flat-text\.ndjson cannot be read: /],
    ['empty.ndjson', '', /empty\.ndjson has no rows; export them again$/],
    ['empty.json', '[]', /empty\.json has no rows/],
    ['odd', `${mixed}${ndjson([{ at: 'yesterday!' }])}`, /1 of 15 rows, but yesterday! 12:00:00 UTC; write/],
    ['epoch', `{"timestamp": 1777032000.5, ${demoFile}}`, /in 1 of 1 rows, but 1777032000\.5; sec/, epoch],
    ['infinite', `{"timestamp": "infinity", ${demoFile}}`, /no valid timestamp in 1 of 1/],
    ['no-project', `${mixed}{${at}, "file": {}}`, /lacks file\.project in 1 of 15 rows .*details\); export/],
    ['null', `${mixed}null\n`, /null lacks timestamp and file\.project in 1 of 15 rows/],
    ['wrapped', '{"rows": []}', /lacks timestamp and file\.project in 1 of 1 rows \(its columns: rows\)/],
    ['flat', lines(flatLine, flatLine), /lacks file\.project in 2 of 2 rows .*, file_project, pip\)/, copy],
    ['flat-pip', `{${at}, ${demoFile}, "installer_name": "pip"}`, noInstaller, /, installer_name\)/, copy],
    ['no-details', ndjson([{ at: '2026-04-24', details: null, times: 3 }]), noInstaller],
  ])('%s', async (name, content, ...says) => {
    const folder = folderOf(content === undefined ? {} : { [name]: content });
    const error = await open(join(folder, name)).catch((e) => e);
    for (const text of says) expect(error.message).toMatch(text);
    expect(error).toMatchObject({ code: content === undefined ? 'files-missing' : 'files-unreadable' });
    expect(error).toMatchObject({ affectsAll: true, message: expect.not.stringContaining('\n') });
  });

  it.each([
    ['in the middle of its second part', (whole: Buffer) => Buffer.concat([whole, whole.subarray(0, 12)])],
    ['before its checksum', (whole: Buffer) => whole.subarray(0, -8)],
    ['in a byte of its checksum', (whole: Buffer) => Buffer.concat([whole.subarray(0, -8), Buffer.alloc(8)])],
  ])('gzip that is cut off or damaged %s', async (_, broken) => {
    const whole = gzipSync(ndjson([{ at: '2026-04-24', installer: 'pip', times: 100 }]));
    await expect(openIn({ 'a.gz': broken(whole) })).rejects.toThrow(/a\.gz is damaged/);
  });

  const demo = (more: string, count = 150) => `SELECT ${more}, ${PIP} FROM range(${count})`;
  const noon = "TIMESTAMP '2026-04-24 12:00:00'";
  const sound = demo(`${noon} AS timestamp, ${DEMO_FILE}`);
  const noProject = /lacks file\.project in 150 of 150 rows/;
  const half = (more: string) => `${sound} UNION ALL ${demo(more)}`;

  it.each<[string, string, RegExp]>([
    ['half of its timestamps', half(`NULL, ${DEMO_FILE}`), /lacks timestamp in 150 of 300 rows/],
    ['half of its projects', half(`${noon}, {'project': NULL}`), /lacks file\.project in 150 of 300/],
    ['no column file', demo('now() AS timestamp, 1 AS project'), /in 150 .*: timestamp, project, details\)/],
    ['another struct file', demo("now() AS timestamp, {'name': 'x'} AS file"), noProject],
    ['no struct file', demo("now() AS timestamp, 'x' AS file"), noProject],
    ['seconds', demo(`1777032000 AS timestamp, ${DEMO_FILE}`), /150 of 150 rows, but 1777032000; seconds/],
    ['milliseconds', demo(`make_timestamp(1777032000000) AS timestamp, ${DEMO_FILE}`), /but 1970-01-21 /],
    ['times of the day', demo(`TIME '12:00' AS timestamp, ${DEMO_FILE}`), /but 12:00:00; write it in UTC/],
  ])('Parquet with %s, beside a sound file', async (_, select, says) => {
    const folder = folderOf({ 'a.ndjson': ndjson(MIXED) });
    await copyParquet(join(folder, 'b.parquet'), select);
    await expect(open(join(folder, '*'))).rejects.toThrow(says);
  });

  it('Parquet in which the column of installers is empty', async () => {
    const path = join(tempFolder(), 'a.parquet');
    const details = "{'installer': {'name': NULL::VARCHAR}} AS details";
    await copyParquet(path, `SELECT now() AS timestamp, ${DEMO_FILE}, ${details}`);
    await expect(open(path)).rejects.toThrow(noInstaller);
  });

  const [timestamp, project] = ['2026-04-24 12:00:00 UTC', 'demo'];
  const flat = { timestamp, project, ci: false, installer: 'pip', system: 'Linux' };
  const details = { ci: false, installer: { name: 'pip' }, system: { name: 'Linux' } };
  const nested = { file: { project }, details };

  it.each([
    ['a.csv', `${Object.keys(flat)}\n${Object.values(flat)}\n`],
    ['flat.ndjson', JSON.stringify(flat)],
    ['seconds.ndjson', JSON.stringify({ timestamp: 1_777_032_000, ...nested })],
  ])('are made right by the command that is given: %s', async (name, content) => {
    const folder = folderOf({ [name]: content });
    const { message } = await open(join(folder, name)).catch((e) => e);
    const [, select = ''] = /COPY \((.*)\) TO 'rows\.parquet' \(FORMAT parquet\)$/.exec(message) ?? [];
    await copyParquet(join(folder, 'rows.parquet'), select);
    const rows = await read(await open(join(folder, 'rows.parquet')));
    expect(rows).toEqual([pipRow(1, { ci: false, system: 'Linux' })]);
  });

  it('Parquet that goes bad while it is in use fails the question', async () => {
    const path = await writeParquet(MIXED);
    const source = await open(path);
    writeFileSync(path, 'PAR1 and no more');
    await expect(source.read(DEMO)).rejects.toThrow(/parquet cannot be read: /);
    await expect(source.days(APRIL)).rejects.toThrow(/parquet cannot be read: /);
  });
});

describe('files as BigQuery exports them', () => {
  const row = (day: string, more: object = {}) =>
    JSON.stringify({ timestamp: `${day} 12:00:00.123456 UTC`, file: { project: 'demo' }, ...more });
  const pip = { details: { installer: { name: 'pip' } } };

  const [first, second] = [row('2026-04-23', pip), row('2026-04-24', pip)];
  const flagged = row('2026-04-24', { details: { ci: false, installer: { name: 'pip' } } });
  it.each<[string, Record<string, string | Buffer>]>([
    ['no row with a CI flag', { 'a.json': `${first}\n${second}\n` }],
    ['one shard with a CI flag and one without', { 'a.json': `${flagged}\n`, 'b.json': `${first}\n` }],
    ['shards without an ending', { 'a-000': `${first}\n`, 'a-001': gzipSync(`${second}\n`) }],
  ])('%s: two downloads by pip', async (_, files) => {
    const rows = await read(await openIn(files));
    const found = rows.map(({ day, installer, downloads }) => `${day} ${installer} ${downloads}`);
    expect(found.toSorted()).toEqual(['2026-04-23 pip 1', '2026-04-24 pip 1']);
  });

  it('tells files that are no packages by name, where the export has names', async () => {
    const names = 'a.whl a.tar.gz a.zip a.whl.metadata a.exe a.whl.asc'.split(' ');
    const lines = names.map((filename) => row('2026-04-24', { ...pip, file: { project: 'demo', filename } }));
    const source = await openIn({ rows: lines.join('\n') });
    expect(source.hasFileNames).toBe(true);
    const found = (await read(source)).map(({ sidecar, downloads }) => `${sidecar} ${downloads}`);
    expect(found.toSorted()).toEqual(['false 3', 'true 3']);
  });

  it('reads Parquet that lacks optional columns beside JSON that has them', async () => {
    const folder = tempFolder();
    const noon = "TIMESTAMPTZ '2026-04-23 12:00:00+00' AS timestamp";
    await copyParquet(join(folder, 'a-000'), `SELECT ${noon}, ${DEMO_FILE}, ${PIP}`);
    writeFileSync(join(folder, 'a-001'), `${row('2026-04-24', pip)}\n`);
    const rows = await read(await open(join(folder, 'a-*')));
    const found = rows.map(({ day, ci, installer }) => `${day} ${ci} ${installer}`);
    expect(found.toSorted()).toEqual(['2026-04-23 null pip', '2026-04-24 null pip']);
  });
});
