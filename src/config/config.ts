import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { z } from 'zod';
import { readNamedFile } from '../disk/files.ts';
import { UsageError } from '../errors/error.ts';
import { plural } from '../format.ts';
import { kindOf, SOURCES, type SourceConfig } from '../sources/index.ts';
import type { Loose, NonEmpty } from '../util.ts';
import { ConfigError, nearest, type Problem, parseYaml, type YamlDocument } from './document.ts';
import { isPython, type Looks } from './looks.ts';
import {
  DEFAULT_WINDOW_DAYS,
  normalizePackageName,
  packageName,
  type Tracked,
  trackedSchema,
} from './schema.ts';

/** One package to track. */
export interface TrackedPackage {
  /** Normalized as in PEP 503. */
  readonly name: string;
  /** Window lengths in days, in the order listed; the first is the package's main one. */
  readonly windows: NonEmpty<number>;
  /** How its badges differ from the default. */
  readonly looks?: Looks;
  /** Whether its total is wanted, for itself or for a group. */
  readonly total?: boolean;
  /** Of a group only. */
  readonly title?: string;
  readonly members?: NonEmpty<string>;
}

/** A sum of packages, with badges, a history and a page of its own. */
export interface TrackedGroup extends TrackedPackage {
  readonly title: string;
  /** Normalized names of tracked packages; none of its windows is longer than the longest of each. */
  readonly members: NonEmpty<string>;
}

/** A valid tracked.yaml with defaults filled in and paths made absolute. */
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
  /** Most bytes to be billed in a calendar month (UTC), or null for no limit. */
  readonly budgetBytes: number | null;
  readonly source: SourceConfig;
  /** After how many days facets are counted again; 0 for never. */
  readonly facetsEveryDays: number;
  /** In the order of the file. Never empty. */
  readonly packages: readonly TrackedPackage[];
  /** In the order of the file. */
  readonly groups: readonly TrackedGroup[];
  /** Normalized names of packages and groups that are compared in one chart. */
  readonly compareChart?: readonly string[];
}

/** After how many days facets are counted again where that costs nothing. */
const FACETS_EVERY_DAYS = 7;

/** The source that costs money. */
const BILLED = SOURCES.find((each) => each.budgetBytes !== undefined);

/** Whether the badge of a total is asked for. */
export const wantsTotal = ({ extra }: Looks) => extra?.includes('total') === true;

/** The packages in the order of the list; entries of one package are one, with the windows of all. */
function mergeEntries({ packages, badges }: Tracked, groups: readonly TrackedGroup[]): TrackedPackage[] {
  const totals = new Set(groups.flatMap(({ looks = {}, members }) => (wantsTotal(looks) ? members : [])));
  const merged = new Map<string, TrackedPackage>();
  for (const { name, windows: listed, looks: said } of packages) {
    const before = merged.get(name);
    const looks = { ...badges, ...before?.looks, ...said };
    const windows = before === undefined ? listed : ([...before.windows, ...listed] as const);
    merged.set(name, { name, windows, looks, total: wantsTotal(looks) || totals.has(name) });
  }
  return [...merged.values()];
}

type Issue = z.core.$ZodIssue;

/** Of a union's branches, the issues of the one that the writer had in mind: the one of the right type. */
function leaves(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const meant = issue.errors.find(
    (branch) => !branch.some((inner) => inner.code === 'invalid_type' && inner.path.length === 0),
  );
  if (meant === undefined) return [issue];
  return meant.flatMap((inner) => leaves({ ...inner, path: [...issue.path, ...inner.path] }));
}

function toProblems(issue: Issue, document: YamlDocument): Problem[] {
  const { path, message } = issue;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => document.unknownKey(path, key, message));
  const found = document.found(path);
  const what = found === undefined ? 'missing' : `found ${found}`;
  return [document.problem(path, `${what}; allowed: ${message}`)];
}

/**
 * Windows of a package that are listed twice, under whatever spelling. Different ones may stand in several entries, as
 * pypi-winnow-downloads has it. Entries that are wrong elsewhere are looked at, too: all problems are told at once.
 */
function duplicates(document: YamlDocument): Problem[] {
  const packages = (document.value as Loose | null)?.['packages'];
  const firsts = new Map<string, { readonly written: unknown; readonly line: number }>();
  return (Array.isArray(packages) ? (packages as unknown[]) : []).flatMap((entry, index) => {
    const isName = typeof entry === 'string';
    const { name: written, window_days: windows = DEFAULT_WINDOW_DAYS } = isName
      ? { name: entry }
      : ((entry ?? {}) as Record<string, unknown>);
    const name = packageName.safeParse(written).data;
    if (name === undefined) return [];
    const path = ['packages', index, ...(isName ? [] : ['name'])];
    // A window that is wrong, or twice in one list, is reported by itself.
    return [...new Set([windows].flat())].filter(Number.isInteger).flatMap((days) => {
      const first = firsts.get(`${name} ${days}`);
      if (first === undefined) {
        firsts.set(`${name} ${days}`, { written, line: document.position(path).line });
        return [];
      }
      const same = first.written === written ? '' : ` as ${first.written}, which is the same package`;
      const what = `${written} with ${plural(Number(days), 'day')}`;
      const text = `${what} is already listed at line ${first.line}${same}; list each window once`;
      return [document.problem(path, text)];
    });
  });
}

/** The keys that a source without a section lacks. */
function missingKeys(kind: SourceConfig['kind'], tracked: Tracked | undefined): string[] {
  if (tracked?.[kind] !== undefined) return [];
  const { error } = kindOf({ kind }).section.safeParse({});
  return error?.issues.map(({ path }) => path.join('.')) ?? [];
}

/** What is wrong at a place of the file. */
type Fault = readonly [path: readonly PropertyKey[], text: string];

/** A source that is chosen, has no section, and cannot do without. */
function* sourceFaults(tracked: Tracked): Generator<Fault> {
  const { source } = tracked.service;
  const missing = missingKeys(source, tracked);
  const text = `${source} is chosen, but there is no section ${source} with ${missing.join(' and ')}`;
  if (missing.length > 0) yield [['service', 'source'], text];
}

/** Fewest days of what is in compare_chart: of fewer there are no means of seven. */
const COMPARED_DAYS_MIN = 7;

/** What is wrong with names of groups, of their members, and of what is compared. */
function* nameFaults({ packages, groups = [], compare_chart = [] }: Tracked): Generator<Fault> {
  const longest = new Map<string, number>();
  const add = (name: string, windows: readonly number[]) =>
    longest.set(name, Math.max(longest.get(name) ?? 0, ...windows));
  /** Names of the list in a group or the chart, each once, with so many days. */
  function* check(list: Fault[0], names: readonly string[], what: string, least: number, otherwise = '') {
    for (const [index, name] of names.entries()) {
      const path = [...list, index];
      const days = longest.get(name);
      if (days === undefined) {
        const meant = nearest(name, longest.keys());
        const hint = meant === undefined ? 'list it under packages, too' : `did you mean ${meant}?`;
        yield [path, `${name} is not in the list; ${hint}`] as const;
      } else if (names.indexOf(name) < index) yield [path, `${name} is in the ${what} already`] as const;
      else if (days < least) {
        const text = `${name} is read for ${plural(days, 'day')} only, and the ${what} needs ${least}; give it window_days of ${least} or more, too${otherwise}`;
        yield [path, text] as const;
      }
    }
  }
  for (const { name, windows } of packages) add(name, windows);
  for (const [index, { name, members, windows }] of groups.entries()) {
    const path = ['groups', index, 'name'];
    if (longest.has(name)) yield [path, `${name} is a package of the list; give the group another name`];
    if (groups.findIndex((each) => each.name === name) < index)
      yield [path, `there is a group ${name} already`];
    const least = Math.max(...windows);
    yield* check(['groups', index, 'packages'], members, 'group', least, ', or the group a shorter one');
  }
  for (const { name, windows } of groups) add(name, windows);
  yield* check(['compare_chart'], compare_chart, 'chart', COMPARED_DAYS_MIN);
}

/** After how many days facets are counted again; 0 for never. */
function facetsEveryDays({ facets, service }: Tracked): number {
  return facets?.every_days ?? (service.source === BILLED?.kind ? 0 : FACETS_EVERY_DAYS);
}

/** Shares of Pythons that are asked for where Pythons are not counted. */
function* pythonFaults(tracked: Tracked): Generator<Fault> {
  const { service, badges = {}, packages, groups = [] } = tracked;
  const price = service.source === BILLED?.kind ? ', which costs money' : '';
  const all: readonly (readonly [Fault[0], Looks])[] = [
    [[], badges],
    ...packages.map(({ looks }, index) => [['packages', index], looks] as const),
    ...groups.map(({ looks }, index) => [['groups', index], looks] as const),
  ];
  for (const [path, { extra = [] }] of facetsEveryDays(tracked) > 0 ? [] : all) {
    for (const [index, badge] of extra.entries()) {
      const text = `${badge} is made from the list of Pythons, which is not counted; write facets: {every_days: ${FACETS_EVERY_DAYS}}${price}, or leave it out`;
      if (isPython(badge)) yield [[...path, 'badges', 'extra', index], text];
    }
  }
}

/** @throws ConfigError with every problem of the text. */
function validate(text: string, file: string): { document: YamlDocument; tracked: Tracked } {
  const document = parseYaml(text, file);
  const { data: tracked, error } = trackedSchema.safeParse(document.value);
  const faults = tracked
    ? [sourceFaults, nameFaults, pythonFaults].flatMap((find) => [...find(tracked)])
    : [];
  const problems = [
    ...duplicates(document),
    ...(error?.issues.flatMap(leaves).flatMap((issue) => toProblems(issue, document)) ?? []),
    ...faults.map(([path, what]) => document.problem(path, what)),
  ];
  if (tracked === undefined || problems.length > 0) throw new ConfigError(file, problems);
  return { document, tracked };
}

/**
 * The text of a file that the user named.
 *
 * @param refuse Makes an error of what is wrong with the file.
 * @param missing What is wrong where there is none.
 */
export function readText(
  path: string,
  refuse: (text: string) => Error,
  missing = 'there is no such file',
): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readNamedFile(path));
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const reasons: Record<string, string> = {
      ENOENT: missing,
      EACCES: 'you may not read this file; give the user that runs this command read permission',
      EISDIR: 'this is a folder; name a file in it',
      'disk-obstacle': message,
      ERR_ENCODING_INVALID_ENCODED_DATA: 'the file is not UTF-8 text; save it as UTF-8',
    };
    throw refuse(reasons[code] ?? `cannot be read (${code})`);
  }
}

const NO_LIST =
  'there is no such file; write one with: pypi-badges init <name>..., or name another with --config <file>';

function readList(file: string, cwd: string): string {
  return readText(resolve(cwd, file), (text) => new ConfigError(file, [{ text }]), NO_LIST);
}

/** @param file What paths are relative to the folder of: a timer's working directory is not the operator's. */
function sourceOf(
  kind: SourceConfig['kind'],
  tracked: Tracked | undefined,
  file: string,
  cwd: string,
): SourceConfig {
  return kindOf({ kind }).configure({
    section: tracked?.[kind],
    credentialFile: tracked?.service.credential_file,
    absolute: (path) => resolve(cwd, dirname(file), path),
  });
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || !(way === '..' || way.startsWith(`..${sep}`));
}

/** A path with its links followed, as far as it is there. */
function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}

/**
 * Paths that lie where they must not, as they are written or with links followed: what is private in the folder that is
 * served, that folder in a private one, and a key among files that a run replaces.
 */
function nestedPaths({ source, stateDir, outputDir }: Config, document: YamlDocument): Problem[] {
  const served = ['output_dir, which is served to everybody', outputDir] as const;
  const kept = ['state_dir, whose files are replaced and for the operator alone', stateDir] as const;
  const areOne = realPath(stateDir) === realPath(outputDir);
  const [keyField = [], key] = kindOf(source).privateFile?.(source) ?? [];
  const places = [
    [['service', 'state_dir'], stateDir, [served]],
    [['service', 'output_dir'], outputDir, areOne ? [] : [kept]],
    [keyField, key, [served, kept]],
  ] as const;
  return places.flatMap(([field, path, folders]) => {
    if (path === undefined) return [];
    const real = realPath(path);
    const isIn = (folder: string) => isInside(folder, path) || isInside(folder, real);
    const [what] = folders.find(([, folder]) => isIn(folder) || isIn(realPath(folder))) ?? [];
    if (what === undefined) return [];
    const where = real === path ? path : `${path} (a link to ${real})`;
    return [document.problem(field, `${where} lies in ${what}; choose a place outside of it`)];
  });
}

/**
 * Turns the text of a tracked.yaml into a Config.
 *
 * @param file Its path as the user named it, for messages and as the base of relative paths.
 * @param cwd Absolute path that `file` is relative to.
 * @throws ConfigError with every problem of the text.
 */
export function parseConfig(text: string, file: string, cwd: string): Config {
  const { document, tracked } = validate(text, file);
  const { service, badges, compare_chart: compareChart } = tracked;
  const outputDir = resolve(cwd, dirname(file), service.output_dir);
  const groups = (tracked.groups ?? []).map((group) => ({ ...group, looks: { ...badges, ...group.looks } }));
  const config: Config = {
    file,
    outputDir,
    stateDir: resolve(cwd, dirname(file), service.state_dir ?? join(dirname(outputDir), 'state')),
    staleThresholdDays: service.stale_threshold_days,
    concurrency: service.concurrency,
    ...(service.public_url && { publicUrl: service.public_url.replace(/\/+$/, '') }),
    budgetBytes: BILLED?.budgetBytes?.(tracked[BILLED.kind]) ?? null,
    source: sourceOf(service.source, tracked, file, cwd),
    facetsEveryDays: facetsEveryDays(tracked),
    packages: mergeEntries(tracked, groups),
    groups,
    ...(compareChart && { compareChart }),
  };
  const nested = nestedPaths(config, document);
  if (nested.length > 0) throw new ConfigError(file, nested);
  return config;
}

/**
 * Reads and checks a tracked.yaml.
 *
 * @throws ConfigError if it cannot be read or is wrong in any way.
 */
export function loadConfig(file: string, cwd: string): Config {
  return parseConfig(readList(file, cwd), file, cwd);
}

/** The same where there is such a file; undefined where there is none. */
export function loadConfigIfPresent(file: string, cwd: string): Config | undefined {
  return existsSync(resolve(cwd, file)) ? loadConfig(file, cwd) : undefined;
}

/**
 * A source as a tracked.yaml describes it, whether or not it is the one that it chooses; with its defaults where
 * there is no such file.
 *
 * @throws ConfigError if the file is wrong in any way, or does not describe a source that has no defaults.
 */
export function loadSource(kind: SourceConfig['kind'], file: string, cwd: string): SourceConfig {
  const tracked = existsSync(resolve(cwd, file)) ? validate(readList(file, cwd), file).tracked : undefined;
  const [missing] = missingKeys(kind, tracked);
  if (missing !== undefined) {
    throw new ConfigError(file, [{ field: `${kind}.${missing}`, text: 'is missing' }]);
  }
  return sourceOf(kind, tracked, file, cwd);
}

/**
 * What a command line names of all that is tracked, in the order of the configuration.
 *
 * @throws UsageError if a name is not tracked.
 */
export function selectTracked(config: Config, names: readonly string[] = []): readonly TrackedPackage[] {
  const all = [...config.packages, ...config.groups];
  if (names.length === 0) return all;
  const tracked = new Set(all.map(({ name }) => name));
  const wanted = new Set(names.map(normalizePackageName));
  for (const name of wanted) {
    if (tracked.has(name)) continue;
    const meant = nearest(name, tracked);
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    throw new UsageError(`--package ${name}: not tracked in ${config.file}${hint}`);
  }
  return all.filter(({ name }) => wanted.has(name));
}

/**
 * The tracked packages that it names, in the order of the configuration; all of them if none was. A group's name
 * stands for its packages.
 *
 * @throws UsageError if a name is not tracked.
 */
export function selectPackages(config: Config, names: readonly string[] = []): readonly TrackedPackage[] {
  const wanted = new Set(selectTracked(config, names).flatMap(({ name, members = [name] }) => members));
  return config.packages.filter(({ name }) => wanted.has(name));
}
