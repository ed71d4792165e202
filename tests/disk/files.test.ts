import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  ensureChildFolder,
  ensureFolder,
  probeRoom,
  readIfPresent,
  readNamedFile,
  readPart,
  replaceFile,
  writeIfChanged,
} from '../../src/disk/files.ts';
import { OperatorError } from '../../src/errors/error.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { withUmask } from '../support/umask.ts';

const mode = (path: string) => fs.statSync(path).mode & 0o7777;
const read = (path: string) => fs.readFileSync(path, 'utf8');

describe('replaceFile', () => {
  it.each([true, false])(
    'writes a file that all may read, whatever the umask (durable: %s)',
    async (durable) => {
      const path = join(tempFolder(), 'badge.svg');
      await withUmask(0o077, () => replaceFile(path, 'new\n', durable));
      expect([read(path), mode(path)]).toEqual(['new\n', 0o644]);
    },
  );

  it('leaves a file of JSON as it is rather than put something else in its place', async () => {
    const path = join(tempFolder(), '_health.json');
    await replaceFile(path, '{}', false);
    await expect(replaceFile(path, '{"packages":', false)).rejects.toThrow(SyntaxError);
    expect(read(path)).toBe('{}');
  });

  it.each([
    ['a hard link, and so what is read by who has the old file open', fs.linkSync],
    ['a symbolic link', fs.symlinkSync],
  ])('replaces in one step, with its own mode, and leaves what it was alone: %s', async (_, link) => {
    const folder = tempFolder();
    const [path, other] = [join(folder, 'badge.svg'), join(folder, 'other')];
    fs.writeFileSync(other, 'old', { mode: 0o600 });
    link(other, path);
    // What a run that was killed has left is taken over.
    fs.writeFileSync(join(folder, `.badge.svg.${process.pid}.tmp`), 'half');
    await replaceFile(path, 'new', false);
    expect([read(path), mode(path), read(other)]).toEqual(['new', 0o644, 'old']);
    expect(fs.readdirSync(folder)).toEqual(['badge.svg', 'other']);
  });

  it.each([
    ['badge.svg', /badge\.svg: a folder stands where a file should be; move it away/],
    ['gone/badge.svg', /the folder has gone while it was in use; run again \(ENOENT\)/],
  ])('leaves nothing behind where it cannot write %s', async (name, says) => {
    const folder = tempFolder();
    fs.mkdirSync(join(folder, 'badge.svg'));
    await expect(replaceFile(join(folder, name), 'new', false)).rejects.toThrow(says);
    expect(fs.readdirSync(folder)).toEqual(['badge.svg']);
  });
});

describe('writeIfChanged', () => {
  it('leaves a file alone that holds the content already', async () => {
    const path = join(tempFolder(), 'badge.svg');
    expect(await writeIfChanged(path, 'same', true)).toBe(false);
    expect(fs.existsSync(path)).toBe(false);
    expect(await writeIfChanged(path, 'same')).toBe(true);
    fs.utimesSync(path, 1_000_000, 1_000_000);
    const { ino, mtimeMs, ctimeMs } = fs.statSync(path);
    expect(await writeIfChanged(path, 'same')).toBe(false);
    expect(fs.statSync(path)).toMatchObject({ ino, mtimeMs, ctimeMs });
    expect(await writeIfChanged(path, 'new!', true)).toBe(true);
    expect(read(path)).toBe('new!');
  });

  it('replaces a link even if what it points to holds the content', async () => {
    const folder = tempFolder();
    fs.writeFileSync(join(folder, 'elsewhere'), 'same');
    fs.symlinkSync(join(folder, 'elsewhere'), join(folder, 'badge.svg'));
    expect(await writeIfChanged(join(folder, 'badge.svg'), 'same')).toBe(true);
  });
});

it('probeRoom leaves nothing behind, and does not write through a link that was planted', () => {
  const folder = tempFolder();
  const elsewhere = join(tempFolder(), 'elsewhere');
  fs.writeFileSync(elsewhere, 'mine');
  probeRoom(folder, '.alpha.room.1.tmp', 100_000);
  expect(fs.readdirSync(folder)).toEqual([]);
  fs.symlinkSync(elsewhere, join(folder, '.alpha.room.1.tmp'));
  expect(() => probeRoom(folder, '.alpha.room.1.tmp', 100_000)).toThrow(OperatorError);
  expect(read(elsewhere)).toBe('mine');
});

function makeSocket(path: string) {
  const server = createServer().listen(path);
  onTestFinished(() => void server.close());
}

function makeHuge(path: string) {
  fs.writeFileSync(path, '');
  fs.truncateSync(path, 600_000_000);
}

/** What may stand in the place of a file, and what is said of it. */
const OBSTACLES: [string, (path: string) => unknown, string][] = [
  ['a pipe', (path) => execFileSync('mkfifo', [path]), 'a pipe stands where a file should be; move it away'],
  ['a folder', fs.mkdirSync, 'a folder stands where a file should be; move it away'],
  [
    'a link',
    (path) => fs.symlinkSync('/etc/passwd', path),
    'a symbolic link stands where a file should be; put',
  ],
  ['a socket', makeSocket, 'a socket stands where a file should be; move it away'],
  ['600 MB', makeHuge, 'a file of more than 256 MiB stands there; move it away'],
];

describe.each(OBSTACLES)('%s in the place of a file', (what, make, says) => {
  it('is never read', async () => {
    const path = join(tempFolder(), 'ledger.json');
    make(path);
    await expect(readIfPresent(path)).rejects.toThrow(`${path}: ${says}`);
    if (what !== '600 MB') expect(() => readPart(path, 0, 10)).toThrow(OperatorError);
  });

  it(what === 'a folder' ? 'stays' : 'is replaced', async () => {
    const path = join(tempFolder(), 'badge.svg');
    make(path);
    const work = writeIfChanged(path, 'new');
    if (what === 'a folder') return expect(work).rejects.toThrow('a folder stands where a file should be');
    expect(await work).toBe(true);
    expect(read(path)).toBe('new');
  });

  it('is not waited for where a person has named it; a link is followed, and a folder is EISDIR', () => {
    const path = join(tempFolder(), 'key.json');
    make(path);
    if (what === 'a link') return expect(readNamedFile(path)).toEqual(fs.readFileSync('/etc/passwd'));
    expect(() => readNamedFile(path)).toThrow(what === 'a folder' ? 'EISDIR' : /stands/);
  });
});

it('a device in the place of a file is not read, however long it is', () => {
  const says = 'a device stands where a file should be; put the right file in its place';
  expect(() => readNamedFile('/dev/zero')).toThrow(says);
});

describe('ensureFolder', () => {
  it('makes every missing level, open to all readers', async () => {
    const folder = tempFolder();
    await withUmask(0o077, () => ensureFolder(join(folder, 'a', 'b')));
    expect([mode(join(folder, 'a')), mode(join(folder, 'a', 'b'))]).toEqual([0o755, 0o755]);
  });

  it('does not touch a folder that is there, whatever its mode, and follows a link to it, which an operator may have set', async () => {
    const folder = tempFolder();
    const [path, link] = [join(folder, 'real'), join(folder, 'link')];
    fs.mkdirSync(path);
    fs.chmodSync(path, 0o2750);
    fs.symlinkSync(path, link);
    for (const each of [path, link, join(link, 'inner')]) await ensureFolder(each);
    expect([mode(path), fs.readdirSync(path)]).toEqual([0o2750, ['inner']]);
  });

  it.each<[string, (path: string) => void, string]>([
    ['a file', (path) => fs.writeFileSync(path, ''), 'a file stands where a folder should be'],
    ['a dead link', (path) => fs.symlinkSync('gone', path), 'this is a link that leads nowhere'],
  ])('complains of %s in the way', async (_, make, says) => {
    const path = join(tempFolder(), 'a');
    make(path);
    await expect(ensureFolder(path)).rejects.toThrow(`${path}: ${says}`);
    await expect(ensureFolder(join(path, 'b'))).rejects.toThrow(says);
  });
});

describe('ensureChildFolder', () => {
  it.each(['..', '../x', 'a/b', '/etc', '.', ''])('never leaves its parent for %j', async (name) => {
    const folder = tempFolder();
    await expect(ensureChildFolder(folder, name)).rejects.toThrow('is not the name of a folder inside');
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it('does not follow a link that somebody planted, nor takes a file for its parent', async () => {
    const folder = tempFolder();
    const [link, file] = [join(folder, 'demo'), join(folder, 'out')];
    fs.symlinkSync('/etc', link);
    fs.writeFileSync(file, '');
    const says = `${link}: a symbolic link stands in the way, and links are not followed; remove it`;
    await expect(ensureChildFolder(folder, 'demo')).rejects.toThrow(says);
    await expect(ensureChildFolder(file, 'demo')).rejects.toThrow('a file stands where a folder should be');
  });
});
