import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { otherSpellings, publishFolder } from '../../src/publish/folder.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { withUmask } from '../support/umask.ts';

describe('publishFolder', () => {
  it('makes the folders and writes the files, once', async () => {
    const outputDir = join(tempFolder(), 'srv', 'out');
    const files = [
      { name: 'a.json', content: '1\n' },
      { name: 'b.json', content: '2\n' },
    ];
    const printOf = (file: string) => statSync(join(outputDir, 'demo', file)).ino;
    await withUmask(0o077, () => publishFolder(outputDir, 'demo', files));
    expect(readdirSync(join(outputDir, 'demo'))).toEqual(['a.json', 'b.json']);
    expect(statSync(join(outputDir, 'demo')).mode & 0o777).toBe(0o755);
    const before = [printOf('a.json'), printOf('b.json')];
    await publishFolder(outputDir, 'demo', files);
    expect([printOf('a.json'), printOf('b.json')]).toEqual(before);
    await publishFolder(outputDir, 'demo', [{ name: 'b.json', content: '3\n' }]);
    expect(readFileSync(join(outputDir, 'demo', 'b.json'), 'utf8')).toBe('3\n');
    expect(printOf('a.json')).toBe(before[0]);
    expect(readFileSync(join(outputDir, 'demo', 'a.json'), 'utf8')).toBe('1\n');
  });

  it('renews the badges of a folder under another spelling, and adds none to it', async () => {
    const outputDir = tempFolder();
    const put = (folder: string, file: string) => {
      mkdirSync(join(outputDir, folder), { recursive: true });
      writeFileSync(join(outputDir, folder, file), 'old');
    };
    put('Flask_SQLAlchemy', 'a.json');
    put('flask.sqlalchemy', 'b.json');
    put('flask-sqlalchemy2', 'a.json');
    mkdirSync(join(outputDir, 'elsewhere'));
    symlinkSync('elsewhere', join(outputDir, 'Flask-SQLAlchemy'));
    writeFileSync(join(outputDir, 'FLASK-SQLALCHEMY'), 'a file');
    const files = [
      { name: 'a.json', content: 'A' },
      { name: 'b.json', content: 'B' },
    ];
    const spellings = otherSpellings(outputDir);
    expect([...spellings.keys()]).toEqual(['flask-sqlalchemy']);
    await publishFolder(outputDir, 'flask-sqlalchemy', files, spellings.get('flask-sqlalchemy'));
    const read = (folder: string) =>
      readdirSync(join(outputDir, folder)).map((file) => [
        file,
        readFileSync(join(outputDir, folder, file), 'utf8'),
      ]);
    expect(read('flask-sqlalchemy')).toEqual([
      ['a.json', 'A'],
      ['b.json', 'B'],
    ]);
    expect(read('Flask_SQLAlchemy')).toEqual([['a.json', 'A']]);
    expect(read('flask.sqlalchemy')).toEqual([['b.json', 'B']]);
    expect(read('flask-sqlalchemy2')).toEqual([['a.json', 'old']]);
    expect(read('elsewhere')).toEqual([]);
  });

  it('never leaves the output folder', async () => {
    const folder = tempFolder();
    await expect(publishFolder(join(folder, 'out'), '../x', [])).rejects.toThrow(
      'is not the name of a folder inside',
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it('complains of a file where the folder should be', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'demo'), '');
    await expect(publishFolder(folder, 'demo', [])).rejects.toThrow('a file stands where a folder should be');
  });
});
