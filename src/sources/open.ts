import type { Config } from '../config/config.ts';
import type { Env } from '../env.ts';
import type { Source } from './source.ts';

type SourceConfig = Config['source'];
type Opener<K extends SourceConfig['kind']> = (
  config: Extract<SourceConfig, { kind: K }>,
  env: Env,
  now: () => Date,
) => Promise<Source>;

/** How each kind of source is opened. Its library is loaded here and not before: most commands need none. */
const OPENERS: { readonly [K in SourceConfig['kind']]: Opener<K> } = {
  bigquery: async (config, env, now) => (await import('./bigquery/source.ts')).openBigQuery(config, env, now),
  duckdb: async (config) => (await import('./duckdb/source.ts')).openDuckDb(config),
};

/**
 * Opens the configured source.
 *
 * @param now For sources that compare their clock with this one.
 * @throws SourceError if it cannot be opened.
 */
export function openSource(config: SourceConfig, env: Env, now: () => Date): Promise<Source> {
  const open = OPENERS[config.kind] as (config: SourceConfig, env: Env, now: () => Date) => Promise<Source>;
  return open(config, env, now);
}
