import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { renderTable, tableStyle } from '../../src/commands/output.ts';

describe('renderTable', () => {
  it('lays cells out under their titles', () => {
    const columns = [
      { title: 'package', align: 'left' },
      { title: 'count', align: 'right' },
      { title: 'state', align: 'left' },
    ] as const;
    expect(
      renderTable(columns, [
        ['a', '1,234,567', 'ok'],
        ['longer', '2'],
      ]),
    ).toBe(['package      count  state', 'a        1,234,567  ok', 'longer           2', ''].join('\n'));
  });

  it('prints its titles when there is nothing else', () => {
    expect(renderTable([{ title: 'package', align: 'left' }], [])).toBe('package\n');
  });

  const columns = [
    { title: 'package', align: 'left' },
    { title: 'non-CI', align: 'right' },
    { title: 'state', align: 'left', tone: (cell: string) => (cell === 'failed' ? 'red' : undefined) },
  ] as const;
  const rows = [
    ['a-name-that-is-much-too-long', '1,234,567', 'ok'],
    ['b', '', 'failed'],
  ];

  it('takes what is missing of its room from the column that gives way', () => {
    expect(renderTable(columns, rows, { width: 34, color: false })).toBe(
      [
        'package             non-CI  state',
        'a-name-that-is…  1,234,567  ok',
        'b                           failed',
        '',
      ].join('\n'),
    );
    expect(renderTable(columns, rows, { width: 10, color: false })).toContain('a-name-…  1,234,567');
    const numpy = ['n'.repeat(200), '30d', '1,234,567,890', '12,345,678,901', '99.9%', 'failed'];
    const six = numpy.map(() => ({ title: 'x', align: 'left' }) as const);
    const widths = renderTable(six, [numpy], { width: 80, color: false })
      .split('\n')
      .map((line) => line.length);
    expect(Math.max(...widths)).toBe(80);
  });

  it('cuts no name for a program that reads it', () => {
    const name = 'n'.repeat(200);
    expect(renderTable(columns, [[name, '1', 'ok']])).toContain(`${name}       1  ok`);
  });

  it('colours titles and tones where it may, and measures what is seen', () => {
    const text = renderTable(columns, rows, { width: 80, color: true });
    expect(text).toContain('\u001b[1mpackage\u001b[22m');
    expect(text).toContain('\u001b[31mfailed\u001b[39m');
    expect(text).not.toContain('\u001b[1mok');
    const plain = stripVTControlCharacters(text);
    expect(plain).toBe(renderTable(columns, rows));
  });
});

describe('tableStyle', () => {
  const output = (isTTY: boolean, columns?: number) => ({
    write: () => undefined,
    isTTY,
    ...(columns === undefined ? {} : { columns }),
  });

  it('is as wide as the terminal, or 80 columns, and without limit elsewhere', () => {
    expect(tableStyle(output(true, 132), {})).toEqual({ width: 132, color: true });
    expect(tableStyle(output(true), {}).width).toBe(80);
    expect(tableStyle(output(false, 132), {})).toEqual({
      width: Number.POSITIVE_INFINITY,
      color: false,
    });
  });

  it('has no colour against NO_COLOR', () => {
    expect(tableStyle(output(true, 80), { NO_COLOR: '1' }).color).toBe(false);
  });
});
