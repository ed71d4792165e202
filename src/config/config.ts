import type { NonEmpty } from '../non-empty.ts';
import { GIB } from '../units.ts';
import type { Looks } from './looks.ts';

/** One package to track. */
export interface TrackedPackage {
  /** Normalized as in PEP 503. */
  readonly name: string;
  /** Window lengths in days, in the order listed; the first is the package's main one. */
  readonly windows: NonEmpty<number>;
  /** How its badges differ from the default; absent if they do not. */
  readonly looks?: Looks;
  /** Whether its total is wanted, for itself or for a group. */
  readonly total?: boolean;
}

/** A sum of packages, with badges, a history and a page of its own. */
export interface TrackedGroup extends TrackedPackage {
  readonly title: string;
  /** Normalized names of tracked packages; none of its windows is longer than the longest of each. */
  readonly members: NonEmpty<string>;
}

/** The group that something tracked is, if it is one. */
export function asGroup(tracked: TrackedPackage | TrackedGroup): TrackedGroup | undefined {
  return 'members' in tracked ? tracked : undefined;
}

export interface BigQueryConfig {
  readonly kind: 'bigquery';
  /** Absolute path of a service account key; without it, Application Default Credentials. */
  readonly credentialFile?: string;
  /** Project that runs and pays for the queries; without it, the credential's own. */
  readonly projectId?: string;
  readonly location: string;
  /** `project.dataset.table`. */
  readonly table: string;
  readonly queryTimeoutSeconds: number;
  /** Whether many packages may be asked for in one query, where that is cheaper. */
  readonly sharing: 'auto' | 'never';
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

export interface DuckDbConfig {
  readonly kind: 'duckdb';
  /** Absolute path or glob of NDJSON or Parquet files. */
  readonly files: string;
  /** Whether the files hold every package's downloads, so that a day without rows is late or missing. */
  readonly wholeLog: boolean;
}

export type SourceConfig = BigQueryConfig | ClickHouseConfig | DuckDbConfig;

/** Every kind of source, the default first. */
export const SOURCE_KINDS = [
  'bigquery',
  'clickhouse',
  'duckdb',
] as const satisfies readonly SourceConfig['kind'][];

/** Most bytes to be billed in a calendar month (UTC), or null for no limit. */
export function budgetBytes({ monthlyBudgetGib }: Config): number | null {
  return monthlyBudgetGib === null ? null : monthlyBudgetGib * GIB;
}

/** A valid tracked.yaml with defaults filled in and paths made absolute. Frozen all the way down. */
export interface Config {
  /** The file that this came from, as it was named by the user. */
  readonly file: string;
  readonly outputDir: string;
  readonly stateDir: string;
  readonly staleThresholdDays: number;
  /** How many packages are read side by side. */
  readonly concurrency: number;
  /** Without a slash at its end. */
  readonly publicUrl?: string;
  /** Most GiB to be billed in a calendar month (UTC), or null for no limit. */
  readonly monthlyBudgetGib: number | null;
  readonly source: SourceConfig;
  /** In the order of the file. Never empty. */
  readonly packages: readonly TrackedPackage[];
  /** In the order of the file. */
  readonly groups: readonly TrackedGroup[];
}
