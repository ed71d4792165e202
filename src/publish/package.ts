import { badgeFiles } from '../badges/endpoint.ts';
import { asGroup, type Config, type TrackedGroup, type TrackedPackage } from '../config/config.ts';
import type { Day } from '../days/day.ts';
import { describeError, errorCode } from '../errors/error.ts';
import { nameSome } from '../format.ts';
import { foldDays, type Window } from '../winnow/fold.ts';
import { isWindowKnown, lastDays, type PackageDays } from '../winnow/package-days.ts';
import type { Total } from '../winnow/total.ts';
import type { Warning } from '../winnow/warnings.ts';
import { publishFolder } from './folder.ts';
import type { PackageFailure, PackageHealth, QueryFacts } from './health.ts';
import { historyFile } from './history.ts';
import { leftOverWindows } from './left-over.ts';

/** What was made of the days. */
interface PublishedFigures {
  /** The windows that were published, in the order of the configuration. */
  readonly windows: readonly Window[];
  /** Why the badges of the others stay as they were; absent if there are no others. */
  readonly failure?: PackageFailure;
  /** Of the days. */
  readonly warnings: readonly Warning[];
  /** Of badges that are not renewed any more. */
  readonly leftOver: readonly Warning[];
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
 * Publishes the badges and the history of a package or a group.
 *
 * @param all The longest window at least, and what is known of the days before.
 * @param total What is known of it altogether; undefined where that was not asked, or does not end with the windows.
 * @param spellings Folders that spell its name otherwise.
 * @throws OperatorError if the disk refuses.
 */
export async function publishFigures(
  tracked: TrackedPackage | TrackedGroup,
  all: PackageDays,
  total: Total | undefined,
  { outputDir, source, publicUrl }: Config,
  spellings: readonly string[] = [],
): Promise<PublishedFigures> {
  const { name, windows: lengths, looks } = tracked;
  const group = asGroup(tracked);
  const { windows, history, trends, warnings } = foldDays(all, lengths);
  const failure = heldBack(all, lengths);
  const isHeldBack = ({ windowDays }: Window) => failure?.heldBack?.includes(windowDays) === true;
  const title = group?.title ?? name;
  const summaries = windows.map((window, index) => ({
    ...window,
    title,
    history,
    trend: trends[index],
    total,
    isHeldBack: isHeldBack(window),
  }));
  const files = badgeFiles(summaries, looks);
  const facts = {
    package: name,
    group: group && { title: group.title, packages: group.members },
    source: source.kind,
    publicUrl,
  };
  const before = await publishFolder(outputDir, name, [...files, historyFile(history, facts)], spellings);
  const renewed = new Set(files.map((file) => file.name));
  const others = before.filter((each) => !renewed.has(each));
  return {
    windows: windows.filter((window) => !isHeldBack(window)),
    ...(failure === undefined ? {} : { failure }),
    warnings,
    leftOver: await leftOverWindows(outputDir, tracked, others),
  };
}

/** A package that was read. */
export interface ReadPackage extends Figures {
  readonly kind: 'read';
  readonly package: TrackedPackage;
  readonly attempted: Date;
  /** All zero if the ledger had everything. */
  readonly taken: QueryFacts;
}

/** A package that was not. */
export interface FailedPackage {
  readonly kind: 'failed';
  readonly package: TrackedPackage;
  /** Absent if it was not tried, as an earlier failure showed that it could not work. */
  readonly attempted?: Date;
  readonly error: unknown;
}

/** What was there before. */
export interface Place {
  /** The package's entry after the last run, which remembers the last success. */
  readonly previous?: PackageHealth | undefined;
  /** Folders that spell packages otherwise, by the normalized name. */
  readonly spellings?: ReadonlyMap<string, readonly string[]>;
}

/** What badges are made of. */
export interface Figures {
  /** The longest window, and before it what else is known of the weeks that warnings and trends look at. */
  readonly days: PackageDays;
  /** What is known of it altogether; undefined where that is not wanted, or goes beyond the windows' end. */
  readonly total: Total | undefined;
}

/** What came of a package. */
export interface Published {
  readonly entry: PackageHealth;
  /** Its days, one by one and altogether; absent after a failure. */
  readonly figures?: Figures;
}

/** What is told of a total: one that this run does not know, as it looked at the past, stays what it was. */
function totalEntry(
  { looks }: TrackedPackage,
  total: Total | undefined,
  previous: PackageHealth | undefined,
): Pick<PackageHealth, 'total'> {
  const known = total ?? previous?.total;
  return known !== undefined && looks?.extra?.includes('total') ? { total: known } : {};
}

/** The entry of a package or group whose badges stay as they were. */
export function failedEntry(
  tracked: TrackedPackage,
  error: unknown,
  attempted: Date | undefined,
  previous: PackageHealth | undefined,
): PackageHealth {
  const { countedTo, lastSuccess } = previous ?? {};
  const tried = attempted?.toISOString() ?? previous?.attempted;
  return {
    failure: { error: describeError(error), code: errorCode(error) },
    windowDays: tracked.windows[0],
    windows: [],
    ...totalEntry(tracked, undefined, previous),
    warnings: [],
    ...(countedTo === undefined ? {} : { countedTo }),
    ...(tried === undefined ? {} : { attempted: tried }),
    ...(lastSuccess === undefined ? {} : { lastSuccess }),
  };
}

/**
 * The entry of a package or group whose badges were published, but for those that were held back.
 *
 * @param of What of its total is known, the newest day in its figures, and when it was tried.
 */
export function publishedEntry(
  tracked: TrackedPackage,
  { windows, failure, warnings, leftOver }: PublishedFigures,
  { total, countedTo, attempted }: { total: Total | undefined; countedTo: Day | undefined; attempted: Date },
  previous: PackageHealth | undefined,
  now: () => Date,
): PackageHealth {
  const [first] = windows;
  const [windowDays] = tracked.windows;
  const times =
    first === undefined
      ? { countedTo: previous?.countedTo, lastSuccess: previous?.lastSuccess }
      : { countedTo, lastSuccess: now().toISOString() };
  return {
    ...(failure === undefined ? {} : { failure }),
    windowDays,
    ...(first?.windowDays === windowDays ? { count: first.breakdown.count } : {}),
    windows,
    ...totalEntry(tracked, total, previous),
    ...(times.countedTo === undefined ? {} : { countedTo: times.countedTo }),
    warnings: [...warnings, ...leftOver],
    attempted: attempted.toISOString(),
    ...(times.lastSuccess === undefined ? {} : { lastSuccess: times.lastSuccess }),
  };
}

async function publish(
  outcome: ReadPackage,
  config: Config,
  { previous, spellings }: Place,
  now: () => Date,
): Promise<Published> {
  const { package: tracked, days, total, taken } = outcome;
  const figures = await publishFigures(tracked, days, total, config, spellings?.get(tracked.name));
  const facts = { total, countedTo: days.days.at(-1), attempted: outcome.attempted };
  const entry: PackageHealth = {
    ...publishedEntry(tracked, figures, facts, previous, now),
    query: taken,
  };
  return { entry, figures: { days, total } };
}

/**
 * Publishes the outcome of one package: folds what was read into badges and history, writes them, and returns
 * the package's entry for the health file. It never throws: a full disk is a failed package.
 *
 * @param onFault Told of what the entry says in one sentence only.
 */
export async function publishPackage(
  outcome: ReadPackage | FailedPackage,
  config: Config,
  place: Place,
  now: () => Date,
  onFault: (error: unknown) => void = () => undefined,
): Promise<Published> {
  const { attempted, package: tracked } = outcome;
  const failed = (error: unknown): Published => {
    onFault(error);
    return { entry: failedEntry(tracked, error, attempted, place.previous) };
  };
  if (outcome.kind === 'failed') return failed(outcome.error);
  try {
    return await publish(outcome, config, place, now);
  } catch (error) {
    return failed(error);
  }
}
