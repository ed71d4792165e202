import { hash } from 'node:crypto';
import { addDays, type Day, daysOf, parseDay, type Span } from '../days/day.ts';
import { type PivotRow, QUESTION } from '../sources/sql.ts';
import { demand, demandCount, isRecord, parseJson } from './checks.ts';
import {
  type DayRow,
  type OldDays,
  oldText,
  parseOldDays,
  parseRow,
  rowToJson,
  withOldDays,
} from './old-days.ts';

/*
 * <state_dir>/ledger/<source>/<package>.json: what was downloaded, day by day, so that no day is paid for
 * twice. It is a cache of paid days and nothing else: what they cost is in spend.json.
 */

export interface LedgerDay {
  /** Rows that the whole table had on this day when it was read; null if the source could not tell. */
  readonly partitionRows: number | null;
  readonly rows: readonly DayRow[];
}

export interface Ledger {
  /** Absent until a day has become too old. */
  readonly old?: OldDays;
  /** As-of day of the last time that a whole window was read at once. */
  readonly wholeRead: Day | null;
  readonly days: ReadonlyMap<Day, LedgerDay>;
}

/** What a ledger is about: another source or package counts otherwise, so its days are not ours. */
export interface LedgerIdentity {
  /** What the state calls the source. */
  readonly source: string;
  readonly package: string;
}

export const EMPTY_LEDGER: Ledger = { wholeRead: null, days: new Map() };

const VERSION = 2;

/** Days older than this are forgotten, unless a window still reaches them. */
export const KEEP_DAYS = 365;

/** Downloads of all kinds. */
export function allDownloadsOf(rows: readonly DayRow[]): number {
  return rows.reduce((sum, { downloads }) => sum + downloads, 0);
}

/** Tells whether a text is as it was written. */
export function checksum(text: string): string {
  return hash('sha256', text).slice(0, 16);
}

/** A day as it is written: with the rows of the whole table, the total of the day, and its rows. */
export function dayText(day: Day, { partitionRows, rows }: LedgerDay): string {
  return JSON.stringify([day, partitionRows, allDownloadsOf(rows), rows.map(rowToJson)]);
}

/** The ledger as the text of its file: one day a line. */
export function serializeLedger(ledger: Ledger, identity: LedgerIdentity): string {
  const lines = [...ledger.days]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([day, entry]) => dayText(day, entry))
    .join(',\n');
  const old = ledger.old === undefined ? undefined : oldText(ledger.old);
  const head = JSON.stringify({
    version: VERSION,
    source: identity.source,
    question: QUESTION,
    package: identity.package,
    whole_read: ledger.wholeRead,
    checksum: checksum(old === undefined ? lines : `${old}\n${lines}`),
  });
  return `${head.slice(0, -1)}${old === undefined ? '' : `,"old":${old}`},"days":[\n${lines}\n]}\n`;
}

/**
 * Days as they were written.
 *
 * @throws FileRejected if they are not sound.
 */
export function parseDays(value: unknown): Map<Day, LedgerDay> {
  demand(Array.isArray(value), 'it has no list of days');
  const days = new Map<Day, LedgerDay>();
  for (const entry of value as unknown[]) {
    demand(Array.isArray(entry) && entry.length === 4, 'an entry is no day with its rows');
    const [text, partitionRows] = entry as unknown[];
    const day = typeof text === 'string' ? parseDay(text) : undefined;
    demand(day !== undefined, () => `${JSON.stringify(text)} is not a day`);
    demand(!days.has(day), () => `${day} is there twice`);
    if (partitionRows !== null) demandCount(partitionRows, () => `the rows of the table on ${day}`);
    const list: unknown = entry.at(-1);
    demand(Array.isArray(list), () => `${day} has no list of rows`);
    const rows = (list as unknown[]).map((row) => parseRow(row, day));
    demand(
      entry[2] === allDownloadsOf(rows),
      () => `the rows of ${day} are not those that its total was made of`,
    );
    days.set(day, { partitionRows: partitionRows as number | null, rows });
  }
  return days;
}

/**
 * Reads the text of a ledger file.
 *
 * @throws FileRejected if it is not whole, not sound, or about something else.
 */
export function parseLedger(text: string, identity: LedgerIdentity): Ledger {
  const value = parseJson(text);
  demand(isRecord(value), 'it is not a ledger');
  const { version, source, question, package: name, whole_read: wholeRead } = value;
  demand(
    source === identity.source,
    `it was read from ${JSON.stringify(source)}, not from ${identity.source}`,
  );
  demand(name === identity.package, `it is about ${JSON.stringify(name)}`);
  demand(version === VERSION, `its format is version ${JSON.stringify(version)}, not ${VERSION}`);
  demand(question === QUESTION, 'it was read with another query');
  const day = typeof wholeRead === 'string' ? parseDay(wholeRead) : wholeRead;
  demand(day === null || typeof day === 'string', 'whole_read is not a day');
  const lines = /"days":\[\n([\s\S]*)\n\]\}\n$/.exec(text)?.[1] ?? '';
  const old = value['old'] === undefined ? undefined : parseOldDays(value['old']);
  const summed = old === undefined ? lines : `${oldText(old)}\n${lines}`;
  demand(value['checksum'] === checksum(summed), 'it was altered');
  const days = parseDays(value['days']);
  return { wholeRead: day, ...(old === undefined ? {} : { old }), days };
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
  return {
    ...ledger,
    // Days that the table had nothing of are not known, and stay so.
    old: withOldDays(
      ledger.old,
      tooOld.filter(([, { partitionRows }]) => partitionRows !== 0),
    ),
    days: new Map(days.filter(([day]) => day >= first)),
  };
}
