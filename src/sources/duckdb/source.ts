import { tmpdir } from 'node:os';
import type { DuckDBResultReader, DuckDBValue } from '@duckdb/node-api';
import { type SourceError, sanitizeMessage } from '../../errors/error.ts';
import { formatNumber } from '../../format.ts';
import { NO_COST } from '../../util.ts';
import { checkFacets, facetQuery } from '../facets.ts';
import { traitsOf } from '../index.ts';
import { checkDays, checkRows } from '../rows.ts';
import type { Source } from '../source.ts';
import { asDuckDb, pivotQuery, type Query } from '../sql.ts';
import { checkGzip, type FileKind, findFiles, kindOf, NEST, unreadableFile } from './files.ts';
import { type DuckDb, type DuckDbConfig, loadDuckDb } from './index.ts';

const VIEW = 'file_downloads';

/** The columns of the public table beside the timestamp, as far as they are read. */
const COLUMNS = {
  country_code: 'VARCHAR',
  file: 'STRUCT(project VARCHAR, filename VARCHAR, version VARCHAR, type VARCHAR)',
  details:
    'STRUCT(ci BOOLEAN, installer STRUCT(name VARCHAR), system STRUCT(name VARCHAR), python VARCHAR, distro STRUCT(libc STRUCT(lib VARCHAR)))',
};

/** PyPI's log begins in 2016: another unit of time gives a year before it or after 9999. */
const SOUND_TIMESTAMP =
  "TRY_CAST(timestamp AS TIMESTAMPTZ) BETWEEN TIMESTAMPTZ '2016-01-01' AND TIMESTAMPTZ '9999-12-31'";
const SOUND = `(${SOUND_TIMESTAMP} AND file.project IS NOT NULL) IS TRUE`;

/** Nothing is guessed from the names of folders, and nothing of one file from another. */
const NO_GUESSING = 'hive_partitioning = false, union_by_name = false, filename = false';

/** A file with the rows that are read of it, as they are in it. */
interface Rows {
  readonly path: string;
  /** SELECT of `timestamp`, whatever its type, `country_code`, `file` and `details`. */
  readonly sql: string;
  /** Names of its columns: in JSON those of its first row. */
  readonly columns: () => Promise<readonly DuckDBValue[]>;
}

/**
 * Runs SQL to its end.
 *
 * @param path The file or pattern that it is about.
 * @throws SourceError that names it.
 */
type Run = (sql: string, path: string, values?: Record<string, DuckDBValue>) => Promise<DuckDBResultReader>;

/** A fault of DuckDB about some files, in its own words without the prefix and the excerpt of SQL that follows. */
function unreadable(what: string, error: unknown): SourceError {
  const words = (error as Error).message.replace(/\n.*$/s, '').replace(/^[\w ]+ Error: /, '');
  return unreadableFile(what, `cannot be read: ${sanitizeMessage(words)}`);
}

/** A path as a SQL literal that DuckDB does not take for a glob. */
function literal(path: string): string {
  return `'${path.replaceAll(/[*?[]/g, '[$&]').replaceAll("'", "''")}'`;
}

/** The columns of the public table in a Parquet file; NULL where it lacks one, or a member of one, as exports leave out what is NULL. */
async function parquetRows({ DuckDBStructType }: DuckDb, run: Run, path: string): Promise<Rows> {
  const from = `read_parquet(${literal(path)}, ${NO_GUESSING})`;
  const all = await run(`SELECT * FROM ${from} LIMIT 0`, path);
  const types = new Map(all.columnNames().map((name, index) => [name, all.columnType(index)]));
  const columns = Object.entries(COLUMNS).map(([name, type]) => {
    const found = types.get(name);
    const isThere =
      found instanceof DuckDBStructType
        ? found.entryNames.some((member) => type.split(/\W+/).includes(member))
        : found !== undefined && type === 'VARCHAR';
    return `CAST(${isThere ? name : 'NULL'} AS ${type}) AS ${name}`;
  });
  const timestamp = types.has('timestamp') ? 'timestamp' : 'NULL AS timestamp';
  const sql = `SELECT ${timestamp}, ${columns.join(', ')} FROM ${from}`;
  return { path, sql, columns: async () => all.columnNames() };
}

function jsonRows(run: Run, path: string, { format, compression }: FileKind): Rows {
  const options = `format = '${format}', compression = '${compression}', ${NO_GUESSING}`;
  const columns = Object.entries({ timestamp: 'VARCHAR', ...COLUMNS }).map(
    ([name, type]) => `${name}: '${type}'`,
  );
  const first = `FROM read_json_objects(${literal(path)}, ${options}) LIMIT 1`;
  return {
    path,
    sql: `SELECT timestamp, country_code, file, details FROM read_json(${literal(path)}, ${options}, records = true, columns = {${columns.join(', ')}})`,
    columns: async () => (await run(`SELECT unnest(json_keys(json)) FROM (${first})`, path)).getRows().flat(),
  };
}

const columnsOf = async ({ columns }: Rows) => sanitizeMessage((await columns()).join(', '));

/** @throws SourceError that says what is wrong with the rows of a file. */
async function assertSound(run: Run, rows: Rows): Promise<void> {
  const reader = await run(
    `SELECT
  count(*)::DOUBLE AS n,
  count_if(NOT ${SOUND})::DOUBLE AS bad,
  count_if(timestamp IS NULL)::DOUBLE AS no_timestamp,
  count_if(file.project IS NULL)::DOUBLE AS no_project,
  any_value(CAST(timestamp AS VARCHAR)) FILTER (NOT ${SOUND_TIMESTAMP} IS TRUE) AS odd
FROM (${rows.sql})`,
    rows.path,
  );
  const [{ n, bad, no_timestamp, no_project, odd: value } = {}] = reader.getRowObjects();
  if (bad === 0) return;
  const some = `in ${formatNumber(Number(bad))} of ${formatNumber(Number(n))} rows`;
  const lacks = [no_timestamp ? 'timestamp' : [], no_project ? 'file.project' : []].flat();
  if (lacks.length > 0) {
    const has = await columnsOf(rows);
    const advice = bad === n ? NEST : 'export the rows again, with these columns';
    throw unreadableFile(rows.path, `lacks ${lacks.join(' and ')} ${some} (its columns: ${has}); ${advice}`);
  }
  const odd = String(value);
  const advice = /^-?[\d.]+(e[+-]?\d+)?$/i.test(odd)
    ? "seconds since 1970 become timestamps in DuckDB: COPY (SELECT * REPLACE (to_timestamp(timestamp) AS timestamp) FROM '<file>') TO 'rows.parquet' (FORMAT parquet)"
    : 'write it in UTC as 2026-04-24 12:00:00 UTC';
  throw unreadableFile(rows.path, `has no valid timestamp ${some}, but ${sanitizeMessage(odd)}; ${advice}`);
}

/**
 * Opens the files once for the whole run as one view with the columns of the public table. JSON is read
 * into memory, as parsing it costs far more than querying it; Parquet is left where it is, as its own
 * statistics prune it.
 *
 * @param pattern Absolute path or glob.
 * @returns Whether any of them has names of files.
 * @throws SourceError if there are none, one cannot be read or has rows without timestamp or project, or no row of
 * any has an installer.
 */
async function openFiles(duckdb: DuckDb, run: Run, pattern: string): Promise<boolean> {
  const has = async (where: string) =>
    (await run(`SELECT 1 FROM ${VIEW} WHERE ${where} LIMIT 1`, pattern)).currentRowCount > 0;
  const columns = Object.entries({ timestamp: 'TIMESTAMPTZ', ...COLUMNS }).map((column) => column.join(' '));
  // Every thread reads through buffers of its own, which the process would then keep for good. Compressed, a table takes half
  // the time to query and a third of the memory to keep.
  await run(
    `SET TimeZone = 'UTC'; SET threads = 1; ATTACH ':memory:' AS rows (COMPRESS); USE rows; CREATE TABLE json_rows (${columns.join(', ')})`,
    pattern,
  );
  const files: Rows[] = [];
  const selects = ['FROM json_rows'];
  for (const path of findFiles(pattern)) {
    const kind = await kindOf(path);
    if (kind.compression === 'gzip') await checkGzip(path);
    const isParquet = kind.format === 'parquet';
    const rows = isParquet ? await parquetRows(duckdb, run, path) : jsonRows(run, path, kind);
    files.push(rows);
    const typed = `SELECT TRY_CAST(timestamp AS TIMESTAMPTZ) AS timestamp, country_code, file, details FROM (${rows.sql})`;
    if (isParquet) selects.push(typed);
    else await run(`INSERT INTO json_rows ${typed}`, path);
  }
  const view = `CREATE VIEW ${VIEW} AS ${selects.join('\nUNION ALL\n')}`;
  await run(`CHECKPOINT rows; ${view}; RESET threads`, pattern);
  if (await has(`NOT ${SOUND}`)) {
    for (const rows of files) await assertSound(run, rows);
    throw unreadableFile(pattern, 'has changed while it was read; try again');
  }
  if (await has('details.installer.name IS NOT NULL')) return has('file.filename IS NOT NULL');
  const [first] = files;
  if (first === undefined || !(await has('TRUE')))
    throw unreadableFile(pattern, 'has no rows; export them again');
  throw unreadableFile(
    pattern,
    `has no row with details.installer.name, so no download would count (columns of ${first.path}: ${await columnsOf(first)}); ${NEST}`,
  );
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
  const connection = await instance.connect();
  const close = async () => {
    connection.closeSync();
    instance.closeSync();
  };
  const run: Run = (sql, path, values) =>
    connection.runAndReadAll(sql, values).catch((error: unknown) => {
      throw unreadable(path, error);
    });
  const hasFileNames = await openFiles(duckdb, run, config.files).catch(async (error: unknown) => {
    await close();
    throw error;
  });

  async function ask({ sql, parameters, limit }: Query, signal?: AbortSignal) {
    const given = Object.entries(parameters).map(([name, [, value]]) => [
      name,
      typeof value === 'string' ? value : duckdb.listValue([...value]),
    ]);
    const values = { ...Object.fromEntries(given), limit };
    const interrupt = () => connection.interrupt();
    signal?.addEventListener('abort', interrupt, { once: true });
    try {
      return (await run(asDuckDb(sql), config.files, values)).getRowObjects();
    } finally {
      signal?.removeEventListener('abort', interrupt);
    }
  }

  return {
    traits: traitsOf(config, {}),
    hasFileNames,
    async read(question, signal) {
      const query = pivotQuery(VIEW, question, hasFileNames);
      return checkRows(question, await ask(query, signal), query.limit);
    },
    estimate: async () => 0,
    async facets(question, signal) {
      return checkFacets(question, await ask(facetQuery(VIEW, question, hasFileNames), signal));
    },
    async days(span) {
      const sql = `SELECT CAST(CAST(timestamp AS DATE) AS STRING) AS day, COUNT(*) AS row_count FROM ${VIEW}
WHERE timestamp >= $start AND timestamp < $end GROUP BY day`;
      const answer = await run(sql, config.files, { ...span });
      return { kind: 'known', rows: checkDays(span, answer.getRowObjects()), cost: NO_COST };
    },
    close,
  };
}
