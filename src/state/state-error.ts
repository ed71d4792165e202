import type { ErrorCode } from '../errors/codes.ts';
import { OperatorError } from '../errors/error.ts';

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
