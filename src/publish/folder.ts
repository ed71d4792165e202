import { readdirSync } from 'node:fs';
import { append } from '../append.ts';
import { normalizePackageName, PACKAGE_NAME } from '../config/package-name.ts';
import { ensureChildFolder, type FolderFile, writeFiles } from '../disk/files.ts';

/**
 * Names of the folders that can be packages', in any spelling.
 *
 * @returns None where the output folder cannot be read; writing to it says what is wrong.
 */
export function packageFolders(outputDir: string): string[] {
  try {
    return readdirSync(outputDir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && PACKAGE_NAME.test(entry.name))
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

/**
 * Folders whose names are other spellings of packages, by the normalized name. pypi-winnow-downloads names them as
 * its list spells the package (`Flask_SQLAlchemy`), and READMEs point there.
 */
export function otherSpellings(outputDir: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const name of packageFolders(outputDir)) {
    const normalized = normalizePackageName(name);
    if (name !== normalized) append(found, normalized, name);
  }
  return found;
}

/**
 * Publishes the files of one package; those that would not change are left alone. What lies in a folder of the same
 * package under another spelling is renewed, too, so that an address in use never freezes.
 *
 * @param outputDir Absolute path; made if it is missing.
 * @param packageName Normalized name, which is the folder's.
 * @param spellings Names of the folders under another spelling.
 * @returns Names of what was in the package's folder before.
 * @throws OperatorError if the disk refuses.
 */
export async function publishFolder(
  outputDir: string,
  packageName: string,
  files: readonly FolderFile[],
  spellings: readonly string[] = [],
): Promise<readonly string[]> {
  const before = await writeFiles(await ensureChildFolder(outputDir, packageName), files);
  for (const spelling of spellings) {
    await writeFiles(await ensureChildFolder(outputDir, spelling), files, true);
  }
  return before;
}
