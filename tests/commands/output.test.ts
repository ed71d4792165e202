import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  bar,
  columns,
  inkOf,
  renderRemarks,
  renderResults,
  renderTable,
  styleOf,
  wrap,
} from '../../src/commands/output.ts';
import type { Exclusion } from '../../src/metric/classes.ts';
import type { Window } from '../../src/metric/summary.ts';
import type { Warning } from '../../src/metric/warnings.ts';
import type { PackageHealth, Standing } from '../../src/publish/health.ts';
import { NOTHING } from '../support/views.ts';

const UNICODE = inkOf({ LANG: 'en_US.UTF-8' });
const ASCII = inkOf({});

describe('the characters of a picture', () => {
  it.each([
    [{ LANG: 'de_DE.utf8' }, UNICODE],
    [{ LC_ALL: 'C', LANG: 'en_US.UTF-8' }, ASCII],
    [{ LC_CTYPE: 'C.UTF-8' }, UNICODE],
    [{ LANG: 'en_US.UTF-8', TERM: 'linux' }, ASCII],
    [{}, ASCII],
  ])('are those that %j can show', (env, ink) => {
    expect(inkOf(env)).toBe(ink);
  });
});

describe('a bar', () => {
  it.each([
    [0, 10, ''],
    [0, 0, ''],
    [10, 10, '##########'],
    [5, 10, '#####'],
    // Less than half a character is still something, and less than all is not full.
    [1, 1_000, '.'],
    [999, 1_000, '#########.'],
    [45, 100, '####.'],
  ])('of %i of %i has %j', (part, whole, expected) => {
    expect(bar(part, whole, 10, ASCII)).toBe(expected);
  });

  it('has eighths of a character where the terminal can show them, and none where there is no room', () => {
    expect([bar(3, 32, 8, UNICODE), bar(11, 32, 8, UNICODE)]).toEqual(['▊', '██▊']);
    expect([bar(1, 2, 7, ASCII), bar(1, 2, -3, ASCII)]).toEqual(['', '']);
  });
});

describe('a line of days', () => {
  it.each([
    [[0, 1, 2, 4, null, 8], 80, UNICODE, '·▁▂▄?█'],
    [[0, 1, 4, null, 8], 80, ASCII, '._-?#'],
    [[0, 0], 80, UNICODE, '··'],
    // Five days in two characters: three and two.
    [[1, 1, 1, 3, 3], 2, UNICODE, '▄█'],
    [[null, null, null, 3, 3], 2, UNICODE, '?█'],
  ])('of %j in %i characters', (values, cells, ink, expected) => {
    expect(columns([values], cells, ink)).toEqual([expected]);
  });

  it('is on one scale with those beside it', () => {
    const lines = [
      [8, 4],
      [1, 2],
    ];
    expect(columns(lines, 80, UNICODE)).toEqual(['█▄', '▁▂']);
  });
});

describe('renderTable', () => {
  it('lays cells out under their titles', () => {
    const titles = [
      { title: 'package', align: 'left' },
      { title: 'count', align: 'right' },
      { title: 'state', align: 'left' },
    ] as const;
    expect(
      renderTable(titles, [
        ['a', '1,234,567', 'ok'],
        ['longer', '2'],
      ]),
    ).toBe(['package      count  state', 'a        1,234,567  ok', 'longer           2', ''].join('\n'));
  });

  it('prints its titles when there is nothing else', () => {
    expect(renderTable([{ title: 'package', align: 'left' }], [])).toBe('package\n');
  });

  const titles = [
    { title: 'package', align: 'left' },
    { title: 'non-CI', align: 'right' },
    { title: 'state', align: 'left', tone: (cell: string) => (cell === 'failed' ? 'red' : undefined) },
  ] as const;
  const rows = [
    ['a-name-that-is-much-too-long', '1,234,567', 'ok'],
    ['b', '', 'failed'],
  ];

  it('gives a first cell that is too long a line of its own', () => {
    expect(renderTable(titles, rows, { width: 34, color: false })).toBe(
      [
        'package             non-CI  state',
        'a-name-that-is-much-too-long',
        '                 1,234,567  ok',
        'b                           failed',
        '',
      ].join('\n'),
    );
  });

  it('lists the cells of each row where they do not fit beside each other', () => {
    expect(renderTable(titles, rows, { width: 20, color: false })).toBe(
      [
        'a-name-that-is-much-too-long',
        '  non-CI  1,234,567',
        '  state   ok',
        'b',
        '  state   failed',
        '',
      ].join('\n'),
    );
  });

  it('cuts no name for a program that reads it', () => {
    const name = 'n'.repeat(200);
    expect(renderTable(titles, [[name, '1', 'ok']])).toContain(`${name}       1  ok`);
  });

  it('colours titles and tones where it may, and measures what is seen', () => {
    const text = renderTable(titles, rows, { width: 80, color: true });
    expect(text).toContain('\u001b[1mpackage\u001b[22m');
    expect(text).toContain('\u001b[31mfailed\u001b[39m');
    expect(text).not.toContain('\u001b[1mok');
    const plain = stripVTControlCharacters(text);
    expect(plain).toBe(renderTable(titles, rows));
  });
});

describe('styleOf', () => {
  it.each([
    [{ isTTY: true, columns: 132 }, {}, { width: 132, color: true }],
    [{ isTTY: true }, {}, { width: 80, color: true }],
    [{ isTTY: false, columns: 132 }, {}, { width: Number.POSITIVE_INFINITY, color: false }],
    [{ isTTY: true, columns: 80 }, { NO_COLOR: '1' }, { width: 80, color: false }],
  ])('is as wide as the terminal, and without limit elsewhere: %j, %j', (output, env, expected) => {
    expect(styleOf({ write: () => undefined, ...output }, env)).toEqual(expected);
  });
});

describe('wrap', () => {
  it.each([
    ['one two three', 80, 'one two three'],
    ['one two three', 9, 'one two\n  three'],
    ['  one two three', 9, '  one two\n    three'],
    ['a /very/long/path/of/a/file b', 10, 'a\n  /very/long/path/of/a/file\n  b'],
    ['one\ntwo three', 6, 'one\ntwo\n  three'],
    ['a  b', 80, 'a  b'],
    ['\u001b[31mone\u001b[39m two', 7, '\u001b[31mone\u001b[39m two'],
    ['', 3, ''],
  ])('lays %j out in %i columns', (text, width, expected) => {
    expect(wrap(text, { width })).toBe(expected);
  });
});

const window = (windowDays: number, count: number, out: Partial<Record<Exclusion, number>>): Window => ({
  windowDays,
  breakdown: { ...NOTHING, count, excluded: { ...NOTHING.excluded, ...out } },
});
const standing = (name: string, entry: PackageHealth): Standing => ({
  ...{ name, entry, state: 'ok', isGroup: name === 'both' },
});
const success = (name: string, windows: [Window, ...Window[]], warnings: readonly Warning[] = []) =>
  standing(name, { windowDays: windows[0].windowDays, count: 1, windows, warnings });
const failed = (name: string) =>
  standing(name, {
    failure: { error: 'no credentials', code: 'source-failed' },
    windowDays: 7,
    windows: [],
    warnings: [],
  });

const cells = (text: string) => text.split('\n').map((line) => line.trimEnd().replaceAll(/ {2,}/g, ' | '));

describe('renderResults', () => {
  it('has a line for each package and window', () => {
    const young = window(30, 14, { ci: 120, mirror: 1325, browser: 31, unknown: 1201, other: 80 });
    const text = renderResults([
      success('young', [young]),
      success('busy', [window(7, 1_000, { sidecar: 400, ci: 600 }), window(365, 1_234_567, {})]),
      success('both', [window(30, 0, {})]),
      failed('broken'),
    ]);
    expect(cells(text)).toEqual([
      'package | window | non-CI | all | excluded | state',
      'young | 30d | 14 | 2,771 | 99.5% | ok',
      'busy | 7d | 1,000 | 2,000 | 50.0% | ok',
      'busy | 365d | 1,234,567 | 1,234,567 | 0.0% | ok',
      'both (group) | 30d | 0 | 0 | - | ok',
      'broken | 7d | - | - | - | failed',
      '',
    ]);
  });

  it('fits 80 columns with the longest name and figures in the billions', () => {
    const big = window(365, 1_234_567_890, { ci: 9_876_543_210 });
    const text = renderResults([success('n'.repeat(200), [big])], { width: 80, color: false });
    const lines = text.split('\n').filter((line) => line !== 'n'.repeat(200));
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(text).toContain('1,234,567,890  11,111,111,100     88.9%  ok');
  });
});

describe('renderRemarks', () => {
  it.each([
    ['abcd', '4 packages: no credentials'],
    ['ab', 'a, b: no credentials'],
  ])('tells one cause of the failures of %s once', (names, says) => {
    expect(renderRemarks([...names].map(failed))).toBe(`\n${says}\n`);
  });

  it('tells warnings after failures, each sentence once', () => {
    const warnings = [
      { code: 'no-rows', message: 'is the name right?' },
      { code: 'left-over', message: 'a file is left' },
    ] as const;
    const warned = (name: string) => success(name, [window(30, 0, {})], warnings);
    expect(renderRemarks([warned('a'), failed('b'), warned('c')])).toBe(
      '\nb: no credentials\n\na, c: warning (no-rows): is the name right?\n\na, c: warning (left-over): a file is left\n',
    );
  });
});
