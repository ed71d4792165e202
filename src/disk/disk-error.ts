import { constants } from 'node:os';
import type { ErrorCode } from '../errors/codes.ts';
import { OperatorError } from '../errors/error.ts';

const FOLDER = 'a folder stands where a file should be; move it away';
const FULL = 'the disk is full or the quota is used up; free some space or raise the quota';
const LOST = 'the share does not answer, or has lost the file; mount it again';
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
  EBUSY: [
    'disk-obstacle',
    'it is in use, or a mount of its own; end what uses it, or mount its folder instead',
  ],
  ELOOP: ['disk-obstacle', 'a symbolic link stands in the way, and links are not followed; remove it'],
  ENOENT: ['disk-failed', 'the folder has gone while it was in use; run again'],
  ESTALE: ['disk-failed', LOST],
  ENOTCONN: ['disk-failed', LOST],
  EHOSTDOWN: ['disk-failed', LOST],
  ETIMEDOUT: ['disk-failed', LOST],
  EIO: ['disk-failed', 'the disk failed; check the kernel log'],
};

const OTHER: (typeof FAULTS)[string] = [
  'disk-failed',
  'the file system refused; look at how it is mounted, and at the kernel log',
];

/** What a file system answers that does not have an operation. */
const UNSUPPORTED: readonly unknown[] = ['EPERM', 'EINVAL', 'EBADF', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'];

const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** What the operating system calls an error; undefined if it is none of its own. Node.js knows some by their number alone. */
function systemName({ code, errno }: NodeJS.ErrnoException): string | undefined {
  if (errno !== undefined) return NAMES.get(Math.abs(errno)) ?? code;
  return code !== undefined && Object.hasOwn(FAULTS, code) ? code : undefined;
}

/** Whether a file system does not have the operation that failed, as some shares know no modes, sockets or fsync of a folder. */
export function isUnsupported(error: unknown): boolean {
  return UNSUPPORTED.includes(systemName(error as NodeJS.ErrnoException));
}

/** A file that could not be read or written, as a sentence that says how to fix it. Other errors stay as they are. */
export function diskError(error: unknown, path: string): unknown {
  const name = error instanceof OperatorError ? undefined : systemName(Object(error));
  if (name === undefined) return error;
  const [code, remedy] = FAULTS[name] ?? OTHER;
  return new OperatorError(code, `${path}: ${remedy} (${name})`, { cause: error });
}
