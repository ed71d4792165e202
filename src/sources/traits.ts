import {
  type BigQueryConfig,
  type ClickHouseConfig,
  type DuckDbConfig,
  SOURCE_KINDS,
  type SourceConfig,
} from '../config/config.ts';
import { CLICKHOUSE_PUBLIC } from '../config/resolve.ts';
import type { Env } from '../env.ts';
import type { SourceTraits } from './source.ts';

/** An emulator's days must not be taken for the real table's. */
function bigQueryId({ table }: BigQueryConfig, env: Env): string {
  const emulator = env['BIGQUERY_EMULATOR_HOST'];
  return `bigquery:${table}${emulator ? ` on ${emulator}` : ''}`;
}

/** Whether it is ClickHouse's own copy, which has every table of ClickPy. */
export function isPublicClickHouse({ url, table }: ClickHouseConfig, env: Env): boolean {
  const asked = (env['CLICKHOUSE_URL'] || url).replace(/\/+$/, '');
  return asked === CLICKHOUSE_PUBLIC.url && table === CLICKHOUSE_PUBLIC.table;
}

/** Another server or table is another source. */
function clickHouseId({ url, table }: ClickHouseConfig, env: Env): string {
  return `clickhouse:${(env['CLICKHOUSE_URL'] || url).replace(/\/+$/, '')}:${table}`;
}

/** Whose figures those of a kind of source are, in words. */
export interface SourceName {
  /** That follows "counted from". */
  readonly name: string;
  /** Where there is little room, or that was said already. */
  readonly shortName: string;
}

const NAMES: Readonly<Record<SourceConfig['kind'], SourceName>> = {
  bigquery: { name: "PyPI's download log in BigQuery", shortName: 'BigQuery' },
  clickhouse: { name: "ClickHouse's public copy of PyPI's download log", shortName: 'ClickHouse' },
  duckdb: { name: 'local files', shortName: 'local files' },
};

/** The names of a kind of source, as files have it; the kind itself where it is none that is known. */
export function sourceName(kind: string): SourceName {
  const known = SOURCE_KINDS.find((each) => each === kind);
  return known === undefined ? { name: kind, shortName: kind } : NAMES[known];
}

const TRAITS: {
  readonly [K in SourceConfig['kind']]: (
    config: Extract<SourceConfig, { kind: K }>,
    env: Env,
  ) => Omit<SourceTraits, 'kind' | 'name'>;
} = {
  bigquery: (config: BigQueryConfig, env) => ({
    id: bigQueryId(config, env),
    billed: true,
    keepsLedger: true,
    wholeLog: true,
    whereToLook: 'see https://status.python.org',
    packagesAtOnce: 1,
    // An answer is held as a whole: at a dozen rows each, these are a quarter of a gigabyte.
    packageDaysAtOnce: 10_000,
    sharesDays: config.sharing === 'auto',
    questionsAtOnce: Number.POSITIVE_INFINITY,
  }),
  clickhouse: (config: ClickHouseConfig, env) => ({
    id: clickHouseId(config, env),
    billed: false,
    keepsLedger: true,
    wholeLog: true,
    whereToLook: 'see https://github.com/ClickHouse/clickpy/issues, or use source: bigquery',
    packagesAtOnce: 100,
    // An answer may have 10,000 rows, and a package's day has a few dozen combinations; what is more is halved.
    packageDaysAtOnce: 399,
    sharesDays: false,
    questionsAtOnce: 1,
  }),
  duckdb: ({ files, wholeLog }: DuckDbConfig) => ({
    id: `duckdb:${files}`,
    billed: false,
    keepsLedger: false,
    wholeLog,
    whereToLook: 'see duckdb.files in tracked.yaml',
    // More would be little faster, and take more memory: an answer has some thousand rows a package.
    packagesAtOnce: 10,
    packageDaysAtOnce: Number.POSITIVE_INFINITY,
    sharesDays: false,
    questionsAtOnce: 1,
  }),
};

/** What may be expected of the configured source, without opening it. */
export function traitsOf(config: SourceConfig, env: Env): SourceTraits {
  const traits = TRAITS[config.kind] as (
    config: SourceConfig,
    env: Env,
  ) => Omit<SourceTraits, 'kind' | 'name'>;
  return { kind: config.kind, name: NAMES[config.kind].name, ...traits(config, env) };
}
