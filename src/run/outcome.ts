import type { TrackedPackage } from '../config/config.ts';
import type { Day } from '../days/day.ts';
import type { Upstream } from '../days/upstream.ts';
import type { NonEmpty } from '../non-empty.ts';
import type { PivotRow } from '../sources/query.ts';
import type { QueryCost } from '../sources/source.ts';

/** What the queries of one package took, added up. All zero if the ledger had everything. */
export interface Reading extends QueryCost {
  readonly daysScanned: number;
  readonly durationMs: number;
}

/** Rows of one window of a package, from the ledger. */
export interface WindowRows {
  readonly windowDays: number;
  readonly rows: readonly PivotRow[];
}

/** A day that was read again and is no longer what the ledger had. Downloads of all classes. */
export interface DayChange {
  readonly day: Day;
  readonly before: number;
  readonly after: number;
}

/** What became of one package in a run. */
export type Outcome =
  | {
      readonly kind: 'read';
      readonly package: TrackedPackage;
      readonly attempted: Date;
      /** One for each window, in the order of the configuration. */
      readonly windows: NonEmpty<WindowRows>;
      /** What the table had when it was read. */
      readonly upstream: Upstream;
      readonly reading: Reading;
      /** Oldest first. */
      readonly changes: readonly DayChange[];
    }
  | {
      readonly kind: 'failed';
      readonly package: TrackedPackage;
      /** Absent if it was not tried, as an earlier failure showed that it could not work. */
      readonly attempted?: Date;
      readonly error: unknown;
    };
