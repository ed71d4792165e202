import { addDays, type Day, daysOf, parseDay, type Span } from '../days/day.ts';
import { type PivotRow, pivotShape } from '../sources/query.ts';
import { isCount } from './count.ts';

/*
 * The ledger of one package: what was downloaded, day by day, so that no day is paid for twice. This
 * file knows its content; where it is kept is another's affair.
 */

/** A pivot row without its day. */
export type DayRow = Omit<PivotRow, 'day'>;

export interface LedgerDay {
  /** Rows that the whole table had on this day when it was read; null if the source could not tell. */
  readonly revision: number | null;
  readonly rows: readonly DayRow[];
}

/** A calendar month in UTC, `YYYY-MM`. */
export type Month = string;

/** What reading took. */
export interface Billed {
  readonly daysScanned: number;
  readonly bytesBilled: number;
  readonly queries: number;
}

export interface Ledger {
  /** As-of day of the last time that a whole window was read at once. */
  readonly wholeRead: Day | null;
  readonly billed: Readonly<Record<Month, Billed>>;
  readonly days: ReadonlyMap<Day, LedgerDay>;
}

/** What a ledger is about. Another source or query may count otherwise, so its days are not ours. */
export interface LedgerIdentity {
  readonly source: string;
  readonly package: string;
}

/** A ledger that must not be trusted; the message says why. */
export class LedgerRejected extends Error {
  override name = 'LedgerRejected';
}

export const EMPTY_LEDGER: Ledger = { wholeRead: null, billed: {}, days: new Map() };

const VERSION = 1;

/** Days older than this are forgotten, unless a window still reaches them. */
const KEEP_DAYS = 365;
const KEEP_MONTHS = 13;

/** The ledger as the text of its file: one day a line. */
export function serializeLedger(ledger: Ledger, identity: LedgerIdentity): string {
  const billed = Object.fromEntries(
    Object.entries(ledger.billed).map(([month, { daysScanned, bytesBilled, queries }]) => [
      month,
      { days_scanned: daysScanned, bytes_billed: bytesBilled, queries },
    ]),
  );
  const head = JSON.stringify({
    version: VERSION,
    source: identity.source,
    query: pivotShape(),
    package: identity.package,
    whole_read: ledger.wholeRead,
    billed,
  });
  const days = [...ledger.days]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([day, { revision, rows }]) =>
      JSON.stringify([
        day,
        revision,
        rows.map(({ ci, installer, system, downloads }) => [ci, installer, system, downloads]),
      ]),
    );
  return `${head.slice(0, -1)},"days":[\n${days.join(',\n')}\n]}\n`;
}

function demand(condition: boolean, reason: string): asserts condition {
  if (!condition) throw new LedgerRejected(reason);
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

function parseRow(value: unknown, day: Day): DayRow {
  demand(Array.isArray(value) && value.length === 4, `a row of ${day} has not four parts`);
  const [ci, installer, system, downloads] = value as unknown[];
  demand(ci === null || typeof ci === 'boolean', `a row of ${day} has no CI flag`);
  demand(isTextOrNull(installer) && isTextOrNull(system), `a row of ${day} has a name that is not text`);
  demand(isCount(downloads), `a row of ${day} counts ${JSON.stringify(downloads)}`);
  return { ci, installer, system, downloads };
}

function parseDays(value: unknown): Map<Day, LedgerDay> {
  demand(Array.isArray(value), 'it has no list of days');
  const days = new Map<Day, LedgerDay>();
  for (const entry of value as unknown[]) {
    demand(Array.isArray(entry) && entry.length === 3, 'an entry is not a day, its revision and its rows');
    const [text, revision, rows] = entry as unknown[];
    const day = typeof text === 'string' ? parseDay(text) : undefined;
    demand(day !== undefined, `${JSON.stringify(text)} is not a day`);
    demand(!days.has(day), `${day} is there twice`);
    demand(revision === null || isCount(revision), `the revision of ${day} is not a count`);
    demand(Array.isArray(rows), `${day} has no list of rows`);
    days.set(day, { revision, rows: (rows as unknown[]).map((row) => parseRow(row, day)) });
  }
  return days;
}

function parseBilled(value: unknown): Record<Month, Billed> {
  demand(typeof value === 'object' && value !== null, 'it does not say what was billed');
  return Object.fromEntries(
    Object.entries(value).map(([month, entry]) => {
      const { days_scanned, bytes_billed, queries } = (entry ?? {}) as Record<string, unknown>;
      demand(/^\d{4}-\d\d$/.test(month), `${month} is not a month`);
      demand(
        isCount(days_scanned) && isCount(bytes_billed) && isCount(queries),
        `what ${month} cost is no count`,
      );
      return [month, { daysScanned: days_scanned, bytesBilled: bytes_billed, queries }];
    }),
  );
}

/**
 * Reads the text of a ledger file.
 *
 * @throws LedgerRejected if it is not whole, not sound, or about something else.
 */
export function parseLedger(text: string, identity: LedgerIdentity): Ledger {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new LedgerRejected('it is not JSON, perhaps cut short');
  }
  demand(typeof value === 'object' && value !== null, 'it is not a ledger');
  const {
    version,
    source,
    query,
    package: name,
    whole_read,
    billed,
    days,
  } = value as Record<string, unknown>;
  demand(version === VERSION, `its format is version ${JSON.stringify(version)}, not ${VERSION}`);
  demand(
    source === identity.source,
    `it was read from ${JSON.stringify(source)}, not from ${identity.source}`,
  );
  demand(query === pivotShape(), 'it was read with another query');
  demand(name === identity.package, `it is about ${JSON.stringify(name)}`);
  const wholeRead = typeof whole_read === 'string' ? parseDay(whole_read) : whole_read;
  demand(wholeRead === null || typeof wholeRead === 'string', 'whole_read is not a day');
  return { wholeRead, billed: parseBilled(billed), days: parseDays(days) };
}

/** What was billed according to the text of a ledger that need not be trusted otherwise; nothing if it cannot be read. */
export function billedOf(text: string): Readonly<Record<Month, Billed>> {
  try {
    return parseBilled(JSON.parse(text).billed);
  } catch {
    return {};
  }
}

/** The ledger with the days of `span` as they were just read; days without rows are known to have none. */
export function withDays(
  ledger: Ledger,
  span: Span,
  rows: readonly PivotRow[],
  revisionOf: (day: Day) => number | null,
): Ledger {
  const read = new Map<Day, DayRow[]>(daysOf(span).map((day) => [day, []]));
  for (const { day, ...row } of rows) read.get(day)?.push(row);
  const fresh = [...read].map(
    ([day, dayRows]) => [day, { revision: revisionOf(day), rows: dayRows }] as const,
  );
  return { ...ledger, days: new Map([...ledger.days, ...fresh]) };
}

/** The ledger with one more query on its account. */
export function withBill(ledger: Ledger, month: Month, daysScanned: number, bytesBilled: number): Ledger {
  const before = ledger.billed[month] ?? { daysScanned: 0, bytesBilled: 0, queries: 0 };
  const after = {
    daysScanned: before.daysScanned + daysScanned,
    bytesBilled: before.bytesBilled + bytesBilled,
    queries: before.queries + 1,
  };
  return { ...ledger, billed: { ...ledger.billed, [month]: after } };
}

/** The ledger without what no window will need again: days of more than a year ago, and old bills. */
export function withoutOld(ledger: Ledger, window: Span, today: Day): Ledger {
  const oldest = addDays(today, -KEEP_DAYS);
  const keep = (day: Day) => day >= oldest || (day >= window.start && day < window.end);
  const months = Object.entries(ledger.billed).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...ledger,
    billed: Object.fromEntries(months.slice(-KEEP_MONTHS)),
    days: new Map([...ledger.days].filter(([day]) => keep(day))),
  };
}

/**
 * Bytes that a day of this package billed, on average over the latest month that billed anything;
 * undefined if none did.
 */
export function bytesPerDay(ledger: Ledger): number | undefined {
  const months = Object.entries(ledger.billed).toSorted(([a], [b]) => (a < b ? 1 : -1));
  const [, latest] =
    months.find(([, { daysScanned, bytesBilled }]) => daysScanned > 0 && bytesBilled > 0) ?? [];
  return latest === undefined ? undefined : latest.bytesBilled / latest.daysScanned;
}
