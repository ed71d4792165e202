// A first run of `collect` side by side with pypi-winnow-downloads, on one emulator of BigQuery with the same rows.
// Needs Python 3.11 or newer with venv, and PyPI on the first run; it is left out where there is none.
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { EMULATORS, install, load, start } from '../tests/emulator/emulators.mjs';
import { installPackages } from '../tests/support/python.mjs';
import { median } from './statistics.mjs';

const ROOT = join(import.meta.dirname, '..');
const CLI = join(ROOT, 'dist/cli.js');
const PROJECT = 'my-project';
const DAYS = 30;
const PACKAGES = 20;
const RUNS = 9;
const MS_PER_DAY = 86_400_000;
const SAMPLE_MS = 2;

const [EMULATOR] = EMULATORS;

const PREDECESSOR = {
  name: 'predecessor',
  label: 'pypi-winnow-downloads 0.3.0',
  requirements: join(import.meta.dirname, 'predecessor.txt'),
  pythons: EMULATOR.pythons,
  accepts: EMULATOR.accepts,
  size: '100 MB',
};

/** Rows of each package on each of the last days, as the table has them: two more, as the two begin a window differently. */
function makeRows(file) {
  const today = Math.floor(Date.now() / MS_PER_DAY) * MS_PER_DAY;
  const lines = [];
  for (let day = 1; day <= DAYS + 2; day += 1) {
    const timestamp = `${new Date(today - day * MS_PER_DAY).toISOString().slice(0, 10)} 12:00:00 UTC`;
    for (let index = 0; index < PACKAGES; index += 1) {
      for (const [ci, installer, system] of [
        [null, 'pip', 'Linux'],
        [true, 'pip', 'Linux'],
        [null, 'uv', 'Darwin'],
        [null, 'poetry', 'Windows'],
        [null, 'bandersnatch', null],
      ]) {
        const details = { ci, installer: { name: installer }, system: { name: system } };
        lines.push(JSON.stringify({ timestamp, file: { project: `package-${index}` }, details }));
      }
    }
  }
  writeFileSync(file, `${lines.join('\n')}\n`);
}

/** A key of a service account, and the server on loopback that gives tokens for it. */
async function credentials(folder) {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ access_token: 'token', expires_in: 3600, token_type: 'Bearer' }));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const file = join(folder, 'key.json');
  const key = {
    type: 'service_account',
    project_id: PROJECT,
    private_key_id: 'none',
    private_key: privateKey,
    client_email: `bench@${PROJECT}.iam.gserviceaccount.com`,
    client_id: '1',
    token_uri: `http://127.0.0.1:${server.address().port}/token`,
  };
  writeFileSync(file, JSON.stringify(key), { mode: 0o600 });
  return { file, stop: () => server.close() };
}

/** The resident memory of a process and all below it now, in KiB. */
function residentKib(pid) {
  try {
    const own = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
    const below = readdirSync(`/proc/${pid}/task`)
      .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' '))
      .filter((child) => child !== '');
    return below.reduce((sum, child) => sum + residentKib(child), own);
  } catch {
    // It has just ended.
    return 0;
  }
}

/** Runs a command to its end; how long it took, and the most memory that it and what it started held at once. */
async function run([command, ...argv], env, watched) {
  const startMs = performance.now();
  const child = spawn(command, argv, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (part) => {
    stderr += part;
  });
  let peakKib = 0;
  const timer = watched
    ? setInterval(() => {
        peakKib = Math.max(peakKib, residentKib(child.pid));
      }, SAMPLE_MS)
    : undefined;
  const status = await new Promise((done) => child.once('close', done));
  const ms = performance.now() - startMs;
  clearInterval(timer);
  if (status !== 0) throw new Error(`${command} exited with ${status}: ${stderr}`);
  return { ms, peakMib: peakKib / 1024 };
}

const ours = (...more) => ({
  settings: () => `bigquery:\n  project_id: ${PROJECT}\n`,
  argv: (file) => [process.execPath, CLI, 'collect', '--config', file, '--log-level', 'error', ...more],
});

/** What is compared: what its configuration has behind `output_dir`, and what is run. */
const CONTESTANTS = {
  predecessor: {
    settings: (key) => `  credential_file: ${key}\n  stale_threshold_days: 3\n`,
    argv: (file, python) => [join(python, 'venv/bin/winnow-collect'), '--config', file],
  },
  'with the page': ours(),
  'without the page': ours('--no-page'),
};

/** One first run in a new folder; its badge must be as whoever else ran. */
async function firstRun(world, name, packages, watched) {
  const { settings, argv } = CONTESTANTS[name];
  const place = mkdtempSync(join(world.folder, 'run-'));
  const list = Array.from(
    { length: packages },
    (_, index) => `  - {name: package-${index}, window_days: ${DAYS}}\n`,
  ).join('');
  const file = join(place, 'tracked.yaml');
  writeFileSync(file, `service:\n  output_dir: ${place}/output\n${settings(world.key)}packages:\n${list}`);
  const env = { PATH: process.env.PATH, HOME: world.folder, BIGQUERY_EMULATOR_HOST: `http://${world.host}` };
  const measured = await run(argv(file, world.python), env, watched);
  const path = join(place, `output/package-0/downloads-${DAYS}d-non-ci.json`);
  world.badges.add(JSON.parse(readFileSync(path, 'utf8')).message);
  if (world.badges.size !== 1) throw new Error(`the badges differ: ${[...world.badges].join(', ')}`);
  return watched ? measured.peakMib : measured.ms;
}

/** The medians of some runs, one of each contestant in turn after one that does not count. */
async function medians(world, packages, runs, watched) {
  const values = Object.fromEntries(Object.keys(CONTESTANTS).map((name) => [name, []]));
  for (let turn = 0; turn <= runs; turn += 1) {
    for (const [name, list] of Object.entries(values)) {
      const value = await firstRun(world, name, packages, watched);
      if (turn > 0) list.push(value);
    }
  }
  return Object.fromEntries(Object.entries(values).map(([name, list]) => [name, median(list)]));
}

function figure(what, { predecessor, ...own }, name, unit, target, how) {
  const ratio = own[name] / predecessor;
  return {
    what: `${what}, ${name}`,
    value: `${ratio.toFixed(2)} x  (${own[name].toFixed(0)} against ${predecessor.toFixed(0)} ${unit})`,
    target: `<= ${target} x`,
    met: ratio <= target,
    how,
  };
}

async function figures(world) {
  const one = await medians(world, 1, RUNS, false);
  const memory = await medians(world, 1, 3, true);
  const many = await medians(world, PACKAGES, 1, false);
  const [page, none] = ['with the page', 'without the page'];
  const wall = `wall time of a first run, median of ${RUNS} in turn; BigQuery is ${EMULATOR.name}`;
  const held = 'most resident memory of all its processes together at one moment, median of 3';
  return [
    figure('one package', one, page, 'ms', 0.8, wall),
    figure('one package', one, none, 'ms', 0.8, wall),
    figure(`${PACKAGES} packages`, many, page, 'ms', 0.8, 'wall time of a first run'),
    figure('one package: memory', memory, page, 'MiB', 1.3, held),
    figure('one package: memory', memory, none, 'MiB', 1, held),
  ];
}

export const title = `a first run against ${PREDECESSOR.label}, ${DAYS} days`;

export async function measure(folder) {
  const python = installPackages(PREDECESSOR);
  const emulator = install(EMULATOR);
  if (python === undefined || emulator === undefined) {
    return [{ what: 'left out', value: '-', how: 'it needs Python 3.11 or newer with venv' }];
  }
  const key = await credentials(folder);
  const { host, stop } = await start(EMULATOR, emulator);
  try {
    const rows = join(folder, 'rows.ndjson');
    makeRows(rows);
    await load(host, rows);
    return await figures({ folder, python, key: key.file, host, badges: new Set() });
  } finally {
    await stop();
    key.stop();
  }
}
