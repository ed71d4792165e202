import type { Logger } from 'pino';
import { bugIn } from '../errors/error.ts';
import { stackOf } from '../errors/report.ts';
import { type Context, type GlobalOptions, type Output, useColor } from './context.ts';

/** One line on a terminal that tells how far a run is; nothing at all anywhere else. */
export interface Progress {
  show(text: string): void;
  /** Takes the line away, before something else is written or at the end. */
  clear(): void;
}

const ERASE_LINE = '\r\u001b[2K';

function createProgress(output: Output): Progress {
  let shown = false;
  return {
    show(text) {
      if (!output.isTTY) return;
      output.write(`${ERASE_LINE}${text.slice(0, 79)}`);
      shown = true;
    },
    clear() {
      if (shown) output.write(ERASE_LINE);
      shown = false;
    },
  };
}

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

/** Priorities of syslog (RFC 5424) by pino's levels. */
const PRIORITIES: readonly [atLeast: number, priority: number][] = [
  [50, 3],
  [40, 4],
  [30, 6],
  [0, 7],
];

/** pino's number for errors. */
const ERROR_LEVEL = 50;

/**
 * What journald must find before each line to give it a priority (sd-daemon(3)), without which
 * `journalctl -p err` shows nothing. Empty where stderr does not go to the journal.
 *
 * @param level One of pino's numbers.
 */
export function journalPrefix(
  { env, stderr }: Pick<Context, 'env' | 'stderr'>,
  level: number = ERROR_LEVEL,
): string {
  // systemd sets it where stdout or stderr is the journal.
  if (!env['JOURNAL_STREAM'] || stderr.isTTY) return '';
  const [, priority] = PRIORITIES.find(([atLeast]) => level >= atLeast) ?? [];
  return priority === undefined ? '' : `<${priority}>`;
}

/**
 * The log, on stderr: for people on a terminal, as JSON lines otherwise, for journald with their priority. The level is
 * that of --log-level, else of LOG_LEVEL, else info.
 */
export async function createLog(options: Pick<GlobalOptions, 'logLevel'>, context: Context): Promise<Log> {
  const level = options.logLevel ?? (context.env['LOG_LEVEL'] || 'info');
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
    // With this, pino tells the level of the line that it is about to write.
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 0,
    write(line: string) {
      progress.clear();
      stderr.write(journalPrefix(context, this.lastLevel) + render(line));
    },
  };
  const log = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // pino's own writes every field of an error.
      serializers: {
        err: (error: Error) => ({ type: error.name, message: error.message, stack: stackOf(error) }),
      },
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
