import { resolve } from 'node:path';
import { type Config, loadConfig, selectPackages } from '../config/config.ts';
import { spanDays } from '../days/day.ts';
import { assertNoObstacle, replaceFile } from '../disk/files.ts';
import { OperatorError, UsageError } from '../errors/error.ts';
import { plural } from '../format.ts';
import { TABLE_COLUMNS, type TableRow, tableOfDays, tableOfRows } from '../metric/table.ts';
import { readHistory } from '../publish/history.ts';
import { loadDuckDb } from '../sources/duckdb/index.ts';
import { traitsOf } from '../sources/index.ts';
import { type Ledgers, openLedgers } from '../state/ledgers.ts';
import { formatJson, MS_PER_DAY, sum } from '../util.ts';
import type { Context, GlobalOptions } from './context.ts';

export interface ExportOptions extends GlobalOptions {
  readonly format: 'csv' | 'json' | 'parquet';
  readonly package?: readonly string[];
  readonly output?: string;
}

/** All that is known of a package: the days that its ledger has kept, or where there is none those of its history. */
async function rowsOf(config: Config, ledgers: Ledgers | undefined, name: string): Promise<TableRow[]> {
  if (ledgers !== undefined) {
    const { ledger } = await ledgers.load(name);
    const old = ledger.old.map(({ spans, rows }) => {
      return [spans[0]?.start ?? '', rows, sum(spans, spanDays)] as const;
    });
    const days = [...ledger.days].map(([day, { rows }]) => [day, rows] as const);
    return tableOfRows(name, [...old, ...days]);
  }
  const history = await readHistory(config.outputDir, name);
  return history === undefined ? [] : tableOfDays(name, history.days);
}

/** A field of RFC 4180. A spreadsheet would run a text that begins like a formula; an apostrophe keeps it a text. */
function csvField(value: string | number): string {
  const text = typeof value === 'number' ? String(value) : value.replace(/^[=+\-@\t\r\n]/, "'$&");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Rows as CSV (RFC 4180), under their columns' names; texts that a spreadsheet would run have an apostrophe in front. */
export function toCsv(rows: readonly TableRow[]): string {
  const lines = rows.map((row) => TABLE_COLUMNS.map((column) => csvField(row[column])).join(','));
  return `${[TABLE_COLUMNS.join(','), ...lines].join('\n')}\n`;
}

async function writeParquet(rows: readonly TableRow[], path: string): Promise<void> {
  const duckdb = await loadDuckDb('--format parquet');
  const instance = await duckdb.DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await connection.run(
      'CREATE TABLE days (package VARCHAR, day DATE, days INTEGER, class VARCHAR, installer VARCHAR, system VARCHAR, downloads BIGINT)',
    );
    const appender = await connection.createAppender('days');
    for (const row of rows) {
      appender.appendVarchar(row.package);
      appender.appendDate(new duckdb.DuckDBDateValue(Date.parse(row.day) / MS_PER_DAY));
      appender.appendInteger(row.days);
      for (const text of [row.class, row.installer, row.system]) appender.appendVarchar(text);
      appender.appendBigInt(BigInt(row.downloads));
      appender.endRow();
    }
    appender.closeSync();
    await connection.run(`COPY days TO '${path.replaceAll("'", "''")}' (FORMAT parquet)`);
  } catch (error) {
    const message = `${path} could not be written: ${String((error as Error).message)}`;
    throw new OperatorError('disk-failed', message, { cause: error });
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/**
 * `export`: the days of the tracked packages by class, installer and system, for notebooks. Reads files only.
 *
 * @throws UsageError if an option is wrong; OperatorError if the disk refuses, or DuckDB is needed and missing.
 */
export async function exportDays(options: ExportOptions, context: Context): Promise<number> {
  const { format, output } = options;
  if (format === 'parquet' && output === undefined) {
    throw new UsageError('--format parquet is no text: name a file with --output <file>');
  }
  const config = loadConfig(options.config, context.cwd);
  const packages = selectPackages(config, options.package);
  const { keepsLedger, id } = traitsOf(config.source, context.env);
  const ledgers = keepsLedger ? openLedgers(config.stateDir, id, undefined) : undefined;
  const rows: TableRow[] = [];
  for (const { name } of packages) {
    for (const row of await rowsOf(config, ledgers, name)) rows.push(row);
  }
  const text = () => (format === 'csv' ? toCsv(rows) : formatJson(rows));
  if (output === undefined) {
    context.stdout.write(text());
    return 0;
  }
  const path = resolve(context.cwd, output);
  assertNoObstacle(path);
  if (format === 'parquet') await writeParquet(rows, path);
  else await replaceFile(path, text(), true);
  context.stdout.write(`${plural(rows.length, 'row')} of ${plural(packages.length, 'package')} in ${path}\n`);
  return 0;
}
