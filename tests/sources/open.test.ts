import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { openSource, traitsOf } from '../../src/sources/index.ts';
import { writeNdjson } from '../support/downloads.ts';
import { tempFolder } from '../support/temp-folder.ts';

const source = (folder: string, text: string) =>
  parseConfig(`service:\n  output_dir: out\n${text}packages: [demo]\n`, 'tracked.yaml', folder).source;

it('opens local files', async () => {
  const folder = tempFolder();
  writeNdjson(join(folder, 'rows.ndjson'), [{ at: '2026-04-24', installer: 'pip' }]);
  const config = source(folder, '  source: duckdb\nduckdb: {files: rows.ndjson}\n');
  const opened = await openSource(config, { env: {}, now: () => new Date() });
  expect(opened.traits).toMatchObject({ billed: false, keepsLedger: false, wholeLog: false });
  await opened.close();
  expect(traitsOf(config, {}).id).toBe(`duckdb:${folder}/rows.ndjson`);
});

// Nobody listens on port 1.
it.each([
  [
    'bigquery: {table: a-b.c.d}\n',
    { BIGQUERY_EMULATOR_HOST: '127.0.0.1:1' },
    true,
    'bigquery:a-b.c.d on 127.0.0.1:1',
    'bigquery:a-b.c.d',
  ],
  [
    '  source: clickhouse\n',
    { CLICKHOUSE_URL: 'http://127.0.0.1:1/' },
    false,
    'clickhouse:http://127.0.0.1:1:pypi.pypi',
    'clickhouse:https://sql-clickhouse.clickhouse.com:pypi.pypi',
  ],
])(
  'opens what is configured by %j without asking anybody anything yet',
  async (text, env, billed, there, usual) => {
    const config = source('/etc', text);
    const opened = await openSource(config, { env, now: () => new Date() });
    expect(opened.traits).toMatchObject({ billed, keepsLedger: true, wholeLog: true });
    await opened.close();
    expect([traitsOf(config, env).id, traitsOf(config, {}).id]).toEqual([there, usual]);
  },
);
