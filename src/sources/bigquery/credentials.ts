import { createPrivateKey } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { gcpMetadata } from 'google-auth-library';
import type { Env } from '../../env.ts';
import type { ErrorCode } from '../../errors/codes.ts';
import { isObject, type JsonObject } from '../rows.ts';
import { SourceError } from '../source.ts';

/** The kind of credentials for Google. */
export type Identity = 'key' | 'login' | 'impersonation' | 'federation' | 'metadata';

/** A credential file that was looked at. */
interface CredentialFile {
  readonly identity: Identity;
  /** The project that it names, to pay. */
  readonly projectId?: string;
  /** All of it, with the key: for Google's library, and for nobody else. */
  readonly fields: JsonObject;
}

const LOGIN_AGAIN = 'log in again: gcloud auth application-default login';

/**
 * The types of credentials (https://cloud.google.com/docs/authentication/application-default-credentials): what one
 * signs in with, the fields that it cannot do without, and how to get a whole file.
 */
const TYPES: Readonly<Record<string, readonly [Identity, readonly string[], string]>> = {
  service_account: [
    'key',
    ['client_email', 'private_key'],
    'download the key again from the Google Cloud console',
  ],
  authorized_user: ['login', ['client_id', 'client_secret', 'refresh_token'], LOGIN_AGAIN],
  external_account_authorized_user: [
    'login',
    ['audience', 'refresh_token', 'token_url', 'client_id', 'client_secret'],
    LOGIN_AGAIN,
  ],
  impersonated_service_account: [
    'impersonation',
    ['service_account_impersonation_url', 'source_credentials'],
    `${LOGIN_AGAIN} --impersonate-service-account=ACCOUNT`,
  ],
  external_account: [
    'federation',
    ['audience', 'subject_token_type', 'credential_source'],
    'make it again: gcloud iam workload-identity-pools create-cred-config',
  ],
};

const filled = (fields: JsonObject, name: string) =>
  (typeof fields[name] === 'string' && fields[name] !== '') || isObject(fields[name]);

function isKey(privateKey: unknown): boolean {
  try {
    createPrivateKey(unescaped(String(privateKey)));
    return true;
  } catch {
    return false;
  }
}

/** What is wrong with the command that prints a token. Google's library does not survive one that cannot be started. */
function checkCommand(command: unknown, env: Env): string | undefined {
  if (env['GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES'] !== '1') {
    return 'its token comes from a command, which has to be allowed; set GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1';
  }
  const [, quoted, bare] = /^\s*(?:"([^"]*)"|(\S+))/.exec(String(command)) ?? [];
  const program = quoted ?? bare ?? '';
  try {
    accessSync(program, constants.X_OK);
    if (isAbsolute(program)) return undefined;
  } catch {
    // It is told below, like one without a path.
  }
  return 'credential_source.executable.command must begin with the absolute path of a program that may be run';
}

/** What is wrong with the content of a credential file, and how to fix it; undefined if nothing is. */
function check(fields: JsonObject, env: Env): string | undefined {
  const { type, private_key: key, source_credentials: source, credential_source: token } = fields;
  if (typeof type !== 'string') {
    return 'it is not a credential file (it has no "type"); download the key again from the Google Cloud console';
  }
  const known = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
  if (known === undefined) {
    const name = /^[\w-]{1,40}$/.test(type) ? `"${type}"` : 'in it';
    return `the type ${name} is unknown; it must be one of ${Object.keys(TYPES).join(', ')}`;
  }
  const [identity, required, remedy] = known;
  const missing = required.filter((name) => !filled(fields, name));
  if (missing.length > 0) return `it lacks ${missing.join(' and ')}; ${remedy}`;
  if (identity === 'key' && !isKey(key)) {
    return 'its private key is damaged; make a new key for the service account';
  }
  if (identity === 'impersonation') {
    const wrong = isObject(source) ? check(source, env) : 'it is no object';
    return wrong === undefined ? undefined : `source_credentials: ${wrong}`;
  }
  const { executable } = isObject(token) ? token : {};
  return isObject(executable) ? checkCommand(executable['command'], env) : undefined;
}

/** Line ends that were escaped once more than JSON asks for. No backslash stands in a PEM block otherwise. */
function unescaped(privateKey: string): string {
  return privateKey.replaceAll(/\\+r/g, '').replaceAll(/\\+n/g, '\n');
}

function repaired(fields: JsonObject): JsonObject {
  const { private_key: key, source_credentials: source } = fields;
  return {
    ...fields,
    ...(typeof key === 'string' ? { private_key: unescaped(key) } : {}),
    ...(isObject(source) ? { source_credentials: repaired(source) } : {}),
  };
}

/** Why a file cannot be read. */
const UNREADABLE: Record<string, string> = {
  ENOENT: 'there is no such file; put the service account key there',
  EACCES:
    'it may not be read; give the user that runs the collector read permission (where install.sh set up a service, leave credential_file out instead, and give the key to install.sh --key: the service has a copy of its own)',
  EISDIR:
    'this is a folder; put the credential file in its place (a container runtime makes a folder where the file that it should mount is missing)',
};

/**
 * Reads a credential file and looks at it, so that a wrong one is told apart from a refused one. A private key
 * whose line ends were escaped twice, as happens on the way through environment variables, is repaired.
 *
 * @param path Absolute path.
 * @param from What named the file, for messages.
 * @param env For what some types ask to be allowed.
 * @throws SourceError if it cannot be read or is no credential file. Nothing of its content is in the message.
 */
export function readCredentialFile(path: string, from: string, env: Env): CredentialFile {
  const fail = (what: string, code: ErrorCode = 'credentials-invalid') =>
    new SourceError(code, `sign-in: ${from} ${path}: ${what}`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw fail(UNREADABLE[code] ?? `it cannot be read (${code})`, 'credentials-unreadable');
  }
  if (text.trim() === 'none') {
    // What the service is handed where there is no key (deploy/systemd/pypi-badges-collect.service).
    throw fail(
      'there is no key at /etc/pypi-badges/gcp.json; run: install.sh --key FILE',
      'credentials-unreadable',
    );
  }
  if (text.trim() === '') {
    throw fail('it is empty; put the service account key there', 'credentials-unreadable');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fail('it is not JSON; download the key again from the Google Cloud console');
  }
  const content = isObject(value) ? value : {};
  const wrong = check(content, env);
  if (wrong !== undefined) throw fail(wrong);
  const fields = repaired(content);
  const [identity] = TYPES[String(fields['type'])] as readonly [Identity, ...unknown[]];
  const project = ['project_id', 'quota_project_id'].find((name) => filled(fields, name));
  return { identity, fields, ...(project === undefined ? {} : { projectId: String(fields[project]) }) };
}

/** The account at the end of an impersonation's address. */
const ACCOUNT = /\/serviceAccounts\/([^/:]+):generateAccessToken$/;

/** The account that is signed in as; undefined where the file does not tell, as of a person's login. */
function accountIn(fields: JsonObject): string | undefined {
  const { client_email: own, service_account_impersonation_url: url } = fields;
  if (typeof own === 'string') return own;
  const account = ACCOUNT.exec(String(url))?.[1];
  return account === undefined ? undefined : decodeURIComponent(account);
}

/** Where the credentials come from. */
export type Credentials =
  | { readonly kind: 'file'; readonly path: string; readonly file: CredentialFile }
  /** The machine is on Google Cloud and has an identity of its own. */
  | { readonly kind: 'metadata' };

/** Whether this machine is on Google Cloud. */
export const onGoogleCloud = () => gcpMetadata.getGCPResidency();

/** What one signs in with. */
export function identityOf(credentials: Credentials): Identity {
  return credentials.kind === 'metadata' ? 'metadata' : credentials.file.identity;
}

/** The account that asks, in words, for the operator alone. */
export function accountOf(credentials: Credentials): string {
  if (credentials.kind === 'metadata') return "this machine's own account";
  return accountIn(credentials.file.fields) ?? 'your own account';
}

/** Where gcloud keeps what `gcloud auth application-default login` makes. */
function wellKnownFile(env: Env): string | undefined {
  const folder = env['CLOUDSDK_CONFIG'] || (env['HOME'] && join(env['HOME'], '.config', 'gcloud'));
  return folder ? join(folder, 'application_default_credentials.json') : undefined;
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
export function findCredentials(
  file: string | undefined,
  env: Env,
  isOnGoogleCloud: () => boolean,
): Credentials {
  const at = (path: string, from: string): Credentials => ({
    kind: 'file',
    path,
    file: readCredentialFile(path, from, env),
  });
  if (file !== undefined) return at(file, 'credential_file');
  const named = env['GOOGLE_APPLICATION_CREDENTIALS'];
  if (named) return at(named, 'GOOGLE_APPLICATION_CREDENTIALS');
  const known = wellKnownFile(env);
  if (known !== undefined && existsSync(known)) return at(known, 'gcloud credentials');
  // Each of these is set by hand where there is a metadata server; `none` says that there is not.
  const told = env['GCE_METADATA_HOST'] || env['GCE_METADATA_IP'] || env['METADATA_SERVER_DETECTION'];
  if (told === undefined || told === '' ? isOnGoogleCloud() : told !== 'none') return { kind: 'metadata' };
  throw new SourceError(
    'credentials-missing',
    'sign-in: there are no Google credentials; set service.credential_file in tracked.yaml, or run: gcloud auth application-default login',
  );
}
