import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { beginPatiently } from '../../src/collect/collect.ts';
import { selectMinutes } from '../../src/commands/collect.ts';
import type { ErrorCode } from '../../src/errors/codes.ts';
import { SourceError } from '../../src/sources/source.ts';
import { runInput } from '../support/priced-source.ts';
import { createState } from '../support/state.ts';
import { createTable } from '../support/table.ts';

/** 0.6 seconds: pauses of 75, 75, 150 and 300 ms. */
const MINUTES = 0.01;

async function begin(codes: readonly ErrorCode[], minutes = MINUTES, signal?: AbortSignal) {
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
  let opened = 0;
  const table = await createTable();
  await table.add({ package: 'demo', day: '2026-04-24', installer: 'pip' });
  const run = await beginPatiently(
    {
      ...runInput(createState(), '2026-04-25', [{ name: 'demo', windows: [7] }]),
      open: async () => {
        const code = codes[opened];
        opened += 1;
        if (code !== undefined) throw new SourceError(code, `attempt ${opened}`);
        return table.source();
      },
      signal,
    },
    minutes,
    log,
  );
  return { run, opened, lines };
}

describe('a run that must wait', () => {
  it('tries again until something answers, and says so', async () => {
    const { run, opened, lines } = await begin(['unreachable', 'proxy-unreachable']);
    expect(run.fault).toBeUndefined();
    expect(opened).toBe(3);
    expect(lines).toEqual(['attempt 1; trying again in 1 s', 'attempt 2; trying again in 1 s']);
  });

  it('gives up when its time is up', async () => {
    const { run, opened } = await begin(Array.from({ length: 9 }, () => 'unreachable'));
    expect(run.fault).toMatchObject({ code: 'unreachable' });
    expect(opened).toBe(5);
  });

  it.each<[string, ErrorCode, number]>([
    ['for what does not pass by itself', 'permission', MINUTES],
    ['when nobody asked it to', 'unreachable', 0],
  ])('does not wait %s', async (_, code, minutes) => {
    expect(await begin([code], minutes)).toMatchObject({ opened: 1, lines: [] });
  });

  it('ends when told to', async () => {
    const { run, opened } = await begin(['unreachable'], 600, AbortSignal.timeout(50));
    expect(run.fault).toMatchObject({ code: 'unreachable' });
    expect(opened).toBe(1);
  });
});

it.each(['-1', 'x', '601', '', '1e3'])('--wait %j is refused', (text) => {
  expect(() => selectMinutes(text)).toThrow(`--wait ${text}: expected a number of minutes from 0 to 600`);
});
