import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  bar,
  columns,
  createLog,
  inkOf,
  left,
  renderTable,
  right,
  styleOf,
  wrap,
} from '../../src/commands/output.ts';
import { capture, runMain } from '../support/context.ts';

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
    [[1, 2, 3], -4, UNICODE, '█'],
  ])('of %j in %i characters', (values, cells, ink, expected) => {
    expect(columns([values], cells, ink)).toEqual([expected]);
  });

  it('is on one scale with those beside it', () => {
    expect(
      columns(
        [
          [8, 4, 0],
          [1, 2, 0],
        ],
        80,
        UNICODE,
      ),
    ).toEqual(['█▄·', '▁▂·']);
  });
});

describe('a table', () => {
  const titles = [
    left('package'),
    right('non-CI'),
    left('state', (cell: string) => (cell === 'failed' ? 'red' : undefined)),
  ];
  const rows = [
    ['a-name-that-is-much-too-long', '1,234,567', 'ok'],
    ['b', '', 'failed'],
  ];

  it.each([
    [
      'under their titles',
      80,
      `package                          non-CI  state
a-name-that-is-much-too-long  1,234,567  ok
b                                        failed
`,
    ],
    [
      'a first one that is too long on a line of its own',
      34,
      `package             non-CI  state
a-name-that-is-much-too-long
                 1,234,567  ok
b                           failed
`,
    ],
    [
      'as lists where they do not fit beside each other',
      20,
      `a-name-that-is-much-too-long
  non-CI  1,234,567
  state   ok
b
  state   failed
`,
    ],
  ])('has its cells %s', (_, width, expected) => {
    expect(renderTable(titles, rows, { width, color: false })).toBe(expected);
  });

  it('colours titles and tones where it may, and measures what is seen', () => {
    const text = renderTable(titles, rows, { width: 80, color: true });
    expect(text).toContain('\u001b[1mpackage\u001b[22m');
    expect(text).toContain('\u001b[31mfailed\u001b[39m');
    expect(text).not.toContain('\u001b[1mok');
    expect(stripVTControlCharacters(text)).toBe(renderTable(titles, rows));
  });
});

describe('styleOf', () => {
  it.each([
    [{ isTTY: true, columns: 132 }, {}, { width: 132, color: true }],
    [{ isTTY: true }, {}, { width: 80, color: true }],
    [{ isTTY: false, columns: 132 }, {}, { width: Number.POSITIVE_INFINITY, color: false }],
    [{ isTTY: true, columns: 80 }, { NO_COLOR: '1' }, { width: 80, color: false }],
    [{ isTTY: true, columns: 80 }, { TERM: 'dumb' }, { width: 80, color: false }],
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

const ESCAPE = '\u001b[';

/** A log at a level, or at that of its environment, and its lines. */
async function logAt(env: Record<string, string> = {}, terminal = false, logLevel?: string) {
  const captured = capture('/', { env, terminal });
  const created = await createLog(logLevel === undefined ? {} : { logLevel }, captured.context);
  return { ...created, text: captured.stderr, lines: () => captured.stderr().trimEnd().split('\n') };
}

describe('the log', () => {
  it('is JSON lines where no terminal is', async () => {
    const { log, progress, lines } = await logAt();
    progress.show('1 of 2');
    log.info({ package: 'demo', count: 14 }, 'collected');
    log.debug('not at this level');
    progress.clear();
    const line =
      /^\{"level":"info","time":"\d{4}-\d\d-\d\dT[\d:.]+Z","package":"demo","count":14,"msg":"collected"\}$/;
    expect(lines()).toEqual([expect.stringMatching(line)]);
  });

  it('is for people on a terminal, in colour, below a line of progress that makes way', async () => {
    const { log, progress, text } = await logAt({}, true);
    progress.show(`1 of 2  ${'x'.repeat(200)}`);
    log.warn('stale');
    progress.clear();
    const [shown = '', erased = '', line = ''] = text().split('\r');
    expect(shown + erased.slice(0, 4)).toBe(`${ESCAPE}2K`);
    expect(erased.length).toBe(4 + 79);
    expect(line).toBe(`${ESCAPE}2K${ESCAPE}33mWarning${ESCAPE}39m: stale\n`);
    expect(text().split('\r')).toHaveLength(5);
  });

  it('has no colour with NO_COLOR, and no priority on a terminal, which is no journal', async () => {
    const env = { NO_COLOR: '1', JOURNAL_STREAM: '8:12345' };
    const { log, text } = await logAt(env, true);
    log.error('broken');
    const refused = await runMain('/', ['show', '!'], { env, terminal: true });
    expect(text() + refused.stderr).toMatch(/^Error: broken\n!: not a package name/);
  });

  it.each([
    [undefined, {}, 2],
    [undefined, { LOG_LEVEL: '' }, 2],
    [undefined, { LOG_LEVEL: 'debug' }, 3],
    ['error', { LOG_LEVEL: 'debug' }, 1],
    ['silent', {}, 0],
  ])('has the level of --log-level, %j, else of LOG_LEVEL, %j', async (logLevel, env, count) => {
    const { log, text } = await logAt(env, false, logLevel);
    log.debug('d');
    log.info('i');
    log.error('e');
    expect(text().split('\n')).toHaveLength(count + 1);
  });

  it('tells journald the priority of each line', async () => {
    const { log, lines } = await logAt({ JOURNAL_STREAM: '8:12345', LOG_LEVEL: 'trace' });
    for (const level of ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const) log[level](level);
    const found = lines().map((line) => line.slice(0, 3) + JSON.parse(line.slice(3)).msg);
    expect(found).toEqual(['<3>fatal', '<3>error', '<4>warn', '<6>info', '<7>debug', '<7>trace']);
  });
});
