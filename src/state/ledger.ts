import { addDays, type Day, daysOf, monthOfDay, type Span } from '../days/day.ts';
import type { PivotRow } from '../sources/sql.ts';
import { append, sum } from '../util.ts';

/*
 * What was downloaded of a package, day by day, so that no day is paid for twice. It is a cache of paid days and nothing else: what
 * they cost is in spend.json. How it is kept on the disk is in ledgers.ts.
 */

/** A pivot row without its day. */
export type DayRow = Omit<PivotRow, 'day'>;

export interface LedgerDay {
  /** Rows that the whole table had on this day when it was read; null if the source could not tell. */
  readonly partitionRows: number | null;
  readonly rows: readonly DayRow[];
}

/**
 * Days as a sum: what totals and months are made of. Rows are as the source gave them, so that a later version may sort clients
 * into other classes.
 */
export interface OldDays {
  /** Which days were added up, oldest first; between them days that were never read. */
  readonly spans: readonly Span[];
  /** Rows of all of these days together, one for each combination. */
  readonly rows: readonly DayRow[];
}

export interface Ledger {
  /**
   * Days that are too old to be kept one by one: a sum for each month. No day is in two of them.
   */
  readonly old: readonly OldDays[];
  /** As-of day of the last time that a whole window was read at once. */
  readonly wholeRead: Day | null;
  readonly days: ReadonlyMap<Day, LedgerDay>;
}

export const EMPTY_LEDGER: Ledger = { old: [], wholeRead: null, days: new Map() };

/** Days older than this are forgotten, unless a window still reaches them. */
export const KEEP_DAYS = 365;

/** Downloads of all kinds. */
export function allDownloadsOf(rows: readonly DayRow[]): number {
  return sum(rows, ({ downloads }) => downloads);
}

/** All spans of sums, oldest first. */
export function spansOf(old: readonly OldDays[]): Span[] {
  return old.flatMap(({ spans }) => spans).toSorted((a, b) => (a.start < b.start ? -1 : 1));
}

/** How many rows the whole table has on a day; null if the source cannot tell. */
export type PartitionRowsOf = (day: Day) => number | null;

/**
 * The days of a span as they were just read; those without rows are known to have none.
 *
 * @param unknown Days that stay out: when their source is repaired, no revision tells.
 */
export function daysRead(
  span: Span,
  rows: readonly PivotRow[],
  partitionRowsOf: PartitionRowsOf,
  unknown?: ReadonlySet<Day>,
): Map<Day, LedgerDay> {
  const read = new Map<Day, DayRow[]>(daysOf(span).flatMap((day) => (unknown?.has(day) ? [] : [[day, []]])));
  for (const { day, ...row } of rows) read.get(day)?.push(row);
  return new Map(
    [...read].map(([day, dayRows]) => [day, { partitionRows: partitionRowsOf(day), rows: dayRows }]),
  );
}

/** The ledger with days in place of what it had of them. */
export function replaceDays(ledger: Ledger, days: ReadonlyMap<Day, LedgerDay>): Ledger {
  return { ...ledger, days: new Map([...ledger.days, ...days]) };
}

/** The ledger with days as they were just read. */
export function withDays(ledger: Ledger, ...read: Parameters<typeof daysRead>): Ledger {
  return replaceDays(ledger, daysRead(...read));
}

/** The ledger without some days; the same object if it has none of them. */
export function withoutDays(ledger: Ledger, unwanted: ReadonlySet<Day>): Ledger {
  if (![...unwanted].some((day) => ledger.days.has(day))) return ledger;
  return { ...ledger, days: new Map([...ledger.days].filter(([day]) => !unwanted.has(day))) };
}

/** When the whole window was read; null if it never was, or by a clock that was wrong, as that is a day of the future. */
export function soundWholeRead({ wholeRead }: Ledger, today: Day): Day | null {
  return (wholeRead ?? '') > today ? null : wholeRead;
}

/** Whether a day is in a sum. */
export function isOld(old: readonly OldDays[], day: Day): boolean {
  return old.some(({ spans }) => spans.some(({ start, end }) => day >= start && day < end));
}

/** From the first to the last day of a sum. */
export function reachOf({ spans }: OldDays): Span {
  return { start: spans[0]?.start ?? '', end: spans.at(-1)?.end ?? '' };
}

/** Spans with a day more, which is in none of them; neighbours become one. */
function withDay(spans: readonly Span[], day: Day): Span[] {
  const next = addDays(day, 1);
  const before = spans.find(({ end }) => end === day);
  const after = spans.find(({ start }) => start === next);
  const others = spans.filter((span) => span !== before && span !== after);
  const merged = { start: before?.start ?? day, end: after?.end ?? next };
  return [...others, merged].toSorted((a, b) => (a.start < b.start ? -1 : 1));
}

/** Rows with one for each combination. */
function addedUp(rows: Iterable<DayRow>): DayRow[] {
  const sums = new Map<string, DayRow>();
  for (const row of rows) {
    const key = JSON.stringify([row.ci, row.installer, row.system, row.sidecar]);
    sums.set(key, { ...row, downloads: row.downloads + (sums.get(key)?.downloads ?? 0) });
  }
  return [...sums.values()];
}

/** The sums with some days more, each in that of its month; one that is in a sum already is not added again. */
function withOldDays(old: readonly OldDays[], days: readonly (readonly [Day, LedgerDay])[]): OldDays[] {
  const byMonth = new Map<string, (readonly [Day, LedgerDay])[]>();
  for (const entry of days) {
    if (!isOld(old, entry[0])) append(byMonth, monthOfDay(entry[0]), entry);
  }
  const isFresh = (sum: OldDays) => byMonth.has(monthOfDay(reachOf(sum).start));
  const grown = [...byMonth].map(([month, fresh]) => {
    const before = old.find((sum) => monthOfDay(reachOf(sum).start) === month);
    return {
      spans: fresh.reduce<readonly Span[]>((spans, [day]) => withDay(spans, day), before?.spans ?? []),
      rows: addedUp([...(before?.rows ?? []), ...fresh.flatMap(([, { rows }]) => rows)]),
    };
  });
  return [...old.filter((sum) => !isFresh(sum)), ...grown].toSorted((a, b) =>
    reachOf(a).start < reachOf(b).start ? -1 : 1,
  );
}

/**
 * The ledger with the days that no window will need again, those of more than a year ago, added up instead of kept.
 *
 * @param needed First day that a window reaches.
 */
export function withoutOld(ledger: Ledger, needed: Day, today: Day): Ledger {
  const yearAgo = addDays(today, -KEEP_DAYS);
  const first = needed < yearAgo ? needed : yearAgo;
  const days = [...ledger.days];
  const tooOld = days.filter(([day]) => day < first);
  if (tooOld.length === 0) return ledger;
  // Days that the table had nothing of are not known, and stay so.
  const known = tooOld.filter(([, { partitionRows }]) => partitionRows !== 0);
  return {
    ...ledger,
    old: withOldDays(ledger.old, known),
    days: new Map(days.filter(([day]) => day >= first)),
  };
}
