import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { listToYaml, runConfig } from '../../action/config.mjs';
import { trackedJsonSchema } from '../../src/config/schema.ts';

const schema = trackedJsonSchema();
const places = {
  outputDir: '/run/output',
  stateDir: '/run/state',
  source: undefined,
  publicUrl: undefined,
  rawUrl: 'https://raw.example.com/a',
};
const configOf = (text: string, more = {}) =>
  parse(runConfig(text, '/repository', schema, { ...places, ...more }));

describe('runConfig', () => {
  it('puts the places of the run, ClickHouse and the raw address where nothing else is said', () => {
    expect(configOf(listToYaml(['alpha', '2048']))).toEqual({
      service: {
        output_dir: '/run/output',
        state_dir: '/run/state',
        source: 'clickhouse',
        public_url: 'https://raw.example.com/a',
      },
      packages: ['alpha', '2048'],
    });
  });

  it('keeps what the file says, and gives an input precedence', () => {
    const text =
      'service: {output_dir: out, source: bigquery, public_url: https://b.example}\npackages: [a]\n';
    expect(configOf(text).service).toMatchObject({ source: 'bigquery', public_url: 'https://b.example' });
    const { service } = configOf(text, { source: 'duckdb', publicUrl: 'https://c.example' });
    expect(service).toMatchObject({ source: 'duckdb', public_url: 'https://c.example' });
  });

  it('leads relative paths to where they led before', () => {
    const text =
      'service: {output_dir: out, credential_file: keys/gcp.json}\nclickhouse: {password_file: /abs}\nduckdb: {files: data/*.parquet}\npackages: [a]\n';
    expect(configOf(text)).toMatchObject({
      service: { credential_file: '/repository/keys/gcp.json' },
      clickhouse: { password_file: '/abs' },
      duckdb: { files: '/repository/data/*.parquet' },
    });
  });
});
