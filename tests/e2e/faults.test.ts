import { describe, expect, it, onTestFinished } from 'vitest';
import { aprilRows, type BigQueryProject, bigQueryProject, SECRET } from '../support/bigquery-project.ts';
import type { ServerOptions, Trouble } from '../support/bigquery-server.ts';
import { runCommand } from '../support/command.ts';
import { type GoogleOptions, GoogleServer, ProxyServer, TEST_CA } from '../support/google-server.ts';
import { keyFile, rsaPem } from '../support/secrets.ts';

/*
 * Each kind of consequence once, through the built command. Which fault has which is told by the tests of
 * `sources/bigquery/`, which need no process for each.
 */

const PACKAGES = ['alpha', 'broken', 'gamma'];
const COLLECT = ['collect', '--as-of', '2026-04-25'];
const hero = (name: string) => `output/${name}/downloads-7d-non-ci.json`;
const OLD = '{"old": "badge"}\n';

/** What must hold after any run: nothing secret, no stack trace, no warning of Node's, log lines as JSON. */
function expectCalm(project: BigQueryProject, { stdout, stderr }: { stdout: string; stderr: string }) {
  const { 'key.json': _, ...files } = project.files();
  for (const text of [stdout, stderr, ...Object.values(files)]) {
    expect(text).not.toContain(SECRET);
    expect(text).not.toMatch(/-----BEGIN|ya29\.|token-\d|hush/);
    expect(text).not.toMatch(/^\s+at .*[:(]\d+/m);
    expect(text).not.toMatch(/\(node:\d+\)|Warning:|[Uu]nhandled|[Uu]nexpected fault/);
  }
  for (const [path, text] of Object.entries(files)) {
    if (!path.startsWith('output/') || path.endsWith('_health.json')) continue;
    expect(text, path).not.toMatch(/my-project|127\.0\.0\.1|key\.json|\[job|googleapis|iam\./);
    expect(text, path).not.toContain(project.folder);
  }
  for (const line of stderr.trimEnd().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
  expect(Object.keys(files).filter((path) => /\.(tmp|lock)/.test(path))).toEqual([]);
}

async function run(options: ServerOptions, bigquery = '') {
  const project = await bigQueryProject(PACKAGES, options, { bigquery });
  project.put(hero('broken'), OLD);
  const result = await runCommand(project.folder, COLLECT, { env: project.env });
  expectCalm(project, result);
  return { ...result, ...project };
}

const on = (fault: Trouble['fault'], rest: Partial<Trouble> = {}): Trouble => ({
  on: 'insert',
  package: 'broken',
  fault,
  ...rest,
});
const leaky = `no -----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY----- for Bearer ya29.abc`;

function spent(project: Pick<BigQueryProject, 'read'>): number | undefined {
  const { months } = JSON.parse(project.read('state/spend.json'));
  return Object.values(months as Record<string, { bytes_billed: number }>)[0]?.bytes_billed;
}

it('what passes leaves no trace: exit 0, right badges, billed once', async () => {
  const trouble = [
    on('reset', { times: 1 }),
    on({ status: 502, answer: `<html>${SECRET}</html>` }, { times: 1 }),
    on({ status: 403, reason: 'rateLimitExceeded' }, { package: 'alpha', times: 1 }),
    on('lost', { package: 'alpha', times: 1 }),
    on({ jobFails: { reason: 'backendError', message: leaky } }, { package: 'gamma', times: 1 }),
    on('cut', { on: 'results', page: 1, times: 1 }),
    on('trickle', { on: 'results', package: 'alpha', times: 1 }),
  ];
  const { exitCode, read, health, server } = await run({ trouble, pageRows: 5 });
  expect(exitCode).toBe(0);
  for (const name of PACKAGES) expect(JSON.parse(read(hero(name))).message).toBe('7');
  expect(Object.values(health().packages).map(({ count }) => count)).toEqual([7, 7, 7]);
  expect(spent({ read })).toBe(server.bytesBilled);
});

describe('of a fault of one package its badge stays, the others are right, and what it billed counts:', () => {
  const lasting: [string, Trouble, string, RegExp, string?][] = [
    [
      'a page that fails half-way',
      on({ status: 400, reason: 'odd', message: leaky }, { on: 'results', page: 1 }),
      'source-failed',
      /^BigQuery: the request failed; .* \(BigQuery said: no \[removed\].*\[job pypi-badges_[0-9a-f-]{36}\]$/,
    ],
    [
      'a job that never finishes',
      on({ looks: 1e9 }),
      'timeout',
      /^BigQuery: the query took longer than 4 seconds and was cancelled.*\[job pypi-badges_[0-9a-f-]{36}\]$/,
      '  query_timeout_seconds: 4\n',
    ],
  ];
  it.each(lasting)('%s', async (_, trouble, code, text, bigquery) => {
    const { exitCode, read, health, stdout, server } = await run(
      { trouble: [trouble], pageRows: 5 },
      bigquery,
    );
    expect(exitCode).toBe(1);
    expect(read(hero('broken'))).toBe(OLD);
    const { broken, alpha, gamma } = health().packages;
    expect(broken).toMatchObject({ error_code: code, error: expect.stringMatching(text) });
    expect([alpha?.['count'], gamma?.['count']]).toEqual([7, 7]);
    expect(stdout).toContain('broken: ');
    expect(spent({ read })).toBe(server.bytesBilled);
  });
});

describe('what every package would meet ends the querying', () => {
  it('in mid-run', async () => {
    const fault = { status: 403, reason: 'accessDenied', message: 'Access Denied: bigquery.jobs.create' };
    const { exitCode, health, server, read } = await run({ trouble: [on(fault)] });
    expect(exitCode).toBe(1);
    const { alpha, broken, gamma } = health().packages;
    expect(alpha?.['count']).toBe(7);
    expect(broken?.['error']).toMatch(/^BigQuery: permission denied; grant/);
    expect(gamma?.['error']).toBe(`not attempted: ${broken?.['error']}`);
    expect(server.calls.some((call) => call.package === 'gamma')).toBe(false);
    expect(read(hero('broken'))).toBe(OLD);
  });

  it('and is told once for all that it kept from being tried', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `package-${index}`);
    const trouble: Trouble[] = [
      { on: 'insert', fault: { status: 401, reason: 'authError', message: leaky } },
    ];
    const project = await bigQueryProject(names, { trouble });
    const result = await runCommand(project.folder, COLLECT, { env: project.env });
    expectCalm(project, result);
    expect(result.exitCode).toBe(1);
    expect(project.server.calls).toHaveLength(1);
    const cause = 'not attempted: BigQuery: Google refused the credentials';
    expect(result.stdout).toContain(`\n50 packages: ${cause}`);
    const errors = result.stderr.split('\n').filter((line) => line.includes('"level":"error"'));
    const told = (about: object, who: string) =>
      expect.objectContaining({
        ...about,
        error_code: 'credentials-refused',
        msg: expect.stringContaining(`${who}: ${cause}`),
      });
    expect(errors.map((line) => JSON.parse(line))).toEqual([
      ...names.slice(0, 3).map((name) => told({ package: name }, name)),
      told({ packages: 47 }, '47 more packages'),
    ]);
  });

  it('before anything is asked', async () => {
    const project = await bigQueryProject(PACKAGES);
    const config = project.read('tracked.yaml').replace('  credential_file: key.json\n', '');
    project.put('tracked.yaml', config);
    const env = { METADATA_SERVER_DETECTION: 'none' };
    const result = await runCommand(project.folder, COLLECT, { env });
    expectCalm(project, result);
    expect(result.exitCode).toBe(1);
    expect(project.health().packages['alpha']?.['error']).toBe(
      'not attempted: sign-in: there are no Google credentials; count from ClickHouse, which needs none (service.source: clickhouse in tracked.yaml), or set service.credential_file, or run: gcloud auth application-default login',
    );
  });

  it('for good credentials that stay secret, however much is logged', async () => {
    const project = await bigQueryProject(PACKAGES, {}, { bigquery: '  query_timeout_seconds: 2\n' });
    const pem = rsaPem();
    project.put('key.json', keyFile(pem));
    const env = { HTTPS_PROXY: `http://user:hush@127.0.0.1:1`, DEBUG: '*', LOG_LEVEL: 'trace' };
    const result = await runCommand(project.folder, COLLECT, { env });
    expect(result.exitCode).toBe(1);
    expect(project.health().packages['gamma']).toMatchObject({
      error_code: 'proxy-unreachable',
      error: expect.stringMatching(
        /^not attempted: proxy: 127\.0\.0\.1:\d+ cannot be reached; check the address/,
      ),
    });
    const { 'key.json': _, ...files } = project.files();
    const [, line = ''] = pem.split('\n');
    for (const text of [result.stdout, result.stderr, ...Object.values(files)]) {
      expect(text).not.toContain(line);
      expect(text).not.toContain('hush');
      expect(text).not.toMatch(/^\s+at .*[:(]\d+/m);
    }
  });
});

describe('workload identity federation, from end to end,', () => {
  async function federated(acting: boolean, google: GoogleOptions) {
    const server = await GoogleServer.start({ bigQuery: { rows: aprilRows(PACKAGES) }, ...google });
    const proxy = await ProxyServer.start(server);
    onTestFinished(async () => {
      await server.close();
      await proxy.close();
    });
    const project = await bigQueryProject(PACKAGES);
    project.put('hush-token', 'hush-oidc');
    const url = `http://${server.host}/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken`;
    const credentials = {
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `http://${server.host}/v1/token`,
      credential_source: { file: `${project.folder}/hush-token` },
      ...(acting ? { service_account_impersonation_url: url } : {}),
    };
    project.put('key.json', JSON.stringify(credentials));
    const env = { HTTPS_PROXY: proxy.host, NODE_EXTRA_CA_CERTS: TEST_CA };
    const result = await runCommand(project.folder, COLLECT, { env });
    return { ...result, project, google: server };
  }

  it.each([
    ['direct', false, ['sts']],
    ['as a service account', true, ['sts', 'iam']],
  ])('%s: works, and gets a new token when one runs out', async (_, acting, asked) => {
    const { exitCode, google, project } = await federated(acting, { expiresIn: 60 });
    expect(exitCode).toBe(0);
    for (const name of PACKAGES) expect(JSON.parse(project.read(hero(name))).message).toBe('7');
    expect(google.exchange.get('subject_token')).toBe('hush-oidc');
    expect(new Set(google.asked)).toEqual(new Set([...asked, 'bigquery']));
    expect(new Set(google.tokens).size).toBeGreaterThan(PACKAGES.length);
  });

  it('that is refused: once, with the step and the remedy, and not in public', async () => {
    const body = { error: { code: 403, message: "Permission 'iam.serviceAccounts.getAccessToken' denied" } };
    const { project, google, ...result } = await federated(true, { answers: { iam: { status: 403, body } } });
    expect(result.exitCode).toBe(1);
    expect(google.asked).toEqual(['sts', 'iam']);
    const { 'hush-token': _, ...files } = project.files();
    expectCalm({ ...project, files: () => files }, result);
    expect(result.stdout).toMatch(/not attempted: sign-in: the federated identity may not act/);
    expect(project.read('output/index.html')).toContain('Google refused the collector&#39;s credentials');
  });
});
