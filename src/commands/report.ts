import { join } from 'node:path';
import { loadConfig } from '../config/config.ts';
import { plural } from '../format.ts';
import { demandHealth } from '../publish/health.ts';
import { sourceName } from '../sources/index.ts';
import type { Context, GlobalOptions } from './context.ts';
import { withProgress } from './output.ts';

/** `report`: draws the page again from what the last run left on the disk. */
export async function report(options: GlobalOptions, context: Context): Promise<number> {
  const config = loadConfig(options.config, context.cwd);
  const health = await demandHealth(config.outputDir);
  const { openPages, PAGE_FILE } = await import('../publish/page.ts');
  // Figures are those of the source that was asked last, whatever tracked.yaml says by now.
  const source = sourceName(health.source ?? config.source.kind);
  const pages = await withProgress(context, 'Drawing', () =>
    openPages(config, source, context.now).finish(health),
  );
  context.stdout.write(`${plural(pages, 'page')}; open ${join(config.outputDir, PAGE_FILE)}\n`);
  return 0;
}
