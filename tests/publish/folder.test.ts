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
      { name: 'a.svg', content: '1\n' },
      { name: 'b.svg', content: '2\n' },
    ];
    const printOf = (file: string) => statSync(join(outputDir, 'demo', file)).ino;
    await withUmask(0o077, () => publishFolder(outputDir, 'demo', files));
    expect(readdirSync(join(outputDir, 'demo'))).toEqual(['a.svg', 'b.svg']);
    expect(statSync(join(outputDir, 'demo')).mode & 0o777).toBe(0o755);
    const before = [printOf('a.svg'), printOf('b.svg')];
    await publishFolder(outputDir, 'demo', files);
    expect([printOf('a.svg'), printOf('b.svg')]).toEqual(before);
    await publishFolder(outputDir, 'demo', [{ name: 'b.svg', content: '3\n' }]);
    expect(readFileSync(join(outputDir, 'demo', 'b.svg'), 'utf8')).toBe('3\n');
    expect(printOf('a.svg')).toBe(before[0]);
    expect(readFileSync(join(outputDir, 'demo', 'a.svg'), 'utf8')).toBe('1\n');
  });

  it('renews the badges of a folder under another spelling, and adds none to it', async () => {
    const outputDir = tempFolder();
    const put = (folder: string, file: string) => {
      mkdirSync(join(outputDir, folder), { recursive: true });
      writeFileSync(join(outputDir, folder, file), 'old');
    };
    put('Flask_SQLAlchemy', 'a.svg');
    put('flask.sqlalchemy', 'b.svg');
    put('flask-sqlalchemy2', 'a.svg');
    mkdirSync(join(outputDir, 'elsewhere'));
    symlinkSync('elsewhere', join(outputDir, 'Flask-SQLAlchemy'));
    writeFileSync(join(outputDir, 'FLASK-SQLALCHEMY'), 'a file');
    const files = [
      { name: 'a.svg', content: 'A' },
      { name: 'b.svg', content: 'B' },
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
      ['a.svg', 'A'],
      ['b.svg', 'B'],
    ]);
    expect(read('Flask_SQLAlchemy')).toEqual([['a.svg', 'A']]);
    expect(read('flask.sqlalchemy')).toEqual([['b.svg', 'B']]);
    expect(read('flask-sqlalchemy2')).toEqual([['a.svg', 'old']]);
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
