import { badgeFiles, totalFiles, trendFiles } from '../badges/endpoint.ts';
import { sparklineFile } from '../badges/sparkline.ts';
import { asGroup, type Config, type TrackedGroup, type TrackedPackage } from '../config/config.ts';
import type { Extra } from '../config/looks.ts';
import { type Folded, foldDays } from '../winnow/fold.ts';
import type { PackageDays } from '../winnow/package-days.ts';
import type { Total } from '../winnow/total.ts';
import type { Warning } from '../winnow/warnings.ts';
import { publishFolder } from './folder.ts';
import { historyFile } from './history.ts';
import { leftOverWindows } from './left-over.ts';

/** What was made of the days, and what else lies beside it. */
export interface PublishedFigures extends Folded {
  /** Of badges that are not renewed any more. */
  readonly leftOver: readonly Warning[];
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
  const { name, windows: lengths, looks = {} } = tracked;
  const group = asGroup(tracked);
  const folded = foldDays(all, lengths);
  const { windows, history, trends } = folded;
  const wants = (extra: Extra) => looks.extra?.includes(extra) === true;
  const files = windows.flatMap(({ windowDays, breakdown }, index) => [
    ...badgeFiles(breakdown, windowDays, looks),
    ...(wants('trend') ? trendFiles(trends[index], windowDays, looks) : []),
    ...(wants('sparkline') ? [sparklineFile(group?.title ?? name, history, windowDays)] : []),
  ]);
  if (wants('total') && total !== undefined) files.push(...totalFiles(total, looks));
  const facts = {
    package: name,
    group: group && { title: group.title, packages: group.members },
    source: source.kind,
    publicUrl,
  };
  const before = await publishFolder(outputDir, name, [...files, historyFile(history, facts)], spellings);
  const renewed = new Set(files.map((file) => file.name));
  const others = before.filter((each) => !renewed.has(each));
  return { ...folded, leftOver: await leftOverWindows(outputDir, tracked, others) };
}
