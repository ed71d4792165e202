// Preloaded with --import into a run of the command: writes to the file BENCH_PROBE how long the process
// lived and computed, how much of that DuckDB took, and the most memory that it held.
import { writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { DuckDBConnection } from '@duckdb/node-api';

let engineMs = 0;
let engineCpuUs = 0;
let calls = 0;
let depth = 0;
const sum = ({ user, system }) => user + system;

// The command asks one question after another, so its calls never overlap; one inside of another is
// counted with it.
for (const method of ['run', 'runAndReadAll']) {
  const original = DuckDBConnection.prototype[method];
  DuckDBConnection.prototype[method] = async function (...arguments_) {
    const start = performance.now();
    const cpu = process.cpuUsage();
    depth += 1;
    try {
      return await original.apply(this, arguments_);
    } finally {
      depth -= 1;
      if (depth === 0) {
        engineMs += performance.now() - start;
        engineCpuUs += sum(process.cpuUsage(cpu));
        calls += 1;
      }
    }
  };
}

process.on('exit', () => {
  const { maxRSS } = process.resourceUsage();
  const cpuMs = sum(process.cpuUsage()) / 1000;
  const measured = {
    lifeMs: performance.now(),
    engineMs,
    cpuMs,
    engineCpuMs: engineCpuUs / 1000,
    calls,
    maxRssKib: maxRSS,
  };
  writeFileSync(process.env.BENCH_PROBE, JSON.stringify(measured));
});
