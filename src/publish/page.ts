import { join } from 'node:path';
import type { Config, TrackedPackage } from '../config/config.ts';
import { ensureChildFolder, ensureFolder, writeIfChanged } from '../disk/files.ts';
import { ERRORS } from '../errors/codes.ts';
import { describeError, errorCode, OperatorError } from '../errors/error.ts';
import { formatNumber } from '../format.ts';
import { indexPage } from '../page/index-page.ts';
import { packagePage } from '../page/package-page.ts';
import { sparkline } from '../page/time-charts.ts';
import type { IndexEntry, PackageView, SiteView } from '../page/view.ts';
import { date } from '../page/words.ts';
import { sourceName } from '../sources/traits.ts';
import type { Audit, AuditFigures } from '../winnow/audit.ts';
import type { Window } from '../winnow/fold.ts';
import { lastDays, type PackageDays, totalOf } from '../winnow/package-days.ts';
import { PUBLIC_WARNINGS, type WarningCode } from '../winnow/warnings.ts';
import type { Health, PackageHealth } from './health.ts';
import { stateOf } from './health-merge.ts';
import { readHistory } from './history.ts';

export const PAGE_FILE = 'index.html';

function windowsFromHistory(windows: readonly number[], history: PackageDays | undefined): Window[] {
  if (history === undefined) return [];
  return windows
    .filter((windowDays) => windowDays <= history.days.length)
    .map((windowDays) => ({ windowDays, breakdown: totalOf(lastDays(history, windowDays)) }));
}

/** What strangers are told; of two sources that differ, the figures too, which are no secret. */
function publicWarning(code: WarningCode, audit: Audit | undefined): string {
  const sentence = PUBLIC_WARNINGS[code];
  if (code !== 'sources-differ' || audit === undefined) return sentence;
  const { day, own, other } = audit;
  const figures = (kind: string, { count, all }: AuditFigures) =>
    `${formatNumber(count)} honest downloads of ${formatNumber(all)} by ${sourceName(kind).name}`;
  return `${sentence} For ${date(day)}: ${figures(audit.source, own)}, ${figures(audit.otherSource, other)}.`;
}

/**
 * What is known of one package: its last result, or after a failure what the last success left behind, and
 * of a failure only what strangers may know.
 */
function packageView(
  { name, windows }: TrackedPackage,
  entry: PackageHealth | undefined,
  history: PackageDays | undefined,
  { staleThresholdDays }: Config,
  now: Date,
): Omit<PackageView, 'history'> {
  const code = entry?.failure === undefined ? undefined : (entry.failure.code ?? 'source-failed');
  const known = entry?.windows ?? [];
  return {
    name,
    state: stateOf(entry, staleThresholdDays, now),
    mainWindowDays: windows[0],
    windows: known.length > 0 ? known : windowsFromHistory(windows, history),
    warnings: (entry?.warnings ?? []).map(({ code: warning }) => publicWarning(warning, entry?.audit)),
    ...(entry?.lastSuccess === undefined ? {} : { lastSuccess: entry.lastSuccess }),
    ...(entry?.countedTo === undefined ? {} : { countedTo: entry.countedTo }),
    ...(code === undefined ? {} : { failure: { code, sentence: ERRORS[code].public } }),
  };
}

/** What has been drawn for one package. */
interface Drawn {
  readonly entry: IndexEntry;
  readonly lastDay: string | undefined;
}

/** Draws the page of one package, unless there is nothing to show. */
async function publishPackagePage(
  config: Config,
  tracked: TrackedPackage,
  entry: PackageHealth | undefined,
  site: SiteView,
  now: Date,
): Promise<Drawn> {
  const { outputDir } = config;
  const history = await readHistory(outputDir, tracked.name);
  const view = packageView(tracked, entry, history, config, now);
  const hasPage = view.windows.length > 0;
  if (hasPage) {
    const folder = await ensureChildFolder(outputDir, tracked.name);
    const page = packagePage({ ...view, ...(history === undefined ? {} : { history }) }, site);
    await writeIfChanged(join(folder, PAGE_FILE), page);
  }
  const line = history === undefined ? undefined : sparkline(history);
  return { entry: { ...view, hasPage, sparkline: line }, lastDay: history?.days.at(-1) };
}

/**
 * Draws the page of all packages and that of each, from what is on the disk: histories and the health file.
 * Pages that would not change are left alone, and one that cannot be written stops no other.
 *
 * @param sourceName Whose figures these are, as words that follow "counted from".
 * @param signal Ends the drawing between two pages; what is drawn stays.
 * @returns How many pages there are.
 * @throws OperatorError if the disk refuses any of them.
 */
export async function publishPage(
  config: Config,
  health: Health,
  sourceName: string,
  now: Date,
  signal?: AbortSignal,
): Promise<number> {
  const { outputDir } = config;
  await ensureFolder(outputDir);
  const site: SiteView = {
    finished: health.finished,
    staleThresholdDays: config.staleThresholdDays,
    publicUrl: config.publicUrl,
    sourceName,
  };
  const drawn: Drawn[] = [];
  const faults: unknown[] = [];
  // One after another, and nothing is kept but a row: a thousand histories need not be in memory at once.
  for (const tracked of config.packages) {
    // Signals are only delivered between turns of the event loop, and drawing is synchronous.
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    const entry = health.packages.get(tracked.name);
    try {
      drawn.push(await publishPackagePage(config, tracked, entry, site, now));
    } catch (error) {
      faults.push(error);
      const view = packageView(tracked, entry, undefined, config, now);
      drawn.push({ entry: { ...view, hasPage: false, sparkline: undefined }, lastDay: undefined });
    }
  }
  const newest = drawn
    .flatMap(({ lastDay }) => lastDay ?? [])
    .toSorted()
    .at(-1);
  const index = indexPage({
    ...site,
    lastDay: health.upstream.lastDay ?? newest,
    missingDays: health.upstream.missingDays,
    partialDays: health.upstream.partialDays,
    packages: drawn.map(({ entry }) => entry),
  });
  await writeIfChanged(join(outputDir, PAGE_FILE), index);
  const [fault] = faults;
  if (fault !== undefined) {
    const others = faults.length === 1 ? '' : ` (and ${faults.length - 1} more)`;
    throw new OperatorError(errorCode(fault), `${describeError(fault)}${others}`, { cause: fault });
  }
  return drawn.filter(({ entry }) => entry.hasPage).length + 1;
}
