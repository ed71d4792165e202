import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { leftOverPackages, leftOverWindows } from '../../src/publish/left-over.ts';
import { tempFolder } from '../support/temp-folder.ts';

function folderWith(...files: string[]): string {
  const outputDir = tempFolder();
  for (const file of files) {
    mkdirSync(join(outputDir, file, '..'), { recursive: true });
    writeFileSync(join(outputDir, file), '{}');
  }
  return outputDir;
}

it('tells of badges of windows that are not listed any more, and of nothing else', async () => {
  const outputDir = folderWith(
    'alpha/downloads-30d-non-ci.json',
    'alpha/downloads-7d-non-ci.json',
    'alpha/installer-pip-family-90d-non-ci.svg',
    'alpha/downloads-notes.json',
    'alpha/history.json',
  );
  const names = readdirSync(join(outputDir, 'alpha'));
  expect(await leftOverWindows(outputDir, { name: 'alpha', windows: [30] }, names)).toEqual([
    { code: 'left-over', message: expect.stringContaining('badges of 7d, 90d are left over') },
  ]);
  expect(await leftOverWindows(outputDir, { name: 'alpha', windows: [90, 7, 30] }, names)).toEqual([]);
  expect(await leftOverWindows(outputDir, { name: 'never-published', windows: [30] }, [])).toEqual([]);
});

it('tells of folders of packages that are not listed any more, if there are badges in them', async () => {
  const outputDir = folderWith(
    'alpha/downloads-30d-non-ci.json',
    'Alpha/downloads-30d-non-ci.json',
    'beta/downloads-30d-non-ci.json',
    'photos/cat.json',
    '.well-known/downloads-30d-non-ci.json',
  );
  const packages = [{ name: 'alpha', windows: [30] as const }];
  expect(await leftOverPackages({ outputDir, packages, groups: [] })).toEqual([
    { code: 'left-over', message: expect.stringContaining('badges of beta are left over') },
  ]);
  expect(await leftOverPackages({ outputDir: join(outputDir, 'none'), packages, groups: [] })).toEqual([]);
});

it('names the first of many folders, and how many more there are', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const outputDir = folderWith(...names.map((name) => `${name}/downloads-30d-non-ci.json`));
  expect(await leftOverPackages({ outputDir, packages: [], groups: [] })).toEqual([
    { code: 'left-over', message: expect.stringContaining('badges of a, b, c, d, e and 2 more are') },
  ]);
});
