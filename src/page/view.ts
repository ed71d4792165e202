import type { Looks } from '../config/looks.ts';
import type { Day } from '../days/day.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { allDownloads } from '../winnow/breakdown.ts';
import type { Window } from '../winnow/fold.ts';
import type { PackageDays } from '../winnow/package-days.ts';
import type { Total } from '../winnow/total.ts';
import type { Markup } from './html.ts';

/*
 * What the page shows, gathered from files by publish/page.ts. Everything in it may come from outside
 * and is escaped when it is drawn.
 */

export interface PackageView {
  /** Normalized name. */
  readonly name: string;
  /** How it stands; `new` was never collected, `stale` has figures that are too old. */
  readonly state: 'ok' | 'failed' | 'stale' | 'new';
  readonly mainWindowDays: number;
  /** What it is called and whose downloads it adds up, if it is a group of packages. */
  readonly group?: { readonly title: string; readonly members: readonly string[] };
  /** How its badges differ from the default. */
  readonly looks?: Looks;
  /** Why the last attempt failed, as far as strangers may know. */
  readonly failure?: { readonly code: ErrorCode; readonly sentence: string };
  /** ISO 8601 instant, UTC, or its day where the time does not matter. */
  readonly lastSuccess?: string;
  /** Newest day in the figures. */
  readonly countedTo?: Day;
  /** Sentences about what may make the figures untrue. */
  readonly warnings: readonly string[];
  /** Tracked windows whose figures are known. */
  readonly windows: readonly Window[];
  /** Its downloads since the first day that is known, where that is asked for. */
  readonly total?: Total;
  /** The days of the longest window. */
  readonly history?: PackageDays;
}

/** What every page tells. */
export interface SiteView {
  /** When the last run ended; ISO 8601 instant, UTC, or its day. Absent before the first. */
  readonly finished: string | undefined;
  readonly staleThresholdDays: number;
  /** Where the output folder is served, without a slash at its end. */
  readonly publicUrl: string | undefined;
  /** Whose figures these are, as words that follow "counted from". */
  readonly sourceName: string;
}

/** From so many packages on, the page of all is made to stay small and quick: coarser lines, rows of one grid. */
export const LONG_LIST = 1_000;

/** A package as the page of all packages shows it: there may be thousands, so it is no more than a row needs. */
export interface IndexEntry
  extends Pick<PackageView, 'name' | 'state' | 'failure' | 'lastSuccess' | 'countedTo' | 'warnings'> {
  /** What a group is called. */
  readonly title?: string;
  /** The main window; absent where no figures are known. */
  readonly main?: { readonly windowDays: number; readonly count: number; readonly all: number };
  readonly sparkline: Markup | undefined;
  /** Whether it has a page of its own to link to. */
  readonly hasPage: boolean;
}

/** What the page of all packages tells. */
export interface IndexView extends SiteView {
  /** Newest day that was counted. */
  readonly lastDay: Day | undefined;
  /** Days within the windows without any row in the whole table. */
  readonly missingDays: readonly Day[];
  /** Days within the windows of which the table had only a part. */
  readonly partialDays: readonly Day[];
  readonly packages: readonly IndexEntry[];
  readonly groups: readonly IndexEntry[];
}

/** What is kept of a package for the page of all packages. */
export function indexEntry(
  view: Omit<PackageView, 'history'>,
  { hasPage, sparkline }: Pick<IndexEntry, 'hasPage' | 'sparkline'>,
): IndexEntry {
  const { name, state, failure, lastSuccess, countedTo, warnings } = view;
  const window = mainWindow(view);
  return {
    name,
    state,
    warnings,
    hasPage,
    sparkline,
    ...(view.group === undefined ? {} : { title: view.group.title }),
    ...(failure === undefined ? {} : { failure }),
    ...(lastSuccess === undefined ? {} : { lastSuccess }),
    ...(countedTo === undefined ? {} : { countedTo }),
    ...(window === undefined
      ? {}
      : {
          main: {
            windowDays: window.windowDays,
            count: window.breakdown.count,
            all: allDownloads(window.breakdown),
          },
        }),
  };
}

/** The window that a package is shown by; another of its windows where that one's figures are not known. */
export function mainWindow({ windows, mainWindowDays }: Pick<PackageView, 'windows' | 'mainWindowDays'>) {
  return windows.find(({ windowDays }) => windowDays === mainWindowDays) ?? windows[0];
}
