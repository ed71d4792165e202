import { closeSync, openSync, readSync } from 'node:fs';
import type { DuckDBConnection, DuckDBType } from '@duckdb/node-api';
import { append } from '../../append.ts';
import { SourceError } from '../source.ts';

type DuckDb = typeof import('@duckdb/node-api');

/** How a file must be read: what it is, whatever it is called. BigQuery's shards have no ending. */
type FileKind = 'parquet' | 'json' | 'json.gzip' | 'json.zstd';

/** First bytes of the formats that have some of their own. */
const MAGIC: readonly [FileKind, readonly number[]][] = [
  ['parquet', [0x50, 0x41, 0x52, 0x31]],
  ['json.gzip', [0x1f, 0x8b]],
  ['json.zstd', [0x28, 0xb5, 0x2f, 0xfd]],
];

/** Types of the columns for read_json, which would otherwise guess them from the first rows of each file. */
const JSON_COLUMNS = `{
  timestamp: 'VARCHAR',
  file: 'STRUCT(project VARCHAR, filename VARCHAR)',
  details: 'STRUCT(ci BOOLEAN, installer STRUCT(name VARCHAR), system STRUCT(name VARCHAR))'
}`;

/** DuckDB's own words, without its prefix and the excerpt of SQL that follows. */
function sentence(error: unknown): string {
  const { message } = error as Error;
  return message
    .replace(/\n.*$/s, '')
    .replace(/^[\w ]+ Error: /, '')
    .trim();
}

/** A fault of DuckDB about some files. */
export function unreadable(what: string, error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  return new SourceError('files-unreadable', `${what} cannot be read: ${sentence(error)}`, { cause: error });
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function kindOf(file: string): FileKind {
  const head = Buffer.alloc(4);
  let length: number;
  try {
    const descriptor = openSync(file, 'r');
    try {
      length = readSync(descriptor, head, 0, head.length, 0);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new SourceError('files-unreadable', `${file} cannot be read (${code})`, { cause: error });
  }
  const known = MAGIC.find(
    ([, bytes]) => bytes.length <= length && bytes.every((byte, at) => head[at] === byte),
  );
  return known?.[0] ?? 'json';
}

async function matchingFiles(connection: DuckDBConnection, pattern: string): Promise<string[]> {
  const reader = await connection.runAndReadAll('SELECT file FROM glob($pattern) ORDER BY file', { pattern });
  const files = reader.getRowObjectsJS().map((row) => String(row['file']));
  if (files.length > 0) return files;
  // A service cannot see home folders (ProtectHome=), and to it they are simply empty.
  const home = /^\/(home|root)\//.test(pattern)
    ? '; a systemd service cannot see home folders: put the files elsewhere'
    : '';
  throw new SourceError('files-missing', `duckdb.files: no file matches ${pattern}; check the path${home}`);
}

/** The member of a struct as an expression; NULL where the file has none, as exports leave out what is NULL. */
function member(duckdb: DuckDb, type: DuckDBType | undefined, path: readonly string[], sql: string): string {
  const [name, ...rest] = path;
  if (name === undefined) return sql;
  if (!(type instanceof duckdb.DuckDBStructType)) return 'NULL';
  const index = type.entryNames.indexOf(name);
  return index < 0 ? 'NULL' : member(duckdb, type.entryTypes[index], rest, `${sql}.${name}`);
}

/** A Parquet file as the columns of the public table. */
async function parquetSelect(duckdb: DuckDb, connection: DuckDBConnection, file: string): Promise<string> {
  const from = `read_parquet(${literal(file)})`;
  const result = await connection.run(`SELECT * FROM ${from} LIMIT 0`).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  const types = new Map(result.columnNames().map((name, index) => [name, result.columnType(index)]));
  const column = (path: readonly string[], type: string) => {
    const [top = '', ...rest] = path;
    return `CAST(${types.has(top) ? member(duckdb, types.get(top), rest, top) : 'NULL'} AS ${type})`;
  };
  const required: readonly (readonly string[])[] = [['timestamp'], ['file', 'project']];
  const missing = required.filter((path) => column(path, 'VARCHAR') === 'CAST(NULL AS VARCHAR)');
  if (missing.length > 0)
    throw lacks(
      file,
      missing.map((path) => path.join('.')),
    );
  return `SELECT ${column(['timestamp'], 'TIMESTAMPTZ')} AS timestamp,
  {'project': ${column(['file', 'project'], 'VARCHAR')}, 'filename': ${column(['file', 'filename'], 'VARCHAR')}} AS file,
  {'ci': ${column(['details', 'ci'], 'BOOLEAN')},
   'installer': {'name': ${column(['details', 'installer', 'name'], 'VARCHAR')}},
   'system': {'name': ${column(['details', 'system', 'name'], 'VARCHAR')}}} AS details
FROM ${from}`;
}

function lacks(file: string, columns: readonly string[]): SourceError {
  return new SourceError(
    'files-unreadable',
    `${file}: missing column ${columns.join(', ')}; every row needs timestamp and file.project, and may have file.filename, details.ci, details.installer.name and details.system.name`,
  );
}

function jsonReader(files: readonly string[], kind: FileKind): string {
  const compression = { json: 'uncompressed', 'json.gzip': 'gzip', 'json.zstd': 'zstd', parquet: '' }[kind];
  return `read_json([${files.map(literal).join(', ')}], format = 'auto', compression = '${compression}', columns = ${JSON_COLUMNS})`;
}

/** Which of the files has rows without what every row needs. */
async function demandJson(
  connection: DuckDBConnection,
  groups: readonly [FileKind, string[]][],
  table: string,
) {
  const sound = 'timestamp IS NOT NULL AND file.project IS NOT NULL';
  const count = async (from: string, where: string) => {
    const reader = await connection.runAndReadAll(
      `SELECT count(*)::INTEGER AS n FROM ${from} WHERE ${where}`,
    );
    return Number(reader.getRowObjectsJS()[0]?.['n']);
  };
  if ((await count(table, `NOT (${sound})`)) === 0) return;
  for (const [kind, files] of groups) {
    for (const file of files) {
      const from = jsonReader([file], kind);
      const missing = [];
      if ((await count(from, 'timestamp IS NULL')) > 0) missing.push('timestamp');
      if ((await count(from, 'file.project IS NULL')) > 0) missing.push('file.project');
      if (missing.length > 0) throw lacks(file, missing);
    }
  }
}

/**
 * Opens the files once for the whole run as one view with the columns of the public table. JSON is read
 * into memory, as parsing it costs far more than querying it; Parquet is left where it is, as its own
 * statistics prune it.
 *
 * @throws SourceError if there are none, or one is malformed or lacks a column.
 */
export async function openFiles(
  duckdb: DuckDb,
  connection: DuckDBConnection,
  pattern: string,
  view: string,
): Promise<void> {
  const run = (sql: string) =>
    connection.run(sql).catch((error: unknown) => {
      throw unreadable(pattern, error);
    });
  await run("SET TimeZone = 'UTC'");
  // Every thread reads through buffers of its own, which the process would then keep for good.
  await run('SET threads = 1');
  const kinds = new Map<FileKind, string[]>();
  for (const file of await matchingFiles(connection, pattern)) {
    append(kinds, kindOf(file), file);
  }
  const json = [...kinds].filter(([kind]) => kind !== 'parquet');
  const selects: string[] = [];
  for (const file of kinds.get('parquet') ?? []) selects.push(await parquetSelect(duckdb, connection, file));
  // Compressed, a table takes half the time to query and a third of the memory to keep.
  await run("ATTACH ':memory:' AS rows (COMPRESS)");
  await run('USE rows');
  if (json.length > 0) {
    const from = json.map(([kind, files]) => `SELECT * FROM ${jsonReader(files, kind)}`).join(' UNION ALL ');
    await run(
      `CREATE TABLE json_rows AS SELECT CAST(timestamp AS TIMESTAMPTZ) AS timestamp, file, details FROM (${from})`,
    );
    await run('CHECKPOINT rows');
    await demandJson(connection, json, 'json_rows');
    selects.push('SELECT timestamp, file, details FROM json_rows');
  }
  await run(`CREATE VIEW ${view} AS ${selects.join('\nUNION ALL\n')}`);
  await run('RESET threads');
}
