import { addDays, type Day, parseDay, type Span } from '../days/day.ts';
import type { PivotRow } from '../sources/sql.ts';
import { demand, demandCount, isRecord } from './checks.ts';

/*
 * Rows of a ledger, and the days that are too old to be kept one by one.
 */

/** A pivot row without its day. */
export type DayRow = Omit<PivotRow, 'day'>;

/**
 * Days as a sum: what totals are made of. Rows are as the source gave them, so that a later version may sort clients
 * into other classes.
 */
export interface OldDays {
  /** Which days were added up, oldest first; between them days that were never read. */
  readonly spans: readonly Span[];
  /** Rows of all of these days together, one for each combination. */
  readonly rows: readonly DayRow[];
}

/** Whether a day is in the sum. */
export function isOld(old: OldDays | undefined, day: Day): boolean {
  return old?.spans.some(({ start, end }) => day >= start && day < end) === true;
}

/** Spans with some days more, which are in none of them; neighbours become one. */
function withDay(spans: readonly Span[], day: Day): Span[] {
  const next = addDays(day, 1);
  const before = spans.find(({ end }) => end === day);
  const after = spans.find(({ start }) => start === next);
  const others = spans.filter((span) => span !== before && span !== after);
  const merged = { start: before?.start ?? day, end: after?.end ?? next };
  return [...others, merged].toSorted((a, b) => (a.start < b.start ? -1 : 1));
}

/** Rows with one for each combination. */
export function addedUp(rows: Iterable<DayRow>): DayRow[] {
  const sums = new Map<string, DayRow>();
  for (const row of rows) {
    const key = JSON.stringify([row.ci, row.installer, row.system, row.sidecar]);
    sums.set(key, { ...row, downloads: row.downloads + (sums.get(key)?.downloads ?? 0) });
  }
  return [...sums.values()];
}

/** The sum with some days more; one that is in it already is not added again. */
export function withOldDays(
  old: OldDays = { spans: [], rows: [] },
  days: Iterable<readonly [Day, { readonly rows: readonly DayRow[] }]>,
): OldDays {
  const fresh = [...days].filter(([day]) => !isOld(old, day));
  return {
    spans: fresh.reduce<readonly Span[]>((spans, [day]) => withDay(spans, day), old.spans),
    rows: addedUp([...old.rows, ...fresh.flatMap(([, { rows }]) => rows)]),
  };
}

/** A row as it is written. */
export function rowToJson({ ci, installer, system, downloads, sidecar }: DayRow) {
  return sidecar ? [ci, installer, system, downloads, true] : [ci, installer, system, downloads];
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

/**
 * @param of What the row is of, for messages.
 * @throws FileRejected if it is no row.
 */
export function parseRow(value: unknown, of: string): DayRow {
  demand(
    Array.isArray(value) && (value.length === 4 || value.length === 5),
    () => `a row of ${of} is no row`,
  );
  const [ci, installer, system, downloads, sidecar = false] = value as unknown[];
  demand(ci === null || typeof ci === 'boolean', () => `a row of ${of} has no CI flag`);
  demand(isTextOrNull(installer) && isTextOrNull(system), () => `a row of ${of} has a name that is not text`);
  demandCount(downloads, () => `the downloads of a row of ${of}`);
  demand(typeof sidecar === 'boolean', () => `a row of ${of} has no flag of its file`);
  return { ci, installer, system, sidecar, downloads };
}

/** The sum as the text of its part of a ledger file. */
export function oldText({ spans, rows }: OldDays): string {
  return JSON.stringify({ spans: spans.map(({ start, end }) => [start, end]), rows: rows.map(rowToJson) });
}

function parseSpan(value: unknown): Span {
  demand(Array.isArray(value) && value.length === 2, 'a span of its old days is none');
  const [start, end] = (value as unknown[]).map((text) =>
    typeof text === 'string' ? parseDay(text) : undefined,
  );
  demand(start !== undefined && end !== undefined && start < end, 'a span of its old days is none');
  return { start, end };
}

/** @throws FileRejected if it is no such sum. */
export function parseOldDays(value: unknown): OldDays {
  demand(isRecord(value), 'its old days are none');
  const { spans, rows } = value;
  demand(Array.isArray(spans) && spans.length > 0 && Array.isArray(rows), 'its old days are none');
  const parsed = (spans as unknown[]).map(parseSpan);
  demand(
    parsed.every(({ start }, index) => index === 0 || start > (parsed[index - 1]?.end ?? '')),
    'the spans of its old days overlap',
  );
  return { spans: parsed, rows: (rows as unknown[]).map((row) => parseRow(row, 'its old days')) };
}
