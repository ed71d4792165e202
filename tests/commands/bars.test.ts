import { describe, expect, it } from 'vitest';
import { bar, columns, inkOf } from '../../src/commands/output.ts';

const UNICODE = inkOf({ LANG: 'en_US.UTF-8' });
const ASCII = inkOf({});

describe('the characters of a picture', () => {
  it.each([
    [{ LANG: 'de_DE.utf8' }, UNICODE],
    [{ LC_ALL: 'C', LANG: 'en_US.UTF-8' }, ASCII],
    [{ LC_CTYPE: 'C.UTF-8' }, UNICODE],
    [{ LANG: 'en_US.UTF-8', TERM: 'linux' }, ASCII],
    [{}, ASCII],
  ])('are those that %j can show', (env, ink) => {
    expect(inkOf(env)).toBe(ink);
  });
});

describe('a bar', () => {
  it.each([
    [0, 10, ''],
    [0, 0, ''],
    [10, 10, '##########'],
    [5, 10, '#####'],
    // Less than half a character is still something, and less than all is not full.
    [1, 1_000, '.'],
    [999, 1_000, '#########.'],
    [45, 100, '####.'],
  ])('of %i of %i has %j', (part, whole, expected) => {
    expect(bar(part, whole, 10, ASCII)).toBe(expected);
  });

  it('has eighths of a character where the terminal can show them', () => {
    expect(bar(3, 16, 2, UNICODE)).toBe('▍');
    expect(bar(11, 16, 2, UNICODE)).toBe('█▍');
  });
});

describe('a line of days', () => {
  it.each([
    [[0, 1, 2, 4, null, 8], 80, UNICODE, '·▁▂▄?█'],
    [[0, 1, 4, null, 8], 80, ASCII, '._-?#'],
    [[0, 0], 80, UNICODE, '··'],
    // Five days in two characters: three and two.
    [[1, 1, 1, 3, 3], 2, UNICODE, '▄█'],
    [[null, null, null, 3, 3], 2, UNICODE, '?█'],
  ])('of %j in %i characters', (values, cells, ink, expected) => {
    expect(columns(values, cells, ink)).toBe(expected);
  });
});
