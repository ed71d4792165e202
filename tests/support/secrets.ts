import { generateKeyPairSync } from 'node:crypto';

/*
 * Secrets as people have them, made anew by each run, so that no scanner of repositories finds them; and
 * how to see whether a text gives one away.
 */

const pick = (alphabet: string, bytes: Uint8Array) =>
  [...bytes].map((byte) => alphabet[byte % alphabet.length]).join('');

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** `length` random letters and digits. */
export function randomText(length: number): string {
  return pick(LETTERS, crypto.getRandomValues(new Uint8Array(length)));
}

/** The key material of a PEM block, without line breaks. */
export function material(pem: string): string {
  return pem.replaceAll(/-----[^-]+-----|\s/g, '');
}

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
/** The one RSA key of all tests, as it takes a tenth of a second to make. */
export const RSA_PEM = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));

export function ecPem(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return String(privateKey.export({ type: 'sec1', format: 'pem' }));
}

/** A service account's key file, as Google makes it. */
export function keyFile(pem: string): string {
  const key = {
    type: 'service_account',
    project_id: 'acme-billing-4711',
    private_key_id: 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00',
    private_key: pem,
    client_email: 'badges@acme-billing-4711.iam.gserviceaccount.com',
    client_id: '104729104729104729104',
    token_uri: 'https://oauth2.googleapis.com/token',
  };
  return JSON.stringify(key, null, 2);
}

/** A text that must not get out, and what of it would give it away. */
export interface Secret {
  readonly kind: string;
  readonly text: string;
  /** Any of these in an output is a leak. */
  readonly fragments: readonly string[];
}

/** Every piece of 16 characters. */
export function pieces(text: string): string[] {
  return Array.from({ length: Math.max(1, text.length - 15) }, (_, at) => text.slice(at, at + 16));
}

/** A secret of every kind that is known by how it looks. */
export function everySecret(): Secret[] {
  const pem = RSA_PEM;
  const ec = ecPem();
  const file = keyFile(pem);
  const base64 = Buffer.from(file).toString('base64');
  const password = randomText(14);
  const refresh = `1//0g${randomText(48)}`;
  const client = `GOCSPX-${randomText(28)}`;
  const login = JSON.stringify({ type: 'authorized_user', client_secret: client, refresh_token: refresh });
  const access = `ya29.${randomText(80)}`;
  const jwt = `${Buffer.from('{"alg":"RS256","typ":"JWT"}').toString('base64url')}.${Buffer.from('{"iss":"me"}').toString('base64url')}.${randomText(86)}`;
  const key = pieces(material(pem));
  const one = (kind: string, text: string, secret = text): Secret => ({
    kind,
    text,
    fragments: pieces(secret),
  });
  return [
    { kind: 'a key file', text: file, fragments: key },
    { kind: 'a key file in one line', text: JSON.stringify(JSON.parse(file)), fragments: key },
    { kind: 'a private key', text: pem, fragments: key },
    { kind: 'a private key with escaped newlines', text: pem.replaceAll('\n', '\\n'), fragments: key },
    {
      kind: 'a private key with newlines escaped twice',
      text: pem.replaceAll('\n', '\\\\n'),
      fragments: key,
    },
    { kind: 'a private key that is cut short', text: pem.slice(0, 700), fragments: key },
    { kind: 'an elliptic private key', text: ec, fragments: pieces(material(ec)) },
    { kind: 'a key file in base64', text: base64, fragments: [...key, ...pieces(base64)] },
    {
      kind: 'a key file in base64 with line breaks',
      text: base64.replaceAll(/(.{76})/g, '$1\n'),
      fragments: pieces(base64),
    },
    one('a key file in base64url', Buffer.from(file).toString('base64url')),
    { kind: 'a key file, percent-encoded', text: encodeURIComponent(file), fragments: key },
    {
      kind: 'a key file in base64, percent-encoded',
      text: encodeURIComponent(base64),
      fragments: pieces(base64),
    },
    { kind: 'a login', text: login, fragments: [...pieces(client), ...pieces(refresh)] },
    one('an access token', access),
    one('an identity token', jwt),
    {
      kind: 'an address with a password',
      text: `https://badges:${password}@db.example.com:8443/x`,
      fragments: [password],
    },
    { kind: 'a password without a scheme', text: `badges:${password}@localhost:9050`, fragments: [password] },
  ];
}

/** What of a secret stands in a text; undefined if nothing does. */
export function leakOf(secret: Secret, text: string): string | undefined {
  return secret.fragments.find((fragment) => text.includes(fragment));
}
