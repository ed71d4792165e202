import { accessSync, constants, existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { gcpMetadata } from 'google-auth-library';
import type { ErrorCode } from '../../errors/codes.ts';
import { SourceError } from '../../errors/error.ts';
import { type Env, isObject, type JsonObject, objectOf } from '../../util.ts';
import { readSecret } from '../fields.ts';

/** The kind of credentials for Google. */
export type Identity = 'key' | 'login' | 'impersonation' | 'federation' | 'metadata';

/** What one signs in with: a file, or the identity that a machine on Google Cloud has of its own. */
export interface Credentials {
  readonly identity: Identity;
  /** Where the file is; undefined for a machine's own identity. */
  readonly path?: string;
  /** All of the file, with the key: for Google's library, and for nobody else. */
  readonly fields: JsonObject;
}

/** The types of credential files (https://cloud.google.com/docs/authentication/application-default-credentials). */
const IDENTITIES: ReadonlyMap<unknown, Identity> = new Map<unknown, Identity>([
  ['service_account', 'key'],
  ['authorized_user', 'login'],
  ['external_account_authorized_user', 'login'],
  ['impersonated_service_account', 'impersonation'],
  ['external_account', 'federation'],
]);

/** Whether a command can be run. Google's library does not survive one that cannot be started. */
function canRun(command: unknown): boolean {
  const [, quoted, bare] = /^\s*(?:"([^"]*)"|(\S+))/.exec(String(command)) ?? [];
  const program = quoted ?? bare ?? '';
  try {
    accessSync(program, constants.X_OK);
    return isAbsolute(program);
  } catch {
    return false;
  }
}

/** Line ends that were escaped once more than JSON asks for, as happens on the way through environment variables. */
function unescapeKey(name: string, value: unknown): unknown {
  // No backslash stands in a PEM block otherwise.
  const isKey = name === 'private_key' && typeof value === 'string';
  return isKey ? value.replaceAll(/\\+r/g, '').replaceAll(/\\+n/g, '\n') : value;
}

/** Where install.sh puts the key of the service. */
const SERVICE_KEY = '/etc/pypi-badges/gcp.json';

/** Why a file cannot be read. */
const UNREADABLE: Record<string, string> = {
  ENOENT: 'there is no such file; put the service account key there',
  EACCES:
    'it may not be read; give the user that runs the collector read permission (where install.sh set up a service, leave credential_file out instead, and give the key to install.sh --key: the service has a copy of its own)',
  EISDIR:
    'this is a folder; put the credential file in its place (a container runtime makes a folder where the file that it should mount is missing)',
};

/**
 * Reads a credential file. What it lacks is told by Google's library, or by who refuses it.
 *
 * @param path Absolute path.
 * @param from What named the file, for messages.
 * @throws SourceError if it cannot be read or is no credential file. Nothing of its content is in the message.
 */
export function readCredentialFile(path: string, from: string): Credentials {
  const fail = (what: string, code: ErrorCode = 'credentials-invalid') =>
    new SourceError(code, `sign-in: ${from} ${path}: ${what}`);
  const text = readSecret(`sign-in: ${from}`, path, UNREADABLE);
  if (text.trim() === 'none') {
    // What the service is handed where there is no key (deploy/systemd/pypi-badges-collect.service).
    const why = existsSync(SERVICE_KEY)
      ? `the service was not handed the key ${SERVICE_KEY}: a drop-in takes LoadCredential= away (systemctl cat pypi-badges-collect shows it); run install.sh again`
      : `there is no key at ${SERVICE_KEY}; run: install.sh --key FILE`;
    throw fail(why, 'credentials-unreadable');
  }
  if (text.trim() === '')
    throw fail('it is empty; put the service account key there', 'credentials-unreadable');
  let fields: JsonObject;
  try {
    fields = objectOf(JSON.parse(text, unescapeKey));
  } catch {
    throw fail('it is not JSON; download the key again from the Google Cloud console');
  }
  const identity = IDENTITIES.get(fields['type']);
  if (identity === undefined) {
    const types = [...IDENTITIES.keys()].join(', ');
    throw fail(
      `it is not a credential file (its "type" must be one of ${types}); download the key again from the Google Cloud console`,
    );
  }
  const { executable } = objectOf(objectOf(fields['source_credentials'] ?? fields)['credential_source']);
  if (isObject(executable) && !canRun(executable['command'])) {
    throw fail(
      'credential_source.executable.command must begin with the absolute path of a program that may be run',
    );
  }
  return { identity, path, fields };
}

/** The account that asks, in words, for the operator alone. */
export function accountOf({ identity, fields }: Credentials): string {
  if (identity === 'metadata') return "this machine's own account";
  const { client_email: own, service_account_impersonation_url: url } = fields;
  if (typeof own === 'string') return own;
  const account = /\/serviceAccounts\/([^/:]+):generateAccessToken$/.exec(String(url))?.[1];
  return account === undefined ? 'your own account' : decodeURIComponent(account);
}

/**
 * Finds the credentials: the configured file, else Application Default Credentials in Google's order
 * (https://cloud.google.com/docs/authentication/application-default-credentials).
 *
 * Google's client, asked to find them by itself, searches the network for a metadata server whenever
 * no file is at hand: on a machine that is not on Google Cloud that takes seconds and prints a warning.
 *
 * @throws SourceError if there are none, or they are unusable.
 */
export function findCredentials(file: string | undefined, env: Env): Credentials {
  if (file !== undefined) return readCredentialFile(file, 'credential_file');
  const named = env['GOOGLE_APPLICATION_CREDENTIALS'];
  if (named) return readCredentialFile(named, 'GOOGLE_APPLICATION_CREDENTIALS');
  // Where `gcloud auth application-default login` puts them.
  const folder = env['CLOUDSDK_CONFIG'] || (env['HOME'] && join(env['HOME'], '.config', 'gcloud'));
  const known = folder && join(folder, 'application_default_credentials.json');
  if (known && existsSync(known)) return readCredentialFile(known, 'gcloud credentials');
  // Each of these is set by hand where there is a metadata server; `none` says that there is not.
  const told = env['GCE_METADATA_HOST'] || env['GCE_METADATA_IP'] || env['METADATA_SERVER_DETECTION'];
  if (told ? told !== 'none' : gcpMetadata.getGCPResidency()) return { identity: 'metadata', fields: {} };
  throw new SourceError(
    'credentials-missing',
    'sign-in: there are no Google credentials; count from ClickHouse, which needs none (service.source: clickhouse in tracked.yaml), or set service.credential_file, or run: gcloud auth application-default login',
  );
}
