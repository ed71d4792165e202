import { generateKeyPairSync } from 'node:crypto';
import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type BigQueryProject, bigQueryProject, SECRET } from '../support/bigquery-project.ts';
import { BigQueryServer, type ServerOptions, type Trouble } from '../support/bigquery-server.ts';
import { runCommand } from '../support/command.ts';

const PACKAGES = ['alpha', 'broken', 'gamma'];
const COLLECT = ['collect', '--as-of', '2026-04-25'];
const hero = (name: string) => `output/${name}/downloads-7d-non-ci.json`;
const OLD = '{"old": "badge"}\n';

/** What must hold after any run: nothing secret, no stack trace, no warning of Node's, log lines as JSON. */
function expectCalm(project: BigQueryProject, { stdout, stderr }: { stdout: string; stderr: string }) {
  const { 'key.json': _, ...files } = project.files();
  for (const text of [stdout, stderr, ...Object.values(files)]) {
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain('ya29.');
    expect(text).not.toMatch(/-----BEGIN|Bearer/);
    expect(text).not.toMatch(/^\s+at .*[:(]\d+/m);
    expect(text).not.toMatch(/\(node:\d+\)|Warning:|[Uu]nhandled|[Uu]nexpected fault/);
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
const leaky = `no -----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY----- for Bearer ya29.abc ${SECRET}${SECRET}`;

describe('a fault that passes', () => {
  const passing: [string, Trouble][] = [
    ['a reset connection', on('reset', { times: 1 })],
    ['429', on({ status: 429, reason: 'rateLimitExceeded' }, { times: 2 })],
    ['500', on({ status: 500, reason: 'internalError' }, { times: 1 })],
    ['502 with a web page', on({ status: 502, answer: `<html>${SECRET}</html>` }, { times: 1 })],
    ['503', on({ status: 503 }, { on: 'results', times: 1 })],
    ['rateLimitExceeded', on({ status: 403, reason: 'rateLimitExceeded' }, { times: 1 })],
    ['backendError of the job', on({ jobFails: { reason: 'backendError', message: 'oops' } }, { times: 1 })],
    ['an insert whose answer is lost', on('lost', { times: 1 })],
    ['a page that is cut off', on('cut', { on: 'results', page: 1, times: 1 })],
    ['an answer that trickles in', on('trickle', { on: 'results', times: 1 })],
    ['a 200 that is no JSON', on({ answer: '' }, { times: 1 })],
  ];
  it.each(passing)('%s leaves no trace: exit 0, right badges, billed once', async (_, trouble) => {
    const { exitCode, read, health, server } = await run({ trouble: [trouble], pageRows: 5 });
    expect(exitCode).toBe(0);
    for (const name of PACKAGES) expect(JSON.parse(read(hero(name))).message).toBe('7');
    expect(Object.values(health().packages).map(({ count }) => count)).toEqual([7, 7, 7]);
    const spend = JSON.parse(read('state/spend.json'));
    const spent = Object.values(spend.months as Record<string, { bytes_billed: number }>)[0]?.bytes_billed;
    expect(spent).toBe(server.bytesBilled);
  });
});

describe('a fault of one package', () => {
  const lasting: [string, Trouble, RegExp, string?][] = [
    [
      '500 without end',
      on({ status: 500, reason: 'backendError' }),
      /^BigQuery is in trouble; run again later/,
    ],
    [
      'rate limits without end',
      on({ status: 429, reason: 'rateLimitExceeded' }),
      /lower service.concurrency/,
    ],
    [
      'a job that fails each time',
      on({ jobFails: { reason: 'backendError', message: leaky } }),
      /^the job failed inside BigQuery each time/,
    ],
    [
      'resets without end',
      on('reset', { on: 'results' }),
      /^the connection to BigQuery broke again and again/,
    ],
    [
      'a page that fails half-way',
      on({ status: 400, reason: 'odd', message: leaky }, { on: 'results', page: 1 }),
      /^BigQuery failed: no \[removed\]/,
    ],
    [
      'a count past 2^53',
      on(
        {
          change: (body) => ({
            ...body,
            rows: [{ f: ['2026-04-20', null, null, null, 'false', '9007199254740993'].map((v) => ({ v })) }],
            totalRows: '1',
            pageToken: undefined,
          }),
        },
        { on: 'results' },
      ),
      /download_count holds "9007199254740993"/,
    ],
    [
      'an unknown column type',
      on(
        { change: (body) => ({ ...body, schema: { fields: [{ name: 'x', type: 'JSON' }] } }) },
        { on: 'results' },
      ),
      /^unexpected answer: its columns are x JSON/,
    ],
    [
      'a job that never finishes',
      on({ looks: 1e9 }),
      /^the query took longer than 1 seconds and was cancelled/,
      '  query_timeout_seconds: 1\n',
    ],
    [
      'a server that never answers',
      on('silence', { on: 'results' }),
      /^the query took longer than 1 seconds/,
      '  query_timeout_seconds: 1\n',
    ],
    [
      'somebody cancels',
      on({ jobFails: { reason: 'stopped', message: 'Job execution was cancelled' } }),
      /^somebody else cancelled the job/,
    ],
  ];
  it.each(lasting)(
    '%s: exit 1, its badge stays, the others are right',
    async (_, trouble, text, bigquery) => {
      const { exitCode, read, health, stdout } = await run({ trouble: [trouble], pageRows: 5 }, bigquery);
      expect(exitCode).toBe(1);
      expect(read(hero('broken'))).toBe(OLD);
      const { broken, alpha, gamma } = health().packages;
      expect(broken?.['error']).toMatch(text);
      expect(broken?.['error']).toMatch(/\[job pypi-badges_[0-9a-f-]{36}\]$/);
      expect([alpha?.['count'], gamma?.['count']]).toEqual([7, 7]);
      expect(stdout).toContain('broken: ');
    },
  );

  it('is billed to it all the same', async () => {
    const trouble = [on({ status: 400, reason: 'odd' }, { on: 'results', page: 1 })];
    const { read, server } = await run({ trouble, pageRows: 5 });
    const spend = JSON.parse(read('state/spend.json'));
    const [spent] = Object.values(spend.months as Record<string, { bytes_billed: number }>);
    expect(spent?.bytes_billed).toBe(server.bytesBilled);
  });
});

describe('a fault that every package would meet', () => {
  const common: [string, Trouble['fault'], RegExp][] = [
    [
      'refused credentials',
      { status: 401, reason: 'authError', message: leaky },
      /^Google refused the credentials/,
    ],
    [
      'no permission',
      { status: 403, reason: 'accessDenied', message: 'Access Denied: bigquery.jobs.create' },
      /^permission denied; grant/,
    ],
    [
      'an API that is not enabled',
      { status: 403, reason: 'accessNotConfigured' },
      /gcloud services enable bigquery/,
    ],
    [
      'a free quota that is used up',
      {
        status: 403,
        reason: 'quotaExceeded',
        message: 'Your project exceeded quota for free query bytes scanned',
      },
      /^the free tier of this month/,
    ],
    ['a table that does not exist', { status: 404, reason: 'notFound' }, /^not found; check bigquery.table/],
    [
      'SQL that is not understood',
      { status: 400, reason: 'invalidQuery' },
      /^BigQuery does not understand the query/,
    ],
  ];
  it.each(common)('%s ends the querying', async (_, fault, text) => {
    const { exitCode, health, server, read } = await run({ trouble: [on(fault)] });
    expect(exitCode).toBe(1);
    const { alpha, broken, gamma } = health().packages;
    expect(alpha?.['count']).toBe(7);
    expect(broken?.['error']).toMatch(text);
    expect(gamma?.['error']).toBe(`not attempted: ${broken?.['error']}`);
    expect(server.calls.some((call) => call.package === 'gamma')).toBe(false);
    expect(read(hero('broken'))).toBe(OLD);
  });

  it('is told once for all that it kept from being tried', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `package-${index}`);
    const trouble: Trouble[] = [{ on: 'insert', fault: { status: 401, reason: 'authError' } }];
    const project = await bigQueryProject(names, { trouble });
    const result = await runCommand(project.folder, COLLECT, { env: project.env });
    expectCalm(project, result);
    expect(result.exitCode).toBe(1);
    expect(project.server.calls).toHaveLength(1);
    expect(result.stdout).toMatch(/^50 packages: not attempted: Google refused the credentials/m);
  });

  it('is a network that is gone', async () => {
    const project = await bigQueryProject(PACKAGES);
    const closed = await BigQueryServer.start();
    const { host } = closed;
    await closed.close();
    const result = await runCommand(project.folder, COLLECT, { env: { BIGQUERY_EMULATOR_HOST: host } });
    expectCalm(project, result);
    expect(result.exitCode).toBe(1);
    expect(project.health().packages['alpha']?.['error']).toMatch(
      /^not attempted: BigQuery cannot be reached; check the network/,
    );
  });
});

describe('credentials', () => {
  const broken: [string, string | undefined, RegExp][] = [
    ['a missing key file', undefined, /key.json: there is no such file/],
    ['a key file that is no JSON', SECRET, /key.json: it is not JSON/],
    ['a key file of another kind', '{"name": "x"}', /it has no "type"/],
    ['a key without a key', '{"type": "service_account"}', /it lacks client_email and private_key/],
    [
      'a damaged key',
      JSON.stringify({
        type: 'service_account',
        client_email: 'a@b',
        private_key: `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----\n`,
      }),
      /its private key is damaged/,
    ],
    [
      'a login that lacks its token',
      '{"type": "authorized_user", "client_id": "x", "client_secret": "y"}',
      /it lacks refresh_token/,
    ],
  ];
  it.each(broken)('%s is told apart, fast and without a request', async (_, content, text) => {
    const project = await bigQueryProject(PACKAGES);
    if (content === undefined) rmSync(`${project.folder}/key.json`);
    else project.put('key.json', content);
    const started = Date.now();
    const result = await runCommand(project.folder, COLLECT);
    expect(Date.now() - started).toBeLessThan(5_000);
    expectCalm(project, result);
    expect(result.exitCode).toBe(1);
    expect(project.health().packages['gamma']?.['error']).toMatch(text);
  });

  it('that are good stay secret when Google cannot be reached', async () => {
    const closed = await BigQueryServer.start();
    const { host } = closed;
    await closed.close();
    const project = await bigQueryProject(PACKAGES, {}, { bigquery: '  query_timeout_seconds: 2\n' });
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const private_key = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const key = { type: 'service_account', client_email: 'a@b.iam.gserviceaccount.com', private_key };
    project.put('key.json', JSON.stringify(key));
    const started = Date.now();
    const env = { HTTPS_PROXY: `http://${host}`, DEBUG: '*', LOG_LEVEL: 'trace' };
    const result = await runCommand(project.folder, COLLECT, { env });
    expect(Date.now() - started).toBeLessThan(6_000);
    expect(result.exitCode).toBe(1);
    expect(project.health().packages['gamma']?.['error']).toMatch(
      /^not attempted: BigQuery cannot be reached; check the network, DNS and any proxy/,
    );
    const { 'key.json': _, ...files } = project.files();
    const [, line = ''] = private_key.split('\n');
    for (const text of [result.stdout, result.stderr, ...Object.values(files)]) {
      expect(text).not.toContain(line);
      expect(text).not.toMatch(/^\s+at .*[:(]\d+/m);
    }
  });

  it('that are nowhere are told at once, without a search on the network', async () => {
    const project = await bigQueryProject(PACKAGES);
    const config = project.read('tracked.yaml').replace('  credential_file: key.json\n', '');
    project.put('tracked.yaml', config);
    const started = Date.now();
    const env = { METADATA_SERVER_DETECTION: 'none' };
    const result = await runCommand(project.folder, COLLECT, { env });
    expect(Date.now() - started).toBeLessThan(3_000);
    expectCalm(project, result);
    expect(result.exitCode).toBe(1);
    expect(project.health().packages['alpha']?.['error']).toBe(
      'not attempted: there are no Google credentials; set service.credential_file in tracked.yaml, or run: gcloud auth application-default login',
    );
  });
});
