import { describe, expect, it } from 'vitest';
import { abortable, memoize } from '../src/util.ts';

describe('memoize', () => {
  it('makes each result once, and forgets them when there are too many', () => {
    const made: string[] = [];
    const make = (text: string) => {
      made.push(text);
      return text.toUpperCase();
    };
    const upper = memoize(2, (text: string) => text, make);
    expect(['a', 'b', 'a', 'b', 'c', 'c', 'a'].map(upper)).toEqual(['A', 'B', 'A', 'B', 'C', 'C', 'A']);
    expect(made).toEqual(['a', 'b', 'c', 'a']);
  });
});

describe('abortable', () => {
  const never = new Promise<never>(() => undefined);

  it('gives what comes first: the result, its fault, or the signal', async () => {
    const { signal } = new AbortController();
    expect(await abortable(Promise.resolve(7), signal)).toBe(7);
    expect(await abortable(Promise.resolve(7), undefined)).toBe(7);
    await expect(abortable(Promise.reject(new Error('fault')), signal)).rejects.toThrow('fault');
    const later = new AbortController();
    const waiting = abortable(never, later.signal);
    later.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(abortable(never, later.signal)).rejects.toThrow('enough');
  });
});
