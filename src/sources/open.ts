import type { SourceConfig } from '../config/config.ts';
import type { Env } from '../env.ts';
import type { Source } from './source.ts';

type Opener<K extends SourceConfig['kind']> = (
  config: Extract<SourceConfig, { kind: K }>,
  env: Env,
  product: string,
) => Promise<Source>;

/** How each kind of source is opened. Its library is loaded here and not before: most commands need none. */
const OPENERS: { readonly [K in SourceConfig['kind']]: Opener<K> } = {
  bigquery: async (config, env) => (await import('./bigquery/source.ts')).openBigQuery(config, env),
  clickhouse: async (config, env, product) =>
    (await import('./clickhouse/source.ts')).openClickHouse(config, env, product),
  duckdb: async (config) => (await import('./duckdb/source.ts')).openDuckDb(config),
};

/**
 * Opens a source.
 *
 * @param product How the program introduces itself to servers, such as `pypi-badges/1.0.0 (+https://example.com)`.
 * @throws SourceError if it cannot be opened.
 */
export function openSource(config: SourceConfig, env: Env, product = 'pypi-badges'): Promise<Source> {
  const open = OPENERS[config.kind] as (config: SourceConfig, env: Env, product: string) => Promise<Source>;
  return open(config, env, product);
}
