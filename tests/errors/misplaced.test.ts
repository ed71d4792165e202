import { describe, expect, it } from 'vitest';
import { misplacedSecret } from '../../src/errors/misplaced.ts';
import { keyFile, RSA_PEM as PEM, randomText } from '../support/secrets.ts';

const FILE = keyFile(PEM);
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('misplacedSecret', () => {
  it.each<[what: string, ...texts: string[]]>([
    ['a private key', PEM, PEM.slice(0, 100)],
    [
      'a private key, in base64',
      Buffer.from(PEM).toString('base64url'),
      `data:text/plain;base64,${base64(PEM)}`,
    ],
    ['the content of a key file', FILE, FILE.slice(0, 400)],
    ['the content of a key file, in base64', base64(FILE), `"${base64(FILE)}"`, `base64:${base64(FILE)}`],
    [
      'the content of a key file, percent-encoded',
      encodeURIComponent(FILE),
      encodeURIComponent(FILE).slice(0, 400),
    ],
    ['JSON', '{', '{"a": 1}', '["a"]'],
    ['an address with a password', 'https://a:b@example.com', 'https://token@example.com'],
    ['an address with a password', '//a:b@example.com/x', 'a:b@localhost:9050'],
    ['a token', `ya29.${randomText(80)}`],
    ['a token, in base64', base64(`token ya29.${randomText(40)}`)],
    ['several lines of text', 'a\nb'],
    ['text with control characters', 'a\u0007b', 'a\u202eb', 'a\u2028b'],
    ['something longer than a path can be', '/a'.repeat(2_048), `/${'a'.repeat(256)}`],
  ])('says %s', (what, ...texts) => {
    for (const text of texts) expect(misplacedSecret(text), text).toBe(what);
  });

  it.each([
    ...['', '/etc/pypi-badges/gcp.json', 'C:\\Users\\Jane Doe\\key.json', 'exports/[0-9]*/{a,b}/*.parquet'],
    ...['/srv/@scope/a:b/c,d/(e)/é', '/abcdefg'.repeat(500), 'bigquery-public-data.pypi.file_downloads'],
    ...['https://badges.example.com:8443/x', '127.0.0.1:9050', 'http://[::1]:9050', 'Flask_SQLAlchemy'],
    // A project, an option, words that name a secret, and a word in base64.
    ...['example.com:acme-billing-4711', '--log-level=debug', 'password=hunter2', 'aGVsbG8gd29ybGQsIGhlbGxv'],
  ])('leaves %j alone', (text) => {
    expect(misplacedSecret(text)).toBeUndefined();
  });

  it('allows a proxy its password, and nothing else', () => {
    expect(misplacedSecret('http://a:b@proxy:3128', { password: true })).toBeUndefined();
    expect(misplacedSecret(FILE, { password: true })).toBe('the content of a key file');
    expect(misplacedSecret(`${'host.example.com,'.repeat(500)}x`, { list: true })).toBeUndefined();
  });
});
