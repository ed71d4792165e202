import type { Logger } from 'pino';
import { ensureFolder, PRIVATE } from '../disk/files.ts';
import { acquireLock, type Lock, LockHeldError } from '../state/lock.ts';
import type { Context } from './context.ts';

/** Another run holds the lock. */
const EXIT_LOCKED = 3;

/**
 * Does what must not be done beside a run.
 *
 * @param log Of a run that goes on where the disk refuses a lock, which it then never holds; absent for what must not.
 * @returns The exit code: that of the action, or EXIT_LOCKED with a message if there is a run.
 * @throws OperatorError if the disk refuses and there is no log, and whatever the action throws.
 */
export async function underLock(
  stateDir: string,
  { now, stderr }: Context,
  action: (lock: Pick<Lock, 'assertHeld'>) => Promise<number>,
  log?: Logger,
): Promise<number> {
  let lock: Lock;
  try {
    await ensureFolder(stateDir, PRIVATE.folder);
    lock = await acquireLock(stateDir, now);
  } catch (error) {
    if (error instanceof LockHeldError) {
      if (log === undefined) stderr.write(`${error.message}\n`);
      else log.error({ error_code: error.code }, error.message);
      return EXIT_LOCKED;
    }
    if (log === undefined) throw error;
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
