import type { Logger } from 'pino';
import { UsageError } from '../errors/error.ts';
import { type Context, type GlobalOptions, useColor } from './context.ts';
import { createProgress, type Progress } from './progress.ts';

/** What goes to stderr: the log, and a line of progress that makes way for it. */
export interface Log {
  readonly log: Logger;
  readonly progress: Progress;
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/**
 * The log, on stderr: for people on a terminal, as JSON lines for a journal otherwise. The level is
 * that of --log-level, else of LOG_LEVEL, else info.
 *
 * @throws UsageError if the level is none of pino's.
 */
export async function createLog(options: Pick<GlobalOptions, 'logLevel'>, context: Context): Promise<Log> {
  const level = options.logLevel ?? (context.env['LOG_LEVEL'] || 'info');
  if (!LEVELS.includes(level)) {
    throw new UsageError(`log level ${JSON.stringify(level)} is unknown; choose one of ${LEVELS.join(', ')}`);
  }
  const { stderr } = context;
  const progress = createProgress(stderr);
  const { pino, stdTimeFunctions } = await import('pino');
  let render = (line: string) => line;
  if (stderr.isTTY) {
    const { prettyFactory } = await import('pino-pretty');
    const pretty = prettyFactory({
      colorize: useColor(stderr, context.env),
      translateTime: 'HH:MM:ss',
      singleLine: true,
    });
    render = (line) => pretty(line) ?? '';
  }
  const destination = {
    write(line: string) {
      progress.clear();
      stderr.write(render(line));
    },
  };
  const log = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return { log, progress };
}
