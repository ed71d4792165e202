import fc from 'fast-check';
import { addDays, type Day } from '../../src/days/day.ts';
import { type Breakdown, breakdownOf, type DownloadRow } from '../../src/metric/breakdown.ts';
import type { PackageDays } from '../../src/metric/package-days.ts';
import type { SiteView } from '../../src/page/document.ts';
import type { IndexEntry, IndexView } from '../../src/page/index-page.ts';
import type { PackageView } from '../../src/page/package-page.ts';
import type { ServerRow } from './clickhouse-server.ts';

/** The young package of the README: 2,771 downloads, 14 of them honest. */
export const YOUNG: Breakdown = {
  count: 14,
  counts: { pip: 9, pipenv: 0, pipx: 0, uv: 5, poetry: 0, pdm: 0, 'pip-family': 9 },
  countsBySystem: { Linux: 8, Darwin: 4, Windows: 1 },
  excluded: { sidecar: 0, ci: 120, mirror: 1_325, browser: 31, unknown: 1_201, other: 80 },
  others: new Map([
    ['conda', 19],
    ['requests', 61],
  ]),
};

export const NOTHING: Breakdown = breakdownOf([]);

/** A row of downloads that is nothing special, but for what is given. */
export function downloads(installer: string | null, count: number, more: Partial<DownloadRow> = {}) {
  return { sidecar: false, ci: null, installer, system: null, downloads: count, ...more };
}

/** `count` days up to and with `last`, each with the rows that `rowsOf` gives; null is a day that is missing or unknown. */
export function packageDays(
  count: number,
  rowsOf: (index: number) => readonly DownloadRow[] | null,
  more: { last?: Day; unknownDays?: readonly Day[]; partialDays?: readonly Day[] } = {},
): PackageDays {
  const { last = '2026-04-24', unknownDays = [], partialDays = [] } = more;
  return Array.from({ length: count }, (_, index) => {
    const [day, rows] = [addDays(last, index + 1 - count), rowsOf(index)];
    return {
      day,
      breakdown: rows && breakdownOf(rows),
      isUnknown: unknownDays.includes(day),
      isPartial: partialDays.includes(day),
    };
  });
}

/** Days up to and with `last` with so many downloads by pip; null is a day that is missing or unknown. */
export function daysWith(
  counts: readonly (number | null)[],
  more: Parameters<typeof packageDays>[2] = {},
): PackageDays {
  const rows = counts.map((count) => (count === null ? null : [downloads('pip', count)]));
  return packageDays(counts.length, (index) => rows[index] ?? null, more);
}

/** Any rows, also of clients and systems that are not known. */
export const anyRow: fc.Arbitrary<DownloadRow> = fc.record({
  sidecar: fc.boolean(),
  ci: fc.constantFrom(true, false, null),
  installer: fc.oneof(
    fc.constantFrom('pip', 'pipenv', 'pipx', 'uv', 'poetry', 'pdm', 'Browser', 'devpi', 'requests', '', null),
    fc.string(),
  ),
  system: fc.oneof(fc.constantFrom('Linux', 'Darwin', 'Windows', 'BSD', '', null), fc.string()),
  downloads: fc.nat(1e9),
});

/** So many downloads a day, or on the day of each index. */
type Daily = number | ((index: number) => number);
const on = (daily: Daily, index: number) => (typeof daily === 'number' ? daily : daily(index));

/** A history of `days` days up to 2026-04-24, with downloads by pip and by uv. */
export function historyOf(
  days: number,
  pip: Daily,
  uv: Daily = 0,
  missingDays: readonly Day[] = [],
): PackageDays {
  return packageDays(days, (index) =>
    missingDays.includes(addDays('2026-04-25', index - days))
      ? null
      : [downloads('pip', on(pip, index)), downloads('uv', on(uv, index))],
  );
}

export const NOW = new Date('2026-04-25T06:00:00Z');

export const site: SiteView = {
  finished: '2026-04-25T04:12:00.000Z',
  staleThresholdDays: 3,
  publicUrl: 'https://badges.example.com',
  source: { name: 'a table of the test', shortName: 'a table' },
};

export const young: PackageView = {
  name: 'young',
  state: 'ok',
  lastSuccess: '2026-04-25T04:12:00.000Z',
  countedTo: '2026-04-24',
  warnings: [],
  windows: [{ windowDays: 30, breakdown: YOUNG }],
};

export function entry(view: Partial<PackageView> = {}): IndexEntry {
  return { ...young, ...view, recent: [], hasPage: true };
}

export function index(view: Partial<IndexView> = {}): IndexView {
  return {
    lastDay: '2026-04-24',
    missingDays: [],
    partialDays: [],
    excessDays: [],
    packages: [entry()],
    groups: [],
    ...view,
  };
}

/** Rows of ClickHouse's copy in October 2026 that come to the same young package. */
export const YOUNG_ROWS: ServerRow[] = [
  { project: 'young', day: '2026-10-02', installer: 'pip', system: 'Linux', downloads: 6 },
  { project: 'young', day: '2026-10-10', installer: 'pip', system: 'Darwin', downloads: 3 },
  { project: 'young', day: '2026-10-10', installer: 'uv', downloads: 5 },
  { project: 'young', day: '2026-10-11', ci: 'true', installer: 'pip', system: 'Linux', downloads: 100 },
  { project: 'young', day: '2026-10-11', ci: 'true', downloads: 20 },
  { project: 'young', day: '2026-10-11', installer: 'bandersnatch', downloads: 1_300 },
  { project: 'young', day: '2026-10-11', installer: 'Nexus', downloads: 25 },
  { project: 'young', day: '2026-10-12', installer: 'Browser', downloads: 31 },
  { project: 'young', day: '2026-10-12', downloads: 1_201 },
  { project: 'young', day: '2026-10-13', installer: 'requests', system: 'Linux', downloads: 80 },
];
