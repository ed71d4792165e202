import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { bigQueryProject } from '../support/bigquery-project.ts';
import { CLI, runCommand } from '../support/command.ts';
import { makeProject } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TRACER = fileURLToPath(new URL('../support/trace-imports.mjs', import.meta.url));
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const ROW = { at: '2026-04-24', project: 'demo', installer: 'pip' };

/** What a command loads while it runs: packages, in their order, and files of dist/ by their names without digest. */
async function loaded(folder: string, argv: string[], env: Record<string, string> = {}) {
  const trace = join(tempFolder(), 'trace');
  writeFileSync(trace, '');
  const result = await runCommand(folder, argv, {
    node: ['--import', TRACER],
    env: { ...env, TRACE_FILE: trace },
  });
  const specifiers = readFileSync(trace, 'utf8').trim().split('\n');
  return {
    ...result,
    specifiers,
    packages: specifiers.filter(
      (name) => /^[@a-z]/.test(name) && !/^(file|data):/.test(name) && !isBuiltin(name),
    ),
    files: specifiers.flatMap((name) => /^\.\/(.+)-[\w-]{8}\.js$/.exec(name)?.[1] ?? []),
  };
}

describe('starting', () => {
  it('prints the version of package.json', async () => {
    expect(await runCommand('/', ['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each([['--version'], ['--help'], ['check']])('%s loads no package at all', async (argument) => {
    const { folder } = makeProject(tempFolder(), ['demo'], [ROW]);
    const { exitCode, stdout, packages, files } = await loaded(folder, [argument]);
    expect([exitCode, packages]).toEqual([0, []]);
    expect(files.filter((file) => /^(google|http)$/.test(file))).toEqual([]);
    expect(stdout).toMatch(/\w/);
  });

  it('loads the client of the source that is used and no other, and what draws while it is asked', async () => {
    const { folder } = makeProject(tempFolder(), ['demo'], [ROW]);
    const { exitCode, specifiers, files } = await loaded(folder, ['collect', '--as-of', '2026-04-25']);
    expect(exitCode).toBe(0);
    const client = specifiers.indexOf('@duckdb/node-api');
    expect(client).toBeGreaterThan(-1);
    expect(files).not.toContain('google');
    expect(specifiers.findIndex((name) => name.startsWith('./drawing-'))).toBeGreaterThan(client);
  });

  it('loads the client of BigQuery as one file', async () => {
    const { folder, env } = await bigQueryProject(['demo']);
    const { exitCode, packages, files } = await loaded(folder, ['collect', '--as-of', '2026-04-25'], env);
    expect(exitCode).toBe(0);
    expect(files).toContain('google');
    expect(packages).toEqual([]);
  });

  it("asks BigQuery without Node.js's own client for HTTP, which takes 30 ms to load", async () => {
    const { folder, env } = await bigQueryProject(['demo']);
    const loads =
      "process.on('exit', () => console.log(process.moduleLoadList.filter((name) => /undici/.test(name))))";
    const node = ['--import', `data:text/javascript,${encodeURIComponent(loads)}`];
    const { exitCode, stdout } = await runCommand(folder, ['collect', '--as-of', '2026-04-25'], {
      node,
      env,
    });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/\n\[\]\n$/);
  });

  it('says which command installs DuckDB where that is missing', async () => {
    const { folder, health } = makeProject(tempFolder(), ['demo'], [ROW]);
    const installed = join(folder, 'node_modules/pypi-badges');
    mkdirSync(installed, { recursive: true });
    cpSync(dirname(CLI), join(installed, 'dist'), { recursive: true });
    cpSync(join(ROOT, 'package.json'), join(installed, 'package.json'));
    const cli = join(installed, 'dist/cli.js');
    const { exitCode, stdout, stderr } = await runCommand(folder, ['collect', '--as-of', '2026-04-25'], {
      cli,
    });
    expect(exitCode).toBe(1);
    expect(stdout).toContain('install it beside pypi-badges: npm install @duckdb/node-api');
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(health().packages['demo']).toMatchObject({ error: expect.stringContaining('@duckdb/node-api') });
    expect((await runCommand(folder, ['check'], { cli })).exitCode).toBe(0);
  });
});
