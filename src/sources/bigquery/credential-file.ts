import { createPrivateKey } from 'node:crypto';
import { accessSync, constants, readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import type { Env } from '../../env.ts';
import type { ErrorCode, Identity } from '../../errors/codes.ts';
import { SourceError } from '../source.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A credential file that was looked at. */
export interface CredentialFile {
  readonly identity: Identity;
  /** The project that it names, to pay. */
  readonly projectId?: string;
  /** All of it, with the key: for Google's library, and for nobody else. */
  readonly fields: Fields;
}

/** A type of credential: https://cloud.google.com/docs/authentication/application-default-credentials */
interface Type {
  readonly identity: Identity;
  /** Fields that it cannot do without. */
  readonly required: readonly string[];
  /** What else is wrong with it, and how to mend that. */
  readonly check?: (fields: Fields, env: Env) => string | undefined;
  /** How to get a whole one. */
  readonly remedy: string;
}

const LOGIN_AGAIN = 'log in again: gcloud auth application-default login';

const filled = (fields: Fields, name: string) =>
  (typeof fields[name] === 'string' && fields[name] !== '') || isObject(fields[name]);

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAddress(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && /^https?:/.test(value);
}

function checkKey({ private_key }: Fields): string | undefined {
  try {
    createPrivateKey(unescaped(String(private_key)));
    return undefined;
  } catch {
    return 'its private key is damaged; make a new key for the service account';
  }
}

/** The account at the end of an impersonation's address. */
const ACCOUNT = /\/serviceAccounts\/([^/:]+):generateAccessToken$/;

function checkImpersonation(fields: Fields, env: Env): string | undefined {
  const { service_account_impersonation_url: url, source_credentials: source } = fields;
  if (!isAddress(url) || !ACCOUNT.test(String(url))) {
    return 'service_account_impersonation_url must be https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/ACCOUNT:generateAccessToken';
  }
  const wrong = isObject(source) ? check(source, env) : 'it is no object';
  return wrong === undefined ? undefined : `source_credentials: ${wrong}`;
}

const SOURCES = ['file', 'url', 'executable', 'environment_id', 'certificate'];

function checkFederation(fields: Fields, env: Env): string | undefined {
  const { credential_source: source, service_account_impersonation_url: account } = fields;
  if (!isObject(source) || !SOURCES.some((name) => filled(source, name))) {
    return 'credential_source must have a file, a url, an executable, an environment_id or a certificate';
  }
  for (const [name, value] of [
    ['token_url', fields['token_url']],
    ['service_account_impersonation_url', account],
    ['credential_source.url', source['url']],
  ] as const) {
    if (value !== undefined && !isAddress(value)) return `${name} must be a web address`;
  }
  if (account !== undefined && !ACCOUNT.test(String(account))) {
    return 'service_account_impersonation_url must end in /serviceAccounts/ACCOUNT:generateAccessToken';
  }
  return isObject(source['executable']) ? checkCommand(source['executable'], env) : undefined;
}

const NO_PROGRAM =
  'credential_source.executable.command must begin with the absolute path of a program that may be run';

/** Google's library does not survive a command that cannot be started. */
function checkCommand({ command }: Fields, env: Env): string | undefined {
  if (env['GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES'] !== '1') {
    return 'its token comes from a command, which has to be allowed; set GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1';
  }
  const [, quoted, bare] = /^\s*(?:"([^"]*)"|(\S+))/.exec(String(command)) ?? [];
  try {
    const program = quoted ?? bare ?? '';
    if (isAbsolute(program)) accessSync(program, constants.X_OK);
    return isAbsolute(program) ? undefined : NO_PROGRAM;
  } catch {
    return NO_PROGRAM;
  }
}

const TYPES: Readonly<Record<string, Type>> = {
  service_account: {
    identity: 'key',
    required: ['client_email', 'private_key'],
    check: checkKey,
    remedy: 'download the key again from the Google Cloud console',
  },
  authorized_user: {
    identity: 'login',
    required: ['client_id', 'client_secret', 'refresh_token'],
    remedy: LOGIN_AGAIN,
  },
  external_account_authorized_user: {
    identity: 'login',
    required: ['audience', 'refresh_token', 'token_url', 'client_id', 'client_secret'],
    remedy: LOGIN_AGAIN,
  },
  impersonated_service_account: {
    identity: 'impersonation',
    required: ['service_account_impersonation_url', 'source_credentials'],
    check: checkImpersonation,
    remedy: `${LOGIN_AGAIN} --impersonate-service-account=ACCOUNT`,
  },
  external_account: {
    identity: 'federation',
    required: ['audience', 'subject_token_type', 'credential_source'],
    check: checkFederation,
    remedy: 'make it again: gcloud iam workload-identity-pools create-cred-config',
  },
};

/** What is wrong with the content of a credential file, and how to mend it; undefined if nothing is. */
function check(fields: Fields, env: Env): string | undefined {
  const { type } = fields;
  if (typeof type !== 'string') {
    return 'it is not a credential file (it has no "type"); download the key again from the Google Cloud console';
  }
  const known = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
  if (known === undefined) {
    const name = /^[\w-]{1,40}$/.test(type) ? `"${type}"` : 'in it';
    return `the type ${name} is unknown; it must be one of ${Object.keys(TYPES).join(', ')}`;
  }
  const missing = known.required.filter((name) => !filled(fields, name));
  if (missing.length > 0) return `it lacks ${missing.join(' and ')}; ${known.remedy}`;
  return known.check?.(fields, env);
}

/** Line ends that were escaped once more than JSON asks for. No backslash stands in a PEM block otherwise. */
function unescaped(privateKey: string): string {
  return privateKey.replaceAll(/\\+r/g, '').replaceAll(/\\+n/g, '\n');
}

function repaired(fields: Fields): Fields {
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
  const { identity } = TYPES[String(fields['type'])] as Type;
  const project = ['project_id', 'quota_project_id'].find((name) => filled(fields, name));
  return { identity, fields, ...(project === undefined ? {} : { projectId: String(fields[project]) }) };
}

/** The account that is signed in as; undefined where the file does not tell, as of a person's login. */
export function accountIn(fields: Fields): string | undefined {
  const { client_email: own, service_account_impersonation_url: url } = fields;
  if (typeof own === 'string') return own;
  const account = ACCOUNT.exec(String(url))?.[1];
  return account === undefined ? undefined : decodeURIComponent(account);
}

/** The account that is impersonated, and where to ask for its tokens. */
export function impersonated(fields: Fields): { account: string; endpoint: string } {
  const url = String(fields['service_account_impersonation_url']);
  return { account: decodeURIComponent(ACCOUNT.exec(url)?.[1] ?? ''), endpoint: new URL(url).origin };
}
