import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { connect } from '../../../src/sources/bigquery/connection.ts';
import type { BigQueryConfig } from '../../../src/sources/bigquery/index.ts';
import { RSA_PEM as private_key } from '../../support/secrets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/* Nothing here is sent: a connection is only opened, which finds out who pays. */

const CONFIG: BigQueryConfig = {
  kind: 'bigquery',
  location: 'US',
  table: 'bigquery-public-data.pypi.file_downloads',
  queryTimeoutSeconds: 5,
  sharing: 'auto',
};
const now = () => new Date();

function key(fields: object): string {
  const path = join(tempFolder(), 'key.json');
  writeFileSync(path, JSON.stringify(fields));
  return path;
}
const account = (more: object) =>
  key({ type: 'service_account', client_email: 'a@p.iam.gserviceaccount.com', private_key, ...more });
const login = (more: object) =>
  key({ type: 'authorized_user', client_id: 'i', client_secret: 's', refresh_token: 'r', ...more });

async function projectOf(config: Partial<BigQueryConfig>, env: Record<string, string> = {}) {
  const { project, endpoint, clockSkewMs, close } = await connect({ ...CONFIG, ...config }, env, now);
  close();
  expect(clockSkewMs()).toBeUndefined();
  return [project, endpoint.identity];
}

it('pays with the project of the configuration, else that of the key, else that of the environment', async () => {
  const env = { GOOGLE_CLOUD_PROJECT: 'of-the-environment', HTTPS_PROXY: 'http://127.0.0.1:1' };
  const own = account({ project_id: 'of-the-key' });
  const quota = login({ quota_project_id: 'of-the-login' });
  const [configured, plain] = [
    { credentialFile: own, projectId: 'configured' },
    { credentialFile: login({}) },
  ];
  expect(await projectOf(configured, env)).toEqual(['configured', 'key']);
  expect(await projectOf({ credentialFile: own }, env)).toEqual(['of-the-key', 'key']);
  expect(await projectOf({ credentialFile: quota })).toEqual(['of-the-login', 'login']);
  expect(await projectOf(plain, env)).toEqual(['of-the-environment', 'login']);
  expect(await projectOf(plain, { GCLOUD_PROJECT: 'older' })).toEqual(['older', 'login']);
  expect(await projectOf({}, { GOOGLE_APPLICATION_CREDENTIALS: own })).toEqual(['of-the-key', 'key']);
  await expect(projectOf(plain)).rejects.toMatchObject({
    message: 'sign-in: the credentials name no project; set bigquery.project_id in tracked.yaml',
    affectsAll: true,
  });
});

it('believes who says that there is a metadata server, without asking it, and asks an emulator without credentials', async () => {
  const env = { METADATA_SERVER_DETECTION: 'assume-present' };
  expect(await projectOf({ projectId: 'configured' }, env)).toEqual(['configured', 'metadata']);
  const emulator = { BIGQUERY_EMULATOR_HOST: 'https://localhost:9050' };
  expect(await projectOf({}, emulator)).toEqual(['emulator', undefined]);
});
