import { tmpdir } from 'node:os';
import type { DuckDBConnection, DuckDBResult, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { dayNumber, type Span } from '../../days/day.ts';
import { MS_PER_DAY } from '../../units.ts';
import { traitsOf } from '../index.ts';
import { duckDbDialect, needsFileNames, pivotSql, type Question, rowLimit } from '../query.ts';
import { checkRows, type RawRow } from '../rows.ts';
import { type Answer, type DaysAnswer, NO_COST, type Source } from '../source.ts';
import type { DuckDbConfig } from './index.ts';
import { loadDuckDb } from './library.ts';
import { openFiles, unreadable } from './view.ts';

const VIEW = 'file_downloads';

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
    await openFiles(duckdb, connection, config.files, VIEW);
    const named = await query(`SELECT 1 FROM ${VIEW} WHERE file.filename IS NOT NULL LIMIT 1`);
    hasFileNames = named.length > 0;
  } catch (error) {
    await close();
    throw error;
  }
  const timestamp = (day: string) =>
    new duckdb.DuckDBTimestampTZValue(BigInt(dayNumber(day)) * BigInt(MS_PER_DAY) * 1_000n);

  async function read(question: Question, signal?: AbortSignal): Promise<Answer> {
    const { packages, span } = question;
    const [first, ...others] = packages;
    const limit = rowLimit(question);
    const several = others.length > 0;
    const shape = { several, fileNames: hasFileNames && needsFileNames(span) };
    const interrupt = () => connection.interrupt();
    signal?.addEventListener('abort', interrupt, { once: true });
    try {
      const rows = await query(
        pivotSql(duckDbDialect(VIEW), shape),
        {
          ...(several ? { projects: duckdb.listValue([...packages]) } : { project: first }),
          start: timestamp(span.start),
          end: timestamp(span.end),
          limit: BigInt(limit),
        },
        several ? { projects: duckdb.LIST(duckdb.VARCHAR) } : {},
      );
      return { ...checkRows(question, rows, limit), cost: NO_COST };
    } finally {
      signal?.removeEventListener('abort', interrupt);
    }
  }

  async function days({ start, end }: Span): Promise<DaysAnswer> {
    const rows = await query(
      `SELECT CAST(CAST(timestamp AS DATE) AS STRING) AS day, COUNT(*) AS row_count FROM ${VIEW}
WHERE timestamp >= $start AND timestamp < $end GROUP BY day`,
      { start: timestamp(start), end: timestamp(end) },
    );
    return {
      kind: 'told',
      rows: new Map(rows.map((row) => [String(row['day']), Number(row['row_count'])])),
      cost: NO_COST,
    };
  }

  return { traits: traitsOf(config, {}), hasFileNames, read, estimate: async () => 0, days, close };
}
