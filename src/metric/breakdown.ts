import { byCount, recordOf } from '../util.ts';
import {
  classify,
  EXCLUSIONS,
  type Exclusion,
  INSTALLERS,
  type Installer,
  isInstaller,
  isSystem,
  PIP_FAMILY,
  SYSTEMS,
  type System,
  type Trait,
} from './classes.ts';

/** Downloads that agree in all that the metric looks at. */
export interface DownloadRow extends Trait {
  readonly system: string | null;
  /** A whole number of at least 0. */
  readonly downloads: number;
}

/**
 * All rows of a package over some days, by class. `count` plus all of `excluded` is the number of rows.
 */
export interface Breakdown {
  /** The non-CI downloads: those by an installer, not marked as CI. */
  readonly count: number;
  /** `count` by installer, and the sum of those that are pip underneath. */
  readonly counts: Readonly<Record<Installer | 'pip-family', number>>;
  /** Downloads not marked as CI by system, whatever the installer: their sum can be above or below `count`. */
  readonly countsBySystem: Readonly<Record<System, number>>;
  /** Downloads that do not count, by the first reason that fits. */
  readonly excluded: Readonly<Record<Exclusion, number>>;
  /** The class `other` by the name that the client gave. Empty where only the sum is known. */
  readonly others: ReadonlyMap<string, number>;
}

/** A figure of 0 for each name. */
export const zeros = <K extends string>(keys: readonly K[]) => recordOf(keys, () => 0);

/** The figures that all others of a breakdown follow from. */
interface Sums extends Pick<Breakdown, 'countsBySystem' | 'excluded' | 'others'> {
  readonly counts: Readonly<Record<Installer, number>>;
}

/** The breakdown with these figures. */
export function breakdownWith({ counts: own, countsBySystem, excluded, others }: Sums): Breakdown {
  const sum = (names: readonly Installer[]) => names.reduce((total, name) => total + own[name], 0);
  const counts = { ...own, 'pip-family': sum(PIP_FAMILY) };
  return { count: sum(INSTALLERS), counts, countsBySystem, excluded, others };
}

const NONE = { counts: zeros(INSTALLERS), countsBySystem: zeros(SYSTEMS), excluded: zeros(EXCLUSIONS) };

/** Sums to add to. To copy zeros takes a tenth of the time of making them anew. */
const noSums = () => ({
  counts: { ...NONE.counts },
  countsBySystem: { ...NONE.countsBySystem },
  excluded: { ...NONE.excluded },
  others: new Map<string, number>(),
});

/** Adds downloads to those that a map has under a name. */
export function addTo(counts: Map<string, number>, name: string, downloads: number): void {
  counts.set(name, (counts.get(name) ?? 0) + downloads);
}

/** Sorts downloads into their classes, each into exactly one. Order and splitting do not matter. */
export function breakdownOf(rows: Iterable<DownloadRow>): Breakdown {
  const sums = noSums();
  for (const row of rows) {
    const { installer, system, downloads } = row;
    const category = classify(row);
    if (isInstaller(category)) sums.counts[category] += downloads;
    else sums.excluded[category] += downloads;
    if (category === 'other' && installer !== null && downloads > 0) addTo(sums.others, installer, downloads);
    if (category !== 'ci' && category !== 'sidecar' && isSystem(system)) {
      sums.countsBySystem[system] += downloads;
    }
  }
  return breakdownWith(sums);
}

/** The sum of breakdowns, such as those of the days of a window. */
export function sumOf(breakdowns: Iterable<Breakdown>): Breakdown {
  const sums = noSums();
  for (const { counts, countsBySystem, excluded, others } of breakdowns) {
    for (const name of INSTALLERS) sums.counts[name] += counts[name];
    for (const name of SYSTEMS) sums.countsBySystem[name] += countsBySystem[name];
    for (const name of EXCLUSIONS) sums.excluded[name] += excluded[name];
    for (const [name, downloads] of others) addTo(sums.others, name, downloads);
  }
  return breakdownWith(sums);
}

/** All rows of a breakdown, whether they count or not. */
export function allDownloads({ count, excluded }: Pick<Breakdown, 'count' | 'excluded'>): number {
  return EXCLUSIONS.reduce((total, reason) => total + excluded[reason], count);
}

/** Most names of the class `other` that are told. */
const OTHERS_MAX = 20;

/** The names behind the class `other` that are told, the largest first. */
export function largestOthers({ others }: Breakdown): [name: string, downloads: number][] {
  return [...others].toSorted(byCount).slice(0, OTHERS_MAX);
}

/** Downloads not marked as CI whose system has no badge, or is not known. */
export function otherSystems({ count, countsBySystem, excluded }: Breakdown): number {
  const outsideCi = allDownloads({ count, excluded }) - excluded.sidecar - excluded.ci;
  return SYSTEMS.reduce((rest, system) => rest - countsBySystem[system], outsideCi);
}
