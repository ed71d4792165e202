import { badgeFiles, trendFiles } from '../badges/endpoint.ts';
import { sparklineFile } from '../badges/sparkline.ts';
import type { Config } from '../config/config.ts';
import type { Extra } from '../config/looks.ts';
import { addDays } from '../days/day.ts';
import { describeError, errorCode } from '../errors/error.ts';
import type { Outcome } from '../run/outcome.ts';
import { fold } from '../winnow/fold.ts';
import { publishBadges } from './badges.ts';
import type { PackageHealth } from './health.ts';
import { publishHistory } from './history.ts';
import { leftOverWindows } from './left-over.ts';

/** What was there before. */
export interface Place {
  /** The package's entry after the last run, which remembers the last success. */
  readonly previous?: PackageHealth | undefined;
  /** Folders that spell packages otherwise, by the normalized name. */
  readonly spellings?: ReadonlyMap<string, readonly string[]>;
}

/** What an earlier audit said, as long as the same two sources are compared. */
function rememberedAudit({ source, audit }: Config, previous: PackageHealth | undefined) {
  const known = previous?.audit;
  const same = known?.source === source.kind && known.otherSource === audit?.source.kind;
  return known !== undefined && same ? { audit: known } : {};
}

async function publish(
  outcome: Extract<Outcome, { kind: 'read' }>,
  config: Config,
  { previous, spellings }: Place,
  now: () => Date,
): Promise<PackageHealth> {
  const { outputDir, source, publicUrl } = config;
  const { package: tracked, read, upstream, taken } = outcome;
  const { windows, history, trends, warnings } = fold(read, tracked.windows, upstream.partialDays);
  const { looks = {} } = tracked;
  const wants = (extra: Extra) => looks.extra?.includes(extra) === true;
  const files = windows.flatMap(({ windowDays, breakdown }, index) => [
    ...badgeFiles(breakdown, windowDays, looks),
    ...(wants('trend') ? trendFiles(trends[index], windowDays, looks) : []),
    ...(wants('sparkline') ? [sparklineFile(tracked.name, history, windowDays)] : []),
  ]);
  await publishBadges(outputDir, tracked.name, files, spellings?.get(tracked.name));
  await publishHistory(outputDir, history, { package: tracked.name, source: source.kind, publicUrl });
  return {
    windowDays: tracked.windows[0],
    count: windows[0].breakdown.count,
    windows,
    query: {
      daysScanned: taken.daysScanned,
      bytesProcessed: taken.bytesProcessed,
      bytesBilled: taken.bytesBilled,
      cacheHit: taken.cacheHit,
      durationMs: taken.durationMs,
    },
    countedTo: addDays(upstream.end, -1),
    warnings: [...warnings, ...(await leftOverWindows(outputDir, tracked))],
    ...rememberedAudit(config, previous),
    attempted: outcome.attempted.toISOString(),
    lastSuccess: now().toISOString(),
  };
}

function failed(
  outcome: Outcome,
  error: unknown,
  config: Config,
  previous: PackageHealth | undefined,
): PackageHealth {
  const attempted = outcome.attempted?.toISOString() ?? previous?.attempted;
  const { countedTo, lastSuccess } = previous ?? {};
  return {
    failure: { error: describeError(error), code: errorCode(error) },
    windowDays: outcome.package.windows[0],
    windows: [],
    warnings: [],
    ...(countedTo === undefined ? {} : { countedTo }),
    ...rememberedAudit(config, previous),
    ...(attempted === undefined ? {} : { attempted }),
    ...(lastSuccess === undefined ? {} : { lastSuccess }),
  };
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
): Promise<PackageHealth> {
  if (outcome.kind === 'failed') {
    onFault(outcome.error);
    return failed(outcome, outcome.error, config, place.previous);
  }
  try {
    return await publish(outcome, config, place, now);
  } catch (error) {
    onFault(error);
    return failed(outcome, error, config, place.previous);
  }
}
