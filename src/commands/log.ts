import { bugIn } from '../errors/error.ts';
import { stackOf } from '../errors/report.ts';
import type { Context, GlobalOptions, Output } from './context.ts';
import { paint, type Style, styleOf, wrap } from './output.ts';

const ERASE_LINE = '\r\u001b[2K';

/** One line on a terminal that tells how far a run is, and for how long; nothing at all anywhere else. */
function createProgress(output: Output) {
  const { isTTY = false } = output;
  let line: string | undefined;
  let seconds = 0;
  let timer: NodeJS.Timeout | undefined;
  const draw = () => {
    if (line === undefined) return;
    const text = seconds === 0 ? line : `${line} (${seconds} s)`;
    output.write(`${ERASE_LINE}${text.slice(0, styleOf(output, {}).width - 1)}`);
  };
  const erase = () => {
    if (line !== undefined) output.write(ERASE_LINE);
  };
  return {
    show(text: string): void {
      if (!isTTY) return;
      [line, seconds] = [text, 0];
      draw();
      timer ??= setInterval(() => {
        seconds += 1;
        draw();
      }, 1000).unref();
    },
    /** Takes the line away, before something else is written or at the end. */
    clear(): void {
      erase();
      line = undefined;
      clearInterval(timer);
      timer = undefined;
    },
    makeWay(write: () => void): void {
      erase();
      write();
      draw();
    },
  };
}

/** Does what takes a while, below a line that says what it is. */
export async function withProgress<T>({ stderr }: Context, text: string, work: () => Promise<T>): Promise<T> {
  const progress = createProgress(stderr);
  progress.show(text);
  try {
    return await work();
  } finally {
    progress.clear();
  }
}

/** What goes to stderr: the log, and a line of progress that makes way for it. */
export type Log = Awaited<ReturnType<typeof createLog>>;

/** Priorities of syslog (RFC 5424) by pino's levels. */
const PRIORITIES: Readonly<Record<number, number>> = { 10: 7, 20: 7, 30: 6, 40: 4, 50: 3, 60: 3 };

/** pino's number for errors. */
const ERROR_LEVEL = 50;

/**
 * What journald must find before each line to give it a priority (sd-daemon(3)), without which
 * `journalctl -p err` shows nothing. Empty where stderr does not go to the journal.
 *
 * @param level One of pino's numbers.
 */
export function journalPrefix({ env, stderr }: Context, level: number = ERROR_LEVEL): string {
  // systemd sets it where stdout or stderr is the journal.
  return !env['JOURNAL_STREAM'] || stderr.isTTY ? '' : `<${PRIORITIES[level]}>`;
}

/** A line of the log as a sentence, and what else it says where that is not a matter of what to do. */
function sentence(line: string, style: Style): string {
  const { level, time: _, msg, err: _fault, error_code: _code, ...fields } = JSON.parse(line);
  const said = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  const labels: Record<string, string> = {
    warn: paint('Warning', 'yellow', style.color),
    error: paint('Error', 'red', style.color),
  };
  return `${wrap(level in labels ? `${labels[level]}: ${msg}` : msg + said.join(''), style)}\n`;
}

/**
 * The log, on stderr: on a terminal as sentences, from warnings on; elsewhere as JSON lines, from info on, for journald with
 * their priority. --log-level, else LOG_LEVEL, says another level.
 */
export async function createLog(options: Pick<GlobalOptions, 'logLevel'>, context: Context) {
  const { stderr, env } = context;
  const level = options.logLevel ?? (env['LOG_LEVEL'] || (stderr.isTTY ? 'warn' : 'info'));
  const style = styleOf(stderr, env);
  const progress = createProgress(stderr);
  const { pino, stdTimeFunctions } = await import('pino');
  const destination = {
    // With this, pino tells the level of the line that it is about to write.
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 0,
    write(line: string) {
      const text = stderr.isTTY ? sentence(line, style) : journalPrefix(context, this.lastLevel) + line;
      progress.makeWay(() => stderr.write(text));
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
  /**
   * Tells of a fault of the program, if `error` is one or was caused by one: with its stack and a report
   * that is ready to be sent, once, whatever the level.
   */
  const bug = (error: unknown): void => {
    const fault = bugIn(error);
    if (fault === undefined || told.has(fault)) return;
    told.add(fault);
    const report = context.bugReport?.(fault) ?? '';
    const plain = stderr.isTTY === true || !log.isLevelEnabled('error');
    log.error({ error_code: 'bug', err: fault, ...(plain ? {} : { report }) }, 'a fault of pypi-badges');
    if (plain) progress.makeWay(() => stderr.write(report));
  };
  return { log, progress, bug };
}
