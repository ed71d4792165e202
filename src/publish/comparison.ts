import { badgeStem, COMPARISON_FOLDER, COMPARISONS, INDEXED } from '../badges/catalogue.ts';
import { type Compared, drawComparison } from '../badges/comparison.ts';
import { filesOf } from '../badges/endpoint.ts';
import { asGroup, type Config } from '../config/config.ts';
import { addDays, windowBefore } from '../days/day.ts';
import { writeFolder } from '../disk/files.ts';
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
  const tracked = new Map([...packages, ...groups].map((each) => [each.name, each]));
  const compared: Compared[] = [];
  const missing: string[] = [];
  let [last, length] = ['', Infinity];
  for (const name of compareChart) {
    const [each, history] = [tracked.get(name), await readHistory(outputDir, name)];
    if (each === undefined || history === undefined) {
      missing.push(name);
      continue;
    }
    compared.push({ title: asGroup(each)?.title ?? name, history: history.days });
    const [end = ''] = history.days.days.slice(-1);
    if (end > last) last = end;
    length = Math.min(length, Math.max(...each.windows));
  }
  if (missing.length > 0) return missing;
  const span = windowBefore(addDays(last, 1), length);
  const files = COMPARISONS.flatMap((kind) =>
    filesOf(badgeStem(kind, undefined), drawComparison(compared, span, kind.id === INDEXED)),
  );
  await writeFolder(outputDir, COMPARISON_FOLDER, files);
  return [];
}
