import { describe, expect, it } from 'vitest';
import { openProject } from '../support/project.ts';

async function check(text: string, env = {}, files: readonly string[] = []) {
  const project = openProject(env);
  for (const name of files) project.put(name, '');
  project.put('tracked.yaml', text);
  const before = project.files();
  const result = await project.run('check');
  expect(project.files()).toEqual(before);
  return { ...result, stdout: result.stdout.replaceAll(project.folder, '<folder>') };
}

describe('check', () => {
  it('prints what would be tracked, and writes nothing', async () => {
    const { exitCode, stdout, stderr } = await check(
      'service: {output_dir: out, public_url: "https://b.example.com/"}\npackages: [A_B, {name: c, window_days: [7, 30]}]\n',
    );
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toBe(`tracked.yaml is valid: 2 packages

source       bigquery, bigquery-public-data.pypi.file_downloads in US
credentials  Application Default Credentials
budget       1024 GiB a month
output_dir   <folder>/out
state_dir    <folder>/state
public_url   https://b.example.com

package  windows
a-b      30d
c        7d, 30d
`);
  });

  const PUBLIC = 'https://sql-clickhouse.clickhouse.com';
  it.each<[source: string, says: string, url?: string]>([
    [
      'bigquery, credential_file: gcp.json}\nbigquery: {monthly_budget_gib: null',
      'credentials  <folder>/gcp.json\nbudget       no limit',
    ],
    ['clickhouse', `source      clickhouse, pypi.pypi at ${PUBLIC}\nuser        demo`],
    [
      'clickhouse',
      'source      clickhouse, pypi.pypi at http://127.0.0.1:8123\nuser        demo',
      'http://127.0.0.1:8123/',
    ],
    ...[
      ['*.ndjson', '6 files: 0[1].ndjson, 1.ndjson, 2.ndjson, 3.ndjson, 4.ndjson and 1 more'],
      ['0[1].ndjson', '1 file: 0[1].ndjson'],
      ['*.parquet', 'duckdb.files: no file matches <folder>/*.parquet; check the path'],
      ['.', '<folder> is a folder; name its files: <folder>/*'],
    ].map(([pattern, says]): [string, string] => [
      `duckdb}\nduckdb: {files: "${pattern}"`,
      `files       ${says}`,
    ]),
  ])('says of the source %s: %s', async (source, says, url = '') => {
    const files = ['0[1]', '1', '2', '3', '4', '5'].map((name) => `${name}.ndjson`);
    const list = `service: {output_dir: out, source: ${source}}\npackages: [a]\n`;
    const { exitCode, stdout } = await check(list, { CLICKHOUSE_URL: url }, files);
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining(`${says}\n`)]);
    expect(stdout).toMatch(/^tracked\.yaml is valid: 1 package\n/);
    expect(stdout.includes('budget')).toBe(source.startsWith('bigquery'));
  });
});
