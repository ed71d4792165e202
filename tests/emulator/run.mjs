// npm run test:emulator: the built `collect` against BigQuery emulators, loaded with the example table, must
// come to the same badges and the same _health.json as against DuckDB. The SQL goes to them as it is.
//
// Needs python3 with venv, and PyPI on the first run. With --at <host:port>, it uses an emulator that already
// runs there with the project bigquery-public-data, such as goccy's bigquery-emulator (docs/operations.md).
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { importTs } from '../../scripts/import-ts.mjs';
import { EMULATORS, install, load, namesIn, start } from './emulators.mjs';

const root = join(import.meta.dirname, '../..');
const CLI = join(root, 'dist/cli.js');
const ROWS = join(root, 'examples/file_downloads.ndjson');
const AS_OF = '2026-04-25';
const { pivotQuery } = await importTs('src/sources/sql.ts');
const { crowd } = await importTs('tests/support/hostile-names.ts');
const PACKAGES = `packages:
  - example-young
  - {name: example-moved-to-uv, window_days: [30, 90]}
  - {name: example-large, window_days: [7, 30]}
  - example-unused
`;
let failures = 0;
function expect(what, found, expected) {
  const same = isDeepStrictEqual(found, expected);
  console.log(`  ${same ? 'ok' : 'FAILED'}  ${what}`);
  if (same) return;
  failures += 1;
  console.log(`    found    ${JSON.stringify(found)?.slice(0, 400)}`);
  console.log(`    expected ${JSON.stringify(expected)?.slice(0, 400)}`);
}

/** Runs the built command in a folder with a tracked.yaml of its own. */
function command(folder, argv, env = {}) {
  const result = spawnSync(process.execPath, [CLI, ...argv], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: folder, ...env },
  });
  return { exitCode: result.status, stdout: result.stdout, stderr: result.stderr };
}

function project(folder, source) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'tracked.yaml'), `${source}${PACKAGES}`);
  return folder;
}

/** Every badge below the output folder, by path. */
function badges(folder) {
  const output = join(folder, 'output');
  return Object.fromEntries(
    readdirSync(output, { recursive: true })
      .filter((path) => path.includes('/') && /(-non-ci|\bhistory)\.json$/.test(path))
      .toSorted()
      .map((path) => {
        // A history names its source, which is what differs here.
        const { source: _, ...content } = JSON.parse(readFileSync(join(output, path), 'utf8'));
        return [path, content];
      }),
  );
}

/** The health file without when and how. */
function health(folder) {
  const { packages, upstream } = JSON.parse(readFileSync(join(folder, 'output/_health.json'), 'utf8'));
  const stripped = Object.entries(packages).map(([name, entry]) => {
    const { query: _, attempted: __, last_success: ___, ...rest } = entry;
    return [name, rest];
  });
  return { upstream, packages: Object.fromEntries(stripped) };
}

function check(folder, truth, host, { tellsDays, own = 'my-project', lax = false }) {
  const env = { BIGQUERY_EMULATOR_HOST: host };
  const place = project(
    folder,
    `service:\n  output_dir: output\n  concurrency: 2\nbigquery:\n  project_id: ${own}\n`,
  );
  const collect = ['collect', '--as-of', AS_OF];
  const first = command(place, collect, env);
  if (first.exitCode !== 0) console.log(first.stdout, first.stderr);
  expect('collect exits 0', first.exitCode, 0);
  const expected = badges(truth);
  expect(`all ${Object.keys(expected).length} badges are those of DuckDB`, badges(place), expected);
  const known = health(truth);
  // The rows of strangers' names are many for so small a table, and DuckDB's lacks them.
  const withStrangers = { ...known.upstream, excess_days: ['2026-04-20'] };
  const upstream = tellsDays ? withStrangers : { ...health(place).upstream };
  expect('_health.json is that of DuckDB', health(place), { ...known, upstream });
  expect('no warning of Node on stderr', /\(node:|Warning:/.test(first.stderr), false);
  const fallback = /without the rows of each day/.test(first.stderr);
  expect(
    tellsDays ? 'the rows of days were told' : 'the fallback without them was named',
    fallback,
    !tellsDays,
  );
  const again = command(place, [...collect, '--json'], env);
  const days = Object.values(JSON.parse(again.stdout).packages).map(({ query }) => query?.days_scanned);
  expect('a second run reads only what it must', days, tellsDays ? [0, 0, 0, 0] : [2, 2, 2, 2]);
  expect('and comes to the same badges', badges(place), expected);
  // goccy's emulator tells no bytes in a dry run, and calls a missing table an internal error.
  if (lax) return;
  const doctor = command(place, ['doctor'], env);
  const lines = doctor.stdout.split('\n').filter((line) => /permission|credentials/.test(line.slice(6, 18)));
  expect(
    'doctor may query the table',
    lines.map((line) => line.slice(0, 4)),
    ['ok  ', 'ok  '],
  );
  const dry = command(place, [...collect, '--dry-run', '--full', '--json'], env);
  expect('a dry run is understood', [dry.exitCode, JSON.parse(dry.stdout || '[]').length], [0, 4]);
  const wrong = project(
    join(folder, 'wrong'),
    `service:\n  output_dir: output\nbigquery:\n  project_id: ${own}\n  table: bigquery-public-data.pypi.nope\n`,
  );
  const missing = command(wrong, collect, env);
  const errors = Object.values(JSON.parse(readFileSync(join(wrong, 'output/_health.json'), 'utf8')).packages);
  const told = errors.map((entry) => entry.error_code);
  expect('a table that is missing is told', [missing.exitCode, told], [1, Array(4).fill('not-found')]);
}

/** The example table, and a package whose clients call themselves whatever they like. */
function tableWithStrangers(folder) {
  const lines = crowd(3_000).map((name) =>
    JSON.stringify({
      timestamp: '2026-04-20 12:00:00 UTC',
      file: { project: 'strange', filename: 'a.whl' },
      details: { ci: null, installer: { name }, system: { name } },
    }),
  );
  const path = join(folder, 'rows.ndjson');
  writeFileSync(path, `${readFileSync(ROWS, 'utf8').trimEnd()}\n${lines.join('\n')}\n`);
  return path;
}

async function checkNames(host) {
  for (const fileNames of [false, true]) {
    const span = { start: fileNames ? '2026-08-24' : '2026-08-25', end: '2026-08-26' };
    const { sql } = pivotQuery('`bigquery-public-data.pypi.file_downloads`', { packages: ['strange'], span });
    const names = await namesIn(host, sql, 'strange');
    expect(`no name that is on no list comes out${fileNames ? ', with file names' : ''}`, names, ['(other)']);
  }
}

const at = process.argv.indexOf('--at');
const folder = mkdtempSync(join(tmpdir(), 'pypi-badges-emulator-'));
let used = 0;
try {
  const truth = project(
    join(folder, 'duckdb'),
    `service:\n  output_dir: output\n  source: duckdb\nduckdb:\n  files: ${ROWS}\n  whole_log: true\n`,
  );
  const { exitCode, stderr } = command(truth, ['collect', '--as-of', AS_OF]);
  if (exitCode !== 0) throw new Error(`collect on DuckDB exited with ${exitCode}: ${stderr}`);
  const running = at < 0 ? undefined : process.argv[at + 1];
  if (running !== undefined) {
    console.log(`the emulator at ${running}`);
    await load(running, tableWithStrangers(folder));
    await checkNames(running);
    check(join(folder, 'running'), truth, running, {
      tellsDays: false,
      own: 'bigquery-public-data',
      lax: true,
    });
    used += 1;
  } else {
    for (const emulator of EMULATORS) {
      console.log(emulator.name);
      const place = install(emulator);
      if (place === undefined) {
        console.log(`  left out: it needs ${emulator.needs}`);
        continue;
      }
      const { host, stop } = await start(emulator, place);
      try {
        await load(host, tableWithStrangers(folder));
        await checkNames(host);
        check(join(folder, emulator.requirements), truth, host, emulator);
      } finally {
        await stop();
      }
      used += 1;
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (used === 0) console.log('no emulator could be used');
console.log(failures === 0 && used > 0 ? 'all is well' : `${failures} failed`);
process.exitCode = failures === 0 && used > 0 ? 0 : 1;
