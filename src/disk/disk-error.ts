import { codeOf, remedyOf } from '../errors/codes.ts';
import { OperatorError } from '../errors/error.ts';

/** Remedies for faults whose kind has more than one. */
const REMEDIES: Record<string, string> = {
  EISDIR: 'a folder stands where a file should be; move it away',
  ENOTEMPTY: 'a folder stands where a file should be; move it away',
  ENOTDIR: 'a file stands where a folder should be; move it away',
  ELOOP: 'a symbolic link stands in the way, and links are not followed; remove it',
  ENOENT: 'the folder has gone while it was in use; run again',
  EIO: 'the disk failed; check the kernel log',
};

/** A file that could not be read or written, as a sentence that says how to mend it. */
export function diskError(error: unknown, path: string): unknown {
  const name = (error as NodeJS.ErrnoException | undefined)?.code;
  if (error instanceof OperatorError || typeof name !== 'string') return error;
  const code = codeOf({ step: 'disk', code: name, message: '' });
  if (code === undefined) return error;
  const remedy = REMEDIES[name] ?? remedyOf(code, path) ?? 'it cannot be used';
  return new OperatorError(code, `${path}: ${remedy} (${name})`, { cause: error });
}
