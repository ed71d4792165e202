// Runs the built command with the probe, and tells what it took.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const PROBE = new URL('probe.mjs', import.meta.url).href;

/**
 * Runs `collect` and waits for it.
 *
 * @param folder Where the probe may write.
 * @returns {{lifeMs: number, engineMs: number, calls: number, maxRssKib: number}}
 */
export function measureCollect(folder, config, asOf) {
  // The page is measured by pictures.mjs.
  const argv = ['collect', '--no-page', '--config', config, '--as-of', asOf, '--log-level', 'warn'];
  const probe = join(folder, 'probe.json');
  const { status, stderr } = spawnSync(process.execPath, ['--import', PROBE, CLI, ...argv], {
    env: { ...process.env, BENCH_PROBE: probe },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`collect exited with ${status}: ${stderr}`);
  return JSON.parse(readFileSync(probe, 'utf8'));
}
