import type { PivotRow } from '../sources/query.ts';
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
} from './classes.ts';

/**
 * The account of all downloads of a package in a window. `count` plus all of `excluded` is every
 * download there was.
 */
export interface Account {
  /** The honest count: downloads by an installer that a person runs, outside of CI. */
  readonly count: number;
  /** `count` by installer, and the sum of those that are pip underneath. */
  readonly counts: Readonly<Record<Installer | 'pip-family', number>>;
  /** Downloads outside of CI by system, whatever the installer: their sum can be above or below `count`. */
  readonly countsBySystem: Readonly<Record<System, number>>;
  /** Downloads that do not count, by the first reason that fits. */
  readonly excluded: Readonly<Record<Exclusion, number>>;
}

function zeros<K extends string>(keys: readonly K[]): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>;
}

/** Adds up pivot rows, each into exactly one class of the account. Order and splitting do not matter. */
export function winnow(rows: Iterable<Omit<PivotRow, 'day'>>): Account {
  const installers = zeros(INSTALLERS);
  const countsBySystem = zeros(SYSTEMS);
  const excluded = zeros(EXCLUSIONS);
  for (const { ci, installer, system, downloads } of rows) {
    const landed = classify(ci, installer);
    if (isInstaller(landed)) installers[landed] += downloads;
    else excluded[landed] += downloads;
    if (landed !== 'ci' && isSystem(system)) countsBySystem[system] += downloads;
  }
  const sum = (names: readonly Installer[]) => names.reduce((total, name) => total + installers[name], 0);
  return {
    count: sum(INSTALLERS),
    counts: { ...installers, 'pip-family': sum(PIP_FAMILY) },
    countsBySystem,
    excluded,
  };
}

/** Every download of an account, whether it counts or not. */
export function allDownloads({ count, excluded }: Account): number {
  return EXCLUSIONS.reduce((total, reason) => total + excluded[reason], count);
}
