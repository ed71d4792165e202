import { z } from 'zod';
import { type Day, daysOf, type Span } from '../days/day.ts';
import type { PivotRow } from '../sources/query.ts';
import { EXCLUSIONS, INSTALLERS, SYSTEMS } from '../winnow/classes.ts';
import { type Account, winnow } from '../winnow/winnow.ts';

/*
 * <package>/history.json: the account of a package day by day over its longest window, for those who
 * want to draw their own picture. It is laid out in columns, one number for each day, which keeps a
 * year below 25 kB. docs/files.md describes it, docs/history.schema.json is made from the schema below.
 */

export const HISTORY_FILE = 'history.json';

const VERSION = 1;

/** What a counted download is (DESIGN section 2), in one sentence. */
export const METRIC_DEFINITION =
  'One download of one file counts when its CI flag is not set and its installer is pip, pipenv, pipx, uv, poetry or pdm.';

/** What the data cannot show, and therefore neither can any figure made from it. */
export const BLIND_SPOTS = [
  'pipx and pipenv run pip, so the data never names them: they read 0 and their downloads count as pip.',
  'poetry and pdm send no CI flag, so their CI runs cannot be taken out.',
  'pdm sends no system, so it is missing from the systems.',
  'The systems count every download outside of CI, whatever the installer, so their sum can be above or below the count.',
] as const;

const day = z.iso.date();
const column = z
  .array(z.int().min(0).nullable())
  .describe('One number for each of `days`; null where the table had no data for the day.');
const columns = <K extends string>(keys: readonly K[]) =>
  z.strictObject(Object.fromEntries(keys.map((key) => [key, column])) as Record<K, typeof column>);

/** The shape of history.json. */
export const historySchema = z.strictObject({
  version: z.literal(VERSION).describe('Version of this format.'),
  package: z.string().describe('Name of the package, normalized as in PEP 503.'),
  days: z.array(day).min(1).describe('The UTC days of the longest window, oldest first, without a gap.'),
  missing_days: z
    .array(day)
    .describe('Days of `days` for which the table had no data at all; they are no zeros.'),
  count: column.describe('The honest count: downloads by an allowed installer outside of CI.'),
  installers: columns(INSTALLERS).describe('`count` by installer.'),
  systems: columns(SYSTEMS).describe('Downloads outside of CI by system, whatever the installer.'),
  excluded: columns(EXCLUSIONS).describe('Downloads that do not count, by the first reason that fits.'),
  metric: z
    .strictObject({
      definition: z.string(),
      url: z.string().describe('Where the metric is explained; may be relative to this file.'),
    })
    .describe('What a counted download is.'),
  blind_spots: z.array(z.string()).describe('What the data cannot show.'),
});

export type History = z.infer<typeof historySchema>;

/** The JSON Schema of history.json. */
export function historyJsonSchema(): object {
  return {
    title: 'history.json of pypi-badges',
    ...z.toJSONSchema(historySchema, { target: 'draft-7' }),
  };
}

/** What a history is made from. */
export interface HistoryInput {
  /** Normalized name. */
  readonly package: string;
  /** The longest window. */
  readonly span: Span;
  /** The package's rows within `span`. */
  readonly rows: readonly PivotRow[];
  /** Days without any row in the whole table. */
  readonly missingDays: readonly Day[];
  /** Where the output folder is served, if that is known. */
  readonly publicUrl: string | undefined;
}

/** The account of a package by day. Days without data are null, days without downloads 0. */
export function buildHistory(input: HistoryInput): History {
  const days = daysOf(input.span);
  const byDay = new Map<Day, PivotRow[]>();
  for (const row of input.rows) {
    const rows = byDay.get(row.day);
    if (rows === undefined) byDay.set(row.day, [row]);
    else rows.push(row);
  }
  const missing = new Set(input.missingDays.filter((missed) => !byDay.has(missed)));
  const accounts = days.map((each) => (missing.has(each) ? null : winnow(byDay.get(each) ?? [])));
  const figures = (of: (account: Account) => number) =>
    accounts.map((account) => (account === null ? null : of(account)));
  const table = <K extends string>(keys: readonly K[], of: (account: Account, key: K) => number) =>
    Object.fromEntries(keys.map((key) => [key, figures((account) => of(account, key))])) as Record<
      K,
      (number | null)[]
    >;
  return {
    version: VERSION,
    package: input.package,
    days,
    missing_days: days.filter((each) => missing.has(each)),
    count: figures((account) => account.count),
    installers: table(INSTALLERS, (account, name) => account.counts[name]),
    systems: table(SYSTEMS, (account, name) => account.countsBySystem[name]),
    excluded: table(EXCLUSIONS, (account, reason) => account.excluded[reason]),
    metric: {
      definition: METRIC_DEFINITION,
      url: `${input.publicUrl === undefined ? '..' : input.publicUrl}/index.html#metric`,
    },
    blind_spots: [...BLIND_SPOTS],
  };
}

function layout(value: unknown, indent: string): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return JSON.stringify(value);
  const inner = `${indent}  `;
  const lines = Object.entries(value).map(
    ([key, item]) => `${inner}${JSON.stringify(key)}: ${layout(item, inner)}`,
  );
  return `{\n${lines.join(',\n')}\n${indent}}`;
}

/** The file's text: indented, but each column on one line. */
export function historyText(history: History): string {
  return `${layout(history, '')}\n`;
}

/** A history file's content, or undefined if the text is none or is at odds with itself. */
export function parseHistory(text: string): History | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { data } = historySchema.safeParse(value);
  if (data === undefined) return undefined;
  const all = [data.count, ...[data.installers, data.systems, data.excluded].flatMap(Object.values)];
  return all.every((each) => each.length === data.days.length) ? data : undefined;
}

/**
 * The account of a history's last `windowDays` days, with days without data left out; undefined if it
 * does not reach that far back.
 */
export function accountFromHistory(history: History, windowDays: number): Account | undefined {
  if (windowDays > history.days.length) return undefined;
  const sum = (figures: readonly (number | null)[]) =>
    figures.slice(-windowDays).reduce<number>((total, figure) => total + (figure ?? 0), 0);
  const sums = <K extends string>(table: Readonly<Record<K, (number | null)[]>>) =>
    Object.fromEntries(
      Object.entries<(number | null)[]>(table).map(([key, figures]) => [key, sum(figures)]),
    ) as Record<K, number>;
  const counts = sums(history.installers);
  return {
    count: sum(history.count),
    counts: { ...counts, 'pip-family': counts.pip + counts.pipenv + counts.pipx },
    countsBySystem: sums(history.systems),
    excluded: sums(history.excluded),
  };
}
