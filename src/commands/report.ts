import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { describeError, errorCode } from '../errors/error.ts';
import { plural } from '../format.ts';
import { demandHealth, type Health } from '../publish/health.ts';
import { sourceName } from '../sources/index.ts';
import type { Context, GlobalOptions } from './context.ts';
import type { Log } from './log.ts';

/**
 * Draws the page at the end of a run. Its libraries are loaded only now.
 *
 * @returns Whether it worked; if not, the log says why, and badges and health file are none the worse.
 */
export async function drawPage(
  config: Config,
  health: Health,
  sourceName: string,
  now: Date,
  { log, bug }: Pick<Log, 'log' | 'bug'>,
  signal?: AbortSignal,
): Promise<boolean> {
  try {
    const { publishPage } = await import('../publish/page.ts');
    await publishPage(config, health, sourceName, now, signal);
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
  const { PAGE_FILE, publishPage } = await import('../publish/page.ts');
  // Figures are those of the source that was asked last, whatever tracked.yaml says by now.
  const { name } = sourceName(health.source ?? config.source.kind);
  const pages = await publishPage(config, health, name, context.now());
  context.stdout.write(`${plural(pages, 'page')}; open ${join(config.outputDir, PAGE_FILE)}\n`);
  return 0;
}
