// What it takes to start: `check` on the project's own tracked.yaml against Node doing nothing.
import { spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { median } from './statistics.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAIRS = 15;

function wallMs(argv) {
  const start = performance.now();
  const { status } = spawnSync(process.execPath, argv, { cwd: ROOT, stdio: 'ignore' });
  if (status !== 0) throw new Error(`node ${argv.join(' ')} exited with ${status}`);
  return performance.now() - start;
}

export const title = 'Start-up';

export async function measure() {
  const commands = {
    nothing: ['-e', '0'],
    version: ['dist/cli.js', '--version'],
    check: ['dist/cli.js', 'check'],
  };
  const times = { nothing: [], version: [], check: [] };
  // One after another in turn, so that a busy moment of the machine hits all alike.
  for (let pair = 0; pair <= PAIRS; pair += 1) {
    for (const [name, argv] of Object.entries(commands)) {
      const ms = wallMs(argv);
      if (pair > 0) times[name].push(ms);
    }
  }
  const base = median(times.nothing);
  const how = `median wall time of ${PAIRS} runs, in turn with node -e 0 (${base.toFixed(0)} ms)`;
  return ['version', 'check'].map((name) => {
    const ms = median(times[name]);
    return {
      what: `${name === 'version' ? '--version' : name} against node -e 0`,
      value: `${(ms / base).toFixed(2)} x  (${ms.toFixed(0)} ms)`,
      target: '<= 3 x',
      met: ms / base <= 3,
      how,
    };
  });
}
