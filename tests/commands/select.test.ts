import { describe, expect, it } from 'vitest';
import { selectAsOf, selectPackages } from '../../src/commands/select.ts';
import { parseConfig } from '../../src/config/config.ts';
import { UsageError } from '../../src/errors/error.ts';

const config = parseConfig(
  'service: {output_dir: out}\npackages: [mcp-clipboard, mcp-synology, flask-sqlalchemy]\n',
  'tracked.yaml',
  '/etc',
);
const names = (wanted?: string[]) => selectPackages(config, wanted).map(({ name }) => name);

describe('selectPackages', () => {
  it('takes all of them if none is named', () => {
    expect(names()).toEqual(['mcp-clipboard', 'mcp-synology', 'flask-sqlalchemy']);
  });

  it('takes what is named, once, in any spelling, in the order of the list', () => {
    expect(names(['Flask_SQLAlchemy', 'mcp-clipboard', 'mcp.clipboard'])).toEqual([
      'mcp-clipboard',
      'flask-sqlalchemy',
    ]);
  });

  it('names the nearest tracked one for a name that is not', () => {
    expect(() => names(['mcp-clipbord'])).toThrow(UsageError);
    expect(() => names(['mcp-clipboard', 'mcp-clipbord'])).toThrow(
      '--package mcp-clipbord: not tracked in tracked.yaml; did you mean mcp-clipboard?',
    );
    expect(() => names(['numpy'])).toThrow(/^--package numpy: not tracked in tracked\.yaml$/);
  });
});

describe('selectAsOf', () => {
  const now = new Date('2026-04-25T00:00:00.000Z');

  it('is today in UTC unless told otherwise', () => {
    expect(selectAsOf(undefined, now)).toBe('2026-04-25');
    expect(selectAsOf(undefined, new Date('2026-04-25T01:00:00+02:00'))).toBe('2026-04-24');
    expect(selectAsOf('2024-02-29', now)).toBe('2024-02-29');
    expect(selectAsOf('2026-04-25', now)).toBe('2026-04-25');
  });

  it('refuses what is no day', () => {
    for (const text of ['', 'today', '2026-02-29', '25.4.2026', '2026-4-25']) {
      expect(() => selectAsOf(text, now)).toThrow(UsageError);
      expect(() => selectAsOf(text, now)).toThrow('not a day; write it as YYYY-MM-DD, such as 2026-04-25');
    }
  });

  it('refuses a day that would count part of a day', () => {
    expect(() => selectAsOf('2026-04-26', now)).toThrow(
      '--as-of 2026-04-26: today is 2026-04-25 (UTC), and days that are not over do not count',
    );
  });
});
