import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/** The built command; `npm test` builds it first. */
export const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

interface World {
  readonly env?: Record<string, string>;
  /** Arguments of Node.js. */
  readonly node?: readonly string[];
  readonly cli?: string;
}

/** Starts the built command in a folder, with no more of the environment than what is given. */
export function startCommand(
  cwd: string,
  argv: readonly string[],
  { env, node = [], cli = CLI }: World = {},
) {
  return execa(process.execPath, [...node, cli, ...argv], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: cwd, ...env },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    stripFinalNewline: false,
  });
}

/** Runs it to its end. */
export async function runCommand(cwd: string, argv: readonly string[], world?: World) {
  const { exitCode, stdout, stderr } = await startCommand(cwd, argv, world);
  return { exitCode, stdout, stderr };
}
