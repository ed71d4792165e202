import type { ErrorCode } from '../errors/codes.ts';
import { OperatorError } from '../errors/error.ts';

const FOLDER = 'a folder stands where a file should be; move it away';
const FULL = 'the disk is full or the quota is used up; free some space or raise the quota';
const DENIED = 'permission denied; give the user that runs the collector write permission';

/** What the operating system calls it, our code, and what to do. */
const FAULTS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOSPC: ['disk-full', FULL],
  EDQUOT: ['disk-full', FULL],
  EROFS: [
    'disk-readonly',
    'the file system is read-only; mount it writable, or allow the path in the service unit (ReadWritePaths=)',
  ],
  EACCES: ['disk-permission', DENIED],
  EPERM: ['disk-permission', DENIED],
  EISDIR: ['disk-obstacle', FOLDER],
  ENOTEMPTY: ['disk-obstacle', FOLDER],
  ENOTDIR: ['disk-obstacle', 'a file stands where a folder should be; move it away'],
  EEXIST: ['disk-obstacle', 'it cannot be used'],
  ELOOP: ['disk-obstacle', 'a symbolic link stands in the way, and links are not followed; remove it'],
  ENOENT: ['disk-failed', 'the folder has gone while it was in use; run again'],
  EIO: ['disk-failed', 'the disk failed; check the kernel log'],
};

/** A file that could not be read or written, as a sentence that says how to fix it. */
export function diskError(error: unknown, path: string): unknown {
  const name = String((error as NodeJS.ErrnoException | undefined)?.code);
  const known = Object.hasOwn(FAULTS, name) ? FAULTS[name] : undefined;
  if (error instanceof OperatorError || known === undefined) return error;
  const [code, remedy] = known;
  return new OperatorError(code, `${path}: ${remedy} (${name})`, { cause: error });
}
