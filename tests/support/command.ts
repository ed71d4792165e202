import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/** The built command; `npm test` builds it first. */
export const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** Runs the built command in a folder, with no more of the environment than what is given. */
export async function runCommand(
  cwd: string,
  argv: readonly string[],
  { env = {}, node = [], cli = CLI }: { env?: Record<string, string>; node?: string[]; cli?: string } = {},
) {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [...node, cli, ...argv], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: cwd, ...env },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    stripFinalNewline: false,
  });
  return { exitCode, stdout, stderr };
}
