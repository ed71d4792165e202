import { join } from 'node:path';
import type { BadgeFile } from '../badges/endpoint.ts';
import { ensureChildFolder, ensureFolder, sweepTemporary, writeIfChanged } from '../disk/files.ts';

/**
 * Publishes the badge files of one package; files that would not change are left alone.
 *
 * @param outputDir Absolute path; made if it is missing.
 * @param packageName Normalized name, which is the folder's.
 * @throws OperatorError if the disk refuses.
 */
export async function publishBadges(
  outputDir: string,
  packageName: string,
  files: readonly BadgeFile[],
): Promise<void> {
  await ensureFolder(outputDir);
  const folder = await ensureChildFolder(outputDir, packageName);
  await sweepTemporary(folder);
  for (const { name, content } of files) await writeIfChanged(join(folder, name), content);
}
