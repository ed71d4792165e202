import { formatNumber, formatShare } from '../format.ts';
import type { PackageHealth } from '../publish/health.ts';
import { allDownloads } from '../winnow/breakdown.ts';
import type { Window } from '../winnow/fold.ts';
import { type Column, renderTable, type TableStyle, type Tone } from './table.ts';
import { bySentence } from './told.ts';

/** Colour of a state; other tables that show states use it, too. */
export function stateTone(state: string): Tone | undefined {
  const tones: Record<string, Tone> = { ok: 'green', stale: 'yellow', failed: 'red' };
  return tones[state];
}

/** A group as tables show it among packages. */
export function groupName(name: string): string {
  return `${name} (group)`;
}

const COLUMNS: readonly Column[] = [
  { title: 'package', align: 'left', shrinks: true },
  { title: 'window', align: 'right' },
  { title: 'honest', align: 'right' },
  { title: 'all', align: 'right' },
  { title: 'winnowed out', align: 'right' },
  { title: 'state', align: 'left', tone: stateTone },
];

function windowCells({ windowDays, breakdown }: Window): string[] {
  const all = allDownloads(breakdown);
  const { count } = breakdown;
  return [`${windowDays}d`, formatNumber(count), formatNumber(all), formatShare(all - count, all)];
}

function rows([name, { failure, windowDays, windows }]: readonly [string, PackageHealth]): string[][] {
  const failed = failure === undefined ? [] : (failure.heldBack ?? [windowDays]);
  return [
    ...windows.map((window) => [name, ...windowCells(window), 'ok']),
    ...failed.map((days) => [name, `${days}d`, '-', '-', '-', 'failed']),
  ];
}

/** Each failure and each warning, and what to do about it. */
export function renderRemarks(entries: readonly (readonly [string, PackageHealth])[]): string {
  const failures = entries.flatMap(([name, { failure }]) =>
    failure === undefined ? [] : [[name, failure.error] as const],
  );
  const warnings = entries.flatMap(([name, entry]) =>
    entry.warnings.map(({ code, message }) => [name, `warning (${code}): ${message}`] as const),
  );
  return [...bySentence(failures), ...bySentence(warnings)]
    .map(({ who, sentence }) => `\n${who}: ${sentence}\n`)
    .join('');
}

/** What a run came to: a line for each package and window, then what needs attention. */
export function renderResults(
  entries: readonly (readonly [string, PackageHealth])[],
  style?: TableStyle,
): string {
  return renderTable(COLUMNS, entries.flatMap(rows), style) + renderRemarks(entries);
}
