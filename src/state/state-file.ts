import { readdirSync, renameSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { diskError } from '../disk/disk-error.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { OperatorError, sanitizeMessage } from '../errors/error.ts';

/*
 * What all files of the state have in common: none is trusted, and none of their faults is passed over.
 */

/** A file of the state that must not be trusted; the message says why, and may quote the file. */
export class FileRejected extends Error {
  override name = 'FileRejected';

  constructor(reason: string) {
    super(sanitizeMessage(reason));
  }
}

/**
 * @param reason A function where this is asked of each row: making a text that nobody reads takes longer than all else.
 * @throws FileRejected with the reason, unless the condition holds.
 */
export function assert(condition: boolean, reason: string | (() => string)): asserts condition {
  if (!condition) throw new FileRejected(typeof reason === 'string' ? reason : reason());
}

/** @throws FileRejected with the reason if the text is not JSON. */
export function parseJson(text: string, reason = 'it is not JSON, perhaps cut short'): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FileRejected(reason);
  }
}

/** The text of a file as a value; undefined where there is no file, or none that is sound. */
export function readable<T>(text: string | undefined, parse: (text: string) => T): T | undefined {
  try {
    return text === undefined ? undefined : parse(text);
  } catch (error) {
    if (error instanceof FileRejected) return undefined;
    throw error;
  }
}

/** Whether a parsed JSON value is a count: a whole number from 0 that is held exactly. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

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

/**
 * Sets a file aside that was rejected, and says so.
 *
 * @throws Any error but FileRejected as it is; OperatorError if the disk refuses.
 */
export function rejectFile(path: string, error: unknown, warn: Warn): void {
  if (!(error instanceof FileRejected)) throw error;
  warn?.(`${path} cannot be trusted: ${error.message}; it is set aside as ${setAside(path)}`);
}

/** Faults of the whole disk; others may concern one file of it. */
const WHOLE_DISK: readonly ErrorCode[] = ['disk-full', 'disk-readonly', 'disk-failed'];

/**
 * A fault of the state folder. Where the whole disk is at fault every package would meet it, and nothing may
 * be paid for that cannot be kept. Other errors stay as they are.
 */
export function stateError(error: unknown): unknown {
  if (!(error instanceof OperatorError) || !WHOLE_DISK.includes(error.code)) return error;
  return new OperatorError(error.code, error.message, { affectsAll: true, cause: error });
}

/** What work on the state folder brings; its faults are those of the folder. */
export async function orStateError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw stateError(error);
  }
}
