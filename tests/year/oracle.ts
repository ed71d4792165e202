import type { ServerRow } from '../support/bigquery-server.ts';
import { type DayNumber, dayNumber } from './world.ts';

/*
 * What the badges must say, worked out from the table's rows alone by the rules of docs/metric.md. Shares nothing
 * with src/.
 */

const INSTALLERS = ['pip', 'pipenv', 'pipx', 'uv', 'poetry', 'pdm'];
const SYSTEMS = { linux: 'Linux', macos: 'Darwin', windows: 'Windows' };

/** Below 1,000 the number; then one decimal, rounded half up in whole numbers. */
export function message(count: number): string {
  if (count < 1_000) return String(count);
  for (const [unit, size] of [
    ['k', 1_000],
    ['M', 1_000_000],
    ['B', 1_000_000_000],
  ] as const) {
    const tenths = Math.floor((count * 20 + size) / (2 * size));
    if (tenths < 10_000 || unit === 'B') return `${String(tenths / 10)}${unit}`;
  }
  return '';
}

/** The rows of the whole table by day. */
export function totals(rows: readonly ServerRow[]): Map<DayNumber, number> {
  const sums = new Map<DayNumber, number>();
  for (const { day, downloads } of rows) {
    sums.set(dayNumber(day), (sums.get(dayNumber(day)) ?? 0) + downloads);
  }
  return sums;
}

const middle = (values: number[]) => {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return Number.isInteger(half)
    ? ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2
    : (sorted[Math.floor(half)] ?? 0);
};

/**
 * The day before which windows end: after the newest day that is there and whole. Undefined if that is more than
 * seven days before yesterday. A day is incomplete if it has less than 40 % of the median of the same weekday in
 * the four weeks before, where two or more of these are known and whole.
 */
export function endOf(
  sums: ReadonlyMap<DayNumber, number>,
  today: DayNumber,
  first: DayNumber,
): DayNumber | undefined {
  const partial = new Set<DayNumber>();
  for (let day = first; day < today; day += 1) {
    const before = [7, 14, 21, 28].map((back) => day - back).filter((each) => each >= first);
    const whole = before.filter((each) => !partial.has(each) && (sums.get(each) ?? 0) > 0);
    const usual = middle(whole.map((each) => sums.get(each) ?? 0));
    if ((sums.get(day) ?? 0) > 0 && whole.length >= 2 && (sums.get(day) ?? 0) < 0.4 * usual) partial.add(day);
  }
  for (let day = today - 1; day >= today - 8; day -= 1) {
    if ((sums.get(day) ?? 0) > 0 && !partial.has(day)) return day + 1;
  }
  return undefined;
}

/** The messages of a package's badges over one window, by file name. */
export function badgesOf(
  rows: readonly ServerRow[],
  name: string,
  end: DayNumber,
  windowDays: number,
): Record<string, string> {
  const own = rows.filter(
    ({ project, day }) => project === name && dayNumber(day) >= end - windowDays && dayNumber(day) < end,
  );
  const people = own.filter(({ ci }) => ci !== true);
  const sum = (list: readonly ServerRow[]) => list.reduce((total, { downloads }) => total + downloads, 0);
  const by = (...names: string[]) => sum(people.filter(({ installer }) => names.includes(installer ?? '')));
  const entries: [string, number][] = [
    ['downloads', by(...INSTALLERS)],
    ...INSTALLERS.map((installer): [string, number] => [`installer-${installer}`, by(installer)]),
    ['installer-pip-family', by('pip', 'pipenv', 'pipx')],
    ...Object.entries(SYSTEMS).map(([key, system]): [string, number] => [
      `os-${key}`,
      sum(people.filter((row) => row.system === system)),
    ]),
  ];
  return Object.fromEntries(
    entries.map(([kind, count]) => [`${kind}-${windowDays}d-non-ci.json`, message(count)]),
  );
}
