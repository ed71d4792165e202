import type { History } from '../badges/history.ts';
import type { Day } from '../days/day.ts';
import type { ErrorCode } from '../errors/codes.ts';
import type { Account } from '../winnow/winnow.ts';
import type { Markup } from './html.ts';

/*
 * What the page shows, gathered from files by publish/page.ts. Everything in it may come from outside
 * and is escaped when it is drawn.
 */

export interface WindowView {
  readonly windowDays: number;
  readonly account: Account;
}

export interface PackageView {
  /** Normalized name. */
  readonly name: string;
  /** What became of the last attempt; `new` if there was none. */
  readonly state: 'ok' | 'failed' | 'new';
  /** Why the last attempt failed, as far as strangers may know. */
  readonly failure?: { readonly code: ErrorCode; readonly sentence: string };
  /** ISO 8601 instant, UTC. */
  readonly lastSuccess?: string;
  /** Tracked windows whose figures are known, the main one first. */
  readonly windows: readonly WindowView[];
  readonly history?: History;
}

/** What every page tells. */
export interface SiteView {
  /** When the last run ended; ISO 8601 instant, UTC. Absent before the first. */
  readonly finished: string | undefined;
  readonly staleThresholdDays: number;
  /** Where the output folder is served, without a slash at its end. */
  readonly publicUrl: string | undefined;
}

/** A package as the page of all packages shows it: of its history, the small picture is enough. */
export interface IndexEntry extends Omit<PackageView, 'history'> {
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
  readonly packages: readonly IndexEntry[];
}
