import { expect, it } from 'vitest';
import { abortable, camelKeys, defined, memoize, snakeKeys } from '../src/util.ts';

it('memoize makes each result once, and forgets them when there are too many', () => {
  const made: string[] = [];
  const upper = memoize(2, (text: string) => {
    made.push(text);
    return text.toUpperCase();
  });
  expect([...'ababcca'].map(upper).join('')).toBe('ABABCCA');
  expect(made.join('')).toBe('abca');
});

it('abortable gives what comes first: the result, its fault, or the signal', async () => {
  const never = new Promise<never>(() => undefined);
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

it('writes keys with underscores, all the way down, and leaves values and names alone', () => {
  const value = {
    windowDays: 30,
    countsBySystem: { Linux: 1, Darwin: 2 },
    counts: { 'pip-family': 3 },
    windows: [{ windowDays: 7, unknownDays: ['windowDays'] }],
    lastDay: null,
    query: undefined,
  };
  expect(Object.entries(snakeKeys(value) as object)).toEqual([
    ['window_days', 30],
    ['counts_by_system', { Linux: 1, Darwin: 2 }],
    ['counts', { 'pip-family': 3 }],
    ['windows', [{ window_days: 7, unknown_days: ['windowDays'] }]],
    ['last_day', null],
  ]);
});

it('reads the keys of an object in camel case, one level deep, and leaves all else alone', () => {
  const value = { window_days: 30, own: { all_days: 1 } };
  expect(camelKeys(value)).toEqual({ windowDays: 30, own: { all_days: 1 } });
  for (const other of [[value], 'window_days', null]) expect(camelKeys(other)).toEqual(other);
});

it('leaves out what is undefined', () => {
  expect(Object.keys(defined({ a: undefined, b: null, c: 0 }))).toEqual(['b', 'c']);
});
