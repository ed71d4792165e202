// Runs the built command with the probe, and tells what it took.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const PROBE = new URL('probe.mjs', import.meta.url).href;

/**
 * Runs `collect` and waits for it.
 *
 * @param folder Where the probe may write.
 * @param env Variables for the command, beside this process's own.
 * @returns {Promise<{lifeMs: number, engineMs: number, cpuMs: number, calls: number, maxRssKib: number}>}
 */
export async function measureCollect(folder, config, asOf, env = {}) {
  // The page is measured by pictures.mjs.
  const argv = ['collect', '--no-page', '--config', config, '--as-of', asOf, '--log-level', 'error'];
  const probe = join(folder, 'probe.json');
  const child = spawn(process.execPath, ['--import', PROBE, CLI, ...argv], {
    env: { ...process.env, ...env, BENCH_PROBE: probe },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (part) => {
    stderr += part;
  });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`collect exited with ${status}: ${stderr}`);
  return JSON.parse(readFileSync(probe, 'utf8'));
}
