import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { main } from '../../src/program.ts';
import { bigQueryProject } from '../support/bigquery-project.ts';
import type { ServerOptions, Trouble } from '../support/bigquery-server.ts';
import { startClickHouse } from '../support/clickhouse-server.ts';
import { capture, runMain } from '../support/context.ts';
import { type GoogleOptions, GoogleServer, type ProxyManner, ProxyServer } from '../support/google-server.ts';
import { makeProject } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';

const NOW = new Date('2026-04-25T04:12:00.000Z');

async function doctor(options: ServerOptions = {}, prepare: (folder: string) => void = () => {}) {
  const project = await bigQueryProject(['alpha', 'beta'], { date: NOW, ...options });
  prepare(project.folder);
  const before = project.files();
  const result = await runMain(project.folder, ['doctor'], { env: project.env });
  expect(project.files()).toEqual(before);
  const lines = result.stdout.trimEnd().split('\n');
  const line = (what: string) => lines.find((text) => text.slice(6).startsWith(what)) ?? '';
  return { ...result, line, project };
}

const put = (path: string, content: string) => (folder: string) => {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), content);
};

describe('doctor', () => {
  it('finds everything in order, for free', async () => {
    const { exitCode, stdout, stderr, project } = await doctor();
    expect([exitCode, stderr]).toEqual([0, '']);
    const { folder, server } = project;
    expect(stdout.split('\n')).toEqual([
      `ok    Node.js        ${process.versions.node}`,
      'ok    configuration  tracked.yaml is valid: 2 packages',
      `ok    output_dir     ${folder}/output will be made by the first run`,
      `ok    state_dir      ${folder}/state will be made by the first run`,
      `ok    credentials    none needed: BIGQUERY_EMULATOR_HOST leads to ${server.host} (project my-project)`,
      'ok    permission     bigquery-public-data.pypi.file_downloads may be queried (free dry run for alpha: 1001.4 MiB at most)',
      'ok    days           the table tells which days have changed',
      "ok    clock          agrees with Google's",
      'note  last success   nothing was collected yet; run: pypi-badges collect',
      '',
    ]);
    expect(server.calls.map(({ kind }) => kind)).toEqual(['dryRun', 'dryRun']);
    expect(server.bytesBilled).toBe(0);
  });

  it.each<[string, object, number, string, RegExp]>([
    [
      'how to get the permission',
      { fault: { status: 403, reason: 'accessDenied', message: 'Access Denied: Project p' } },
      1,
      'permission',
      /^FAIL {2}permission {5}BigQuery: permission denied; grant .*roles\/bigquery.jobUser/,
    ],
    [
      'what it means when the rows of days are refused',
      { revisions: true, fault: { status: 403, reason: 'accessDenied' } },
      0,
      'days',
      /^note {2}days {11}BigQuery: permission denied.*; the two newest days are read again/,
    ],
    [
      'of a fault of the service that it is no refusal',
      { revisions: true, fault: { status: 401, reason: 'authError' } },
      1,
      'permission',
      /^FAIL .*Google refused the credentials/,
    ],
  ])('says %s', async (_, trouble, code, what, says) => {
    const { exitCode, line } = await doctor({ trouble: [{ on: 'dryRun', ...trouble } as Trouble] });
    expect(exitCode).toBe(code);
    expect(line(what)).toMatch(says);
  });

  it.each([
    [
      '2026-04-25T04:14:00Z',
      'FAIL',
      "it is 120 s behind Google's, and Google refuses such credentials; run: timedatectl",
    ],
    ['2026-04-25T04:10:00Z', 'FAIL', "it is 120 s ahead of Google's"],
    ['2026-04-25T04:12:30Z', 'ok  ', "30 s behind Google's"],
  ])('compares the clock with %s', async (date, state, text) => {
    const { line } = await doctor({ date: new Date(date) });
    expect(line('clock')).toMatch(new RegExp(`^${state} {2}clock {10}${text}`));
  });

  it('sees a Node.js that is too old', async () => {
    const folder = tempFolder();
    makeProject(folder, ['alpha'], []);
    for (const [nodeVersion, state] of [
      ['20.18.1', 'FAIL'],
      ['18.20.0', 'FAIL'],
      ['20.19.0', 'ok  '],
      ['24.0.0', 'ok  '],
    ] as const) {
      const captured = capture(folder);
      await main(['doctor'], '1.2.3', { ...captured.context, nodeVersion });
      expect(captured.stdout().slice(0, 4)).toBe(state);
    }
  });

  it.each([
    ['a file in the way', put('output', ''), /output: a file stands where a folder should be/],
    [
      'a link to nowhere',
      (folder: string) => symlinkSync('gone', join(folder, 'output')),
      /output: this is a link that leads nowhere/,
    ],
    [
      'a file in the way of a package',
      put('output/alpha', ''),
      /alpha: a file stands where a folder should be/,
    ],
    ['a folder in the way of a table', put('output/alpha/months.csv/a', ''), /months.csv: a folder stands/],
  ])('finds %s of the output folder', async (_, prepare, text) => {
    const { exitCode, line } = await doctor({}, prepare);
    expect(exitCode).toBe(1);
    expect(line('output_dir')).toMatch(text);
    expect(line('output_dir')).toMatch(/^FAIL/);
  });

  it('tries a folder out and leaves nothing behind', async () => {
    const { exitCode, line, project } = await doctor({}, put('state/keep', ''));
    expect(exitCode).toBe(0);
    expect(line('state_dir')).toMatch(/state is writable$/);
    expect(readdirSync(join(project.folder, 'state'))).toEqual(['keep']);
  });

  const health = (packages: unknown) => put('output/_health.json', JSON.stringify({ packages }));
  const fresh = {
    window_days: 7,
    count: 7,
    windows: [],
    counted_to: '2026-04-24',
    last_success: '2026-04-25T01:12:00.000Z',
  };
  it.each([
    ['fresh', health({ alpha: fresh, beta: fresh }), /^ok .* 3 hours ago, for every package$/],
    [
      'stale by their days',
      health({ alpha: fresh, beta: { ...fresh, counted_to: '2026-04-20' } }),
      /^FAIL .*not well: beta \(stale\); see: pypi-badges status$/,
    ],
    [
      'unwell',
      health({ alpha: { ...fresh, error: 'x' } }),
      /^FAIL .*not well: alpha \(failed\), beta \(new\); see: pypi-badges status$/,
    ],
    ['no health file', put('output/_health.json', '[]'), /^FAIL .*_health.json is not a health file/],
    [
      'a folder',
      put('output/_health.json/x', ''),
      /^FAIL .*_health.json: a folder stands where a file should be/,
    ],
  ])('tells how old the badges are: %s', async (_, prepare, text) => {
    expect((await doctor({}, prepare)).line('last success')).toMatch(text);
  });

  it('names the first three packages that are unwell', async () => {
    const project = await bigQueryProject(['a', 'b', 'c', 'd', 'e'], { date: NOW });
    project.put('output/_health.json', '{"packages": {}}');
    const { stdout } = await runMain(project.folder, ['doctor'], { env: project.env });
    expect(stdout).toMatch(/not well: a \(new\), b \(new\), c \(new\) and 2 more;/);
  });

  it('looks at the key file without printing it', async () => {
    const project = await bigQueryProject(['alpha']);
    const { stdout, exitCode } = await runMain(project.folder, ['doctor'], {});
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(
      /^FAIL {2}credentials {4}sign-in: .*key\.json cannot be used; make it again \(.*client_email/m,
    );
    expect(stdout).not.toContain('secret');
  });

  it('tells a network that is gone', async () => {
    const project = await bigQueryProject(['alpha']);
    const env = { BIGQUERY_EMULATOR_HOST: '127.0.0.1:1' };
    const { stdout, exitCode } = await runMain(project.folder, ['doctor'], { env });
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(
      /^FAIL {2}permission {5}BigQuery: the service cannot be reached; check the network/m,
    );
    expect(stdout).not.toMatch(/clock/);
  });

  it('reads the files of a duckdb source', async () => {
    const { folder } = makeProject(tempFolder(), ['alpha'], []);
    writeFileSync(join(folder, 'rows.ndjson'), '{"cut');
    const broken = await runMain(folder, ['doctor']);
    expect(broken.exitCode).toBe(1);
    expect(broken.stdout).toMatch(/^FAIL {2}duckdb {9}.*rows.ndjson/m);
  });

  it('asks ClickHouse for its newest day', async () => {
    const rows = ['2026-04-22', '2026-04-23', '2026-04-24'].map((day) => ({
      project: 'boto3',
      day,
      installer: 'pip',
      downloads: 1_000,
    }));
    const copy = await startClickHouse({ rows });
    onTestFinished(() => copy.close());
    const folder = tempFolder();
    put('tracked.yaml', 'service: {output_dir: o, source: clickhouse}\npackages: [alpha]\n')(folder);
    const run = (now: string, env: Record<string, string> = { CLICKHOUSE_URL: copy.url }) =>
      runMain(folder, ['doctor'], { env, now: () => new Date(now) });
    const well = await run('2026-04-25T04:12:00Z');
    expect(well.exitCode).toBe(0);
    expect(well.stdout).toContain(`ok    clickhouse     can be read: clickhouse, pypi.pypi at ${copy.url}\n`);
    expect(well.stdout).toContain('ok    days           its newest day is 2026-04-24\n');
    const late = await run('2026-04-28T04:12:00Z');
    expect(late.stdout).toContain('note  days           its newest day is 2026-04-24; windows end there\n');
    const gone = await run('2026-06-28T04:12:00Z');
    expect(gone.stdout).toContain(
      'note  days           it has none of the last 14 days; windows end there\n',
    );
    const broken = await run('2026-04-25T04:12:00Z', { CLICKHOUSE_URL: 'http://127.0.0.1:1' });
    expect(broken.exitCode).toBe(1);
    expect(broken.stdout).toMatch(/^FAIL {2}clickhouse {5}ClickHouse cannot be reached/m);
  });
});

describe('doctor, before BigQuery,', () => {
  const login = { type: 'authorized_user', client_id: 'i', client_secret: 's', refresh_token: 'r' };

  async function signedIn(options: GoogleOptions, manner: ProxyManner = 'open', now = () => new Date()) {
    const google = await GoogleServer.start(options);
    const proxy = await ProxyServer.start(google, manner);
    onTestFinished(async () => {
      await google.close();
      await proxy.close();
    });
    const project = await bigQueryProject(['alpha']);
    project.put('key.json', JSON.stringify(login));
    const env = { HTTPS_PROXY: proxy.host };
    return (await runMain(project.folder, ['doctor'], { env, now })).stdout;
  }

  it('signs in through the proxy', async () => {
    const stdout = await signedIn({});
    expect(stdout).toMatch(/^ok {4}credentials .*key.json \(your own account, project my-project\)$/m);
    expect(stdout).toMatch(/^ok {4}permission .*may be queried/m);
  });

  it.each([
    [
      'a refused login',
      { answers: { token: { status: 400, body: { error: 'invalid_grant' } } } },
      'open' as const,
      /^FAIL {2}sign-in {8}sign-in: Google refused the login; log in again/m,
    ],
    [
      'a proxy that wants a password',
      {},
      407,
      /^FAIL {2}proxy {10}proxy: 127\.0\.0\.1:\d+ wants a user name/m,
    ],
    [
      'a clock that is off, once',
      { date: new Date(Date.now() - 86_400_000) },
      'open' as const,
      /^FAIL {2}clock {10}it is 86\d\d\d s ahead of Google's/m,
    ],
  ])('tells %s', async (_, options, manner, says) => {
    const stdout = await signedIn(options, manner);
    expect(stdout).toMatch(says);
    expect(stdout.match(/^FAIL/gm)).toHaveLength(1);
  });

  it('tells a proxy that cannot be one', async () => {
    const project = await bigQueryProject(['alpha']);
    project.put('key.json', JSON.stringify(login));
    const env = { HTTPS_PROXY: 'socks5://127.0.0.1:1080' };
    const { stdout } = await runMain(project.folder, ['doctor'], { env });
    expect(stdout).toMatch(/^FAIL {2}proxy {10}proxy: HTTPS_PROXY begins with socks5:/m);
  });
});
