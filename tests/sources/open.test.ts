import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { openSource, traitsOf } from '../../src/sources/index.ts';
import { writeNdjson } from '../support/downloads.ts';
import { tempFolder } from '../support/temp-folder.ts';

const source = (folder: string, text: string) =>
  parseConfig(`service:\n  output_dir: out\n${text}packages: [demo]\n`, 'tracked.yaml', folder).source;

describe('openSource', () => {
  it('opens local files', async () => {
    const folder = tempFolder();
    writeNdjson(join(folder, 'rows.ndjson'), [{ at: '2026-04-24', installer: 'pip' }]);
    const config = source(folder, '  source: duckdb\nduckdb: {files: rows.ndjson}\n');
    const opened = await openSource(config, { env: {}, now: () => new Date() });
    expect(opened.traits).toMatchObject({ billed: false, keepsLedger: false, wholeLog: false });
    await opened.close();
    expect(traitsOf(config, {}).id).toBe(`duckdb:${folder}/rows.ndjson`);
  });

  it('opens BigQuery without asking anybody anything yet', async () => {
    const config = source('/etc', 'bigquery: {table: a-b.c.d}\n');
    // Nobody listens on port 1.
    const opened = await openSource(config, {
      env: { BIGQUERY_EMULATOR_HOST: 'http://127.0.0.1:1' },
      now: () => new Date(),
    });
    expect(opened.traits).toMatchObject({ billed: true, keepsLedger: true, wholeLog: true });
    await opened.close();
    expect(traitsOf(config, {}).id).toBe('bigquery:a-b.c.d');
    expect(traitsOf(config, { BIGQUERY_EMULATOR_HOST: 'localhost:9050' }).id).toBe(
      'bigquery:a-b.c.d on localhost:9050',
    );
  });

  it('opens ClickHouse without asking anybody anything yet', async () => {
    const config = source('/etc', '  source: clickhouse\n');
    // Nobody listens on port 1.
    const env = { CLICKHOUSE_URL: 'http://127.0.0.1:1/' };
    const opened = await openSource(config, { env, now: () => new Date() });
    expect(opened.traits).toMatchObject({ billed: false, keepsLedger: true, wholeLog: true });
    await opened.close();
    expect(traitsOf(config, env).id).toBe('clickhouse:http://127.0.0.1:1:pypi.pypi');
    expect(traitsOf(config, {}).id).toBe('clickhouse:https://sql-clickhouse.clickhouse.com:pypi.pypi');
  });
});
