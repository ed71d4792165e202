import type { Env } from '../util.ts';
import { bigquery } from './bigquery/index.ts';
import { clickhouse } from './clickhouse/index.ts';
import { duckdb } from './duckdb/index.ts';
import type { Source, SourceKind, SourceTraits, World } from './source.ts';

const KINDS = [bigquery, clickhouse, duckdb] as const;

/** What tracked.yaml says of a source, with defaults and absolute paths. */
export type SourceConfig = ReturnType<(typeof KINDS)[number]['configure']>;

/** Every kind of source, the default first. */
export const SOURCES: readonly [SourceKind<SourceConfig>, ...SourceKind<SourceConfig>[]] = KINDS;

export const SOURCE_KINDS = SOURCES.map(({ kind }) => kind);

/** What may be chosen, in words. */
export const SOURCE_CHOICE = `${SOURCE_KINDS.slice(0, -1).join(', ')} or ${SOURCE_KINDS.at(-1)}`;

/** What is counted from where nothing is configured: free, and open to everybody. */
export const PUBLIC_SOURCE: SourceConfig = clickhouse.configure({ section: {}, absolute: (path) => path });

/** The kind that a source is of. */
export function kindOf({ kind }: Pick<SourceConfig, 'kind'>): SourceKind<SourceConfig> {
  return SOURCES.find((each) => each.kind === kind) as SourceKind<SourceConfig>;
}

/** The names of a kind of source, as files have it; the kind itself where it is none that is known. */
export function sourceName(kind: string): { readonly name: string; readonly shortName: string } {
  const { name, shortName } = SOURCES.find((each) => each.kind === kind) ?? { name: kind, shortName: kind };
  return { name, shortName };
}

/** What may be expected of the configured source, without opening it. */
export function traitsOf(config: SourceConfig, env: Env): SourceTraits {
  const kind = kindOf(config);
  return { kind: kind.kind, name: kind.name, ...kind.traits(config, env) };
}

/**
 * Opens a source.
 *
 * @throws SourceError if it cannot be opened.
 */
export function openSource(config: SourceConfig, world: World): Promise<Source> {
  return kindOf(config).open(config, world);
}
