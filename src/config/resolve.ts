import { dirname, join, relative, resolve, sep } from 'node:path';
import { isNonEmpty } from '../non-empty.ts';
import {
  type ClickHouseConfig,
  type Config,
  SOURCE_KINDS,
  type SourceConfig,
  type TrackedGroup,
  type TrackedPackage,
} from './config.ts';
import type { YamlDocument } from './document.ts';
import type { Looks } from './looks.ts';
import { normalizePackageName } from './package-name.ts';
import type { Problem } from './problems.ts';
import { DEFAULT_WINDOW_DAYS, type Tracked, type TrackedBadges } from './schema.ts';

const DEFAULTS = {
  staleThresholdDays: 3,
  concurrency: 1,
  location: 'US',
  table: 'bigquery-public-data.pypi.file_downloads',
  queryTimeoutSeconds: 180,
  monthlyBudgetGib: 1024,
};

/** ClickHouse's public copy of the log, which everybody may ask. */
export const CLICKHOUSE_PUBLIC: ClickHouseConfig = {
  kind: 'clickhouse',
  url: 'https://sql-clickhouse.clickhouse.com',
  user: 'demo',
  table: 'pypi.pypi',
  queryTimeoutSeconds: 60,
};

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
  const { label, color, label_color, style, logo, logo_color, cache_seconds, suffix, dark, extra } = badges;
  return {
    ...(label === undefined ? {} : { label }),
    ...(color === undefined ? {} : { color: colorsOf(color) }),
    ...(label_color === undefined ? {} : { labelColor: label_color }),
    ...(style === undefined ? {} : { style }),
    ...(logo === undefined ? {} : { logo: logoOf(logo) }),
    ...(logo_color === undefined ? {} : { logoColor: logo_color }),
    ...(cache_seconds === undefined ? {} : { cacheSeconds: cache_seconds }),
    ...(suffix === undefined ? {} : { suffix }),
    ...(dark === undefined ? {} : { dark }),
    ...(extra === undefined ? {} : { extra }),
  };
}

const looksIfAny = (looks: Looks) => (Object.keys(looks).length === 0 ? {} : { looks });

/** The packages in the order of the list; entries of one package are one, with the windows of all. */
function trackedPackages(entries: Tracked['packages'], badges: TrackedBadges | undefined): TrackedPackage[] {
  const windows = new Map<string, number[]>();
  const own = new Map<string, Looks>();
  for (const entry of entries) {
    const { name, window_days = DEFAULT_WINDOW_DAYS } = typeof entry === 'string' ? { name: entry } : entry;
    const key = normalizePackageName(name);
    windows.set(key, [...(windows.get(key) ?? []), ...[window_days].flat()]);
    const said = typeof entry === 'string' ? {} : looksOf(entry.badges);
    own.set(key, { ...own.get(key), ...said });
  }
  const ofAll = looksOf(badges);
  return [...windows].flatMap(([name, list]) =>
    isNonEmpty(list) ? [{ name, windows: list, ...looksIfAny({ ...ofAll, ...own.get(name) }) }] : [],
  );
}

function trackedGroups(
  groups: NonNullable<Tracked['groups']>,
  ofAll: TrackedBadges | undefined,
): TrackedGroup[] {
  return groups.flatMap(({ name, title = name, packages, window_days = DEFAULT_WINDOW_DAYS, badges }) => {
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

/** How each kind of source is described, with its defaults. */
const SOURCES: {
  readonly [K in SourceConfig['kind']]: (
    tracked: Tracked,
    absolute: (path: string) => string,
  ) => Extract<SourceConfig, { kind: K }>;
} = {
  bigquery({ service: { credential_file }, bigquery = {} }, absolute) {
    const { project_id, location, table, query_timeout_seconds, sharing = 'auto' } = bigquery;
    return {
      kind: 'bigquery',
      ...(credential_file === undefined ? {} : { credentialFile: absolute(credential_file) }),
      ...(project_id === undefined ? {} : { projectId: project_id }),
      location: location ?? DEFAULTS.location,
      table: table ?? DEFAULTS.table,
      queryTimeoutSeconds: query_timeout_seconds ?? DEFAULTS.queryTimeoutSeconds,
      sharing,
    };
  },
  clickhouse: ({ clickhouse = {} }, absolute) => ({
    ...CLICKHOUSE_PUBLIC,
    ...(clickhouse.url === undefined ? {} : { url: clickhouse.url }),
    ...(clickhouse.user === undefined ? {} : { user: clickhouse.user }),
    ...(clickhouse.password_file === undefined ? {} : { passwordFile: absolute(clickhouse.password_file) }),
    ...(clickhouse.table === undefined ? {} : { table: clickhouse.table }),
    ...(clickhouse.query_timeout_seconds === undefined
      ? {}
      : { queryTimeoutSeconds: clickhouse.query_timeout_seconds }),
  }),
  // A source that is chosen and not described is a problem of the file before it comes to this.
  duckdb: ({ duckdb: { files, whole_log = false } = { files: '' } }, absolute) => ({
    kind: 'duckdb',
    files: absolute(files),
    wholeLog: whole_log,
  }),
};

/** One source out of a tracked.yaml, with its defaults. */
export function resolveSource(
  kind: SourceConfig['kind'],
  tracked: Tracked,
  file: string,
  cwd: string,
): SourceConfig {
  const folder = dirname(resolve(cwd, file));
  return SOURCES[kind](tracked, (path) => resolve(folder, path));
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  }
  return Object.freeze(value);
}

/**
 * Fills in defaults and makes paths absolute, against the folder of the file: a timer's working
 * directory is not the operator's.
 *
 * @param file Path of tracked.yaml as the user named it.
 * @param cwd Absolute path that `file` is relative to.
 */
export function resolveConfig(tracked: Tracked, file: string, cwd: string): Config {
  const folder = dirname(resolve(cwd, file));
  const absolute = (path: string) => resolve(folder, path);
  const { service } = tracked;
  const outputDir = absolute(service.output_dir);
  const groups = trackedGroups(tracked.groups ?? [], tracked.badges);
  const budget = tracked.bigquery?.monthly_budget_gib;
  return deepFreeze({
    file,
    outputDir,
    stateDir:
      service.state_dir === undefined ? join(dirname(outputDir), 'state') : absolute(service.state_dir),
    staleThresholdDays: service.stale_threshold_days ?? DEFAULTS.staleThresholdDays,
    concurrency: service.concurrency ?? DEFAULTS.concurrency,
    ...(service.public_url === undefined ? {} : { publicUrl: service.public_url.replace(/\/+$/, '') }),
    monthlyBudgetGib: budget === undefined ? DEFAULTS.monthlyBudgetGib : budget,
    source: resolveSource(service.source ?? SOURCE_KINDS[0], tracked, file, cwd),
    packages: withTotals(trackedPackages(tracked.packages, tracked.badges), groups),
    groups,
  });
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || !(way === '..' || way.startsWith(`..${sep}`));
}

/** Files of a source that are nobody else's, with where tracked.yaml names them. */
function privateFiles(source: SourceConfig): [path: readonly [string, string], file: string | undefined][] {
  if (source.kind === 'bigquery') return [[['service', 'credential_file'], source.credentialFile]];
  if (source.kind === 'clickhouse') return [[['clickhouse', 'password_file'], source.passwordFile]];
  return [];
}

/** Private paths that lie in the folder that is served to everybody. */
export function exposedPaths(config: Config, document: YamlDocument): Problem[] {
  const secrets = [[['service', 'state_dir'], config.stateDir] as const, ...privateFiles(config.source)];
  return secrets.flatMap(([key, path]) =>
    path === undefined || !isInside(config.outputDir, path)
      ? []
      : [
          {
            ...document.position(key),
            field: key.join('.'),
            text: `${path} lies in output_dir, which is served to everybody; choose a place outside of it`,
          },
        ],
  );
}
