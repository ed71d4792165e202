import { relative } from 'node:path';
import { type Config, loadConfig } from '../config/config.ts';
import { removeFile } from '../disk/files.ts';
import { plural } from '../format.ts';
import { findLeftOver, type LeftOver, markLeftOver, removeLeftOver } from '../publish/left-over.ts';
import { traitsOf } from '../sources/index.ts';
import { openLedgers, unlistedLedgers } from '../state/ledgers.ts';
import type { Context, GlobalOptions } from './context.ts';
import { underLock } from './under-lock.ts';

export interface PruneOptions extends GlobalOptions {
  readonly dryRun?: boolean;
  readonly mark?: boolean;
}

function describe({ folder, whole, which, badges, others }: LeftOver, mark: boolean): string {
  const what = whole ? 'not listed' : which.join(', ');
  const files = plural(badges.length + (mark ? 0 : others.length), 'file');
  return `${mark ? 'mark' : 'remove'}  ${folder} (${what}): ${files}\n`;
}

async function carryOut(
  { outputDir }: Config,
  left: readonly LeftOver[],
  ledgers: readonly string[],
  mark: boolean,
): Promise<void> {
  for (const each of left) {
    if (mark) await markLeftOver(outputDir, each);
    else removeLeftOver(outputDir, each);
  }
  for (const path of ledgers) {
    removeFile(path);
  }
}

/**
 * `prune`: removes the badges, pages and ledgers of packages and windows that are no longer listed, or has the badges
 * say that they are not renewed.
 *
 * @throws OperatorError if the disk refuses.
 */
export async function prune(options: PruneOptions, context: Context): Promise<number> {
  const { stdout } = context;
  const { dryRun = false, mark = false } = options;
  const config = loadConfig(options.config, context.cwd);
  const tracked = new Set(config.packages.map(({ name }) => name));
  return underLock(config.stateDir, context, async () => {
    if (!dryRun) {
      // What waits for the ledger of a package would else bring it back.
      const { id } = traitsOf(config.source, context.env);
      await openLedgers(config.stateDir, id, (message) => context.stderr.write(`${message}\n`)).recover();
    }
    const left = await findLeftOver(config);
    const ledgers = unlistedLedgers(config.stateDir, tracked);
    if (left.length + ledgers.length === 0) {
      stdout.write('nothing is left over\n');
      return 0;
    }
    for (const each of left) stdout.write(describe(each, mark));
    for (const path of ledgers) stdout.write(`remove  ${relative(config.stateDir, path)}\n`);
    if (dryRun) stdout.write('this was a dry run; nothing was changed\n');
    else await carryOut(config, left, ledgers, mark);
    return 0;
  });
}
