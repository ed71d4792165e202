import { describe, expect, it } from 'vitest';
import { misplacedSecret } from '../../src/errors/misplaced.ts';
import { everySecret, keyFile, RSA_PEM as PEM, randomText } from '../support/secrets.ts';

const FILE = keyFile(PEM);
const base64 = (text: string) => Buffer.from(text).toString('base64');
const FILE_64 = 'the content of a key file, in base64';

describe('misplacedSecret', () => {
  it.each(everySecret().map(({ kind, text }) => [kind, text]))('sees %s', (_, text) => {
    expect(misplacedSecret(text)).toEqual(expect.any(String));
  });

  it.each([
    ['a private key', PEM],
    ['a private key', PEM.slice(0, 100)],
    ['the content of a key file', FILE],
    ['the content of a key file', FILE.slice(0, 400)],
    [FILE_64, base64(FILE)],
    ['a private key, in base64', Buffer.from(PEM).toString('base64url')],
    [FILE_64, `"${base64(FILE)}"`],
    [FILE_64, `base64:${base64(FILE)}`],
    ['a private key, in base64', `data:text/plain;base64,${base64(PEM)}`],
    ['the content of a key file, percent-encoded', encodeURIComponent(FILE)],
    ['JSON', '{'],
    ['JSON', '{"a": 1}'],
    ['JSON', '["a"]'],
    ['an address with a password', 'https://a:b@example.com'],
    ['an address with a password', 'https://token@example.com'],
    ['an address with a password', '//a:b@example.com/x'],
    ['an address with a password', 'a:b@localhost:9050'],
    ['a token', `ya29.${randomText(80)}`],
    ['a token, in base64', Buffer.from(`token ya29.${randomText(40)}`).toString('base64')],
    ['several lines of text', 'a\nb'],
    ['text with control characters', 'a\u0007b'],
    ['text with control characters', 'a\u202eb'],
    ['text with control characters', 'a\u2028b'],
    ['something longer than a path can be', '/a'.repeat(2_048)],
    ['something longer than a path can be', `/${'a'.repeat(256)}`],
  ])('says %s', (what, text) => {
    expect(misplacedSecret(text)).toBe(what);
  });

  it.each([
    ['nothing', ''],
    ['a path', '/etc/pypi-badges/gcp.json'],
    ['a path of Windows', 'C:\\Users\\Jane Doe\\key.json'],
    ['a glob', 'exports/[0-9]*/{a,b}/*.parquet'],
    ['a path with signs', '/srv/@scope/a:b/c,d/(e)/é'],
    ['a long path', '/abcdefg'.repeat(500)],
    ['a table', 'bigquery-public-data.pypi.file_downloads'],
    ['an address', 'https://badges.example.com:8443/x'],
    ['a host', '127.0.0.1:9050'],
    ['an address of IPv6', 'http://[::1]:9050'],
    ['a project', 'example.com:acme-billing-4711'],
    ['a name', 'Flask_SQLAlchemy'],
    ['an option', '--log-level=debug'],
    ['words that name a secret', 'password=hunter2'],
    ['a word in base64', 'aGVsbG8gd29ybGQsIGhlbGxv'],
  ])('leaves %s alone', (_, text) => {
    expect(misplacedSecret(text)).toBeUndefined();
  });

  it('allows a proxy its password, and nothing else', () => {
    expect(misplacedSecret('http://a:b@proxy:3128', { password: true })).toBeUndefined();
    expect(misplacedSecret(FILE, { password: true })).toBe('the content of a key file');
    expect(misplacedSecret(`${'host.example.com,'.repeat(500)}x`, { list: true })).toBeUndefined();
  });
});
