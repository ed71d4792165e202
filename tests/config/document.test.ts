import { describe, expect, it } from 'vitest';
import { ConfigError, nearest } from '../../src/config/document.ts';
import { UsageError } from '../../src/errors/error.ts';

describe('ConfigError', () => {
  it('reports its problems in the order of the file, those without a place first', () => {
    const error = new ConfigError('list.yaml', [
      { line: 3, column: 9, field: 'b', text: 'wrong' },
      { line: 3, column: 2, field: 'a', text: 'wrong' },
      { line: 1, text: 'odd' },
      { text: 'bad' },
      { line: 3, text: 'first of its line' },
      { line: 3, column: 5, text: 'in between' },
    ]);
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message.split('\n')).toEqual([
      'list.yaml: bad',
      'list.yaml:1:1: odd',
      'list.yaml:3:1: first of its line',
      'list.yaml:3:2: a: wrong',
      'list.yaml:3:5: in between',
      'list.yaml:3:9: b: wrong',
      '6 problems in list.yaml; nothing was queried or written',
    ]);
    expect(error.problems).toHaveLength(6);
  });
});

describe('nearest', () => {
  it.each([
    ['window_day', ['name', 'window_days'], 'window_days'],
    ['WINDOW_DAYS', ['name', 'window_days'], 'window_days'],
    ['nmae', ['name', 'window_days'], 'name'],
    ['mcp-clipbord', ['mcp-synology', 'mcp-clipboard'], 'mcp-clipboard'],
    ['colour', ['name', 'window_days'], undefined],
    ['x', ['a'], undefined],
    ['anything', [], undefined],
  ])('of %s among %j is %s', (written, candidates, expected) => {
    expect(nearest(written, candidates)).toBe(expected);
  });
});
