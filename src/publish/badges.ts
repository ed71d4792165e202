import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BadgeFile } from '../badges/endpoint.ts';
import { normalizePackageName, PACKAGE_NAME } from '../config/package-name.ts';
import { ensureChildFolder, ensureFolder, sweepTemporary, writeIfChanged } from '../disk/files.ts';

/**
 * Folders of the same package under other spellings. pypi-winnow-downloads names them as its list spells the
 * package (`Flask_SQLAlchemy`), and READMEs point there.
 */
function otherSpellings(outputDir: string, packageName: string): string[] {
  return readdirSync(outputDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && PACKAGE_NAME.test(entry.name))
    .map(({ name }) => name)
    .filter((name) => name !== packageName && normalizePackageName(name) === packageName);
}

/**
 * Publishes the badge files of one package; files that would not change are left alone. Badges that lie in a
 * folder of the same package under another spelling are renewed, too, so that an address in use never freezes.
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
  for (const spelling of otherSpellings(outputDir, packageName)) {
    const alias = await ensureChildFolder(outputDir, spelling);
    await sweepTemporary(alias);
    const there = new Set(readdirSync(alias));
    for (const { name, content } of files) {
      if (there.has(name)) await writeIfChanged(join(alias, name), content);
    }
  }
}
