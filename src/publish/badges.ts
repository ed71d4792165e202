import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BadgeFile } from '../badges/endpoint.ts';
import { normalizePackageName, PACKAGE_NAME } from '../config/package-name.ts';
import { ensureChildFolder, ensureFolder, sweepTemporary, writeIfChanged } from '../disk/files.ts';

/**
 * Folders whose names are other spellings of packages, by the normalized name. pypi-winnow-downloads names them as
 * its list spells the package (`Flask_SQLAlchemy`), and READMEs point there.
 *
 * @returns Empty where the folder cannot be read; writing to it says what is wrong.
 */
export function otherSpellings(outputDir: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  let names: string[] = [];
  try {
    names = readdirSync(outputDir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && PACKAGE_NAME.test(entry.name))
      .map(({ name }) => name);
  } catch {
    return found;
  }
  for (const name of names) {
    const normalized = normalizePackageName(name);
    if (name !== normalized) found.set(normalized, [...(found.get(normalized) ?? []), name]);
  }
  return found;
}

/**
 * Publishes the badge files of one package; files that would not change are left alone. Badges that lie in a
 * folder of the same package under another spelling are renewed, too, so that an address in use never freezes.
 *
 * @param outputDir Absolute path; made if it is missing.
 * @param packageName Normalized name, which is the folder's.
 * @param spellings Names of the folders under another spelling.
 * @throws OperatorError if the disk refuses.
 */
export async function publishBadges(
  outputDir: string,
  packageName: string,
  files: readonly BadgeFile[],
  spellings: readonly string[] = [],
): Promise<void> {
  await ensureFolder(outputDir);
  const folder = await ensureChildFolder(outputDir, packageName);
  await sweepTemporary(folder);
  for (const { name, content } of files) await writeIfChanged(join(folder, name), content);
  for (const spelling of spellings) {
    const alias = await ensureChildFolder(outputDir, spelling);
    await sweepTemporary(alias);
    const there = new Set(readdirSync(alias));
    for (const { name, content } of files) {
      if (there.has(name)) await writeIfChanged(join(alias, name), content);
    }
  }
}
