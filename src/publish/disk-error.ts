import { OperatorError } from '../errors.ts';

const REMEDIES: Record<string, string> = {
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the disk quota is used up; raise it or free some space',
  EROFS:
    'the file system is read-only; mount it writable, or allow the path in the service unit (ReadWritePaths=)',
  EACCES: 'permission denied; give the user that runs the collector write permission',
  EPERM: 'not permitted; give the user that runs the collector write permission',
  EISDIR: 'a folder stands where a file should be; move it away',
  ENOTEMPTY: 'a folder stands where a file should be; move it away',
  ENOTDIR: 'a file stands where a folder should be; move it away',
  ELOOP: 'a symbolic link stands in the way, and links are not followed; remove it',
  ENOENT: 'the folder has gone while it was in use; run again',
  EIO: 'the disk failed; check the kernel log',
};

/** A file that could not be read or written, as a sentence that says how to mend it. */
export function diskError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (error instanceof OperatorError || typeof code !== 'string') return error;
  const remedy = REMEDIES[code];
  if (remedy === undefined) return error;
  return new OperatorError(`${path}: ${remedy} (${code})`, { cause: error });
}
