import type { TrackedPackage } from '../config/config.ts';
import type { Day, Span } from '../days/day.ts';
import type { Upstream } from '../days/upstream.ts';
import type { QueryCost } from '../sources/source.ts';
import type { DayRow } from '../state/old-days.ts';

/** What the queries of one package took, added up. All zero if the ledger had everything. */
export interface Taken extends QueryCost {
  readonly daysScanned: number;
  readonly durationMs: number;
}

/** A day that was read again and is no longer what the ledger had. Downloads of all classes. */
export interface DayChange {
  readonly day: Day;
  readonly before: number;
  readonly after: number;
}

/** The days of a package as they are now. */
export interface ReadDays {
  /** The longest window, and before it what else is known of the weeks that the warnings look at. */
  readonly span: Span;
  /** A day that is absent is not known: the table has nothing of it, or it is one of `unknownDays`. */
  readonly rows: ReadonlyMap<Day, readonly DayRow[]>;
  /** Days that the table has, but without telling which downloads were by CI; absent if there are none. */
  readonly unknownDays?: ReadonlySet<Day>;
}

/** All that is known of a package, however long ago. */
export interface AllDays {
  /** Days that are known, oldest first and disjoint. Never empty. */
  readonly spans: readonly Span[];
  /** Their rows, in any order. */
  readonly rows: Iterable<DayRow>;
  /** The day before which the windows end, too. */
  readonly end: Day;
}

/** What became of one package in a run. */
export type Outcome =
  | {
      readonly kind: 'read';
      readonly package: TrackedPackage;
      readonly attempted: Date;
      readonly read: ReadDays;
      /** There where the package's total is wanted, and what is known does not go beyond the windows' end. */
      readonly allDays?: AllDays;
      /** What the table had when it was read. */
      readonly upstream: Upstream;
      readonly taken: Taken;
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
