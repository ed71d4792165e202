import { expect, it } from 'vitest';
import { camelKeys, defined, snakeKeys } from '../src/keys.ts';

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

it.each([
  [
    'an object, one level deep',
    { window_days: 30, own: { all_days: 1 } },
    { windowDays: 30, own: { all_days: 1 } },
  ],
  ['no list', [{ window_days: 30 }], [{ window_days: 30 }]],
  ['no text', 'window_days', 'window_days'],
  ['no null', null, null],
])('reads keys in camel case: %s', (_, value, expected) => {
  expect(camelKeys(value)).toEqual(expected);
});

it('leaves out what is undefined', () => {
  expect(Object.keys(defined({ a: undefined, b: null, c: 0 }))).toEqual(['b', 'c']);
});
