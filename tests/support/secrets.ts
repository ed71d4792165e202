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
  const key = material(RSA_PEM);
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const ec = String(curve.export({ type: 'sec1', format: 'pem' }));
  const file = keyFile(RSA_PEM);
  const [base64, base64url] = [Buffer.from(file).toString('base64'), Buffer.from(file).toString('base64url')];
  const password = randomText(14);
  const refresh = `1//0g${randomText(48)}`;
  const client = `GOCSPX-${randomText(28)}`;
  const login = JSON.stringify({ type: 'authorized_user', client_secret: client, refresh_token: refresh });
  const access = `ya29.${randomText(80)}`;
  const [header, claims] = ['{"alg":"RS256","typ":"JWT"}', '{"iss":"me"}'].map((part) =>
    Buffer.from(part).toString('base64url'),
  );
  const jwt = `${header}.${claims}.${randomText(86)}`;
  const address = `https://badges:${password}@db.example.com:8443/x`;
  const kinds: [kind: string, text: string, ...secrets: string[]][] = [
    ['a key file', file, key],
    ['a key file in one line', JSON.stringify(JSON.parse(file)), key],
    ['a private key', RSA_PEM, key],
    ['a private key with escaped newlines', RSA_PEM.replaceAll('\n', '\\n'), key],
    ['a private key with newlines escaped twice', RSA_PEM.replaceAll('\n', '\\\\n'), key],
    ['a private key that is cut short', RSA_PEM.slice(0, 700), key],
    ['an elliptic private key', ec, material(ec)],
    ['a key file in base64', base64, key, base64],
    ['a key file in base64 with line breaks', base64.replaceAll(/(.{76})/g, '$1\n'), base64],
    ['a key file in base64url', base64url, base64url],
    ['a key file, percent-encoded', encodeURIComponent(file), key],
    ['a key file in base64, percent-encoded', encodeURIComponent(base64), base64],
    ['a login', login, client, refresh],
    ['an access token', access, access],
    ['an identity token', jwt, jwt],
    ['an address with a password', address, password],
    ['a password without a scheme', `badges:${password}@localhost:9050`, password],
  ];
  return kinds.map(([kind, text, ...secrets]) => ({ kind, text, fragments: secrets.flatMap(pieces) }));
}

/** What of a secret stands in a text; undefined if nothing does. */
export function leakOf(secret: Secret, text: string): string | undefined {
  return secret.fragments.find((fragment) => text.includes(fragment));
}
