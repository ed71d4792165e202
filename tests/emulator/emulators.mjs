// The BigQuery emulators that nobody here wrote, with every package pinned: how to install and start them.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Where an emulator falls short of the real service, the test asks less of it instead of bending the SQL:
 * `revisions` is whether INFORMATION_SCHEMA.PARTITIONS has the columns that the real view has. Neither
 * bills: bytes are 0 or missing, so that bills are tested against tests/support/bigquery-server.ts alone;
 * so is the repeating of an insert, as bqemulator takes the same job id twice and runs it twice.
 */
export const EMULATORS = [
  {
    name: 'bqemulator 1.4.0',
    requirements: 'bqemulator.txt',
    pythons: ['python3', 'python3.11', 'python3.12', 'python3.13'],
    accepts: ([major, minor]) => major === 3 && minor >= 11,
    needs: 'Python 3.11 or newer with venv',
    extensions: ['spatial'],
    tellsDays: true,
    argv: (folder, port) => [
      join(folder, 'venv/bin/bqemulator'),
      ...['start', '--ephemeral', '--rest-port', port, '--grpc-port', '0', '--log-level', 'error'],
    ],
  },
  {
    name: 'local-bigquery 0.3.2',
    requirements: 'local-bigquery.txt',
    pythons: ['python3.13', join(homedir(), '.pyenv/versions/3.13.0/bin/python3.13'), 'python3'],
    accepts: ([major, minor]) => major === 3 && minor === 13,
    needs: 'Python 3.13 with venv',
    extensions: ['icu', 'ducklake', 'spatial'],
    tellsDays: true,
    argv: (folder, port, grpcPort) => [
      join(folder, 'venv/bin/local-bigquery'),
      ...['serve', '--host', '127.0.0.1', '--port', port, '--grpc-port', grpcPort],
      ...['--project', 'my-project', '--data-dir', join(folder, 'data')],
    ],
  },
];

const here = import.meta.dirname;

function findPython({ pythons, accepts }) {
  const code = 'import sys, venv; print(sys.version_info[0], sys.version_info[1])';
  return pythons.find((python) => {
    const { status, stdout } = spawnSync(python, ['-c', code], { encoding: 'utf8' });
    return status === 0 && accepts(stdout.trim().split(' ').map(Number));
  });
}

function must(command, argv, options = {}) {
  const { status, stdout, stderr } = spawnSync(command, argv, { encoding: 'utf8', ...options });
  if (status !== 0)
    throw new Error(`${command} ${argv.join(' ')} exited with ${status}:\n${stdout}${stderr}`);
}

/**
 * Installs an emulator into a cache folder outside of the repository, unless it is there.
 *
 * @returns The folder, or undefined where the Python that it needs is missing.
 */
export function install(emulator) {
  const requirements = join(here, emulator.requirements);
  const print = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const cache =
    process.env.PYPI_BADGES_CACHE ??
    join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'pypi-badges');
  const folder = join(cache, `${emulator.requirements.replace('.txt', '')}-${print}`);
  if (existsSync(join(folder, 'ready'))) return folder;
  const python = findPython(emulator);
  if (python === undefined) return undefined;
  console.log(`installing ${emulator.name} into ${folder} (some 700 MB, once)`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'home'), { recursive: true });
  must(python, ['-m', 'venv', join(folder, 'venv')]);
  const own = join(folder, 'venv/bin/python');
  must(own, [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '--no-deps',
    '-r',
    requirements,
  ]);
  // DuckDB's extensions come from PyPI too; the emulator would otherwise download them when it starts.
  const load = `from duckdb_extensions import import_extension\nfor name in ${JSON.stringify(emulator.extensions)}: import_extension(name)`;
  must(own, ['-c', load], { env: { ...process.env, HOME: join(folder, 'home') } });
  writeFileSync(join(folder, 'ready'), '');
  return folder;
}

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return String(port);
}

/** Starts an installed emulator on loopback; `stop` ends it, and nothing else. */
export async function start(emulator, folder) {
  const port = await freePort();
  rmSync(join(folder, 'data'), { recursive: true, force: true });
  const [command, ...argv] = emulator.argv(folder, port, await freePort());
  const log = join(folder, 'log');
  const output = openSync(log, 'w');
  const child = spawn(command, argv, {
    env: { ...process.env, HOME: join(folder, 'home') },
    stdio: ['ignore', output, output],
  });
  const ended = new Promise((done) => child.once('exit', done));
  process.once('exit', () => child.kill('SIGKILL'));
  const stop = async () => {
    child.kill('SIGTERM');
    await Promise.race([ended, sleep(5_000).then(() => child.kill('SIGKILL'))]);
    await ended;
  };
  const host = `127.0.0.1:${port}`;
  for (let tries = 0; tries < 600; tries += 1) {
    if (child.exitCode !== null)
      throw new Error(`${emulator.name} ended at once:\n${readFileSync(log, 'utf8')}`);
    const answer = await fetch(`http://${host}/bigquery/v2/projects/my-project/datasets`).catch(
      () => undefined,
    );
    if (answer?.ok) return { host, stop };
    await sleep(100);
  }
  await stop();
  throw new Error(`${emulator.name} does not answer:\n${readFileSync(log, 'utf8')}`);
}
