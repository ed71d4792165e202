import type { NonEmpty } from '../non-empty.ts';
import { GIB } from '../units.ts';

/** One package to track. */
export interface TrackedPackage {
  /** Normalized as in PEP 503. */
  readonly name: string;
  /** Window lengths in days, in the order listed; the first is the package's main one. */
  readonly windows: NonEmpty<number>;
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
}

export interface DuckDbConfig {
  readonly kind: 'duckdb';
  /** Absolute path or glob of NDJSON or Parquet files. */
  readonly files: string;
}

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
  readonly source: BigQueryConfig | DuckDbConfig;
  /** In the order of the file. Never empty. */
  readonly packages: readonly TrackedPackage[];
}
