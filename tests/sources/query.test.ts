import { describe, expect, it } from 'vitest';
import { pivotSql, rowLimit } from '../../src/sources/query.ts';

describe('pivotSql', () => {
  it('differs between the engines in the table and the parameter marker only', () => {
    const bigquery = pivotSql('`a.b.c`', '@');
    expect(bigquery.replaceAll('@', '$').replace('`a.b.c`', 'file_downloads')).toBe(
      pivotSql('file_downloads', '$'),
    );
  });

  it('asks for the columns of DESIGN section 3 with its four parameters and a LIMIT', () => {
    const sql = pivotSql('`t`', '@');
    expect([...sql.matchAll(/ AS (\w+),?$/gm)].map((match) => match[1])).toEqual([
      'day',
      'ci',
      'installer_name',
      'system_name',
      'download_count',
    ]);
    expect([...sql.matchAll(/@(\w+)/g)].map((match) => match[1])).toEqual([
      'project',
      'start',
      'end',
      'limit',
    ]);
    expect(sql).toMatch(/timestamp >= @start\s+AND timestamp < @end/);
    expect(sql).toMatch(/LIMIT @limit$/);
  });
});

describe('rowLimit', () => {
  it('is 500 for each day asked for', () => {
    expect(rowLimit({ start: '2026-03-26', end: '2026-04-25' })).toBe(15_000);
    expect(rowLimit({ start: '2026-04-24', end: '2026-04-25' })).toBe(500);
  });
});
