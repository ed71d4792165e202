import { badgeFiles } from '../badges/endpoint.ts';
import { buildHistory } from '../badges/history.ts';
import { svgFiles } from '../badges/svg.ts';
import type { Config } from '../config/config.ts';
import { windowBefore } from '../days/window.ts';
import { describeError, errorCode } from '../errors/error.ts';
import { mapNonEmpty } from '../non-empty.ts';
import { publishBadges } from '../publish/badges.ts';
import { type HealthEntry, type HealthFailure, type HealthSuccess, healthWindow } from '../publish/health.ts';
import { publishHistory } from '../publish/history.ts';
import type { Outcome } from '../run/outcome.ts';
import { winnow } from '../winnow/winnow.ts';

type Read = Extract<Outcome, { kind: 'read' }>;

/** The history of the longest window. */
function historyOf(outcome: Read, { publicUrl }: Config) {
  const [first, ...others] = outcome.windows;
  const longest = others.reduce((a, b) => (b.windowDays > a.windowDays ? b : a), first);
  const { end, missingDays } = outcome.upstream;
  return buildHistory({
    package: outcome.package.name,
    span: windowBefore(end, longest.windowDays),
    rows: longest.rows,
    missingDays,
    publicUrl,
  });
}

async function publish(outcome: Read, config: Config, now: () => Date): Promise<HealthSuccess> {
  const accounts = mapNonEmpty(outcome.windows, ({ windowDays, rows }) => ({
    windowDays,
    account: winnow(rows),
  }));
  const files = accounts.flatMap(({ windowDays, account }) => [
    ...badgeFiles(account, windowDays),
    ...svgFiles(account, windowDays),
  ]);
  await publishBadges(config.outputDir, outcome.package.name, files);
  await publishHistory(config.outputDir, historyOf(outcome, config));
  const windows = mapNonEmpty(accounts, ({ windowDays, account }) => healthWindow(windowDays, account));
  const { reading } = outcome;
  return {
    ...windows[0],
    windows,
    query: {
      days_scanned: reading.daysScanned,
      bytes_processed: reading.bytesProcessed,
      bytes_billed: reading.bytesBilled,
      cache_hit: reading.cacheHit,
      duration_ms: reading.durationMs,
    },
    attempted: outcome.attempted.toISOString(),
    last_success: now().toISOString(),
  };
}

function failure(outcome: Outcome, error: unknown, previous: HealthEntry | undefined): HealthFailure {
  const attempted = outcome.attempted?.toISOString() ?? previous?.attempted;
  return {
    error: describeError(error),
    error_code: errorCode(error),
    window_days: outcome.package.windows[0],
    ...(attempted === undefined ? {} : { attempted }),
    ...(previous?.last_success === undefined ? {} : { last_success: previous.last_success }),
  };
}

/**
 * Takes the outcome of one package to its end: winnows what was read, publishes badges and history, and
 * returns the package's entry for the health file. It never throws: a full disk is a failed package.
 *
 * @param previous The package's entry after the last run, which remembers the last success.
 */
export async function settle(
  outcome: Outcome,
  config: Config,
  previous: HealthEntry | undefined,
  now: () => Date,
): Promise<HealthEntry> {
  if (outcome.kind === 'failed') return failure(outcome, outcome.error, previous);
  try {
    return await publish(outcome, config, now);
  } catch (error) {
    return failure(outcome, error, previous);
  }
}
