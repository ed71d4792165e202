import type { Context } from '../../src/commands/context.ts';
import { main } from '../../src/program.ts';

/** A world of nothing but a folder: no environment, a fixed time, outputs that are kept. */
export function capture(
  cwd: string,
  {
    env = {},
    now = () => new Date('2026-04-25T04:12:00.000Z'),
    columns,
    terminal = columns !== undefined,
    ask,
  }: {
    env?: Record<string, string>;
    now?: () => Date;
    /** Of the terminal. */
    columns?: number;
    terminal?: boolean;
    ask?: (question: string) => Promise<string>;
  } = {},
) {
  let out = '';
  let err = '';
  const context: Context = {
    cwd,
    env,
    now,
    issuesUrl: 'https://example.com/issues',
    ...(ask === undefined ? {} : { ask }),
    stdout: { write: (text) => (out += text), isTTY: terminal, columns },
    stderr: { write: (text) => (err += text), isTTY: terminal, columns },
  };
  return { context, stdout: () => out, stderr: () => err };
}

/** Runs a command line in this process. */
export async function runMain(
  cwd: string,
  argv: readonly string[],
  world: Parameters<typeof capture>[1] = {},
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const captured = capture(cwd, world);
  const exitCode = await main(argv, '1.2.3', captured.context);
  return { exitCode, stdout: captured.stdout(), stderr: captured.stderr() };
}
