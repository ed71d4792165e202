import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { describeError, OperatorError } from '../errors/error.ts';
import { formatNumber } from '../format.ts';
import { HEALTH_FILE, type Health, readHealth } from '../publish/health.ts';
import type { Context, GlobalOptions } from './context.ts';

/**
 * Draws the page at the end of a run. Its libraries are loaded only now.
 *
 * @returns Whether it worked; if not, the log says why, and badges and health file are none the worse.
 */
export async function drawPage(
  config: Config,
  health: Health,
  now: Date,
  log: Logger,
  signal?: AbortSignal,
): Promise<boolean> {
  try {
    const { publishPage } = await import('../publish/page.ts');
    await publishPage(config, health, now, signal);
    return true;
  } catch (error) {
    log.error(`the page could not be drawn completely: ${describeError(error)}`);
    return false;
  }
}

/** `report`: draws the page again from what the last run left on the disk. */
export async function report(options: GlobalOptions, context: Context): Promise<number> {
  const config = loadConfig(options.config, context.cwd);
  const health = await readHealth(config.outputDir);
  if (health === undefined || health === 'unreadable') {
    const file = join(config.outputDir, HEALTH_FILE);
    const what = health === undefined ? 'is not there' : 'is unreadable';
    throw new OperatorError(
      'no-health',
      `${file} ${what}, so there is nothing to draw; run pypi-badges collect first`,
    );
  }
  const { PAGE_FILE, publishPage } = await import('../publish/page.ts');
  const pages = await publishPage(config, health, context.now());
  context.stdout.write(`${formatNumber(pages)} pages; open ${join(config.outputDir, PAGE_FILE)}\n`);
  return 0;
}
