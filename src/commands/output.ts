import { styleText } from 'node:util';
import type { Logger } from 'pino';
import { formatNumber, formatShare, plural } from '../format.ts';
import { allDownloads } from '../metric/breakdown.ts';
import type { Window } from '../metric/summary.ts';
import type { PackageHealth } from '../publish/health.ts';
import { append, type Env, snakeKeys, TIB } from '../util.ts';
import { type Context, type Output, useColor } from './context.ts';

/*
 * How commands print: tables, bars, and sentences that are alike for many packages.
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

export function left(title: string, tone?: Column['tone']): Column {
  return { title, align: 'left', tone };
}

export function right(title: string): Column {
  return { title, align: 'right' };
}

/** How a table is laid out for where it goes. */
export interface TableStyle {
  /** Columns of text that there is room for. */
  readonly width: number;
  readonly color: boolean;
}

/** For a file, a pipe or a journal: nothing is cut, as what is missing could not be got back. */
const PLAIN: TableStyle = { width: Number.POSITIVE_INFINITY, color: false };

const TERMINAL_WIDTH = 80;

/** Narrowest that the first column shrinks to. */
const SHRUNK_MIN = 8;

const GAP = '  ';

/** The style for an output: as wide as its terminal, 80 columns if that does not say; colour on a terminal only. */
export function tableStyle(output: Output, env: Context['env']): TableStyle {
  const width = output.isTTY ? (output.columns ?? TERMINAL_WIDTH) : PLAIN.width;
  return { width, color: useColor(output, env) };
}

/**
 * Lays out cells under their titles, two spaces between columns, a final newline and nothing trailing. Where there is not
 * room enough, the first column gives way.
 *
 * @param style Where it goes; by default nothing is cut, and there is no colour.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { width: room, color }: TableStyle = PLAIN,
): string {
  const titles = columns.map(({ title }) => title);
  const widths = columns.map((_, index) =>
    Math.max(...[titles, ...rows].map((cells) => cells[index]?.length ?? 0)),
  );
  const excess = widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length) - room;
  const [first = 0] = widths;
  if (excess > 0) widths[0] = Math.max(Math.min(first, SHRUNK_MIN), first - excess);
  const render = (cells: readonly string[], isHead: boolean) => {
    const last = cells.findLastIndex((cell) => cell !== '');
    return columns
      .slice(0, last + 1)
      .map(({ align, tone }, index) => {
        const [width = 0, text = ''] = [widths[index], cells[index]];
        const cell = text.length > width ? `${text.slice(0, width - 1)}…` : text;
        const space = ' '.repeat(width - cell.length);
        const painted = cell === '' ? cell : paint(cell, isHead ? 'bold' : tone?.(cell), color);
        if (align === 'right') return space + painted;
        return index === last ? painted : painted + space;
      })
      .join(GAP);
  };
  return `${[render(titles, true), ...rows.map((cells) => render(cells, false))].join('\n')}\n`;
}

/** Breaks a sentence into lines of at most 80 characters. */
export function wrap(text: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length > TERMINAL_WIDTH) lines.push(line);
    line = longer.length > TERMINAL_WIDTH ? `  ${word}` : longer;
  }
  return `${[...lines, line].join('\n')}\n`;
}

/** Characters that a picture is drawn with. */
export interface Ink {
  /** A full cell, and what is less than one: from the least to the most. */
  readonly full: string;
  readonly parts: readonly string[];
  /** Heights of a column of a line of days, from the lowest above nothing to the highest. */
  readonly heights: readonly string[];
  readonly nothing: string;
}

const UNICODE: Ink = { full: '█', parts: [...'▏▎▍▌▋▊▉'], heights: [...'▁▂▃▄▅▆▇█'], nothing: '·' };
const ASCII: Ink = { full: '#', parts: ['.'], heights: [...'_-=#'], nothing: '.' };

/** What a terminal or a file can show, by the locale (POSIX, section 8.2). */
export function inkOf(env: Env): Ink {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return /utf-?8/i.test(locale) && env['TERM'] !== 'linux' ? UNICODE : ASCII;
}

/**
 * A bar as long as a part is of a whole. What is not nothing is never empty, and what is not all never full.
 *
 * @param cells Length of the whole, in characters.
 */
export function bar(part: number, whole: number, cells: number, { full, parts }: Ink): string {
  if (part === 0 || whole === 0) return '';
  const steps = parts.length + 1;
  const most = part < whole ? cells * steps - 1 : cells * steps;
  const length = Math.min(most, Math.max(1, Math.round((part / whole) * cells * steps)));
  return full.repeat(Math.floor(length / steps)) + (parts[(length % steps) - 1] ?? '');
}

/**
 * Values as a line of columns.
 *
 * @param values Oldest first; null where nothing is known.
 * @param cells Most characters: if there are more values, each character is the sum of several.
 */
export function columns(values: readonly (number | null)[], cells: number, ink: Ink): string {
  const each = Math.ceil(values.length / cells);
  const sums: (number | null)[] = [];
  for (let start = 0; start < values.length; start += each) {
    const known = values.slice(start, start + each).filter((value) => value !== null);
    sums.push(known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0));
  }
  const highest = Math.max(...sums.map((sum) => sum ?? 0));
  return sums
    .map((sum) => {
      if (sum === null) return '?';
      if (sum === 0) return ink.nothing;
      return ink.heights[Math.ceil((sum / highest) * ink.heights.length) - 1] ?? '';
    })
    .join('');
}

/** Most packages that are named, or have a line each, where the same is to be told of all; of more it is told how many. */
export const FEW = 3;

/** A line for each sentence, in the order of the first package that it is about: who, by name or how many, and the sentence. */
export function bySentence(sentences: Iterable<readonly [packageName: string, sentence: string]>): string[] {
  const namesOf = new Map<string, string[]>();
  for (const [name, sentence] of sentences) append(namesOf, sentence, name);
  return [...namesOf].map(([sentence, names]) => {
    const who = names.length > FEW ? plural(names.length, 'package') : names.join(', ');
    return `${who}: ${sentence}`;
  });
}

/** What the log is to say of one package or group. */
export interface Line {
  readonly name: string;
  readonly what: 'package' | 'group';
  readonly sentence: string;
  /** Of the line's record; the same wherever the sentence is. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * Keeps a log short: of many packages with the same sentence, the first have a line each, and the others one together, which
 * `finish` writes. Of thousands, a cause that has kept them all would fill a journal.
 *
 * @param write Is given the record's fields, who it is about, and the sentence.
 */
export function createFold(write: (fields: Line['fields'], who: string, sentence: string) => void) {
  const told = new Map<string, { times: number; readonly fields: Line['fields'] }>();
  return {
    tell({ name, what, sentence, fields }: Line): void {
      const before = told.get(sentence) ?? { times: 0, fields };
      if (what === 'package') {
        told.set(sentence, before);
        before.times += 1;
      }
      if (before.times <= FEW || what === 'group') write({ [what]: name, ...fields }, name, sentence);
    },
    finish(): void {
      for (const [sentence, { times, fields }] of told) {
        const more = times - FEW;
        if (more > 0) write({ packages: more, ...fields }, plural(more, 'more package'), sentence);
      }
      told.clear();
    },
  };
}

/** The log of what became of packages and groups: a line for each that went well; what went wrong is summary. */
export function createEntryLog(log: Logger) {
  const errors = createFold((fields, who, sentence) => log.error(fields, `${who}: ${sentence}`));
  const cautions = createFold((fields, who, sentence) => log.warn(fields, `${who}: ${sentence}`));
  return {
    tell(name: string, entry: PackageHealth, what: 'package' | 'group' = 'package'): void {
      const { failure, windows, count, query, warnings } = entry;
      if (failure !== undefined) {
        errors.tell({ name, what, sentence: failure.error, fields: { error_code: failure.code } });
        if (windows.length === 0) return;
      }
      log.info({ [what]: name, count, ...(snakeKeys(query ?? {}) as object) }, 'collected');
      for (const { code, message } of warnings) {
        cautions.tell({ name, what, sentence: message, fields: { warning: code } });
      }
    },
    finish(): void {
      errors.finish();
      cautions.finish();
    },
  };
}

/** Colour of a state; other tables that show states use it, too. */
export function stateTone(state: string): Tone | undefined {
  const tones: Record<string, Tone> = { ok: 'green', stale: 'yellow', failed: 'red' };
  return tones[state];
}

/** A group as tables show it among packages. */
export function groupName(name: string): string {
  return `${name} (group)`;
}

type Entries = readonly (readonly [string, PackageHealth])[];

/** Each failure and each warning, and what to do about it. */
export function renderRemarks(entries: Entries): string {
  const failures = entries.flatMap(([name, { failure }]) =>
    failure === undefined ? [] : [[name, failure.error] as const],
  );
  const warnings = entries.flatMap(([name, entry]) =>
    entry.warnings.map(({ code, message }) => [name, `warning (${code}): ${message}`] as const),
  );
  return [...bySentence(failures), ...bySentence(warnings)].map((line) => `\n${line}\n`).join('');
}

function windowCells({ windowDays, breakdown }: Window): string[] {
  const all = allDownloads(breakdown);
  const { count } = breakdown;
  return [`${windowDays}d`, formatNumber(count), formatNumber(all), formatShare(all - count, all), 'ok'];
}

/** What a run came to: a line for each package and window, then what needs attention. */
export function renderResults(entries: Entries, style?: TableStyle): string {
  const figures = ['window', 'non-CI', 'all', 'excluded'].map(right);
  const rows = entries.flatMap(([name, { failure, windowDays, windows }]) => {
    const failed = failure === undefined ? [] : (failure.heldBack ?? [windowDays]);
    return [
      ...windows.map((window) => [name, ...windowCells(window)]),
      ...failed.map((days) => [name, `${days}d`, '-', '-', '-', 'failed']),
    ];
  });
  return (
    renderTable([left('package'), ...figures, left('state', stateTone)], rows, style) + renderRemarks(entries)
  );
}

/** List price of a TiB on demand in the US, in dollars, after the first in a month. */
const DOLLARS_PER_TIB = 6.25;

/** What bytes billed within a month cost, in dollars. */
export function listPrice(bytes: number): number {
  return (Math.max(0, bytes - TIB) / TIB) * DOLLARS_PER_TIB;
}

export function formatDollars(price: number): string {
  return `$${price.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}
