import { describe, expect, it } from 'vitest';
import { createLog } from '../../src/commands/output.ts';
import { capture } from '../support/context.ts';

const ESCAPE = '\u001b[';

/** A log at a level, or at that of its environment, and its lines. */
async function logAt(
  env: Record<string, string> = {},
  { logLevel, terminal = false }: { logLevel?: string; terminal?: boolean } = {},
) {
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
    expect(lines()).toHaveLength(1);
    const line = JSON.parse(lines()[0] ?? '');
    expect(line).toMatchObject({ level: 'info', package: 'demo', count: 14, msg: 'collected' });
    expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(Object.keys(line)).toEqual(['level', 'time', 'package', 'count', 'msg']);
  });

  it('is for people on a terminal, in colour, below a line of progress that makes way', async () => {
    const { log, progress, text } = await logAt({}, { terminal: true });
    progress.show(`1 of 2  ${'x'.repeat(200)}`);
    log.warn('stale');
    progress.clear();
    const [shown = '', erased = '', line = ''] = text().split('\r');
    expect(shown + erased.slice(0, 4)).toBe(`${ESCAPE}2K`);
    expect(erased.length).toBe(4 + 79);
    expect(line).toBe(`${ESCAPE}2K${ESCAPE}33mWarning${ESCAPE}39m: stale\n`);
    expect(text().split('\r')).toHaveLength(5);
  });

  it.each([
    [{ NO_COLOR: '1' }, 'Error: broken\n'],
    [{ TERM: 'dumb' }, 'Error: broken\n'],
    // A terminal is no journal.
    [{ NO_COLOR: '1', JOURNAL_STREAM: '8:12345' }, 'Error: broken\n'],
  ])('has no colour on a terminal with %j', async (env, expected) => {
    const { log, text } = await logAt(env, { terminal: true });
    log.error('broken');
    expect(text()).toBe(expected);
  });

  it.each([
    [undefined, {}, 2],
    [undefined, { LOG_LEVEL: '' }, 2],
    [undefined, { LOG_LEVEL: 'debug' }, 3],
    ['error', { LOG_LEVEL: 'debug' }, 1],
    ['silent', {}, 0],
  ])('has the level of --log-level, %j, else of LOG_LEVEL, %j', async (logLevel, env, count) => {
    const { log, text } = await logAt(env, logLevel === undefined ? {} : { logLevel });
    log.debug('d');
    log.info('i');
    log.error('e');
    expect(text().split('\n')).toHaveLength(count + 1);
  });

  it('tells journald the priority of each line', async () => {
    const { log, lines } = await logAt({ JOURNAL_STREAM: '8:12345', LOG_LEVEL: 'trace' });
    for (const level of ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const) log[level](level);
    expect(lines().map((line) => [line.slice(0, 3), JSON.parse(line.slice(3)).msg])).toEqual([
      ['<3>', 'fatal'],
      ['<3>', 'error'],
      ['<4>', 'warn'],
      ['<6>', 'info'],
      ['<7>', 'debug'],
      ['<7>', 'trace'],
    ]);
  });
});
