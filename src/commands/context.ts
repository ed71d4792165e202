import { UsageError } from '../errors/error.ts';
import type { Env } from '../util.ts';

/** Where text goes. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Width of the terminal in characters. */
  readonly columns?: number | undefined;
}

/** All that a command may know of the world; cli.ts fills it from the process, tests from nothing. */
export interface Context {
  /** Absolute path that relative ones are relative to. */
  readonly cwd: string;
  readonly env: Env;
  readonly now: () => Date;
  readonly stdout: Output;
  readonly stderr: Output;
  /** How the program introduces itself to servers. */
  readonly product?: string;
  /** Where issues are opened; absent where this copy does not know it. */
  readonly issuesUrl?: string | undefined;
  /** Version of this program. */
  readonly version?: string;
  /** Version of Node.js, without a v; that of this process if absent. */
  readonly nodeVersion?: string;
  /**
   * Takes SIGTERM and SIGINT over: instead of ending the process at once they abort the signal that is
   * returned, with an Interruption as its reason. Without it, the process cannot be asked to end.
   */
  readonly interruptible?: () => AbortSignal;
  /** Asks whoever sits at the terminal, and brings the answer; absent where nobody does. */
  readonly ask?: (question: string) => Promise<string>;
  /** A report of a fault of this program, ready to be sent; absent until main() knows the command line. */
  readonly bugReport?: (error: unknown) => string;
}

/** The operator, or the machine going down, wants this to end. */
export class Interruption extends Error {
  override name = 'Interruption';
  /** What the process exits with: 128 and the number of the signal. */
  readonly exitCode: number;

  constructor(signal: string, exitCode: number) {
    super(`interrupted by ${signal}`);
    this.exitCode = exitCode;
  }
}

/** Options that every command takes. */
export interface GlobalOptions {
  /** Path of tracked.yaml. */
  readonly config: string;
  readonly logLevel?: string;
}

/**
 * Asks whoever sits at the terminal to agree to what was said.
 *
 * @throws UsageError if nobody does.
 */
export async function agrees({ ask }: Context, question: string): Promise<boolean> {
  if (ask === undefined) {
    throw new UsageError('nobody is there to be asked; look at what stands above, and repeat it with --yes');
  }
  return /^y(es)?$/i.test((await ask(`${question} [y/N] `)).trim());
}

/** A command for the user to run next, about the same list, as they called this one and as a shell reads it. */
export function commandLine(env: Env, command: string, list: string): string {
  // npx leaves no command behind, and neither does uvx.
  const runner = env['npm_command'] === 'exec' ? 'npx ' : env['UV'] ? 'uvx ' : '';
  const file = /^[\w./@%+=:,-]+$/.test(list) ? list : `'${list.replaceAll("'", "'\\''")}'`;
  return `${runner}pypi-badges ${command}${list === 'tracked.yaml' ? '' : ` --config ${file}`}`;
}
