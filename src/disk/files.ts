import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { OperatorError } from '../errors/error.ts';
import { MIB } from '../util.ts';
import { diskError, isUnsupported } from './disk-error.ts';

/*
 * Everything here asks the disk synchronously: a small file takes a tenth of a millisecond that way,
 * five times less than through the thread pool, and a run has nothing else to do meanwhile.
 */

/** Modes of what is for a web server that runs as somebody else, whatever the umask says. */
const PUBLIC = { file: 0o644, folder: 0o755 } as const;

/** Modes of what is for the user that runs the collector alone. */
export const PRIVATE = { file: 0o600, folder: 0o700 } as const;

/** Names of files that are being written: hidden, so that no web server serves them. */
const TEMPORARY = /^\..+\.\d+\.tmp$/;

/** A file left by a killed run is written over; a link planted in its place is not followed, and a pipe not waited for. */
const NEW_FILE =
  fs.constants.O_WRONLY |
  fs.constants.O_CREAT |
  fs.constants.O_TRUNC |
  fs.constants.O_NOFOLLOW |
  fs.constants.O_NONBLOCK;

/** What the disk refuses of the work at a path is a sentence that says how to fix it. */
function ask<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw diskError(error, path);
  }
}

/** What is at a path, links not followed; undefined where there is nothing. */
export function lookAt(path: string): fs.Stats | undefined {
  return ask(path, () => fs.lstatSync(path, { throwIfNoEntry: false }));
}

/** Larger than any file of a run, and less than the longest text there can be. */
const BYTES_MAX = 256 * MIB;

/** What stands at a path in the place of a file that can be read, as words; undefined if it is one, or nothing is there. */
function obstacleIn(stats: fs.Stats | undefined, bytesMax: number): string | undefined {
  if (stats === undefined || (stats.isFile() && stats.size <= bytesMax)) return undefined;
  if (stats.isFile()) return `a file of more than ${bytesMax / MIB} MiB stands there`;
  const kinds = [
    [stats.isSymbolicLink(), 'a symbolic link'],
    [stats.isDirectory(), 'a folder'],
    [stats.isFIFO(), 'a pipe'],
    [stats.isSocket(), 'a socket'],
  ] as const;
  const [, kind = 'a device'] = kinds.find(([is]) => is) ?? [];
  return `${kind} stands where a file should be`;
}

/**
 * Finds out whether a file of this program is one, before it is opened.
 *
 * @returns Whether it is there.
 * @throws OperatorError if anything else is: what is no file might never end, and a link is not followed.
 */
export function assertFile(path: string): boolean {
  const stats = lookAt(path);
  const obstacle = obstacleIn(stats, BYTES_MAX);
  if (obstacle === undefined) return stats !== undefined;
  const remedy = stats?.isSymbolicLink() ? 'put the file itself there' : 'move it away';
  throw new OperatorError('disk-obstacle', `${path}: ${obstacle}; ${remedy}`);
}

/** Some shares know no modes: what is made there has those of the mount. */
function changeMode(change: () => void): void {
  try {
    change();
  } catch {
    // It is made with its mode, as far as the umask allows; only that is lost.
  }
}

/** Waits until the disk has a file or folder, unless the file system cannot tell. */
function sync(descriptor: number): void {
  try {
    fs.fsyncSync(descriptor);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  }
}

/** The path, or the nearest above it that is there; the root where none is, as on a broken disk. */
function nearestThere(path: string, isThere: (path: string) => boolean): string {
  return isThere(path) || path === dirname(path) ? path : nearestThere(dirname(path), isThere);
}

/** Whether anything is there, a link that leads nowhere among it; not where that cannot be looked at. */
function hasEntry(path: string): boolean {
  try {
    return lookAt(path) !== undefined;
  } catch {
    return false;
  }
}

/** @throws OperatorError if a path leads through a link to where nothing is. */
function assertNoDeadLink(path: string): void {
  const nearest = nearestThere(path, hasEntry);
  if (!hasEntry(nearest) || fs.existsSync(nearest)) return;
  const message = `${nearest}: this is a link that leads nowhere; make the folder, or remove the link`;
  throw new OperatorError('disk-obstacle', message);
}

/**
 * Makes a folder and those above it that are missing. Node.js, asked to make all of them, takes a read-only file system for
 * a folder that is missing.
 */
function makeFolders(path: string, mode: number): void {
  if (fs.existsSync(path) || path === dirname(path)) return;
  makeFolders(dirname(path), mode);
  try {
    fs.mkdirSync(path, { mode });
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return;
  }
  // The umask may have closed every level that was missing, and a web server must pass them all.
  if (mode === PUBLIC.folder) changeMode(() => fs.chmodSync(path, mode));
}

/** Makes a folder and those above it unless it is there. A link to a folder will do. */
export async function ensureFolder(path: string, mode: number = PUBLIC.folder): Promise<void> {
  const isFolder = () => fs.statSync(path, { throwIfNoEntry: false })?.isDirectory();
  try {
    if (isFolder()) return;
    makeFolders(path, mode);
    if (!isFolder()) throw { code: 'ENOTDIR' };
  } catch (error) {
    assertNoDeadLink(path);
    throw diskError(error, path);
  }
}

/**
 * Makes the folder `name` directly inside `parent`, unless it is there.
 *
 * @returns Its path.
 * @throws OperatorError if it would be anywhere else: a symbolic link is not followed.
 */
export async function ensureChildFolder(parent: string, name: string): Promise<string> {
  const path = join(parent, name);
  if (dirname(path) !== parent || basename(path) !== name) {
    throw new OperatorError('disk-obstacle', `${name} is not the name of a folder inside ${parent}`);
  }
  if (lookAt(path)?.isSymbolicLink()) throw diskError({ code: 'ELOOP' }, path);
  await ensureFolder(path);
  return path;
}

/** Opens a file or folder for as long as `use` takes; `mode` is for a new file. */
function withOpen<T>(path: string, flags: string | number, use: (descriptor: number) => T, mode?: number): T {
  const descriptor = fs.openSync(path, flags, mode);
  try {
    return use(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** What has taken a file's place since it was looked at is not followed or waited for. */
const OLD_FILE = fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK;

/**
 * How a file is read as a whole: in one call of the library, which opens, reads and closes. The types know flags as
 * texts only.
 */
const READ = { encoding: 'utf8', flag: OLD_FILE } as { encoding: 'utf8' };

/** What reading a file or folder brings; undefined where there is none. */
function ifPresent<T>(path: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw diskError(error, path);
  }
}

/**
 * The content of a file of this program, or undefined where there is none.
 *
 * @throws OperatorError if the disk refuses, or something else stands there, such as a link.
 */
export async function readIfPresent(path: string): Promise<string | undefined> {
  // An error for each file that is not there yet would take longer than everything else.
  return ifPresent(path, () => (assertFile(path) ? fs.readFileSync(path, READ) : undefined));
}

/** What a person writes is smaller by far. */
const NAMED_BYTES_MAX = 16 * MIB;

/**
 * The content of a file that a person names. Links are followed: container runtimes hand files over by links.
 *
 * @throws OperatorError if it is no file, which might never end, in words without its path; errors of the file system as
 * they are, EISDIR of a folder among them.
 */
export function readNamedFile(path: string): Buffer {
  const stats = fs.statSync(path);
  const obstacle = obstacleIn(stats.isDirectory() ? undefined : stats, NAMED_BYTES_MAX);
  if (obstacle === undefined) return fs.readFileSync(path);
  throw new OperatorError('disk-obstacle', `${obstacle}; put the right file in its place`);
}

/**
 * Finds out whether a file can be written where a person names one, links followed.
 *
 * @throws OperatorError if its folder cannot be written to, or what stands there is no file: it would be replaced, and a device
 * is needed by others.
 */
export function assertNoObstacle(path: string): void {
  const folder = dirname(path);
  ask(folder, () => fs.accessSync(folder, fs.constants.W_OK));
  const stats = ifPresent(path, () => fs.statSync(path));
  const obstacle = obstacleIn(stats, Number.POSITIVE_INFINITY);
  if (obstacle !== undefined) throw new OperatorError('disk-obstacle', `${path}: ${obstacle}; name another`);
}

/** Bytes of a file from `start` to before `end`, or fewer where it is shorter; undefined where there is none. */
export function readPart(path: string, start: number, end: number): Buffer | undefined {
  return ifPresent(path, () =>
    withOpen(path, OLD_FILE, (descriptor) => {
      const bytes = Buffer.allocUnsafe(end - start);
      return bytes.subarray(0, fs.readSync(descriptor, bytes, 0, bytes.length, start));
    }),
  );
}

/**
 * Replaces a file in one step, so that a reader sees the old or the new content and never a part.
 * A link at `path` is replaced, not followed.
 *
 * write-file-atomic does not fit: it follows links, and it renames a file that a full disk has cut
 * short into place, as it does not look at how much of it was written.
 *
 * @param durable Whether the content must survive a power cut once this returns. Badges need not:
 * the next run makes them again, and eleven waits for the disk a package add up.
 * @throws SyntaxError if a file of JSON would hold something else.
 */
export async function replaceFile(
  path: string,
  content: string,
  durable: boolean,
  mode: number = PUBLIC.file,
): Promise<void> {
  if (path.endsWith('.json')) JSON.parse(content);
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    const write = (descriptor: number) => {
      fs.writeFileSync(descriptor, content);
      changeMode(() => fs.fchmodSync(descriptor, mode));
      if (durable) sync(descriptor);
    };
    withOpen(temporary, NEW_FILE, write, mode);
    fs.renameSync(temporary, path);
    // A rename is on the disk only when the folder is.
    if (durable) withOpen(dirname(path), 'r', sync);
  } catch (error) {
    removeIfPossible(temporary);
    throw diskError(error, path);
  }
}

/** @throws OperatorError that says how to fix it. */
export function removeFile(path: string): void {
  ask(path, () => fs.rmSync(path, { force: true }));
}

/**
 * Removes a file, or a folder with all in it, that nobody needs; one that cannot be removed does no harm.
 *
 * @returns Whether it is gone.
 */
export function removeIfPossible(path: string, recursive = false): boolean {
  try {
    fs.rmSync(path, { force: true, recursive });
    return true;
  } catch {
    // What led here is what matters.
    return false;
  }
}

/**
 * Finds out whether there is room for a file of so many bytes, by writing it; it is removed again.
 *
 * @param name Of the file: `.<what>.<process id>.tmp`, which the next run removes where this one is killed.
 * @throws OperatorError that says how to fix it.
 */
export function probeRoom(folder: string, name: string, bytes: number): void {
  const path = join(folder, name);
  const write = (descriptor: number) => {
    fs.writeFileSync(descriptor, Buffer.alloc(bytes, ' '));
    // Until then a disk may have taken what it has no room for.
    sync(descriptor);
  };
  try {
    ask(folder, () => withOpen(path, NEW_FILE, write));
  } finally {
    removeIfPossible(path);
  }
}

/**
 * Finds out whether a run could write into a folder, by doing in a folder inside of it what a run does; that is removed again.
 *
 * @param path Absolute path.
 * @param use What else is to be tried in the folder inside.
 * @returns Whether the folder is there; one that is missing can be made.
 * @throws OperatorError that says how to fix it.
 */
export async function probeFolder(path: string, use?: (folder: string) => Promise<void>): Promise<boolean> {
  assertNoDeadLink(path);
  const nearest = nearestThere(path, fs.existsSync);
  try {
    const folder = fs.mkdtempSync(join(nearest, '.doctor.'));
    try {
      // As much as a badge: a full disk may still have room for a name.
      await replaceFile(join(folder, 'probe'), ' '.repeat(4_096), true);
      await use?.(folder);
    } finally {
      removeIfPossible(folder, true);
    }
  } catch (error) {
    // What was tried is of no interest, but where.
    throw diskError((error as Error).cause ?? error, nearest);
  }
  return nearest === path;
}

/**
 * Paths of all in the folder `name` directly inside `parent`; none where there is no such folder.
 *
 * @throws OperatorError if files could not be written into it.
 */
export function filesOfChild(parent: string, name: string): string[] {
  const folder = join(parent, name);
  return ask(folder, () => {
    const stats = fs.lstatSync(folder, { throwIfNoEntry: false });
    if (stats === undefined) return [];
    if (!stats.isDirectory()) throw { code: stats.isSymbolicLink() ? 'ELOOP' : 'ENOTDIR' };
    // There may be thousands of them: to write into each takes too long.
    fs.accessSync(folder, fs.constants.W_OK | fs.constants.X_OK);
    return fs.readdirSync(folder).map((each) => join(folder, each));
  });
}

/** Names of what is in a folder; none where that cannot be told. */
export function namesIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * Names of what is in a folder; none where there is no such folder.
 *
 * @throws OperatorError if the disk refuses.
 */
export function demandNames(folder: string): string[] {
  assertNoDeadLink(folder);
  return ifPresent(folder, () => fs.readdirSync(folder)) ?? [];
}

/**
 * Removes what killed runs have left of `replaceFile` in a folder. To be called under the lock.
 * It is housekeeping: a folder that cannot be read is left to those who need it.
 *
 * @returns Names of what was in the folder; none where that cannot be told.
 */
export async function sweepTemporary(folder: string): Promise<string[]> {
  const names = namesIn(folder);
  for (const name of names) if (TEMPORARY.test(name)) removeIfPossible(join(folder, name));
  return names;
}

/**
 * Writes a file only if that changes it, so that a web server's validators stay stable.
 *
 * @param onlyThere Whether a file that is not there is left out.
 * @returns Whether it was written.
 */
export async function writeIfChanged(path: string, content: string, onlyThere = false): Promise<boolean> {
  const before = lookAt(path);
  if (before === undefined && onlyThere) return false;
  // What is no file, or of another size, is replaced unread.
  const isSame = before?.isFile() && before.size === Buffer.byteLength(content);
  if (isSame && ifPresent(path, () => fs.readFileSync(path, READ)) === content) return false;
  await replaceFile(path, content, false);
  return true;
}

/** A file to be published: its name inside its folder, and its whole content. */
export interface FolderFile {
  readonly name: string;
  readonly content: string;
}

/**
 * Writes the files of the folder `name` directly inside `parent`, each only if that changes it. What killed runs have left
 * there is removed.
 *
 * @param onlyThere Whether files that are not there are left out.
 * @returns Names of what was in the folder before; none where that cannot be told.
 * @throws OperatorError if the disk refuses, or the folder would be anywhere else.
 */
export async function writeFolder(
  parent: string,
  name: string,
  files: readonly FolderFile[],
  onlyThere = false,
): Promise<readonly string[]> {
  const folder = await ensureChildFolder(parent, name);
  const before = await sweepTemporary(folder);
  for (const file of files) await writeIfChanged(join(folder, file.name), file.content, onlyThere);
  return before;
}
