import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import type { Day } from '../days/day.ts';
import { ensureFolder, readIfPresent, replaceFile, sweepTemporary } from '../disk/files.ts';
import type { ErrorCode } from '../errors/codes.ts';
import type { NonEmpty } from '../non-empty.ts';
import type { Account } from '../winnow/winnow.ts';

/*
 * _health.json (DESIGN section 6): what every run leaves behind, whatever happened. Its keys are read
 * by other programs, so they keep their names and meaning. Instants are ISO 8601 in UTC.
 */

/** The account of one window. */
export interface HealthWindow {
  readonly window_days: number;
  readonly count: number;
  readonly counts: Account['counts'];
  readonly counts_by_system: Account['countsBySystem'];
  readonly excluded: Account['excluded'];
}

/** What a package's last reading took. */
export interface HealthQuery {
  readonly days_scanned: number;
  readonly bytes_processed: number;
  readonly bytes_billed: number;
  readonly cache_hit: boolean;
  readonly duration_ms: number;
}

/** A package whose last attempt worked. Its own figures are those of its first window. */
export interface HealthSuccess extends HealthWindow {
  readonly windows: NonEmpty<HealthWindow>;
  readonly query: HealthQuery;
  readonly attempted: string;
  readonly last_success: string;
}

/** A package whose last attempt failed. */
export interface HealthFailure {
  readonly error: string;
  /** Kind of the fault, one of ERROR_CODES; absent in files of earlier versions. */
  readonly error_code?: ErrorCode;
  readonly window_days: number;
  /** Absent if it was never tried. */
  readonly attempted?: string;
  /** Absent if it never worked. */
  readonly last_success?: string;
}

export type HealthEntry = HealthSuccess | HealthFailure;

export interface Health {
  readonly started: string;
  readonly finished: string;
  /** What the table had: its newest day (null: unknown), and days of the longest window without any row. */
  readonly upstream: { readonly last_day: Day | null; readonly missing_days: readonly Day[] };
  readonly packages: Readonly<Record<string, HealthEntry>>;
}

export const HEALTH_FILE = '_health.json';

export function isSuccess(entry: HealthEntry): entry is HealthSuccess {
  return !('error' in entry);
}

/** The account of one window under the keys of _health.json. */
export function healthWindow(windowDays: number, account: Account): HealthWindow {
  return {
    window_days: windowDays,
    count: account.count,
    counts: account.counts,
    counts_by_system: account.countsBySystem,
    excluded: account.excluded,
  };
}

/**
 * The health file after a run. Packages that it did not reach keep their previous entry, and those that
 * are no longer tracked lose it.
 */
export function mergeHealth(
  { packages }: Pick<Config, 'packages'>,
  previous: Health['packages'],
  settled: readonly (readonly [string, HealthEntry])[],
  run: Omit<Health, 'packages'>,
): Health {
  const entries = new Map([...Object.entries(previous), ...settled]);
  const known = packages.flatMap(({ name }) => {
    const entry = entries.get(name);
    return entry === undefined ? [] : [[name, entry] as const];
  });
  return { ...run, packages: Object.fromEntries(known) };
}

/** Whether a parsed JSON value is a health file as far as later runs rely on it. */
function isHealth(value: unknown): value is Health {
  const { packages } = (value ?? {}) as { packages?: unknown };
  if (typeof packages !== 'object' || packages === null || Array.isArray(packages)) return false;
  return Object.values(packages).every((entry: unknown) => typeof entry === 'object' && entry !== null);
}

/**
 * The health file of the last run.
 *
 * @returns undefined where there is none; `'unreadable'` if it is not one.
 * @throws OperatorError if the disk refuses.
 */
export async function readHealth(outputDir: string): Promise<Health | 'unreadable' | undefined> {
  const text = await readIfPresent(join(outputDir, HEALTH_FILE));
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isHealth(value) ? value : 'unreadable';
  } catch {
    return 'unreadable';
  }
}

/**
 * Replaces the health file; unlike badges it must survive a power cut, as monitoring relies on it.
 *
 * @throws OperatorError if the disk refuses.
 */
export async function writeHealth(outputDir: string, health: Health): Promise<void> {
  await ensureFolder(outputDir);
  await sweepTemporary(outputDir);
  await replaceFile(join(outputDir, HEALTH_FILE), `${JSON.stringify(health, null, 2)}\n`, true);
}
