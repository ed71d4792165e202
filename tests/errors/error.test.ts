import { expect, it } from 'vitest';
import { printable, REMOVED, sanitizeMessage } from '../../src/errors/error.ts';

it.each([
  ['words', 'no such table', 'no such table'],
  ['several lines', 'one\n  two\r\n\u2028three', 'one two three'],
  ['a terminal sequence', '\u001b]0;gone\u0007\u009b2J', '\ufffd]0;gone\ufffd\ufffd2J'],
  ['bidi and invisible characters', 'a\u202eb\u2066c\u200bd\u0000', 'a\ufffdb\ufffdc\ufffdd\ufffd'],
  ['half of a surrogate pair', 'a\ud83d', 'a\ufffd'],
])('makes %s printable', (_, text, expected) => {
  expect(printable(text)).toBe(expected);
});

const BLOCK = '-----BEGIN PRIVATE KEY-----\nMIIEvQ==\n-----END PRIVATE KEY-----';

it.each([
  ['a PEM block', `bad ${BLOCK} here`, `bad ${REMOVED} here`],
  ['the beginning of a PEM block', 'bad -----BEGIN RSA PRIVATE KEY-----\\nMIIE', `bad ${REMOVED}`],
  ['a JWT', 'assertion eyJhbGciOi.eyJpc3Mi.c2ln refused', `assertion ${REMOVED} refused`],
  ["one of Google's access tokens", 'Bearer ya29.a0AfH6SM_x-y is old', `Bearer ${REMOVED} is old`],
  [
    'the password of an address',
    'via http://me:hush@proxy:3128/ failed',
    `via http://${REMOVED}@proxy:3128/ failed`,
  ],
])('removes %s from a message', (_, text, expected) => {
  expect(sanitizeMessage(text)).toBe(expected);
});

it.each([
  'serviceAccount:badges@example.iam.gserviceaccount.com may not read',
  'Access Denied: Table p:d.t: User does not have permission',
  'job pypi-badges_0b1c, etag abc=, key=value, password: unknown',
])('leaves what is no secret: %s', (text) => {
  expect(sanitizeMessage(text)).toBe(text);
});

it('removes secrets that the program has read, also percent-encoded, and leaves words of three letters', () => {
  expect(sanitizeMessage('user pip said p@ss w0rd and p%40ss%20w0rd', ['p@ss w0rd', 'pip'])).toBe(
    `user pip said ${REMOVED} and ${REMOVED}`,
  );
});

it('shows at most 300 characters, with secrets removed before they could be cut in two', () => {
  const text = `${'x'.repeat(290)} hush-hush ${'y'.repeat(100)}`;
  const shown = sanitizeMessage(text, ['hush-hush']);
  expect(shown).toHaveLength(300);
  expect(shown).not.toContain('hush');
});
