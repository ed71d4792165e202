import { relative } from 'node:path';
import { loadConfig } from '../config/config.ts';
import { removeFile } from '../disk/files.ts';
import { plural } from '../format.ts';
import { findLeftOver, type LeftOver, pruneLeftOver } from '../publish/left-over.ts';
import { traitsOf } from '../sources/index.ts';
import { openLedgers, unlistedLedgers } from '../state/ledgers.ts';
import { agrees, type Context, type GlobalOptions } from './context.ts';
import { underLock } from './under-lock.ts';

export interface PruneOptions extends GlobalOptions {
  readonly dryRun?: boolean;
  readonly mark?: boolean;
  readonly yes?: boolean;
}

function describe({ folder, whole, which, badges, others }: LeftOver, mark: boolean): string {
  const what = whole ? 'not listed' : which.join(', ');
  const files = plural(badges.length + (mark ? 0 : others.length), 'file');
  return `${mark ? 'mark' : 'remove'}  ${folder} (${what}): ${files}\n`;
}

/**
 * `prune`: removes the badges, pages and ledgers of packages and windows that are no longer listed, once the operator
 * agrees; or has the badges say that they are not renewed, and keeps the ledgers.
 *
 * @throws UsageError if there is nobody to agree; OperatorError if the disk refuses.
 */
export async function prune(options: PruneOptions, context: Context): Promise<number> {
  const { stdout } = context;
  const { dryRun = false, mark = false, yes = false } = options;
  const config = loadConfig(options.config, context.cwd);
  const { outputDir, stateDir } = config;
  /** Lists what there is to be done, and brings what does it. */
  const plan = async (): Promise<(() => Promise<void>) | undefined> => {
    const left = await findLeftOver(config, { marked: !mark });
    const tracked = new Set(config.packages.map(({ name }) => name));
    const ledgers = mark ? [] : unlistedLedgers(stateDir, tracked);
    for (const each of left) stdout.write(describe(each, mark));
    for (const path of ledgers) stdout.write(`remove  ${relative(stateDir, path)}\n`);
    if (left.length + ledgers.length === 0) return undefined;
    return async () => {
      for (const each of left) await pruneLeftOver(outputDir, each, mark);
      for (const path of ledgers) removeFile(path);
    };
  };
  if (dryRun) {
    const isDone = (await plan()) === undefined;
    stdout.write(isDone ? 'nothing is left over\n' : 'this was a dry run; nothing was changed\n');
    return 0;
  }
  return underLock(stateDir, context, async () => {
    // What waits for the ledger of a package would else bring it back.
    const { id } = traitsOf(config.source, context.env);
    await openLedgers(stateDir, id, (message) => context.stderr.write(`${message}\n`)).recover();
    const carryOut = await plan();
    if (carryOut === undefined) stdout.write('nothing is left over\n');
    else if (yes || (await agrees(context, mark ? 'Mark these badges?' : 'Remove all of this?')))
      await carryOut();
    else stdout.write('nothing was changed\n');
    return 0;
  });
}
