import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { bigQueryProject } from '../support/bigquery-project.ts';
import { CLI, runCommand } from '../support/command.ts';
import { countByHand, downloadsIn } from '../support/independent.ts';
import { clickHouseProject, daily, localProject } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXAMPLES = join(ROOT, 'examples');
const TRACER = fileURLToPath(new URL('../support/trace-imports.mjs', import.meta.url));
const COLLECT = ['collect', '--as-of', '2026-04-25'];
const ROWS = [{ at: '2026-04-24', installer: 'pip' }];

describe('the demo', () => {
  const table = readFileSync(join(EXAMPLES, 'file_downloads.ndjson'), 'utf8');

  it('publishes the figures that plain counting gives, from another folder, and logs JSON lines', async () => {
    const folder = tempFolder();
    cpSync(EXAMPLES, join(folder, 'examples'), { recursive: true });
    const argv = [...COLLECT, '--config', join(folder, 'examples/tracked.yaml')];
    const { exitCode, stdout, stderr } = await runCommand('/', argv);
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain('\u001b');
    for (const line of stderr.trimEnd().split('\n')) expect(JSON.parse(line).level).toMatch(/^(info|warn)$/);
    const output = join(folder, 'demo/output');
    const json = (file: string) => JSON.parse(readFileSync(join(output, file), 'utf8'));
    const message = (name: string, file: string) => json(`${name}/${file}-non-ci.json`).message;
    // The windows of examples/tracked.yaml, with their first days worked out by hand.
    for (const [name, days, first] of [
      ['example-young', 30, '2026-03-26'],
      ['example-moved-to-uv', 90, '2026-01-25'],
      ['example-large', 7, '2026-04-18'],
      ['example-large', 30, '2026-03-26'],
      ['example-unused', 30, '2026-03-26'],
    ] as const) {
      const { all, ...expected } = countByHand(downloadsIn(table, name, first, '2026-04-24'));
      const windows: { window_days: number }[] = json('_health.json').packages[name].windows;
      const window = windows.find((each) => each.window_days === days);
      expect(window, `${name} ${days}d`).toEqual({ window_days: days, ...expected });
      expect(Object.values(expected.excluded).reduce((sum, each) => sum + each, expected.count)).toBe(all);
      if (expected.count < 1_000) expect(message(name, `downloads-${days}d`)).toBe(String(expected.count));
    }
    // 1,735 and 1,567, rounded by hand.
    expect(message('example-large', 'downloads-30d')).toBe('1.7k');
    expect(message('example-moved-to-uv', 'downloads-90d')).toBe('1.6k');
    const folders = readdirSync(output).filter((name) => existsSync(join(output, name, 'history.json')));
    expect(folders).toEqual(['example-large', 'example-moved-to-uv', 'example-unused', 'example-young']);
  });

  it('has the table that its script makes', async () => {
    const script = join(tempFolder(), 'make-table.mjs');
    cpSync(join(EXAMPLES, 'make-table.mjs'), script);
    await execa(process.execPath, [script]);
    expect(readFileSync(join(dirname(script), 'file_downloads.ndjson'), 'utf8') === table).toBe(true);
  });
});

describe('starting', () => {
  /** What a command loads while it runs: packages, in their order, and files of dist/ by their names without digest. */
  async function loaded(folder: string, argv: string[], env: Record<string, string> = {}) {
    const trace = join(tempFolder(), 'trace');
    writeFileSync(trace, '');
    const listing =
      "process.on('exit', () => console.error(process.moduleLoadList.filter((name) => /undici/.test(name))))";
    const result = await runCommand(folder, argv, {
      node: ['--import', TRACER, '--import', `data:text/javascript,${encodeURIComponent(listing)}`],
      env: { ...env, TRACE_FILE: trace },
    });
    const specifiers = readFileSync(trace, 'utf8').trim().split('\n');
    const isPackage = (name: string) =>
      /^[@a-z]/.test(name) && !/^(file|data):/.test(name) && !isBuiltin(name);
    return {
      ...result,
      specifiers,
      packages: specifiers.filter(isPackage),
      files: specifiers.flatMap((name) => /^\.\/(.+)-[\w-]{8}\.js$/.exec(name)?.[1] ?? []),
    };
  }

  it.each(['--version', '--help', 'check'])('%s loads no package at all', async (argument) => {
    const { exitCode, stdout, packages, files } = await loaded(localProject(['demo'], ROWS).folder, [
      argument,
    ]);
    expect([exitCode, packages]).toEqual([0, []]);
    expect(files.filter((file) => /^(google|http)$/.test(file))).toEqual([]);
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(stdout).toMatch(argument === '--version' ? new RegExp(`^${version}\n$`) : /\w/);
  });

  it('loads the client of the source that is used and no other, and what draws while it is asked', async () => {
    const { folder } = localProject(['demo'], ROWS);
    const { exitCode, specifiers, files } = await loaded(folder, COLLECT);
    expect(exitCode).toBe(0);
    const client = specifiers.indexOf('@duckdb/node-api');
    expect(client).toBeGreaterThan(-1);
    expect(files).not.toContain('google');
    expect(specifiers.findIndex((name) => name.startsWith('./drawing-'))).toBeGreaterThan(client);
  });

  it("loads the client of BigQuery as one file, without Node.js's own for HTTP, which takes 30 ms", async () => {
    const { folder, env } = await bigQueryProject(['demo']);
    const { exitCode, stderr, packages, files } = await loaded(folder, COLLECT, env);
    expect([exitCode, packages]).toEqual([0, []]);
    expect(files).toContain('google');
    expect(stderr).toMatch(/\n\[\]\n$/);
  });

  it('says which command installs DuckDB where that is missing', async () => {
    const { folder, entry } = localProject(['demo'], ROWS);
    const installed = join(folder, 'node_modules/pypi-badges');
    mkdirSync(installed, { recursive: true });
    cpSync(dirname(CLI), join(installed, 'dist'), { recursive: true });
    cpSync(join(ROOT, 'package.json'), join(installed, 'package.json'));
    const cli = join(installed, 'dist/cli.js');
    const { exitCode, stdout, stderr } = await runCommand(folder, COLLECT, { cli });
    expect(exitCode).toBe(1);
    expect(stdout).toContain('install it beside pypi-badges: npm install @duckdb/node-api');
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(entry('demo').error).toContain('@duckdb/node-api');
  });
});

describe('the built command', () => {
  const inShell = (line: string, options: { cwd?: string; env?: Record<string, string> } = {}) =>
    execa('bash', ['-c', `"${process.execPath}" "${CLI}" ${line}`], { ...options, reject: false });

  it('refuses with exit 2, a sentence, and nothing written', async () => {
    const { folder } = localProject(['../x'], ROWS);
    const { exitCode, stdout, stderr } = await runCommand(folder, ['collect']);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^tracked\.yaml:3:12: packages\[0\]: found "\.\.\/x"; allowed: a package name/);
    expect(stderr).not.toMatch(/^\s+at |node:internal|file:\/\/\//m);
    expect(readdirSync(folder).toSorted()).toEqual(['rows.ndjson', 'tracked.yaml']);
  });

  it.runIf(process.platform === 'linux')('names a stdout that is full, with exit code 1', async () => {
    const { exitCode, stderr } = await inShell('--help > /dev/full');
    expect(exitCode).toBe(1);
    expect(stderr).toBe('pypi-badges: stdout cannot be written: ENOSPC: no space left on device, write');
  });

  it.runIf(process.platform === 'linux')('ends no run where its log is full', async () => {
    const days = { start: '2026-04-24', end: '2026-04-25' };
    const options = { rows: daily('alpha', days, 5), days };
    const { folder, env, output } = await clickHouseProject(['alpha', 'beta'], options);
    const { exitCode, stdout } = await inShell(`${COLLECT.join(' ')} 2> /dev/full`, { cwd: folder, env });
    expect(stdout).toMatch(/^alpha +30d +5 /m);
    expect([exitCode, existsSync(join(output, '_health.json'))]).toEqual([0, true]);
  });

  it('does not mind a reader who has seen enough', async () => {
    const { stdout, stderr } = await inShell(`--help | true; echo "\${PIPESTATUS[0]}"`);
    expect([stdout, stderr]).toEqual(['0', '']);
  });
});
