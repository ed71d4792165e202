import { join } from 'node:path';
import type { BadgeFile } from '../badges/endpoint.ts';
import { ensureChildFolder, ensureFolder, sweepTemporary, writeIfChanged } from '../disk/files.ts';

/**
 * Publishes the badge files of one package; files that would not change are left alone.
 *
 * @param outputDir Absolute path; made if it is missing.
 * @param packageName Normalized name, which is the folder's.
 * @returns How many files were written.
 * @throws OperatorError if the disk refuses.
 */
export async function publishBadges(
  outputDir: string,
  packageName: string,
  files: readonly BadgeFile[],
): Promise<number> {
  await ensureFolder(outputDir);
  const folder = await ensureChildFolder(outputDir, packageName);
  await sweepTemporary(folder);
  let written = 0;
  for (const { name, content } of files) {
    if (await writeIfChanged(join(folder, name), content)) written += 1;
  }
  return written;
}
