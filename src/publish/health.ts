import { join } from 'node:path';
import { z } from 'zod';
import { normalizePackageName } from '../config/package-name.ts';
import { addDays, type Day, dayOf } from '../days/day.ts';
import { ensureFolder, readIfPresent, replaceFile, sweepTemporary } from '../disk/files.ts';
import { type ErrorCode, isErrorCode } from '../errors/codes.ts';
import { OperatorError } from '../errors/error.ts';
import { formatJson } from '../format.ts';
import type { Breakdown } from '../winnow/breakdown.ts';
import { EXCLUSIONS, INSTALLERS, SYSTEMS } from '../winnow/classes.ts';
import type { Window } from '../winnow/fold.ts';
import type { Total } from '../winnow/total.ts';
import type { Warning } from '../winnow/warnings.ts';
import { type QueryFacts, querySchema, queryToJson } from './health-query.ts';
import { shownText, totalSchema, totalToJson, warningsSchema } from './health-remarks.ts';

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

function breakdownToJson({ count, counts, countsBySystem, excluded }: Breakdown) {
  return { count, counts, counts_by_system: countsBySystem, excluded };
}

function packageToJson(entry: PackageHealth): object {
  const { failure, windowDays, count, windows, query, countedTo, total, warnings, attempted, lastSuccess } =
    entry;
  const fault = failure && {
    error: failure.error,
    error_code: failure.code,
    ...(failure.heldBack === undefined ? {} : { held_back: failure.heldBack }),
  };
  const rest = {
    ...(query === undefined ? {} : { query: queryToJson(query) }),
    ...(total === undefined ? {} : { total: totalToJson(total) }),
    ...(countedTo === undefined ? {} : { counted_to: countedTo }),
    ...(attempted === undefined ? {} : { attempted }),
    ...(lastSuccess === undefined ? {} : { last_success: lastSuccess }),
  };
  const [first] = windows;
  if (first === undefined) {
    const told = warnings.length === 0 ? {} : { warnings };
    return { ...fault, count, window_days: windowDays, ...told, ...rest };
  }
  const others = [...first.breakdown.others].toSorted(([, a], [, b]) => b - a).slice(0, OTHERS_MAX);
  return {
    ...fault,
    window_days: windowDays,
    // Where the main window was not published, no other one's figures pass for it.
    ...(count === undefined ? {} : breakdownToJson(first.breakdown)),
    other: others.map(([installer, downloads]) => ({ installer, count: downloads })),
    warnings,
    windows: windows.map(({ windowDays: days, breakdown }) => ({
      window_days: days,
      ...breakdownToJson(breakdown),
    })),
    ...rest,
  };
}

/** A health as the value of its file. */
export function healthToJson(health: Health): object {
  const { source, started, finished, upstream, packages, groups, warnings } = health;
  const entries = (of: Health['packages']) =>
    Object.fromEntries([...of].map(([name, entry]) => [name, packageToJson(entry)]));
  return {
    version: VERSION,
    source,
    started,
    finished,
    upstream: {
      last_day: upstream.lastDay,
      missing_days: upstream.missingDays,
      partial_days: upstream.partialDays,
      ...(upstream.published === undefined
        ? {}
        : { published: { source: upstream.published.source, last_day: upstream.published.lastDay } }),
    },
    ...(warnings.length === 0 ? {} : { warnings }),
    packages: entries(packages),
    ...(groups.size === 0 ? {} : { groups: entries(groups) }),
  };
}

const count = z.int().min(0);
const instant = z
  .string()
  .refine((text) => !Number.isNaN(Date.parse(text)))
  .transform((text) => new Date(text).toISOString());
const day = z.iso.date();
const lenient = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);

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

const windowSchema = z
  .object({
    window_days: count,
    count,
    counts: counts([...INSTALLERS, 'pip-family']),
    counts_by_system: counts(SYSTEMS),
    excluded: counts(EXCLUSIONS),
  })
  .transform(
    (window): Window => ({
      windowDays: window.window_days,
      breakdown: {
        count: window.count,
        counts: window.counts,
        countsBySystem: window.counts_by_system,
        excluded: window.excluded,
        others: new Map(),
      },
    }),
  );

const entrySchema = z.object({
  error: lenient(shownText),
  error_code: z.custom<ErrorCode>(isErrorCode).optional().catch(undefined),
  held_back: lenient(z.array(count)),
  window_days: lenient(count),
  count: lenient(count),
  other: z.array(z.object({ installer: shownText, count })).catch([]),
  windows: z.array(windowSchema).catch([]),
  query: lenient(querySchema),
  counted_to: lenient(day),
  warnings: warningsSchema,
  total: lenient(totalSchema),
  attempted: lenient(instant),
  last_success: lenient(instant),
});

const entriesSchema = z.record(
  z.string(),
  z.custom<object>((entry) => typeof entry === 'object' && entry !== null),
);

const fileSchema = z.object({
  source: lenient(shownText),
  started: lenient(instant),
  finished: lenient(instant),
  upstream: z
    .object({
      last_day: day.nullable().catch(null),
      missing_days: z.array(day).catch([]),
      partial_days: z.array(day).catch([]),
      published: lenient(
        z
          .object({ source: shownText, last_day: day })
          .transform(({ source, last_day: lastDay }) => ({ source, lastDay })),
      ),
    })
    .optional()
    .catch(undefined),
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
  const entry = entrySchema.parse(value);
  const { error, error_code: code, held_back: heldBack, window_days: windowDays, query } = entry;
  const counted = error === undefined && entry.count !== undefined;
  const success = entry.last_success ?? (counted ? run.finished : undefined);
  const countedTo = entry.counted_to ?? (success && countedToOf(success, run.lastDay));
  const attempted = entry.attempted ?? run.finished;
  return {
    windowDays,
    windows: withOthers(entry.windows, entry.other),
    warnings: entry.warnings,
    ...(error === undefined
      ? {}
      : { failure: { error, code, ...(heldBack === undefined ? {} : { heldBack }) } }),
    ...(entry.count === undefined || (error !== undefined && heldBack === undefined)
      ? {}
      : { count: entry.count }),
    ...(query === undefined ? {} : { query }),
    ...(countedTo === undefined ? {} : { countedTo }),
    ...(entry.total === undefined ? {} : { total: entry.total }),
    ...(attempted === undefined ? {} : { attempted }),
    ...(success === undefined ? {} : { lastSuccess: success }),
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
  const { source, started, finished, upstream, warnings } = data;
  // pypi-winnow-downloads says nothing of the table, nor when it counted a package, but for the run's end.
  const run = {
    ...(upstream !== undefined || finished === undefined ? {} : { finished }),
    ...(upstream?.last_day == null ? {} : { lastDay: upstream.last_day }),
  };
  const entries = (of: Readonly<Record<string, object>>) =>
    new Map(
      Object.entries(of)
        .filter(([, entry]) => !Array.isArray(entry))
        .map(([name, entry]) => [normalizePackageName(name), packageFromJson(entry, run)]),
    );
  return {
    ...(source === undefined ? {} : { source }),
    ...(started === undefined ? {} : { started }),
    ...(finished === undefined ? {} : { finished }),
    upstream:
      upstream === undefined
        ? NOTHING_KNOWN
        : {
            lastDay: upstream.last_day,
            missingDays: upstream.missing_days,
            partialDays: upstream.partial_days,
            ...(upstream.published === undefined ? {} : { published: upstream.published }),
          },
    warnings,
    packages: entries(data.packages),
    groups: entries(data.groups),
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
