import type { Config, TrackedPackage } from '../config/config.ts';
import { addDays, type Day } from '../days/day.ts';
import { describeError, errorCode } from '../errors/error.ts';
import type { Outcome } from '../run/outcome.ts';
import { winnowDays } from '../winnow/fold.ts';
import type { PackageDays } from '../winnow/package-days.ts';
import { type Total, totalSince } from '../winnow/total.ts';
import { type PublishedFigures, publishFigures } from './figures.ts';
import type { PackageHealth } from './health.ts';

/** What was there before. */
export interface Place {
  /** The package's entry after the last run, which remembers the last success. */
  readonly previous?: PackageHealth | undefined;
  /** Folders that spell packages otherwise, by the normalized name. */
  readonly spellings?: ReadonlyMap<string, readonly string[]>;
}

/** What groups are sums of. */
export interface Figures {
  readonly days: PackageDays;
  readonly total: Total | undefined;
}

/** What came of a package. */
export interface Published {
  readonly entry: PackageHealth;
  /** Its days, one by one and altogether; absent after a failure. */
  readonly figures?: Figures;
}

/** What is told of a total: one that this run does not know, as it looked at the past, stays what it was. */
function totalEntry(
  { looks }: TrackedPackage,
  total: Total | undefined,
  previous: PackageHealth | undefined,
): Pick<PackageHealth, 'total'> {
  const known = total ?? previous?.total;
  return known !== undefined && looks?.extra?.includes('total') ? { total: known } : {};
}

/** The entry of a package or group whose badges stay as they were. */
export function failedEntry(
  tracked: TrackedPackage,
  error: unknown,
  attempted: Date | undefined,
  previous: PackageHealth | undefined,
): PackageHealth {
  const { countedTo, lastSuccess } = previous ?? {};
  const tried = attempted?.toISOString() ?? previous?.attempted;
  return {
    failure: { error: describeError(error), code: errorCode(error) },
    windowDays: tracked.windows[0],
    windows: [],
    ...totalEntry(tracked, undefined, previous),
    warnings: [],
    ...(countedTo === undefined ? {} : { countedTo }),
    ...(tried === undefined ? {} : { attempted: tried }),
    ...(lastSuccess === undefined ? {} : { lastSuccess }),
  };
}

/**
 * The entry of a package or group whose badges were published, but for those that were held back.
 *
 * @param of What of its total is known, the newest day in its figures, and when it was tried.
 */
export function publishedEntry(
  tracked: TrackedPackage,
  { windows, failure, warnings, leftOver }: PublishedFigures,
  { total, countedTo, attempted }: { total: Total | undefined; countedTo: Day | undefined; attempted: Date },
  previous: PackageHealth | undefined,
  now: () => Date,
): PackageHealth {
  const [first] = windows;
  const [windowDays] = tracked.windows;
  const times =
    first === undefined
      ? { countedTo: previous?.countedTo, lastSuccess: previous?.lastSuccess }
      : { countedTo, lastSuccess: now().toISOString() };
  return {
    ...(failure === undefined ? {} : { failure }),
    windowDays,
    ...(first?.windowDays === windowDays ? { count: first.breakdown.count } : {}),
    windows,
    ...totalEntry(tracked, total, previous),
    ...(times.countedTo === undefined ? {} : { countedTo: times.countedTo }),
    warnings: [...warnings, ...leftOver],
    attempted: attempted.toISOString(),
    ...(times.lastSuccess === undefined ? {} : { lastSuccess: times.lastSuccess }),
  };
}

async function publish(
  outcome: Extract<Outcome, { kind: 'read' }>,
  config: Config,
  { previous, spellings }: Place,
  now: () => Date,
): Promise<Published> {
  const { package: tracked, read, allDays, upstream, taken } = outcome;
  const days = winnowDays(read, upstream.partialDays);
  const total = allDays && totalSince(allDays.spans, allDays.rows, allDays.end);
  const figures = await publishFigures(tracked, days, total, config, spellings?.get(tracked.name));
  const facts = { total, countedTo: addDays(upstream.end, -1), attempted: outcome.attempted };
  const entry: PackageHealth = {
    ...publishedEntry(tracked, figures, facts, previous, now),
    query: {
      daysScanned: taken.daysScanned,
      bytesProcessed: taken.bytesProcessed,
      bytesBilled: taken.bytesBilled,
      cacheHit: taken.cacheHit,
      durationMs: taken.durationMs,
    },
  };
  return { entry, figures: { days, total } };
}

/**
 * Publishes the outcome of one package: folds what was read into badges and history, writes them, and returns
 * the package's entry for the health file. It never throws: a full disk is a failed package.
 *
 * @param onFault Told of what the entry says in one sentence only.
 */
export async function publishPackage(
  outcome: Outcome,
  config: Config,
  place: Place,
  now: () => Date,
  onFault: (error: unknown) => void = () => undefined,
): Promise<Published> {
  const { attempted, package: tracked } = outcome;
  const failed = (error: unknown): Published => {
    onFault(error);
    return { entry: failedEntry(tracked, error, attempted, place.previous) };
  };
  if (outcome.kind === 'failed') return failed(outcome.error);
  try {
    return await publish(outcome, config, place, now);
  } catch (error) {
    return failed(error);
  }
}
