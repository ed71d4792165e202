import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asGroup, type Config, type TrackedGroup, type TrackedPackage } from '../config/config.ts';
import {
  ensureChildFolder,
  ensureFolder,
  readIfPresent,
  replaceFile,
  writeIfChanged,
} from '../disk/files.ts';
import { ERRORS } from '../errors/codes.ts';
import { describeError, errorCode, OperatorError } from '../errors/error.ts';
import { nameSome } from '../format.ts';
import { indexPage } from '../page/index-page.ts';
import { packagePage } from '../page/package-page.ts';
import { type SparkDetail, sparkline } from '../page/time-charts.ts';
import { type IndexEntry, indexEntry, LONG_LIST, type PackageView, type SiteView } from '../page/view.ts';
import { date } from '../page/words.ts';
import type { Window } from '../winnow/fold.ts';
import { isWindowKnown, lastDays, type PackageDays, totalOf } from '../winnow/package-days.ts';
import { PUBLIC_WARNINGS, type WarningCode } from '../winnow/warnings.ts';
import type { Health, PackageHealth } from './health.ts';
import { stateOf } from './health-merge.ts';
import { parseHistory, readHistoryText } from './history.ts';

export const PAGE_FILE = 'index.html';

/** Characters of a day at the beginning of an instant. */
const DAY_LENGTH = 10;

/** What draws a package's page; handed in so that a test can tell whether it does. */
export interface Drawing {
  /** Another text for other code: pages by another version are drawn again. */
  readonly version: string;
  readonly packagePage: typeof packagePage;
}

function digest(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:${part}`);
  return hash.digest('hex').slice(0, 32);
}

/**
 * The drawing of this program. Its version is the digest of this very file as it was built: it holds the drawing code
 * with style and script, and names the files that it shares with others by digests of theirs (scripts/build.mjs).
 */
const builtIn: { drawing?: Drawing } = {};
function builtInDrawing(): Drawing {
  builtIn.drawing ??= { version: digest(readFileSync(fileURLToPath(import.meta.url), 'utf8')), packagePage };
  return builtIn.drawing;
}

function windowsFromHistory(windows: readonly number[], history: PackageDays | undefined): Window[] {
  if (history === undefined) return [];
  return windows
    .filter((windowDays) => windowDays <= history.days.length && isWindowKnown(history, windowDays))
    .map((windowDays) => ({ windowDays, breakdown: totalOf(lastDays(history, windowDays)) }));
}

/** What strangers are told; with it which days are unknown. */
function publicWarning(code: WarningCode, history: PackageDays | undefined): string {
  const sentence = PUBLIC_WARNINGS[code];
  return code === 'unknown-days' && history !== undefined && history.unknownDays.length > 0
    ? `${sentence} These are: ${nameSome(history.unknownDays.map(date))}.`
    : sentence;
}

/**
 * What is known of one package: its last result, or after a failure what the last success left behind, and
 * of a failure only what strangers may know.
 */
function packageView(
  tracked: TrackedPackage | TrackedGroup,
  entry: PackageHealth | undefined,
  history: PackageDays | undefined,
  { staleThresholdDays }: Config,
  now: Date,
): Omit<PackageView, 'history'> {
  const { name, windows, looks } = tracked;
  const group = asGroup(tracked);
  const code = entry?.failure === undefined ? undefined : (entry.failure.code ?? 'source-failed');
  const known = entry?.windows ?? [];
  // A run that finds the same figures later on the same day is no reason to draw; after a failure, nothing changes.
  const lastSuccess = code === undefined ? entry?.lastSuccess?.slice(0, DAY_LENGTH) : entry?.lastSuccess;
  return {
    name,
    state: stateOf(entry, staleThresholdDays, now),
    mainWindowDays: windows[0],
    ...(group === undefined ? {} : { group: { title: group.title, members: group.members } }),
    ...(looks === undefined ? {} : { looks }),
    windows: known.length > 0 ? known : windowsFromHistory(windows, history),
    ...(entry?.total === undefined ? {} : { total: entry.total }),
    warnings: (entry?.warnings ?? []).map(({ code: warning }) => publicWarning(warning, history)),
    ...(lastSuccess === undefined ? {} : { lastSuccess }),
    ...(entry?.countedTo === undefined ? {} : { countedTo: entry.countedTo }),
    ...(code === undefined ? {} : { failure: { code, sentence: ERRORS[code].public } }),
  };
}

/** What has been drawn for one package. */
interface Drawn {
  readonly entry: IndexEntry;
  readonly lastDay: string | undefined;
}

/** The last line of a page: the digests of what it was drawn from, and of its text. */
function mark(drawnFrom: string, text: string): string {
  return `${markOf(drawnFrom)}${digest(text)} -->\n`;
}

const markOf = (drawnFrom: string) => `<!-- drawn from ${drawnFrom}, text `;

/** Whether a page is on the disk, from these figures and as it was written. */
async function isDrawn(path: string, drawnFrom: string): Promise<boolean> {
  const page = (await readIfPresent(path)) ?? '';
  const at = page.lastIndexOf(markOf(drawnFrom));
  return at >= 0 && page.slice(at) === mark(drawnFrom, page.slice(0, at));
}

/** What all pages of a run have in common. */
interface Run {
  readonly config: Config;
  readonly site: SiteView;
  readonly now: Date;
  readonly drawing: Drawing;
  readonly detail: SparkDetail;
}

/** Draws the page of one package, unless there is nothing to show, or nothing has changed. */
async function publishPackagePage(
  { config, site, now, drawing, detail }: Run,
  tracked: TrackedPackage | TrackedGroup,
  entry: PackageHealth | undefined,
): Promise<Drawn> {
  const { outputDir } = config;
  const text = await readHistoryText(outputDir, tracked.name);
  const history = text === undefined ? undefined : parseHistory(text, tracked.name);
  const view = packageView(tracked, entry, history, config, now);
  const hasPage = view.windows.length > 0 || history !== undefined;
  if (hasPage) {
    const path = join(await ensureChildFolder(outputDir, tracked.name), PAGE_FILE);
    const seen = JSON.stringify([view, site], (_, value) => (value instanceof Map ? [...value] : value));
    const drawnFrom = digest(drawing.version, seen, text ?? '');
    if (!(await isDrawn(path, drawnFrom))) {
      const page = drawing.packagePage({ ...view, ...(history === undefined ? {} : { history }) }, site);
      await replaceFile(path, page + mark(drawnFrom, page), false);
    }
  }
  const line = history === undefined ? undefined : sparkline(history, detail);
  return { entry: indexEntry(view, { hasPage, sparkline: line }), lastDay: history?.days.at(-1) };
}

/**
 * Draws the page of all packages and that of each package and group, from what is on the disk: histories and the health file.
 * Pages that would not change are left alone, and one that cannot be written stops no other.
 *
 * @param sourceName Whose figures these are, as words that follow "counted from".
 * @param signal Ends the drawing between two pages; what is drawn stays.
 * @param drawing Instead of the program's own.
 * @returns How many pages there are.
 * @throws OperatorError if the disk refuses any of them.
 */
export async function publishPage(
  config: Config,
  health: Health,
  sourceName: string,
  now: Date,
  signal?: AbortSignal,
  drawing: Drawing = builtInDrawing(),
): Promise<number> {
  const { outputDir } = config;
  await ensureFolder(outputDir);
  const site: SiteView = {
    finished: health.finished,
    staleThresholdDays: config.staleThresholdDays,
    publicUrl: config.publicUrl,
    sourceName,
  };
  const { length } = config.packages;
  const run: Run = {
    config,
    // A package's page says when it was drawn to the day, so that later runs of the day may leave it alone.
    site: { ...site, finished: site.finished?.slice(0, DAY_LENGTH) },
    now,
    drawing,
    detail: length >= LONG_LIST ? 'coarse' : 'fine',
  };
  const faults: unknown[] = [];
  // One after another, and nothing is kept but a row: a thousand histories need not be in memory at once.
  const drawAll = async (all: Config['packages'], entries: Health['packages']) => {
    const drawn: Drawn[] = [];
    for (const tracked of all) {
      // Signals are only delivered between turns of the event loop, and drawing is synchronous.
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
      const entry = entries.get(tracked.name);
      try {
        drawn.push(await publishPackagePage(run, tracked, entry));
      } catch (error) {
        faults.push(error);
        const view = packageView(tracked, entry, undefined, config, now);
        const nothing = { hasPage: false, sparkline: undefined };
        drawn.push({ entry: indexEntry(view, nothing), lastDay: undefined });
      }
    }
    return drawn;
  };
  const drawn = await drawAll(config.packages, health.packages);
  const groups = await drawAll(config.groups, health.groups);
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
    groups: groups.map(({ entry }) => entry),
  });
  await writeIfChanged(join(outputDir, PAGE_FILE), index);
  const [fault] = faults;
  if (fault !== undefined) {
    const others = faults.length === 1 ? '' : ` (and ${faults.length - 1} more)`;
    throw new OperatorError(errorCode(fault), `${describeError(fault)}${others}`, { cause: fault });
  }
  return [...drawn, ...groups].filter(({ entry }) => entry.hasPage).length + 1;
}
