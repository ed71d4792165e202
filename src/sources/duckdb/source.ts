import { tmpdir } from 'node:os';
import type { DuckDBConnection, DuckDBResult, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { dayNumber, type Span } from '../../days/day.ts';
import { sanitizeMessage } from '../../errors/error.ts';
import { formatNumber } from '../../format.ts';
import { MS_PER_DAY } from '../../util.ts';
import { checkFacets, type FacetAnswer, type FacetQuestion, facetRowLimit, facetSql } from '../facets.ts';
import { traitsOf } from '../index.ts';
import { checkRows, type RawRow } from '../rows.ts';
import { type Answer, type DaysAnswer, NO_COST, type Source, SourceError } from '../source.ts';
import { duckDbDialect, pivotSql, type Question, rowLimit, type Shape, shapeOf } from '../sql.ts';
import { checkGzip, type FileKind, findFiles, kindOf, NEST, unreadableFile } from './files.ts';
import { type DuckDb, type DuckDbConfig, loadDuckDb } from './index.ts';

const VIEW = 'file_downloads';

/** Types of the structs of the public table, as far as they are read. */
const FILE = 'STRUCT(project VARCHAR, filename VARCHAR, version VARCHAR, type VARCHAR)';
const DETAILS =
  'STRUCT(ci BOOLEAN, installer STRUCT(name VARCHAR), system STRUCT(name VARCHAR), python VARCHAR, distro STRUCT(libc STRUCT(lib VARCHAR)))';

/** PyPI's log begins in 2016: another unit of time gives a year before it or after 9999. */
const SOUND_TIMESTAMP =
  "TRY_CAST(timestamp AS TIMESTAMPTZ) BETWEEN TIMESTAMPTZ '2016-01-01' AND TIMESTAMPTZ '9999-12-31'";
const SOUND = `(${SOUND_TIMESTAMP} AND file.project IS NOT NULL) IS TRUE`;

/** Nothing is guessed from the names of folders, and nothing of one file from another. */
const NO_GUESSING = 'hive_partitioning = false, union_by_name = false, filename = false';

/** A file with the rows that are read of it, as they are in it. */
interface Rows {
  readonly path: string;
  readonly kind: FileKind;
  /** SELECT of `timestamp`, whatever its type, `country_code`, `file` and `details`. */
  readonly sql: string;
}

/** A fault of DuckDB about some files, in its own words without the prefix and the excerpt of SQL that follows. */
function unreadable(what: string, error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  const words = (error as Error).message.replace(/\n.*$/s, '').replace(/^[\w ]+ Error: /, '');
  return new SourceError('files-unreadable', `${what} cannot be read: ${sanitizeMessage(words)}`, {
    cause: error,
  });
}

/** A path as a SQL literal that DuckDB does not take for a glob. */
function literal(path: string): string {
  return `'${path.replaceAll(/[*?[]/g, '[$&]').replaceAll("'", "''")}'`;
}

/** The member of a struct as an expression; NULL where the file has none, as exports leave out what is NULL. */
function member(duckdb: DuckDb, type: DuckDBType | undefined, path: readonly string[], sql: string): string {
  const [name, ...rest] = path;
  if (name === undefined) return sql;
  if (!(type instanceof duckdb.DuckDBStructType)) return 'NULL';
  const index = type.entryNames.indexOf(name);
  return index < 0 ? 'NULL' : member(duckdb, type.entryTypes[index], rest, `${sql}.${name}`);
}

/** The columns of the public table in a Parquet file; NULL where it lacks one. */
async function parquetRows(duckdb: DuckDb, connection: DuckDBConnection, path: string): Promise<string> {
  const from = `read_parquet(${literal(path)}, ${NO_GUESSING})`;
  const result = await connection.run(`SELECT * FROM ${from} LIMIT 0`);
  const types = new Map(result.columnNames().map((name, index) => [name, result.columnType(index)]));
  const column = (top: string, ...rest: string[]) =>
    types.has(top) ? member(duckdb, types.get(top), rest, top) : 'NULL';
  const text = (top: string, ...rest: string[]) => `CAST(${column(top, ...rest)} AS VARCHAR)`;
  return `SELECT ${column('timestamp')} AS timestamp,
  ${text('country_code')} AS country_code,
  {'project': ${text('file', 'project')}, 'filename': ${text('file', 'filename')},
   'version': ${text('file', 'version')}, 'type': ${text('file', 'type')}} AS file,
  {'ci': CAST(${column('details', 'ci')} AS BOOLEAN),
   'installer': {'name': ${text('details', 'installer', 'name')}},
   'system': {'name': ${text('details', 'system', 'name')}},
   'python': ${text('details', 'python')},
   'distro': {'libc': {'lib': ${text('details', 'distro', 'libc', 'lib')}}}} AS details
FROM ${from}`;
}

function jsonOptions({ format, compression }: FileKind): string {
  return `format = '${format}', compression = '${compression}'`;
}

function jsonRows(path: string, kind: FileKind): string {
  return `SELECT timestamp, country_code, file, details FROM read_json(${literal(path)}, ${jsonOptions(kind)}, records = true, columns = {timestamp: 'VARCHAR', country_code: 'VARCHAR', file: '${FILE}', details: '${DETAILS}'}, ${NO_GUESSING})`;
}

/** Names of a file's columns: in JSON those of its first row. */
async function columnsOf(connection: DuckDBConnection, { path, kind }: Rows): Promise<string> {
  const sql =
    kind.format === 'parquet'
      ? `SELECT column_name AS name FROM (DESCRIBE FROM read_parquet(${literal(path)}, ${NO_GUESSING}))`
      : `SELECT unnest(json_keys(json)) AS name FROM (FROM read_json_objects(${literal(path)}, ${jsonOptions(kind)}, ${NO_GUESSING}) LIMIT 1)`;
  const names = (await connection.runAndReadAll(sql)).getRowsJS().map(([name]) => name);
  return sanitizeMessage(names.join(', '));
}

/** What is wrong with the rows of a file; undefined if nothing is. */
async function faultOf(connection: DuckDBConnection, rows: Rows): Promise<SourceError | undefined> {
  const reader = await connection.runAndReadAll(`SELECT
  count(*)::DOUBLE AS n,
  count_if(NOT ${SOUND})::DOUBLE AS bad,
  count_if(timestamp IS NULL)::DOUBLE AS no_timestamp,
  count_if(file.project IS NULL)::DOUBLE AS no_project,
  any_value(CAST(timestamp AS VARCHAR)) FILTER (NOT ${SOUND_TIMESTAMP} IS TRUE) AS odd
FROM (${rows.sql})`);
  const [row = {}] = reader.getRowObjectsJS();
  if (row['bad'] === 0) return undefined;
  const some = `in ${formatNumber(Number(row['bad']))} of ${formatNumber(Number(row['n']))} rows`;
  const lacks = [
    ...(row['no_timestamp'] === 0 ? [] : ['timestamp']),
    ...(row['no_project'] === 0 ? [] : ['file.project']),
  ];
  if (lacks.length > 0) {
    const has = await columnsOf(connection, rows);
    const advice = row['bad'] === row['n'] ? NEST : 'export the rows again, with these columns';
    return unreadableFile(rows.path, `lacks ${lacks.join(' and ')} ${some} (its columns: ${has}); ${advice}`);
  }
  const odd = String(row['odd']);
  const advice = /^-?[\d.]+(e[+-]?\d+)?$/i.test(odd)
    ? "seconds since 1970 become timestamps in DuckDB: COPY (SELECT * REPLACE (to_timestamp(timestamp) AS timestamp) FROM '<file>') TO 'rows.parquet' (FORMAT parquet)"
    : 'write it in UTC as 2026-04-24 12:00:00 UTC';
  return unreadableFile(rows.path, `has no valid timestamp ${some}, but ${sanitizeMessage(odd)}; ${advice}`);
}

/**
 * Opens the files once for the whole run as one view with the columns of the public table. JSON is read
 * into memory, as parsing it costs far more than querying it; Parquet is left where it is, as its own
 * statistics prune it.
 *
 * @param pattern Absolute path or glob.
 * @throws SourceError if there are none, one cannot be read or has rows without timestamp or project, or no row of
 * any has an installer.
 */
async function openFiles(duckdb: DuckDb, connection: DuckDBConnection, pattern: string): Promise<void> {
  const about = (path: string) => (error: unknown) => {
    throw unreadable(path, error);
  };
  const run = (sql: string, path = pattern) => connection.run(sql).catch(about(path));
  const has = async (where: string) => {
    const result = await connection
      .runAndReadAll(`SELECT 1 FROM ${VIEW} WHERE ${where} LIMIT 1`)
      .catch(about(pattern));
    return result.currentRowCount > 0;
  };
  await run("SET TimeZone = 'UTC'");
  // Every thread reads through buffers of its own, which the process would then keep for good.
  await run('SET threads = 1');
  // Compressed, a table takes half the time to query and a third of the memory to keep.
  await run("ATTACH ':memory:' AS rows (COMPRESS)");
  await run('USE rows');
  await run(
    `CREATE TABLE json_rows (timestamp TIMESTAMPTZ, country_code VARCHAR, file ${FILE}, details ${DETAILS})`,
  );
  const files: Rows[] = [];
  const selects = ['FROM json_rows'];
  for (const path of findFiles(pattern)) {
    const kind = kindOf(path);
    if (kind.compression === 'gzip') await checkGzip(path).catch(about(path));
    const parquet = kind.format === 'parquet';
    const sql = parquet
      ? await parquetRows(duckdb, connection, path).catch(about(path))
      : jsonRows(path, kind);
    files.push({ path, kind, sql });
    const typed = `SELECT TRY_CAST(timestamp AS TIMESTAMPTZ) AS timestamp, country_code, file, details FROM (${sql})`;
    if (parquet) selects.push(typed);
    else await run(`INSERT INTO json_rows ${typed}`, path);
  }
  await run('CHECKPOINT rows');
  await run(`CREATE VIEW ${VIEW} AS ${selects.join('\nUNION ALL\n')}`);
  await run('RESET threads');
  if (await has(`NOT ${SOUND}`)) {
    for (const rows of files) {
      const fault = await faultOf(connection, rows).catch(about(rows.path));
      if (fault !== undefined) throw fault;
    }
    throw unreadableFile(pattern, 'has changed while it was read; try again');
  }
  if (await has('details.installer.name IS NOT NULL')) return;
  const [first] = files;
  if (first === undefined || !(await has('TRUE')))
    throw unreadableFile(pattern, 'has no rows; export them again');
  const columns = await columnsOf(connection, first).catch(about(first.path));
  throw unreadableFile(
    pattern,
    `has no row with details.installer.name, so no download would count (columns of ${first.path}: ${columns}); ${NEST}`,
  );
}

/** All rows of an answer, column by column: the library's own way by rows takes twice the time. */
async function rowsOf(result: DuckDBResult): Promise<RawRow[]> {
  const names = result.columnNames();
  const rows: Record<string, unknown>[] = [];
  for (const chunk of await result.fetchAllChunks()) {
    const { rowCount } = chunk;
    const columns = names.map((name, index) => ({ name, vector: chunk.getColumnVector(index) }));
    for (let at = 0; at < rowCount; at += 1) {
      const row: Record<string, unknown> = {};
      for (const { name, vector } of columns) row[name] = vector.getItem(at);
      rows.push(row);
    }
  }
  return rows;
}

/**
 * Local files with the schema of the public table, queried by DuckDB in this process. Nothing is billed,
 * and nothing is kept: a file that was replaced is counted as it is now.
 *
 * @throws SourceError if DuckDB is not installed, or the files are missing, malformed or lack a column.
 */
export async function openDuckDb(config: DuckDbConfig): Promise<Source> {
  const duckdb = await loadDuckDb('source duckdb');
  const instance = await duckdb.DuckDBInstance.create(':memory:', {
    temp_directory: tmpdir(),
    // All that is needed is built in; nothing is fetched.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection: DuckDBConnection = await instance.connect();
  const close = async () => {
    connection.closeSync();
    instance.closeSync();
  };
  const query = async (
    sql: string,
    values?: Record<string, DuckDBValue>,
    types?: Record<string, DuckDBType>,
  ) => {
    try {
      return await rowsOf(await connection.run(sql, values, types));
    } catch (error) {
      throw unreadable(config.files, error);
    }
  };
  let hasFileNames: boolean;
  try {
    await openFiles(duckdb, connection, config.files);
    const named = await query(`SELECT 1 FROM ${VIEW} WHERE file.filename IS NOT NULL LIMIT 1`);
    hasFileNames = named.length > 0;
  } catch (error) {
    await close();
    throw error;
  }
  const timestamp = (day: string) =>
    new duckdb.DuckDBTimestampTZValue(BigInt(dayNumber(day)) * BigInt(MS_PER_DAY) * 1_000n);

  const dialect = duckDbDialect(VIEW);
  const shapeHere = (question: Question): Shape => {
    const { several, fileNames } = shapeOf(question);
    return { several, fileNames: hasFileNames && fileNames };
  };

  async function ask(
    sql: string,
    { packages, span, versions }: FacetQuestion,
    limit: number,
    signal: AbortSignal | undefined,
  ): Promise<RawRow[]> {
    const lists = { ...(packages.length > 1 && { projects: packages }), ...(versions && { versions }) };
    const mapped = <T>(to: (list: readonly string[]) => T) =>
      Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, to(list)]));
    const values = {
      ...(packages.length > 1 ? {} : { project: packages[0] }),
      ...mapped((list) => duckdb.listValue([...list])),
      start: timestamp(span.start),
      end: timestamp(span.end),
      limit: BigInt(limit),
    };
    const interrupt = () => connection.interrupt();
    signal?.addEventListener('abort', interrupt, { once: true });
    try {
      return await query(
        sql,
        values,
        mapped(() => duckdb.LIST(duckdb.VARCHAR)),
      );
    } finally {
      signal?.removeEventListener('abort', interrupt);
    }
  }

  async function read(question: Question, signal?: AbortSignal): Promise<Answer> {
    const limit = rowLimit(question);
    const rows = await ask(pivotSql(dialect, shapeHere(question)), question, limit, signal);
    return { ...checkRows(question, rows, limit), cost: NO_COST };
  }

  async function facets(question: FacetQuestion, signal?: AbortSignal): Promise<FacetAnswer> {
    const sql = facetSql(dialect, shapeHere(question), question.versions !== undefined);
    const rows = await ask(sql, question, facetRowLimit(question), signal);
    return { ...checkFacets(question, rows), cost: NO_COST };
  }

  async function days({ start, end }: Span): Promise<DaysAnswer> {
    const rows = await query(
      `SELECT CAST(CAST(timestamp AS DATE) AS STRING) AS day, COUNT(*) AS row_count FROM ${VIEW}
WHERE timestamp >= $start AND timestamp < $end GROUP BY day`,
      { start: timestamp(start), end: timestamp(end) },
    );
    return {
      kind: 'known',
      rows: new Map(rows.map((row) => [String(row['day']), Number(row['row_count'])])),
      cost: NO_COST,
    };
  }

  return { traits: traitsOf(config, {}), hasFileNames, read, estimate: async () => 0, facets, days, close };
}
