import { expect, it } from 'vitest';
import { remember } from '../src/remember.ts';

it('makes each result once, and forgets them when there are too many', () => {
  const made: string[] = [];
  const upper = remember(
    2,
    (text: string) => text,
    (text) => {
      made.push(text);
      return text.toUpperCase();
    },
  );
  expect(['a', 'b', 'a', 'b', 'c', 'c', 'a'].map(upper)).toEqual(['A', 'B', 'A', 'B', 'C', 'C', 'A']);
  expect(made).toEqual(['a', 'b', 'c', 'a']);
});
