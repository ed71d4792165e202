import { badgeFiles } from '../badges/endpoint.ts';
import { asGroup, type Config, type TrackedGroup, type TrackedPackage } from '../config/config.ts';
import { nameSome } from '../format.ts';
import { foldDays, type Window } from '../winnow/fold.ts';
import { isWindowKnown, lastDays, type PackageDays } from '../winnow/package-days.ts';
import type { Total } from '../winnow/total.ts';
import type { Warning } from '../winnow/warnings.ts';
import { publishFolder } from './folder.ts';
import type { PackageFailure } from './health.ts';
import { historyFile } from './history.ts';
import { leftOverWindows } from './left-over.ts';

/** What was made of the days. */
export interface PublishedFigures {
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
