import { ensureFolder } from '../disk/files.ts';
import { acquireLock, type Lock, LockHeldError } from '../state/lock.ts';
import type { Context } from './context.ts';

/** Another run holds the lock. */
export const EXIT_LOCKED = 3;

/**
 * Does what must not be done beside a run.
 *
 * @returns The exit code: that of the action, or EXIT_LOCKED with a message if there is a run.
 * @throws OperatorError if the disk refuses, and whatever the action throws.
 */
export async function underLock(
  stateDir: string,
  { now, stderr }: Pick<Context, 'now' | 'stderr'>,
  action: (lock: Lock) => Promise<number>,
): Promise<number> {
  await ensureFolder(stateDir, 'operator');
  let lock: Lock;
  try {
    lock = await acquireLock(stateDir, now);
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error;
    stderr.write(`${error.message}\n`);
    return EXIT_LOCKED;
  }
  try {
    return await action(lock);
  } finally {
    await lock.release();
  }
}
