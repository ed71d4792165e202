import { badgeStem, COMPARISON_FOLDER, COMPARISONS, INDEXED } from '../badges/catalogue.ts';
import { type Compared, drawComparison } from '../badges/comparison.ts';
import { filesOf } from '../badges/endpoint.ts';
import type { Config } from '../config/config.ts';
import { windowBefore } from '../days/day.ts';
import { writeFolder } from '../disk/files.ts';
import { spanOf } from '../metric/package-days.ts';
import { readHistory } from './history.ts';

/*
 * <output_dir>/_compare/: the packages and groups of compare_chart in one chart, drawn from their histories as they were
 * published last, so that a run of some of them, or one that failed, takes nothing away.
 */

/**
 * Draws the chart of compare_chart over the days that are in the longest window of each.
 *
 * @returns Names of which there is no history yet; without them nothing is drawn.
 * @throws OperatorError if the disk refuses.
 */
export async function publishComparison(config: Config): Promise<string[]> {
  const { outputDir, compareChart = [], packages, groups } = config;
  const compared: (Compared & { readonly longest: number })[] = [];
  const missing: string[] = [];
  for (const name of compareChart) {
    const tracked = [...packages, ...groups].find((each) => each.name === name);
    const history = await readHistory(outputDir, name);
    if (tracked === undefined || history === undefined) missing.push(name);
    else {
      const { title = name, windows } = tracked;
      compared.push({ title, history: history.days, longest: Math.max(...windows) });
    }
  }
  if (missing.length > 0) return missing;
  const ends = compared.map(({ history }) => spanOf(history).end).toSorted();
  const span = windowBefore(ends.at(-1) ?? '', Math.min(...compared.map(({ longest }) => longest)));
  const files = COMPARISONS.flatMap((kind) =>
    filesOf(badgeStem(kind, undefined), drawComparison(compared, span, kind.id === INDEXED)),
  );
  await writeFolder(outputDir, COMPARISON_FOLDER, files);
  return [];
}
