import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gcpMetadata } from 'google-auth-library';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findCredentials, readCredentialFile } from '../../../src/sources/bigquery/credentials.ts';
import { type BigQueryConfig, bigquery } from '../../../src/sources/bigquery/index.ts';
import { connect } from '../../../src/sources/bigquery/job.ts';
import { RSA_PEM as private_key } from '../../support/secrets.ts';
import { folderOf, tempFolder } from '../../support/temp-folder.ts';

const KEY = { type: 'service_account', client_email: 'a@p.iam', private_key, project_id: 'p' };
const LOGIN = { type: 'authorized_user', client_id: 'i', client_secret: 's', refresh_token: 'r' };
const IMPERSONATION = { type: 'impersonated_service_account', source_credentials: LOGIN };
const FEDERATION = { type: 'external_account', credential_source: { file: '/var/run/token' } };
const command = (text: string) => ({ ...FEDERATION, credential_source: { executable: { command: text } } });

const put = (value: unknown) =>
  join(folderOf({ 'key.json': typeof value === 'string' ? value : JSON.stringify(value) }), 'key.json');
const read = (value: unknown) => readCredentialFile(put(value), 'credential_file');

describe('a credential file', () => {
  it.each([
    [KEY, 'key'],
    [LOGIN, 'login'],
    [{ ...LOGIN, type: 'external_account_authorized_user' }, 'login'],
    [IMPERSONATION, 'impersonation'],
    [FEDERATION, 'federation'],
    [command(`${process.execPath} --flag`), 'federation'],
    [command(`"${process.execPath}" --flag`), 'federation'],
  ])('%# is known by what one signs in with', (value, identity) => {
    expect(read(value)).toMatchObject({ identity, fields: value });
  });

  it.each(['\\n', '\\\\n', '\\r\\n'])('with line ends written as %s is repaired', (end) => {
    const broken = { ...KEY, private_key: private_key.replaceAll('\n', end) };
    expect(read(broken).fields).toEqual(KEY);
    expect(read({ ...IMPERSONATION, source_credentials: broken }).fields['source_credentials']).toEqual(KEY);
  });

  const NO_PROGRAM = /must begin with the absolute path of a program/;
  it.each([
    ['{"cut', /it is not JSON; download the key again/],
    ['[]', /it is not a credential file \(its "type" must be one of service_account, authorized_user, /],
    [{ type: 'toString' }, /it is not a credential file/],
    [{ type: private_key }, /it is not a credential file/],
    [command('node'), NO_PROGRAM],
    [command('/gone/token --flag'), NO_PROGRAM],
    [command(''), NO_PROGRAM],
    [{ ...IMPERSONATION, source_credentials: command('node') }, NO_PROGRAM],
  ])('%# is refused, and nothing of it repeated', (value, says) => {
    expect(() => read(value)).toThrow(says);
    expect(() => read(value)).not.toThrow(private_key.slice(100, 120));
    expect(() => read(value)).toThrow(/^sign-in: credential_file .*key\.json: /);
  });

  it('that cannot be read says why', () => {
    const folder = tempFolder();
    const at = (path: string) => () => readCredentialFile(path, 'credential_file');
    expect(at(join(folder, 'gone'))).toThrow(/there is no such file; put the service account key there/);
    expect(at(folder)).toThrow(/this is a folder; put the credential file in its place \(a container/);
    expect(at('/dev/zero')).toThrow(/credential_file \/dev\/zero: a device stands where a file should be/);
    expect(at(join(put(KEY), 'x'))).toThrow(/it cannot be read \(ENOTDIR\)/);
    const closed = put(KEY);
    chmodSync(closed, 0);
    // Root may read everything.
    if (process.getuid?.() !== 0) expect(at(closed)).toThrow(/it may not be read; give the user/);
  });
});

describe('credentials are looked for', () => {
  const GCLOUD = '.config/gcloud/application_default_credentials.json';

  const variable = { GOOGLE_APPLICATION_CREDENTIALS: 'own.json', HOME: '' };
  it.each([
    ['in the configuration', 'own.json', { GOOGLE_APPLICATION_CREDENTIALS: '/gone' }, 'own.json'],
    ['where a variable says', undefined, variable, 'own.json'],
    ['where gcloud puts them', undefined, { HOME: '' }, GCLOUD],
    ['where gcloud was told to put them', undefined, { CLOUDSDK_CONFIG: '.config/gcloud' }, GCLOUD],
  ])('%s', (_, file, env, expected) => {
    const home = tempFolder();
    mkdirSync(join(home, '.config/gcloud'), { recursive: true });
    for (const path of ['own.json', GCLOUD]) writeFileSync(join(home, path), JSON.stringify(LOGIN));
    const there = Object.fromEntries(Object.entries(env).map(([name, path]) => [name, join(home, path)]));
    const { path } = findCredentials(file && join(home, file), there);
    expect(path).toBe(join(home, expected));
  });

  it('on the metadata server where there is one', () => {
    const metadata = { identity: 'metadata', fields: {} };
    expect(findCredentials(undefined, { GCE_METADATA_HOST: '127.0.0.1:1' })).toEqual(metadata);
    onTestFinished(() => gcpMetadata.setGCPResidency());
    gcpMetadata.setGCPResidency(true);
    expect(findCredentials(undefined, {})).toEqual(metadata);
    const none = { METADATA_SERVER_DETECTION: 'none' };
    const says = /^sign-in: there are no Google credentials; count from ClickHouse, .* or run: gcloud auth/;
    for (const env of [none, {}, { APPDATA: tempFolder() }]) {
      gcpMetadata.setGCPResidency(env === none);
      expect(() => findCredentials(undefined, env)).toThrow(says);
    }
  });
});

describe('who pays is found out without sending anything', () => {
  async function projectOf(config: Partial<BigQueryConfig>, env: Record<string, string> = {}) {
    const usual = bigquery.configure({ section: undefined, absolute: (path) => path });
    const connection = await connect({ ...usual, ...config }, { env, now: () => new Date() });
    connection.close();
    expect(connection.clockSkewMs()).toBeUndefined();
    return [connection.project, connection.endpoint.identity];
  }

  it('by the configuration, else the key, else the environment', async () => {
    const env = { GOOGLE_CLOUD_PROJECT: 'of-the-environment', HTTPS_PROXY: 'http://127.0.0.1:1' };
    const [key, login] = [put(KEY), { credentialFile: put(LOGIN) }];
    const quota = put({ ...LOGIN, quota_project_id: 'of-the-login' });
    const configured = { credentialFile: key, projectId: 'configured' };
    expect(await projectOf(configured, env)).toEqual(['configured', 'key']);
    expect(await projectOf({ credentialFile: key }, env)).toEqual(['p', 'key']);
    expect(await projectOf({ credentialFile: quota })).toEqual(['of-the-login', 'login']);
    expect(await projectOf(login, env)).toEqual(['of-the-environment', 'login']);
    expect(await projectOf(login, { GCLOUD_PROJECT: 'older' })).toEqual(['older', 'login']);
    expect(await projectOf({}, { GOOGLE_APPLICATION_CREDENTIALS: key })).toEqual(['p', 'key']);
    const message = 'sign-in: the credentials name no project; set bigquery.project_id in tracked.yaml';
    await expect(projectOf(login)).rejects.toMatchObject({ message, affectsAll: true });
  });

  it('by who says that there is a metadata server, or an emulator, which is not asked', async () => {
    const env = { METADATA_SERVER_DETECTION: 'assume-present' };
    expect(await projectOf({ projectId: 'configured' }, env)).toEqual(['configured', 'metadata']);
    const emulator = { BIGQUERY_EMULATOR_HOST: 'https://localhost:9050' };
    expect(await projectOf({}, emulator)).toEqual(['emulator', undefined]);
  });
});
