import { addDays } from '../days/day.ts';
import { formatBytes, formatNumber, plural } from '../format.ts';
import {
  aloneBytes,
  type Need,
  needOf,
  type PlannedRead,
  packagesByDay,
  planReads,
  WARNING_DAYS,
} from '../plan/plan.ts';
import type { Source } from '../sources/source.ts';
import type { Ledger } from '../state/ledger.ts';
import type { LearntDays, Task } from './learn-days.ts';

/** What was known of the two ways to read a day that many packages lack. */
export interface Sharing {
  /** The day that costs most when every package is asked for alone. */
  readonly day: string;
  readonly packages: number;
  readonly aloneBytes: number;
  readonly sharedBytes: number;
  /** Whence the price of a shared day is known. */
  readonly basis: 'its last bills' | 'a dry run';
  readonly shares: boolean;
}

/** All that a run will read. */
export interface RunPlan {
  /** By package. A package that could not be planned has its fault here instead. */
  readonly needs: ReadonlyMap<string, Need>;
  readonly faults: ReadonlyMap<string, unknown>;
  readonly reads: readonly PlannedRead[];
  /** Absent where there was nothing to decide. */
  readonly sharing: Sharing | undefined;
}

/** What is kept between runs, as far as a plan looks at it. */
export interface Kept {
  readonly load: (packageName: string) => Promise<Ledger>;
  readonly bytesPerDay: (packageName: string) => number | undefined;
  readonly bytesPerSharedDay: () => number | undefined;
}

/**
 * Below this no day is read for all: every estimate of what that bills is several times as high, so a short
 * list need not even ask.
 */
const WORTH_ASKING_BYTES = 10_000_000_000;

/** The costlier way's price, of the day for which it is highest, and what the other way would bill. */
async function compare(source: Source, needs: readonly Need[], kept: Kept): Promise<Sharing | undefined> {
  if (!source.traits.sharesDays) return undefined;
  let dearest: { day: string; packages: string[]; bytes: number } | undefined;
  for (const [day, packages] of packagesByDay(needs)) {
    const bytes = aloneBytes(packages, { perDay: kept.bytesPerDay });
    if (bytes > (dearest?.bytes ?? WORTH_ASKING_BYTES)) dearest = { day, packages, bytes };
  }
  if (dearest === undefined) return undefined;
  const { day, packages, bytes } = dearest;
  const [first, ...others] = packages;
  if (first === undefined || others.length === 0) return undefined;
  const known = kept.bytesPerSharedDay();
  const span = { start: day, end: addDays(day, 1) };
  const sharedBytes = known ?? (await source.estimate({ packages: [first, ...others], span }));
  return {
    day,
    packages: packages.length,
    aloneBytes: bytes,
    sharedBytes,
    basis: known === undefined ? 'a dry run' : 'its last bills',
    shares: bytes > sharedBytes,
  };
}

/**
 * Plans a run: what each package needs, and the questions that bring it.
 *
 * @throws SourceError if the price of a shared day must be asked for and cannot be.
 */
export async function planRun(task: Task, source: Source, learnt: LearntDays, kept: Kept): Promise<RunPlan> {
  const { asOf, full, lookBackDays = WARNING_DAYS, fillsPast } = task;
  const goal = { end: learnt.upstream.end, asOf, full, known: learnt.known, lookBackDays, fillsPast };
  const needs = new Map<string, Need>();
  const faults = new Map<string, unknown>();
  for (const tracked of task.packages) {
    try {
      needs.set(tracked.name, needOf(tracked, await kept.load(tracked.name), goal, source.traits));
    } catch (error) {
      faults.set(tracked.name, error);
    }
  }
  const list = [...needs.values()];
  const sharing = await compare(source, list, kept);
  const prices = { perDay: kept.bytesPerDay, sharedDay: sharing?.sharedBytes };
  return { needs, faults, reads: planReads(list, source.traits, prices), sharing };
}

/** The choice in a sentence for the operator; undefined if there was none. */
export function sharingNote(sharing: Sharing | undefined): string | undefined {
  if (sharing === undefined) return undefined;
  const { day, packages, aloneBytes: alone, sharedBytes, basis, shares } = sharing;
  const breakEven = Math.ceil(sharedBytes / (alone / packages));
  return `${day} is read ${shares ? 'once for all' : 'for each package alone'}: ${plural(packages, 'package')} one by one would bill about ${formatBytes(alone)}, a day read for all about ${formatBytes(sharedBytes)} (by ${basis}); the two are equal at about ${formatNumber(breakEven)} packages`;
}
