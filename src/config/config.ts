import { dirname, join, relative, resolve, sep } from 'node:path';
import { camelKeys } from '../keys.ts';
import { isNonEmpty, type NonEmpty } from '../non-empty.ts';
import { kindOf, SOURCES, type SourceConfig } from '../sources/index.ts';
import { GIB } from '../units.ts';
import { ConfigError, type Problem, type YamlDocument } from './document.ts';
import type { Looks } from './looks.ts';
import { normalizePackageName } from './package-name.ts';
import { DEFAULT_WINDOW_DAYS, neededKeys, type Tracked, type TrackedBadges } from './schema.ts';

/** One package to track. */
export interface TrackedPackage {
  /** Normalized as in PEP 503. */
  readonly name: string;
  /** Window lengths in days, in the order listed; the first is the package's main one. */
  readonly windows: NonEmpty<number>;
  /** How its badges differ from the default; absent if they do not. */
  readonly looks?: Looks;
  /** Whether its total is wanted, for itself or for a group. */
  readonly total?: boolean;
}

/** A sum of packages, with badges, a history and a page of its own. */
export interface TrackedGroup extends TrackedPackage {
  readonly title: string;
  /** Normalized names of tracked packages; none of its windows is longer than the longest of each. */
  readonly members: NonEmpty<string>;
}

/** The group that something tracked is, if it is one. */
export function asGroup(tracked: TrackedPackage | TrackedGroup): TrackedGroup | undefined {
  return 'members' in tracked ? tracked : undefined;
}

/** Most bytes to be billed in a calendar month (UTC), or null for no limit. */
export function budgetBytes({ monthlyBudgetGib }: Config): number | null {
  return monthlyBudgetGib === null ? null : monthlyBudgetGib * GIB;
}

/** A valid tracked.yaml with defaults filled in and paths made absolute. Frozen all the way down. */
export interface Config {
  /** The file that this came from, as it was named by the user. */
  readonly file: string;
  readonly outputDir: string;
  readonly stateDir: string;
  readonly staleThresholdDays: number;
  /** How many packages are read side by side. */
  readonly concurrency: number;
  /** Without a slash at its end. */
  readonly publicUrl?: string;
  /** Most GiB to be billed in a calendar month (UTC), or null for no limit. */
  readonly monthlyBudgetGib: number | null;
  readonly source: SourceConfig;
  /** In the order of the file. Never empty. */
  readonly packages: readonly TrackedPackage[];
  /** In the order of the file. */
  readonly groups: readonly TrackedGroup[];
}

/** Where an SVG stands in a data: address. */
const DATA = 'data:image/svg+xml;base64,';

function logoOf(logo: string): NonNullable<Looks['logo']> {
  if (!logo.startsWith(DATA)) return { name: logo };
  return { svg: Buffer.from(logo.slice(DATA.length), 'base64').toString('utf8') };
}

function colorsOf(color: NonNullable<TrackedBadges['color']>): NonNullable<Looks['color']> {
  if (typeof color === 'string') return color;
  return Object.entries(color)
    .map(([from, name]) => ({ from: Number(from), color: name }))
    .toSorted((a, b) => a.from - b.from);
}

/** What is said of badges in tracked.yaml as looks. */
function looksOf(badges: TrackedBadges = {}): Looks {
  const { color, logo, ...others } = camelKeys(badges);
  return {
    ...others,
    ...(color === undefined ? {} : { color: colorsOf(color) }),
    ...(logo === undefined ? {} : { logo: logoOf(logo) }),
  };
}

const looksIfAny = (looks: Looks) => (Object.keys(looks).length === 0 ? {} : { looks });

/** An entry of the list, where a name alone is one, too. */
export function entryOf(entry: Tracked['packages'][number]): Exclude<typeof entry, string> {
  return typeof entry === 'string' ? { name: entry, window_days: DEFAULT_WINDOW_DAYS } : entry;
}

/** The packages in the order of the list; entries of one package are one, with the windows of all. */
function trackedPackages(entries: Tracked['packages'], badges: TrackedBadges | undefined): TrackedPackage[] {
  const windows = new Map<string, number[]>();
  const own = new Map<string, Looks>();
  for (const { name, window_days, badges: said } of entries.map(entryOf)) {
    const key = normalizePackageName(name);
    windows.set(key, [...(windows.get(key) ?? []), ...[window_days].flat()]);
    own.set(key, { ...own.get(key), ...looksOf(said) });
  }
  const ofAll = looksOf(badges);
  return [...windows].flatMap(([name, list]) =>
    isNonEmpty(list) ? [{ name, windows: list, ...looksIfAny({ ...ofAll, ...own.get(name) }) }] : [],
  );
}

function trackedGroups({ groups = [], badges: ofAll }: Tracked): TrackedGroup[] {
  return groups.flatMap(({ name, title = name, packages, window_days, badges }) => {
    const [windows, members] = [[window_days].flat(), packages.map(normalizePackageName)];
    if (!isNonEmpty(windows) || !isNonEmpty(members)) return [];
    const looks = { ...looksOf(ofAll), ...looksOf(badges) };
    return [{ name: normalizePackageName(name), title, members, windows, ...looksIfAny(looks) }];
  });
}

const wantsTotal = ({ looks }: TrackedPackage) => looks?.extra?.includes('total') === true;

/** The packages, with those marked whose totals are wanted. */
function withTotals(packages: readonly TrackedPackage[], groups: readonly TrackedGroup[]): TrackedPackage[] {
  const ofGroups = new Set(groups.filter(wantsTotal).flatMap(({ members }) => members));
  return packages.map((each) =>
    wantsTotal(each) || ofGroups.has(each.name) ? { ...each, total: true } : each,
  );
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  }
  return Object.freeze(value);
}

/**
 * One source out of a tracked.yaml, with its defaults.
 *
 * @param tracked Undefined if there is no such file.
 * @throws ConfigError if it has no section, and the source cannot do without.
 */
export function resolveSource(
  kind: SourceConfig['kind'],
  tracked: Tracked | undefined,
  file: string,
  cwd: string,
): SourceConfig {
  const folder = dirname(resolve(cwd, file));
  const section = tracked?.[kind];
  const [needed] = section === undefined ? neededKeys(kind) : [];
  if (needed !== undefined) throw new ConfigError(file, [{ field: `${kind}.${needed}`, text: 'is missing' }]);
  return kindOf({ kind }).configure({
    section,
    credentialFile: tracked?.service.credential_file,
    absolute: (path) => resolve(folder, path),
  });
}

/**
 * Makes paths absolute, against the folder of the file: a timer's working directory is not the operator's.
 *
 * @param file Path of tracked.yaml as the user named it.
 * @param cwd Absolute path that `file` is relative to.
 */
export function resolveConfig(tracked: Tracked, file: string, cwd: string): Config {
  const folder = dirname(resolve(cwd, file));
  const absolute = (path: string) => resolve(folder, path);
  const { service, badges } = tracked;
  const { output_dir, state_dir, public_url } = service;
  const outputDir = absolute(output_dir);
  const groups = trackedGroups(tracked);
  const billed = SOURCES.find((each) => each.monthlyBudgetGib !== undefined);
  return deepFreeze({
    file,
    outputDir,
    stateDir: state_dir === undefined ? join(dirname(outputDir), 'state') : absolute(state_dir),
    staleThresholdDays: service.stale_threshold_days,
    concurrency: service.concurrency,
    ...(public_url === undefined ? {} : { publicUrl: public_url.replace(/\/+$/, '') }),
    monthlyBudgetGib: billed?.monthlyBudgetGib?.(tracked[billed.kind]) ?? null,
    source: resolveSource(service.source, tracked, file, cwd),
    packages: withTotals(trackedPackages(tracked.packages, badges), groups),
    groups,
  });
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || !(way === '..' || way.startsWith(`..${sep}`));
}

/** Private paths that lie in the folder that is served to everybody. */
export function exposedPaths({ source, stateDir, outputDir }: Config, document: YamlDocument): Problem[] {
  const secrets = [
    [['service', 'state_dir'], stateDir] as const,
    kindOf(source).privateFile?.(source) ?? ([['service'], undefined] as const),
  ];
  return secrets.flatMap(([key, path]) =>
    path === undefined || !isInside(outputDir, path)
      ? []
      : [
          document.problem(
            key,
            `${path} lies in output_dir, which is served to everybody; choose a place outside of it`,
          ),
        ],
  );
}
