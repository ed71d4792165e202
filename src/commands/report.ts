import { join } from 'node:path';
import { loadConfig } from '../config/config.ts';
import { describeError, errorCode } from '../errors/error.ts';
import { plural } from '../format.ts';
import { demandHealth, type Health } from '../publish/health.ts';
import type { Pages } from '../publish/page.ts';
import { sourceName } from '../sources/index.ts';
import type { Context, GlobalOptions } from './context.ts';
import type { Log } from './log.ts';

/**
 * Draws the last pages of a run.
 *
 * @returns Whether all of them could be drawn; if not, the log says why, and badges and health file are none the worse.
 */
export async function finishPages(
  pages: Pages,
  health: Health,
  { log, bug }: Pick<Log, 'log' | 'bug'>,
  signal?: AbortSignal,
): Promise<boolean> {
  try {
    await pages.finish(health);
    return true;
  } catch (error) {
    if (signal?.aborted) return true;
    const code = { error_code: errorCode(error) };
    log.error(code, `the page could not be drawn completely: ${describeError(error)}`);
    bug(error);
    return false;
  }
}

/** `report`: draws the page again from what the last run left on the disk. */
export async function report(options: GlobalOptions, context: Context): Promise<number> {
  const config = loadConfig(options.config, context.cwd);
  const health = await demandHealth(config.outputDir);
  const { openPages, PAGE_FILE } = await import('../publish/page.ts');
  // Figures are those of the source that was asked last, whatever tracked.yaml says by now.
  const { name } = sourceName(health.source ?? config.source.kind);
  const pages = await openPages(config, name, context.now).finish(health);
  context.stdout.write(`${plural(pages, 'page')}; open ${join(config.outputDir, PAGE_FILE)}\n`);
  return 0;
}
