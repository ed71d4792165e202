import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findFiles, kindOf } from '../../../src/sources/duckdb/files.ts';
import { folderOf, tempFolder } from '../../support/temp-folder.ts';

describe('findFiles', () => {
  const NAMES = 'a1 a2 a[1] a] a^ a- a😀 b.json .a3 x/a4 x/y/a5 x/.z/a6 k=v/a7'.split(' ');

  it.each([
    ['a1', ['a1']],
    ['a*', ['a-', 'a1', 'a2', 'a[1]', 'a]', 'a^', 'a😀']],
    ['a?', ['a-', 'a1', 'a2', 'a]', 'a^', 'a😀']],
    ['a[1]', ['a[1]']],
    ['a[[]1]', ['a[1]']],
    ['a[12]', ['a1', 'a2']],
    ['a[0-1]', ['a1']],
    ['a[!1]', ['a-', 'a2', 'a]', 'a^', 'a😀']],
    ['a[]^-]', ['a-', 'a]', 'a^']],
    ['a[2-1]', []],
    ['{a1,a2}', []],
    ['?.json', ['b.json']],
    ['b?json', ['b.json']],
    ['.a*', ['.a3']],
    ['x//a4', ['x/a4']],
    ['*/a?', ['k=v/a7', 'x/a4']],
    ['x/**/a?', ['x/a4', 'x/y/a5']],
    ['x/**', ['x/a4', 'x/y/a5']],
    ['**/[a]5', ['x/y/a5']],
    ['none/**/*', []],
    ['a1/*', []],
    ['a1/x', []],
  ])('%s', (pattern, expected) => {
    const folder = folderOf(Object.fromEntries(NAMES.map((name) => [name, ''])));
    const find = () => findFiles(join(folder, 'x', '..', pattern)).map((path) => relative(folder, path));
    if (expected.length > 0) expect(find()).toEqual(expected);
    else expect(find).toThrow(/no file matches .*; check the path$/);
  });

  it('counts a file once that is named by a link, too', () => {
    const folder = folderOf({ 'a.json': '', 'b.json': '' });
    symlinkSync('b.json', join(folder, 'latest.json'));
    symlinkSync('b.json', join(folder, '0.json'));
    const found = findFiles(join(folder, '*.json')).map((path) => relative(folder, path));
    expect(found).toEqual(['0.json', 'a.json']);
  });

  const special = /x is a pipe, a socket or a device; save its rows as a file$/;
  const bindSocket = (path: string) =>
    new Promise<void>((resolve) => {
      const server = createServer().listen(path, resolve);
      onTestFinished(() => new Promise((closed) => void server.close(() => closed())));
    });
  it.each<[string, (path: string) => unknown, RegExp]>([
    ['a folder', (path) => mkdirSync(path), /x is a folder; name its files: .*x\/\*$/],
    ['a pipe', (path) => execFileSync('mkfifo', [path]), special],
    ['a device', (path) => symlinkSync('/dev/zero', path), special],
    ['a socket', bindSocket, special],
    ['a link to nothing', (path) => symlinkSync('nothing', path), /x is a link to nothing; remove it$/],
    ['a link to itself', (path) => symlinkSync('x', path), /x cannot be read \(ELOOP\)$/],
  ])('names %s, by its path and by a glob', async (_, make, says) => {
    const folder = folderOf({ 'a.json': '' });
    await make(join(folder, 'x'));
    for (const pattern of ['x', '*']) expect(() => findFiles(join(folder, pattern))).toThrow(says);
  });

  it('says that a service cannot see home folders', () => {
    const says = /no file matches .*; a systemd service cannot see home folders: put the files elsewhere$/;
    expect(() => findFiles('/home/nobody-is-called-so/x.ndjson')).toThrow(says);
  });
});

describe('kindOf', () => {
  const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();

  it.each<[string, string | Buffer, string]>([
    ['Parquet', 'PAR1...', 'parquet uncompressed'],
    ['nothing', '', 'auto uncompressed'],
    ['objects', ' \n{"a": 1}\n', 'auto uncompressed'],
    ['an array', '\n[{"a": 1}]', 'array uncompressed'],
    ['an array behind a byte order mark', '\ufeff[', 'array uncompressed'],
    ['gzip of nothing', gzipSync(''), 'auto gzip'],
    ['gzip of objects', gzipSync('{"a": 1}\n'.repeat(99_999)), 'auto gzip'],
    ['gzip of an array', gzipSync('[{}]'), 'array gzip'],
    ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x04]), 'auto zstd'],
  ])('%s', async (_, content, expected) => {
    const { format, compression } = await kindOf(join(folderOf({ x: content }), 'x'));
    expect(`${format} ${compression}`).toBe(expected);
  });

  const csv = /x is CSV; .* COPY \(SELECT .* FROM '.*x'\) TO 'rows\.parquet'/;
  const neither = /x is neither NDJSON, JSON nor Parquet; .* bq extract --destination_format=NEWLINE/;
  const little = /x is UTF-16; .* iconv -f UTF-16LE -t UTF-8 .*x > rows/;
  const big = /x is UTF-16; .* -f UTF-16BE /;
  it.each<[string, string | Buffer, RegExp]>([
    ['CSV', 'timestamp,file.project\n2026-04-24,demo\n', csv],
    ['CSV with quotation marks', '"time stamp";"project"\n', csv],
    ['TSV behind a byte order mark', '\ufefftimestamp\tproject\n', csv],
    ['CSV in gzip', gzipSync('timestamp,project\n'), csv],
    ['a sentence', 'Access denied.', neither],
    ['YAML', 'a: 1\n', neither],
    ['a scalar', '1\n', neither],
    ['UTF-16 with a mark', Buffer.from('\ufeff{"a": 1}', 'utf16le'), little],
    ['UTF-16', Buffer.from('{"a": 1}', 'utf16le'), little],
    ['UTF-16 of the other kind, with a mark', utf16be('\ufeff{"a": 1}'), big],
    ['UTF-16 of the other kind', utf16be('{"a": 1}'), big],
    ['bzip2', 'BZh91AY&SY', /x is compressed with bzip2; .* bunzip2 .*x$/],
    ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), /x is compressed with xz; .* unxz .*x$/],
    ['a zip archive', 'PK\x03\x04', /x is a zip archive; .* unzip .*x$/],
    ['broken gzip', Buffer.from([0x1f, 0x8b, 9, 9, 9]), /x is damaged: it begins like gzip, and is none$/],
  ])('%s is named', async (_, content, says) => {
    const error = { code: 'files-unreadable', message: expect.stringMatching(says) };
    await expect(kindOf(join(folderOf({ x: content }), 'x'))).rejects.toMatchObject(error);
  });

  it('names a file that is gone', async () => {
    await expect(kindOf(join(tempFolder(), 'x'))).rejects.toThrow(/x cannot be read \(ENOENT\)$/);
  });
});
