import { join } from 'node:path';
import { z } from 'zod';
import { normalizePackageName } from '../config/package-name.ts';
import { addDays, type Day, dayOf } from '../days/day.ts';
import { ensureFolder, readIfPresent, replaceFile, sweepTemporary } from '../disk/files.ts';
import { type ErrorCode, isErrorCode } from '../errors/codes.ts';
import { OperatorError } from '../errors/error.ts';
import { printable } from '../errors/sanitize.ts';
import { formatJson } from '../format.ts';
import { camelKeys, defined, snakeKeys } from '../keys.ts';
import { EXCLUSIONS, INSTALLERS, SYSTEMS } from '../winnow/classes.ts';
import type { Window } from '../winnow/fold.ts';
import type { Total } from '../winnow/total.ts';
import { PUBLIC_WARNINGS, type Warning, type WarningCode } from '../winnow/warnings.ts';

/*
 * _health.json: what every run leaves behind, whatever happened. Its keys are read by other programs, so
 * they keep their names and meaning. Instants are ISO 8601 in UTC. What earlier versions wrote, and what
 * pypi-winnow-downloads did, is read, too.
 */

/** Why an attempt failed, or a part of it did. */
export interface PackageFailure {
  readonly error: string;
  readonly code: ErrorCode | undefined;
  /** Days of the windows that were not published, where others may have been; absent if nothing was. */
  readonly heldBack?: readonly number[];
}

/** What a package's last reading took. */
export interface QueryFacts {
  readonly daysScanned: number;
  readonly bytesProcessed: number;
  readonly bytesBilled: number;
  readonly cacheHit: boolean;
  readonly durationMs: number;
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
  readonly query?: QueryFacts;
  /** Newest day in the figures; it survives failures, as the figures do. */
  readonly countedTo?: Day;
  readonly warnings: readonly Warning[];
  /** Instants; absent if it was never tried, or never worked. */
  readonly attempted?: string;
  readonly lastSuccess?: string;
}

/** What the table had: its newest day (null: unknown), days without any row, and days with a part of them. */
export interface UpstreamFacts {
  readonly lastDay: Day | null;
  readonly missingDays: readonly Day[];
  readonly partialDays: readonly Day[];
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

export const NOTHING_KNOWN: UpstreamFacts = { lastDay: null, missingDays: [], partialDays: [] };

/** Most names of the class `other` that are told. */
const OTHERS_MAX = 20;

function packageToJson({ failure, windows, warnings, count, windowDays, ...known }: PackageHealth) {
  const fault = failure && { error: failure.error, errorCode: failure.code, heldBack: failure.heldBack };
  const [first] = windows;
  if (first === undefined) {
    return { ...fault, count, windowDays, warnings: warnings.length === 0 ? undefined : warnings, ...known };
  }
  const others = [...first.breakdown.others].toSorted(([, a], [, b]) => b - a).slice(0, OTHERS_MAX);
  return {
    ...fault,
    windowDays,
    // Where the main window was not published, no other one's figures pass for it.
    ...(count === undefined ? {} : { ...first.breakdown, others: undefined }),
    other: others.map(([installer, downloads]) => ({ installer, count: downloads })),
    warnings,
    windows: windows.map(({ windowDays: days, breakdown }) => ({
      windowDays: days,
      ...breakdown,
      others: undefined,
    })),
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
const counts = <K extends string>(keys: readonly K[]) =>
  z
    .record(z.string(), count)
    .transform(
      (table) =>
        Object.fromEntries(keys.map((key) => [key, Object.hasOwn(table, key) ? table[key] : 0])) as Record<
          K,
          number
        >,
    );

const windowSchema = object({
  windowDays: count,
  count,
  counts: counts([...INSTALLERS, 'pip-family']),
  countsBySystem: counts(SYSTEMS),
  excluded: counts(EXCLUSIONS),
}).transform(
  ({ windowDays, ...breakdown }): Window => ({ windowDays, breakdown: { ...breakdown, others: new Map() } }),
);

const entrySchema = object({
  error: lenient(shownText),
  errorCode: lenient(z.custom<ErrorCode>(isErrorCode)),
  heldBack: lenient(z.array(count)),
  windowDays: lenient(count),
  count: lenient(count),
  other: z.array(z.object({ installer: shownText, count })).catch([]),
  windows: z.array(windowSchema).catch([]),
  query: lenient(
    object({
      daysScanned: count,
      bytesProcessed: count,
      bytesBilled: count,
      cacheHit: z.boolean(),
      durationMs: count,
    }),
  ),
  countedTo: lenient(day),
  warnings: warningsSchema,
  total: lenient(object({ since: day, count, unknownDays: count })),
  attempted: lenient(instant),
  lastSuccess: lenient(instant),
});

const entriesSchema = z.record(
  z.string(),
  z.custom<object>((entry) => typeof entry === 'object' && entry !== null),
);

const fileSchema = z.object({
  source: lenient(shownText),
  started: lenient(instant),
  finished: lenient(instant),
  upstream: lenient(
    object({
      lastDay: day.nullable().catch(null),
      missingDays: z.array(day).catch([]),
      partialDays: z.array(day).catch([]),
      published: lenient(object({ source: shownText, lastDay: day })),
    }).transform(defined),
  ),
  warnings: warningsSchema,
  packages: entriesSchema,
  groups: entriesSchema.catch({}),
});

/** A window and its names of the class `other`, which the file has for the first one only. */
function withOthers(windows: readonly Window[], others: readonly { installer: string; count: number }[]) {
  const names = new Map(others.map(({ installer, count: downloads }) => [installer, downloads]));
  return windows.map((window, index) =>
    index === 0 ? { ...window, breakdown: { ...window.breakdown, others: names } } : window,
  );
}

/** Before there was counted_to, windows ended with the day before the run, or with the table's newest. */
function countedToOf(success: string, lastDay: Day | undefined): Day {
  const before = addDays(dayOf(new Date(success)), -1);
  return lastDay !== undefined && lastDay < before ? lastDay : before;
}

/** @param run What the file says of the run as a whole, for entries that say less of themselves. */
function packageFromJson(value: unknown, run: { finished?: string; lastDay?: Day }): PackageHealth {
  const {
    error,
    errorCode: code,
    heldBack,
    windowDays,
    windows,
    other,
    warnings,
    ...entry
  } = entrySchema.parse(value);
  const counted = error === undefined && entry.count !== undefined;
  const lastSuccess = entry.lastSuccess ?? (counted ? run.finished : undefined);
  const countedTo = entry.countedTo ?? (lastSuccess && countedToOf(lastSuccess, run.lastDay));
  return {
    windowDays,
    windows: withOthers(windows, other),
    warnings,
    ...defined({
      ...entry,
      failure: error === undefined ? undefined : { error, code, ...defined({ heldBack }) },
      count: error === undefined || heldBack !== undefined ? entry.count : undefined,
      countedTo,
      attempted: entry.attempted ?? run.finished,
      lastSuccess,
    }),
  };
}

/** Reads the text of a health file; undefined if it is none. */
export function parseHealth(text: string): Health | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { data } = fileSchema.safeParse(value);
  if (data === undefined) return undefined;
  const { upstream, packages, groups, ...rest } = data;
  // pypi-winnow-downloads says nothing of the table, nor when it counted a package, but for the run's end.
  const run = defined({
    finished: upstream === undefined ? rest.finished : undefined,
    lastDay: upstream?.lastDay ?? undefined,
  });
  const entries = (of: Readonly<Record<string, object>>) =>
    new Map(
      Object.entries(of)
        .filter(([, entry]) => !Array.isArray(entry))
        .map(([name, entry]) => [normalizePackageName(name), packageFromJson(entry, run)]),
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
  const path = join(outputDir, HEALTH_FILE);
  if (health === undefined) {
    throw new OperatorError('no-health', `${path}: there is none yet; run: pypi-badges collect`);
  }
  if (health === 'unreadable') {
    throw new OperatorError('no-health', `${path}: it is not a health file; the next run replaces it`);
  }
  return health;
}

/**
 * Replaces the health file; unlike badges it must survive a power cut, as monitoring relies on it.
 *
 * @throws OperatorError if the disk refuses.
 */
export async function writeHealth(outputDir: string, health: Health): Promise<void> {
  await ensureFolder(outputDir);
  await sweepTemporary(outputDir);
  await replaceFile(join(outputDir, HEALTH_FILE), formatJson(healthToJson(health)), true);
}
