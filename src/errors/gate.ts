import { type Gate, REMOVED, redact } from './redact.ts';

/*
 * Secrets that need no guessing: what this process was given where secrets stand.
 */

type Env = Readonly<Record<string, string | undefined>>;

/** Names of variables that hold secrets; those that end in _FILE or the like hold a path. */
const SECRET_NAME =
  /(?:^|_)(?:API_?KEY|KEY|TOKEN|PAT|SECRET|PASSWORD|PASSWD|PASS|PASSPHRASE|CREDENTIALS?)(?:_|$)/i;
const PATH_NAME = /_(?:FILE|PATH|DIR|URL|HOST|NAME|ID)$/i;

/** A path, or the name of a file. */
const PLAIN_PATH = /^(?:(?:~|\.{0,2})\/|[A-Za-z]:\\)[\w .@~/\\:+-]*$|^[\w.-]+\.(?:json|pem|key|txt)$/;

/** `scheme://user:password@` and `user:password@`; an address may hold any sign in its password. */
const USER = /^(?:[a-z][a-z0-9+.-]*:\/\/)?([^/?#:]*):([\s\S]*)@/i;

/** Shortest secret that is removed: fewer letters are part of half of all words. */
const LENGTH_MIN = 4;

/**
 * A word or number that every file is full of. To take these out would break the files, and tell which word
 * it is; where one stands as a password in an address, it is removed for that.
 */
const COMMON =
  /^(?:[a-z]{1,7}|\d{1,7}|downloads|packages|installer|installers|upstream|finished|attempted|excluded|duration|bigquery|clickhouse|warnings|transparent|background|document|function|undefined|postgres|password|credentials)$/i;

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The secrets in an environment: values of variables that are named for it, and passwords in addresses,
 * whatever the variable is called.
 */
export function secretsOf(env: Env): string[] {
  return Object.entries(env).flatMap(([name, value = '']) => {
    const [, user = '', password = ''] = USER.exec(value) ?? [];
    const secrets = password === '' ? [] : [password, decoded(password), `${user}:${password}`];
    const named = SECRET_NAME.test(name) && !PATH_NAME.test(name) && !PLAIN_PATH.test(value);
    return named ? [...secrets, value] : secrets;
  });
}

/** The three ways in which base64 writes a text, depending on where in the whole it begins. */
function inBase64(secret: string): string[] {
  return [0, 1, 2].map((offset) => {
    const whole = Buffer.from(`${' '.repeat(offset)}${secret}`)
      .toString('base64')
      .replaceAll('=', '');
    // The first and the last character depend on the neighbours, too.
    return whole.slice(offset === 0 ? 0 : offset + 1, -1);
  });
}

function inHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

function forms(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const base64 = secret.length < 6 ? [] : inBase64(secret);
  const url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  const plain = [
    secret,
    json,
    JSON.stringify(json).slice(1, -1),
    encodeURIComponent(secret),
    encodeURI(secret),
  ];
  return [...plain, inHtml(secret), ...base64, ...url];
}

function escapeForPattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

/**
 * Makes the gate of one process.
 *
 * @param env Its environment. What stands there as a secret is removed wherever it appears: as it is,
 * escaped, percent-encoded or in base64. Less than four characters are not, nor are words such as "true".
 */
export function createGate(env: Env): Gate {
  const secrets = secretsOf(env)
    .map((secret) => secret.trim())
    .filter((secret) => secret.length >= LENGTH_MIN && !COMMON.test(secret));
  const all = [...new Set(secrets.flatMap(forms))].toSorted((a, b) => b.length - a.length);
  if (all.length === 0) return redact;
  const known = new RegExp(all.map(escapeForPattern).join('|'), 'g');
  return (text) => redact(text.replace(known, REMOVED));
}
