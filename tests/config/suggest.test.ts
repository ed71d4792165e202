import { describe, expect, it } from 'vitest';
import { nearest } from '../../src/config/document.ts';

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
