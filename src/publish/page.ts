import { join } from 'node:path';
import { z } from 'zod';
import { accountFromHistory, type History } from '../badges/history.ts';
import type { Config, TrackedPackage } from '../config/config.ts';
import { ensureChildFolder, ensureFolder, writeIfChanged } from '../disk/files.ts';
import { ERRORS, type ErrorCode, isErrorCode } from '../errors/codes.ts';
import { describeError, errorCode, OperatorError } from '../errors/error.ts';
import { indexPage } from '../page/index-page.ts';
import { packagePage } from '../page/package-page.ts';
import { sparkline } from '../page/time-charts.ts';
import type { IndexEntry, PackageView, SiteView, WindowView } from '../page/view.ts';
import { EXCLUSIONS, INSTALLERS, SYSTEMS } from '../winnow/classes.ts';
import type { Account } from '../winnow/winnow.ts';
import type { Health } from './health.ts';
import { readHistory } from './history.ts';

export const PAGE_FILE = 'index.html';

const count = z.int().min(0);
const instant = z.iso.datetime();
const day = z.iso.date();
const counts = <K extends string>(keys: readonly K[]) =>
  z.object(Object.fromEntries(keys.map((key) => [key, count])) as Record<K, typeof count>);

/** As much of an entry of _health.json as is shown. What has another shape is not shown. */
const windowSchema = z
  .object({
    window_days: count,
    count,
    counts: counts([...INSTALLERS, 'pip-family']),
    counts_by_system: counts(SYSTEMS),
    excluded: counts(EXCLUSIONS),
  })
  .transform(
    (window): WindowView => ({
      windowDays: window.window_days,
      account: {
        count: window.count,
        counts: window.counts,
        countsBySystem: window.counts_by_system,
        excluded: window.excluded,
      },
    }),
  );

const entrySchema = z.object({
  error: z.string().optional().catch(undefined),
  error_code: z.custom<ErrorCode>(isErrorCode).optional().catch(undefined),
  windows: z.array(windowSchema).catch([]),
  last_success: instant.optional().catch(undefined),
});

const siteSchema = z.object({
  finished: instant.optional().catch(undefined),
  upstream: z
    .object({ last_day: day.nullable().catch(null), missing_days: z.array(day).catch([]) })
    .catch({ last_day: null, missing_days: [] }),
});

function windowsFromHistory(windows: readonly number[], history: History | undefined): WindowView[] {
  if (history === undefined) return [];
  return windows.flatMap((windowDays) => {
    const account: Account | undefined = accountFromHistory(history, windowDays);
    return account === undefined ? [] : [{ windowDays, account }];
  });
}

/** What is known of one package: its last result, or after a failure what the last success left behind. */
function packageView(
  { name, windows }: TrackedPackage,
  entry: unknown,
  history: History | undefined,
): Omit<PackageView, 'history'> {
  const before = { name, windows: windowsFromHistory(windows, history) };
  const { data } = entrySchema.safeParse(entry);
  if (data === undefined) return { ...before, state: 'new' };
  const { error, error_code: code = 'source-failed', last_success: lastSuccess } = data;
  const success = lastSuccess === undefined ? {} : { lastSuccess };
  if (error !== undefined) {
    const failure = { code, sentence: ERRORS[code].public };
    return { ...before, ...success, state: 'failed', failure };
  }
  return {
    ...before,
    ...success,
    state: lastSuccess === undefined ? 'new' : 'ok',
    ...(data.windows.length > 0 ? { windows: data.windows } : {}),
  };
}

/** What has been drawn for one package. */
interface Drawn {
  readonly entry: IndexEntry;
  readonly lastDay: string | undefined;
}

/** Draws the page of one package, unless there is nothing to show. */
async function publishPackagePage(
  { outputDir }: Config,
  tracked: TrackedPackage,
  result: unknown,
  site: SiteView,
  now: Date,
): Promise<Drawn> {
  const history = await readHistory(outputDir, tracked.name);
  const view = packageView(tracked, result, history);
  const hasPage = view.windows.length > 0;
  if (hasPage) {
    const folder = await ensureChildFolder(outputDir, tracked.name);
    const page = packagePage({ ...view, ...(history === undefined ? {} : { history }) }, site, now);
    await writeIfChanged(join(folder, PAGE_FILE), page);
  }
  const line = history === undefined ? undefined : sparkline(history);
  return { entry: { ...view, hasPage, sparkline: line }, lastDay: history?.days.at(-1) };
}

/**
 * Draws the page of all packages and that of each, from what is on the disk: histories and the
 * health file. Pages that would not change are left alone, and one that cannot be written stops no other.
 *
 * @param health The health file's content.
 * @param signal Ends the drawing between two pages; what is drawn stays.
 * @returns How many pages there are.
 * @throws OperatorError if the disk refuses any of them.
 */
export async function publishPage(
  config: Config,
  health: Health,
  now: Date,
  signal?: AbortSignal,
): Promise<number> {
  const { outputDir } = config;
  await ensureFolder(outputDir);
  const { finished, upstream } = siteSchema.parse(health);
  const site: SiteView = {
    finished,
    staleThresholdDays: config.staleThresholdDays,
    publicUrl: config.publicUrl,
  };
  const drawn: Drawn[] = [];
  const faults: unknown[] = [];
  // One after another, and nothing is kept but a row: a thousand histories need not be in memory at once.
  for (const tracked of config.packages) {
    signal?.throwIfAborted();
    const result = health.packages[tracked.name];
    try {
      drawn.push(await publishPackagePage(config, tracked, result, site, now));
    } catch (error) {
      faults.push(error);
      const entry = { ...packageView(tracked, result, undefined), hasPage: false, sparkline: undefined };
      drawn.push({ entry, lastDay: undefined });
    }
  }
  const newest = drawn
    .flatMap(({ lastDay }) => lastDay ?? [])
    .toSorted()
    .at(-1);
  const index = indexPage(
    {
      ...site,
      lastDay: upstream.last_day ?? newest,
      missingDays: upstream.missing_days,
      packages: drawn.map(({ entry }) => entry),
    },
    now,
  );
  await writeIfChanged(join(outputDir, PAGE_FILE), index);
  const [fault] = faults;
  if (fault !== undefined) {
    const others = faults.length === 1 ? '' : ` (and ${faults.length - 1} more)`;
    throw new OperatorError(errorCode(fault), `${describeError(fault)}${others}`, { cause: fault });
  }
  return drawn.filter(({ entry }) => entry.hasPage).length + 1;
}
