// What service.concurrency saves: 300 packages on a BigQuery that takes 50 ms to answer.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importTs } from '../scripts/import-ts.mjs';

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const PACKAGES = 300;
const LATENCY_MS = 50;
const NAMES = Array.from({ length: PACKAGES }, (_, index) => `package-${index}`);
const DAYS = Array.from({ length: 7 }, (_, index) => `2026-04-${18 + index}`);

/** Badges and ledgers, in one figure. */
function fingerprint(folder) {
  const hash = createHash('sha256');
  for (const path of readdirSync(folder, { recursive: true }).toSorted()) {
    if (path.endsWith('.json') && !/(?:_health|spend|spend.backup)\.json$/.test(path)) {
      // The name of the source is made from the stand-in's port, too.
      const text = readFileSync(join(folder, path), 'utf8').replaceAll(/bigquery-[0-9a-f]{16}/g, 'source');
      const { checksum, ...ledger } = path.includes('ledger/') ? JSON.parse(text) : {};
      const content = checksum === undefined ? text : JSON.stringify(ledger);
      hash.update(`${path.replace(/ledger\/[^/]+/, 'ledger')}\0${content}\0`);
    }
  }
  return hash.digest('hex');
}

/** Runs `collect` in a folder of its own, while this process plays BigQuery. */
async function collect(BigQueryServer, root, concurrency) {
  const folder = join(root, String(concurrency));
  mkdirSync(folder);
  const list = NAMES.map((name) => `  - {name: ${name}, window_days: 7}\n`).join('');
  writeFileSync(
    join(folder, 'tracked.yaml'),
    `service:\n  output_dir: output\n  concurrency: ${concurrency}\nbigquery:\n  project_id: bench\npackages:\n${list}`,
  );
  const rows = NAMES.flatMap((project, index) =>
    DAYS.map((day) => ({ project, day, installer: 'pip', downloads: index })),
  );
  const server = await BigQueryServer.start({ rows, latencyMs: LATENCY_MS });
  const started = performance.now();
  const status = await new Promise((done) => {
    const argv = [CLI, 'collect', '--no-page', '--as-of', '2026-04-25', '--log-level', 'error'];
    const env = { PATH: process.env.PATH, HOME: folder, BIGQUERY_EMULATOR_HOST: server.host };
    const child = spawn(process.execPath, argv, { cwd: folder, env, stdio: ['ignore', 'ignore', 'inherit'] });
    child.once('close', done);
  });
  const seconds = (performance.now() - started) / 1000;
  const { bytesBilled, calls } = server;
  await server.close();
  if (status !== 0) throw new Error(`collect exited with ${status}`);
  return { seconds, bytesBilled, requests: calls.length, files: fingerprint(folder) };
}

export const title = `Side by side: ${PACKAGES} packages, ${LATENCY_MS} ms to each answer of BigQuery`;

export async function measure(root) {
  const { BigQueryServer } = await importTs('tests/support/bigquery-server.ts');
  const one = await collect(BigQueryServer, root, 1);
  const eight = await collect(BigQueryServer, root, 8);
  const ratio = one.seconds / eight.seconds;
  const same = one.bytesBilled === eight.bytesBilled && one.files === eight.files;
  return [
    {
      what: 'concurrency 8 against 1',
      value: `${ratio.toFixed(1)} times as fast`,
      target: 'at least 5',
      met: ratio >= 5,
      how: `${one.seconds.toFixed(1)} s against ${eight.seconds.toFixed(1)} s, start-up of the process included`,
    },
    {
      what: 'same files, same bytes billed',
      value: same ? 'yes' : 'NO',
      target: 'yes',
      met: same,
      how: `every badge and ledger; ${one.requests} and ${eight.requests} requests`,
    },
  ];
}
