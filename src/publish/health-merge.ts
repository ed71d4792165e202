import type { Config } from '../config/config.ts';
import { type Day, dayOf } from '../days/day.ts';
import { isStale } from '../days/staleness.ts';
import { windowBefore } from '../days/window.ts';
import type { Warning } from '../winnow/warnings.ts';
import { type Health, NOTHING_KNOWN, type PackageHealth, type UpstreamFacts } from './health.ts';

/** How a package stands: `new` was never collected; `stale` has figures that are too old. */
export type PackageState = 'ok' | 'failed' | 'stale' | 'new';

/** How a package stands, by what the health file says of it. */
export function stateOf(entry: PackageHealth | undefined, thresholdDays: number, now: Date): PackageState {
  if (entry === undefined) return 'new';
  if (entry.failure !== undefined) return 'failed';
  if (entry.countedTo === undefined) return 'new';
  return isStale(entry.countedTo, thresholdDays, dayOf(now)) ? 'stale' : 'ok';
}

/** How a package or a group stands. */
export interface Standing {
  readonly name: string;
  readonly state: PackageState;
  readonly entry: PackageHealth | undefined;
  readonly isGroup: boolean;
}

/** How all that is tracked stands, in the order of the configuration: packages, then groups. */
export function standingsOf(
  { packages, groups, staleThresholdDays }: Pick<Config, 'packages' | 'groups' | 'staleThresholdDays'>,
  health: Health,
  now: Date,
): Standing[] {
  const standing = (name: string, entry: PackageHealth | undefined, isGroup: boolean): Standing => ({
    name,
    state: stateOf(entry, staleThresholdDays, now),
    entry,
    isGroup,
  });
  return [
    ...packages.map(({ name }) => standing(name, health.packages.get(name), false)),
    ...groups.map(({ name }) => standing(name, health.groups.get(name), true)),
  ];
}

/** What this run learnt of the table's days from `since` to before `end`. */
export interface LearntUpstream extends UpstreamFacts {
  readonly since: Day;
  readonly end: Day;
}

/**
 * What is known of the table after a run: one that looked at fewer days than are in the windows, or at none,
 * keeps what was known of the others, and so does one of the past of those that came after it.
 *
 * @param asOf The day before which the run looked.
 * @param longestDays Days of the longest window of all packages.
 */
export function mergeUpstream(
  before: UpstreamFacts,
  learnt: LearntUpstream | undefined,
  asOf: Day,
  longestDays: number,
): UpstreamFacts {
  if (learnt === undefined) return before;
  const { start } = windowBefore(learnt.end, longestDays);
  const merge = (old: readonly Day[], fresh: readonly Day[]) => [
    ...old.filter((each) => each >= start && each < learnt.since),
    ...fresh,
    ...old.filter((each) => each >= asOf),
  ];
  const ofThePast = (before.lastDay ?? '') >= asOf;
  const published = learnt.published ?? before.published;
  return {
    lastDay: ofThePast ? before.lastDay : (learnt.lastDay ?? before.lastDay),
    missingDays: merge(before.missingDays, learnt.missingDays),
    partialDays: merge(before.partialDays, learnt.partialDays),
    ...(published === undefined ? {} : { published }),
  };
}

/**
 * The health file after a run. Packages that it did not reach keep their previous entry, and those that
 * are no longer tracked lose it.
 */
export function mergeHealth(
  { packages, groups, source }: Pick<Config, 'packages' | 'groups' | 'source'>,
  previous: Health | undefined,
  run: {
    readonly started: Date;
    readonly finished: Date;
    readonly asOf: Day;
    readonly upstream: LearntUpstream | undefined;
    readonly entries: ReadonlyMap<string, PackageHealth>;
    /** Those of groups. */
    readonly groups: ReadonlyMap<string, PackageHealth>;
    readonly warnings: readonly Warning[];
  },
): Health {
  const known = (
    tracked: readonly { readonly name: string }[],
    now: ReadonlyMap<string, PackageHealth>,
    before: ReadonlyMap<string, PackageHealth> | undefined,
  ) =>
    new Map(
      tracked.flatMap(({ name }) => {
        const entry = now.get(name) ?? before?.get(name);
        return entry === undefined ? [] : [[name, entry] as const];
      }),
    );
  // Another source says nothing of the days of this one.
  const sameSource = previous?.source === undefined || previous.source === source.kind;
  const published = previous?.upstream.published;
  const before = (sameSource ? previous?.upstream : undefined) ?? {
    ...NOTHING_KNOWN,
    ...(published === undefined ? {} : { published }),
  };
  const longestDays = Math.max(...packages.flatMap(({ windows }) => windows));
  return {
    source: source.kind,
    started: run.started.toISOString(),
    finished: run.finished.toISOString(),
    upstream: mergeUpstream(before, run.upstream, run.asOf, longestDays),
    packages: known(packages, run.entries, previous?.packages),
    groups: known(groups, run.groups, previous?.groups),
    warnings: run.warnings,
  };
}
