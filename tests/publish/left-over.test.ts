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

const told = (which: string) => [
  { code: 'left-over', message: expect.stringContaining(`badges of ${which}`) },
];

it.each<[windows: readonly [number, ...number[]], ReturnType<typeof told>]>([
  [[30], told('7d, 90d are left over')],
  [[90, 7, 30], []],
])('tells of badges of windows that are not listed any more, where %j are', async (windows, expected) => {
  const files = 'downloads-30d-non-ci.json downloads-7d-non-ci.json installer-pip-family-90d-non-ci.svg';
  const names = `${files} downloads-notes.json history.json`.split(' ');
  const outputDir = folderWith(...names.map((name) => `alpha/${name}`));
  const found = readdirSync(join(outputDir, 'alpha'));
  expect(await leftOverWindows(outputDir, { name: 'alpha', windows }, found)).toEqual(expected);
  expect(await leftOverWindows(outputDir, { name: 'never-published', windows }, [])).toEqual([]);
});

it.each([
  ['if there are badges in them', ['Alpha', 'beta', '.well-known'], told('beta are left over')],
  ['the first of many', ['a', 'b', 'c', 'd', 'e', 'f', 'g'], told('a, b, c, d, e and 2 more are')],
  ['none', [], []],
])('tells of folders of packages that are not listed any more: %s', async (_, folders, expected) => {
  const files = ['alpha', ...folders].map((name) => `${name}/downloads-30d-non-ci.json`);
  const outputDir = folderWith('photos/cat.json', ...files);
  const packages = [{ name: 'alpha', windows: [30] as const }];
  expect(await leftOverPackages({ outputDir, packages, groups: [] })).toEqual(expected);
  expect(await leftOverPackages({ outputDir: join(outputDir, 'none'), packages, groups: [] })).toEqual([]);
});
