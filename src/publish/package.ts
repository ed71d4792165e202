import { badgeFiles } from '../badges/endpoint.ts';
import { asGroup, type Config, type TrackedGroup, type TrackedPackage } from '../config/config.ts';
import { ensureChildFolder, type FolderFile, writeFiles } from '../disk/files.ts';
import { describeError, errorCode, OperatorError } from '../errors/error.ts';
import { nameSome } from '../format.ts';
import { type DatedFacets, facetsTogether } from '../metric/facets.ts';
import {
  isWindowKnown,
  lastDays,
  type PackageDays,
  type Period,
  periodsTogether,
  type Total,
  together,
  totalsTogether,
} from '../metric/package-days.ts';
import { summarize, type Window } from '../metric/summary.ts';
import { kindWarning } from '../metric/warnings.ts';
import { append, defined } from '../util.ts';
import { FACETS_FILE, facetsText, readFacets } from './facets.ts';
import type { PackageFailure, PackageHealth } from './health.ts';
import { HISTORY_FILE, historyText } from './history.ts';
import { leftOverWindows } from './left-over.ts';
import { MONTHS_FILE, monthsText } from './months.ts';
import type { Pages } from './page.ts';

export { publishComparison } from './comparison.ts';
export { leftOverPackages, otherSpellings } from './left-over.ts';

/*
 * Packages and groups: days to badges, history and page in a folder, and an entry of the health file.
 */

/** What badges and history are made from. */
export interface Figures {
  /** The longest window, and before it what else is known of the weeks that warnings and trends look at. */
  readonly days: PackageDays;
  /** What is known of it altogether; undefined where that is not wanted, or goes beyond the windows' end. */
  readonly total: Total | undefined;
  /** Those of this run, or else those that were published last; absent where there are none. */
  readonly facets?: DatedFacets | undefined;
  /** What it is made of, oldest first. */
  readonly periods?: readonly Period[] | undefined;
}

/** A package that was read. */
export interface ReadPackage extends Figures {
  readonly kind: 'read';
  readonly package: TrackedPackage;
  readonly attempted: Date;
  /** All zero if the ledger had everything. */
  readonly taken: NonNullable<PackageHealth['query']>;
}

/** A package that was not. */
export interface FailedPackage {
  readonly kind: 'failed';
  readonly package: TrackedPackage;
  /** Absent if it was not tried, as an earlier failure showed that it could not work. */
  readonly attempted?: Date;
  readonly error: unknown;
}

/** Windows of which too much is unknown. */
function heldBack(all: PackageDays, lengths: readonly number[]): PackageFailure | undefined {
  const held = lengths.filter((windowDays) => !isWindowKnown(all, windowDays));
  if (held.length === 0) return undefined;
  const which = held.map(
    (windowDays) => `${windowDays}d (unknown: ${nameSome(lastDays(all, windowDays).unknownDays)})`,
  );
  const error = `not renewed: ${which.join(', ')}; the source does not say which downloads were by CI on more than a tenth of the window's days, so its badges stay as they were`;
  return { error, code: 'incomplete-window', heldBack: held };
}

/**
 * Publishes the files of one package; those that would not change are left alone. What lies in a folder of the same
 * package under another spelling is renewed, too, so that an address in use never freezes.
 *
 * @param outputDir Absolute path; made if it is missing.
 * @param packageName Normalized name, which is the folder's.
 * @param spellings Names of the folders under another spelling.
 * @returns Names of what was in the package's folder before.
 * @throws OperatorError if the disk refuses.
 */
export async function publishFolder(
  outputDir: string,
  packageName: string,
  files: readonly FolderFile[],
  spellings: readonly string[] = [],
): Promise<readonly string[]> {
  const before = await writeFiles(await ensureChildFolder(outputDir, packageName), files);
  for (const spelling of spellings) {
    await writeFiles(await ensureChildFolder(outputDir, spelling), files, true);
  }
  return before;
}

/** What is told of a total: one that this run does not know, as it looked at the past, stays what it was. */
function totalEntry({ looks }: TrackedPackage, total: Total | undefined): Total | undefined {
  return looks?.extra?.includes('total') ? total : undefined;
}

/** The entry of a package or group whose badges stay as they were. */
function failedEntry(
  tracked: TrackedPackage,
  error: unknown,
  attempted: Date | undefined,
  previous: PackageHealth | undefined,
): PackageHealth {
  return {
    windowDays: tracked.windows[0],
    windows: [],
    warnings: [],
    ...defined({
      failure: { error: describeError(error), code: errorCode(error) },
      total: totalEntry(tracked, previous?.total),
      countedTo: previous?.countedTo,
      attempted: attempted?.toISOString() ?? previous?.attempted,
      lastSuccess: previous?.lastSuccess,
    }),
  };
}

/** What publishing takes besides the figures. */
export interface PublishContext {
  /** The entry after the last run, which remembers the last success. */
  readonly previous?: PackageHealth | undefined;
  /** Folders that spell packages otherwise, by the normalized name. */
  readonly spellings?: ReadonlyMap<string, readonly string[]>;
  /** Where pages are drawn as well. */
  readonly pages?: Pick<Pages, 'draw'> | undefined;
  readonly now: () => Date;
  /** Takes what the entry says in one sentence only. */
  readonly onFault?: (error: unknown) => void;
}

/**
 * Publishes the badges, the history and the page of a package or a group.
 *
 * @param query What reading it took, if it is a package.
 * @returns Its entry. Where too much of a window is unknown, its badges stay as they were, and the entry says so.
 * @throws OperatorError if the disk refuses.
 */
async function publishFigures(
  tracked: TrackedPackage | TrackedGroup,
  { days: all, total, facets, periods }: Figures,
  attempted: Date,
  query: PackageHealth['query'] | undefined,
  { outputDir, source, publicUrl }: Config,
  { previous, spellings, pages, now }: PublishContext,
): Promise<PackageHealth> {
  const { name, windows: lengths, looks } = tracked;
  const group = asGroup(tracked);
  const { windows, history, trends, warnings } = summarize(all, lengths);
  const failure = heldBack(all, lengths);
  const isHeldBack = ({ windowDays }: Window) => failure?.heldBack?.includes(windowDays) === true;
  const title = group?.title ?? name;
  const summaries = windows.map((window, index) => ({
    ...window,
    title,
    history: all,
    trend: trends[index],
    total,
    periods,
    facets,
    isHeldBack: isHeldBack(window),
  }));
  const files = badgeFiles(summaries, looks);
  const text = historyText(history, {
    package: name,
    group: group && { title: group.title, packages: group.members },
    source: source.kind,
    publicUrl,
  });
  const hasMonths = looks?.extra?.includes('total') && periods !== undefined;
  const others = [
    { name: HISTORY_FILE, content: text },
    ...(facets === undefined ? [] : [{ name: FACETS_FILE, content: facetsText(name, facets) }]),
    ...(hasMonths ? [{ name: MONTHS_FILE, content: monthsText(periods) }] : []),
  ];
  const before = await publishFolder(outputDir, name, [...files, ...others], spellings?.get(name));
  const renewed = new Set(files.map((file) => file.name));
  const notRenewed = before.filter((each) => !renewed.has(each));
  const published = windows.filter((window) => !isHeldBack(window));
  const [first] = published;
  const entry: PackageHealth = {
    windowDays: lengths[0],
    windows: published,
    warnings: [
      // What else is odd about the days of a group is told of its member.
      ...warnings.filter(({ code }) => group === undefined || code === 'unknown-days'),
      ...(facets === undefined || group !== undefined ? [] : kindWarning(facets, warnings)),
      ...(await leftOverWindows(outputDir, tracked, notRenewed)),
    ],
    ...defined({
      failure,
      count: first?.windowDays === lengths[0] ? first.breakdown.count : undefined,
      total: totalEntry(tracked, total ?? previous?.total),
      countedTo: first === undefined ? previous?.countedTo : all.days.at(-1),
      attempted: attempted.toISOString(),
      lastSuccess: first === undefined ? previous?.lastSuccess : now().toISOString(),
      query,
    }),
  };
  await pages?.draw(tracked, entry, { days: history, text, facets });
  return entry;
}

/** What came of a package: its entry for the health file and, unless it failed, the figures for its groups. */
export interface Published {
  readonly entry: PackageHealth;
  readonly figures?: Figures;
}

/**
 * Publishes the outcome of one package: folds what was read into badges and history, writes them, and returns
 * the package's entry for the health file. It never throws: a full disk is a failed package.
 */
export async function publishPackage(
  outcome: ReadPackage | FailedPackage,
  config: Config,
  context: PublishContext,
): Promise<Published> {
  const { attempted, package: tracked } = outcome;
  try {
    if (outcome.kind === 'failed') throw outcome.error;
    const { days, total, periods, facets, taken } = outcome;
    const figures = { days, total, periods, facets };
    const entry = await publishFigures(tracked, figures, outcome.attempted, taken, config, context);
    return { entry, figures };
  } catch (error) {
    context.onFault?.(error);
    return { entry: failedEntry(tracked, error, attempted, context.previous) };
  }
}

/** What a run has brought of the members of one group so far. */
interface GroupSum {
  readonly group: TrackedGroup;
  /** Their days and totals together; absent before the first. The total is undefined once one is not known. */
  figures?: Figures;
  /** Members that failed. */
  readonly failed: string[];
  /** Members of which the run has brought nothing. */
  readonly waiting: Set<string>;
}

function added(before: Figures | undefined, { days, total, facets, periods }: Figures): Figures {
  if (before === undefined) return { days, total, facets, periods };
  return {
    facets: before.facets && facets && facetsTogether(before.facets, facets),
    periods: before.periods && periods && periodsTogether(before.periods, periods),
    days: together(before.days, days),
    total: before.total && total && totalsTogether(before.total, total),
  };
}

/** Adds up the packages of groups while a run goes on, so that no package's days need be kept. */
export function createGroupSums(groups: readonly TrackedGroup[]) {
  const all = groups.map((group): GroupSum => ({ group, failed: [], waiting: new Set(group.members) }));
  const ofMember = new Map<string, GroupSum[]>();
  for (const sum of all) {
    for (const name of sum.group.members) append(ofMember, name, sum);
  }
  return {
    /** @param figures undefined if the package failed. */
    add(packageName: string, figures: Figures | undefined): void {
      for (const sum of ofMember.get(packageName) ?? []) {
        sum.waiting.delete(packageName);
        if (figures === undefined) sum.failed.push(packageName);
        else sum.figures = added(sum.figures, figures);
      }
    },
    /** Those of which the run has brought any member, in the order of the configuration. */
    sums: (): readonly GroupSum[] => all.filter(({ group, waiting }) => waiting.size < group.members.length),
  };
}

/**
 * Publishes a group of which a run has brought all members. It never throws.
 *
 * @returns Its entry for the health file; undefined where members were not part of the run, which changes nothing.
 */
export async function publishGroup(
  { group, figures, failed, waiting }: GroupSum,
  config: Config,
  started: Date,
  context: PublishContext,
): Promise<PackageHealth | undefined> {
  const fail = (error: unknown) => failedEntry(group, error, started, context.previous);
  if (failed.length > 0) {
    const message = `${nameSome(failed)} of its ${group.members.length} packages failed, so its badges and page stay as they were; fix ${failed.length === 1 ? 'that package' : 'those packages'} first`;
    return fail(new OperatorError('group-incomplete', message));
  }
  if (waiting.size > 0 || figures === undefined) return undefined;
  try {
    const last = config.facetsEveryDays > 0 ? await readFacets(config.outputDir, group.name) : undefined;
    const { facets = last } = figures;
    return await publishFigures(group, { ...figures, facets }, started, undefined, config, context);
  } catch (error) {
    context.onFault?.(error);
    return fail(error);
  }
}
