import { join } from 'node:path';
import { z } from 'zod';
import { type Day, dayNumber, dayOf, daysOf, type Span } from '../days/day.ts';
import { assertFile, ensureFolder, PRIVATE, readIfPresent, replaceFile } from '../disk/files.ts';
import { OperatorError, SourceError } from '../errors/error.ts';
import { formatGib } from '../format.ts';
import { camelKeys, formatJson, type NonEmpty, type QueryCost, snakeKeys } from '../util.ts';
import type { Lock } from './lock.ts';
import { assert, isCount, orStateError, parseJson, readable, setAside } from './state-file.ts';

/*
 * <state_dir>/spend.json: what was billed, by calendar month (UTC), and what is being asked right now. The
 * latter is written down before each query: if the run is killed during it, the next run counts it as
 * billed. This is the only account of money.
 *
 * What a day of each package bills is no money, and there are thousands of them, while the file is written twice for
 * each query. So they are left out while a run goes on, and written at its end. After a run that was killed they are
 * those of the copy that the run before it left.
 */

const SPEND_FILE = 'spend.json';
/** The same as the last run left it, for when the file is lost. */
const BACKUP_FILE = 'spend.backup.json';
export const SPEND_FILES = [SPEND_FILE, BACKUP_FILE];

/** A calendar month in UTC, `YYYY-MM`. */
export type Month = string;

/** Groups of the ages of days, each with the most days that it reaches back. */
const AGES: ReadonlyMap<string, number> = new Map([
  ['1', 1],
  ['2-7', 7],
  ['8-35', 35],
  ['36+', Number.POSITIVE_INFINITY],
]);

const count = z.number().refine(isCount);
const month = z.string().regex(/^\d{4}-\d\d$/);
const monthSpend = { bytes_billed: count, queries: count };

/** What the queries of one package, or of days of one age, took in a month. */
const usage = z
  .object({
    days_scanned: count,
    ...monthSpend,
    // What the source had said that they would read at most; absent where it was not asked.
    bytes_estimated: count.optional(),
  })
  .transform((value) => camelKeys(value));

/** An object of a file whose keys are data. */
function mapOf<V extends z.ZodType>(key: z.ZodString, value: V) {
  return z
    .record(key, value)
    .transform((entries): ReadonlyMap<string, z.output<V>> => new Map(Object.entries(entries)));
}

const usageByMonth = mapOf(month, usage);

const SPEND = z.object({
  version: z.literal(1),
  months: mapOf(
    month,
    z.object(monthSpend).transform((value) => camelKeys(value)),
  ),
  // Queries that were sent, or are about to be, and are not accounted for: what each is expected to bill. By what is
  // asked: a package's name, or a word in parentheses.
  pending: mapOf(z.string(), z.object({ month, bytes: count })),
  // By package, the newest months only: what a day of it bills is learnt from here.
  packages: mapOf(z.string(), usageByMonth).default(new Map()),
  // What a day read once for all bills is learnt from here.
  shared: usageByMonth.default(new Map()),
  // By the age of the day that was read: what a newest day bills against older ones has not been published.
  ages: mapOf(
    z.string().refine((age) => AGES.has(age)),
    usage,
  ).default(new Map()),
});

export type Usage = z.output<typeof usage>;
type MonthSpend = Pick<Usage, 'bytesBilled' | 'queries'>;
export type Spend = Omit<z.output<typeof SPEND>, 'version'>;
/** The same while a run adds to it. */
type GrowingSpend = {
  [K in keyof Spend]: Spend[K] extends ReadonlyMap<string, infer V> ? Map<string, V> : never;
};

export const EMPTY_MONTH: MonthSpend = { bytesBilled: 0, queries: 0 };
export const EMPTY_USAGE: Usage = { ...EMPTY_MONTH, daysScanned: 0 };

export const EMPTY_SPEND: Spend = {
  months: new Map(),
  pending: new Map(),
  packages: new Map(),
  shared: new Map(),
  ages: new Map(),
};

/** A map as an object of the file: its keys are data, and stay. */
function tableOf(map: ReadonlyMap<string, unknown>): object {
  const entries = [...map].map(([key, value]) => [
    key,
    value instanceof Map ? tableOf(value) : snakeKeys(value),
  ]);
  return Object.fromEntries(entries);
}

/** The text of spend.json; without packages while a run goes on. */
export function serializeSpend(spend: Omit<Spend, 'packages'> & Partial<Pick<Spend, 'packages'>>): string {
  const tables = Object.entries(spend).map(([key, map]) => [key, tableOf(map)]);
  return formatJson({ version: 1, ...Object.fromEntries(tables) });
}

/**
 * Reads the text of spend.json.
 *
 * @throws FileRejected if it is not sound.
 */
export function parseSpend(text: string): Spend {
  const { data } = SPEND.safeParse(parseJson(text));
  assert(data !== undefined, 'it is no account of this version');
  const { version: _, ...spend } = data;
  return spend;
}

async function readCopy(stateDir: string): Promise<Spend | undefined> {
  return readable(await readIfPresent(join(stateDir, BACKUP_FILE)), parseSpend);
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
  const spend = readable(text, parseSpend);
  if (spend === undefined) return 'unreadable';
  if (spend.packages.size > 0) return spend;
  return { ...spend, packages: (await readCopy(stateDir))?.packages ?? spend.packages };
}

/** Where a run keeps what it spends. */
export interface SpendFile {
  load(): Promise<Spend>;
  /** Writes down the money, before and after each query. It is on the disk when this returns. */
  note(spend: Spend): Promise<void>;
  /** Writes down all, at the end of a run, and keeps a copy. */
  save(spend: Spend): Promise<void>;
}

/**
 * Opens spend.json. A file that is not sound is set aside, and one that is lost is replaced by what the
 * last run left beside it.
 *
 * @param warn Is told of that.
 */
export function openSpendFile(stateDir: string, warn: (message: string) => void): SpendFile {
  const path = join(stateDir, SPEND_FILE);
  const write = (names: readonly string[], spend: Omit<Spend, 'packages'>) =>
    orStateError(async () => {
      await ensureFolder(stateDir, PRIVATE.folder);
      const text = serializeSpend(spend);
      for (const name of names) await replaceFile(join(stateDir, name), text, true, PRIVATE.file);
    });
  return {
    async load() {
      // The copy is only needed in the end.
      assertFile(join(stateDir, BACKUP_FILE));
      const spend = await readSpend(stateDir);
      if (typeof spend === 'object') return spend;
      const kept = await readCopy(stateDir);
      if (spend === 'unreadable') {
        warn(`${path} is not sound; it is set aside as ${setAside(path)}`);
      }
      if (kept !== undefined) warn(`${path} is taken from the copy that the last run left in ${BACKUP_FILE}`);
      else if (spend === 'unreadable') warn(`what was billed before is not known; ${path} begins anew`);
      return kept ?? EMPTY_SPEND;
    },
    note: ({ packages: _, ...money }) => write([SPEND_FILE], money),
    save: (spend) => write(SPEND_FILES, spend),
  };
}

/** The month of an instant, in UTC. */
export function monthOf(instant: Date): Month {
  return instant.toISOString().slice(0, 7);
}

/** The first day of the month after. */
export function nextMonthStart(month: Month): Day {
  const [year = 0, number = 0] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number, 1)).toISOString().slice(0, 10);
}

/** Bytes of a month that are billed or about to be. */
export function committedBytes(spend: Spend, month: Month): number {
  return [...spend.pending.values()]
    .filter((query) => query.month === month)
    .reduce((total, { bytes }) => total + bytes, spend.months.get(month)?.bytesBilled ?? 0);
}

/** The usage of the latest month in which anything was billed; undefined if there is none. */
function latest(usages: ReadonlyMap<Month, Usage> | undefined): Usage | undefined {
  const sorted = [...(usages ?? [])].toSorted(([a], [b]) => (a < b ? 1 : -1));
  return sorted.find(([, { daysScanned, bytesBilled }]) => daysScanned > 0 && bytesBilled > 0)?.[1];
}

function perDay(usage: Usage | undefined): number | undefined {
  return usage && usage.bytesBilled / usage.daysScanned;
}

/**
 * Bytes that a day of a package billed when it was asked for alone, on average over the latest month that
 * billed anything; undefined if none did.
 */
export function bytesPerDay(spend: Spend, packageName: string): number | undefined {
  return perDay(latest(spend.packages.get(packageName)));
}

/** Bytes that a day billed when it was read once for many packages; undefined if none was. */
export function bytesPerSharedDay({ shared }: Spend): number | undefined {
  return perDay(latest(shared));
}

/**
 * What part of its estimate a question for many packages billed, at most 1; undefined if that is not known. Days of
 * different years differ tenfold in size, and the estimate knows that.
 */
export function billedPart({ shared }: Spend): number | undefined {
  const usage = latest(shared);
  return usage?.bytesEstimated && Math.min(1, usage.bytesBilled / usage.bytesEstimated);
}

/** In which group of ages a day falls that is read on another: `1` is yesterday. */
export function ageOf(day: Day, today: Day): string {
  const age = dayNumber(today) - dayNumber(day);
  return [...AGES].find(([, most]) => age <= most)?.[0] ?? '36+';
}

function addQuery({ months }: GrowingSpend, month: Month, bytesBilled: number): void {
  const before = months.get(month) ?? EMPTY_MONTH;
  months.set(month, { bytesBilled: before.bytesBilled + bytesBilled, queries: before.queries + 1 });
}

/**
 * The spend after a run that may have been killed, to be added to: what was being asked counts as billed as expected.
 */
export function withPendingBilled(spend: Spend): GrowingSpend {
  const growing = {
    months: new Map(spend.months),
    pending: new Map(),
    packages: new Map(spend.packages),
    shared: new Map(spend.shared),
    ages: new Map(spend.ages),
  };
  for (const { month, bytes } of spend.pending.values()) addQuery(growing, month, bytes);
  return growing;
}

/** Months of usage that are kept to learn from. */
const KEPT_MONTHS = 2;

/** Two usages as one. */
function plus(usage: Usage = EMPTY_USAGE, more: Usage): Usage {
  const bytesEstimated = (usage.bytesEstimated ?? 0) + (more.bytesEstimated ?? 0);
  return {
    daysScanned: usage.daysScanned + more.daysScanned,
    bytesBilled: usage.bytesBilled + more.bytesBilled,
    queries: usage.queries + more.queries,
    ...(bytesEstimated === 0 ? {} : { bytesEstimated }),
  };
}

/** Usages with one more, of the newest months. */
function withMonth(usages: ReadonlyMap<Month, Usage> | undefined, month: Month, usage: Usage) {
  const all = new Map([...(usages ?? []), [month, plus(usages?.get(month), usage)]]);
  return new Map([...all].toSorted(([a], [b]) => (a < b ? -1 : 1)).slice(-KEPT_MONTHS));
}

/** What a query is for, so that its price can be learnt. */
interface Purpose {
  readonly packages: NonEmpty<string>;
  readonly span: Span;
  /** What the source had said that it would read at most, in bytes; absent if it was not asked. */
  readonly estimatedBytes?: number | undefined;
}

/** Adds what a query billed to what it tells the price of. */
function addUsage(
  spend: GrowingSpend,
  month: Month,
  bytesBilled: number,
  { packages: [name, ...others], span, estimatedBytes }: Purpose,
  today: Day,
): void {
  const days = daysOf(span);
  const usage = { daysScanned: days.length, bytesBilled, queries: 1 };
  // What a day bills for all together says nothing of what it bills for one of them.
  if (others.length > 0) {
    const known = estimatedBytes === undefined ? usage : { ...usage, bytesEstimated: estimatedBytes };
    spend.shared = withMonth(spend.shared, month, known);
    return;
  }
  spend.packages.set(name, withMonth(spend.packages.get(name), month, usage));
  const [age, ...older] = new Set(days.map((day) => ageOf(day, today)));
  // Only a query over days of one age tells what such a day bills.
  if (age !== undefined && older.length === 0) spend.ages.set(age, plus(spend.ages.get(age), usage));
}

/** A query that was not sent, as it would pass the month's budget. */
export class BudgetError extends OperatorError {
  override name = 'BudgetError';

  constructor(message: string) {
    super('budget', message);
  }
}

/** A query as the budget sees it. */
export interface BudgetedQuery {
  /** What is asked: a package's name, or words in parentheses. */
  readonly label: string;
  readonly expectedBytes: number;
  /** Absent where its price tells nothing about a package's days. */
  readonly purpose?: Purpose;
}

/** An answer, with what it took as far as that is known. */
interface Billed {
  readonly cost?: QueryCost | undefined;
}

/** Keeps the spend of a run, and writes every change down before the next step is taken. */
export interface Budget {
  /** What was spent so far, growing. */
  readonly spend: Spend;
  /** @throws BudgetError if a query that is expected to bill so much would pass the budget: spent, expected, and when it can run. */
  assertWithin(expectedBytes: number): void;
  /**
   * Runs `ask`, having written down that it is expected to bill so much, and then what it really billed; a query that
   * failed without a bill may have been billed as expected. If that cannot be written, the answer is returned all the
   * same, as it was paid for; the next query is then not sent.
   *
   * @throws BudgetError without asking, if that would pass the budget; OperatorError, also without asking, if the disk
   * refuses or the lock is lost.
   */
  query<T extends Billed>(query: BudgetedQuery, ask: () => Promise<T>): Promise<T>;
  /** Writes down what is not yet, and keeps a copy. */
  close(): Promise<void>;
}

/** For a run that is billed nothing, or leaves nothing behind. */
const NOWHERE: SpendFile = {
  load: async () => EMPTY_SPEND,
  note: async () => undefined,
  save: async () => undefined,
};

/**
 * @param file Where the spend is kept; undefined for a run that is billed nothing, or leaves nothing behind.
 * @param budgetBytes Most bytes to be billed in a month, or null for no limit.
 * @param assertHeld Throws if another run may be under way, whose queries this one does not know of.
 */
export async function openBudget(
  file: SpendFile = NOWHERE,
  budgetBytes: number | null,
  now: () => Date,
  assertHeld: Lock['assertHeld'],
): Promise<Budget> {
  const initial = await file.load();
  const spend = withPendingBilled(initial);
  let unsaved = initial.pending.size > 0;
  let written = Promise.resolve();
  // One after another, and always the newest state: packages may be read side by side.
  function write(): Promise<void> {
    unsaved = true;
    written = written
      .catch(() => undefined)
      .then(() => {
        assertHeld();
        return file.note(spend);
      });
    return written;
  }

  function assertWithin(expectedBytes: number): void {
    const month = monthOf(now());
    const bytes = Math.ceil(expectedBytes);
    const committed = committedBytes(spend, month);
    if (budgetBytes === null || committed + bytes <= budgetBytes) return;
    const raise = 'raise bigquery.monthly_budget_gib';
    const when =
      bytes > budgetBytes
        ? `it can never run within this budget; ${raise}`
        : `it can run from ${nextMonthStart(month)} (UTC), or ${raise}`;
    throw new BudgetError(
      `the month's budget would be passed: ${formatGib(committed)} of ${formatGib(budgetBytes)} are billed in ${month}, and this needs about ${formatGib(bytes)}; ${when}`,
    );
  }

  return {
    spend,
    assertWithin,
    async query({ label, expectedBytes, purpose }, ask) {
      assertWithin(expectedBytes);
      const month = monthOf(now());
      let key = label;
      // Of a package that is part of two questions that fell apart, both may be under way.
      for (let more = 2; spend.pending.has(key); more += 1) key = `${label} (${more})`;
      const expected = Math.ceil(expectedBytes);
      spend.pending.set(key, { month, bytes: expected });
      try {
        await write();
        // Whoever gets the lock after this finds the query among those that may have been billed.
        assertHeld();
      } catch (error) {
        // It was not sent, so it is not pending either.
        spend.pending.delete(key);
        throw error;
      }
      async function account({ cost }: Billed, isAnswered: boolean): Promise<void> {
        const bytes = cost?.bytesBilled ?? expected;
        spend.pending.delete(key);
        addQuery(spend, month, bytes);
        // A cached answer tells no price.
        const isPrice = isAnswered && cost?.cacheHit === false;
        if (isPrice && purpose !== undefined) addUsage(spend, month, bytes, purpose, dayOf(now()));
        // What was paid for must not be lost because the bill cannot be written; the next query finds out.
        await write().catch(() => undefined);
      }
      const answer = await ask().catch(async (error) => {
        await account(error instanceof SourceError ? error : {}, false);
        throw error;
      });
      await account(answer, true);
      return answer;
    },
    async close() {
      await written.catch(() => undefined);
      assertHeld();
      if (unsaved) await file.save(spend);
    },
  };
}
