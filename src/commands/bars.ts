import type { Env } from '../env.ts';

/** Characters that a picture is drawn with. */
export interface Ink {
  /** A full cell, and what is less than one: from the least to the most. */
  readonly full: string;
  readonly parts: readonly string[];
  /** Heights of a column of a line of days, from the lowest above nothing to the highest. */
  readonly heights: readonly string[];
  readonly nothing: string;
  /** A day of which nothing is known. */
  readonly unknown: string;
}

const UNICODE: Ink = {
  full: '█',
  parts: ['▏', '▎', '▍', '▌', '▋', '▊', '▉'],
  heights: ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
  nothing: '·',
  unknown: '?',
};

const ASCII: Ink = {
  full: '#',
  parts: ['.'],
  heights: ['_', '-', '=', '#'],
  nothing: '.',
  unknown: '?',
};

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
      if (sum === null) return ink.unknown;
      if (sum === 0) return ink.nothing;
      return ink.heights[Math.ceil((sum / highest) * ink.heights.length) - 1] ?? '';
    })
    .join('');
}
