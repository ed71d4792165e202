import { readdirSync, renameSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { diskError } from '../disk/disk-error.ts';
import type { FileRejected } from './checks.ts';

/** Is told of files that are set aside; undefined to leave them where they are. */
export type Warn = ((message: string) => void) | undefined;

/**
 * Renames a file that cannot be trusted to `<name>.rejected-<number>`, with the lowest number that is free, so
 * that nothing is lost.
 *
 * @returns Where it is now.
 * @throws OperatorError if the disk refuses.
 */
export function setAside(path: string): string {
  try {
    const taken = new Set(readdirSync(dirname(path)));
    let number = 1;
    while (taken.has(`${basename(path)}.rejected-${number}`)) number += 1;
    const aside = `${path}.rejected-${number}`;
    renameSync(path, aside);
    return aside;
  } catch (error) {
    throw diskError(error, path);
  }
}

/** Sets a file aside that was rejected, and says so. */
export function distrust(path: string, { message }: FileRejected, warn: Warn): void {
  warn?.(`${path} cannot be trusted: ${message}; it is set aside as ${setAside(path)}`);
}
