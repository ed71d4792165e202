import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { OperatorError } from '../errors.ts';
import { diskError } from './disk-error.ts';

/** Badges and folders are for a web server that runs as somebody else, whatever the umask says. */
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

/** Names of files that are being written: hidden, so that no web server serves them. */
const TEMPORARY = /^\..+\.\d+\.tmp$/;

function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
}

async function isLink(path: string): Promise<boolean> {
  const stats = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw diskError(error, path);
  });
  return stats?.isSymbolicLink() ?? false;
}

/** Makes a folder and those above it, readable by all, unless it is there. A link to a folder will do. */
export async function ensureFolder(path: string): Promise<void> {
  try {
    const first = await mkdir(path, { recursive: true });
    if (first === undefined) return;
    // The umask may have closed every level that was missing, and a web server must pass them all.
    for (let made = path; made.length >= first.length; made = dirname(made)) await chmod(made, FOLDER_MODE);
  } catch (error) {
    throw diskError((error as NodeJS.ErrnoException).code === 'EEXIST' ? { code: 'ENOTDIR' } : error, path);
  }
}

/**
 * Makes the folder `name` directly inside `parent`, unless it is there.
 *
 * @returns Its path.
 * @throws OperatorError if it would be anywhere else: a link is not followed, whoever planted it.
 */
export async function ensureChildFolder(parent: string, name: string): Promise<string> {
  const path = join(parent, name);
  if (dirname(path) !== parent || basename(path) !== name) {
    throw new OperatorError(`${name} is not the name of a folder inside ${parent}`);
  }
  if (await isLink(path)) throw diskError({ code: 'ELOOP' }, path);
  await ensureFolder(path);
  return path;
}

/** The content of a regular file, or undefined where there is none; a link counts as none. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (['ENOENT', 'ELOOP'].includes(String((error as NodeJS.ErrnoException).code))) return undefined;
    throw diskError(error, path);
  }
}

async function writeNew(path: string, content: string, durable: boolean): Promise<void> {
  const handle = await open(path, 'wx', FILE_MODE);
  try {
    await handle.writeFile(content);
    await handle.chmod(FILE_MODE);
    if (durable) await handle.sync();
  } finally {
    await handle.close();
  }
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
 */
export async function replaceFile(path: string, content: string, durable: boolean): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    await rm(temporary, { force: true });
    await writeNew(temporary, content, durable);
    await rename(temporary, path);
    if (durable) await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw diskError(error, path);
  }
}

/**
 * Removes what killed runs have left of `replaceFile` in a folder. Nobody else may be writing there.
 * It is housekeeping: a folder that cannot be read is left to those who need it.
 */
export async function sweepTemporary(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((candidate) => TEMPORARY.test(candidate))) {
    await rm(join(folder, name), { force: true }).catch(() => undefined);
  }
}

/** A rename is on the disk only when the folder is. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Writes a file only if that changes it, so that a web server's validators stay stable.
 *
 * @returns Whether it was written.
 */
export async function writeIfChanged(path: string, content: string): Promise<boolean> {
  if ((await readIfPresent(path)) === content) return false;
  await replaceFile(path, content, false);
  return true;
}
