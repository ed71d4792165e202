import { badgeStem, type Summary, wantedBadges } from '../badges/catalogue.ts';
import { filesOf } from '../badges/endpoint.ts';
import { type Config, type TrackedGroup, type TrackedPackage, wantsTotal } from '../config/config.ts';
import type { Looks } from '../config/looks.ts';
import { type FolderFile, writeFolder } from '../disk/files.ts';
import { describeError, errorCode, OperatorError } from '../errors/error.ts';
import { nameSome } from '../format.ts';
import { facetsTogether } from '../metric/facets.ts';
import {
  incompleteDaysOf,
  isWindowKnown,
  type PackageDays,
  periodsTogether,
  together,
  totalsTogether,
} from '../metric/package-days.ts';
import { type Figures, summarize, type Window } from '../metric/summary.ts';
import { kindWarning } from '../metric/warnings.ts';
import { defined } from '../util.ts';
import { FACETS_FILE, facetsText, readFacets } from './facets.ts';
import type { Health, PackageFailure, PackageHealth } from './health.ts';
import { HISTORY_FILE, historyText } from './history.ts';
import { leftOverPackages, leftOverWindows, packageFolders } from './left-over.ts';
import { MONTHS_FILE, monthsText } from './months.ts';
import type { Pages } from './page.ts';

export { publishComparison } from './comparison.ts';

/*
 * Packages and groups: days to badges, history and page in a folder, and an entry of the health file.
 */

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
    (windowDays) => `${windowDays}d (unknown: ${nameSome(incompleteDaysOf(all.slice(-windowDays)).unknown)})`,
  );
  const error = `not renewed: ${which.join(', ')}; the source does not say which downloads were by CI on more than a tenth of the window's days, so its badges stay as they were`;
  return { error, code: 'incomplete-window', heldBack: held };
}

/**
 * The badge files of a package: for each badge an endpoint file and an SVG under the same stem.
 *
 * @param main The window of badges of which there is one, whatever the windows.
 * @param windows Those whose badges are made; of others too little is known.
 */
export function badgeFiles(
  main: Window,
  windows: readonly Window[],
  figures: Omit<Summary, keyof Window>,
  looks: Looks = {},
): FolderFile[] {
  return wantedBadges(looks).flatMap((kind) =>
    (kind.windowless ? [main] : windows).flatMap((window) => {
      const badge = kind.render({ ...figures, ...window }, looks);
      const stem = badgeStem(kind, kind.windowless ? undefined : window.windowDays);
      return badge === undefined ? [] : filesOf(stem, badge, looks.dark);
    }),
  );
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

/** Publishes what a run brings. */
export type Publisher = ReturnType<typeof openPublisher>;

/**
 * Opens what publishes the packages of a run, each once, and at its end the groups.
 *
 * @param previous Health after the last run; it remembers the last successes.
 * @param pages Where pages are drawn as well.
 * @param onFault Takes what an entry says in one sentence only.
 */
export function openPublisher(
  config: Config,
  previous: Health | undefined,
  pages: Pick<Pages, 'draw'> | undefined,
  now: () => Date,
  onFault: (error: unknown) => void,
) {
  const { outputDir, source, publicUrl } = config;
  const folders = packageFolders(outputDir);
  const entryBefore = (name: string) => previous?.packages.get(name) ?? previous?.groups.get(name);
  const sums = config.groups.map(
    (group): GroupSum => ({ group, failed: [], waiting: new Set(group.members) }),
  );

  /** The entry of a package or group whose badges stay as they were; its fault is told. */
  function failedEntry(tracked: TrackedPackage, error: unknown, attempted: Date | undefined): PackageHealth {
    const { name, windows, looks = {} } = tracked;
    const before = entryBefore(name);
    onFault(error);
    return {
      failure: { error: describeError(error), code: errorCode(error) },
      windowDays: windows[0],
      windows: [],
      warnings: [],
      ...defined({
        total: wantsTotal(looks) ? before?.total : undefined,
        countedTo: before?.countedTo,
        attempted: attempted?.toISOString() ?? before?.attempted,
        lastSuccess: before?.lastSuccess,
      }),
    };
  }

  /**
   * Publishes the badges, the history and the page of a package or a group.
   *
   * @param query What reading it took, if it is a package.
   * @returns Its entry. Where too much of a window is unknown, its badges stay as they were, and the entry says so.
   * @throws OperatorError if the disk refuses.
   */
  async function publishFigures(
    tracked: TrackedPackage,
    figures: Figures,
    attempted: Date,
    query?: PackageHealth['query'],
  ): Promise<PackageHealth> {
    const { name, title = name, members, windows: lengths, looks = {} } = tracked;
    const [before, hasTotal] = [entryBefore(name), wantsTotal(looks)];
    const { days: all, total, facets, periods } = figures;
    const { windows, history, warnings } = summarize(all, lengths);
    const failure = heldBack(all, lengths);
    const published = windows.filter(({ windowDays }) => !failure?.heldBack?.includes(windowDays));
    const [first] = published;
    const badges = badgeFiles(windows[0], published, { ...figures, title }, looks);
    const text = historyText(history, tracked, source.kind, publicUrl);
    const files = [...badges, { name: HISTORY_FILE, content: text }];
    if (facets !== undefined) files.push({ name: FACETS_FILE, content: facetsText(name, facets) });
    if (hasTotal && periods !== undefined) files.push({ name: MONTHS_FILE, content: monthsText(periods) });
    const found = await writeFolder(outputDir, name, files);
    // What lies in a folder of the same package under another spelling is renewed, too: an address in use never freezes.
    const spellings = folders.get(name)?.filter((folder) => folder !== name) ?? [];
    for (const spelling of spellings) await writeFolder(outputDir, spelling, files, true);
    const renewed = new Set(badges.map((file) => file.name));
    const notRenewed = found.filter((each) => !renewed.has(each));
    const entry: PackageHealth = {
      windowDays: lengths[0],
      windows: published,
      warnings: [
        // What else is odd about the days of a group is told of its member.
        ...warnings.filter(({ code }) => members === undefined || code === 'unknown-days'),
        ...(facets === undefined || members !== undefined ? [] : kindWarning(facets, warnings)),
        ...(await leftOverWindows(outputDir, tracked, notRenewed)),
      ],
      ...defined({
        failure,
        count: first?.windowDays === lengths[0] ? first.breakdown.count : undefined,
        // One that this run does not know, as it looked at the past, stays what it was.
        total: hasTotal ? (total ?? before?.total) : undefined,
        countedTo: first === undefined ? before?.countedTo : all.at(-1)?.day,
        attempted: attempted.toISOString(),
        lastSuccess: first === undefined ? before?.lastSuccess : now().toISOString(),
        query,
      }),
    };
    await pages?.draw(tracked, entry, { days: history, text, facets });
    return entry;
  }

  /** @returns The group's entry; undefined where the run has brought nothing of some packages, which changes nothing. */
  async function publishGroup(sum: GroupSum, attempted: Date): Promise<PackageHealth | undefined> {
    const { group, figures, failed, waiting } = sum;
    if (failed.length > 0) {
      const message = `${nameSome(failed)} of its ${group.members.length} packages failed, so its badges and page stay as they were; fix ${failed.length === 1 ? 'that package' : 'those packages'} first`;
      return failedEntry(group, new OperatorError('group-incomplete', message), attempted);
    }
    if (waiting.size > 0 || figures === undefined) return undefined;
    try {
      const last = config.facetsEveryDays > 0 ? await readFacets(outputDir, group.name) : undefined;
      return await publishFigures(group, { ...figures, facets: figures.facets ?? last }, attempted);
    } catch (error) {
      return failedEntry(group, error, attempted);
    }
  }

  return {
    /**
     * Publishes a package, and adds it to its groups, so that no package's days need be kept. It never throws: a full disk
     * is a failed package.
     *
     * @returns Its entry for the health file.
     */
    async publish(outcome: ReadPackage | FailedPackage): Promise<PackageHealth> {
      const { attempted, package: tracked } = outcome;
      const own = sums.filter(({ waiting }) => waiting.delete(tracked.name));
      try {
        if (outcome.kind === 'failed') throw outcome.error;
        const entry = await publishFigures(tracked, outcome, outcome.attempted, outcome.taken);
        for (const sum of own) sum.figures = added(sum.figures, outcome);
        return entry;
      } catch (error) {
        for (const { failed } of own) failed.push(tracked.name);
        return failedEntry(tracked, error, attempted);
      }
    },
    /**
     * Publishes the groups of which the run has brought any member, in the order of the configuration. It never throws.
     *
     * @returns The entry of each, if it was published or has failed, and of how many packages the run has brought nothing.
     */
    async *publishGroups(started: Date) {
      for (const sum of sums) {
        const { group, waiting } = sum;
        if (waiting.size === group.members.length) continue;
        yield { name: group.name, entry: await publishGroup(sum, started), waiting: waiting.size };
      }
    },
    /** What is left over of packages that are no longer listed. */
    leftOver: () => leftOverPackages(config, folders),
  };
}
