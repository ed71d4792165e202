// The page: drawn from the files of a run, for packages of 30, 90 and 365 days, for 5,000 packages, and for one alone.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { median } from './statistics.mjs';

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const UNIT = fileURLToPath(new URL('../deploy/systemd/pypi-badges-collect.service', import.meta.url));
const AS_OF = '2026-04-25';
const NAME = 'package-0';
const PACKAGES = 200;
const MANY = 5_000;
const RUNS = 3;
const PAIRS = 5;

/** Preloaded: writes the life and the most memory of the process to the file BENCH_PROBE. */
const PROBE = `data:text/javascript,${encodeURIComponent(`
  import { writeFileSync } from 'node:fs';
  process.on('exit', () => {
    const measured = { lifeMs: performance.now(), maxRssKib: process.resourceUsage().maxRSS };
    writeFileSync(process.env.BENCH_PROBE, JSON.stringify(measured));
  });`)}`;

/** A busy package: four installers and three systems on every day. */
async function makeTable(file, days) {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  await connection.run(`SET TimeZone = 'UTC'`);
  const pick = (salt, names) =>
    `list_extract([${names}], 1 + CAST(hash(i, '${salt}') % ${names.length} AS INT))`;
  await connection.run(`COPY (SELECT
    TIMESTAMPTZ '${AS_OF} 00:00:00+00' - to_seconds(1 + CAST(hash(i, 'time') % ${days * 86_400} AS INT)) AS timestamp,
    {project: '${NAME}'} AS file,
    {ci: CASE hash(i, 'ci') % 3 WHEN 0 THEN true END,
     installer: {name: ${pick('installer', ["'pip'", "'uv'", "'poetry'", "'pdm'", "'bandersnatch'", 'NULL', "'requests'"])}},
     system: {name: ${pick('system', ["'Linux'", "'Darwin'", "'Windows'", 'NULL'])}}} AS details
    FROM range(${days * 100}) AS rows(i)) TO '${file}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
}

function run(folder, argv, env = {}) {
  const probe = join(folder, 'probe.json');
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, ['--import', PROBE, CLI, ...argv], {
    cwd: folder,
    env: { ...process.env, ...env, BENCH_PROBE: probe },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${argv[0]} exited with ${status}: ${stderr}`);
  return { wallMs: performance.now() - started, ...JSON.parse(readFileSync(probe, 'utf8')) };
}

const nameOf = (index) => `package-${index}`;
const COLLECT = ['collect', '--as-of', AS_OF, '--log-level', 'error'];

function writeList(folder, days, packages) {
  const list = Array.from(
    { length: packages },
    (_, at) => `  - {name: ${nameOf(at)}, window_days: ${days}}\n`,
  );
  writeFileSync(
    join(folder, 'tracked.yaml'),
    `service:\n  output_dir: output\n  source: duckdb\n  public_url: https://badges.example.com\nduckdb:\n  files: rows.parquet\npackages:\n${list.join('')}`,
  );
}

/** A folder in which one package has been counted. */
async function countOne(root, days) {
  const folder = join(root, `${days}`);
  mkdirSync(folder);
  await makeTable(join(folder, 'rows.parquet'), days);
  writeList(folder, days, 1);
  run(folder, [...COLLECT, '--no-page']);
  return folder;
}

/** As if as many packages had been counted as the first: their histories, and a health file with all of them. */
function multiply(folder, days, packages) {
  const output = join(folder, 'output');
  const history = readFileSync(join(output, NAME, 'history.json'), 'utf8');
  const health = JSON.parse(readFileSync(join(output, '_health.json'), 'utf8'));
  const names = Array.from({ length: packages }, (_, at) => nameOf(at));
  for (const name of names) {
    mkdirSync(join(output, name), { recursive: true });
    writeFileSync(join(output, name, 'history.json'), history.replace(`"${NAME}"`, `"${name}"`));
  }
  health.packages = Object.fromEntries(names.map((name) => [name, health.packages[NAME]]));
  writeFileSync(join(output, '_health.json'), JSON.stringify(health));
  writeList(folder, days, packages);
}

/** Makes all pages due again; they are not removed, as that slows the making of new files down (run.mjs). */
function emptyPages(folder) {
  const output = join(folder, 'output');
  const files = readdirSync(output, { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((each) => each.endsWith('index.html')))
    writeFileSync(join(output, file), '');
}

const least = (count, measureOnce) => Math.min(...Array.from({ length: count }, () => measureOnce().lifeMs));

/** Milliseconds a page: of so many packages, less one alone. */
async function pages(root, days, target) {
  const folder = await countOne(root, days);
  const draw = () => {
    emptyPages(folder);
    return run(folder, ['report']);
  };
  const one = least(RUNS, draw);
  const oneAgain = least(RUNS, () => run(folder, ['report']));
  multiply(folder, days, PACKAGES);
  const drawn = (least(RUNS, draw) - one) / (PACKAGES - 1);
  const again = (least(RUNS, () => run(folder, ['report'])) - oneAgain) / (PACKAGES - 1);
  const { size } = statSync(join(folder, 'output', NAME, 'index.html'));
  return [
    {
      what: `${days} days: our own time a page`,
      value: `${drawn.toFixed(2)} ms drawn, ${again.toFixed(2)} ms unchanged  (1 : ${(again / drawn).toFixed(2)})`,
      target: '< 4 ms',
      met: drawn < 4,
      how: `life of "report" over ${PACKAGES} packages less over 1, the least of ${RUNS} runs; reading the history included`,
    },
    {
      what: `${days} days: a page`,
      value: `${(size / 1_000).toFixed(1)} kB`,
      ...(target === undefined ? {} : { target: `< ${target} kB`, met: size < target * 1_000 }),
      how: 'of a package with four installers on every day; uncompressed',
    },
  ];
}

async function thousands(root) {
  const folder = join(root, '30');
  multiply(folder, 30, MANY);
  emptyPages(folder);
  const first = run(folder, ['report']);
  const [, heap] = /NODE_OPTIONS=(\S+)/.exec(readFileSync(UNIT, 'utf8')) ?? [];
  const again = run(folder, ['report'], { NODE_OPTIONS: heap });
  const { size } = statSync(join(folder, 'output/index.html'));
  const megabytes = ({ maxRssKib }) => (maxRssKib * 1024) / 1e6;
  return [
    {
      what: `${MANY} packages: the page of all`,
      value: `${(size / 1e6).toFixed(2)} MB`,
      target: '<= 1.5 MB',
      met: size <= 1.5e6,
      how: `30 days each; drawn with all ${MANY} in ${(first.lifeMs / 1_000).toFixed(1)} s, again with none changed in ${(again.lifeMs / 1_000).toFixed(1)} s`,
    },
    {
      what: `${MANY} packages: peak memory`,
      value: `${megabytes(first).toFixed(0)} MB, ${megabytes(again).toFixed(0)} MB with ${heap}`,
      target: '< 400 MB, < 300 MB',
      met: megabytes(first) < 400 && megabytes(again) < 300,
      how: 'maximum resident set of "report", without a limit and with that of the systemd unit',
    },
  ];
}

/** What the page adds to the first run over one package. */
function alone(root) {
  const folder = join(root, '30');
  writeList(folder, 30, 1);
  const wall = { page: [], none: [] };
  for (let pair = 0; pair < PAIRS; pair += 1) {
    for (const [kind, more] of [
      ['none', ['--no-page']],
      ['page', []],
    ]) {
      rmSync(join(folder, 'output'), { recursive: true, force: true });
      wall[kind].push(run(folder, [...COLLECT, ...more]).wallMs);
    }
  }
  const [page, none] = [median(wall.page), median(wall.none)];
  return {
    what: 'one package alone: with the page against without',
    value: `${(page / none).toFixed(2)} x  (${page.toFixed(0)} and ${none.toFixed(0)} ms)`,
    target: '< 1.2 x',
    met: page / none < 1.2,
    how: `median wall time of ${PAIRS} first runs of "collect" each, in turn`,
  };
}

export const title = 'the page';

export async function measure(folder) {
  return [
    ...(await pages(folder, 30, 30)),
    ...(await pages(folder, 90, 40)),
    ...(await pages(folder, 365)),
    ...(await thousands(folder)),
    alone(folder),
  ];
}
