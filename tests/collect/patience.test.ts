import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { beginPatiently } from '../../src/collect/collect.ts';
import { selectMinutes } from '../../src/commands/collect.ts';
import type { ErrorCode } from '../../src/errors/codes.ts';
import { SourceError } from '../../src/errors/error.ts';
import { createState } from '../support/state.ts';
import { createTable, runInput } from '../support/table.ts';

async function begin(codes: readonly ErrorCode[], minutes: number, signal?: AbortSignal) {
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
  let opened = 0;
  const open = async () => {
    const code = codes[opened++];
    if (code !== undefined) throw new SourceError(code, `attempt ${opened}`);
    return createTable().source();
  };
  const input = runInput(createState(), '2026-04-25', [{ name: 'demo', windows: [7] }]);
  const run = await beginPatiently({ ...input, open, signal }, minutes, log);
  return { fault: run.fault, opened, lines };
}

/** 0.12 seconds: pauses of 15, 15, 30 and 60 ms. */
const MINUTES = 0.002;
const NEVER: ErrorCode[] = Array.from({ length: 9 }, () => 'unreachable');

describe('a run that must wait', () => {
  it('tries again until something answers, and says so', async () => {
    expect(await begin(['unreachable', 'proxy-unreachable'], MINUTES)).toEqual({
      fault: undefined,
      opened: 3,
      lines: ['attempt 1; trying again in 1 s', 'attempt 2; trying again in 1 s'],
    });
  });

  it.each<[string, ErrorCode[], number, number]>([
    ['gives up when its time is up', NEVER, MINUTES, 5],
    ['does not wait for what does not pass by itself', ['permission'], MINUTES, 1],
    ['does not wait when nobody asked it to', NEVER, 0, 1],
  ])('%s', async (_, codes, minutes, opened) => {
    const { lines, ...found } = await begin(codes, minutes);
    expect(found).toMatchObject({ fault: { code: codes[0] }, opened });
    expect(lines).toHaveLength(opened - 1);
  });

  it('ends when told to', async () => {
    const found = await begin(['unreachable'], 600, AbortSignal.timeout(50));
    expect(found).toMatchObject({ fault: { code: 'unreachable' }, opened: 1 });
  });
});

it.each(['-1', 'x', '601', '', '1e3'])('--wait %j is refused', (text) => {
  expect(() => selectMinutes(text)).toThrow(`--wait ${text}: expected a number of minutes from 0 to 600`);
});
