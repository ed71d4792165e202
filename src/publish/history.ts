import { join } from 'node:path';
import { HISTORY_FILE, type History, historyText, parseHistory } from '../badges/history.ts';
import { ensureChildFolder, ensureFolder, readIfPresent, writeIfChanged } from '../disk/files.ts';

/**
 * Publishes the history of a package beside its badges; left alone if it would not change.
 *
 * @throws OperatorError if the disk refuses.
 */
export async function publishHistory(outputDir: string, history: History): Promise<void> {
  await ensureFolder(outputDir);
  const folder = await ensureChildFolder(outputDir, history.package);
  await writeIfChanged(join(folder, HISTORY_FILE), historyText(history));
}

/**
 * The history of a package as it was last published.
 *
 * @returns undefined where there is none that can be used.
 * @throws OperatorError if the disk refuses.
 */
export async function readHistory(outputDir: string, packageName: string): Promise<History | undefined> {
  const text = await readIfPresent(join(outputDir, packageName, HISTORY_FILE));
  const history = text === undefined ? undefined : parseHistory(text);
  return history?.package === packageName ? history : undefined;
}
