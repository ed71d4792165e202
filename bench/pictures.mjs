// The page: every picture of 100 packages with 90 days each, drawn from the files of a run.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { measureCollect } from './command.mjs';

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const PACKAGES = 100;
const DAYS = 90;
const AS_OF = '2026-04-25';
const ROWS = 400_000;

/** Preloaded: writes the life and the most memory of the process to the file BENCH_PROBE. */
const PROBE = `data:text/javascript,${encodeURIComponent(`
  import { writeFileSync } from 'node:fs';
  process.on('exit', () => {
    const measured = { lifeMs: performance.now(), maxRssKib: process.resourceUsage().maxRSS };
    writeFileSync(process.env.BENCH_PROBE, JSON.stringify(measured));
  });`)}`;

async function makeTable(file) {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  await connection.run(`SET TimeZone = 'UTC'`);
  const pick = (salt, names) =>
    `list_extract([${names}], 1 + CAST(hash(i, '${salt}') % ${names.length} AS INT))`;
  await connection.run(`COPY (SELECT
    TIMESTAMPTZ '${AS_OF} 00:00:00+00' - to_seconds(1 + CAST(hash(i, 'time') % ${DAYS * 86_400} AS INT)) AS timestamp,
    {project: 'package-' || (hash(i, 'project') % ${PACKAGES})} AS file,
    {ci: CASE hash(i, 'ci') % 3 WHEN 0 THEN true END,
     installer: {name: ${pick('installer', ["'pip'", "'uv'", "'poetry'", "'pdm'", "'bandersnatch'", 'NULL', "'requests'"])}},
     system: {name: ${pick('system', ["'Linux'", "'Darwin'", "'Windows'", 'NULL'])}}} AS details
    FROM range(${ROWS}) AS rows(i)) TO '${file}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
}

function report(folder, config) {
  const probe = join(folder, 'probe.json');
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--import', PROBE, CLI, 'report', '--config', config],
    {
      env: { ...process.env, BENCH_PROBE: probe },
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(`report exited with ${status}: ${stderr}`);
  return JSON.parse(readFileSync(probe, 'utf8'));
}

export const title = `the page of ${PACKAGES} packages over ${DAYS} days`;

export async function measure() {
  const folder = mkdtempSync(join(tmpdir(), 'pypi-badges-bench-'));
  try {
    const table = join(folder, 'rows.parquet');
    await makeTable(table);
    const config = join(folder, 'tracked.yaml');
    const list = Array.from(
      { length: PACKAGES },
      (_, index) => `  - {name: package-${index}, window_days: ${DAYS}}\n`,
    );
    writeFileSync(
      config,
      `service:\n  output_dir: output\n  source: duckdb\n  public_url: https://badges.example.com\nduckdb:\n  files: rows.parquet\npackages:\n${list.join('')}`,
    );
    const files = await measureCollect(folder, config, AS_OF);
    const drawn = report(folder, config);
    const output = join(folder, 'output');
    const pages = readdirSync(output, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.html'),
    );
    if (pages.length !== PACKAGES + 1) throw new Error(`${pages.length} pages instead of ${PACKAGES + 1}`);
    const bytes = pages.reduce((sum, file) => sum + statSync(join(output, file)).size, 0);
    const seconds = drawn.lifeMs / 1_000;
    const mib = drawn.maxRssKib / 1024;
    return [
      {
        what: 'drawing everything',
        value: `${seconds.toFixed(1)} s  (${(seconds / PACKAGES).toFixed(3)} x the queries of 1 s each)`,
        target: `< ${PACKAGES} s`,
        met: seconds < PACKAGES,
        how: `life of "report", which draws ${pages.length} pages from the files that collect left`,
      },
      {
        what: 'against collect --no-page',
        value: `${(drawn.lifeMs / files.lifeMs).toFixed(2)} x  (${(files.lifeMs / 1_000).toFixed(1)} s)`,
        how: 'the run before it, on DuckDB: queries, and the JSON and SVG of every badge',
      },
      {
        what: 'peak memory',
        value: `${mib.toFixed(0)} MiB`,
        target: '< 300 MB',
        met: mib * 1.048576 < 300,
        how: 'maximum resident set of "report"',
      },
      {
        what: 'size of the pages',
        value: `${(statSync(join(output, 'index.html')).size / 1024).toFixed(0)} KiB and ${(bytes / pages.length / 1024).toFixed(0)} KiB`,
        how: 'the page of all packages, and the mean of all pages; uncompressed',
      },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
