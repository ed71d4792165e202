import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CATALOGUE } from '../badges/catalogue.ts';
import type { Config, TrackedPackage } from '../config/config.ts';
import { normalizePackageName, PACKAGE_NAME } from '../config/package-name.ts';
import type { Warning } from '../winnow/warnings.ts';

/*
 * Badges that nobody renews any more: of a window or a package that is no longer listed. They would stand
 * at their last figure for ever, so they are told of.
 */

const IDS = CATALOGUE.map(({ id }) => id).join('|');
const BADGE_FILE = new RegExp(`^(?:${IDS})-([1-9]\\d{0,3})d-non-ci\\.(?:json|svg)$`);

/** Windows, in days, of which a package's folder has badges; none where there is no such folder. */
function windowsOnDisk(outputDir: string, packageName: string): number[] {
  let names: string[] = [];
  try {
    names = readdirSync(join(outputDir, packageName));
  } catch {
    // A folder that is missing or cannot be read has nothing to tell; writing to it says what is wrong.
    return [];
  }
  const windows = names.flatMap((name) => BADGE_FILE.exec(name)?.[1] ?? []).map(Number);
  return [...new Set(windows)].toSorted((a, b) => a - b);
}

/** What is left over of windows of a tracked package that are no longer listed. */
export function leftOverWindows(outputDir: string, { name, windows }: TrackedPackage): Warning[] {
  const stale = windowsOnDisk(outputDir, name).filter((days) => !windows.includes(days));
  if (stale.length === 0) return [];
  const which = stale.map((days) => `${days}d`).join(', ');
  return [
    {
      code: 'left-over',
      message: `there are badges of ${which}, not listed any more and not renewed; list ${stale.length === 1 ? 'it' : 'them'} again in window_days, or remove the files`,
    },
  ];
}

/** What is left over of packages that are no longer listed. */
export function leftOverPackages({ outputDir, packages }: Pick<Config, 'outputDir' | 'packages'>): Warning[] {
  const tracked = new Set(packages.map(({ name }) => name));
  let folders: string[] = [];
  try {
    folders = readdirSync(outputDir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && PACKAGE_NAME.test(entry.name))
      // Another spelling of a tracked package is renewed with it.
      .filter((entry) => !tracked.has(normalizePackageName(entry.name)))
      .map(({ name }) => name);
  } catch {
    return [];
  }
  const stale = folders.filter((name) => windowsOnDisk(outputDir, name).length > 0);
  if (stale.length === 0) return [];
  const which = stale.slice(0, 5).join(', ') + (stale.length > 5 ? ` and ${stale.length - 5} more` : '');
  return [
    {
      code: 'left-over',
      message: `there are badges of ${which}, not listed any more and not renewed; list them again, or remove their folders`,
    },
  ];
}
