import { readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ALL_KINDS, type NamedKind } from '../badges/catalogue.ts';
import { retiredBadge } from '../badges/endpoint.ts';
import type { Config, TrackedPackage } from '../config/config.ts';
import { normalizePackageName, PACKAGE_NAME } from '../config/package-name.ts';
import { diskError } from '../disk/disk-error.ts';
import { readIfPresent, writeIfChanged } from '../disk/files.ts';
import type { Warning } from '../winnow/warnings.ts';
import { HISTORY_FILE } from './history.ts';

/*
 * Badges that nobody renews any more: of a window or a package that is no longer listed. They would stand
 * at their last figure for ever, so they are told of, and can be removed or marked.
 */

const KINDS = new Map(ALL_KINDS.map((kind) => [kind.id, kind]));
const BADGE_FILE = /^(.+)-([1-9]\d{0,3})d-non-ci\.(?:json|svg)$/;

/** Files of a package beside its badges. */
const OTHER_FILES: readonly string[] = [HISTORY_FILE, 'index.html'];

/** A badge file, as its name tells. */
export interface BadgeOnDisk {
  /** Name of the file. */
  readonly name: string;
  readonly kind: NamedKind;
  readonly windowDays: number;
}

/** What is left over in one folder below the output folder. */
export interface LeftOver {
  /** Name of the folder: a package in any spelling. */
  readonly folder: string;
  /** Normalized name of a package or group that is not listed any more; absent where only windows are not. */
  readonly package?: string;
  /** Days of the windows, shortest first. */
  readonly windows: readonly number[];
  readonly badges: readonly BadgeOnDisk[];
  /** Names of what else is of no use any more. */
  readonly others: readonly string[];
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // A folder that is missing or cannot be read has nothing to tell; writing to it says what is wrong.
    return [];
  }
}

/** The badge file of that name, in a list; empty for any other name. */
function badgeOnDisk(name: string): BadgeOnDisk[] {
  const [, id = '', days] = BADGE_FILE.exec(name) ?? [];
  const kind = KINDS.get(id);
  return kind === undefined ? [] : [{ name, kind, windowDays: Number(days) }];
}

/** Whether the badges of a window say that they are not renewed, by the first of its endpoint files. */
async function isMarked(folder: string, badges: readonly BadgeOnDisk[]): Promise<boolean> {
  const endpoint = badges.find(({ name }) => name.endsWith('.json'));
  if (endpoint === undefined) return false;
  const text = await readIfPresent(join(folder, endpoint.name)).catch(() => undefined);
  return text !== undefined && text === retiredBadge(endpoint.kind, endpoint.windowDays).json;
}

/** Badge files of a folder whose windows are not listed, and that do not say so themselves. */
async function unlisted(folder: string, listed: readonly number[]): Promise<BadgeOnDisk[]> {
  const stale = namesIn(folder)
    .flatMap(badgeOnDisk)
    .filter(({ windowDays }) => !listed.includes(windowDays));
  const found: BadgeOnDisk[] = [];
  for (const window of new Set(stale.map(({ windowDays }) => windowDays))) {
    const badges = stale.filter(({ windowDays }) => windowDays === window);
    if (!(await isMarked(folder, badges))) found.push(...badges);
  }
  return found;
}

async function leftOverIn(
  outputDir: string,
  folder: string,
  tracked: TrackedPackage | undefined,
): Promise<LeftOver | undefined> {
  const badges = await unlisted(join(outputDir, folder), tracked?.windows ?? []);
  if (badges.length === 0) return undefined;
  const windows = [...new Set(badges.map(({ windowDays }) => windowDays))].toSorted((a, b) => a - b);
  if (tracked !== undefined) return { folder, windows, badges, others: [] };
  const others = namesIn(join(outputDir, folder)).filter((name) => OTHER_FILES.includes(name));
  return { folder, package: normalizePackageName(folder), windows, badges, others };
}

/**
 * All that is left over in the output folder, by the name of the folder.
 *
 * @param ofPackages Whether to look only for packages that are not listed: a run has looked into the other folders.
 */
export async function findLeftOver(
  { outputDir, packages, groups }: Pick<Config, 'outputDir' | 'packages' | 'groups'>,
  ofPackages = false,
): Promise<LeftOver[]> {
  const tracked = new Map([...packages, ...groups].map((each) => [each.name, each]));
  let folders: string[] = [];
  try {
    folders = readdirSync(outputDir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && PACKAGE_NAME.test(entry.name))
      .map(({ name }) => name);
  } catch {
    return [];
  }
  const found: LeftOver[] = [];
  for (const folder of folders.toSorted()) {
    const listed = tracked.get(normalizePackageName(folder));
    if (ofPackages && listed !== undefined) continue;
    const left = await leftOverIn(outputDir, folder, listed);
    if (left !== undefined) found.push(left);
  }
  return found;
}

/** What is left over of windows of a tracked package or group that are no longer listed. */
export async function leftOverWindows(outputDir: string, tracked: TrackedPackage): Promise<Warning[]> {
  const left = await leftOverIn(outputDir, tracked.name, tracked);
  if (left === undefined) return [];
  const which = left.windows.map((days) => `${days}d`).join(', ');
  return [
    {
      code: 'left-over',
      message: `there are badges of ${which}, not listed any more and not renewed; list ${left.windows.length === 1 ? 'it' : 'them'} again in window_days, or run: pypi-badges prune`,
    },
  ];
}

/** What is left over of packages that are no longer listed. */
export async function leftOverPackages(
  config: Pick<Config, 'outputDir' | 'packages' | 'groups'>,
): Promise<Warning[]> {
  const stale = await findLeftOver(config, true);
  if (stale.length === 0) return [];
  const names = stale.map(({ folder }) => folder);
  const which = names.slice(0, 5).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');
  return [
    {
      code: 'left-over',
      message: `there are badges of ${which}, not listed any more and not renewed; list them again, or run: pypi-badges prune`,
    },
  ];
}

function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw diskError(error, path);
  }
}

/**
 * Removes what is left over in a folder, and the folder if nothing else is in it.
 *
 * @throws OperatorError if the disk refuses.
 */
export function removeLeftOver(outputDir: string, { folder, badges, others }: LeftOver): void {
  const place = join(outputDir, folder);
  for (const name of [...badges.map((badge) => badge.name), ...others]) remove(join(place, name));
  if (namesIn(place).length > 0) return;
  try {
    rmdirSync(place);
  } catch (error) {
    throw diskError(error, place);
  }
}

/**
 * Has the badges that are left over in a folder say that they are not renewed, so that a README that still shows
 * them does not lie; what else there is of the package goes.
 *
 * @throws OperatorError if the disk refuses.
 */
export async function markLeftOver(outputDir: string, { folder, badges, others }: LeftOver): Promise<void> {
  const place = join(outputDir, folder);
  for (const { name, kind, windowDays } of badges) {
    const { json, svg } = retiredBadge(kind, windowDays);
    await writeIfChanged(join(place, name), name.endsWith('.svg') ? svg : json);
  }
  for (const name of others) remove(join(place, name));
}
