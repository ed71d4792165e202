import { formatNumber, formatShare } from '../format.ts';
import { type HealthEntry, type HealthWindow, isSuccess } from '../publish/health.ts';
import { EXCLUSIONS } from '../winnow/classes.ts';
import { type Column, renderTable, type TableStyle, type Tone } from './table.ts';

/** Colour of a state; other tables that show states use it, too. */
export function stateTone(state: string): Tone | undefined {
  const tones: Record<string, Tone> = { ok: 'green', stale: 'yellow', failed: 'red' };
  return tones[state];
}

const COLUMNS: readonly Column[] = [
  { title: 'package', align: 'left', shrinks: true },
  { title: 'window', align: 'right' },
  { title: 'honest', align: 'right' },
  { title: 'all', align: 'right' },
  { title: 'winnowed out', align: 'right' },
  { title: 'state', align: 'left', tone: stateTone },
];

function windowCells({ window_days, count, excluded }: HealthWindow): string[] {
  const out = EXCLUSIONS.reduce((total, reason) => total + excluded[reason], 0);
  return [`${window_days}d`, formatNumber(count), formatNumber(count + out), formatShare(out, count + out)];
}

function rows([name, entry]: [string, HealthEntry]): string[][] {
  if (!isSuccess(entry)) return [[name, `${entry.window_days}d`, '-', '-', '-', 'failed']];
  return entry.windows.map((window) => [name, ...windowCells(window), 'ok']);
}

/** Packages by error, so that one cause of many failures is told once. */
function failures(entries: readonly [string, HealthEntry][]): string {
  const byError = new Map<string, string[]>();
  for (const [name, entry] of entries) {
    if (!isSuccess(entry)) byError.set(entry.error, [...(byError.get(entry.error) ?? []), name]);
  }
  return [...byError]
    .map(([error, names]) => {
      const who = names.length > 3 ? `${names.length} packages` : names.join(', ');
      return `\n${who}: ${error}\n`;
    })
    .join('');
}

/** What a run came to: a line for each package and window, then each failure and what to do about it. */
export function renderResults(entries: readonly [string, HealthEntry][], style?: TableStyle): string {
  return renderTable(COLUMNS, entries.flatMap(rows), style) + failures(entries);
}
