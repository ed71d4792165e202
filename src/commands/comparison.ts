import { type Day, daysOf } from '../days/day.ts';
import type { ReadDays } from '../run/outcome.ts';
import { countAsPyPiStats, KNOWN_MIRRORS, type PyPiStatsDay } from '../sources/pypistats.ts';
import { allDownloads, type Breakdown } from '../winnow/breakdown.ts';
import { classify, type Exclusion, isInstaller, SYSTEMS, type System } from '../winnow/classes.ts';

/** Figures of pypistats.org's two kinds: all rows, and those without the mirrors that it knows. */
export interface Pair {
  readonly all: number;
  readonly withoutMirrors: number;
}

/** Why two figures of the same days differ. */
export type Reason = 'absent-there' | 'absent-here' | 'rows-differ';

/** A difference, as what must be added to pypistats.org's figure. */
export interface Difference extends Pair {
  readonly reason: Reason;
  /** The days that it comes from, oldest first. */
  readonly days: readonly Day[];
}

/** The way from pypistats.org's figures of some days to the honest count of the same days. */
export interface Comparison {
  readonly theirs: Pair;
  readonly differences: readonly Difference[];
  /** Our rows, counted as pypistats.org counts: `theirs` and all differences. */
  readonly sameWay: Pair;
  /** What of `sameWay.withoutMirrors` is no honest download, by class. */
  readonly excluded: ReadonlyMap<Exclusion, number>;
  /** `sameWay.withoutMirrors` less all of `excluded`. */
  readonly honest: number;
  /** Downloads by system: theirs, and our rows counted in their way. */
  readonly systems: ReadonlyMap<System, { readonly theirs: number; readonly sameWay: number }>;
}

const NOTHING: Pair = { all: 0, withoutMirrors: 0 };

const sum = (a: Pair, b: Pair): Pair => ({
  all: a.all + b.all,
  withoutMirrors: a.withoutMirrors + b.withoutMirrors,
});
const less = (a: Pair, b: Pair): Pair => ({
  all: a.all - b.all,
  withoutMirrors: a.withoutMirrors - b.withoutMirrors,
});
const isNothing = ({ all, withoutMirrors }: Pair) => all === 0 && withoutMirrors === 0;

interface DayPair {
  readonly ours: Pair | undefined;
  readonly theirs: Pair | undefined;
}

function reasonOf({ ours, theirs }: DayPair): Reason {
  if (theirs === undefined) return 'absent-there';
  return ours === undefined ? 'absent-here' : 'rows-differ';
}

/**
 * Explains pypistats.org's figures of a package by rows of ours. pypistats.org has no entry for a day without
 * downloads, and none for a day that it missed: the former is no difference, as we have no rows then either.
 */
export function comparePyPiStats(
  { span, rows }: ReadDays,
  stats: ReadonlyMap<Day, PyPiStatsDay>,
): Comparison {
  let [theirs, sameWay] = [NOTHING, NOTHING];
  const differences = new Map<Reason, Difference>();
  const excluded = new Map<Exclusion, number>();
  const systems = new Map<System, { theirs: number; sameWay: number }>(
    SYSTEMS.map((system) => [system, { theirs: 0, sameWay: 0 }]),
  );
  for (const day of daysOf(span)) {
    const [known, entry] = [rows.get(day), stats.get(day)];
    const counted = known && countAsPyPiStats(known);
    const pair: DayPair = {
      ours: counted && { all: counted.withMirrors, withoutMirrors: counted.withoutMirrors },
      theirs: entry && { all: entry.withMirrors, withoutMirrors: entry.withoutMirrors },
    };
    theirs = sum(theirs, pair.theirs ?? NOTHING);
    sameWay = sum(sameWay, pair.ours ?? NOTHING);
    const gap = less(pair.ours ?? NOTHING, pair.theirs ?? NOTHING);
    if (!isNothing(gap)) {
      const reason = reasonOf(pair);
      const before = differences.get(reason) ?? { ...NOTHING, reason, days: [] };
      differences.set(reason, { ...sum(before, gap), reason, days: [...before.days, day] });
    }
    for (const [system, figures] of systems) {
      figures.theirs += entry?.systems[system] ?? 0;
      figures.sameWay += counted?.systems[system] ?? 0;
    }
    for (const row of known ?? []) {
      const landed = classify(row);
      if (isInstaller(landed) || !row.installer || KNOWN_MIRRORS.has(row.installer)) continue;
      excluded.set(landed, (excluded.get(landed) ?? 0) + row.downloads);
    }
  }
  const out = [...excluded.values()].reduce((total, downloads) => total + downloads, 0);
  return {
    theirs,
    differences: [...differences.values()],
    sameWay,
    excluded,
    honest: sameWay.withoutMirrors - out,
    systems,
  };
}

/** Downloads of every class, and those that count. */
interface Figures {
  readonly all: number;
  readonly count: number;
}

export function figuresOf(breakdown: Breakdown): Figures {
  return { all: allDownloads(breakdown), count: breakdown.count };
}

/** Whether two sources disagree by more than 1 % of the greater figure. */
export function disagrees({ own, other }: { readonly own: Figures; readonly other: Figures }): boolean {
  const far = (a: number, b: number) => Math.abs(a - b) > 0.01 * Math.max(a, b);
  return far(own.count, other.count) || far(own.all, other.all);
}
