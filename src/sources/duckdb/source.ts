import { tmpdir } from 'node:os';
import type { DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import type { DuckDbConfig } from '../../config/config.ts';
import { dayNumber, type Span } from '../../days/day.ts';
import { type PivotQuestion, pivotSql, rowLimit } from '../query.ts';
import { checkRows } from '../rows.ts';
import {
  type PivotAnswer,
  type QueryCost,
  type RevisionsAnswer,
  type Source,
  SourceError,
} from '../source.ts';

type DuckDb = typeof import('@duckdb/node-api');

/** Nothing is billed for local files. */
const NO_COST: QueryCost = { bytesProcessed: 0, bytesBilled: 0, cacheHit: false };

const VIEW = 'file_downloads';

/** The columns of the public table that the query names, and where they stand in it. */
const COLUMNS = [
  ['timestamp'],
  ['file', 'project'],
  ['details', 'ci'],
  ['details', 'installer', 'name'],
  ['details', 'system', 'name'],
] as const;

/** Types of the same columns for read_json, which would otherwise guess them from the first rows. */
const JSON_COLUMNS = `{
  timestamp: 'TIMESTAMPTZ',
  file: 'STRUCT(project VARCHAR)',
  details: 'STRUCT(ci BOOLEAN, installer STRUCT(name VARCHAR), system STRUCT(name VARCHAR))'
}`;

async function loadDuckDb(): Promise<DuckDb> {
  try {
    return await import('@duckdb/node-api');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new SourceError(
      'duckdb-missing',
      'source duckdb needs the optional package @duckdb/node-api; install it beside pypi-badges: npm install @duckdb/node-api (with -g if pypi-badges was installed with -g)',
    );
  }
}

/** DuckDB's own words, without its prefix and the excerpt of SQL that follows. */
function sentence(error: unknown): string {
  const { message } = error as Error;
  return message
    .replace(/\n.*$/s, '')
    .replace(/^[\w ]+ Error: /, '')
    .trim();
}

function unreadable(what: string, error: unknown): SourceError {
  return new SourceError('files-unreadable', `${what} cannot be read: ${sentence(error)}`, { cause: error });
}

async function queryRows(connection: DuckDBConnection, sql: string, values?: Record<string, DuckDBValue>) {
  const reader = await connection.runAndReadAll(sql, values);
  return reader.getRowObjectsJS();
}

async function matchingFiles(connection: DuckDBConnection, pattern: string): Promise<string[]> {
  const rows = await queryRows(connection, 'SELECT file FROM glob($pattern) ORDER BY file', { pattern });
  if (rows.length > 0) return rows.map((row) => String(row['file']));
  throw new SourceError('files-missing', `duckdb.files: no file matches ${pattern}; check the path`);
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function readerOf(files: readonly string[]): {
  parquet: boolean;
  expression: (list: readonly string[]) => string;
} {
  const parquet = files.filter((file) => file.endsWith('.parquet'));
  const json = files.filter((file) => /\.(nd)?jsonl?(\.gz|\.zst)?$/.test(file));
  const strange = files.find((file) => !parquet.includes(file) && !json.includes(file));
  if (strange !== undefined || (parquet.length > 0 && json.length > 0)) {
    throw new SourceError(
      'files-unreadable',
      `duckdb.files: ${strange ?? 'the files'} must be all Parquet (.parquet) or all NDJSON (.ndjson, .jsonl, .json; also .gz or .zst)`,
    );
  }
  const names = (list: readonly string[]) => `[${list.map(literal).join(', ')}]`;
  return parquet.length > 0
    ? { parquet: true, expression: (list) => `read_parquet(${names(list)})` }
    : {
        parquet: false,
        expression: (list) => `read_json(${names(list)}, format = 'newline_delimited')`,
      };
}

/** Whether the column at `path` exists; a parent whose every value is null has no visible children. */
function hasColumn(duckdb: DuckDb, type: DuckDBType | undefined, path: readonly string[]): boolean {
  const [name, ...rest] = path;
  if (type === undefined) return false;
  if (name === undefined || String(type) === 'JSON' || type.alias === 'JSON') return true;
  if (!(type instanceof duckdb.DuckDBStructType)) return false;
  const index = type.entryNames.indexOf(name);
  return hasColumn(duckdb, type.entryTypes[index], rest);
}

async function checkColumns(duckdb: DuckDb, connection: DuckDBConnection, file: string, expression: string) {
  const result = await connection.run(`SELECT * FROM ${expression} LIMIT 0`).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  const types = new Map(result.columnNames().map((name, index) => [name, result.columnType(index)]));
  const missing = COLUMNS.filter(([name, ...rest]) => !hasColumn(duckdb, types.get(name), rest));
  if (missing.length === 0) return;
  const names = missing.map((path) => path.join('.')).join(', ');
  throw new SourceError(
    'files-unreadable',
    `${file}: missing column ${names}; the files need timestamp, file.project, details.ci, details.installer.name and details.system.name`,
  );
}

/**
 * Opens the files once for the whole run. NDJSON is read into memory, as parsing it costs far more
 * than querying it; Parquet is left where it is, as its own statistics prune it.
 */
async function openFiles(duckdb: DuckDb, connection: DuckDBConnection, pattern: string): Promise<void> {
  await connection.run("SET TimeZone = 'UTC'");
  // Every thread reads through buffers of its own, which the process would then keep for good.
  await connection.run('SET threads = 1');
  const files = await matchingFiles(connection, pattern);
  const { parquet, expression } = readerOf(files);
  for (const file of files) await checkColumns(duckdb, connection, file, expression([file]));
  const sql = parquet
    ? [
        `CREATE VIEW ${VIEW} AS SELECT CAST(timestamp AS TIMESTAMPTZ) AS timestamp, file, details FROM ${expression(files)}`,
      ]
    : [
        // Compressed, a table takes half the time to query and a third of the memory to keep.
        "ATTACH ':memory:' AS rows (COMPRESS)",
        'USE rows',
        `CREATE TABLE ${VIEW} AS SELECT * FROM ${expression(files).replace(/\)$/, `, columns = ${JSON_COLUMNS})`)}`,
        'CHECKPOINT rows',
      ];
  for (const statement of sql) {
    await connection.run(statement).catch((error: unknown) => {
      throw unreadable(pattern, error);
    });
  }
  await connection.run('RESET threads');
}

/**
 * Local NDJSON or Parquet files with the schema of the public table, queried by DuckDB in this
 * process. Nothing is billed.
 *
 * @throws SourceError if DuckDB is not installed, or the files are missing, malformed or lack a column.
 */
export async function openDuckDb(config: DuckDbConfig): Promise<Source> {
  const duckdb = await loadDuckDb();
  const instance = await duckdb.DuckDBInstance.create(':memory:', { temp_directory: tmpdir() });
  const connection = await instance.connect();
  const close = async () => {
    connection.closeSync();
    instance.closeSync();
  };
  try {
    await openFiles(duckdb, connection, config.files);
  } catch (error) {
    await close();
    throw error;
  }
  const timestamp = (day: string) =>
    new duckdb.DuckDBTimestampTZValue(BigInt(dayNumber(day)) * 86_400_000_000n);

  async function pivot(question: PivotQuestion, signal?: AbortSignal): Promise<PivotAnswer> {
    const { span } = question;
    const interrupt = () => connection.interrupt();
    signal?.addEventListener('abort', interrupt, { once: true });
    const query = queryRows(connection, pivotSql(VIEW, '$'), {
      project: question.package,
      start: timestamp(span.start),
      end: timestamp(span.end),
      limit: BigInt(rowLimit(span)),
    });
    const rows = await query
      .catch((error: unknown) => {
        throw unreadable(config.files, error);
      })
      .finally(() => signal?.removeEventListener('abort', interrupt));
    return { rows: checkRows(question, rows), cost: NO_COST };
  }

  async function revisions({ start, end }: Span): Promise<RevisionsAnswer> {
    const rows = await queryRows(
      connection,
      `SELECT CAST(CAST(timestamp AS DATE) AS STRING) AS day, COUNT(*) AS row_count FROM ${VIEW}
WHERE timestamp >= $start AND timestamp < $end GROUP BY day`,
      { start: timestamp(start), end: timestamp(end) },
    ).catch((error: unknown) => {
      throw unreadable(config.files, error);
    });
    return {
      revisions: new Map(rows.map((row) => [String(row['day']), Number(row['row_count'])])),
      cost: NO_COST,
    };
  }

  return { billed: false, pivot, estimate: async () => 0, revisions, close };
}
