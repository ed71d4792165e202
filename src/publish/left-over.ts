import { readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type BadgeKind,
  badgeStem,
  COMPARISON_FOLDER,
  findBadge,
  isWanted,
  retiredBadge,
} from '../badges/catalogue.ts';
import { filesOf } from '../badges/endpoint.ts';
import type { Config, TrackedPackage } from '../config/config.ts';
import { normalizePackageName, PACKAGE_NAME } from '../config/schema.ts';
import { diskError } from '../disk/disk-error.ts';
import { namesIn, readIfPresent, removeFile, writeIfChanged } from '../disk/files.ts';
import { nameSome } from '../format.ts';
import type { Warning } from '../metric/warnings.ts';
import { append } from '../util.ts';
import { FACETS_FILE } from './facets.ts';
import { HISTORY_FILE } from './history.ts';
import { MONTHS_FILE } from './months.ts';

/*
 * Badges that nobody renews any more: of a window or a package that is no longer listed, or of a kind that is no
 * longer asked for. They would stand at their last figure for ever, so runs warn of them, and they can be removed or marked.
 */

const BADGE_FILE = /^(.+?)(?:-([1-9]\d{0,3})d)?-non-ci(?:-light|-dark)?\.(?:json|svg)$/;

/** Files of a package beside its badges. */
const OTHER_FILES: readonly string[] = [HISTORY_FILE, FACETS_FILE, MONTHS_FILE, 'index.html'];

/** A badge file that is not renewed, as its name tells. */
interface BadgeOnDisk {
  /** Name of the file. */
  readonly name: string;
  readonly kind: BadgeKind;
  /** undefined for a kind that has no window. */
  readonly windowDays: number | undefined;
}

/** What is left over in one folder below the output folder. */
export interface LeftOver {
  /** Name of the folder: a package in any spelling. */
  readonly folder: string;
  /** Whether the package or group is not listed any more; if not, only some of its badges are. */
  readonly whole: boolean;
  /** Which badges, such as `7d` for all of a window, and `trend (30d)` or `total` for one. */
  readonly which: readonly string[];
  readonly badges: readonly BadgeOnDisk[];
  /** Names of what else is of no use any more. */
  readonly others: readonly string[];
}

/** Names of folders by the package that they are of; there are several where it is spelled in several ways. */
type Folders = ReadonlyMap<string, readonly string[]>;

/**
 * The folders that can be packages'. pypi-winnow-downloads names them as its list spells the package
 * (`Flask_SQLAlchemy`), and READMEs point there.
 *
 * @returns None where the output folder cannot be read; writing to it says what is wrong.
 */
export function packageFolders(outputDir: string): Folders {
  const found = new Map<string, string[]>();
  try {
    for (const entry of readdirSync(outputDir, { withFileTypes: true })) {
      const { name } = entry;
      if (entry.isDirectory() && PACKAGE_NAME.test(name)) append(found, normalizePackageName(name), name);
    }
  } catch {
    // Then there are none to tell of.
  }
  return found;
}

/** The badge file of that name, in a list; empty for any other name. */
function badgeOnDisk(name: string): BadgeOnDisk[] {
  const [, id = '', days] = BADGE_FILE.exec(name) ?? [];
  const kind = findBadge(id);
  const windowDays = days === undefined ? undefined : Number(days);
  return kind?.id === id && (windowDays === undefined) === (kind.windowless ?? false)
    ? [{ name, kind, windowDays }]
    : [];
}

/** The content of a badge file that says that it is not renewed. */
function retired({ name, kind, windowDays }: BadgeOnDisk): string {
  const [endpoint, svg] = filesOf(badgeStem(kind, windowDays), retiredBadge(kind, windowDays));
  return (name.endsWith('.json') ? endpoint : svg)?.content ?? '';
}

/** Whether badges say that they are not renewed, by the first of them that has an endpoint file, or else a picture. */
async function isMarked(folder: string, badges: readonly BadgeOnDisk[]): Promise<boolean> {
  const first = badges.find(({ name }) => name.endsWith('.json')) ?? badges[0];
  if (first === undefined) return false;
  const text = await readIfPresent(join(folder, first.name)).catch(() => undefined);
  return text === retired(first);
}

/**
 * What a badge that is not renewed is called: by its window alone, if that is why.
 *
 * @returns undefined for one that is renewed.
 */
function staleName({ kind, windowDays }: BadgeOnDisk, tracked?: TrackedPackage): string | undefined {
  const isListed = windowDays === undefined || tracked?.windows.includes(windowDays) === true;
  if (tracked !== undefined && isListed && isWanted(kind, tracked.looks)) return undefined;
  if (windowDays === undefined) return kind.id;
  return isListed ? `${kind.id} (${windowDays}d)` : `${windowDays}d`;
}

/** @param marked Whether badges count that say already that they are not renewed. */
async function leftOverIn(
  outputDir: string,
  folder: string,
  tracked: TrackedPackage | undefined,
  marked = false,
  // A folder that is missing or cannot be read has nothing to tell; writing to it says what is wrong.
  names: readonly string[] = namesIn(join(outputDir, folder)),
): Promise<LeftOver | undefined> {
  const stale = new Map<string, BadgeOnDisk[]>();
  const onDisk = names.flatMap(badgeOnDisk).toSorted((a, b) => (a.windowDays ?? 0) - (b.windowDays ?? 0));
  for (const badge of onDisk) {
    const what = staleName(badge, tracked);
    if (what !== undefined) append(stale, what, badge);
  }
  for (const [what, badges] of marked ? [] : stale) {
    if (await isMarked(join(outputDir, folder), badges)) stale.delete(what);
  }
  if (stale.size === 0) return undefined;
  const whole = tracked === undefined;
  const isTotalStale = [...stale.values()].flat().some(({ kind }) => kind.id === 'total');
  const others = names.filter((name) =>
    whole ? OTHER_FILES.includes(name) : isTotalStale && name === MONTHS_FILE,
  );
  return { folder, whole, which: [...stale.keys()], badges: [...stale.values()].flat(), others };
}

/**
 * All that is left over in the output folder, by the name of the folder.
 *
 * @param ofPackages Whether to look only for packages that are not listed: a run has looked into the other folders.
 * @param marked Whether badges count that say already that they are not renewed.
 * @param folders Those of packages, where they are known.
 */
export async function findLeftOver(
  { outputDir, packages, groups, compareChart }: Config,
  { ofPackages = false, marked = false, folders = packageFolders(outputDir) },
): Promise<LeftOver[]> {
  const tracked = new Map([...packages, ...groups].map((each) => [each.name, each]));
  const all = [...folders].flatMap(([name, spellings]) => spellings.map((folder) => ({ folder, name })));
  if (compareChart === undefined) all.push({ folder: COMPARISON_FOLDER, name: COMPARISON_FOLDER });
  const found: LeftOver[] = [];
  for (const { folder, name } of all.toSorted((a, b) => (a.folder < b.folder ? -1 : 1))) {
    const listed = tracked.get(name);
    const left = ofPackages && listed ? undefined : await leftOverIn(outputDir, folder, listed, marked);
    if (left !== undefined) found.push(left);
  }
  return found;
}

/** @param names The same in a sentence. */
function warning(which: readonly string[], names: string, where = ''): Warning[] {
  if (which.length === 0) return [];
  const it = which.length === 1 ? 'it' : 'them';
  const message = `badges of ${names} are left over: no longer listed, so no longer renewed; list ${it} again${where}, or run: pypi-badges prune`;
  return [{ code: 'left-over', message }];
}

/**
 * What is left over of a tracked package or group: windows that are no longer listed, and badges not asked for.
 *
 * @param names Of what is in its folder; those that were just renewed may be left out.
 */
export async function leftOverWindows(
  outputDir: string,
  tracked: TrackedPackage,
  names: readonly string[],
): Promise<Warning[]> {
  const { which = [] } = (await leftOverIn(outputDir, tracked.name, tracked, false, names)) ?? {};
  return warning(which, which.join(', '), ' in window_days or badges.extra');
}

/** What is left over of packages that are no longer listed. */
export async function leftOverPackages(config: Config, folders: Folders): Promise<Warning[]> {
  const names = (await findLeftOver(config, { ofPackages: true, folders })).map(({ folder }) => folder);
  return warning(names, nameSome(names));
}

/**
 * Removes what is left over in a folder, and the folder if nothing else is in it.
 *
 * @param mark Whether the badges stay and say that they are not renewed, so that a README that still shows them does not lie.
 * @throws OperatorError if the disk refuses.
 */
export async function pruneLeftOver(outputDir: string, left: LeftOver, mark: boolean): Promise<void> {
  const place = join(outputDir, left.folder);
  for (const badge of left.badges) {
    if (mark) await writeIfChanged(join(place, badge.name), retired(badge));
    else removeFile(join(place, badge.name));
  }
  for (const name of left.others) removeFile(join(place, name));
  if (namesIn(place).length > 0) return;
  try {
    rmdirSync(place);
  } catch (error) {
    throw diskError(error, place);
  }
}
