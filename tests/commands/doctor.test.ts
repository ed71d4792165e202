import { symlinkSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { main } from '../../src/program.ts';
import { type BigQueryProject, bigQueryProject } from '../support/bigquery-project.ts';
import type { ServerOptions } from '../support/bigquery-server.ts';
import { capture } from '../support/context.ts';
import { type GoogleOptions, GoogleServer, type ProxyManner, ProxyServer } from '../support/google-server.ts';
import { clickHouseProject, localProject } from '../support/project.ts';

const NOW = new Date('2026-04-25T04:12:00.000Z');

async function doctor(options: ServerOptions = {}, prepare: (project: BigQueryProject) => void = () => {}) {
  const project = await bigQueryProject(['alpha', 'beta'], { date: NOW, ...options });
  prepare(project);
  const before = project.files();
  const result = await project.run('doctor');
  expect(project.files()).toEqual(before);
  return { ...result, lines: result.stdout.trimEnd().split('\n'), project };
}

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

  const denied = { status: 403, reason: 'accessDenied', message: 'Access Denied: Project p' };
  const badges =
    (...entries: object[]) =>
    (project: BigQueryProject) => {
      const packages = Object.fromEntries(entries.map((entry, index) => [['alpha', 'beta'][index], entry]));
      project.put('output/_health.json', JSON.stringify({ packages }));
    };
  const fresh = {
    window_days: 7,
    count: 7,
    windows: [],
    counted_to: '2026-04-24',
    last_success: '2026-04-25T01:12:00.000Z',
  };

  it.each<[string, RegExp, number, ServerOptions, ((project: BigQueryProject) => void)?]>([
    [
      'how to get the permission',
      /^FAIL {2}permission {5}BigQuery: permission denied; grant .*roles\/bigquery.jobUser/,
      1,
      { trouble: [{ on: 'dryRun', fault: denied }] },
    ],
    [
      'what it means when the rows of days are refused',
      /^note {2}days {11}BigQuery: permission denied.*; the two newest days are read again/,
      0,
      { trouble: [{ on: 'dryRun', revisions: true, fault: denied }] },
    ],
    [
      'of a fault of the service that it is no refusal',
      /^FAIL {2}permission .*Google refused the credentials/,
      1,
      { trouble: [{ on: 'dryRun', revisions: true, fault: { status: 401, reason: 'authError' } }] },
    ],
    [
      'that the clock is behind',
      /^FAIL {2}clock {10}it is 120 s behind Google's, and Google refuses such credentials; run: timedatectl/,
      1,
      { date: new Date('2026-04-25T04:14:00Z') },
    ],
    [
      'that it is ahead',
      /^FAIL {2}clock {10}it is 120 s ahead of/,
      1,
      { date: new Date('2026-04-25T04:10:00Z') },
    ],
    [
      'that it is near',
      /^ok {4}clock {10}30 s behind Google's/,
      0,
      { date: new Date('2026-04-25T04:12:30Z') },
    ],
    [
      'of a file in the way of the output folder',
      /^FAIL {2}output_dir.*output: a file stands where a folder should be/,
      1,
      {},
      ({ put }) => put('output', ''),
    ],
    [
      'of a link to nowhere',
      /^FAIL {2}output_dir.*output: this is a link that leads nowhere/,
      1,
      {},
      ({ output }) => symlinkSync('gone', output),
    ],
    [
      'of a file in the way of a package',
      /^FAIL {2}output_dir.*alpha: a file stands where a folder should be/,
      1,
      {},
      ({ put }) => put('output/alpha', ''),
    ],
    [
      'of a folder in the way of a table',
      /^FAIL {2}output_dir.*months.csv: a folder stands/,
      1,
      {},
      ({ put }) => put('output/alpha/months.csv/a', ''),
    ],
    [
      'of a folder that it can be written to',
      /^ok {4}state_dir .*state is writable$/,
      0,
      {},
      ({ put }) => put('state/keep', ''),
    ],
    [
      'how old the badges are',
      /^ok {4}last success .* 3 hours ago, for every package$/,
      0,
      {},
      badges(fresh, fresh),
    ],
    [
      'which are stale by their days',
      /^FAIL {2}last success .*not well: beta \(stale\); see: pypi-badges status$/,
      1,
      {},
      badges(fresh, { ...fresh, counted_to: '2026-04-20' }),
    ],
    [
      'which are unwell',
      /^FAIL {2}last success .*not well: alpha \(failed\), beta \(new\); see: pypi-badges status$/,
      1,
      {},
      badges({ ...fresh, error: 'x' }),
    ],
    [
      'that there is no health file',
      /^FAIL {2}last success .*_health.json is not a health file/,
      1,
      {},
      ({ put }) => put('output/_health.json', '[]'),
    ],
    [
      'that a folder is in the place of it',
      /^FAIL {2}last success .*_health.json: a folder stands where a file should be/,
      1,
      {},
      ({ put }) => put('output/_health.json/x', ''),
    ],
  ])('says %s', async (_, says, code, options, prepare) => {
    const { exitCode, lines } = await doctor(options, prepare);
    expect([exitCode, lines]).toEqual([code, expect.arrayContaining([expect.stringMatching(says)])]);
  });

  it('names the first three packages that are unwell', async () => {
    const { run, put } = await bigQueryProject(['a', 'b', 'c', 'd', 'e'], { date: NOW });
    put('output/_health.json', '{"packages": {}}');
    expect((await run('doctor')).stdout).toMatch(/not well: a \(new\), b \(new\), c \(new\) and 2 more;/);
  });

  it.each([
    ['20.18.1', 'FAIL'],
    ['18.20.0', 'FAIL'],
    ['20.19.0', 'ok  '],
    ['24.0.0', 'ok  '],
  ])('says of Node.js %s: %s', async (nodeVersion, state) => {
    const captured = capture(localProject(['alpha'], []).folder);
    await main(['doctor'], '1.2.3', { ...captured.context, nodeVersion });
    expect(captured.stdout().slice(0, 4)).toBe(state);
  });

  it('reads the files of a duckdb source', async () => {
    const { run, put } = localProject(['alpha'], []);
    put('rows.ndjson', '{"cut');
    const stdout = expect.stringMatching(/^FAIL {2}duckdb {9}.*rows.ndjson/m);
    expect(await run('doctor')).toMatchObject({ exitCode: 1, stdout });
  });

  it('asks ClickHouse for its newest day', async () => {
    const days = { start: '2026-04-22', end: '2026-04-25' };
    const { at, within, server } = await clickHouseProject(['alpha'], { days });
    const well = await at('2026-04-25', 'doctor');
    expect(well.exitCode).toBe(0);
    expect(well.stdout).toContain(
      `ok    clickhouse     can be read: clickhouse, pypi.pypi at ${server.url}\n`,
    );
    expect(well.stdout).toContain('ok    days           its newest day is 2026-04-24\n');
    const late = 'note  days           its newest day is 2026-04-24; windows end there\n';
    expect((await at('2026-04-28', 'doctor')).stdout).toContain(late);
    const gone = 'note  days           it has none of the last 14 days; windows end there\n';
    expect((await at('2026-06-28', 'doctor')).stdout).toContain(gone);
    const broken = await within({ env: { CLICKHOUSE_URL: 'http://127.0.0.1:1' } }, 'doctor');
    expect(broken.exitCode).toBe(1);
    expect(broken.stdout).toMatch(/^FAIL {2}clickhouse {5}ClickHouse cannot be reached/m);
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
    const google = await GoogleServer.start(options);
    const proxy = await ProxyServer.start(google, manner);
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

  it.each<[string, GoogleOptions, ProxyManner, RegExp]>([
    [
      'a refused login',
      { answers: { token: { status: 400, body: { error: 'invalid_grant' } } } },
      'open',
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
      'open',
      /^FAIL {2}clock {10}it is 86\d\d\d s ahead of Google's/m,
    ],
  ])('tells %s', async (_, options, manner, says) => {
    const stdout = await behind(options, manner);
    expect(stdout).toMatch(says);
    expect(stdout.match(/^FAIL/gm)).toHaveLength(1);
  });

  it.each<[string, Record<string, string>, string | object, RegExp]>([
    [
      'a proxy that cannot be one',
      { HTTPS_PROXY: 'socks5://127.0.0.1:1080' },
      login,
      /^FAIL {2}proxy {10}proxy: HTTPS_PROXY begins with socks5:/m,
    ],
    [
      'a network that is gone',
      { BIGQUERY_EMULATOR_HOST: '127.0.0.1:1' },
      login,
      /^FAIL {2}permission {5}BigQuery: the service cannot be reached; check the network/m,
    ],
    [
      'a key file that is none, without printing it',
      {},
      'as it is',
      /^FAIL {2}credentials {4}sign-in: .*key\.json cannot be used; make it again \(.*client_email/m,
    ],
  ])('tells %s', async (_, env, key, says) => {
    const stdout = await signedIn(env, key);
    expect(stdout).toMatch(says);
    expect(stdout).not.toMatch(/clock {10}|c2VjcmV0/);
  });
});
