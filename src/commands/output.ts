import { stripVTControlCharacters, styleText } from 'node:util';
import type { Logger } from 'pino';
import { type Day, daysBehind, isStale } from '../days/day.ts';
import { bugIn } from '../errors/error.ts';
import { stackOf } from '../errors/report.ts';
import { formatNumber, formatShare, plural } from '../format.ts';
import { allDownloads } from '../metric/breakdown.ts';
import { countedState, type PackageHealth, type Standing } from '../publish/health.ts';
import { append, type Env, partsOf, snakeKeys, sum, TIB } from '../util.ts';
import type { Context, GlobalOptions, Output } from './context.ts';

/*
 * How commands print: tables, bars, the log with its line of progress, and sentences that are alike for many packages.
 */

/** Colours that a terminal's own theme defines. */
export type Tone = 'green' | 'yellow' | 'red';

/** Whether there are colours is decided by the caller, who knows the output. */
export function paint(text: string, tone: Tone | 'bold' | undefined, color: boolean): string {
  return color && tone !== undefined ? styleText(tone, text, { validateStream: false }) : text;
}

/** A column of a table for the terminal. */
export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
  /** Colour of a cell by its text; what it says must be clear without. */
  readonly tone?: ((cell: string) => Tone | undefined) | undefined;
}

export const left = (title: string, tone?: Column['tone']): Column => ({ title, align: 'left', tone });
export const right = (title: string): Column => ({ title, align: 'right' });

/** The cells of a table, by row. */
type Cells = readonly (readonly string[])[];

/** How text is laid out for where it goes. */
export interface Style {
  /** Columns of text that there is room for. */
  readonly width: number;
  readonly color: boolean;
}

/** For a file, a pipe or a journal: nothing is cut, as what is missing could not be got back. */
const PLAIN: Style = { width: Number.POSITIVE_INFINITY, color: false };

/** Of a terminal that does not say how wide it is. */
export const TERMINAL_WIDTH = 80;

/** Narrowest that the first column shrinks to. */
const SHRUNK_MIN = 8;

const GAP = '  ';

/** Length of a text on a terminal. */
const lengthOf = (text: string) => stripVTControlCharacters(text).length;

/** The style for an output: as wide as its terminal, 80 columns if that does not say; colour on a terminal only. */
export function styleOf({ isTTY, columns = TERMINAL_WIDTH }: Output, env: Env): Style {
  if (!isTTY) return PLAIN;
  // Not against NO_COLOR (no-color.org).
  return { width: columns, color: !env['NO_COLOR'] && env['TERM'] !== 'dumb' };
}

/**
 * Lays out cells under their titles, two spaces between columns, a final newline and nothing trailing. Where there is not
 * room enough, a first cell that is too long has a line of its own; where there is none at all, each row is a list.
 *
 * @param style Where it goes; by default nothing is moved, and there is no colour.
 */
export function renderTable(columns: readonly Column[], rows: Cells, style: Style = PLAIN): string {
  const { width: room, color } = style;
  const titles = columns.map(({ title }) => title);
  const widths = columns.map((_, index) =>
    Math.max(...[titles, ...rows].map((cells) => cells[index]?.length ?? 0)),
  );
  const excess = widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length) - room;
  const [first = 0] = widths;
  if (excess > Math.max(0, first - SHRUNK_MIN)) return renderLists(columns, rows, color);
  if (excess > 0) widths[0] = first - excess;
  const render = (cells: readonly string[], isHead: boolean) => {
    const padded = columns.map(({ align, tone }, index) => {
      const [width = 0, cell = ''] = [widths[index], cells[index]];
      const space = ' '.repeat(Math.max(0, width - cell.length));
      const painted = cell === '' ? cell : paint(cell, isHead ? 'bold' : tone?.(cell), color);
      if (align === 'right') return space + painted;
      return cell.length > width ? `${painted}\n${' '.repeat(width)}` : painted + space;
    });
    return padded.join(GAP).trimEnd();
  };
  return `${[render(titles, true), ...rows.map((cells) => render(cells, false))].join('\n')}\n`;
}

/** A table of figures: what they are of, and a column of numbers for each of the other titles. */
export function renderFigures(titles: readonly string[], rows: Cells, style: Style): string {
  const [first = '', ...others] = titles;
  return renderTable([left(first), ...others.map(right)], rows, style);
}

/** The rows of a table that is too wide, one below another: the first cell, and a line for each other one with its title. */
function renderLists(columns: readonly Column[], rows: Cells, color: boolean): string {
  const [, ...others] = columns;
  const width = Math.max(...others.map(({ title }) => title.length));
  const lines = rows.flatMap(([head = '', ...cells]) => [
    ...(head === '' ? [] : [paint(head, 'bold', color)]),
    ...others.flatMap(({ title, tone }, index) => {
      const cell = cells[index] ?? '';
      return cell === '' ? [] : [`  ${title.padEnd(width)}  ${paint(cell, tone?.(cell), color)}`];
    }),
  ]);
  return lines.map((line) => `${line}\n`).join('');
}

/**
 * Breaks lines that are longer than there is room for, at spaces: what has none, such as a path, stays whole and can be
 * copied.
 */
export function wrap(text: string, { width }: Pick<Style, 'width'>): string {
  const breakLine = (line: string) => {
    const indent = `${/^ */.exec(line)?.[0]}  `;
    const lines: string[] = [];
    for (const word of lengthOf(line) > width ? line.split(/(?<=\S)(?= )/) : [line]) {
      const last = lines.at(-1);
      if (last === undefined) lines.push(word);
      else if (lengthOf(last + word) > width) lines.push(indent + word.trimStart());
      else lines[lines.length - 1] = last + word;
    }
    return lines.join('\n');
  };
  return text.split('\n').map(breakLine).join('\n');
}

/** Writes a line for people, wrapped to where it goes. */
export function say(output: Output, env: Env, line: string): void {
  output.write(`${wrap(line, styleOf(output, env))}\n`);
}

/**
 * Characters that a picture is drawn with: a full cell; parts of one, from the least to the most; heights of a column of a line
 * of days, from the lowest above nothing to the highest; and nothing.
 */
export type Ink = typeof UNICODE;

const UNICODE = { full: '█', parts: [...'▏▎▍▌▋▊▉'], heights: [...'▁▂▃▄▅▆▇█'], nothing: '·' };
const ASCII: Ink = { full: '#', parts: ['.'], heights: [...'_-=#'], nothing: '.' };

/** What a terminal or a file can show, by the locale (POSIX, section 8.2). */
export function inkOf(env: Env): Ink {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return /utf-?8/i.test(locale) && env['TERM'] !== 'linux' ? UNICODE : ASCII;
}

/** Shortest bar that tells anything, in characters. */
const BAR_MIN = 8;

/**
 * A bar as long as a part is of a whole. What is not nothing is never empty, and what is not all never full.
 *
 * @param cells Length of the whole, in characters; with too few there is no bar.
 */
export function bar(part: number, whole: number, cells: number, { full, parts }: Ink): string {
  if (part === 0 || whole === 0 || cells < BAR_MIN) return '';
  const steps = parts.length + 1;
  const most = part < whole ? cells * steps - 1 : cells * steps;
  const length = Math.min(most, Math.max(1, Math.round((part / whole) * cells * steps)));
  return full.repeat(Math.floor(length / steps)) + (parts[(length % steps) - 1] ?? '');
}

/** The highest column stands for at least so many, so that a single one is no full block. */
const HIGHEST_MIN = 5;

/**
 * Values as lines of columns, all on one scale.
 *
 * @param lines Each oldest first; null where nothing is known.
 * @param cells Most characters: if there are more values, each character is the sum of several.
 */
export function columns(lines: readonly (readonly (number | null)[])[], cells: number, ink: Ink): string[] {
  const sums = lines.map((values) => {
    return partsOf(values, Math.ceil(values.length / Math.max(1, cells))).map((part) => {
      const known = part.filter((value) => value !== null);
      return known.length === 0 ? null : sum(known, (value) => value);
    });
  });
  const highest = Math.max(HIGHEST_MIN, ...sums.flat().map((value) => value ?? 0));
  const column = (value: number | null) => {
    if (value === null) return '?';
    if (value === 0) return ink.nothing;
    return ink.heights[Math.ceil((value / highest) * ink.heights.length) - 1] ?? '';
  };
  return sums.map((line) => line.map(column).join(''));
}

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
    /** Writes something above the line. */
    write(text: string): void {
      erase();
      output.write(text);
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

/**
 * What journald must find before each line to give it a priority (sd-daemon(3)), without which
 * `journalctl -p err` shows nothing. Empty where stderr does not go to the journal.
 *
 * @param level One of pino's numbers; that of errors if absent.
 */
export function journalPrefix({ env, stderr }: Context, level = 50): string {
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
      progress.write(text);
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
    if (plain) progress.write(report);
  };
  return { log, progress, bug, entries: createEntryLog(log, stderr.isTTY === true) };
}

/** Most packages that are named, or have a line each, where the same is to be told of all; of more it is told how many. */
export const FEW = 3;

/** Packages by name, or how many there are. */
const whoOf = (names: readonly string[]) =>
  names.length > FEW ? plural(names.length, 'package') : names.join(', ');

/** A line for each sentence, in the order of the first package that it is about: who, by name or how many, and the sentence. */
export function bySentence(sentences: Iterable<readonly [packageName: string, sentence: string]>): string[] {
  const namesOf = new Map<string, string[]>();
  for (const [name, sentence] of sentences) append(namesOf, sentence, name);
  return [...namesOf].map(([sentence, names]) => `${whoOf(names)}: ${sentence}`);
}

/**
 * The log of what became of packages and groups: a line for each that went well. What else is to be said is kept short: of
 * many with the same sentence the first have a line each, and the others one together, which `finish` writes. Of thousands, a
 * cause that has kept them all would fill a journal. For people, all have one line together.
 */
function createEntryLog(log: Logger, forPeople: boolean) {
  const own = forPeople ? 0 : FEW;
  const told = new Map<string, { level: 'error' | 'warn'; names: string[]; fields: object }>();
  const fold = (level: 'error' | 'warn', what: string, name: string, sentence: string, fields: object) => {
    const names = told.get(sentence)?.names ?? [];
    names.push(name);
    told.set(sentence, { level, names, fields });
    if (names.length <= own) log[level]({ [what]: name, ...fields }, `${name}: ${sentence}`);
  };
  return {
    tell(name: string, entry: PackageHealth, what: 'package' | 'group'): void {
      const { failure, windows, count, query, warnings } = entry;
      if (failure !== undefined) fold('error', what, name, failure.error, { error_code: failure.code });
      if (failure !== undefined && windows.length === 0) return;
      log.info({ [what]: name, count, ...(snakeKeys(query ?? {}) as object) }, 'collected');
      for (const { code, message } of warnings) fold('warn', what, name, message, { warning: code });
    },
    /** Warns of all whose figures are too old, whether in this run or not. */
    tellStale(standings: readonly Standing[], thresholdDays: number, today: Day): void {
      for (const { name, isGroup, entry } of standings) {
        const { countedTo } = entry ?? {};
        if (countedTo === undefined || !isStale(countedTo, thresholdDays, today)) continue;
        const behind = plural(daysBehind(countedTo, today), 'day');
        const sentence = `stale: figures end with ${countedTo}, ${behind} before yesterday`;
        fold('warn', isGroup ? 'group' : 'package', name, sentence, { counted_to: countedTo });
      }
    },
    finish(): void {
      for (const [sentence, { level, names, fields }] of told) {
        const more = names.length - own;
        if (forPeople) log[level](fields, `${whoOf(names)}: ${sentence}`);
        else if (more > 0)
          log[level]({ packages: more, ...fields }, `${plural(more, 'more package')}: ${sentence}`);
      }
    },
  };
}

const TONES: Record<string, Tone> = { ok: 'green', 'no rows': 'yellow', stale: 'yellow', failed: 'red' };

/** Colour of a state; other tables that show states use it, too. */
export const stateTone = (state: string): Tone | undefined => TONES[state];

/** A package or group as tables show it. */
export function standingName({ name, isGroup }: Standing): string {
  return isGroup ? `${name} (group)` : name;
}

/** Each failure and each warning, and what to do about it. */
export function renderRemarks(standings: readonly Standing[]): string {
  const failures = standings.flatMap((each) => {
    const failure = each.entry?.failure;
    return failure === undefined ? [] : [[standingName(each), failure.error] as const];
  });
  const warnings = standings.flatMap((each) => {
    const found = each.entry?.warnings ?? [];
    return found.map(({ code, message }) => [standingName(each), `warning (${code}): ${message}`] as const);
  });
  return [...bySentence(failures), ...bySentence(warnings)].map((line) => `\n${line}\n`).join('');
}

/** What a run came to: a line for each package and window. */
export function renderResults(standings: readonly Standing[], style?: Style): string {
  const figures = ['window', 'non-CI', 'all', 'excluded'].map(right);
  const rows = standings.flatMap((each) => {
    if (each.entry === undefined) return [];
    const name = standingName(each);
    const { failure, windowDays, windows } = each.entry;
    const failed = failure === undefined ? [] : (failure.heldBack ?? [windowDays]);
    const state = countedState(each.entry);
    const counted = windows.map(({ windowDays: days, breakdown }) => {
      const [count, all] = [breakdown.count, allDownloads(breakdown)];
      return [name, `${days}d`, formatNumber(count), formatNumber(all), formatShare(all - count, all), state];
    });
    return [...counted, ...failed.map((days) => [name, `${days}d`, '-', '-', '-', 'failed'])];
  });
  return renderTable([left('package'), ...figures, left('state', stateTone)], rows, style);
}

/** List price of a TiB on demand in the US, in dollars, after the first in a month. */
const DOLLARS_PER_TIB = 6.25;

/** What bytes cost at the list price that are billed in a month after others, which are in bytes, too. */
export function listPrice(bytes: number, before = 0): string {
  const priceOf = (all: number) => (Math.max(0, all - TIB) / TIB) * DOLLARS_PER_TIB;
  const price = priceOf(before + bytes) - priceOf(before);
  return `$${price.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}
