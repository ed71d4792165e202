import { describe, expect, it } from 'vitest';
import { createLog } from '../../src/commands/log.ts';
import { capture } from '../support/context.ts';

const ESCAPE = '\u001b[';

describe('the log', () => {
  it('is JSON lines where no terminal is', async () => {
    const captured = capture('/');
    const { log, progress } = await createLog({}, captured.context);
    progress.show('1 of 2');
    log.info({ package: 'demo', count: 14 }, 'collected');
    log.debug('not at this level');
    progress.clear();
    const lines = captured.stderr().trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0] ?? '');
    expect(line).toMatchObject({ level: 'info', package: 'demo', count: 14, msg: 'collected' });
    expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(Object.keys(line)).toEqual(['level', 'time', 'package', 'count', 'msg']);
  });

  it('is for people on a terminal, in colour, below a line of progress that makes way', async () => {
    const captured = capture('/', { terminal: true });
    const { log, progress } = await createLog({}, captured.context);
    progress.show(`1 of 2  ${'x'.repeat(200)}`);
    log.warn('stale');
    progress.clear();
    const [shown = '', erased = '', line = ''] = captured.stderr().split('\r');
    expect(shown + erased.slice(0, 4)).toBe(`${ESCAPE}2K`);
    expect(erased.length).toBe(4 + 79);
    expect(line).toBe(`${ESCAPE}2K${ESCAPE}33mWarning${ESCAPE}39m: stale\n`);
    expect(captured.stderr().split('\r')).toHaveLength(5);
  });

  it.each([{ NO_COLOR: '1' }, { TERM: 'dumb' }])('has no colour with %j', async (env) => {
    const captured = capture('/', { terminal: true, env });
    const { log } = await createLog({}, captured.context);
    log.error('broken');
    expect(captured.stderr()).toBe('Error: broken\n');
  });

  it('has the level of --log-level, else of LOG_LEVEL', async () => {
    const lines = async (logLevel: string | undefined, env: Record<string, string>) => {
      const captured = capture('/', { env });
      const { log } = await createLog(logLevel === undefined ? {} : { logLevel }, captured.context);
      log.debug('d');
      log.info('i');
      log.error('e');
      return captured.stderr().split('\n').length - 1;
    };
    expect(await lines(undefined, {})).toBe(2);
    expect(await lines(undefined, { LOG_LEVEL: '' })).toBe(2);
    expect(await lines(undefined, { LOG_LEVEL: 'debug' })).toBe(3);
    expect(await lines('error', { LOG_LEVEL: 'debug' })).toBe(1);
    expect(await lines('silent', {})).toBe(0);
  });

  it('tells journald the priority of each line', async () => {
    const captured = capture('/', { env: { JOURNAL_STREAM: '8:12345', LOG_LEVEL: 'trace' } });
    const { log } = await createLog({}, captured.context);
    for (const level of ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const) log[level](level);
    const lines = captured.stderr().trimEnd().split('\n');
    expect(lines.map((line) => line.slice(0, 3))).toEqual(['<3>', '<3>', '<4>', '<6>', '<7>', '<7>']);
    for (const line of lines) expect(JSON.parse(line.slice(3)).msg).toBe(JSON.parse(line.slice(3)).level);
  });

  it('leaves a terminal alone', async () => {
    const captured = capture('/', { terminal: true, env: { JOURNAL_STREAM: '8:12345' } });
    const { log } = await createLog({}, captured.context);
    log.error('broken');
    expect(captured.stderr()).not.toContain('<3>');
  });
});
