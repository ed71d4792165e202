import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
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

const mode = (path: string) => statSync(path).mode & 0o777;

describe('replaceFile', () => {
  it.each([true, false])(
    'writes a file that all may read, whatever the umask (durable: %s)',
    async (durable) => {
      const path = join(tempFolder(), 'badge.svg');
      await withUmask(0o077, () => replaceFile(path, 'new\n', durable));
      expect([readFileSync(path, 'utf8'), mode(path)]).toEqual(['new\n', 0o644]);
    },
  );

  it('leaves a file of JSON as it is rather than put something else in its place', async () => {
    const path = join(tempFolder(), '_health.json');
    await replaceFile(path, '{}', false);
    await expect(replaceFile(path, '{"packages":', false)).rejects.toThrow(SyntaxError);
    expect(readFileSync(path, 'utf8')).toBe('{}');
  });

  it('replaces in one step, with its own mode: who has the old file open keeps reading it whole', async () => {
    const folder = tempFolder();
    const [path, held] = [join(folder, 'badge.svg'), join(folder, 'held')];
    writeFileSync(path, 'old');
    chmodSync(path, 0o600);
    linkSync(path, held);
    await replaceFile(path, 'new', false);
    expect([readFileSync(path, 'utf8'), readFileSync(held, 'utf8')]).toEqual(['new', 'old']);
    expect(mode(path)).toBe(0o644);
  });

  it('replaces a link instead of writing through it', async () => {
    const folder = tempFolder();
    const [path, other] = [join(folder, 'badge.svg'), join(folder, 'passwd')];
    writeFileSync(other, 'precious');
    symlinkSync(other, path);
    await replaceFile(path, 'new', false);
    expect([readFileSync(path, 'utf8'), readFileSync(other, 'utf8')]).toEqual(['new', 'precious']);
  });

  it('leaves nothing behind when a folder is in the way, or has gone', async () => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'badge.svg'));
    const work = replaceFile(join(folder, 'badge.svg'), 'new', false);
    await expect(work).rejects.toThrow(/badge\.svg: a folder stands where a file should be; move it away/);
    const gone = replaceFile(join(folder, 'gone', 'badge.svg'), 'new', false);
    await expect(gone).rejects.toThrow(/the folder has gone while it was in use; run again \(ENOENT\)/);
    expect(readdirSync(folder)).toEqual(['badge.svg']);
  });

  it('takes over what a run that was killed has left', async () => {
    const folder = tempFolder();
    const path = join(folder, 'badge.svg');
    writeFileSync(join(folder, `.badge.svg.${process.pid}.tmp`), 'half');
    await replaceFile(path, 'new', false);
    expect(readdirSync(folder)).toEqual(['badge.svg']);
    expect(readFileSync(path, 'utf8')).toBe('new');
  });
});

describe('writeIfChanged', () => {
  it('leaves a file alone that holds the content already', async () => {
    const path = join(tempFolder(), 'badge.svg');
    expect(await writeIfChanged(path, 'same')).toBe(true);
    utimesSync(path, 1_000_000, 1_000_000);
    const before = statSync(path);
    expect(await writeIfChanged(path, 'same')).toBe(false);
    expect(await writeIfChanged(`${path}.other`, 'same', true)).toBe(false);
    expect(existsSync(`${path}.other`)).toBe(false);
    const after = statSync(path);
    expect([after.ino, after.mtimeMs, after.ctimeMs]).toEqual([before.ino, before.mtimeMs, before.ctimeMs]);
    expect(await writeIfChanged(path, 'new', true)).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe('new');
  });

  it('replaces a link even if what it points to holds the content', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'elsewhere'), 'same');
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'badge.svg'));
    expect(await writeIfChanged(join(folder, 'badge.svg'), 'same')).toBe(true);
  });
});

describe('probeRoom', () => {
  it('leaves nothing behind, and does not write through a link that was planted', () => {
    const folder = tempFolder();
    const elsewhere = join(tempFolder(), 'elsewhere');
    writeFileSync(elsewhere, 'mine');
    probeRoom(folder, '.alpha.room.1.tmp', 100_000);
    expect(readdirSync(folder)).toEqual([]);
    symlinkSync(elsewhere, join(folder, '.alpha.room.1.tmp'));
    expect(() => probeRoom(folder, '.alpha.room.1.tmp', 100_000)).toThrow(OperatorError);
    expect(readFileSync(elsewhere, 'utf8')).toBe('mine');
  });
});

/** What may stand in the place of a file, and how it is called. */
const OBSTACLES: [string, (path: string) => unknown, string][] = [
  ['a pipe', (path) => execFileSync('mkfifo', [path]), 'a pipe stands where a file should be; move it away'],
  ['a folder', mkdirSync, 'a folder stands where a file should be; move it away'],
  [
    'a link',
    (path) => symlinkSync('/etc/passwd', path),
    'a symbolic link stands where a file should be; put the file itself there',
  ],
  ['a socket', makeSocket, 'a socket stands where a file should be; move it away'],
  ['600 MB', makeHuge, 'a file of more than 256 MiB stands there; move it away'],
];

function makeSocket(path: string) {
  const server = createServer().listen(path);
  onTestFinished(() => void server.close());
}

function makeHuge(path: string) {
  writeFileSync(path, '');
  truncateSync(path, 600_000_000);
}

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
    expect(readFileSync(path, 'utf8')).toBe('new');
  });

  it('is not waited for where a person has named it; a link is followed, and a folder is EISDIR', () => {
    const path = join(tempFolder(), 'key.json');
    make(path);
    if (what === 'a link') return expect(readNamedFile(path)).toEqual(readFileSync('/etc/passwd'));
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

  it('does not touch a folder that is there, whatever its mode', async () => {
    const path = join(tempFolder(), 'a');
    mkdirSync(path);
    chmodSync(path, 0o2750);
    await ensureFolder(path);
    expect(statSync(path).mode & 0o7777).toBe(0o2750);
  });

  it.each([
    ['a file', (path: string) => writeFileSync(path, ''), 'a file stands where a folder should be'],
    [
      'a link that leads nowhere',
      (path: string) => symlinkSync('gone', path),
      'this is a link that leads nowhere',
    ],
  ])('complains of %s in the way', async (_, make, says) => {
    const path = join(tempFolder(), 'a');
    make(path);
    await expect(ensureFolder(path)).rejects.toThrow(`${path}: ${says}`);
    await expect(ensureFolder(join(path, 'b'))).rejects.toThrow(says);
  });

  it('follows a link to a folder, which an operator may have set', async () => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'real'));
    symlinkSync(join(folder, 'real'), join(folder, 'link'));
    await ensureFolder(join(folder, 'link', 'inner'));
    expect(existsSync(join(folder, 'real', 'inner'))).toBe(true);
  });
});

describe('ensureChildFolder', () => {
  it.each(['..', '../x', 'a/b', '/etc', '.', ''])('never leaves its parent for %j', async (name) => {
    const folder = tempFolder();
    await expect(ensureChildFolder(folder, name)).rejects.toThrow('is not the name of a folder inside');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('does not follow a link that somebody planted, nor takes a file for its parent', async () => {
    const folder = tempFolder();
    const [link, file] = [join(folder, 'demo'), join(folder, 'out')];
    symlinkSync('/etc', link);
    writeFileSync(file, '');
    await expect(ensureChildFolder(folder, 'demo')).rejects.toThrow(
      `${link}: a symbolic link stands in the way, and links are not followed; remove it`,
    );
    await expect(ensureChildFolder(file, 'demo')).rejects.toThrow('a file stands where a folder should be');
  });
});
