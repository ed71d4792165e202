// Python programs that tests use: their packages, pinned, in a cache folder outside of the repository.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where what tests install is kept between runs; outside of the repository. */
export const CACHE =
  process.env.PYPI_BADGES_CACHE ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'pypi-badges');

function findPython({ pythons, accepts }) {
  const code = 'import sys, venv; print(sys.version_info[0], sys.version_info[1])';
  return pythons.find((python) => {
    const { status, stdout } = spawnSync(python, ['-c', code], { encoding: 'utf8' });
    return status === 0 && accepts(stdout.trim().split(' ').map(Number));
  });
}

export function must(command, argv, options = {}) {
  const { status, stdout, stderr } = spawnSync(command, argv, { encoding: 'utf8', ...options });
  if (status !== 0)
    throw new Error(`${command} ${argv.join(' ')} exited with ${status}:\n${stdout}${stderr}`);
}

/**
 * Installs packages from PyPI into a virtual environment of their own, unless they are there.
 *
 * @returns The folder, which has the environment in `venv`; undefined where the Python that it needs is missing.
 */
export function installPackages({ name, label, requirements, pythons, accepts, size, finish = () => {} }) {
  const print = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const folder = join(CACHE, `${name}-${print}`);
  if (existsSync(join(folder, 'ready'))) return folder;
  const python = findPython({ pythons, accepts });
  if (python === undefined) return undefined;
  console.log(`installing ${label} into ${folder} (some ${size}, once)`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'home'), { recursive: true });
  must(python, ['-m', 'venv', join(folder, 'venv')]);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps'];
  must(join(folder, 'venv/bin/python'), [...pip, '-r', requirements]);
  finish(folder);
  writeFileSync(join(folder, 'ready'), '');
  return folder;
}

/** A port of loopback that nobody listens on. */
export async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return String(port);
}
