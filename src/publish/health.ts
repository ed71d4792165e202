import { join } from 'node:path';
import { z } from 'zod';
import type { Config } from '../config/config.ts';
import { normalizePackageName } from '../config/schema.ts';
import { addDays, type Day, dayOf, isStale, windowBefore } from '../days/day.ts';
import { ODD_DAYS, type Upstream } from '../days/upstream.ts';
import { ensureFolder, readIfPresent, replaceFile, sweepTemporary } from '../disk/files.ts';
import { type ErrorCode, isErrorCode } from '../errors/codes.ts';
import { OperatorError, printable } from '../errors/error.ts';
import { largestOthers } from '../metric/breakdown.ts';
import { EXCLUSIONS, INSTALLERS, SYSTEMS } from '../metric/classes.ts';
import type { Total } from '../metric/package-days.ts';
import type { Window } from '../metric/summary.ts';
import { PUBLIC_WARNINGS, type Warning, type WarningCode } from '../metric/warnings.ts';
import { camelKeys, defined, formatJson, jsonOf, recordOf, snakeKeys } from '../util.ts';

/*
 * _health.json: what every run leaves behind, whatever happened. Its keys are read by other programs, so
 * they keep their names and meaning. Instants are ISO 8601 in UTC. What makes no sense in a file is left out when it is
 * read, and that of pypi-winnow-downloads is read as far as it tells.
 */

/** Why an attempt failed, or a part of it did. */
export interface PackageFailure {
  readonly error: string;
  readonly code: ErrorCode | undefined;
  /** Days of the windows that were not published, where others may have been; absent if nothing was. */
  readonly heldBack?: readonly number[];
}

/** What is known of a package, or of a group of them, after its last attempt. */
export interface PackageHealth {
  /** Absent if the last attempt worked. */
  readonly failure?: PackageFailure;
  /** Days of the main window. */
  readonly windowDays: number | undefined;
  /** The main window's count; absent if it was not published. */
  readonly count?: number;
  /** Every window that was published, the main one first; empty where another program counted. */
  readonly windows: readonly Window[];
  /** Where it is asked for; it survives failures, as its badge does. */
  readonly total?: Total;
  /** What its last reading took. */
  readonly query?: z.infer<typeof querySchema>;
  /** Newest day in the figures; it survives failures, as the figures do. */
  readonly countedTo?: Day;
  readonly warnings: readonly Warning[];
  /** Instants; absent if it was never tried, or never worked. */
  readonly attempted?: string;
  readonly lastSuccess?: string;
}

/** What the table had: its newest day (null: unknown), and days without any row, with a part of them, and with far too many. */
export interface UpstreamFacts extends Pick<Upstream, 'lastDay' | (typeof ODD_DAYS)[number]> {
  /** The last day of the badges, as the last run of today told that read this source and was told its days. */
  readonly published?: { readonly source: string; readonly lastDay: Day };
}

export interface Health {
  /** Kind of the source that was asked last. */
  readonly source?: string;
  readonly started?: string;
  readonly finished?: string;
  readonly upstream: UpstreamFacts;
  /** By normalized name. */
  readonly packages: ReadonlyMap<string, PackageHealth>;
  /** Sums of packages, by normalized name. */
  readonly groups: ReadonlyMap<string, PackageHealth>;
  /** What concerns no package of the list, such as badges of one that is not listed any more. */
  readonly warnings: readonly Warning[];
}

export const HEALTH_FILE = '_health.json';

const VERSION = 1;

export const NOTHING_KNOWN: UpstreamFacts = { lastDay: null, ...recordOf(ODD_DAYS, () => []) };

function packageToJson({ failure, windows, warnings, count, windowDays, ...known }: PackageHealth) {
  const fault = failure && { error: failure.error, errorCode: failure.code, heldBack: failure.heldBack };
  const [first] = windows;
  const flat = (window: Window) => ({
    windowDays: window.windowDays,
    ...window.breakdown,
    others: undefined,
  });
  return {
    ...fault,
    // Where the main window was not published, no other one's figures pass for it.
    ...(first === undefined || count === undefined ? { count, windowDays } : flat(first)),
    other: first && largestOthers(first.breakdown).map(([installer, count]) => ({ installer, count })),
    warnings: first === undefined && warnings.length === 0 ? undefined : warnings,
    windows: first && windows.map(flat),
    ...known,
  };
}

/** A health as the value of its file. */
export function healthToJson({ source, started, finished, upstream, ...health }: Health): object {
  const { warnings, packages, groups } = health;
  const entries = (of: Health['packages']) =>
    Object.fromEntries([...of].map(([name, entry]) => [name, snakeKeys(packageToJson(entry))]));
  return defined({
    version: VERSION,
    source,
    started,
    finished,
    upstream: snakeKeys(upstream),
    warnings: warnings.length === 0 ? undefined : warnings,
    packages: entries(packages),
    groups: groups.size === 0 ? undefined : entries(groups),
  });
}

const count = z.int().min(0);
const instant = z
  .string()
  .refine((text) => !Number.isNaN(Date.parse(text)))
  .transform((text) => new Date(text).toISOString());
const day = z.iso.date();
const lenient = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);
const object = <T extends z.ZodRawShape>(shape: T) => z.preprocess(camelKeys, z.object(shape));
/** The file may have been altered, and is shown on terminals. */
const shownText = z.string().transform(printable);

const warning = z.object({
  code: z.custom<WarningCode>((code) => typeof code === 'string' && Object.hasOwn(PUBLIC_WARNINGS, code)),
  message: shownText,
});

/** A later version's warning that is not known here takes no other with it. */
const warningsSchema = z
  .array(lenient(warning))
  .catch([])
  .transform((list) => list.filter((each) => each !== undefined));

/** Counts by name; one that a version did not know was 0. */
const counts = <K extends string>(keys: readonly K[]) => z.object(recordOf(keys, () => count.default(0)));

const windowSchema = object({
  windowDays: count,
  count,
  counts: counts([...INSTALLERS, 'pip-family']),
  countsBySystem: counts(SYSTEMS),
  excluded: counts(EXCLUSIONS),
}).transform(
  ({ windowDays, ...breakdown }): Window => ({ windowDays, breakdown: { ...breakdown, others: new Map() } }),
);

const querySchema = object({
  daysScanned: count,
  bytesProcessed: count,
  bytesBilled: count,
  cacheHit: z.boolean(),
  durationMs: count,
});

const entrySchema = object({
  error: lenient(shownText),
  errorCode: lenient(z.custom<ErrorCode>(isErrorCode)),
  heldBack: lenient(z.array(count)),
  windowDays: lenient(count),
  count: lenient(count),
  other: z.array(z.object({ installer: shownText, count })).catch([]),
  windows: z.array(windowSchema).catch([]),
  query: lenient(querySchema),
  countedTo: lenient(day),
  warnings: warningsSchema,
  total: lenient(object({ since: day, count, unknownDays: count })),
  attempted: lenient(instant),
  lastSuccess: lenient(instant),
});

const entriesSchema = z.record(z.string(), entrySchema);

const fileSchema = z.object({
  source: lenient(shownText),
  started: lenient(instant),
  finished: lenient(instant),
  upstream: lenient(
    object({
      lastDay: day.nullable().catch(null),
      ...recordOf(ODD_DAYS, () => z.array(day).catch([])),
      published: lenient(object({ source: shownText, lastDay: day })),
    }).transform(defined),
  ),
  warnings: warningsSchema,
  packages: entriesSchema,
  groups: entriesSchema.catch({}),
});

/**
 * @param ended When the whole run ended, for a file that says so of no package (pypi-winnow-downloads): it had counted up
 * to the day before.
 */
function packageFromJson(value: z.infer<typeof entrySchema>, ended: string | undefined): PackageHealth {
  const { error, errorCode, heldBack, windowDays, windows, other, warnings, ...entry } = value;
  const others = new Map(other.map(({ installer, count: downloads }) => [installer, downloads]));
  const success = error === undefined && entry.count !== undefined ? ended : undefined;
  return {
    windowDays,
    windows: windows.map((window, index) =>
      index === 0 ? { ...window, breakdown: { ...window.breakdown, others } } : window,
    ),
    warnings,
    ...defined({
      ...entry,
      failure: error === undefined ? undefined : { error, code: errorCode, ...defined({ heldBack }) },
      countedTo: entry.countedTo ?? (success && addDays(dayOf(new Date(success)), -1)),
      attempted: entry.attempted ?? ended,
      lastSuccess: entry.lastSuccess ?? success,
    }),
  };
}

/** Reads the text of a health file; undefined if it is none. */
export function parseHealth(text: string): Health | undefined {
  const { data } = fileSchema.safeParse(jsonOf(text));
  if (data === undefined) return undefined;
  const { upstream, packages, groups, ...rest } = data;
  const ended = upstream === undefined ? rest.finished : undefined;
  const entries = (of: z.infer<typeof entriesSchema>) =>
    new Map(
      Object.entries(of).map(([name, entry]) => [normalizePackageName(name), packageFromJson(entry, ended)]),
    );
  return {
    ...defined(rest),
    upstream: upstream ?? NOTHING_KNOWN,
    packages: entries(packages),
    groups: entries(groups),
  };
}

/**
 * The health file of the last run.
 *
 * @returns undefined where there is none; `'unreadable'` if it is not one.
 * @throws OperatorError if the disk refuses.
 */
export async function readHealth(outputDir: string): Promise<Health | 'unreadable' | undefined> {
  const text = await readIfPresent(join(outputDir, HEALTH_FILE));
  return text === undefined ? undefined : (parseHealth(text) ?? 'unreadable');
}

/**
 * The health file of the last run, for a command that is of no use without it.
 *
 * @throws OperatorError if there is none that can be read.
 */
export async function demandHealth(outputDir: string): Promise<Health> {
  const health = await readHealth(outputDir);
  if (typeof health === 'object') return health;
  const why = health
    ? 'it is not a health file; the next run replaces it'
    : 'there is none yet; run: pypi-badges collect';
  throw new OperatorError('no-health', `${join(outputDir, HEALTH_FILE)}: ${why}`);
}

/**
 * Replaces the health file; unlike badges it must survive a power cut, as monitoring relies on it.
 *
 * @throws OperatorError if the disk refuses.
 */
export async function writeHealth(outputDir: string, health: Health): Promise<void> {
  const text = formatJson(healthToJson(health));
  await ensureFolder(outputDir);
  await sweepTemporary(outputDir);
  await replaceFile(join(outputDir, HEALTH_FILE), text, true);
}

/**
 * How a package stands: `no rows` has no download of any kind, so that its name may be wrong; `new` was never collected;
 * `stale` has figures that are too old.
 */
export type PackageState = 'ok' | 'no rows' | 'failed' | 'stale' | 'new';

/** Whether there is something to be done. A name without rows may be a new package's. */
export function needsCare(state: PackageState): boolean {
  return state !== 'ok' && state !== 'no rows';
}

/** The state of figures that are there and not too old. */
export function countedState({ warnings }: Pick<PackageHealth, 'warnings'>): 'ok' | 'no rows' {
  return warnings.some(({ code }) => code === 'no-rows') ? 'no rows' : 'ok';
}

/** How a package stands, by what the health file says of it. */
export function stateOf(entry: PackageHealth | undefined, thresholdDays: number, now: Date): PackageState {
  if (entry?.failure !== undefined) return 'failed';
  if (entry?.countedTo === undefined) return 'new';
  return isStale(entry.countedTo, thresholdDays, dayOf(now)) ? 'stale' : countedState(entry);
}

/** How a package or a group stands. */
export interface Standing {
  readonly name: string;
  readonly state: PackageState;
  readonly entry: PackageHealth | undefined;
  readonly isGroup: boolean;
}

/** How all that is tracked stands, in the order of the configuration: packages, then groups. */
export function statusOf(config: Config, health: Health, now: Date): Standing[] {
  const { packages, groups, staleThresholdDays } = config;
  return [...packages, ...groups].map(({ name, members }) => {
    const isGroup = members !== undefined;
    const entry = (isGroup ? health.groups : health.packages).get(name);
    return { name, entry, isGroup, state: stateOf(entry, staleThresholdDays, now) };
  });
}

/** What this run fetched of the table's days from `since` to before `end`. */
export type FetchedUpstream = UpstreamFacts & Pick<Upstream, 'since' | 'end'>;

/**
 * What is known of the table after a run: one that looked at fewer days than are in the windows, or at none,
 * keeps what was known of the others, and so does one of the past of those that came after it.
 *
 * @param asOf The day before which the run looked.
 * @param longestDays Days of the longest window of all packages.
 */
export function mergeUpstream(
  before: UpstreamFacts,
  fetched: FetchedUpstream | undefined,
  asOf: Day,
  longestDays: number,
): UpstreamFacts {
  if (fetched === undefined) return before;
  const { start } = windowBefore(fetched.end, longestDays);
  const merge = (old: readonly Day[], fresh: readonly Day[]) => [
    ...old.filter((each) => each >= start && each < fetched.since),
    ...fresh,
    ...old.filter((each) => each >= asOf),
  ];
  const ofThePast = (before.lastDay ?? '') >= asOf;
  const published = fetched.published ?? before.published;
  return {
    lastDay: ofThePast ? before.lastDay : (fetched.lastDay ?? before.lastDay),
    ...recordOf(ODD_DAYS, (kind) => merge(before[kind], fetched[kind])),
    ...defined({ published }),
  };
}

/**
 * The health file after a run. Packages that it did not reach keep their previous entry, and those that
 * are no longer tracked lose it.
 */
export function mergeHealth(
  config: Config,
  previous: Health | undefined,
  run: Pick<Health, 'packages' | 'groups' | 'warnings'> & {
    readonly started: Date;
    readonly finished: Date;
    readonly asOf: Day;
    readonly upstream: FetchedUpstream | undefined;
  },
): Health {
  const known = (kind: 'packages' | 'groups') => {
    const entries = config[kind].flatMap(({ name }) => {
      const entry = run[kind].get(name) ?? previous?.[kind].get(name);
      return entry ? [[name, entry] as const] : [];
    });
    return new Map(entries);
  };
  const { source } = config;
  const fetched = previous?.upstream ?? NOTHING_KNOWN;
  // Another source says nothing of the days of this one.
  const sameSource = previous?.source === undefined || previous.source === source.kind;
  const before = sameSource ? fetched : { ...NOTHING_KNOWN, ...defined({ published: fetched.published }) };
  const longestDays = Math.max(...config.packages.flatMap(({ windows }) => windows));
  return {
    source: source.kind,
    started: run.started.toISOString(),
    finished: run.finished.toISOString(),
    upstream: mergeUpstream(before, run.upstream, run.asOf, longestDays),
    packages: known('packages'),
    groups: known('groups'),
    warnings: run.warnings,
  };
}
