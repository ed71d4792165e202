import type { SourceConfig } from '../config/config.ts';
import type { Env } from '../env.ts';
import type { Source } from './source.ts';

/** What a source may know of the world. */
export interface World {
  readonly env: Env;
  /** For sources that compare their clock with this one. */
  readonly now: () => Date;
  /** How the program introduces itself to servers, such as `pypi-badges/1.0.0 (+https://example.com)`. */
  readonly product?: string;
  /** How often a request is tried again at most, where somebody waits for it at a terminal. */
  readonly retries?: number;
}

type Opener<K extends SourceConfig['kind']> = (
  config: Extract<SourceConfig, { kind: K }>,
  world: World,
) => Promise<Source>;

/** How each kind of source is opened. Its library is loaded here and not before: most commands need none. */
const OPENERS: { readonly [K in SourceConfig['kind']]: Opener<K> } = {
  bigquery: async (config, { env, now }) =>
    (await import('./bigquery/source.ts')).openBigQuery(config, env, now),
  clickhouse: async (config, world) => (await import('./clickhouse/source.ts')).openClickHouse(config, world),
  duckdb: async (config) => (await import('./duckdb/source.ts')).openDuckDb(config),
};

/**
 * Opens a source.
 *
 * @throws SourceError if it cannot be opened.
 */
export function openSource(config: SourceConfig, world: World): Promise<Source> {
  const open = OPENERS[config.kind] as (config: SourceConfig, world: World) => Promise<Source>;
  return open(config, world);
}
