import { join } from 'node:path';
import { z } from 'zod';
import type { TrackedPackage } from '../config/config.ts';
import { type Day, parseDay } from '../days/day.ts';
import { readIfPresent } from '../disk/files.ts';
import { type Breakdown, breakdownWith } from '../metric/breakdown.ts';
import { BLIND_SPOTS, EXCLUSIONS, INSTALLERS, METRIC_DEFINITION, SYSTEMS } from '../metric/classes.ts';
import type { DatedFacets } from '../metric/facets.ts';
import { incompleteDaysOf, type PackageDays } from '../metric/package-days.ts';
import { typicalDay } from '../metric/spikes.ts';
import { isCount } from '../state/state-file.ts';
import { jsonOf, recordOf } from '../util.ts';

/*
 * <output_dir>/<package>/history.json: the breakdown of a package day by day over its longest window, for
 * those who want to draw their own picture. It is laid out in columns, one number for each day, which keeps
 * a year below 40 kB. docs/files.md describes it, docs/history.schema.json is made from the schema below.
 */

export const HISTORY_FILE = 'history.json';

const VERSION = 1;

const day = z.iso.date();
const column = z
  .array(z.int().min(0).nullable())
  .describe('One number for each of `days`; null on `missing_days` and `unknown_days`.');
const columns = <K extends string>(keys: readonly K[]) => z.strictObject(recordOf(keys, () => column));

/** The shape of history.json as it is written. */
const historySchema = z.strictObject({
  version: z.literal(VERSION).describe('Version of this format.'),
  package: z.string().describe('Name of the package, normalized as in PEP 503; or of a group of packages.'),
  group: z
    .strictObject({
      title: z.string().describe('What the group is called.'),
      packages: z.array(z.string()).min(1).describe('Whose downloads are added up, by normalized name.'),
    })
    .optional()
    .describe('There for a group of packages only.'),
  source: z.string().describe('Where the figures were counted.'),
  days: z.array(day).min(1).describe('The UTC days of the longest window, oldest first, without a gap.'),
  missing_days: z
    .array(day)
    .describe('Days of `days` for which the table had no data at all; they are no zeros.'),
  unknown_days: z
    .array(day)
    .describe('Days of `days` of which it is not known which downloads were by CI; they are no zeros.'),
  partial_days: z.array(day).describe('Days of `days` for which the table had only a part of the data.'),
  typical_day: z
    .int()
    .min(10)
    .nullable()
    .describe(
      'Median of `count` over the days that are known in full, from the first download on; null below 10.',
    ),
  count: column.describe('The non-CI downloads: those by an allowed installer, not marked as CI.'),
  installers: columns(INSTALLERS).describe('`count` by installer.'),
  systems: columns(SYSTEMS).describe('Downloads not marked as CI by system, whatever the installer.'),
  excluded: columns(EXCLUSIONS).describe('Downloads that do not count, by the first reason that fits.'),
  metric: z
    .strictObject({
      definition: z.string(),
      url: z.string().describe('Where the metric is explained; may be relative to this file.'),
    })
    .describe('What a counted download is.'),
  blind_spots: z.array(z.string()).describe('What the data cannot show.'),
});

/** The JSON Schema of history.json. */
export function historyJsonSchema(): object {
  return { title: 'history.json of pypi-badges', ...z.toJSONSchema(historySchema, { target: 'draft-7' }) };
}

/** A value as JSON for files with long lists: indented, and each list on one line. */
export function formatRows(value: object, indent = ''): string {
  const lines = Object.entries(value).map(([key, item]) => {
    const isNested = typeof item === 'object' && item !== null && !Array.isArray(item);
    const text = isNested ? formatRows(item, `${indent}  `).trimEnd() : JSON.stringify(item);
    return `${indent}  ${JSON.stringify(key)}: ${text}`;
  });
  return `{\n${lines.join(',\n')}\n${indent}}\n`;
}

/**
 * The file's text. Unknown and missing days are null, days without downloads 0.
 *
 * @param tracked The package, or the group whose members are added up.
 * @param source Kind of the source.
 * @param publicUrl Where the output folder is served, if that is known.
 */
export function historyText(
  all: PackageDays,
  tracked: Pick<TrackedPackage, 'name' | 'title' | 'members'>,
  source: string,
  publicUrl = '..',
): string {
  const { name, title = name, members } = tracked;
  const figures = (of: (breakdown: Breakdown) => number) =>
    all.map(({ breakdown }) => (breakdown === null ? null : of(breakdown)));
  const table = <K extends string>(keys: readonly K[], of: (breakdown: Breakdown, key: K) => number) =>
    recordOf(keys, (key) => figures((breakdown) => of(breakdown, key)));
  const { missing, unknown, partial } = incompleteDaysOf(all);
  const history: z.infer<typeof historySchema> = {
    version: VERSION,
    package: name,
    ...(members && { group: { title, packages: [...members] } }),
    source,
    days: all.map((each) => each.day),
    missing_days: missing,
    unknown_days: unknown,
    partial_days: partial,
    typical_day: typicalDay(all, all.length) ?? null,
    count: figures(({ count }) => count),
    installers: table(INSTALLERS, ({ counts }, installer) => counts[installer]),
    systems: table(SYSTEMS, ({ countsBySystem }, system) => countsBySystem[system]),
    excluded: table(EXCLUSIONS, ({ excluded }, reason) => excluded[reason]),
    metric: { definition: METRIC_DEFINITION, url: `${publicUrl}/index.html#metric` },
    blind_spots: [...BLIND_SPOTS],
  };
  return formatRows(history);
}

/** A list as it is read: checked in one go, as a year has six thousand figures. */
const listOf = <T>(fits: (item: unknown) => boolean) =>
  z.custom<T[]>((value) => Array.isArray(value) && value.every(fits));

const readColumn = listOf<number | null>((figure) => figure === null || isCount(figure));
const readDays = listOf<Day>((text) => typeof text === 'string' && parseDay(text) !== undefined).refine(
  (days) => days.length > 0,
);

/** As much of a history as is read. A class or an installer that was added since it was written has no column, and was 0. */
const readSchema = z.object({
  version: z.literal(VERSION),
  package: z.string(),
  days: readDays,
  unknown_days: z.array(day),
  partial_days: z.array(day),
  count: readColumn,
  installers: z.record(z.string(), readColumn),
  systems: z.record(z.string(), readColumn),
  excluded: z.record(z.string(), readColumn),
});

function breakdownAt({ installers, systems, excluded }: z.infer<typeof readSchema>, index: number) {
  return breakdownWith({
    counts: recordOf(INSTALLERS, (name) => installers[name]?.[index] ?? 0),
    countsBySystem: recordOf(SYSTEMS, (name) => systems[name]?.[index] ?? 0),
    excluded: recordOf(EXCLUSIONS, (reason) => excluded[reason]?.[index] ?? 0),
    others: NO_OTHERS,
  });
}

/** A history has sums of the class `other` only. */
const NO_OTHERS: ReadonlyMap<string, number> = new Map();

/** The days of a history file of the package, or undefined if the text is none or is at odds with itself. */
export function parseHistory(text: string, packageName: string): PackageDays | undefined {
  const { data } = readSchema.safeParse(jsonOf(text));
  if (data === undefined || data.package !== packageName) return undefined;
  const { count, days } = data;
  const all = [count, ...[data.installers, data.systems, data.excluded].flatMap(Object.values)];
  const fits = (figures: readonly (number | null)[]) =>
    figures.length === days.length &&
    figures.every((figure, index) => (figure === null) === (count[index] === null));
  if (!all.every(fits)) return undefined;
  const [unknown, partial] = [new Set(data.unknown_days), new Set(data.partial_days)];
  return days.map((each, index) => ({
    day: each,
    breakdown: count[index] === null ? null : breakdownAt(data, index),
    isUnknown: unknown.has(each),
    isPartial: partial.has(each),
  }));
}

/** A history with its text as it is on the disk, and what else is told of the package on its page. */
export interface History {
  readonly days: PackageDays;
  readonly text: string;
  readonly facets?: DatedFacets | undefined;
}

/**
 * The history of a package as it was last published.
 *
 * @returns undefined where there is none that can be used.
 * @throws OperatorError if the disk refuses.
 */
export async function readHistory(outputDir: string, packageName: string): Promise<History | undefined> {
  const text = (await readIfPresent(join(outputDir, packageName, HISTORY_FILE))) ?? '';
  const days = parseHistory(text, packageName);
  return days && { days, text };
}
