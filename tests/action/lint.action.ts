import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { CLI } from '../support/command.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { goTool } from './tools.ts';

const root = join(import.meta.dirname, '../..');
const workflows = ['.github/workflows', 'examples/github-actions'].flatMap((folder) =>
  readdirSync(join(root, folder)).map((name) => join(folder, name)),
);

const lint = async (path: string) => {
  const argv = ['-no-color', path];
  const { all, exitCode } = await execa(goTool('actionlint'), argv, { cwd: root, reject: false, all: true });
  expect([exitCode, all]).toEqual([0, '']);
};

it.each(workflows)('actionlint has nothing to say of %s', lint);

it.each([
  ['tracked.yaml', []],
  ["somewhere/it's: a list.yaml", ['--config', "somewhere/it's: a list.yaml"]],
  ['a [b], $1 #c+?!*.yaml', ['--config', 'a [b], $1 #c+?!*.yaml']],
])('actionlint has nothing to say of what init writes for %s', async (_, options) => {
  const folder = tempFolder();
  mkdirSync(join(folder, '.git'));
  await execa(process.execPath, [CLI, 'init', 'alpha', '--action', ...options], { cwd: folder });
  await lint(join(folder, '.github/workflows/badges.yml'));
});
