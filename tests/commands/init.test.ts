import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/config.ts';
import { runMain } from '../support/context.ts';
import { tempFolder } from '../support/temp-folder.ts';

const WORKFLOW = '.github/workflows/badges.yml';

/** A repository, and a way to run `init` in a folder of it. */
function repository(below = '.') {
  const root = tempFolder();
  mkdirSync(join(root, '.git'));
  const folder = join(root, below);
  mkdirSync(folder, { recursive: true });
  const files = () =>
    readdirSync(root, { recursive: true, withFileTypes: true }).filter((each) => each.isFile()).length;
  return {
    root,
    folder,
    files,
    init: (argv: string[], env = {}) => runMain(folder, ['init', ...argv], { env }),
    workflow: () => parse(readFileSync(join(root, WORKFLOW), 'utf8')),
  };
}

describe('init', () => {
  it('writes a list that is counted from ClickHouse, and names the next command', async () => {
    const { folder, files, init } = repository();
    const stdout = `Wrote tracked.yaml (3 packages).

Next:
  pypi-badges collect    counts, and writes the badges to output
`;
    const result = await init(['Flask_SQLAlchemy', 'null', '2048', 'null']);
    expect(result).toEqual({ exitCode: 0, stdout, stderr: '' });
    expect(files()).toBe(1);
    const config = loadConfig('tracked.yaml', folder);
    expect(config.packages.map(({ name, windows, looks }) => [name, windows, looks?.label])).toEqual([
      ['flask-sqlalchemy', [30], 'downloads'],
      ['null', [30], 'downloads'],
      ['2048', [30], 'downloads'],
    ]);
    expect(config.source.kind).toBe('clickhouse');
    expect([config.outputDir, config.stateDir]).toEqual([join(folder, 'output'), join(folder, 'state')]);
    expect((await runMain(folder, ['check'])).exitCode).toBe(0);
  });

  it.each([
    [{}, 'pypi-badges'],
    [{ npm_command: 'exec' }, 'npx pypi-badges'],
    [{ UV: '/usr/bin/uv' }, 'uvx pypi-badges'],
  ])('with %j calls itself as it was called', async (env, command) => {
    const { init, folder } = repository();
    expect((await init(['a', '-c', 'lists/b.yaml'], env)).stdout).toContain(
      `\n  ${command} collect --config lists/b.yaml    counts, and writes the badges to lists/output\n`,
    );
    expect(loadConfig('lists/b.yaml', folder).packages).toHaveLength(1);
  });

  it('writes the workflow where GitHub looks for it, for the list where it is', async () => {
    const { init, workflow } = repository('deep/down');
    const { stdout } = await init(['alpha', 'beta', '--action']);
    expect(stdout).toContain(`Wrote tracked.yaml and ../../${WORKFLOW} (2 packages).`);
    expect(stdout).toContain('Run workflow');
    const { on, jobs } = workflow();
    expect(on.push.paths).toEqual(['deep/down/tracked.yaml']);
    expect(on.schedule[0].cron).toMatch(/^([1-9]|[1-5]\d) 6 \* \* \*$/);
    const step = jobs.badges.steps.at(-1);
    expect(step.uses).toMatch(/^[\w.-]+\/pypi-badges@v\d+$/);
    expect(step.with).toEqual({ config: 'deep/down/tracked.yaml' });
  });

  it('has the workflow at a minute of its own', async () => {
    const crons = ['alpha', 'beta', 'gamma'].map(async (name) => {
      const { init, workflow } = repository();
      await init([name, '--action']);
      return workflow().on.schedule[0].cron;
    });
    expect(new Set(await Promise.all(crons)).size).toBe(3);
  });

  it('writes the workflow alone for a list that is there', async () => {
    const { folder, init, files } = repository();
    writeFileSync(join(folder, 'tracked.yaml'), 'service: {output_dir: out}\npackages: [mine]\n');
    expect(await init(['--action'])).toMatchObject({ exitCode: 0, stderr: '' });
    expect(files()).toBe(2);
    expect(loadConfig('tracked.yaml', folder).packages[0]?.name).toBe('mine');
  });

  it.each([
    ['it\'s "q", $1 & *.yaml', String.raw`deep/it's "q", $1 & \*.yaml`, `'it'\\''s "q", $1 & *.yaml'`],
    ['a [b]{c} #d+.yaml', String.raw`deep/a \[b]{c} #d\+.yaml`, "'a [b]{c} #d+.yaml'"],
  ])('has a list called %s in the workflow and in the next command', async (list, pattern, quoted) => {
    const { init, workflow } = repository('deep');
    expect((await init(['alpha', '-c', list])).stdout).toContain(`pypi-badges collect --config ${quoted} `);
    expect((await init(['--action', '-c', list])).exitCode).toBe(0);
    const { on, jobs } = workflow();
    expect(on.push.paths).toEqual([pattern]);
    expect(jobs.badges.steps.at(-1).with.config).toBe(`deep/${list}`);
  });

  it('fits a narrow terminal', async () => {
    const { folder } = repository();
    const { stdout } = await runMain(folder, ['init', 'alpha'], { columns: 40 });
    expect(stdout).toContain('\n  pypi-badges collect    counts, and\n    writes the badges to output\n');
  });

  it('writes nothing where something is in the way of the workflow', async () => {
    const { root, init } = repository();
    symlinkSync('gone', join(root, '.github'));
    const stderr = expect.stringContaining('.github: this is a link that leads nowhere');
    expect(await init(['alpha', '--action'])).toEqual({ exitCode: 1, stdout: '', stderr });
    expect(existsSync(join(root, 'tracked.yaml'))).toBe(false);
  });

  it.each([
    ['no name', [], 'name a package, as in: pypi-badges init requests'],
    ['no list', ['--action'], /^tracked\.yaml: there is no such file; write one with: pypi-badges init /],
    ['no package', ['a', '-x'], /unknown option/],
    ['a name that is none', ['a', 'b!'], /^b!: not a package name/],
    ['a folder in the way', ['a', '-c', '.git'], '.git exists already, and is not overwritten'],
  ])('refuses %s, and writes nothing', async (_, argv, said) => {
    const { init, files } = repository();
    expect(await init(argv)).toEqual({ exitCode: 2, stdout: '', stderr: expect.stringMatching(said) });
    expect(files()).toBe(0);
  });

  it.each(['tracked.yaml', WORKFLOW])('leaves a %s that is there, and writes nothing', async (file) => {
    const stderr = `${file} exists already, and is not overwritten; remove it first\n`;
    for (const make of [writeFileSync, (path: string) => symlinkSync('gone', path)]) {
      const { root, init } = repository();
      mkdirSync(join(root, '.github/workflows'), { recursive: true });
      make(join(root, file), 'mine');
      expect(await init(['alpha', '--action'])).toEqual({ exitCode: 2, stdout: '', stderr });
      const other = file === WORKFLOW ? 'tracked.yaml' : WORKFLOW;
      expect(existsSync(join(root, other))).toBe(false);
    }
  });
});
