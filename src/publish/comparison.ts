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
  const all = [...packages, ...groups];
  const tracked = compareChart.flatMap((name) => all.find((each) => each.name === name) ?? []);
  const compared: Compared[] = [];
  const missing: string[] = [];
  for (const { name, title = name } of tracked) {
    const history = await readHistory(outputDir, name);
    if (history === undefined) missing.push(name);
    else compared.push({ title, history: history.days });
  }
  if (missing.length > 0) return missing;
  const ends = compared.map(({ history }) => spanOf(history).end).toSorted();
  const lengths = tracked.map(({ windows }) => Math.max(...windows));
  const span = windowBefore(ends.at(-1) ?? '', Math.min(...lengths));
  const files = COMPARISONS.flatMap((kind) =>
    filesOf(badgeStem(kind, undefined), drawComparison(compared, span, kind.id === INDEXED)),
  );
  await writeFolder(outputDir, COMPARISON_FOLDER, files);
  return [];
}
