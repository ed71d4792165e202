import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as yieldToSignals } from 'node:timers/promises';
import { PACKAGE_NAME } from '../config/schema.ts';
import type { Span } from '../days/day.ts';
import { ensureFolder, probeRoom, readIfPresent, replaceFile, sweepTemporary } from '../disk/files.ts';
import { OperatorError } from '../errors/error.ts';
import type { Answer } from '../sources/source.ts';
import type { NonEmpty } from '../util.ts';
import { openAnswers } from './answers.ts';
import { FileRejected } from './checks.ts';
import {
  checksum,
  daysRead,
  EMPTY_LEDGER,
  type Ledger,
  type PartitionRowsOf,
  parseLedger,
  replaceDays,
  serializeLedger,
} from './ledger.ts';
import { distrust, type Warn } from './set-aside.ts';
import { orStateError, stateError } from './state-error.ts';

/*
 * The ledgers of one source on the disk, and with them the answers that have not reached them: who loads a ledger
 * gets both.
 */

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
  hold(
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
  tidy(signal?: AbortSignal): Promise<void>;
  /**
   * Finds out whether some days of one package, or of several in one answer, could be saved, before anything is paid for.
   *
   * @throws OperatorError if they could not.
   */
  demandRoom(packages: NonEmpty<string>, days: number): Promise<void>;
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

  /** What the file of a ledger has. */
  async function loadFile(packageName: string): Promise<Ledger> {
    const path = pathOf(packageName);
    try {
      const text = await readIfPresent(path);
      return text === undefined ? EMPTY_LEDGER : parseLedger(text, { source, package: packageName });
    } catch (error) {
      if (!(error instanceof FileRejected)) throw stateError(error);
      distrust(path, error, warn);
      return EMPTY_LEDGER;
    }
  }

  async function load(packageName: string): Promise<LoadedLedger> {
    // In this order: while a run goes on, days move from answers into ledgers.
    const held = await orStateError(() => answers.daysOf(packageName));
    const saved = await loadFile(packageName);
    return { ledger: held.size === 0 ? saved : replaceDays(saved, held), saved };
  }

  async function save(packageName: string, ledger: Ledger): Promise<void> {
    await orStateError(async () => {
      await ensureFolder(folder, 'operator');
      const text = serializeLedger(ledger, { source, package: packageName });
      await replaceFile(pathOf(packageName), text, true, 'operator');
    });
    answers.filed(packageName);
  }

  async function putAway(packageName: string): Promise<void> {
    const { ledger, saved } = await load(packageName);
    if (ledger !== saved) await save(packageName, ledger);
  }

  return {
    load,
    save,
    async hold(span, rows, partitionRowsOf, unknownDays) {
      if (rows.size === 0) return;
      function* days() {
        for (const [name, own] of rows) {
          yield [name, daysRead(span, own, partitionRowsOf, unknownDays?.get(name))] as const;
        }
      }
      await orStateError(() => answers.add(days()));
    },
    async tidy(signal) {
      await sweepTemporary(folder);
      await answers.sweep();
      for (const name of await orStateError(answers.packages)) {
        // Files are read and written without waiting, and a signal is only heard while the process waits.
        await yieldToSignals();
        if (signal?.aborted) return;
        try {
          await putAway(name);
        } catch (error) {
          if (!(error instanceof OperatorError) || error.affectsAll) throw error;
          warn?.(`${name}: what an earlier run has read waits to be saved: ${error.message}`);
        }
      }
      await orStateError(answers.settle);
    },
    demandRoom: ([packageName, ...others], days) =>
      orStateError(async () => {
        if (others.length > 0) return answers.demandRoom((others.length + 1) * days * BYTES_PER_DAY);
        await ensureFolder(folder, 'operator');
        const before = (await readIfPresent(pathOf(packageName)))?.length ?? 0;
        probeRoom(folder, `.${packageName}.room.${process.pid}.tmp`, before + days * BYTES_PER_DAY);
      }),
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
  return folders
    .flatMap((folder) => list(folder).map((entry) => ({ folder, entry })))
    .filter(({ entry: { name } }) => name.endsWith('.json') && !tracked.has(name.slice(0, -'.json'.length)))
    .filter(({ entry }) => entry.isFile() && PACKAGE_NAME.test(entry.name.slice(0, -'.json'.length)))
    .map(({ folder, entry }) => join(folder, entry.name));
}
