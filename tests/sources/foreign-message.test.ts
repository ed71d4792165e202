import { describe, expect, it } from 'vitest';
import { firstLine, wordsOf } from '../../src/sources/foreign-message.ts';

describe('words of others', () => {
  it('are one line', () => {
    expect(wordsOf('  Not\n found:\tTable  ')).toBe('Not found: Table');
  });

  it.each([
    ['at a space', `${'word '.repeat(400)}`],
    ['anywhere if there is no space', 'x'.repeat(2_000)],
  ])('are cut %s', (_, text) => {
    const words = wordsOf(text);
    expect(words.length).toBeLessThanOrEqual(1_000);
    expect(words.length).toBeGreaterThan(900);
    expect(words).toMatch(/(?:word|x)\.\.\.$/);
  });
});

describe('the first line of what others say', () => {
  it.each([
    ['\n\n first\n second', 'first'],
    ['', ''],
    [' \n ', ''],
  ])('of %j is %j', (text, line) => {
    expect(firstLine(text)).toBe(line);
  });

  it('is at most 300 characters', () => {
    expect(firstLine('y'.repeat(900))).toHaveLength(300);
  });
});
