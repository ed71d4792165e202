import { join } from 'node:path';
import type { Day } from '../days/day.ts';
import {
  demandNames,
  ensureFolder,
  probeRoom,
  readIfPresent,
  readPart,
  removeFile,
  removeIfPossible,
  replaceFile,
  sweepTemporary,
} from '../disk/files.ts';
import { QUESTION } from '../sources/sql.ts';
import { demand, FileRejected, isRecord, parseJson } from './checks.ts';
import { checksum, dayText, type LedgerDay, parseDays } from './ledger.ts';
import { distrust, type Warn } from './set-aside.ts';

/*
 * <state_dir>/ledger/<source>/_answers/<number>-<checksum>.ndjson: answers to questions about several packages, and those that
 * the disk did not take into a ledger at once, each until the days in it have reached the packages' ledgers. A list of thousands is filled by dozens of such questions. To save
 * thousands of ledgers after each of them takes longer than all else; so an answer, which is paid for, is saved as a whole, and each
 * ledger once, when its package has had all its answers.
 *
 * The first line says what the file is, each other line has a package with its days, as in its ledger. The checksum in the name is that
 * of the whole content, so that a name stands for one content for ever.
 */

const VERSION = 1;
const FILE = /^(\d{6,})-([0-9a-f]{16})\.ndjson$/;
const NEWLINE = 0x0a;

/** Days of one package. */
export type Days = ReadonlyMap<Day, LedgerDay>;

/** One answer on the disk. */
interface Answer {
  readonly path: string;
  /** Number of each package's line. */
  readonly lines: ReadonlyMap<string, number>;
  /** Where each line begins, in bytes, and where the last one ends. */
  readonly starts: Float64Array;
  /** 1 for each line whose days are in a ledger. */
  readonly filed: Uint8Array;
  /** How many are not. */
  left: number;
}

/** The answers of one source that have not reached the ledgers. */
export interface Answers {
  /** Removes what killed runs have left half-written. To be called under the lock. */
  sweep(): Promise<void>;
  /** Packages that have days here, each once. */
  packages(): Promise<Set<string>>;
  /**
   * Days of a package; of two answers about the same day, the later one counts.
   *
   * @throws OperatorError if the disk refuses.
   */
  daysOf(packageName: string): Promise<Days>;
  /**
   * Finds out whether an answer of so many bytes could be saved.
   *
   * @throws OperatorError if it could not.
   */
  demandRoom(bytes: number): Promise<void>;
  /** Saves an answer; it survives a power cut once this returns. */
  add(days: Iterable<readonly [packageName: string, days: Days]>): Promise<void>;
  /**
   * Is to be called when a package's ledger has been saved with the days that `daysOf` handed over. Days that came
   * meanwhile stay here.
   */
  filed(packageName: string): void;
  /**
   * Is to be called before anything newer is read, when what was there is filed as far as it can be. What could not be is kept
   * by itself, and the rest removed: else it would pass for newer than what the ledgers get from now on.
   *
   * @throws OperatorError if the disk refuses.
   */
  settle(): Promise<void>;
}

function serialize(days: Iterable<readonly [string, Days]>, source: string): string {
  const lines = [JSON.stringify({ version: VERSION, source, question: QUESTION })];
  for (const [name, own] of days) {
    lines.push(
      `[${JSON.stringify(name)},[${[...own].map(([day, entry]) => dayText(day, entry)).join(',')}]]`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Where lines begin, and where the last one ends. */
function startsOf(content: Uint8Array): Float64Array {
  const starts = [0];
  for (let at = content.indexOf(NEWLINE); at >= 0; at = content.indexOf(NEWLINE, at + 1)) starts.push(at + 1);
  return Float64Array.from(starts);
}

/** Number of the line of each package. Questions of a run are mostly about the same packages, so that one list will do. */
function linesOf(names: readonly string[], similar: Answer | undefined): ReadonlyMap<string, number> {
  const known = similar?.lines;
  const same = known?.size === names.length && names.every((name, index) => known.get(name) === index + 1);
  return same ? known : new Map(names.map((name, index) => [name, index + 1]));
}

/** @throws FileRejected if a text is not what was written with that checksum, or about something else. */
function demandSound(text: string, sum: string | undefined, source: string): void {
  demand(sum === checksum(text), 'it was altered');
  const head = parseJson(text.slice(0, text.indexOf('\n')), 'a line of it is not JSON');
  demand(isRecord(head), 'it is no answer');
  demand(head['version'] === VERSION, `its format is version ${JSON.stringify(head['version'])}`);
  demand(head['source'] === source, `it was read from ${JSON.stringify(head['source'])}, not from ${source}`);
  demand(head['question'] === QUESTION, 'it was read with another query');
}

/** Where the days of each package are in the text of an answer. */
function indexed(path: string, text: string, similar: Answer | undefined): Answer {
  const [, ...lines] = text.trimEnd().split('\n');
  const names = lines.map((line) => /^\["([^"]*)"/.exec(line)?.[1] ?? '');
  const starts = startsOf(Buffer.from(text));
  return {
    path,
    lines: linesOf(names, similar),
    starts,
    filed: new Uint8Array(starts.length),
    left: names.length,
  };
}

/** Days of a package in an answer; undefined where they are in its ledger, or it is not part of the question. */
function daysIn({ path, lines, starts, filed }: Answer, packageName: string): Days | undefined {
  const line = lines.get(packageName);
  if (line === undefined || filed[line] === 1) return undefined;
  const part = readPart(path, starts[line] ?? 0, starts[line + 1] ?? 0);
  // A run that goes on meanwhile has put all of it into the ledgers.
  if (part === undefined) return undefined;
  const value = parseJson(part.toString(), 'a line of it is not JSON');
  demand(Array.isArray(value) && value[0] === packageName, `a line of it is not about ${packageName}`);
  return parseDays(value[1]);
}

/**
 * Opens the answers of a source.
 *
 * @param parent Absolute path of the folder of the source's ledgers; made when an answer is saved.
 * @param source What the state calls the source.
 * @param warn Is told of files that are set aside; without it, the disk is only read.
 */
export function openAnswers(parent: string, source: string, warn: Warn): Answers {
  const folder = join(parent, '_answers');
  /** Those on the disk, oldest first. They are looked for once: all that is added later is this run's own. */
  const known: Answer[] = [];
  let looking: Promise<void> | undefined;
  /** Those of which each package's days were handed over, and have not been saved. */
  const handedOver = new Map<string, Answer[]>();
  let last = 0;

  function reject(path: string, error: unknown): void {
    if (!(error instanceof FileRejected)) throw error;
    distrust(path, error, warn);
  }

  async function find(): Promise<void> {
    for (const name of demandNames(folder).toSorted()) {
      const [, number, sum] = FILE.exec(name) ?? [];
      if (number === undefined) continue;
      last = Number(number);
      const path = join(folder, name);
      const text = await readIfPresent(path);
      try {
        if (text === undefined) continue;
        demandSound(text, sum, source);
        known.push(indexed(path, text, known.at(-1)));
      } catch (error) {
        reject(path, error);
      }
    }
  }

  function look(): Promise<void> {
    looking ??= find();
    return looking;
  }

  function drop(answer: Answer): void {
    const at = known.indexOf(answer);
    if (at >= 0) known.splice(at, 1);
  }

  /** Days of a package in all answers, and which of these have any. */
  function gather(packageName: string): { days: Map<Day, LedgerDay>; from: Answer[] } {
    const days = new Map<Day, LedgerDay>();
    const from: Answer[] = [];
    for (const answer of [...known]) {
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

  async function packages(): Promise<Set<string>> {
    await look();
    return new Set(known.flatMap(({ lines }) => [...lines.keys()]));
  }

  async function add(days: Iterable<readonly [string, Days]>): Promise<void> {
    await look();
    await ensureFolder(folder, 'operator');
    const text = serialize(days, source);
    last += 1;
    const path = join(folder, `${String(last).padStart(6, '0')}-${checksum(text)}.ndjson`);
    await replaceFile(path, text, true, 'operator');
    known.push(indexed(path, text, known.at(-1)));
  }

  return {
    packages,
    add,
    sweep: async () => {
      await sweepTemporary(folder);
    },
    async daysOf(packageName) {
      await look();
      const { days, from } = gather(packageName);
      if (from.length > 0) handedOver.set(packageName, from);
      return days;
    },
    async demandRoom(bytes) {
      await ensureFolder(folder, 'operator');
      probeRoom(folder, `.room.${process.pid}.tmp`, bytes);
    },
    filed(packageName) {
      for (const answer of handedOver.get(packageName) ?? []) {
        const line = answer.lines.get(packageName);
        if (line === undefined || answer.filed[line] === 1) continue;
        answer.filed[line] = 1;
        answer.left -= 1;
        if (answer.left === 0 && removeIfPossible(answer.path)) drop(answer);
      }
      handedOver.delete(packageName);
    },
    async settle() {
      const names = await packages();
      const old = [...known];
      if (old.every(({ left, lines }) => left === lines.size)) return;
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
