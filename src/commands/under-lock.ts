import { ensureFolder, PRIVATE } from '../disk/files.ts';
import { acquireLock, type Lock, LockHeldError } from '../state/lock.ts';
import type { Context } from './context.ts';

/** Another run holds the lock. */
const EXIT_LOCKED = 3;

/** What is done where the lock cannot be had. */
interface Otherwise {
  /** Tells of another run; on stderr if absent. */
  readonly tellHeld?: (error: LockHeldError) => void;
  /** Whether the action is done all the same where the disk refuses a lock, which it then never holds. */
  readonly goesOn?: boolean;
}

/**
 * Does what must not be done beside a run.
 *
 * @returns The exit code: that of the action, or EXIT_LOCKED with a message if there is a run.
 * @throws OperatorError if the disk refuses, and whatever the action throws.
 */
export async function underLock(
  stateDir: string,
  { now, stderr }: Pick<Context, 'now' | 'stderr'>,
  action: (lock: Pick<Lock, 'assertHeld'>) => Promise<number>,
  { tellHeld = ({ message }) => stderr.write(`${message}\n`), goesOn = false }: Otherwise = {},
): Promise<number> {
  let lock: Lock;
  try {
    await ensureFolder(stateDir, PRIVATE.folder);
    lock = await acquireLock(stateDir, now);
  } catch (error) {
    if (error instanceof LockHeldError) {
      tellHeld(error);
      return EXIT_LOCKED;
    }
    if (!goesOn) throw error;
    const assertHeld = () => {
      throw error;
    };
    return action({ assertHeld });
  }
  try {
    return await action(lock);
  } finally {
    await lock.release();
  }
}
