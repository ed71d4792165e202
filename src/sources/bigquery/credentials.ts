import { createPrivateKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ErrorCode } from '../../errors/codes.ts';
import { SourceError } from '../source.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** What of a key file may be known outside of Google's client: never the key itself. */
export interface KeyFile {
  readonly type: string;
  readonly projectId?: string;
  /** Whose it is; only a service account's key says so. */
  readonly email?: string;
}

/** Where the credentials come from. */
export type Credentials =
  | { readonly kind: 'file'; readonly path: string; readonly key: KeyFile }
  /** The machine is on Google Cloud and has an identity of its own. */
  | { readonly kind: 'metadata' };

/** Fields that each type of credential cannot do without. */
const REQUIRED: Record<string, readonly string[]> = {
  service_account: ['client_email', 'private_key'],
  authorized_user: ['client_id', 'client_secret', 'refresh_token'],
};

function readable(privateKey: string): boolean {
  try {
    createPrivateKey(privateKey);
    return true;
  } catch {
    return false;
  }
}

/**
 * Looks at a credential file, so that a wrong one is told apart from a refused one.
 *
 * @param path Absolute path.
 * @param from What named the file, for messages.
 * @throws SourceError if it cannot be read or is no credential file. Nothing of its content is in the message.
 */
export function inspectKeyFile(path: string, from = 'credential_file'): KeyFile {
  const fail = (what: string, code: ErrorCode = 'credentials-invalid') =>
    new SourceError(code, `${from} ${path}: ${what}`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw fail('there is no such file; put the service account key there', 'credentials-unreadable');
    if (code === 'EACCES')
      throw fail(
        'it may not be read; give the user that runs the collector read permission',
        'credentials-unreadable',
      );
    throw fail(`it cannot be read (${code})`, 'credentials-unreadable');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fail('it is not JSON; download the key again from the Google Cloud console');
  }
  const fields = (value ?? {}) as Record<string, unknown>;
  const { type } = fields;
  if (typeof type !== 'string') {
    throw fail(
      'it is not a credential file (it has no "type"); download the key again from the Google Cloud console',
    );
  }
  const filled = (name: string) => typeof fields[name] === 'string' && fields[name] !== '';
  const missing = (REQUIRED[type] ?? []).filter((name) => !filled(name));
  if (missing.length > 0) {
    throw fail(`it lacks ${missing.join(' and ')}; download the key again from the Google Cloud console`);
  }
  if (type === 'service_account' && !readable(String(fields['private_key']))) {
    throw fail('its private key is damaged; make a new key for the service account');
  }
  const project = ['project_id', 'quota_project_id'].find(filled);
  return {
    type,
    ...(project === undefined ? {} : { projectId: String(fields[project]) }),
    ...(filled('client_email') ? { email: String(fields['client_email']) } : {}),
  };
}

/** Where gcloud keeps what `gcloud auth application-default login` makes. */
function wellKnownFile(env: Env): string | undefined {
  const windows = env['APPDATA'] && join(env['APPDATA'], 'gcloud');
  const folder =
    env['CLOUDSDK_CONFIG'] || (env['HOME'] ? join(env['HOME'], '.config', 'gcloud') : windows || undefined);
  return folder === undefined ? undefined : join(folder, 'application_default_credentials.json');
}

/**
 * Finds the credentials: the configured file, else Application Default Credentials in Google's order
 * (https://cloud.google.com/docs/authentication/application-default-credentials).
 *
 * Google's client, asked to find them by itself, searches the network for a metadata server whenever
 * no file is at hand: on a machine that is not on Google Cloud that takes seconds and prints a warning.
 *
 * @param onGoogleCloud Whether this machine is on Google Cloud.
 * @throws SourceError if there are none, or they are unusable.
 */
export function findCredentials(
  file: string | undefined,
  env: Env,
  onGoogleCloud: () => boolean,
): Credentials {
  if (file !== undefined) return { kind: 'file', path: file, key: inspectKeyFile(file) };
  const named = env['GOOGLE_APPLICATION_CREDENTIALS'];
  if (named) {
    return { kind: 'file', path: named, key: inspectKeyFile(named, 'GOOGLE_APPLICATION_CREDENTIALS') };
  }
  const known = wellKnownFile(env);
  if (known !== undefined && existsSync(known)) {
    return { kind: 'file', path: known, key: inspectKeyFile(known, 'gcloud credentials') };
  }
  // Whoever sets one of these knows that there is a metadata server; `none` says that there is not.
  const told = env['GCE_METADATA_HOST'] || env['GCE_METADATA_IP'] || env['METADATA_SERVER_DETECTION'];
  if (told === undefined || told === '' ? onGoogleCloud() : told !== 'none') return { kind: 'metadata' };
  throw new SourceError(
    'credentials-missing',
    'there are no Google credentials; set service.credential_file in tracked.yaml, or run: gcloud auth application-default login',
  );
}
