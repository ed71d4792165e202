import { symlinkSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { main } from '../../src/program.ts';
import { type BigQueryProject, bigQueryProject } from '../support/bigquery-project.ts';
import type { ServerOptions } from '../support/bigquery-server.ts';
import { capture } from '../support/context.ts';
import { type GoogleOptions, type ProxyManner, startGoogle, startProxy } from '../support/google-server.ts';
import { clickHouseProject, localProject } from '../support/project.ts';

/** A server whose clock shows a time of the day on which commands are run. */
const at = (time: string) => ({ date: new Date(`2026-04-25T${time}Z`) });

async function doctor(options: ServerOptions = {}, prepare: (project: BigQueryProject) => void = () => {}) {
  const project = await bigQueryProject(['alpha', 'beta'], { ...at('04:12:00'), ...options });
  prepare(project);
  const before = project.files();
  const result = await project.run('doctor');
  expect(project.files()).toEqual(before);
  return { ...result, lines: result.stdout.trimEnd().split('\n'), project };
}

describe('doctor', () => {
  it('finds everything in order, for free', async () => {
    const { exitCode, lines, stderr, project } = await doctor();
    expect([exitCode, stderr]).toEqual([0, '']);
    const { folder, server } = project;
    expect(lines).toEqual([
      `ok    Node.js        ${process.versions.node}`,
      'ok    configuration  tracked.yaml is valid: 2 packages',
      `ok    output_dir     ${folder}/output will be made by the first run`,
      `ok    state_dir      ${folder}/state will be made by the first run`,
      `ok    credentials    none needed: BIGQUERY_EMULATOR_HOST leads to ${server.host} (project my-project)`,
      'ok    permission     bigquery-public-data.pypi.file_downloads may be queried (free dry run for alpha: 1001.4 MiB at most)',
      'ok    days           the table tells which days have changed',
      "ok    clock          agrees with Google's",
      'note  last success   nothing was collected yet; run: pypi-badges collect',
    ]);
    expect(server.calls.map(({ kind }) => kind)).toEqual(['dryRun', 'dryRun']);
    expect(server.bytesBilled).toBe(0);
  });

  const denied = { status: 403, reason: 'accessDenied', message: 'Access Denied: Project p' };
  const badges =
    (...entries: object[]) =>
    (project: BigQueryProject) => {
      const packages = Object.fromEntries(entries.map((entry, index) => [['alpha', 'beta'][index], entry]));
      project.put('output/_health.json', JSON.stringify({ packages }));
    };
  const counted = { window_days: 7, count: 7, windows: [], last_success: '2026-04-25T01:12:00.000Z' };
  const fresh = { ...counted, counted_to: '2026-04-24' };
  const stale = { ...counted, counted_to: '2026-04-20' };

  const onDryRun = (fault: typeof denied, revisions?: true) => ({
    trouble: [{ on: 'dryRun', fault, ...(revisions && { revisions }) } as const],
  });
  const refused = { ...denied, status: 401, reason: 'authError' };
  it.each<[RegExp, ServerOptions, ((project: BigQueryProject) => void)?]>([
    [/^FAIL {2}permission {5}BigQuery: permission denied; grant .*roles\/bigquery.jobUser/, onDryRun(denied)],
    [/^note {2}days {11}BigQuery: permission denied.*; the two newest days are/, onDryRun(denied, true)],
    [/^FAIL {2}permission .*Google refused the credentials/, onDryRun(refused, true)],
    [/^FAIL {2}clock {10}it is 120 s behind Google's, and .*; run: timedatectl/, at('04:14:00')],
    [/^FAIL {2}clock {10}it is 120 s ahead of/, at('04:10:00')],
    [/^ok {4}clock {10}30 s behind Google's/, at('04:12:30')],
    [/^FAIL {2}output_dir.*output: a file stands where a folder/, {}, ({ put }) => put('output', '')],
    [/^FAIL .*: this is a link that leads nowhere/, {}, ({ output }) => symlinkSync('gone', output)],
    [/^FAIL {2}output_dir.*alpha: a file stands where/, {}, ({ put }) => put('output/alpha', '')],
    [/^FAIL .*months.csv: a folder stands/, {}, ({ put }) => put('output/alpha/months.csv/a', '')],
    [/^ok {4}state_dir .*state is writable$/, {}, ({ put }) => put('state/keep', '')],
    [/^ok {4}last success .* 3 hours ago, for every package$/, {}, badges(fresh, fresh)],
    [/^FAIL .*not well: beta \(stale\); see: pypi-badges status$/, {}, badges(fresh, stale)],
    [/^FAIL .*not well: alpha \(failed\), beta \(new\); see/, {}, badges({ ...counted, error: 'x' })],
    [/^FAIL .*_health.json is not a health file/, {}, ({ put }) => put('output/_health.json', '[]')],
  ])('says %s', async (says, options, prepare) => {
    const { exitCode, lines } = await doctor(options, prepare);
    expect(lines).toEqual(expect.arrayContaining([expect.stringMatching(says)]));
    expect(exitCode).toBe(says.source.startsWith('^FAIL') ? 1 : 0);
  });

  it.each(Object.entries({ '20.18.1': 'FAIL', '20.19.0': 'ok  ' }))(
    'says of Node.js %s: %s',
    async (nodeVersion, state) => {
      const captured = capture(localProject(['alpha'], []).folder);
      await main(['doctor'], '1.2.3', { ...captured.context, nodeVersion });
      expect(captured.stdout().slice(0, 4)).toBe(state);
    },
  );

  it('reads the files of a duckdb source, and names the first three packages that are unwell', async () => {
    const { run, put } = localProject(['a', 'b', 'c', 'd', 'e'], []);
    put('rows.ndjson', '{"cut');
    put('output/_health.json', '{"packages": {}}');
    const says = /^FAIL {2}duckdb {9}.*rows.ndjson[\s\S]* a \(new\), b \(new\), c \(new\) and 2 more;/m;
    expect(await run('doctor')).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(says) });
  });

  it('asks ClickHouse for its newest day', async () => {
    const days = { start: '2026-04-22', end: '2026-04-25' };
    const { at, within, server } = await clickHouseProject(['alpha'], { days });
    for (const [day, ...said] of [
      ['04-25', `ok    clickhouse     can be read: clickhouse, pypi.pypi at ${server.url}`],
      ['04-25', 'ok    days           its newest day is 2026-04-24'],
      ['04-28', 'note  days           its newest day is 2026-04-24; windows end there'],
      ['06-28', 'note  days           it has none of the last 14 days; windows end there'],
    ] as const) {
      const { exitCode, stdout } = await at(`2026-${day}`, 'doctor');
      expect([exitCode, stdout.split('\n')]).toEqual([0, expect.arrayContaining(said)]);
    }
    const broken = await within({ env: { CLICKHOUSE_URL: 'http://127.0.0.1:1' } }, 'doctor');
    const stdout = expect.stringMatching(/^FAIL {2}clickhouse {5}ClickHouse cannot be reached/m);
    expect(broken).toMatchObject({ exitCode: 1, stdout });
  });
});

describe('doctor, before BigQuery,', () => {
  const login = { type: 'authorized_user', client_id: 'i', client_secret: 's', refresh_token: 'r' };

  /** The lines that are not fine, of a project with a key file and without an emulator. */
  async function signedIn(env: Record<string, string>, key: string | object = login) {
    const { put, folder } = await bigQueryProject(['alpha']);
    if (typeof key === 'object') put('key.json', JSON.stringify(key));
    const captured = capture(folder, { env, now: () => new Date() });
    await main(['doctor'], '1.2.3', captured.context);
    return captured.stdout();
  }

  async function behind(options: GoogleOptions, manner: ProxyManner) {
    const google = await startGoogle(options);
    const proxy = await startProxy(google, manner);
    onTestFinished(async () => {
      await google.close();
      await proxy.close();
    });
    return signedIn({ HTTPS_PROXY: proxy.host });
  }

  it('signs in through the proxy', async () => {
    const stdout = await behind({}, 'open');
    expect(stdout).toMatch(/^ok {4}credentials .*key.json \(your own account, project my-project\)$/m);
    expect(stdout).toMatch(/^ok {4}permission .*may be queried/m);
  });

  const revoked = { answers: { token: { status: 400, body: { error: 'invalid_grant' } } } };
  const yesterday = { date: new Date(Date.now() - 86_400_000) };
  it.each<[RegExp, GoogleOptions, ProxyManner]>([
    [/^FAIL {2}sign-in {8}sign-in: Google refused the login; log in again/m, revoked, 'open'],
    [/^FAIL {2}proxy {10}proxy: 127\.0\.0\.1:\d+ wants a user name/m, {}, 407],
    [/^FAIL {2}clock {10}it is 86\d\d\d s ahead of Google's/m, yesterday, 'open'],
  ])('tells %s once', async (says, options, manner) => {
    const stdout = await behind(options, manner);
    expect(stdout).toMatch(says);
    expect(stdout.match(/^FAIL/gm)).toHaveLength(1);
  });

  const socks = { HTTPS_PROXY: 'socks5://127.0.0.1:1080' };
  const nowhere = { BIGQUERY_EMULATOR_HOST: '127.0.0.1:1' };
  it.each<[RegExp, Record<string, string>, (string | object)?]>([
    [/^FAIL {2}proxy {10}proxy: HTTPS_PROXY begins with socks5:/m, socks],
    [/^FAIL {2}permission {5}BigQuery: the service cannot be reached/m, nowhere],
    [/^FAIL {2}credentials {4}sign-in: .*key\.json cannot be used; .* \(.*client_email/m, {}, 'as it is'],
  ])('tells %s, and nothing of the key', async (says, env, key) => {
    const stdout = await signedIn(env, key);
    expect(stdout).toMatch(says);
    expect(stdout).not.toMatch(/clock {10}|c2VjcmV0/);
  });
});
