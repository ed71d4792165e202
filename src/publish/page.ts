import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config, TrackedPackage } from '../config/config.ts';
import { date, dayOf } from '../days/day.ts';
import {
  ensureChildFolder,
  ensureFolder,
  readIfPresent,
  replaceFile,
  writeIfChanged,
} from '../disk/files.ts';
import { describeError, errorCode, OperatorError } from '../errors/error.ts';
import { nameSome } from '../format.ts';
import { largestOthers } from '../metric/breakdown.ts';
import { incompleteDaysOf, isWindowKnown, type PackageDays } from '../metric/package-days.ts';
import { type Window, windowOf } from '../metric/summary.ts';
import { PUBLIC_WARNINGS, type WarningCode } from '../metric/warnings.ts';
import { recentCounts } from '../page/charts.ts';
import { DAY_LENGTH, type SiteView } from '../page/document.ts';
import { type IndexEntry, indexPage } from '../page/index-page.ts';
import { type PackageView, packagePage } from '../page/package-page.ts';
import { readFacets } from './facets.ts';
import { type Health, type PackageHealth, stateOf } from './health.ts';
import { type History, readHistory } from './history.ts';

export const PAGE_FILE = 'index.html';

function digest(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:${part}`);
  return hash.digest('hex').slice(0, 32);
}

/**
 * The version of what draws, as pages by another one are drawn again: the digest of this very file as it was built. It holds the
 * drawing code with style and script, and names the files that it shares with others by digests of theirs (scripts/build.mjs).
 */
const VERSION = digest(readFileSync(fileURLToPath(import.meta.url), 'utf8'));

function windowsFromHistory(windows: readonly number[], history: PackageDays): Window[] {
  const isKnown = (windowDays: number) => windowDays <= history.length && isWindowKnown(history, windowDays);
  return windows.filter(isKnown).map((windowDays) => windowOf(history, windowDays));
}

/** What strangers are told; with it which days are unknown. */
function publicWarning(code: WarningCode, history: PackageDays): string {
  const { unknown } = incompleteDaysOf(history);
  const days = ` These are: ${nameSome(unknown.map(date))}.`;
  return `${PUBLIC_WARNINGS[code]}${code === 'unknown-days' && unknown.length > 0 ? days : ''}`;
}

/** The last line of a page: the digests of what it was drawn from, and of its text. */
const markOf = (drawnFrom: string, text: string) =>
  `<!-- drawn from ${drawnFrom}, text ${digest(text)} -->\n`;

const MARK_LENGTH = markOf(digest(), '').length;

/** The pages of one run: a package's is drawn as soon as its figures are published, that of all of them in the end. */
export type Pages = ReturnType<typeof openPages>;

/**
 * Begins the pages of a run. Pages that would not change are left alone, and one that cannot be written stops no other.
 *
 * @param source Whose figures these are.
 * @param signal Ends the drawing between two pages; what is drawn stays.
 */
export function openPages(config: Config, source: SiteView['source'], now: () => Date, signal?: AbortSignal) {
  const { outputDir, staleThresholdDays, publicUrl, packages, groups, facetsEveryDays } = config;
  const site = { staleThresholdDays, publicUrl, source };
  const rows = new Map<string, IndexEntry & { readonly lastDay?: string | undefined }>();
  const faults: unknown[] = [];

  /**
   * What is known of one package: its last result, or after a failure what the last success left behind, and
   * of a failure only what strangers may know.
   */
  function viewOf(tracked: TrackedPackage, entry: PackageHealth | undefined, history: PackageDays = []) {
    const failure = entry?.failure && (entry.failure.code ?? 'source-failed');
    const known = entry?.windows ?? [];
    const windows = known.length > 0 ? known : windowsFromHistory(tracked.windows, history);
    const isMain = ({ windowDays }: Window) => Number(windowDays === tracked.windows[0]);
    return {
      ...tracked,
      state: stateOf(entry, staleThresholdDays, now()),
      windows: windows.toSorted((a, b) => isMain(b) - isMain(a)),
      total: entry?.total,
      warnings: (entry?.warnings ?? []).map(({ code: warning }) => publicWarning(warning, history)),
      // A run that finds the same figures later on the same day is no reason to draw; after a failure, nothing changes.
      lastSuccess: failure === undefined ? entry?.lastSuccess?.slice(0, DAY_LENGTH) : entry?.lastSuccess,
      countedTo: entry?.countedTo,
      failure,
    } satisfies PackageView;
  }

  async function readPublished(packageName: string): Promise<History | undefined> {
    const history = await readHistory(outputDir, packageName);
    if (history === undefined || facetsEveryDays === 0) return history;
    return { ...history, facets: await readFacets(outputDir, packageName) };
  }

  /** Draws a page unless nothing in it has changed. */
  async function drawPage(view: PackageView, historyText: string, finished: string | undefined) {
    // It says when it was drawn to the day, so that later runs of the day may leave it alone.
    const drawn = { ...site, finished: finished?.slice(0, DAY_LENGTH) };
    // Of names, those that the health file has: a page is drawn from the same before and after.
    const [main] = view.windows;
    const names = main && largestOthers(main.breakdown);
    const seen = JSON.stringify([{ ...view, history: undefined }, drawn, names], (_, value) =>
      value instanceof Map ? undefined : value,
    );
    const drawnFrom = digest(VERSION, seen, historyText);
    const path = join(await ensureChildFolder(outputDir, view.name), PAGE_FILE);
    // What cannot be read is replaced like any other.
    const before = (await readIfPresent(path).catch(() => undefined)) ?? '';
    const text = before.slice(0, -MARK_LENGTH);
    if (before === text + markOf(drawnFrom, text)) return;
    const page = packagePage(view, drawn);
    await replaceFile(path, page + markOf(drawnFrom, page), false);
  }

  /** Keeps nothing but a row: a thousand histories need not be in memory at once. */
  async function draw(
    tracked: TrackedPackage,
    entry: PackageHealth | undefined,
    finished: string | undefined,
    published?: History,
  ): Promise<void> {
    // Signals are only delivered between turns of the event loop, and drawing is synchronous.
    await new Promise((resolve) => setImmediate(resolve));
    if (signal?.aborted) return;
    const { name } = tracked;
    try {
      const history = published ?? (await readPublished(name));
      const { days, text = '', facets } = history ?? {};
      const view = viewOf(tracked, entry, days);
      const hasPage = view.windows.length > 0 || history !== undefined;
      if (hasPage) await drawPage({ ...view, history: days, facets }, text, finished);
      const recent = days ? recentCounts(days) : [];
      rows.set(name, { ...view, hasPage, recent, lastDay: days?.at(-1)?.day });
    } catch (error) {
      faults.push(error);
      rows.set(name, { ...viewOf(tracked, entry), hasPage: false, recent: [] });
    }
  }

  return {
    /** Draws the page of a package or group that the run has brought. It never throws: `finish` does. */
    draw: (tracked: TrackedPackage, entry: PackageHealth, history: History) =>
      draw(tracked, entry, dayOf(now()), history),
    /**
     * Draws the pages of what the run has not brought, from histories on the disk and the health file, and the page of
     * all packages.
     *
     * @returns How many pages there are.
     * @throws OperatorError if the disk refused any of them, and what the signal was aborted with.
     */
    async finish({ finished, upstream, ...health }: Health): Promise<number> {
      await ensureFolder(outputDir);
      for (const tracked of [...packages, ...groups]) {
        const entries = tracked.members === undefined ? health.packages : health.groups;
        if (!rows.has(tracked.name)) await draw(tracked, entries.get(tracked.name), finished);
        signal?.throwIfAborted();
      }
      const rowsOf = (all: Config['packages']) => all.flatMap(({ name }) => rows.get(name) ?? []);
      const newest = rowsOf(packages).flatMap(({ lastDay }) => lastDay ?? []);
      const figures = { ...upstream, lastDay: upstream.lastDay ?? newest.toSorted().at(-1) };
      const view = { ...figures, packages: rowsOf(packages), groups: rowsOf(groups) };
      await writeIfChanged(join(outputDir, PAGE_FILE), indexPage(view, { ...site, finished }));
      const [fault] = faults;
      if (fault !== undefined) {
        const others = faults.length === 1 ? '' : ` (and ${faults.length - 1} more)`;
        throw new OperatorError(errorCode(fault), `${describeError(fault)}${others}`, { cause: fault });
      }
      return [...rows.values()].filter(({ hasPage }) => hasPage).length + 1;
    },
  };
}
