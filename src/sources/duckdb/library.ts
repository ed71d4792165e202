import { SourceError } from '../source.ts';

export type DuckDb = typeof import('@duckdb/node-api');

/**
 * DuckDB, which is an optional package.
 *
 * @param who What needs it, for the message.
 * @throws SourceError if it is not installed.
 */
export async function loadDuckDb(who: string): Promise<DuckDb> {
  try {
    return await import('@duckdb/node-api');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new SourceError(
      'duckdb-missing',
      `${who} needs the optional package @duckdb/node-api; install it beside pypi-badges: npm install @duckdb/node-api (with -g if pypi-badges was installed with -g, and with install.sh --with-duckdb if that installed it)`,
    );
  }
}
