import type { Day, Span } from '../../days/day.ts';
import type { NonEmpty } from '../../non-empty.ts';
import type { QueryCost, SourceError } from '../source.ts';

/*
 * What this folder needs of the rest: the interface that a source has, its types and its error.
 */

export type { ErrorCode } from '../../errors/codes.ts';
export { type QueryCost, SourceError } from '../source.ts';

/** Downloads of one day that agree in CI flag, installer, system and kind of file. */
export interface PivotRow {
  readonly day: Day;
  readonly ci: boolean | null;
  readonly installer: string | null;
  readonly system: string | null;
  /** Whether the file was no distribution, such as a `.metadata` beside a wheel. */
  readonly sidecar: boolean;
  /** A whole number of at least 0. */
  readonly downloads: number;
}

/** Which packages, by normalized name, and which whole UTC days. */
export interface Question {
  readonly packages: NonEmpty<string>;
  readonly span: Span;
}

export interface Answer {
  /** An entry, maybe an empty one, for each package asked for that did not fail. */
  readonly rows: ReadonlyMap<string, readonly PivotRow[]>;
  /** Packages whose rows cannot be had or trusted. */
  readonly failures: ReadonlyMap<string, SourceError>;
  readonly cost: QueryCost;
}

/** How many rows each day has; a day without any is absent. Or why the source cannot tell. */
export type DaysAnswer =
  | { readonly kind: 'told'; readonly rows: ReadonlyMap<Day, number>; readonly cost: QueryCost }
  | { readonly kind: 'untold'; readonly reason: string };

export interface Source {
  /** @throws SourceError when no package could be read. */
  read(question: Question, signal?: AbortSignal): Promise<Answer>;
  /** What `read` would bill at most, in bytes. */
  estimate(question: Question, signal?: AbortSignal): Promise<number>;
  /** @throws SourceError when nothing else can be asked either. */
  days(span: Span, signal?: AbortSignal): Promise<DaysAnswer>;
  close(): Promise<void>;
}

export interface ClickHouseConfig {
  readonly kind: 'clickhouse';
  /** Base address of the HTTP interface, without user, password or query. */
  readonly url: string;
  readonly user: string;
  /** Absolute path of a file that holds the password; without it, there is none. */
  readonly passwordFile?: string;
  /** `database.table`. */
  readonly table: string;
  readonly queryTimeoutSeconds: number;
}

/**
 * From this day on PyPI's log holds distributions only (https://blog.pypi.org/posts/2026-08-31-download-counts).
 * Before it, only the file's name tells them from `.metadata` and others.
 */
export const DISTRIBUTIONS_ONLY_SINCE: Day = '2026-08-24';

/** Endings of the names of distributions. */
export const DISTRIBUTION_ENDINGS = ['.whl', '.tar.gz', '.zip'] as const;

/** Whether a span has days whose files must be told apart by name. */
export function needsFileNames({ start }: Span): boolean {
  return start < DISTRIBUTIONS_ONLY_SINCE;
}
