import { expect, it, onTestFinished } from 'vitest';
import { aprilRows, bigQueryProject, SECRET } from '../support/bigquery-project.ts';
import { expectCalm } from '../support/calm.ts';
import { runCommand } from '../support/command.ts';
import { startGoogle, startProxy, TEST_CA } from '../support/google-server.ts';
import { keyFile, leakOf, material, RSA_PEM as PEM, pieces, randomText } from '../support/secrets.ts';

const PACKAGES = ['alpha', 'broken', 'gamma'];
const COLLECT = ['collect', '--as-of', '2026-04-25'];
const FILE = keyFile(PEM);
const KEY = { kind: 'a key', text: FILE, fragments: pieces(material(PEM)) };
const PASSWORD = randomText(12);

it('what passes leaves no trace: exit 0, right badges, billed once', async () => {
  const leaky = `no -----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY----- for Bearer ya29.abc`;
  const once = { on: 'insert', times: 1 } as const;
  const project = await bigQueryProject(PACKAGES, {
    trouble: [
      { ...once, package: 'broken', fault: 'reset' },
      { ...once, package: 'broken', fault: { status: 502, body: `<html>${SECRET}</html>` } },
      { ...once, package: 'alpha', fault: { status: 403, reason: 'rateLimitExceeded' } },
      { ...once, package: 'alpha', fault: 'lost' },
      { ...once, package: 'gamma', fault: { jobFails: { reason: 'backendError', message: leaky } } },
      { ...once, on: 'results', package: 'broken', page: 1, fault: 'broken' },
      { ...once, on: 'results', package: 'alpha', fault: 'trickle' },
    ],
    pageRows: 5,
  });
  const result = await runCommand(project.folder, COLLECT, { env: project.env });
  expectCalm(project, result);
  expect(result.exitCode).toBe(0);
  for (const name of PACKAGES) expect(project.message(name, 'downloads-7d')).toBe('7');
  const [month] = Object.values<{ bytes_billed: number }>(
    JSON.parse(project.read('state/spend.json')).months,
  );
  expect(month?.bytes_billed).toBe(project.server.bytesBilled);
});

it('a federated identity that acts as a service account signs in by the bundle, too', async () => {
  const server = await startGoogle({ bigQuery: { rows: aprilRows(PACKAGES) } });
  const proxy = await startProxy(server);
  onTestFinished(async () => void (await Promise.all([server.close(), proxy.close()])));
  const project = await bigQueryProject(PACKAGES);
  project.put('hush-token', 'hush-oidc');
  const account = 'v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken';
  const credentials = {
    type: 'external_account',
    audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: `http://${server.host}/v1/token`,
    credential_source: { file: `${project.folder}/hush-token` },
    service_account_impersonation_url: `http://${server.host}/${account}`,
  };
  project.put('key.json', JSON.stringify(credentials));
  const env = { HTTPS_PROXY: proxy.host, NODE_EXTRA_CA_CERTS: TEST_CA };
  const result = await runCommand(project.folder, COLLECT, { env });
  expectCalm(project, result);
  expect(result.exitCode).toBe(0);
  for (const name of PACKAGES) expect(project.message(name, 'downloads-7d')).toBe('7');
  expect(new Set(server.asked)).toEqual(new Set(['sts', 'iam', 'bigquery']));
});

it('good credentials and the password of a proxy stay secret, however much is logged', async () => {
  const project = await bigQueryProject(PACKAGES, {}, { source: 'query_timeout_seconds: 1' });
  project.put('key.json', FILE);
  const env = { HTTPS_PROXY: `http://me:${PASSWORD}@127.0.0.1:1`, LOG_LEVEL: 'trace', DEBUG: '*' };
  const noisy = { ...env, NODE_DEBUG: 'http,https,tls', GOOGLE_SDK_NODE_LOGGING: '*' };
  for (const name of ['collect', 'doctor']) {
    const { exitCode, stdout, stderr } = await runCommand(project.folder, [name], { env: noisy });
    expect(exitCode).toBe(1);
    const { 'key.json': _, ...files } = project.files();
    for (const text of [stdout, stderr, ...Object.values(files)]) {
      expect(text).not.toContain(PASSWORD);
      expect(text).not.toContain(Buffer.from(`me:${PASSWORD}`).toString('base64'));
      expect(leakOf(KEY, text)).toBeUndefined();
      expect(text).not.toMatch(/^\s+at .*[:(]\d+/m);
    }
  }
  expect(project.entry('gamma').error).toMatch(/^not attempted: proxy: 127\.0\.0\.1:1 /);
});
