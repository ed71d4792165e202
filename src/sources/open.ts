import type { Config } from '../config/config.ts';
import type { Source } from './source.ts';

/** What a source calls itself in ledgers: kind and place of the data. */
export function sourceId(config: Config['source']): string {
  return config.kind === 'duckdb' ? `duckdb:${config.files}` : `bigquery:${config.table}`;
}

/**
 * Opens the configured source. Its library is loaded here and not before: most commands need neither.
 *
 * @param now For sources that compare their clock with this one.
 * @throws SourceError if it cannot be opened.
 */
export async function openSource(
  config: Config['source'],
  env: Readonly<Record<string, string | undefined>>,
  now: () => Date,
): Promise<Source> {
  if (config.kind === 'duckdb') {
    const { openDuckDb } = await import('./duckdb/source.ts');
    return openDuckDb(config);
  }
  const { openBigQuery } = await import('./bigquery/source.ts');
  return openBigQuery(config, env, now);
}
