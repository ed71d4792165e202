/** Where text goes. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** All that a command may know of the world; cli.ts fills it from the process, tests from nothing. */
export interface Context {
  /** Absolute path that relative ones are relative to. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => Date;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** Options that every command takes. */
export interface GlobalOptions {
  /** Path of tracked.yaml. */
  readonly config: string;
  readonly logLevel?: string;
}

/** Whether to write colours to an output: only on a terminal, and not against NO_COLOR (no-color.org). */
export function useColor(output: Output, env: Context['env']): boolean {
  return output.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}
