import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ERRORS, type ErrorCode } from '../../../src/errors/codes.ts';
import { aprilRows } from '../../support/bigquery-project.ts';
import { runMain } from '../../support/context.ts';
import {
  type Asked,
  type GoogleOptions,
  GoogleServer,
  type ProxyManner,
  ProxyServer,
  SUBJECT_TOKEN,
} from '../../support/google-server.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/*
 * What goes wrong before BigQuery answers: each case runs `collect` for three packages against servers on
 * loopback. What is said must name the step, who refused and what to do; it must be found out once for all
 * packages; and nothing of it may reach the public files but a public sentence.
 */

const PACKAGES = ['alpha', 'beta', 'gamma'];
const ACCOUNT = 'badges@acme-billing-4711.iam.gserviceaccount.com';
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PRIVATE_KEY = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));

const KEY = {
  type: 'service_account',
  project_id: 'acme-billing-4711',
  client_email: ACCOUNT,
  private_key: PRIVATE_KEY,
};
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
  /** More lines of the section `bigquery`. */
  readonly bigquery?: string;
  /** The time limit. */
  readonly seconds?: number;
  /** Name and password for the proxy. */
  readonly user?: string;
}

async function collect({ google: options = {}, proxy: manner = 'open', ...given }: Case) {
  const google = await GoogleServer.start({ ...options, bigQuery: { rows: aprilRows(PACKAGES) } });
  const proxy = await ProxyServer.start(google, manner);
  onTestFinished(async () => {
    await google.close();
    await proxy.close();
  });
  const folder = tempFolder();
  const fields = CREDENTIALS[given.with](google.host);
  const project = given.with === 'key' ? '' : '  project_id: acme-billing-4711\n';
  const credentials = fields === undefined ? '' : '  credential_file: key.json\n';
  writeFileSync(
    join(folder, 'tracked.yaml'),
    `service:\n  output_dir: output\n${credentials}bigquery:\n  query_timeout_seconds: ${given.seconds ?? 30}\n${given.bigquery ?? project}packages: [${PACKAGES}]\n`,
  );
  if (fields !== undefined) {
    const content = given.file === undefined ? fields : given.file(fields, folder);
    if (content !== undefined) writeFileSync(join(folder, 'key.json'), JSON.stringify(content));
  }
  const env: Record<string, string> = {
    HTTPS_PROXY: given.user === undefined ? proxy.host : `http://${given.user}@${proxy.host}`,
    ...given.env,
  };
  if (fields === undefined) {
    env['GCE_METADATA_HOST'] = google.host;
    // Google's library looks there, wherever it is called from.
    vi.stubEnv('GCE_METADATA_HOST', google.host);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
  }
  const result = await runMain(folder, ['collect', '--as-of', '2026-04-25'], { env, now: () => new Date() });
  const health = JSON.parse(readFileSync(join(folder, 'output/_health.json'), 'utf8'));
  const entries = Object.values(health.packages) as { error?: string; error_code?: string; count?: number }[];
  return { ...result, google, proxy, folder, entries };
}

/** Every file that strangers can read. */
function publicFiles(folder: string): string[] {
  return readdirSync(join(folder, 'output'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== '_health.json')
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
}

const aip = (status: number, message: string, reason?: string) => ({
  status,
  body: {
    error: {
      code: status,
      message,
      status: 'PERMISSION_DENIED',
      ...(reason === undefined
        ? {}
        : { details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason }] }),
    },
  },
});
const oauth = (status: number, error: string, error_description: string) => ({
  status,
  body: { error, error_description },
});
const says = (who: Asked, answer: ReturnType<typeof aip | typeof oauth>): GoogleOptions => ({
  answers: { [who]: answer },
});
const sts = (error: string, description: string, status = 400): GoogleOptions => ({
  answers: { sts: oauth(status, error, description) },
});
const silent = (who: Asked): GoogleOptions => ({ answers: { [who]: 'silence' } });
const denied = (message: string, reason: string): GoogleOptions => ({
  answers: { bigquery: aip(403, message, reason) },
});
const UNIQUE = 'tMsqFVJ0Lw1Yb7u3OaXbSfdEkq9Z2rGhcN5vPx8UeWm4iKjDyRoA6-QzHt_lBgCnVsE7Xw0d';
const LINK = `https://console.cloud.google.com/security/service-perimeter/troubleshoot;uniqueId=${UNIQUE}?organizationId=4711`;

/**
 * Name, situation, code, what the operator is told, and who was asked on the way. What may not ask the view that tells
 * the table's days asks the table itself.
 */
const CASES: [string, Case, ErrorCode, RegExp, Asked[]][] = [
  // A service account's key.
  [
    'a key that was deleted',
    { with: 'key', google: says('token', oauth(400, 'invalid_grant', 'Invalid JWT Signature.')) },
    'credentials-refused',
    /^sign-in: Google refused the key; .*make a new key.* \(Google's token endpoint said: invalid_grant: Invalid JWT Signature\.\)$/,
    ['token'],
  ],
  [
    'a key that is a folder',
    { with: 'key', file: (_, folder) => void mkdirSync(join(folder, 'key.json')) },
    'credentials-unreadable',
    /^sign-in: credential_file .*key\.json: this is a folder; put the credential file in its place \(a container runtime/,
    [],
  ],
  [
    'a damaged key',
    { with: 'key', file: (key) => ({ ...key, private_key: PRIVATE_KEY.replaceAll('M', 'x') }) },
    'credentials-invalid',
    /^sign-in: the private key in the credential file is damaged; make a new key/,
    [],
  ],
  [
    'a token endpoint that never answers',
    { with: 'key', seconds: 1, google: silent('token') },
    'no-answer',
    /^sign-in: Google's token endpoint did not answer within the time limit; check the network and any proxy/,
    ['token'],
  ],
  [
    'a clock that is a year ahead',
    { with: 'key', google: { date: new Date(Date.now() - 365 * 86_400_000) } },
    'clock',
    /^clock: this machine's is 365 days ahead of Google's; set it: timedatectl set-ntp true$/,
    ['token'],
  ],
  [
    'a key that is refused as the clock is behind',
    {
      with: 'key',
      google: {
        date: new Date(Date.now() + 10 * 60_000),
        answers: { token: oauth(400, 'invalid_grant', 'Invalid JWT: iat is in the past') },
      },
    },
    'clock',
    /^clock: this machine's is 10 minutes behind Google's/,
    ['token'],
  ],
  [
    'a certificate that is not valid at the time of the clock',
    { with: 'key', google: { certificate: 'expired' } },
    'clock',
    /^sign-in: Google's token endpoint shows a certificate that is not valid at the time of this machine's clock; set the clock/,
    [],
  ],

  // A personal login.
  [
    'a login that has expired',
    {
      with: 'login',
      google: says('token', oauth(400, 'invalid_grant', 'Token has been expired or revoked.')),
    },
    'credentials-refused',
    /^sign-in: Google refused the login; log in again: gcloud auth application-default login \(Google's/,
    ['token'],
  ],
  [
    'a quota project that may not be used',
    {
      with: 'login',
      google: denied('Caller does not have required permission to use project acme.', 'USER_PROJECT_DENIED'),
    },
    'permission',
    /^BigQuery: the credentials may not use the quota project.*set-quota-project PROJECT.* \(BigQuery said: Caller does/,
    ['token', 'bigquery', 'bigquery'],
  ],

  // Impersonation.
  [
    'getAccessToken that is denied to a login',
    {
      with: 'impersonation',
      google: {
        answers: {
          iam: aip(403, "Permission 'iam.serviceAccounts.getAccessToken' denied", 'IAM_PERMISSION_DENIED'),
        },
      },
    },
    'impersonation-denied',
    /^sign-in: the credentials may not act as the account.*roles\/iam.serviceAccountTokenCreator/,
    ['token', 'iam'],
  ],
  [
    'a login behind the impersonation that has expired',
    { with: 'impersonation', google: says('token', oauth(400, 'invalid_grant', 'Bad Request')) },
    'credentials-refused',
    /^sign-in: Google refused the credentials that impersonate; log in again: .*--impersonate-service-account/,
    ['token'],
  ],
  [
    'IAM Credentials that never answer',
    { with: 'impersonation', seconds: 1, google: silent('iam') },
    'no-answer',
    /^sign-in: IAM Credentials did not answer within the time limit/,
    ['token', 'iam'],
  ],

  // Workload identity federation.
  [
    'an audience that is unknown',
    {
      with: 'federation',
      google: sts('invalid_target', 'The target service indicated by the "audience" parameters is invalid.'),
    },
    'credentials-refused',
    /^sign-in: Google refused the federated identity; check "audience".* \(the security token service said: invalid_target: The target/,
    ['subject', 'sts'],
  ],
  [
    'a token file that is missing',
    {
      with: 'federation',
      file: (fields, folder) => ({ ...fields, credential_source: { file: join(folder, 'oidc-token') } }),
    },
    'subject-token',
    /^sign-in: there is no token to sign in with; check "credential_source".* \(.*oidc-token does not exist/,
    [],
  ],
  [
    'a token address that refuses',
    {
      with: 'federation',
      google: { answers: { subject: { status: 403, body: '<title>No OIDC here</title>' } } },
    },
    'subject-token',
    /^sign-in: there is no token .* \(the source of the token said: No OIDC here\)$/,
    ['subject'],
  ],
  [
    'getAccessToken that is denied to a federated identity',
    {
      with: 'federation as an account',
      google: says('iam', aip(403, "Permission 'iam.serviceAccounts.getAccessToken' denied")),
    },
    'impersonation-denied',
    /^sign-in: the federated identity may not act as the service account; .*roles\/iam.workloadIdentityUser/,
    ['subject', 'sts', 'iam'],
  ],
  [
    'a security token service that never answers',
    { with: 'federation', seconds: 1, google: silent('sts') },
    'no-answer',
    /^sign-in: the security token service did not answer within the time limit/,
    ['subject', 'sts'],
  ],
  [
    'a federated identity without permission',
    { with: 'federation', google: denied('Access Denied: no bigquery.jobs.create', 'IAM_PERMISSION_DENIED') },
    'permission',
    /^BigQuery: permission denied; grant the federated identity .*roles\/bigquery.jobUser/,
    ['subject', 'sts', 'bigquery', 'bigquery'],
  ],
  [
    'a federation without credential_source',
    { with: 'federation', file: (fields) => ({ ...fields, credential_source: undefined }) },
    'credentials-invalid',
    /^sign-in: .*key\.json cannot be used; make it again \(.*credential source/,
    [],
  ],
  [
    'a federation whose command is not allowed',
    {
      with: 'federation',
      file: (fields) => ({ ...fields, credential_source: { executable: { command: process.execPath } } }),
    },
    'subject-token',
    /^sign-in: there is no token .*GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES .* to 1/,
    [],
  ],

  // The metadata server.
  [
    'a machine without a service account',
    {
      with: 'metadata',
      google: { answers: { metadata: { status: 404, body: '<title>Error 404</title>' } } },
    },
    'sign-in-refused',
    /^sign-in: this machine has no service account that may sign in; attach one .* \(the metadata server said: Error 404\)$/,
    ['metadata'],
  ],
  [
    'a metadata server without a project',
    { with: 'metadata', bigquery: '  location: US\n' },
    'project-missing',
    /^sign-in: the metadata server names no project; set bigquery.project_id in tracked.yaml$/,
    ['metadata'],
  ],
  [
    'scopes that are too narrow',
    {
      with: 'metadata',
      google: denied('Request had insufficient authentication scopes.', 'ACCESS_TOKEN_SCOPE_INSUFFICIENT'),
    },
    'permission',
    /^BigQuery: the token lacks a scope; give the VM/,
    ['metadata', 'bigquery', 'bigquery'],
  ],
  [
    'a metadata server that never answers',
    { with: 'metadata', seconds: 1, google: silent('metadata') },
    'no-answer',
    /^sign-in: the metadata server did not answer within the time limit/,
    ['metadata'],
  ],

  // BigQuery itself.
  [
    'a service perimeter',
    {
      with: 'key',
      google: {
        answers: {
          bigquery: aip(
            403,
            `VPC Service Controls: Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: ${UNIQUE}.\nFor help: ${LINK}`,
            'SECURITY_POLICY_VIOLATED',
          ),
        },
      },
    },
    'permission',
    new RegExp(
      `^BigQuery: a service perimeter .* \\(BigQuery said: VPC .*: ${UNIQUE}\\. For help: .*\\.\\.\\.\\)$`,
    ),
    ['token', 'bigquery', 'bigquery'],
  ],
  [
    'BigQuery that never answers',
    { with: 'key', seconds: 1, google: silent('bigquery') },
    'no-answer',
    /^BigQuery: the service did not answer within the time limit; .*query_timeout_seconds$/,
    // The job may have been begun, so that it is cancelled, which is not answered either.
    ['token', 'bigquery', 'bigquery'],
  ],
  // The proxy.
  [
    'a proxy that wants a password',
    { with: 'key', proxy: 407 },
    'proxy-refused',
    /^proxy: 127\.0\.0\.1:\d+ wants a user name and a password; put them before the host in its address, .* \(the proxy said: Proxy Authentication Required\)$/,
    [],
  ],
  [
    'a SOCKS proxy',
    { with: 'key', env: { HTTPS_PROXY: 'socks5://user:hush@127.0.0.1:1080' } },
    'proxy-invalid',
    /^proxy: HTTPS_PROXY begins with socks5:\/\/, and only HTTP proxies are supported; write it as http:\/\/host:port$/,
    [],
  ],
];

describe('is told once, with its step and its remedy, and not in public:', () => {
  it.each(CASES)('%s', async (_, situation, code, says, asked) => {
    const { exitCode, stdout, stderr, google, folder, entries } = await collect(situation);
    expect(exitCode).toBe(1);
    expect(entries.map(({ error_code }) => error_code)).toEqual([code, code, code]);
    const errors = new Set(entries.map(({ error }) => error?.replace(/^not attempted: /, '')));
    expect(errors.size).toBe(1);
    const [told = ''] = [...errors];
    expect(told).toMatch(says);
    expect(told).not.toMatch(/\[job|unexpected fault|undefined/);
    expect(google.asked).toEqual(asked);
    const shown = publicFiles(folder);
    expect(shown.length).toBeGreaterThan(0);
    for (const text of shown) {
      expect(text).not.toMatch(
        /acme-billing|gserviceaccount|127\.0\.0\.1|key\.json|googleapis|gcloud|vpcService/,
      );
      expect(text).not.toContain(folder);
    }
    expect(shown.join('')).toContain(ERRORS[code].public.replaceAll("'", '&#39;'));
    for (const text of [stdout, stderr, ...shown, told]) {
      expect(text).not.toMatch(/hush|token-\d|PRIVATE KEY/);
    }
  });

  it('ends the querying for a proxy in trouble and one that is gone, after a few tries', async () => {
    const trouble = await collect({ with: 'key', seconds: 2, proxy: 503 });
    expect(trouble.entries[2]).toMatchObject({
      error_code: 'proxy-unreachable',
      error: expect.stringMatching(
        /^not attempted: proxy: 127.*cannot reach the server; .* \(the proxy said: Service Unavailable(, \d times)?\)$/,
      ),
    });
    const hung = await collect({ with: 'key', seconds: 1, proxy: 'hang up' });
    expect(hung.entries[2]?.error).toMatch(
      /proxy: 127\.0\.0\.1:\d+ cannot be reached; .* ended before receiving CONNECT/,
    );
    const gone = await collect({ with: 'key', seconds: 1, env: { HTTPS_PROXY: '127.0.0.1:1' } });
    expect(gone.entries[2]).toMatchObject({
      error_code: 'proxy-unreachable',
      error: expect.stringMatching(
        /^not attempted: proxy: 127\.0\.0\.1:1 cannot be reached; check the address/,
      ),
    });
    expect(gone.google.asked).toEqual([]);
  });
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
  });

  it('again when the token runs out in the middle of a run', async () => {
    for (const kind of ['key', 'federation', 'federation as an account', 'impersonation'] as const) {
      const { exitCode, google } = await collect({ with: kind, google: { expiresIn: 60 } });
      expect(exitCode).toBe(0);
      expect(new Set(google.tokens).size).toBeGreaterThan(3);
    }
  });

  it('asks the security token service for what the file says', async () => {
    const { google } = await collect({ with: 'federation' });
    expect(google.exchange.get('subject_token')).toBe(SUBJECT_TOKEN);
    expect(google.exchange.get('audience')).toBe(federation('').audience);
    expect(google.exchange.get('scope')).toBe('https://www.googleapis.com/auth/bigquery');
  });

  it('with what AWS gives, and with what a command gives', async () => {
    vi.stubEnv('AWS_REGION', 'eu-west-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'hush');
    vi.stubEnv('GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES', '1');
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const aws = {
      environment_id: 'aws1',
      regional_cred_verification_url:
        'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
    };
    const signed = await collect({
      with: 'federation',
      file: (fields) => ({ ...fields, credential_source: aws }),
    });
    expect(signed.exitCode).toBe(0);
    expect(decodeURIComponent(signed.google.exchange.get('subject_token') ?? '')).toContain(
      'https://sts.eu-west-1.amazonaws.com',
    );

    const command = (script: string): Case => ({
      with: 'federation',
      env: { GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES: '1' },
      file: (fields, folder) => {
        writeFileSync(join(folder, 'token.mjs'), script);
        const executable = {
          command: `${process.execPath} ${join(folder, 'token.mjs')}`,
          timeout_millis: 9_000,
        };
        return { ...fields, credential_source: { executable } };
      },
    });
    const answer = {
      version: 1,
      success: true,
      token_type: federation('').subject_token_type,
      id_token: 'hush-id',
    };
    const given = await collect(command(`console.log(${JSON.stringify(JSON.stringify(answer))})`));
    expect(given.exitCode).toBe(0);
    expect(given.google.exchange.get('subject_token')).toBe('hush-id');
    const { entries, google } = await collect(command('process.exitCode = 7'));
    expect(google.asked).toEqual([]);
    expect(entries[0]).toMatchObject({
      error_code: 'subject-token',
      error: expect.stringMatching(/sign-in: there is no token to sign in with; check "credential_source"/),
    });
  });

  it('with a key whose line ends were escaped twice', async () => {
    const file = (key: object) => ({ ...key, private_key: PRIVATE_KEY.replaceAll('\n', '\\n') });
    expect((await collect({ with: 'key', file })).exitCode).toBe(0);
  });

  it('with the project that the metadata server names', async () => {
    const { exitCode } = await collect({
      with: 'metadata',
      bigquery: '  location: US\n',
      google: { projectId: 'machine' },
    });
    expect(exitCode).toBe(0);
  });

  it('after a fault that passes', async () => {
    const answers = { token: { status: 503, body: 'busy', headers: { 'retry-after': '0' } } };
    const { exitCode, google } = await collect({ with: 'key', google: { answers, times: 1 } });
    expect(exitCode).toBe(0);
    expect(google.asked.slice(0, 3)).toEqual(['token', 'token', 'bigquery']);
  });

  it('through a proxy with a password, and past one that NO_PROXY rules out', async () => {
    const env = { HTTP_PROXY: '127.0.0.1:1', NO_PROXY: 'localhost, 127.0.0.0/8' };
    const { exitCode, proxy } = await collect({ with: 'federation', proxy: 407, user: 'user:p%40ss', env });
    expect(exitCode).toBe(0);
    expect(proxy.credentials[0]).toBe('user:p@ss');
    expect(new Set(proxy.asked)).toEqual(new Set(['bigquery.googleapis.com:443']));
  });
});

it('tells a portal in place of the metadata server', async () => {
  const metadata = { status: 200, body: 'hello', headers: { 'metadata-flavor': 'Portal' } };
  const { entries } = await collect({ with: 'metadata', seconds: 1, google: { answers: { metadata } } });
  expect(entries[2]).toMatchObject({
    error_code: 'not-the-source',
    error: expect.stringMatching(/sign-in: something else answered in place of the metadata server/),
  });
});

it('finds out by the answer of BigQuery that the clock is wrong, and ends the job', async () => {
  const google = { date: new Date(Date.now() + 86_400_000) };
  const { entries, google: server } = await collect({ with: 'metadata', google });
  expect(entries[0]).toMatchObject({
    error_code: 'clock',
    error: expect.stringMatching(/^not attempted: clock: this machine's is 24 hours behind Google's/),
  });
  expect([...server.bigQuery.jobs.values()].map(({ cancelled }) => cancelled)).toEqual([true]);
});
