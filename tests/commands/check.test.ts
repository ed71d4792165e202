import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { selectAsOf, selectPackages } from '../../src/commands/select.ts';
import { parseConfig } from '../../src/config/config.ts';
import { UsageError } from '../../src/errors/error.ts';
import { runMain } from '../support/context.ts';
import { tempFolder } from '../support/temp-folder.ts';

async function check(text: string, env = {}, files: readonly string[] = []) {
  const folder = tempFolder();
  for (const name of files) writeFileSync(join(folder, name), '');
  writeFileSync(join(folder, 'tracked.yaml'), text);
  const result = await runMain(folder, ['check'], { env });
  expect(readdirSync(folder)).toEqual([...files, 'tracked.yaml']);
  return { ...result, stdout: result.stdout.replaceAll(folder, '<folder>') };
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

  it('says which key file is used and that there is no limit', async () => {
    const { stdout } = await check(
      'service: {output_dir: out, credential_file: gcp.json}\nbigquery: {monthly_budget_gib: null}\npackages: [a]\n',
    );
    expect(stdout).toMatch(/^tracked\.yaml is valid: 1 package\n/);
    expect(stdout).toContain('credentials  <folder>/gcp.json\nbudget       no limit\n');
  });

  it.each([
    ['https://sql-clickhouse.clickhouse.com', {}],
    ['http://127.0.0.1:8123', { CLICKHOUSE_URL: 'http://127.0.0.1:8123/' }],
  ])('names the table, server and user of ClickHouse: %s', async (server, env) => {
    const list = 'service: {output_dir: out, source: clickhouse}\npackages: [a]\n';
    const { exitCode, stdout } = await check(list, env);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`source      clickhouse, pypi.pypi at ${server}\nuser        demo\n`);
  });

  it.each<[string, string]>([
    ['*.ndjson', '6 files: 0[1].ndjson, 1.ndjson, 2.ndjson, 3.ndjson, 4.ndjson and 1 more'],
    ['0[1].ndjson', '1 file: 0[1].ndjson'],
    ['*.parquet', 'duckdb.files: no file matches <folder>/*.parquet; check the path'],
    ['.', '<folder> is a folder; name its files: <folder>/*'],
  ])('says which local files are read: %s', async (pattern, says) => {
    const { exitCode, stdout } = await check(
      `service: {output_dir: out, source: duckdb}\nduckdb: {files: "${pattern}"}\npackages: [a]\n`,
      {},
      ['0[1]', '1', '2', '3', '4', '5'].map((name) => `${name}.ndjson`),
    );
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`\nfiles       ${says}\n`);
    expect(stdout).not.toContain('budget');
  });

  it('reports every problem on stderr and exits 2', async () => {
    const { exitCode, stdout, stderr } = await check('service: {output_dir: out}\npackages: [../x, a/b]\n');
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /^tracked\.yaml:2:12: packages\[0\]: .*\ntracked\.yaml:2:18: packages\[1\]: .*\n2 problems in/,
    );
    const missing = await runMain(tempFolder(), ['check']);
    expect(missing).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^tracked\.yaml: there is no such file/),
    });
  });
});

describe('--package', () => {
  const text = 'service: {output_dir: out}\npackages: [mcp-clipboard, mcp-synology, flask-sqlalchemy]\n';
  const config = parseConfig(text, 'tracked.yaml', '/etc');
  const names = (...wanted: string[]) => selectPackages(config, wanted).map(({ name }) => name);

  it('takes all or what is named, once, in any spelling, in the order of the list', () => {
    expect(names()).toEqual(['mcp-clipboard', 'mcp-synology', 'flask-sqlalchemy']);
    const named = names('Flask_SQLAlchemy', 'mcp-clipboard', 'mcp.clipboard');
    expect(named).toEqual(['mcp-clipboard', 'flask-sqlalchemy']);
  });

  it.each([
    ['mcp-clipbord', '; did you mean mcp-clipboard?'],
    ['numpy', ''],
  ])('names the nearest tracked one for %s, which is not', (name, hint) => {
    const select = () => names('mcp-clipboard', name);
    expect(select).toThrow(new UsageError(`--package ${name}: not tracked in tracked.yaml${hint}`));
  });
});

describe('--as-of', () => {
  it.each([
    [undefined, '2026-04-25T00:00:00Z', '2026-04-25'],
    [undefined, '2026-04-25T01:00:00+02:00', '2026-04-24'],
    ['2024-02-29', '2026-04-25T00:00:00Z', '2024-02-29'],
    ['2026-04-25', '2026-04-25T00:00:00Z', '2026-04-25'],
  ])('%j at %s is %s', (text, now, expected) => {
    expect(selectAsOf(text, new Date(now))).toBe(expected);
  });

  it.each([
    ...['', 'today', '2026-02-29', '25.4.2026', '2026-4-25'].map((text) => [
      text,
      'not a day; write it as YYYY-MM-DD, such as 2026-04-25',
    ]),
    ['2026-04-26', 'today is 2026-04-25 (UTC), and days that are not over do not count'],
  ])('%j is refused', (text, says) => {
    const select = () => selectAsOf(text, new Date('2026-04-25T00:00:00Z'));
    expect(select).toThrow(UsageError);
    expect(select).toThrow(`--as-of ${text}: ${says}`);
  });
});
