import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { publishBadges } from '../../src/publish/badges.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { withUmask } from '../support/umask.ts';

describe('publishBadges', () => {
  it('makes the folders and writes the files, once', async () => {
    const outputDir = join(tempFolder(), 'srv', 'out');
    const files = [
      { name: 'a.json', content: '1\n' },
      { name: 'b.json', content: '2\n' },
    ];
    expect(await withUmask(0o077, () => publishBadges(outputDir, 'demo', files))).toBe(2);
    expect(readdirSync(join(outputDir, 'demo'))).toEqual(['a.json', 'b.json']);
    expect(statSync(join(outputDir, 'demo')).mode & 0o777).toBe(0o755);
    expect(await publishBadges(outputDir, 'demo', files)).toBe(0);
    expect(await publishBadges(outputDir, 'demo', [{ name: 'b.json', content: '3\n' }])).toBe(1);
    expect(readFileSync(join(outputDir, 'demo', 'a.json'), 'utf8')).toBe('1\n');
  });

  it('never leaves the output folder', async () => {
    const folder = tempFolder();
    await expect(publishBadges(join(folder, 'out'), '../x', [])).rejects.toThrow(
      'is not the name of a folder inside',
    );
    expect(readdirSync(folder)).toEqual(['out']);
  });

  it('complains of a file where the folder should be', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'demo'), '');
    await expect(publishBadges(folder, 'demo', [])).rejects.toThrow('a file stands where a folder should be');
  });
});
