import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { bigQueryProject } from '../support/bigquery-project.ts';
import { startClickHouse } from '../support/clickhouse-server.ts';
import { lastDays } from '../support/independent.ts';
import { installPackages } from '../support/python.mjs';
import { folderOf, tempFolder } from '../support/temp-folder.ts';

/*
 * What `npm run wheel` makes, for people who have Python and no Node.js: installed by pip into an empty environment, and
 * run by uvx.
 */

const root = join(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const wheels = join(root, 'python/dist');
/** What uv's starters of programs need; there is no Node.js beside them. */
const TOOLS = ['dirname', 'realpath'];

const rows = lastDays(80).flatMap((day) => [
  { project: 'boto3', day, installer: 'pip', downloads: 1_000 },
  { project: 'alpha', day, installer: 'uv', downloads: 2 },
]);

let ways: Record<'pip' | 'uvx', string[]>;
let cache: string;
let PATH: string;

beforeAll(async () => {
  const folder = installPackages({
    name: 'uv',
    label: 'uv',
    requirements: join(import.meta.dirname, 'requirements.txt'),
    pythons: ['python3', 'python3.11', 'python3.12', 'python3.13'],
    accepts: ([major = 0, minor = 0]) => major === 3 && minor >= 9,
    size: '60 MB',
  });
  if (folder === undefined) throw new Error('these tests need Python 3.9 or newer with venv');
  cache = join(folder, 'cache');
  PATH = join(folder, 'bin');
  rmSync(PATH, { recursive: true, force: true });
  mkdirSync(PATH);
  for (const tool of TOOLS) symlinkSync(join('/usr/bin', tool), join(PATH, tool));
  const python = join(folder, 'venv/bin/python');
  rmSync(wheels, { recursive: true, force: true });
  await execa('npm', ['run', 'wheel'], { cwd: root, env: { PYTHON: python } });
  const names = readdirSync(wheels);
  expect(names).toEqual([`pypi_badges-${version}-py3-none-any.whl`]);
  const wheel = join(wheels, names[0] ?? '');
  const clean = join(folder, 'clean');
  await execa(python, ['-m', 'venv', '--clear', clean]);
  await execa(join(clean, 'bin/python'), ['-m', 'pip', 'install', '--quiet', wheel]);
  ways = {
    pip: [join(clean, 'bin/pypi-badges')],
    uvx: [join(folder, 'venv/bin/uvx'), '--quiet', '--python', python, '--from', wheel, 'pypi-badges'],
  };
});

/** Starts the program in a folder. */
function start(way: 'pip' | 'uvx', folder: string, argv: string[], env: Record<string, string> = {}) {
  const [command = '', ...before] = ways[way];
  return execa(command, [...before, ...argv], {
    cwd: folder,
    env: { PATH, HOME: folder, UV_CACHE_DIR: cache, ...env },
    reject: false,
    stdin: 'ignore',
  });
}

describe.each(['pip', 'uvx'] as const)('the wheel, by %s', (way) => {
  it('says its version, and what is wrong', async () => {
    const folder = tempFolder();
    expect(await start(way, folder, ['--version'])).toMatchObject({ exitCode: 0, stdout: version });
    const { exitCode, stderr } = await start(way, folder, ['check']);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^tracked\.yaml: there is no such file; write one with: pypi-badges init /);
  });

  it('leads by two commands from an empty folder to a badge', async () => {
    const server = await startClickHouse({ rows });
    onTestFinished(() => server.close());
    const folder = tempFolder();
    const env = { CLICKHOUSE_URL: server.url };
    const made = await start(way, folder, ['init', 'alpha'], env);
    expect(made.stdout).toContain(`${way === 'uvx' ? 'uvx ' : ''}pypi-badges collect`);
    const { exitCode, stderr } = await start(way, folder, ['collect'], env);
    expect(exitCode, stderr).toBe(0);
    const badge = JSON.parse(readFileSync(join(folder, 'output/alpha/downloads-30d-non-ci.json'), 'utf8'));
    expect(badge).toMatchObject({ label: 'downloads (30d)', message: '60' });
    const shown = await start(way, tempFolder(), ['show', 'alpha'], env);
    expect(shown.stdout).toMatch(/^Non-CI downloads +60 +100\.0%/m);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends by %s with %i', async (signal, code) => {
    const server = await startClickHouse({ fault: () => 'silence' });
    onTestFinished(() => server.close());
    const running = start(way, tempFolder(), ['show', 'alpha'], { CLICKHOUSE_URL: server.url });
    while (server.calls.length === 0 && running.exitCode === null) await sleep(20);
    running.kill(signal);
    const { exitCode, stdout, stderr } = await running;
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: code, stdout: '', stderr: '' });
  });
});

describe('the wheel', () => {
  it('reads BigQuery and draws badges with nothing but what is in it', async () => {
    const project = await bigQueryProject(['alpha']);
    const argv = ['collect', '--as-of', '2026-04-25'];
    const { exitCode, stdout, stderr } = await start('pip', project.folder, argv, project.env);
    expect(exitCode, stdout + stderr).toBe(0);
    expect(project.message('alpha', 'downloads-7d')).toBe('7');
    expect(project.read('output/alpha/downloads-7d-non-ci.svg')).toMatch(/^<svg /);
  });

  it('says that DuckDB comes with the npm package', async () => {
    const folder = tempFolder();
    const { exitCode, stderr } = await start('pip', folder, ['show', 'a', '--source', 'duckdb']);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('duckdb.files: is missing')]);
    const list = 'service: {output_dir: o, source: duckdb}\nduckdb: {files: a}\npackages: [alpha]\n';
    const collected = await start('pip', folderOf({ 'tracked.yaml': list }), ['collect']);
    expect(collected).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('npm install') });
    expect(collected.stdout).toContain('the package on PyPI does without');
  });

  it.each(['win32', 'cygwin'])('refuses %s in a sentence', async (platform) => {
    const python = join(ways.pip[0] ?? '', '../python');
    const code = `import sys; sys.platform = '${platform}'; from pypi_badges.__main__ import main; main()`;
    const { exitCode, stderr } = await execa(python, ['-c', code], { reject: false });
    expect([exitCode, stderr]).toEqual([1, 'pypi-badges runs on Linux and macOS; on Windows, use it in WSL']);
  });
});
