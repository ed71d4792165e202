import { hash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_NAME } from '../config/package-name.ts';
import { addDays, type Day, daysOf, parseDay, type Span } from '../days/day.ts';
import {
  asWritten,
  ensureFolder,
  probeRoom,
  readIfPresent,
  replaceFile,
  sweepTemporary,
} from '../disk/files.ts';
import { DISTRIBUTIONS_ONLY_SINCE, type PivotRow, QUESTION } from '../sources/query.ts';
import type { Bills } from './bills.ts';
import { demand, demandCount, FileRejected, isRecord } from './checks.ts';
import {
  type DayRow,
  type OldDays,
  oldText,
  parseOldDays,
  parseRow,
  rowToJson,
  withOldDays,
} from './old-days.ts';
import { setAside } from './set-aside.ts';
import { parseBills } from './spend.ts';
import { stateError } from './state-error.ts';

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
  /** The source's id. */
  readonly source: string;
  readonly package: string;
}

export const EMPTY_LEDGER: Ledger = { wholeRead: null, days: new Map() };

const VERSION = 2;

/** Days older than this are forgotten, unless a window still reaches them. */
const KEEP_DAYS = 365;

function total(rows: readonly DayRow[]): number {
  return rows.reduce((sum, { downloads }) => sum + downloads, 0);
}

function checksum(text: string): string {
  return hash('sha256', text).slice(0, 16);
}

/**
 * The ledger as the text of its file: one day a line, with the rows of the whole table, the total of the
 * day, and its rows. The checksum is that of the lines as they are written: the names of clients are
 * strangers' words, and what looks like a secret in them is taken out.
 *
 * @param gate Takes out what looks like a secret.
 */
export function serializeLedger(
  ledger: Ledger,
  identity: LedgerIdentity,
  gate: (text: string) => string,
): string {
  const plain = [...ledger.days]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([day, { partitionRows, rows }]) =>
      JSON.stringify([day, partitionRows, total(rows), rows.map(rowToJson)]),
    )
    .join(',\n');
  const lines = gate(plain);
  const old = ledger.old === undefined ? undefined : gate(oldText(ledger.old));
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

/** @param totals Whether each day carries its total; in the first version it did not. */
function parseDays(value: unknown, totals: boolean): Map<Day, LedgerDay> {
  demand(Array.isArray(value), 'it has no list of days');
  const days = new Map<Day, LedgerDay>();
  for (const entry of value as unknown[]) {
    demand(Array.isArray(entry) && entry.length === (totals ? 4 : 3), 'an entry is no day with its rows');
    const [text, partitionRows] = entry as unknown[];
    const day = typeof text === 'string' ? parseDay(text) : undefined;
    demand(day !== undefined, () => `${JSON.stringify(text)} is not a day`);
    demand(!days.has(day), () => `${day} is there twice`);
    if (partitionRows !== null) demandCount(partitionRows, () => `the rows of the table on ${day}`);
    const list: unknown = entry.at(-1);
    demand(Array.isArray(list), () => `${day} has no list of rows`);
    const rows = (list as unknown[]).map((row) => parseRow(row, day));
    demand(
      !totals || entry[2] === total(rows),
      () => `the rows of ${day} are not those that its total was made of`,
    );
    days.set(day, { partitionRows: partitionRows as number | null, rows });
  }
  return days;
}

/** The first version named its question by a fingerprint of the SQL; this is the one that it had. */
const FIRST_QUERY = '98c531d8559f99df';

/** What the text of a ledger file holds, in whatever version. */
export interface ReadLedger {
  readonly ledger: Ledger;
  /** Bills that the first version kept here, and that belong into spend.json. */
  readonly bills: Bills | undefined;
}

function parseFirst(value: Record<string, unknown>): ReadLedger {
  demand(value['query'] === FIRST_QUERY, 'it was read with another query');
  // Files could not be told apart then, so older days may hold some that are no distributions.
  const days = [...parseDays(value['days'], false)].filter(([day]) => day >= DISTRIBUTIONS_ONLY_SINCE);
  return { ledger: { wholeRead: null, days: new Map(days) }, bills: parseBills(value['billed']) };
}

/**
 * Reads the text of a ledger file, also of one that 0.1.0 wrote.
 *
 * @throws FileRejected if it is not whole, not sound, or about something else.
 */
export function parseLedger(text: string, identity: LedgerIdentity): ReadLedger {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FileRejected('it is not JSON, perhaps cut short');
  }
  demand(isRecord(value), 'it is not a ledger');
  const { version, source, question, package: name, whole_read: wholeRead } = value;
  demand(
    source === identity.source,
    `it was read from ${JSON.stringify(source)}, not from ${identity.source}`,
  );
  demand(name === identity.package, `it is about ${JSON.stringify(name)}`);
  if (version === 1) return parseFirst(value);
  demand(version === VERSION, `its format is version ${JSON.stringify(version)}, not ${VERSION}`);
  demand(question === QUESTION, 'it was read with another query');
  const day = typeof wholeRead === 'string' ? parseDay(wholeRead) : wholeRead;
  demand(day === null || typeof day === 'string', 'whole_read is not a day');
  const lines = /"days":\[\n([\s\S]*)\n\]\}\n$/.exec(text)?.[1] ?? '';
  const old = value['old'] === undefined ? undefined : parseOldDays(value['old']);
  const summed = old === undefined ? lines : `${oldText(old)}\n${lines}`;
  demand(value['checksum'] === checksum(summed), 'it was altered');
  const days = parseDays(value['days'], true);
  return { ledger: { wholeRead: day, ...(old === undefined ? {} : { old }), days }, bills: undefined };
}

/** The ledger with days as they were just read; days without rows are known to have none. */
export function withDays(
  ledger: Ledger,
  span: Span,
  rows: readonly PivotRow[],
  partitionRowsOf: (day: Day) => number | null,
): Ledger {
  const read = new Map<Day, DayRow[]>(daysOf(span).map((day) => [day, []]));
  for (const { day, ...row } of rows) read.get(day)?.push(row);
  const fresh = [...read].map(
    ([day, dayRows]) => [day, { partitionRows: partitionRowsOf(day), rows: dayRows }] as const,
  );
  return { ...ledger, days: new Map([...ledger.days, ...fresh]) };
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

/** The folder of a source's ledgers: its id with all that a file name may not hold replaced, told apart by a checksum. */
export function ledgerFolder(source: string): string {
  const name = source.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 100);
  return name === source ? name : `${name}-${checksum(source).slice(0, 8)}`;
}

/** The ledgers of one source. */
export interface Ledgers {
  /**
   * The ledger of a package; an empty one if there is none, or none that can be trusted.
   *
   * @throws OperatorError if the disk refuses.
   */
  load(packageName: string): Promise<ReadLedger>;
  /** Saves a ledger; it survives a power cut once this returns. */
  save(packageName: string, ledger: Ledger): Promise<void>;
  /**
   * Finds out whether a ledger that grows by some days could be saved, before anything is paid for.
   *
   * @throws OperatorError if it could not.
   */
  demandRoom(packageName: string, days: number): Promise<void>;
}

/** Room for a day of a rich package, in bytes. */
const BYTES_PER_DAY = 4_096;

/** What to do with a file that cannot be trusted; undefined to leave it where it is. */
export type Warn = ((message: string) => void) | undefined;

/**
 * Opens the ledgers of a source.
 *
 * @param stateDir Absolute path; made when something is saved.
 * @param source The source's id.
 * @param warn Is told of files that are set aside; without it, the disk is only read.
 */
export function openLedgers(stateDir: string, source: string, warn: Warn): Ledgers {
  const root = join(stateDir, 'ledger');
  const folder = join(root, ledgerFolder(source));
  const pathOf = (name: string) => join(folder, `${name}.json`);
  /** Where 0.1.0 kept the ledgers of all sources. */
  const firstPathOf = (name: string) => join(root, `${name}.json`);

  async function read(path: string, packageName: string): Promise<ReadLedger | undefined> {
    const text = await readIfPresent(path);
    return text === undefined ? undefined : parseLedger(text, { source, package: packageName });
  }

  return {
    async load(packageName) {
      const path = pathOf(packageName);
      try {
        const own = await read(path, packageName);
        if (own !== undefined) return own;
      } catch (error) {
        if (!(error instanceof FileRejected)) throw stateError(error);
        if (warn !== undefined) {
          warn(`${path} cannot be trusted: ${error.message}; it is set aside as ${setAside(path)}`);
        }
        return { ledger: EMPTY_LEDGER, bills: undefined };
      }
      try {
        const first = await read(firstPathOf(packageName), packageName);
        if (first !== undefined) return first;
      } catch (error) {
        // The ledger of another source, or one that is of no use: it stays where it is, and pays for nothing.
        if (!(error instanceof FileRejected)) throw stateError(error);
      }
      return { ledger: EMPTY_LEDGER, bills: undefined };
    },
    async save(packageName, ledger) {
      try {
        await ensureFolder(folder, 'operator');
        const text = serializeLedger(ledger, { source, package: packageName }, asWritten);
        await replaceFile(pathOf(packageName), text, true, 'operator');
      } catch (error) {
        throw stateError(error);
      }
    },
    async demandRoom(packageName, days) {
      try {
        await ensureFolder(folder, 'operator');
        const before = (await readIfPresent(pathOf(packageName)))?.length ?? 0;
        probeRoom(folder, `.${packageName}.room.${process.pid}.tmp`, before + days * BYTES_PER_DAY);
      } catch (error) {
        throw stateError(error);
      }
    },
  };
}

/**
 * Paths of the ledgers of packages that are not listed, of every source.
 *
 * @param tracked Normalized names.
 */
export function unlistedLedgers(stateDir: string, tracked: ReadonlySet<string>): string[] {
  const root = join(stateDir, 'ledger');
  const list = (folder: string) => {
    try {
      return readdirSync(folder, { withFileTypes: true });
    } catch {
      return [];
    }
  };
  const folders = list(root).flatMap((entry) => (entry.isDirectory() ? [join(root, entry.name)] : []));
  return [root, ...folders]
    .flatMap((folder) => list(folder).map((entry) => ({ folder, entry })))
    .filter(({ entry: { name } }) => name.endsWith('.json') && !tracked.has(name.slice(0, -'.json'.length)))
    .filter(({ entry }) => entry.isFile() && PACKAGE_NAME.test(entry.name.slice(0, -'.json'.length)))
    .map(({ folder, entry }) => join(folder, entry.name));
}

/** Removes what killed runs have left half-written among a source's ledgers. To be called under the lock. */
export async function sweepLedgers(stateDir: string, source: string): Promise<void> {
  await sweepTemporary(join(stateDir, 'ledger', ledgerFolder(source)));
}
