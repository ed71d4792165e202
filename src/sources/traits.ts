import type { BigQueryConfig, Config, DuckDbConfig } from '../config/config.ts';
import type { Env } from '../env.ts';
import type { SourceTraits } from './source.ts';

type SourceConfig = Config['source'];

/** An emulator's days must not be taken for the real table's. */
function bigQueryId({ table }: BigQueryConfig, env: Env): string {
  const emulator = env['BIGQUERY_EMULATOR_HOST'];
  return `bigquery:${table}${emulator ? `@${emulator}` : ''}`;
}

const TRAITS: {
  readonly [K in SourceConfig['kind']]: (
    config: Extract<SourceConfig, { kind: K }>,
    env: Env,
  ) => Omit<SourceTraits, 'kind'>;
} = {
  bigquery: (config: BigQueryConfig, env) => ({
    id: bigQueryId(config, env),
    name: "PyPI's download log in BigQuery",
    billed: true,
    keepsLedger: true,
    wholeLog: true,
    packagesAtOnce: 1,
    packageDaysAtOnce: Number.POSITIVE_INFINITY,
    questionsAtOnce: Number.POSITIVE_INFINITY,
  }),
  duckdb: ({ files }: DuckDbConfig) => ({
    id: `duckdb:${files}`,
    name: 'local files',
    billed: false,
    keepsLedger: false,
    wholeLog: false,
    packagesAtOnce: 50,
    packageDaysAtOnce: Number.POSITIVE_INFINITY,
    questionsAtOnce: 1,
  }),
};

/** What may be expected of the configured source, without opening it. */
export function traitsOf(config: SourceConfig, env: Env): SourceTraits {
  const traits = TRAITS[config.kind] as (config: SourceConfig, env: Env) => Omit<SourceTraits, 'kind'>;
  return { kind: config.kind, ...traits(config, env) };
}
