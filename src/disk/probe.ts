import { constants } from 'node:fs';
import { access, lstat, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OperatorError } from '../errors/error.ts';
import { diskError } from './disk-error.ts';

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

async function nearestAbove(path: string): Promise<string> {
  const above = dirname(path);
  return above === path || (await exists(above)) ? above : nearestAbove(above);
}

/**
 * Finds out whether a run could write into a folder, by doing so; what it writes it removes again.
 *
 * @param path Absolute path.
 * @returns Whether the folder is there; one that is missing can be made.
 * @throws OperatorError that says how to mend it.
 */
export async function probeFolder(path: string): Promise<boolean> {
  if (!(await exists(path))) {
    const above = await nearestAbove(path);
    await access(above, constants.W_OK | constants.X_OK).catch((error: unknown) => {
      throw diskError(error, above);
    });
    return false;
  }
  const file = join(path, `.doctor.${process.pid}.tmp`);
  try {
    // As much as a badge: a full disk may still have room for a name.
    await writeFile(file, 'x'.repeat(4_096));
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? new OperatorError(
          'disk-obstacle',
          `${path}: this is a link that leads nowhere; make the folder, or remove the link`,
        )
      : diskError(error, path);
  } finally {
    await rm(file, { force: true }).catch(() => undefined);
  }
  return true;
}
