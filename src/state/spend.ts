import { join } from 'node:path';
import { ensureFolder, readIfPresent, replaceFile } from '../disk/files.ts';
import { AGE_LABELS, type Bill, type Bills, EMPTY_SPEND, type Month, type Spend } from './bills.ts';
import { demand, demandCount, FileRejected, isRecord, parseJson } from './checks.ts';
import { setAside } from './set-aside.ts';
import { stateError } from './state-error.ts';

/*
 * <state_dir>/spend.json: what was billed, by calendar month (UTC), and what is being asked right now. The
 * latter is written down before each query: if the run is killed during it, the next run counts it as
 * billed. This is the only account of money.
 *
 * What a day of each package bills is no money, and there are thousands of them, while the file is written twice for
 * each query. So they are left out while a run goes on, and written at its end. After a run that was killed they are
 * those of the copy that the run before it left.
 */

export const SPEND_FILE = 'spend.json';
/** The same as the last run left it, for when the file is lost. */
const BACKUP_FILE = 'spend.backup.json';

const VERSION = 1;

function billToJson({ daysScanned, bytesBilled, queries, bytesEstimated }: Bill) {
  return { days_scanned: daysScanned, bytes_billed: bytesBilled, queries, bytes_estimated: bytesEstimated };
}

const billsToJson = (bills: Bills) =>
  Object.fromEntries([...bills].map(([month, bill]) => [month, billToJson(bill)]));

/** The text of spend.json at the end of a run. */
export function serializeSpend(spend: Spend): string {
  const sorted = [...spend.packages].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const lines = sorted.map(
    ([name, list]) => `    ${JSON.stringify(name)}: ${JSON.stringify(billsToJson(list))}`,
  );
  const text = serializeMoney(spend).slice(0, -3);
  return `${text},\n  "packages": {${lines.length === 0 ? '' : `\n${lines.join(',\n')}\n  `}}\n}\n`;
}

/** The text of spend.json while a run goes on. */
export function serializeMoney({ months, pending, shared, ages }: Spend): string {
  const content = {
    version: VERSION,
    months: Object.fromEntries(
      [...months].map(([month, { bytesBilled, queries }]) => [month, { bytes_billed: bytesBilled, queries }]),
    ),
    pending: Object.fromEntries(pending),
    shared: billsToJson(shared),
    ages: Object.fromEntries([...ages].map(([age, bill]) => [age, billToJson(bill)])),
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

function entriesOf(value: unknown, what: string): [string, Record<string, unknown>][] {
  demand(isRecord(value), `${what} are missing`);
  return Object.entries(value).map(([key, entry]) => {
    demand(isRecord(entry), `${what} hold something else under ${key}`);
    return [key, entry];
  });
}

function parseBill(entry: Record<string, unknown>, what: string): Bill {
  const { days_scanned: daysScanned, bytes_billed: bytesBilled, queries, bytes_estimated: estimated } = entry;
  demandCount(daysScanned, `the days of ${what}`);
  demandCount(bytesBilled, `the bytes of ${what}`);
  demandCount(queries, `the queries of ${what}`);
  if (estimated === undefined) return { daysScanned, bytesBilled, queries };
  demandCount(estimated, `the estimates of ${what}`);
  return { daysScanned, bytesBilled, queries, bytesEstimated: estimated };
}

function demandMonth(month: unknown): asserts month is Month {
  demand(
    typeof month === 'string' && /^\d{4}-\d\d$/.test(month),
    () => `${JSON.stringify(month)} is not a month`,
  );
}

/** @throws FileRejected if the value is no bills by month. */
export function parseBills(value: unknown): Bills {
  return new Map(
    entriesOf(value, 'the bills').map(([month, entry]) => {
      demandMonth(month);
      return [month, parseBill(entry, month)];
    }),
  );
}

/**
 * Reads the text of spend.json, also as 0.1.0 wrote it.
 *
 * @throws FileRejected if it is not sound.
 */
export function parseSpend(text: string): Spend {
  const value = parseJson(text);
  demand(isRecord(value) && value['version'] === VERSION, 'it is no account of this version');
  const months = entriesOf(value['months'], 'the months').map(([month, entry]) => {
    const { bytes_billed: bytesBilled, queries } = entry;
    demandMonth(month);
    demandCount(bytesBilled, `the bytes of ${month}`);
    demandCount(queries, `the queries of ${month}`);
    return [month, { bytesBilled, queries }] as const;
  });
  const pending = entriesOf(value['pending'], 'the pending queries').map(([what, { month, bytes }]) => {
    demandMonth(month);
    demandCount(bytes, `the bytes of the pending query of ${what}`);
    return [what, { month, bytes }] as const;
  });
  const packages = entriesOf(value['packages'] ?? {}, 'the packages').map(
    ([name, entry]) => [name, parseBills(entry)] as const,
  );
  const ages = entriesOf(value['ages'] ?? {}, 'the ages').map(([age, entry]) => {
    demand(AGE_LABELS.includes(age), () => `${JSON.stringify(age)} is no age of a day`);
    return [age, parseBill(entry, `age ${age}`)] as const;
  });
  return {
    months: new Map(months),
    pending: new Map(pending),
    packages: new Map(packages),
    shared: parseBills(value['shared'] ?? {}),
    ages: new Map(ages),
  };
}

async function readCopy(stateDir: string): Promise<Spend | undefined> {
  const text = await readIfPresent(join(stateDir, BACKUP_FILE));
  try {
    return text === undefined ? undefined : parseSpend(text);
  } catch (error) {
    if (error instanceof FileRejected) return undefined;
    throw error;
  }
}

/**
 * What was spent, as it is on the disk.
 *
 * @returns undefined where there is nothing; `'unreadable'` if it is not sound.
 * @throws OperatorError if the disk refuses.
 */
export async function readSpend(stateDir: string): Promise<Spend | 'unreadable' | undefined> {
  const text = await readIfPresent(join(stateDir, SPEND_FILE));
  if (text === undefined) return undefined;
  try {
    const spend = parseSpend(text);
    if (spend.packages.size > 0) return spend;
    return { ...spend, packages: (await readCopy(stateDir))?.packages ?? spend.packages };
  } catch (error) {
    if (error instanceof FileRejected) return 'unreadable';
    throw error;
  }
}

/** Where a run keeps what it spends. */
export interface SpendFile {
  load(): Promise<Spend>;
  /** Writes down the money, before and after each query. It is on the disk when this returns. */
  note(spend: Spend): Promise<void>;
  /** Writes down all, at the end of a run. */
  save(spend: Spend): Promise<void>;
  /** Keeps a copy of what a run came to. */
  backUp(spend: Spend): Promise<void>;
}

/**
 * Opens spend.json. A file that is not sound is set aside, and one that is lost is replaced by what the
 * last run left beside it.
 *
 * @param warn Is told of that.
 */
export function openSpendFile(stateDir: string, warn: (message: string) => void): SpendFile {
  const path = join(stateDir, SPEND_FILE);
  const write = async (name: string, content: string) => {
    try {
      await ensureFolder(stateDir, 'operator');
      await replaceFile(join(stateDir, name), content, true, 'operator');
    } catch (error) {
      throw stateError(error);
    }
  };
  return {
    async load() {
      const spend = await readSpend(stateDir);
      if (spend !== undefined && spend !== 'unreadable') return spend;
      const kept = await readCopy(stateDir);
      if (spend === 'unreadable') {
        warn(`${path} is not sound; it is set aside as ${setAside(path)}`);
      }
      if (kept !== undefined) warn(`${path} is taken from the copy that the last run left in ${BACKUP_FILE}`);
      else if (spend === 'unreadable') warn(`what was billed before is not known; ${path} begins anew`);
      return kept ?? EMPTY_SPEND;
    },
    note: (spend) => write(SPEND_FILE, serializeMoney(spend)),
    save: (spend) => write(SPEND_FILE, serializeSpend(spend)),
    backUp: (spend) => write(BACKUP_FILE, serializeSpend(spend)),
  };
}
