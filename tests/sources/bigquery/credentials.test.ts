import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findCredentials, readCredentialFile } from '../../../src/sources/bigquery/credentials.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const private_key = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
const KEY = { type: 'service_account', client_email: 'a@p.iam', private_key, project_id: 'p' };
const LOGIN = { type: 'authorized_user', client_id: 'i', client_secret: 's', refresh_token: 'r' };
const URL_OF_ACCOUNT =
  'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@p.iam:generateAccessToken';
const IMPERSONATION = {
  type: 'impersonated_service_account',
  service_account_impersonation_url: URL_OF_ACCOUNT,
  source_credentials: LOGIN,
};
const FEDERATION = {
  type: 'external_account',
  audience: '//iam.googleapis.com/x',
  subject_token_type: 'urn:x',
  credential_source: { file: '/var/run/token' },
};

function put(value: unknown): string {
  const path = join(tempFolder(), 'key.json');
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
}
const read = (value: unknown, env = {}) => readCredentialFile(put(value), 'credential_file', env);

describe('a credential file', () => {
  it.each([
    [KEY, 'key', 'p'],
    [{ ...LOGIN, quota_project_id: 'q' }, 'login', 'q'],
    [LOGIN, 'login', undefined],
    [
      {
        ...LOGIN,
        type: 'external_account_authorized_user',
        audience: '//iam.googleapis.com/locations/global/workforcePools/x',
        token_url: 'https://sts.googleapis.com/v1/oauthtoken',
      },
      'login',
      undefined,
    ],
    [IMPERSONATION, 'impersonation', undefined],
    [FEDERATION, 'federation', undefined],
    [
      { ...FEDERATION, credential_source: { environment_id: 'aws1', region_url: 'http://169.254.169.254/' } },
      'federation',
      undefined,
    ],
  ])('%# is known by what one signs in with', (value, identity, projectId) => {
    const file = read(value);
    expect(file).toMatchObject({ identity, fields: value });
    expect(file.projectId).toBe(projectId);
  });

  it.each([['\\n'], ['\\\\n'], ['\\r\\n']])('with line ends written as %s is repaired', (end) => {
    const { fields } = read({ ...KEY, private_key: private_key.replaceAll('\n', end) });
    expect(fields['private_key']).toBe(private_key);
    const source = {
      ...IMPERSONATION,
      source_credentials: { ...KEY, private_key: private_key.replaceAll('\n', end) },
    };
    expect(read(source).fields['source_credentials']).toEqual(KEY);
  });

  it.each([
    ['{"cut', /it is not JSON; download the key again/],
    ['[]', /it has no "type"/],
    [{ type: 'service_account' }, /it lacks client_email and private_key; download the key again/],
    [{ ...KEY, private_key: 'x' }, /its private key is damaged; make a new key/],
    [{ ...LOGIN, refresh_token: '' }, /it lacks refresh_token; log in again: gcloud auth/],
    [{ type: 'toString' }, /the type "toString" is unknown; it must be one of service_account, /],
    [{ type: private_key }, /the type in it is unknown; it must be one of/],
    [
      { ...IMPERSONATION, source_credentials: { type: 'authorized_user' } },
      /source_credentials: it lacks client_id/,
    ],
    [{ ...IMPERSONATION, source_credentials: 'x' }, /source_credentials: it is no object/],
    [{ ...FEDERATION, credential_source: { executable: { command: 'x' } } }, /ALLOW_EXECUTABLES=1/],
  ])('%# is refused, and nothing of it repeated but names', (value, says) => {
    expect(() => read(value)).toThrow(says);
    expect(() => read(value)).not.toThrow(private_key.slice(100, 120));
    expect(() => read(value)).toThrow(/^sign-in: credential_file .*key\.json: /);
  });

  it.each([
    [`${process.execPath} --flag`, undefined],
    [`"${process.execPath}" --flag`, undefined],
    ['node', /must begin with the absolute path of a program/],
    ['/gone/token --flag', /must begin with the absolute path of a program/],
    ['', /must begin with the absolute path of a program/],
  ])('may run %j where commands are allowed: refused with %s', (command, says) => {
    const value = { ...FEDERATION, credential_source: { executable: { command } } };
    const work = () => read(value, { GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES: '1' });
    if (says === undefined) expect(work().identity).toBe('federation');
    else expect(work).toThrow(says);
  });

  it('that cannot be read says why', () => {
    const folder = tempFolder();
    const at = (path: string) => () => readCredentialFile(path, 'credential_file', {});
    expect(at(join(folder, 'gone'))).toThrow(/there is no such file; put the service account key there/);
    expect(at(folder)).toThrow(
      /this is a folder; put the credential file in its place \(a container runtime/,
    );
    expect(at(join(put(KEY), 'x'))).toThrow(/it cannot be read \(ENOTDIR\)/);
    const closed = put(KEY);
    chmodSync(closed, 0);
    // Root may read everything.
    if (process.getuid?.() !== 0) expect(at(closed)).toThrow(/it may not be read; give the user/);
  });
});

describe('credentials are looked for', () => {
  const nowhere = () => false;
  const GCLOUD = '.config/gcloud/application_default_credentials.json';

  it.each([
    ['in the configuration', 'own.json', { GOOGLE_APPLICATION_CREDENTIALS: '/gone' }, 'own.json'],
    [
      'where a variable says',
      undefined,
      { GOOGLE_APPLICATION_CREDENTIALS: 'own.json', HOME: '' },
      'own.json',
    ],
    ['where gcloud puts them', undefined, { HOME: '' }, GCLOUD],
    ['where gcloud was told to put them', undefined, { CLOUDSDK_CONFIG: '.config/gcloud' }, GCLOUD],
  ])('%s', (_, file, env, expected) => {
    const home = tempFolder();
    mkdirSync(join(home, '.config/gcloud'), { recursive: true });
    for (const path of ['own.json', GCLOUD]) writeFileSync(join(home, path), JSON.stringify(LOGIN));
    const there = Object.fromEntries(Object.entries(env).map(([name, path]) => [name, join(home, path)]));
    expect(findCredentials(file && join(home, file), there, nowhere)).toMatchObject({
      kind: 'file',
      path: join(home, expected),
    });
  });

  it('on the metadata server where there is one', () => {
    const metadata = { kind: 'metadata' };
    expect(findCredentials(undefined, {}, () => true)).toEqual(metadata);
    expect(findCredentials(undefined, { GCE_METADATA_HOST: '127.0.0.1:1' }, nowhere)).toEqual(metadata);
    const none = { METADATA_SERVER_DETECTION: 'none' };
    for (const env of [none, {}, { APPDATA: tempFolder() }]) {
      expect(() => findCredentials(undefined, env, () => env === none)).toThrow(
        /^sign-in: there are no Google credentials; set service.credential_file in tracked.yaml, or run: gcloud auth/,
      );
    }
  });
});
