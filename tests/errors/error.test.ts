import { expect, it } from 'vitest';
import { bugIn, OperatorError, printable, REMOVED, sanitizeMessage } from '../../src/errors/error.ts';

it.each([
  ['words', 'no such table', 'no such table'],
  ['several lines', 'one\n  two\r\n\u2028three', 'one two three'],
  ['a terminal sequence', '\u001b]0;gone\u0007\u009b2J', '\ufffd]0;gone\ufffd\ufffd2J'],
  ['bidi and invisible characters', 'a\u202eb\u2066c\u200bd\u0000', 'a\ufffdb\ufffdc\ufffdd\ufffd'],
  ['half of a surrogate pair', 'a\ud83d', 'a\ufffd'],
])('makes %s printable', (_, text, expected) => {
  expect(printable(text)).toBe(expected);
});

/** What stands in double angle brackets is a secret. */
it.each([
  ['a PEM block', 'bad <<-----BEGIN PRIVATE KEY-----\nMIIEvQ==\n-----END PRIVATE KEY----->> here'],
  ['the beginning of a PEM block', 'bad <<-----BEGIN RSA PRIVATE KEY-----\\nMIIE>>'],
  ['a JWT', 'assertion <<eyJhbGciOi.eyJpc3Mi.c2ln>> refused'],
  ["one of Google's access tokens", 'Bearer <<ya29.a0AfH6SM_x-y>> is old'],
  ['the password of an address', 'via http://<<me:hush>>@proxy:3128/ failed'],
  ['what the program has read, also encoded', 'user pip said <<p@ss w0rd>> and <<p%40ss%20w0rd>>'],
  ['nothing of an account', 'serviceAccount:badges@example.iam.gserviceaccount.com may not read'],
  ['nothing of a table', 'Access Denied: Table p:d.t: User does not have permission'],
  ['nothing of a word for a secret', 'job pypi-badges_0b1c, etag abc=, key=value, password: unknown'],
])('removes %s from a message', (_, text) => {
  // Words of three letters are no secrets.
  const known = ['p@ss w0rd', 'pip'];
  const expected = text.replaceAll(/<<.*?>>/gs, REMOVED);
  expect(sanitizeMessage(text.replaceAll(/<<|>>/g, ''), known)).toBe(expected);
});

it('shows at most 300 characters, with secrets removed before they could be cut in two', () => {
  const shown = sanitizeMessage(`${'x'.repeat(290)} hush-hush ${'y'.repeat(100)}`, ['hush-hush']);
  expect(shown).toHaveLength(300);
  expect(shown).not.toContain('hush');
});

it('finds the fault of the program in whatever was thrown', () => {
  const fault = new TypeError('odd');
  expect(bugIn(fault)).toBe(fault);
  expect(bugIn(new OperatorError('bug', 'not attempted', { cause: fault }))).toBe(fault);
  const bare = new OperatorError('bug', 'odd');
  expect(bugIn(bare)).toBe(bare);
  expect(bugIn(new OperatorError('disk-full', 'full', { cause: fault }))).toBeUndefined();
});
