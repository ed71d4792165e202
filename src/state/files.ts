import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError } from '../disk/disk-error.ts';
import { ensureFolder, readIfPresent, replaceFile, sweepTemporary } from '../disk/files.ts';
import {
  billedOf,
  EMPTY_LEDGER,
  type Ledger,
  type LedgerIdentity,
  LedgerRejected,
  parseLedger,
  serializeLedger,
} from './ledger.ts';
import {
  EMPTY_MONTH,
  EMPTY_SPEND,
  type MonthSpend,
  parseSpend,
  type Spend,
  serializeSpend,
} from './spend.ts';
import type { State } from './state.ts';

const SPEND_FILE = 'spend.json';
const LEDGER_FOLDER = 'ledger';

function ledgerPath(stateDir: string, packageName: string): string {
  return join(stateDir, LEDGER_FOLDER, `${packageName}.json`);
}

/** Takes a file that cannot be trusted out of the way, and keeps it for whoever wants to look. */
async function setAside(path: string, reason: string, warn: (message: string) => void): Promise<void> {
  await rename(path, `${path}.rejected`).catch((error: unknown) => {
    throw diskError(error, path);
  });
  warn(`${path} cannot be trusted: ${reason}; it is set aside as ${path}.rejected`);
}

/**
 * Reads the ledger of a package, an empty one where there is none, and changes nothing.
 *
 * @param rejected What becomes of a ledger that cannot be trusted; without it, such a one is none.
 * @throws OperatorError if the disk refuses.
 */
export async function readLedger(
  stateDir: string,
  identity: LedgerIdentity,
  rejected?: (path: string, reason: string) => Promise<void>,
): Promise<Ledger> {
  const path = ledgerPath(stateDir, identity.package);
  const text = await readIfPresent(path);
  if (text === undefined) return EMPTY_LEDGER;
  try {
    return parseLedger(text, identity);
  } catch (error) {
    if (!(error instanceof LedgerRejected)) throw error;
    await rejected?.(path, error.message);
    return EMPTY_LEDGER;
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
  return text === undefined ? undefined : (parseSpend(text) ?? 'unreadable');
}

/** What the ledgers say was billed, for when spend.json is lost. */
async function spendFromLedgers(stateDir: string): Promise<Spend> {
  const files = await readdir(join(stateDir, LEDGER_FOLDER)).catch(() => []);
  const texts = await Promise.all(
    files
      .filter((file) => file.endsWith('.json'))
      .map((file) => readIfPresent(join(stateDir, LEDGER_FOLDER, file))),
  );
  const months: Record<string, MonthSpend> = {};
  for (const [month, { bytesBilled, queries }] of texts.flatMap((text) =>
    Object.entries(billedOf(text ?? '')),
  )) {
    const before = months[month] ?? EMPTY_MONTH;
    months[month] = { bytesBilled: before.bytesBilled + bytesBilled, queries: before.queries + queries };
  }
  return { ...EMPTY_SPEND, months };
}

/**
 * The state of runs, in the files of `<state_dir>` (DESIGN section 6). A file that cannot be trusted is
 * set aside and never fatal: days are read again, and the spend is added up from the ledgers.
 *
 * @param stateDir Absolute path; made if it is missing.
 * @param source Kind and place of the data; ledgers of another one are not trusted.
 * @param durable Whether ledgers must survive a power cut: not where reading the days again is free.
 * @param warn Is told of files that are set aside.
 */
export async function openState(
  stateDir: string,
  source: string,
  durable: boolean,
  warn: (message: string) => void,
): Promise<State> {
  await sweepTemporary(stateDir);
  await sweepTemporary(join(stateDir, LEDGER_FOLDER));
  return {
    loadLedger: (packageName) =>
      readLedger(stateDir, { source, package: packageName }, (path, reason) => setAside(path, reason, warn)),
    async saveLedger(packageName, ledger) {
      const identity = { source, package: packageName };
      await ensureFolder(join(stateDir, LEDGER_FOLDER));
      await replaceFile(ledgerPath(stateDir, packageName), serializeLedger(ledger, identity), durable);
    },
    async loadSpend() {
      const spend = await readSpend(stateDir);
      if (spend !== 'unreadable') return spend ?? EMPTY_SPEND;
      await setAside(
        join(stateDir, SPEND_FILE),
        'it is not sound; the spend is added up from the ledgers',
        warn,
      );
      return spendFromLedgers(stateDir);
    },
    async saveSpend(spend) {
      await ensureFolder(stateDir);
      await replaceFile(join(stateDir, SPEND_FILE), serializeSpend(spend), true);
    },
  };
}
