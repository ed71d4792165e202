import type { Logger } from 'pino';
import { bugIn, UsageError } from '../errors/error.ts';
import { type Context, type GlobalOptions, useColor } from './context.ts';
import { createProgress, type Progress } from './progress.ts';

/** What goes to stderr: the log, and a line of progress that makes way for it. */
export interface Log {
  readonly log: Logger;
  readonly progress: Progress;
  /**
   * Tells of a fault of the program, if `error` is one or was caused by one: with its stack and a report
   * that is ready to be sent, once, whatever the level.
   */
  readonly bug: (error: unknown) => void;
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
  const told = new Set<unknown>();
  const bug = (error: unknown) => {
    const fault = bugIn(error);
    if (fault === undefined || told.has(fault)) return;
    told.add(fault);
    const report = context.bugReport?.(fault) ?? '';
    const plain = stderr.isTTY === true || !log.isLevelEnabled('error');
    log.error({ error_code: 'bug', err: fault, ...(plain ? {} : { report }) }, 'a fault of pypi-badges');
    if (!plain) return;
    progress.clear();
    stderr.write(report);
  };
  return { log, progress, bug };
}
