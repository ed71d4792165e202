import { buildHistory, type History } from '../../src/badges/history.ts';
import { daysOf } from '../../src/days/day.ts';
import type { IndexEntry, IndexView, PackageView, SiteView } from '../../src/page/view.ts';
import type { Account } from '../../src/winnow/winnow.ts';

/** The account of DESIGN section 1: 2,771 downloads, 14 of them honest. */
export const YOUNG: Account = {
  count: 14,
  counts: { pip: 9, pipenv: 0, pipx: 0, uv: 5, poetry: 0, pdm: 0, 'pip-family': 9 },
  countsBySystem: { Linux: 8, Darwin: 4, Windows: 1 },
  excluded: { ci: 120, mirror: 1_325, browser: 31, unknown: 1_201, other: 80 },
};

export const NOTHING: Account = {
  count: 0,
  counts: { pip: 0, pipenv: 0, pipx: 0, uv: 0, poetry: 0, pdm: 0, 'pip-family': 0 },
  countsBySystem: { Linux: 0, Darwin: 0, Windows: 0 },
  excluded: { ci: 0, mirror: 0, browser: 0, unknown: 0, other: 0 },
};

/** A history of `days` days up to 2026-04-24, with `pip(index)` and `uv(index)` downloads each. */
export function historyOf(
  days: number,
  pip: (index: number) => number,
  uv: (index: number) => number = () => 0,
  missingDays: readonly string[] = [],
): History {
  const start = new Date(Date.parse('2026-04-25T00:00:00Z') - days * 86_400_000).toISOString().slice(0, 10);
  const span = { start, end: '2026-04-25' };
  const row = { ci: null, system: null };
  const rows = daysOf(span)
    .flatMap((day, index) => [
      { ...row, day, installer: 'pip', downloads: pip(index) },
      { ...row, day, installer: 'uv', downloads: uv(index) },
    ])
    .filter(({ day }) => !missingDays.includes(day));
  return buildHistory({ package: 'demo', span, rows, missingDays, publicUrl: undefined });
}

export const NOW = new Date('2026-04-25T06:00:00Z');

export const site: SiteView = {
  finished: '2026-04-25T04:12:00.000Z',
  staleThresholdDays: 3,
  publicUrl: 'https://badges.example.com',
};

export const young: PackageView = {
  name: 'young',
  state: 'ok',
  lastSuccess: '2026-04-25T04:12:00.000Z',
  windows: [{ windowDays: 30, account: YOUNG }],
};

export function entry(view: Partial<IndexEntry> = {}): IndexEntry {
  return { ...young, sparkline: undefined, hasPage: true, ...view };
}

export function index(view: Partial<IndexView> = {}): IndexView {
  return { ...site, lastDay: '2026-04-24', missingDays: [], packages: [entry()], ...view };
}
