import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ERRORS, isErrorCode } from '../../../src/errors/codes.ts';
import { aprilRows } from '../../support/bigquery-project.ts';
import {
  type Answer,
  type Asked,
  type GoogleOptions,
  type ProxyManner,
  SUBJECT_TOKEN,
  startGoogle,
  startProxy,
} from '../../support/google-server.ts';
import { listText, openProject } from '../../support/project.ts';
import { RSA_PEM as private_key } from '../../support/secrets.ts';

/*
 * What goes wrong before BigQuery answers: each case runs `collect` for three packages against servers on
 * loopback. What is said must name the step, who refused and what to do; it must be found out once for all
 * packages; and nothing of it may reach the public files but a public sentence.
 */

const PACKAGES = ['alpha', 'beta', 'gamma'];
const ACCOUNT = 'badges@acme-billing-4711.iam.gserviceaccount.com';

const KEY = { type: 'service_account', project_id: 'acme-billing-4711', client_email: ACCOUNT, private_key };
const LOGIN = { type: 'authorized_user', client_id: 'id', client_secret: 'hush', refresh_token: 'refresh' };
const impersonation = (host: string) => ({
  service_account_impersonation_url: `http://${host}/v1/projects/-/serviceAccounts/${ACCOUNT}:generateAccessToken`,
});
const federation = (host: string) => ({
  type: 'external_account',
  audience: '//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool/providers/github',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  token_url: `http://${host}/v1/token`,
  credential_source: { url: `http://${host}/subject` },
});

/** Credential files by what one signs in with; none for the metadata server. */
const CREDENTIALS = {
  key: () => KEY,
  login: () => LOGIN,
  impersonation: (host: string) => ({
    type: 'impersonated_service_account',
    ...impersonation(host),
    source_credentials: LOGIN,
  }),
  federation,
  'federation as an account': (host: string) => ({ ...federation(host), ...impersonation(host) }),
  metadata: () => undefined,
} as const;
type Kind = keyof typeof CREDENTIALS;

interface Case {
  readonly with: Kind;
  readonly google?: GoogleOptions;
  readonly proxy?: ProxyManner;
  readonly env?: Readonly<Record<string, string>>;
  /** Changes the credential file. */
  readonly file?: (fields: Record<string, unknown>, folder: string) => unknown;
  /** Keys of the section `bigquery`. */
  readonly bigquery?: string;
  /** Name and password for the proxy. */
  readonly user?: string;
}

/** The time limit passes where a server is silent, and what is waited between two tries passes at once. */
function withoutWaiting(): () => void {
  const limits: AbortController[] = [];
  vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => {
    const limit = new AbortController();
    limits.push(limit);
    return limit.signal;
  });
  const { setTimeout: later } = globalThis;
  vi.stubGlobal('setTimeout', (work: () => void, ms = 0) => later(work, ms < 1_000 || ms > 64_000 ? ms : 1));
  onTestFinished(() => {
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
    vi.unstubAllEnvs();
  });
  return () => {
    for (const limit of limits) limit.abort(new DOMException('', 'TimeoutError'));
  };
}

async function collect({ google: options = {}, proxy: manner = 'open', ...given }: Case) {
  const onSilence = withoutWaiting();
  const google = await startGoogle({ ...options, onSilence, bigQuery: { rows: aprilRows(PACKAGES) } });
  const proxy = await startProxy(google, manner);
  onTestFinished(async () => {
    await google.close();
    await proxy.close();
  });
  const fields = CREDENTIALS[given.with](google.host);
  const metadata = { GCE_METADATA_HOST: google.host };
  const HTTPS_PROXY = given.user === undefined ? proxy.host : `http://${given.user}@${proxy.host}`;
  const project = openProject({ HTTPS_PROXY, ...given.env, ...(fields === undefined && metadata) });
  const content = fields && (given.file === undefined ? fields : given.file(fields, project.folder));
  if (content) project.put('key.json', JSON.stringify(content));
  const source = given.bigquery ?? (given.with === 'key' ? 'location: US' : 'project_id: acme-billing-4711');
  const service = fields && { service: 'credential_file: key.json' };
  project.put('tracked.yaml', listText('bigquery', PACKAGES, { ...service, source }));
  // Google's library looks there, wherever it is called from.
  if (fields === undefined) vi.stubEnv('GCE_METADATA_HOST', google.host);
  const now = () => new Date();
  const result = await project.within({ now }, 'collect', '--as-of', '2026-04-25');
  type Entry = { error?: string; error_code?: string; count?: number };
  const entries = Object.values<Entry>(project.health().packages);
  return { ...result, google, proxy, project, entries };
}

/** An answer with an error of Google's APIs, of OAuth, or a page. */
const aip = (status: number, message: string, reason?: string): Answer => {
  const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason }];
  return { status, body: { error: { code: status, message, status: 'PERMISSION_DENIED', details } } };
};
const oauth = (error: string, error_description: string): Answer => ({
  status: 400,
  body: { error, error_description },
});
const page = (status: number, title: string): Answer => ({ status, body: `<title>${title}</title>` });
const says = (who: Asked, answer: Answer) => ({ google: { answers: { [who]: answer } } });
const denied = (message: string, reason?: string) => says('bigquery', aip(403, message, reason));
const changed = (change: object) => ({ file: (fields: object) => ({ ...fields, ...change }) });
const source = (credential_source: unknown) => changed({ credential_source });
const clock = (ms: number, answers = {}) => ({ google: { date: new Date(Date.now() + ms), answers } });

const GET_TOKEN = "Permission 'iam.serviceAccounts.getAccessToken' denied";
const UNIQUE = 'tMsqFVJ0Lw1Yb7u3OaXbSfdEkq9Z2rGhcN5vPx8UeWm4iKjDyRoA6-QzHt_lBgCnVsE7Xw0d';
const LINK = `https://console.cloud.google.com/security/service-perimeter/troubleshoot;uniqueId=${UNIQUE}?organizationId=4711`;
const VPC = `VPC Service Controls: Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: ${UNIQUE}.\nFor help: ${LINK}`;

const portal = { status: 200, body: 'hello', headers: { 'metadata-flavor': 'Portal' } };
const narrow = 'Request had insufficient authentication scopes.';

const SITUATIONS: Readonly<Record<string, Omit<Case, 'with'>>> = {
  'a key that was deleted': says('token', oauth('invalid_grant', 'Invalid JWT Signature.')),
  'a disabled account': says('token', oauth('invalid_grant', 'Account has been disabled')),
  'a damaged key': changed({ private_key: private_key.replaceAll('M', 'x') }),
  'a silent token endpoint': says('token', 'silence'),
  'a clock a year ahead': clock(-365 * 86_400_000),
  'a key that is refused as the clock is behind': clock(600_000, { token: oauth('invalid_grant', 'iat') }),
  'a certificate of another time': { google: { certificate: 'expired' } },
  'a login that has expired': says('token', oauth('invalid_grant', 'Token has been expired or revoked.')),
  'a quota project that may not be used': denied('Caller does not have it.', 'USER_PROJECT_DENIED'),
  'an impersonation that is denied': says('iam', aip(403, GET_TOKEN, 'IAM_PERMISSION_DENIED')),
  'an expired login behind an impersonation': says('token', oauth('invalid_grant', 'Bad Request')),
  'silent IAM Credentials': says('iam', 'silence'),
  'an unknown audience': says('sts', oauth('invalid_target', 'The target is invalid.')),
  'no token file': source({ file: '/nowhere/oidc-token' }),
  'a token address that refuses': says('subject', page(403, 'No OIDC here')),
  'a federated identity that may not impersonate': says('iam', aip(403, GET_TOKEN)),
  'a silent security token service': says('sts', 'silence'),
  'a federated identity without permission': denied('no bigquery.jobs.create', 'IAM_PERMISSION_DENIED'),
  'a federation without credential_source': source(undefined),
  'a command that is not allowed': source({ executable: { command: process.execPath } }),
  'a machine without a service account': says('metadata', page(404, 'Error 404')),
  'a machine without a project': { bigquery: 'location: US' },
  'scopes that are too narrow': denied(narrow, 'ACCESS_TOKEN_SCOPE_INSUFFICIENT'),
  'a silent metadata server': says('metadata', 'silence'),
  'a portal for a metadata server': says('metadata', portal),
  'a service perimeter': denied(VPC, 'SECURITY_POLICY_VIOLATED'),
  'a silent BigQuery': says('bigquery', 'silence'),
  'a proxy that wants a password': { proxy: 407 },
  'a proxy in trouble': { proxy: 503 },
  'a proxy that hangs up': { proxy: 'hang up' },
  'a proxy that is gone': { env: { HTTPS_PROXY: '127.0.0.1:1' } },
};

/**
 * What a situation comes to: what one signs in with, code, who was asked on the way, and what the operator is told, where `*` stands
 * for any words. What may not ask the view that tells the table's days asks the table itself, and a job that may have been begun is
 * cancelled.
 */
const OUTCOMES = `
a key that was deleted | key | credentials-refused | token | sign-in: Google refused the key; *make a new key* (Google's token endpoint said: invalid_grant: Invalid JWT Signature.)
a disabled account | key | credentials-refused | token | sign-in: the service account is disabled; enable it*
a damaged key | key | credentials-invalid || sign-in: the private key in the credential file is damaged; make a new key*
a silent token endpoint | key | no-answer | token | sign-in: Google's token endpoint did not answer within the time limit; check the network and any proxy*
a clock a year ahead | key | clock | token | clock: this machine's is 365 days ahead of Google's; set it: timedatectl set-ntp true
a key that is refused as the clock is behind | key | clock | token | clock: this machine's is 10 minutes behind Google's*
a certificate of another time | key | clock || sign-in: Google's token endpoint shows a certificate that is not valid at the time of this machine's clock; set the clock*
a login that has expired | login | credentials-refused | token | sign-in: Google refused the login; log in again: gcloud auth application-default login (Google's*
a quota project that may not be used | login | permission | token bigquery bigquery | BigQuery: the credentials may not use the quota project*set-quota-project PROJECT* (BigQuery said: Caller does*
an impersonation that is denied | impersonation | impersonation-denied | token iam | sign-in: the credentials may not act as the account*roles/iam.serviceAccountTokenCreator*
an expired login behind an impersonation | impersonation | credentials-refused | token | sign-in: Google refused the credentials that impersonate; log in again: *--impersonate-service-account*
silent IAM Credentials | impersonation | no-answer | token iam | sign-in: IAM Credentials did not answer within the time limit*
an unknown audience | federation | credentials-refused | subject sts | sign-in: Google refused the federated identity; check "audience"* (the security token service said: invalid_target: The target*
no token file | federation | subject-token || sign-in: there is no token to sign in with; check "credential_source"* (*oidc-token does not exist*
a token address that refuses | federation | subject-token | subject | sign-in: there is no token * (the source of the token said: No OIDC here)
a federated identity that may not impersonate | federation as an account | impersonation-denied | subject sts iam | sign-in: the federated identity may not act as the service account; *roles/iam.workloadIdentityUser*
a silent security token service | federation | no-answer | subject sts | sign-in: the security token service did not answer within the time limit*
a federated identity without permission | federation | permission | subject sts bigquery bigquery | BigQuery: permission denied; grant the federated identity *roles/bigquery.jobUser*
a federation without credential_source | federation | credentials-invalid || sign-in: *key.json cannot be used; make it again (*credential source*
a command that is not allowed | federation | subject-token || sign-in: there is no token *GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES * to 1*
a machine without a service account | metadata | sign-in-refused | metadata | sign-in: this machine has no service account that may sign in; attach one * (the metadata server said: Error 404)
a machine without a project | metadata | project-missing | metadata | sign-in: the metadata server names no project; set bigquery.project_id in tracked.yaml
scopes that are too narrow | metadata | permission | metadata bigquery bigquery | BigQuery: the token lacks a scope; give the VM*
a silent metadata server | metadata | no-answer | metadata | sign-in: the metadata server did not answer within the time limit*
a portal for a metadata server | metadata | not-the-source | metadata metadata metadata metadata metadata metadata | sign-in: something else answered in place of the metadata server*
a service perimeter | key | permission | token bigquery bigquery | BigQuery: a service perimeter * (BigQuery said: VPC *: ${UNIQUE}. For help: *...)
a silent BigQuery | key | no-answer | token bigquery bigquery | BigQuery: the service did not answer within the time limit; *query_timeout_seconds
a proxy that wants a password | key | proxy-refused || proxy: 127.0.0.1:* wants a user name and a password; put them before the host in its address, * (the proxy said: Proxy Authentication Required)
a proxy in trouble | key | proxy-unreachable || proxy: 127.0.0.1:* cannot reach the server; * (the proxy said: Service Unavailable, 6 times)
a proxy that hangs up | key | proxy-unreachable || proxy: 127.0.0.1:* cannot be reached; *ended before receiving CONNECT*
a proxy that is gone | key | proxy-unreachable || proxy: 127.0.0.1:1 cannot be reached; check the address*
`
  .trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()));

const patternOf = (text: string) =>
  new RegExp(`^${text.replaceAll(/[.?()]/g, '\\$&').replaceAll('*', '.*')}$`);

it('has an outcome for each situation', () => {
  expect(OUTCOMES.map(([name]) => name)).toEqual(Object.keys(SITUATIONS));
});

it.each(OUTCOMES)('tells %s (%s) once, as %s', async (name, kind, code, asked, says = '') => {
  const situation = { with: kind as Kind, ...SITUATIONS[name ?? ''] };
  if (!isErrorCode(code)) return expect.unreachable('it is no case');
  const { exitCode, stdout, stderr, google, project, entries } = await collect(situation);
  expect(exitCode).toBe(1);
  expect(entries.map(({ error_code }) => error_code)).toEqual([code, code, code]);
  const errors = new Set(entries.map(({ error }) => error?.replace(/^not attempted: /, '')));
  expect(errors.size).toBe(1);
  const [told = ''] = [...errors];
  expect(told).toMatch(patternOf(says));
  expect(told).not.toMatch(/\[job|unexpected fault|undefined/);
  expect(google.asked.join(' ')).toBe(asked);
  const isPublic = ([path]: [string, string]) => /^output\/(?!_health\.json)/.test(path);
  const published = Object.entries(project.files()).filter(isPublic);
  const shown = published.map(([, text]) => text).join('\n');
  const inside = /acme-billing|gserviceaccount|127\.0\.0\.1|key\.json|googleapis|gcloud|vpcSer/;
  expect(shown).not.toMatch(inside);
  expect(shown).not.toContain(project.folder);
  expect(shown).toContain(ERRORS[code].public.replaceAll("'", '&#39;'));
  for (const text of [stdout, stderr, shown, told]) {
    expect(text).not.toMatch(/hush|token-\d|PRIVATE KEY/);
  }
});

describe('signing in works', () => {
  const WAYS: [Kind, Asked[], string[]][] = [
    ['key', ['token'], []],
    ['login', ['token'], []],
    ['impersonation', ['token', 'iam'], [ACCOUNT]],
    ['federation', ['subject', 'sts'], []],
    ['federation as an account', ['subject', 'sts', 'iam'], [ACCOUNT]],
    ['metadata', ['metadata'], []],
  ];
  it.each(WAYS)('with %s, once for all packages', async (kind, asked, accounts) => {
    const { exitCode, google, entries } = await collect({ with: kind });
    expect(entries.map(({ count }) => count)).toEqual([24, 24, 24]);
    expect(exitCode).toBe(0);
    expect(google.asked.filter((who) => who !== 'bigquery')).toEqual(asked);
    expect(google.accounts).toEqual(accounts);
    expect(new Set(google.tokens).size).toBe(1);
    if (!kind.startsWith('federation')) return;
    expect(google.exchange.get('subject_token')).toBe(SUBJECT_TOKEN);
    expect(google.exchange.get('audience')).toBe(federation('').audience);
    const scope = kind === 'federation' ? 'bigquery' : 'cloud-platform';
    expect(google.exchange.get('scope')).toBe(`https://www.googleapis.com/auth/${scope}`);
  });

  it.each(['key', 'federation', 'federation as an account', 'impersonation'] as const)(
    'with %s again when the token runs out in the middle of a run',
    async (kind) => {
      const { exitCode, google } = await collect({ with: kind, google: { expiresIn: 60 } });
      expect(exitCode).toBe(0);
      expect(new Set(google.tokens).size).toBeGreaterThan(3);
    },
  );

  it('with what AWS gives', async () => {
    const own = { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'hush' };
    for (const [name, value] of Object.entries(own)) vi.stubEnv(name, value);
    const query = 'Action=GetCallerIdentity&Version=2011-06-15';
    const url = `https://sts.{region}.amazonaws.com?${query}`;
    const aws = source({ environment_id: 'aws1', regional_cred_verification_url: url });
    const { exitCode, google } = await collect({ with: 'federation', ...aws });
    expect(exitCode).toBe(0);
    const token = decodeURIComponent(google.exchange.get('subject_token') ?? '');
    expect(token).toContain('https://sts.eu-west-1.amazonaws.com');
  });

  it('with what a command gives, unless it fails', async () => {
    vi.stubEnv('GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES', '1');
    const command = (script: string): Case => ({
      with: 'federation',
      file: (fields, folder) => {
        const path = join(folder, 'token.mjs');
        writeFileSync(path, script);
        const executable = { command: `${process.execPath} ${path}`, timeout_millis: 90_000 };
        return { ...fields, credential_source: { executable } };
      },
    });
    const { subject_token_type: token_type } = federation('');
    const answer = JSON.stringify({ version: 1, success: true, token_type, id_token: 'hush-id' });
    const given = await collect(command(`console.log(${JSON.stringify(answer)})`));
    expect(given.exitCode).toBe(0);
    expect(given.google.exchange.get('subject_token')).toBe('hush-id');
    const { entries, google } = await collect(command('process.exitCode = 7'));
    expect(google.asked).toEqual([]);
    expect(entries[0]?.error).toMatch(/sign-in: there is no token to sign in with; check "credential_so/);
  });

  it('with the project of the metadata server', async () => {
    const own = { bigquery: 'location: US', google: { projectId: 'machine' } };
    expect((await collect({ with: 'metadata', ...own })).exitCode).toBe(0);
  });

  it('after a fault that passes', async () => {
    const answers = { token: { status: 503, body: 'busy', headers: { 'retry-after': '0' } } };
    const { exitCode, google } = await collect({ with: 'key', google: { answers, times: 1 } });
    expect(exitCode).toBe(0);
    expect(google.asked.slice(0, 3)).toEqual(['token', 'token', 'bigquery']);
  });

  it('through a proxy with a password, and past one that NO_PROXY rules out', async () => {
    const env = { HTTP_PROXY: '127.0.0.1:1', NO_PROXY: 'localhost, 127.0.0.0/8' };
    const { exitCode, proxy } = await collect({ with: 'federation', proxy: 407, user: 'user:p%40ss%', env });
    expect(exitCode).toBe(0);
    expect(proxy.credentials[0]).toBe('user:p@ss%');
    expect(new Set(proxy.asked)).toEqual(new Set(['bigquery.googleapis.com:443']));
  });
});

it('finds out by the answer of BigQuery that the clock is wrong, and ends the job', async () => {
  const { entries, google } = await collect({ with: 'metadata', ...clock(86_400_000) });
  expect(entries[0]?.error).toMatch(/^not attempted: clock: this machine's is 24 hours behind Google's/);
  expect([...google.bigQuery.jobs.values()].map(({ cancelled }) => cancelled)).toEqual([true]);
});
