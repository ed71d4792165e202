import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { goTool } from './tools.ts';

const root = join(import.meta.dirname, '../..');
const workflows = ['.github/workflows', 'examples/github-actions'].flatMap((folder) =>
  readdirSync(join(root, folder)).map((name) => join(folder, name)),
);

it('there are workflows', () => {
  expect(workflows).toEqual(
    expect.arrayContaining(['.github/workflows/ci.yml', 'examples/github-actions/badges.yml']),
  );
});

it.each(workflows)('actionlint has nothing to say of %s', async (path) => {
  const { all, exitCode } = await execa(goTool('actionlint'), ['-no-color', path], {
    cwd: root,
    reject: false,
    all: true,
  });
  expect(all).toBe('');
  expect(exitCode).toBe(0);
});
