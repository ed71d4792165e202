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
const [emulator, server] = ['127.0.0.1:1', 'http://127.0.0.1:1'];
const SERVER = 'https://sql-clickhouse.clickhouse.com';
it.each<[string, Record<string, string>, boolean, string, string]>([
  [
    'bigquery: {table: a-b.c.d}\n',
    { BIGQUERY_EMULATOR_HOST: emulator },
    true,
    'a-b.c.d on 127.0.0.1:1',
    'a-b.c.d',
  ],
  [
    '  source: clickhouse\n',
    { CLICKHOUSE_URL: `${server}/` },
    false,
    `${server}:pypi.pypi`,
    `${SERVER}:pypi.pypi`,
  ],
])(
  'opens what is configured by %j without asking anybody anything yet',
  async (text, env, billed, there, usual) => {
    const config = source('/etc', text);
    const opened = await openSource(config, { env, now: () => new Date() });
    expect(opened.traits).toMatchObject({ billed, keepsLedger: true, wholeLog: true });
    await opened.close();
    const ids = [env, {}].map((each) => traitsOf(config, each).id);
    expect(ids).toEqual([`${config.kind}:${there}`, `${config.kind}:${usual}`]);
  },
);
