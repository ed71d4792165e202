import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { OperatorError } from '../errors/error.ts';
import { diskError } from './disk-error.ts';

/*
 * Everything here asks the disk synchronously: a small file takes a tenth of a millisecond that way,
 * five times less than through the thread pool, and a run has nothing else to do meanwhile.
 */

/**
 * Whom files and folders are for: a web server that runs as somebody else, whatever the umask says, or the
 * user that runs the collector alone.
 */
export type Audience = 'everybody' | 'operator';

const MODES: Record<Audience, { readonly file: number; readonly folder: number }> = {
  everybody: { file: 0o644, folder: 0o755 },
  operator: { file: 0o600, folder: 0o700 },
};

/** Names of files that are being written: hidden, so that no web server serves them. */
const TEMPORARY = /^\..+\.\d+\.tmp$/;

/** A file left by a killed run is written over; a link planted in its place is not followed. */
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;

function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
}

/** Whether there is a symbolic link of this name, wherever it leads. */
export function isLink(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  } catch (error) {
    throw diskError(error, path);
  }
}

/** Makes a folder and those above it unless it is there. A link to a folder will do. */
export async function ensureFolder(path: string, audience: Audience = 'everybody'): Promise<void> {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    const first = mkdirSync(path, { recursive: true, mode: MODES[audience].folder });
    if (first === undefined || audience === 'operator') return;
    // The umask may have closed every level that was missing, and a web server must pass them all.
    for (let made = path; made.length >= first.length; made = dirname(made))
      chmodSync(made, MODES[audience].folder);
  } catch (error) {
    throw diskError((error as NodeJS.ErrnoException).code === 'EEXIST' ? { code: 'ENOTDIR' } : error, path);
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
  if (isLink(path)) throw diskError({ code: 'ELOOP' }, path);
  await ensureFolder(path);
  return path;
}

/** Opens a file or folder for as long as `use` takes. */
function withOpen<T>(path: string, flags: string | number, use: (descriptor: number) => T): T {
  const descriptor = openSync(path, flags, MODES.operator.file);
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A link that was planted is not followed, and a pipe is not waited for: it reads as an empty file. */
const OLD_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * How a file is read as a whole: in one call of the library, which opens, reads and closes. The types know flags as
 * texts only.
 */
const READ = { encoding: 'utf8', flag: OLD_FILE } as { encoding: 'utf8' };

/** What reading a file or folder brings; undefined where there is none of this name. A link counts as none. */
function ifPresent<T>(path: string, read: () => T): T | undefined {
  try {
    // An error for each file that is not there yet would take longer than everything else.
    return lstatSync(path, { throwIfNoEntry: false }) && read();
  } catch (error) {
    if (['ENOENT', 'ELOOP'].includes(String((error as NodeJS.ErrnoException).code))) return undefined;
    throw diskError(error, path);
  }
}

/** The content of a regular file, or undefined where there is none; a link counts as none. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  return ifPresent(path, () => readFileSync(path, READ));
}

/** Bytes of a regular file from `start` to before `end`, or fewer where it is shorter; undefined where there is none. */
export function readPart(path: string, start: number, end: number): Buffer | undefined {
  return ifPresent(path, () =>
    withOpen(path, OLD_FILE, (descriptor) => {
      const bytes = Buffer.allocUnsafe(end - start);
      return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, start));
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
  audience: Audience = 'everybody',
): Promise<void> {
  if (path.endsWith('.json')) JSON.parse(content);
  const temporary = temporaryPath(path);
  try {
    withOpen(temporary, NEW_FILE, (descriptor) => {
      writeFileSync(descriptor, content);
      fchmodSync(descriptor, MODES[audience].file);
      if (durable) fsyncSync(descriptor);
    });
    renameSync(temporary, path);
    // A rename is on the disk only when the folder is.
    if (durable) withOpen(dirname(path), 'r', fsyncSync);
  } catch (error) {
    removeIfPossible(temporary);
    throw diskError(error, path);
  }
}

/** @throws OperatorError that says how to fix it. */
export function removeFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw diskError(error, path);
  }
}

/**
 * Removes a file that nobody needs; one that cannot be removed does no harm.
 *
 * @returns Whether it is gone.
 */
export function removeIfPossible(path: string): boolean {
  try {
    removeFile(path);
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
  try {
    withOpen(path, NEW_FILE, (descriptor) => {
      writeFileSync(descriptor, Buffer.alloc(bytes, ' '));
      // Until then a disk may have taken what it has no room for.
      fsyncSync(descriptor);
    });
  } catch (error) {
    throw diskError(error, folder);
  } finally {
    removeIfPossible(path);
  }
}

/** Whether anything is there, a link that leads nowhere among it. */
function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/**
 * Finds out whether a run could write into a folder, by doing so; what it writes it removes again.
 *
 * @param path Absolute path.
 * @returns Whether the folder is there; one that is missing can be made.
 * @throws OperatorError that says how to fix it.
 */
export function probeFolder(path: string): boolean {
  let nearest = path;
  while (!isThere(nearest)) nearest = dirname(nearest);
  if (nearest !== path) {
    try {
      accessSync(nearest, constants.W_OK | constants.X_OK);
    } catch (error) {
      throw diskError(error, nearest);
    }
    return false;
  }
  if (!existsSync(path)) {
    const message = `${path}: this is a link that leads nowhere; make the folder, or remove the link`;
    throw new OperatorError('disk-obstacle', message);
  }
  // As much as a badge: a full disk may still have room for a name.
  probeRoom(path, `.doctor.${process.pid}.tmp`, 4_096);
  return true;
}

/** Names of what is in a folder; undefined where that cannot be told. */
export function namesIn(folder: string): string[] | undefined {
  try {
    return readdirSync(folder);
  } catch {
    return undefined;
  }
}

/**
 * Names of what is in a folder; none where there is no such folder.
 *
 * @throws OperatorError if the disk refuses.
 */
export function demandNames(folder: string): string[] {
  return ifPresent(folder, () => readdirSync(folder)) ?? [];
}

/**
 * Removes what killed runs have left of `replaceFile` in a folder. To be called under the lock.
 * It is housekeeping: a folder that cannot be read is left to those who need it.
 *
 * @returns Names of what else is in the folder; undefined where that cannot be told.
 */
export async function sweepTemporary(folder: string): Promise<string[] | undefined> {
  const names = namesIn(folder);
  const left = names?.filter((name) => TEMPORARY.test(name)) ?? [];
  for (const name of left) removeIfPossible(join(folder, name));
  return left.length === 0 ? names : names?.filter((name) => !left.includes(name));
}

/**
 * Writes a file only if that changes it, so that a web server's validators stay stable.
 *
 * @param onlyThere Whether a file that is not there is left out.
 * @returns Whether it was written.
 */
export async function writeIfChanged(path: string, content: string, onlyThere = false): Promise<boolean> {
  const before = await readIfPresent(path);
  if (before === content || (before === undefined && onlyThere)) return false;
  await replaceFile(path, content, false);
  return true;
}

/** A file to be published: its name inside its folder, and its whole content. */
export interface FolderFile {
  readonly name: string;
  readonly content: string;
}

/**
 * Writes the files of one folder, each only if that changes it; what killed runs have left there is removed.
 *
 * @param onlyThere Whether files that are not there are left out.
 * @returns Names of what was in the folder before; none where that cannot be told.
 * @throws OperatorError if the disk refuses.
 */
export async function writeFiles(
  folder: string,
  files: readonly FolderFile[],
  onlyThere = false,
): Promise<readonly string[]> {
  const names = await sweepTemporary(folder);
  for (const { name, content } of files) await writeIfChanged(join(folder, name), content, onlyThere);
  return names ?? [];
}
