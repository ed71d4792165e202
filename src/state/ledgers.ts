import { hash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as yieldToSignals } from 'node:timers/promises';
import { PACKAGE_NAME } from '../config/schema.ts';
import { type Day, parseDay, type Span } from '../days/day.ts';
import {
  demandNames,
  ensureFolder,
  PRIVATE,
  probeRoom,
  readIfPresent,
  readPart,
  removeFile,
  removeIfPossible,
  replaceFile,
  sweepTemporary,
} from '../disk/files.ts';
import { OperatorError } from '../errors/error.ts';
import type { Answer, SourceTraits } from '../sources/source.ts';
import { QUESTION } from '../sources/sql.ts';
import { isObject, type NonEmpty } from '../util.ts';
import {
  allDownloadsOf,
  type DayRow,
  daysRead,
  EMPTY_LEDGER,
  type Ledger,
  type LedgerDay,
  type OldDays,
  type PartitionRowsOf,
  replaceDays,
  withDays,
} from './ledger.ts';
import { assert, FileRejected, orStateError, parseJson, rejectFile, type Warn } from './state-file.ts';

/*
 * <state_dir>/ledger/<source>: the ledgers of one source, each in <package>.json, and in _answers/<number>-<checksum>.ndjson the
 * answers that have not reached them: those to questions about several packages, and those that the disk did not take into a ledger
 * at once, each until the days in it have reached the packages' ledgers. Who loads a ledger gets both. A list of thousands is filled
 * by dozens of such questions. To save thousands of ledgers after each of them takes longer than all else; so an answer, which is paid
 * for, is saved as a whole, and each ledger once, when its package has had all its answers.
 *
 * A ledger has one day a line. The first line of an answer says what the file is, each other line has a package with its days, as in
 * its ledger. The checksum in the name is that of the whole content, so that a name stands for one content for ever.
 */

const VERSION = 2;
const ANSWER_VERSION = 1;
const ANSWER_FILE = /^(\d{6,})-([0-9a-f]{16})\.ndjson$/;

/** What a ledger is about: another source or package counts otherwise, so its days are not ours. */
export interface LedgerIdentity {
  /** What the state calls the source. */
  readonly source: string;
  readonly package: string;
}

/** Tells whether a text is as it was written. */
export function checksum(text: string): string {
  return hash('sha256', text).slice(0, 16);
}

type RowJson = readonly [
  ci: boolean | null,
  installer: string | null,
  system: string | null,
  downloads: number,
  sidecar?: boolean,
];

/** A day as it is written: with the rows of the whole table, the total of the day, and its rows. */
export type DayJson = readonly [
  day: Day,
  partitionRows: number | null,
  total: number,
  rows: readonly RowJson[],
];

interface OldJson {
  readonly spans: readonly (readonly [start: Day, end: Day])[];
  readonly rows: readonly RowJson[];
}

function rowToJson({ ci, installer, system, downloads, sidecar }: DayRow): RowJson {
  return sidecar ? [ci, installer, system, downloads, true] : [ci, installer, system, downloads];
}

/** A day as a line of a file, which `daysFrom` reads. */
export function dayText(day: Day, { partitionRows, rows }: LedgerDay): string {
  return JSON.stringify([day, partitionRows, allDownloadsOf(rows), rows.map(rowToJson)] satisfies DayJson);
}

function oldToJson({ spans, rows }: OldDays): OldJson {
  return { spans: spans.map(({ start, end }) => [start, end]), rows: rows.map(rowToJson) };
}

function oldFrom({ spans, rows }: OldJson): OldDays {
  return { spans: spans.map(([start, end]) => ({ start, end })), rows: rows.map(rowOf) };
}

/** What the checksum of a ledger is made of. */
function summed(old: string, lines: string): string {
  return old === '' ? lines : `${old}\n${lines}`;
}

/** The ledger as the text of its file: one day a line. */
export function serializeLedger(ledger: Ledger, identity: LedgerIdentity): string {
  const lines = [...ledger.days]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([day, entry]) => dayText(day, entry))
    .join(',\n');
  const old = ledger.old.length === 0 ? '' : JSON.stringify(ledger.old.map(oldToJson));
  const head = JSON.stringify({
    version: VERSION,
    source: identity.source,
    question: QUESTION,
    package: identity.package,
    whole_read: ledger.wholeRead,
    checksum: checksum(summed(old, lines)),
  });
  return `${head.slice(0, -1)}${old === '' ? '' : `,"old":${old}`},"days":[\n${lines}\n]}\n`;
}

function rowOf([ci, installer, system, downloads, sidecar = false]: RowJson): DayRow {
  return { ci, installer, system, sidecar, downloads };
}

/**
 * Days as they were written: a file with the right checksum is as this program wrote it, so their shape is not checked.
 *
 * @param list Out of such a file.
 * @throws FileRejected if the total of a day is not that of its rows.
 */
export function daysFrom(list: readonly DayJson[]): Map<Day, LedgerDay> {
  return new Map(
    list.map(([day, partitionRows, total, own]) => {
      const rows = own.map(rowOf);
      assert(
        total === allDownloadsOf(rows),
        () => `the rows of ${day} are not those that its total was made of`,
      );
      return [day, { partitionRows, rows }];
    }),
  );
}

/**
 * Reads the text of a ledger file.
 *
 * @throws FileRejected if it is not whole, not sound, or about something else.
 */
export function parseLedger(text: string, identity: LedgerIdentity): Ledger {
  const value = parseJson(text);
  assert(isObject(value), 'it is not a ledger');
  const { version, source, question, package: name, whole_read: wholeRead } = value;
  assert(
    source === identity.source,
    `it was read from ${JSON.stringify(source)}, not from ${identity.source}`,
  );
  assert(name === identity.package, `it is about ${JSON.stringify(name)}`);
  assert(version === VERSION, `its format is version ${JSON.stringify(version)}, not ${VERSION}`);
  assert(question === QUESTION, 'it was read with another query');
  const day = wholeRead === null ? null : parseDay(String(wholeRead));
  assert(day !== undefined, 'whole_read is not a day');
  const [, old = '', lines = ''] = /(?:,"old":(.*))?,"days":\[\n([\s\S]*)\n\]\}\n$/.exec(text) ?? [];
  assert(value['checksum'] === checksum(summed(old, lines)), 'it was altered');
  return {
    old: old === '' ? [] : (value['old'] as OldJson[]).map(oldFrom),
    wholeRead: day,
    days: daysFrom(value['days'] as DayJson[]),
  };
}

/** Days of one package. */
type Days = ReadonlyMap<Day, LedgerDay>;

/** One answer on the disk. */
interface SavedAnswer {
  readonly path: string;
  /** How many packages it is about. */
  readonly size: number;
  /** Where the line of each package is, in bytes, whose days are not in a ledger yet. */
  readonly lines: Map<string, readonly [start: number, end: number]>;
}

function serialize(days: Iterable<readonly [string, Days]>, source: string): string {
  const lines = [JSON.stringify({ version: ANSWER_VERSION, source, question: QUESTION })];
  for (const [name, own] of days) {
    lines.push(
      `[${JSON.stringify(name)},[${[...own].map(([day, entry]) => dayText(day, entry)).join(',')}]]`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** @throws FileRejected if a text is not what was written with that checksum, or about something else. */
function assertSound(text: string, sum: string | undefined, source: string): void {
  assert(sum === checksum(text), 'it was altered');
  const head = parseJson(text.slice(0, text.indexOf('\n')), 'a line of it is not JSON');
  assert(isObject(head), 'it is no answer');
  assert(head['version'] === ANSWER_VERSION, `its format is version ${JSON.stringify(head['version'])}`);
  assert(head['source'] === source, `it was read from ${JSON.stringify(head['source'])}, not from ${source}`);
  assert(head['question'] === QUESTION, 'it was read with another query');
}

/** Where the days of each package are in the text of an answer. */
function indexed(path: string, text: string): SavedAnswer {
  const lines = new Map<string, readonly [number, number]>();
  let start = 0;
  for (const line of text.trimEnd().split('\n')) {
    const end = start + Buffer.byteLength(line) + 1;
    const name = /^\["([^"]*)"/.exec(line)?.[1];
    if (name !== undefined) lines.set(name, [start, end]);
    start = end;
  }
  return { path, size: lines.size, lines };
}

/** Days of a package in an answer; undefined where they are in its ledger, or it is not part of the question. */
function daysIn({ path, lines }: SavedAnswer, packageName: string): Days | undefined {
  const line = lines.get(packageName);
  const part = line && readPart(path, ...line);
  // A run that goes on meanwhile has put all of it into the ledgers.
  if (part === undefined) return undefined;
  const value = parseJson(part.toString(), 'a line of it is not JSON');
  assert(Array.isArray(value) && value[0] === packageName, `a line of it is not about ${packageName}`);
  return daysFrom(value[1]);
}

/**
 * Opens the answers of a source that have not reached the ledgers. Whatever is asked of them throws an OperatorError if
 * the disk refuses.
 *
 * @param parent Absolute path of the folder of the source's ledgers; made when an answer is saved.
 * @param source What the state calls the source.
 * @param warn Is told of files that are set aside; without it, the disk is only read.
 */
function openAnswers(parent: string, source: string, warn: Warn) {
  const folder = join(parent, '_answers');
  /** Those on the disk, oldest first. They are looked for once: all that is added later is this run's own. */
  let known: readonly SavedAnswer[] = [];
  let looking: Promise<void> | undefined;
  /** Those of which each package's days were handed over, and have not been saved. */
  const handedOver = new Map<string, SavedAnswer[]>();
  let last = 0;

  function put(path: string, text: string): void {
    known = [...known, indexed(path, text)];
  }

  async function find(): Promise<void> {
    for (const name of demandNames(folder).toSorted()) {
      const [, number, sum] = ANSWER_FILE.exec(name) ?? [];
      if (number === undefined) continue;
      last = Number(number);
      const path = join(folder, name);
      const text = await readIfPresent(path);
      if (text === undefined) continue;
      try {
        assertSound(text, sum, source);
        put(path, text);
      } catch (error) {
        rejectFile(path, error, warn);
      }
    }
  }

  function look(): Promise<void> {
    looking ??= find();
    return looking;
  }

  function drop(answer: SavedAnswer): void {
    known = known.filter((each) => each !== answer);
  }

  /** Days of a package in all answers, and which of these have any. */
  function gather(packageName: string): { days: Map<Day, LedgerDay>; from: SavedAnswer[] } {
    const days = new Map<Day, LedgerDay>();
    const from: SavedAnswer[] = [];
    for (const answer of known) {
      try {
        const own = daysIn(answer, packageName);
        if (own === undefined) continue;
        for (const [day, entry] of own) days.set(day, entry);
        from.push(answer);
      } catch (error) {
        if (!(error instanceof FileRejected)) throw error;
        // Another package's line may well be sound.
        warn?.(`${answer.path}: what it holds of ${packageName} cannot be trusted: ${error.message}`);
      }
    }
    return { days, from };
  }

  /** Packages that have days here, each once. */
  async function packages(): Promise<Set<string>> {
    await look();
    return new Set(known.flatMap(({ lines }) => [...lines.keys()]));
  }

  /** Saves an answer; it survives a power cut once this returns. */
  async function add(days: Iterable<readonly [packageName: string, days: Days]>): Promise<void> {
    await look();
    await ensureFolder(folder, PRIVATE.folder);
    const text = serialize(days, source);
    last += 1;
    const path = join(folder, `${String(last).padStart(6, '0')}-${checksum(text)}.ndjson`);
    await replaceFile(path, text, true, PRIVATE.file);
    put(path, text);
  }

  return {
    packages,
    add,
    /** Removes what killed runs have left half-written. To be called under the lock. */
    sweep: () => sweepTemporary(folder),
    /** Days of a package; of two answers about the same day, the later one counts. */
    async daysOf(packageName: string): Promise<Days> {
      await look();
      const { days, from } = gather(packageName);
      if (from.length > 0) handedOver.set(packageName, from);
      return days;
    },
    /** Finds out whether an answer of so many bytes could be saved. */
    async assertRoom(bytes: number): Promise<void> {
      await ensureFolder(folder, PRIVATE.folder);
      probeRoom(folder, `.room.${process.pid}.tmp`, bytes);
    },
    /**
     * Is to be called when a package's ledger has been saved with the days that `daysOf` handed over. Days that came
     * meanwhile stay here.
     */
    merged(packageName: string): void {
      for (const answer of handedOver.get(packageName) ?? []) {
        answer.lines.delete(packageName);
        if (answer.lines.size === 0 && removeIfPossible(answer.path)) drop(answer);
      }
      handedOver.delete(packageName);
    },
    /**
     * Is to be called before anything newer is read, when what was there is merged as far as it can be. What could not be is kept
     * by itself, and the rest removed: else it would pass for newer than what the ledgers get from now on.
     */
    async compact(): Promise<void> {
      const names = await packages();
      const old = known;
      if (old.every(({ size, lines }) => size === lines.size)) return;
      const waiting = [...names]
        .map((name) => [name, gather(name).days] as const)
        .filter(([, days]) => days.size > 0);
      if (waiting.length > 0) await add(waiting);
      for (const answer of old) {
        removeFile(answer.path);
        drop(answer);
      }
      handedOver.clear();
    },
  };
}

/**
 * How the state names a source, as a folder and in its files: the kind that its id begins with, and a checksum. The GitHub
 * Action publishes the state, and the id of a server of one's own names its host.
 */
export function ledgerFolder(source: string): string {
  return `${/^[a-z]+/.exec(source)?.[0] ?? 'source'}-${checksum(source)}`;
}

/** A ledger, and how far it is saved. */
export interface LoadedLedger {
  readonly ledger: Ledger;
  /** What its file has: the same object as the ledger, unless answers hold more. */
  readonly saved: Ledger;
}

/** The ledgers of one source. */
export interface Ledgers {
  /**
   * The ledger of a package, with what answers hold of it; an empty one if there is none, or none that can be trusted.
   *
   * @throws OperatorError if the disk refuses.
   */
  load(packageName: string): Promise<LoadedLedger>;
  /** Saves a ledger as it was loaded, or with more in it; it survives a power cut once this returns. */
  save(packageName: string, ledger: Ledger): Promise<void>;
  /**
   * Saves what a question brought, for all of its packages at once; it survives a power cut once this returns, and is in
   * their ledgers when these are loaded.
   */
  append(
    span: Span,
    rows: Answer['rows'],
    partitionRowsOf: PartitionRowsOf,
    unknownDays?: Answer['unknownDays'],
  ): Promise<void>;
  /**
   * Puts right what killed runs have left: removes what is half-written, and saves the ledgers that they had yet to save.
   * To be called under the lock, before anything is read. A ledger that alone cannot be saved is warned of, and is its
   * package's affair.
   *
   * @throws OperatorError if no ledger could be saved.
   */
  recover(signal?: AbortSignal): Promise<void>;
  /**
   * Finds out whether some days of one package, or of several in one answer, could be saved, before anything is paid for.
   *
   * @throws OperatorError if they could not.
   */
  assertRoom(packages: NonEmpty<string>, days: number): Promise<void>;
  /** Forgets a package that was read, where ledgers are in memory: those of thousands are too much to hold. */
  release?(packageName: string): void;
}

/** Room for a day of a rich package, in bytes. */
const BYTES_PER_DAY = 4_096;

/**
 * Opens the ledgers of a source.
 *
 * @param stateDir Absolute path; made when something is saved.
 * @param sourceId The source's id.
 * @param warn Is told of files that are set aside; without it, the disk is only read.
 */
export function openLedgers(stateDir: string, sourceId: string, warn: Warn): Ledgers {
  const source = ledgerFolder(sourceId);
  const folder = join(stateDir, 'ledger', source);
  const pathOf = (name: string) => join(folder, `${name}.json`);
  const answers = openAnswers(folder, source, warn);

  async function loadFile(packageName: string): Promise<Ledger> {
    const path = pathOf(packageName);
    const text = await readIfPresent(path);
    try {
      return text === undefined ? EMPTY_LEDGER : parseLedger(text, { source, package: packageName });
    } catch (error) {
      rejectFile(path, error, warn);
      return EMPTY_LEDGER;
    }
  }

  function load(packageName: string): Promise<LoadedLedger> {
    return orStateError(async () => {
      // In this order: while a run goes on, days move from answers into ledgers.
      const waiting = await answers.daysOf(packageName);
      const saved = await loadFile(packageName);
      return { ledger: waiting.size === 0 ? saved : replaceDays(saved, waiting), saved };
    });
  }

  function save(packageName: string, ledger: Ledger): Promise<void> {
    return orStateError(async () => {
      await ensureFolder(folder, PRIVATE.folder);
      const path = pathOf(packageName);
      await replaceFile(path, serializeLedger(ledger, { source, package: packageName }), true, PRIVATE.file);
      answers.merged(packageName);
    });
  }

  return {
    load,
    save,
    async append(span, rows, partitionRowsOf, unknownDays) {
      if (rows.size === 0) return;
      function* days() {
        for (const [name, own] of rows) {
          yield [name, daysRead(span, own, partitionRowsOf, unknownDays?.get(name))] as const;
        }
      }
      await orStateError(() => answers.add(days()));
    },
    async recover(signal) {
      await sweepTemporary(folder);
      await answers.sweep();
      for (const name of await orStateError(answers.packages)) {
        // Files are read and written without waiting, and a signal is only heard while the process waits.
        await yieldToSignals();
        if (signal?.aborted) return;
        try {
          const { ledger, saved } = await load(name);
          if (ledger !== saved) await save(name, ledger);
        } catch (error) {
          if (!(error instanceof OperatorError) || error.affectsAll) throw error;
          warn?.(`${name}: what an earlier run has read waits to be saved: ${error.message}`);
        }
      }
      await orStateError(answers.compact);
    },
    assertRoom: ([packageName, ...others], days) =>
      orStateError(async () => {
        if (others.length > 0) return answers.assertRoom((others.length + 1) * days * BYTES_PER_DAY);
        await ensureFolder(folder, PRIVATE.folder);
        const before = (await readIfPresent(pathOf(packageName)))?.length ?? 0;
        probeRoom(folder, `.${packageName}.room.${process.pid}.tmp`, before + days * BYTES_PER_DAY);
      }),
  };
}

/**
 * Paths of all that stands where ledgers and answers of a source are.
 *
 * @throws OperatorError if the disk refuses.
 */
export function ledgerFiles(stateDir: string, sourceId: string): string[] {
  const folder = join(stateDir, 'ledger', ledgerFolder(sourceId));
  return [folder, join(folder, '_answers')].flatMap((each) =>
    demandNames(each)
      .filter((name) => /\.(?:json|ndjson)$/.test(name))
      .map((name) => join(each, name)),
  );
}

/** Ledgers for a run that leaves nothing behind. */
export function ledgersInMemory(): Ledgers {
  const kept = new Map<string, Ledger>();
  const of = (name: string) => kept.get(name) ?? EMPTY_LEDGER;
  return {
    load: async (name) => ({ ledger: of(name), saved: of(name) }),
    save: async (name, ledger) => void kept.set(name, ledger),
    append: async (span, rows, partitionRowsOf, unknownDays) => {
      for (const [name, own] of rows) {
        kept.set(name, withDays(of(name), span, own, partitionRowsOf, unknownDays?.get(name)));
      }
    },
    recover: async () => undefined,
    assertRoom: async () => undefined,
    release: (name) => void kept.delete(name),
  };
}

/**
 * The ledgers of a source: on the disk, or in memory where its days are not kept.
 *
 * @param warn As of `openLedgers`.
 */
export function ledgersOf(
  stateDir: string,
  { id, keepsLedger }: Pick<SourceTraits, 'id' | 'keepsLedger'>,
  warn: Warn,
): Ledgers {
  return keepsLedger ? openLedgers(stateDir, id, warn) : ledgersInMemory();
}

/**
 * Paths of the ledgers of packages that are not listed, of every source.
 *
 * @param tracked Normalized names.
 */
export function unlistedLedgers(stateDir: string, tracked: ReadonlySet<string>): string[] {
  const list = (folder: string) => {
    try {
      return readdirSync(folder, { withFileTypes: true });
    } catch {
      return [];
    }
  };
  const root = join(stateDir, 'ledger');
  const packageOf = (name: string) => name.slice(0, -'.json'.length);
  return list(root)
    .flatMap((entry) => (entry.isDirectory() ? list(join(root, entry.name)) : []))
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
    .filter(({ name }) => PACKAGE_NAME.test(packageOf(name)) && !tracked.has(packageOf(name)))
    .map(({ parentPath, name }) => join(parentPath, name));
}
