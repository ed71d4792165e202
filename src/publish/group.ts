import { append } from '../append.ts';
import type { Config, TrackedGroup } from '../config/config.ts';
import { OperatorError } from '../errors/error.ts';
import { nameSome } from '../format.ts';
import { type PackageDays, together } from '../winnow/package-days.ts';
import { type Total, totalsTogether } from '../winnow/total.ts';
import type { PackageHealth } from './health.ts';
import { type Figures, failedEntry, publishedEntry, publishFigures } from './package.ts';

/** What a run has brought of the members of one group so far. */
export interface GroupSum {
  readonly group: TrackedGroup;
  /** Their days together; absent before the first. */
  days?: PackageDays;
  /** Their totals together; absent before the first, and undefined once one is not known. */
  total?: Total | undefined;
  /** Members that failed. */
  readonly failed: string[];
  /** Members of which the run has brought nothing. */
  readonly waiting: Set<string>;
}

/** Adds up the packages of groups while a run goes on, so that no package's days need be kept. */
export interface GroupSums {
  /** @param figures undefined if the package failed. */
  add(packageName: string, figures: Figures | undefined): void;
  /** Those of which the run has brought any member, in the order of the configuration. */
  sums(): readonly GroupSum[];
}

function addFigures(sum: GroupSum, { days, total }: Figures): void {
  if (sum.days === undefined) {
    sum.days = days;
    sum.total = total;
    return;
  }
  sum.days = together(sum.days, days);
  sum.total = sum.total && total && totalsTogether(sum.total, total);
}

export function createGroupSums(groups: readonly TrackedGroup[]): GroupSums {
  const all = groups.map((group): GroupSum => ({ group, failed: [], waiting: new Set(group.members) }));
  const ofMember = new Map<string, GroupSum[]>();
  for (const sum of all) {
    for (const name of sum.group.members) append(ofMember, name, sum);
  }
  return {
    add(packageName, figures) {
      for (const sum of ofMember.get(packageName) ?? []) {
        sum.waiting.delete(packageName);
        if (figures === undefined) sum.failed.push(packageName);
        else addFigures(sum, figures);
      }
    },
    sums: () => all.filter(({ group, waiting }) => waiting.size < group.members.length),
  };
}

/** Why a group keeps what it had. */
function incomplete({ group, failed }: GroupSum): OperatorError {
  return new OperatorError(
    'group-incomplete',
    `${nameSome(failed)} of its ${group.members.length} packages failed, so its badges and page stay as they were; fix ${failed.length === 1 ? 'that package' : 'those packages'} first`,
  );
}

/**
 * Publishes a group of which a run has brought all members. It never throws.
 *
 * @param previous The group's entry after the last run.
 * @param onFault Told of what the entry says in one sentence only.
 * @returns Its entry for the health file; undefined where members were not part of the run, which changes nothing.
 */
export async function publishGroup(
  sum: GroupSum,
  config: Config,
  previous: PackageHealth | undefined,
  { started, now, onFault }: { started: Date; now: () => Date; onFault: (error: unknown) => void },
): Promise<PackageHealth | undefined> {
  const { group, days, failed, waiting } = sum;
  const fail = (error: unknown) => failedEntry(group, error, started, previous);
  if (failed.length > 0) return fail(incomplete(sum));
  if (waiting.size > 0 || days === undefined) return undefined;
  try {
    const figures = await publishFigures(group, days, sum.total, config);
    const facts = { total: sum.total, countedTo: days.days.at(-1), attempted: started };
    // What else is odd about a member's days is told of the member.
    const warnings = figures.warnings.filter(({ code }) => code === 'unknown-days');
    return publishedEntry(group, { ...figures, warnings }, facts, previous, now);
  } catch (error) {
    onFault(error);
    return fail(error);
  }
}
