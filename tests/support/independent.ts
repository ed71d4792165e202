/*
 * The metric once more, over single downloads and with nothing of src/: what the
 * command's figures are compared with.
 */

/** Days since 1970-01-01 (UTC). */
export type DayNumber = number;

export const dayNumber = (text: string): DayNumber => Date.parse(`${text}T00:00:00Z`) / 86_400_000;
export const dayText = (day: DayNumber) => new Date(day * 86_400_000).toISOString().slice(0, 10);
/** The last `count` days before today (UTC), as the clock has it; newest first. */
export const lastDays = (count: number) =>
  Array.from({ length: count }, (_, back) => dayText(Math.floor(Date.now() / 86_400_000) - 1 - back));

/** `times` downloads that agree in everything. */
export interface Counted {
  readonly ci?: boolean | null;
  readonly installer?: string | null;
  readonly system?: string | null;
  readonly sidecar?: boolean;
  readonly times: number;
}

const INSTALLERS = ['pip', 'pipenv', 'pipx', 'uv', 'poetry', 'pdm'];
const MIRRORS = ['bandersnatch', 'z3c.pypimirror', 'Artifactory', 'devpi', 'Nexus', 'pep381client'];

/** What a window says of these downloads. */
export function countByHand(downloads: readonly Counted[]) {
  const sum = (list: readonly Counted[]) => list.reduce((total, { times }) => total + times, 0);
  const packages = downloads.filter(({ sidecar }) => sidecar !== true);
  const people = packages.filter(({ ci }) => ci !== true);
  const by = (...names: string[]) => sum(people.filter(({ installer }) => names.includes(installer ?? '')));
  const on = (name: string) => sum(people.filter(({ system }) => system === name));
  const count = by(...INSTALLERS);
  const excluded = {
    sidecar: sum(downloads) - sum(packages),
    ci: sum(packages) - sum(people),
    mirror: by(...MIRRORS),
    browser: by('Browser'),
    unknown: by(''),
  };
  const others = sum(people) - count - excluded.mirror - excluded.browser - excluded.unknown;
  return {
    all: sum(downloads),
    count,
    counts: {
      ...Object.fromEntries(INSTALLERS.map((name) => [name, by(name)])),
      'pip-family': by('pip', 'pipenv', 'pipx'),
    } as Readonly<Record<string, number>>,
    counts_by_system: { Linux: on('Linux'), Darwin: on('Darwin'), Windows: on('Windows') },
    excluded: { ...excluded, other: others },
  };
}

interface Line {
  timestamp: string;
  file: { project: string; filename?: string | null };
  details: { ci?: boolean | null; installer?: { name?: string }; system?: { name?: string } } | null;
}

/** The downloads of a package from `first` to `last` (both included) in the text of an NDJSON table. */
export function downloadsIn(table: string, project: string, first: string, last: string): Counted[] {
  const lines = table
    .trim()
    .split('\n')
    .map((line): Line => JSON.parse(line));
  return lines
    .filter((line) => line.file.project === project)
    .filter((line) => line.timestamp.slice(0, 10) >= first && line.timestamp.slice(0, 10) <= last)
    .map(({ timestamp, file, details }) => ({
      times: 1,
      // Only a distribution is a package; from 2026-08-25 on the log holds nothing else.
      sidecar:
        timestamp < '2026-08-25' &&
        typeof file.filename === 'string' &&
        !['.whl', '.tar.gz', '.zip'].some((ending) => file.filename?.endsWith(ending)),
      ci: details?.ci === true,
      installer: details?.installer?.name ?? '',
      system: details?.system?.name ?? '',
    }));
}

function middle(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (place: number) => sorted[Math.floor(place)] ?? 0;
  return (at((values.length - 1) / 2) + at(values.length / 2)) / 2;
}

/**
 * The day before which windows end: after the newest day that is there and whole. Undefined if that is more than
 * seven days before yesterday. A day is incomplete if it has less than 40 % of the median of the same weekday in
 * the four weeks before, where two or more of these are known, whole, and have not more than twice of theirs. Yesterday
 * must have 55 %.
 *
 * @param rows The rows of the whole table by day, of which none before `first` is looked at.
 */
export function endOf(
  rows: ReadonlyMap<DayNumber, number>,
  today: DayNumber,
  first: DayNumber,
): DayNumber | undefined {
  const shares = new Map<DayNumber, number>();
  const on = (day: DayNumber) => rows.get(day) ?? 0;
  const shareOf = (day: DayNumber) => shares.get(day) ?? 1;
  for (let day = first; day < today; day += 1) {
    const before = [7, 14, 21, 28].map((back) => day - back).filter((each) => each >= first);
    const usual = before.filter((each) => on(each) > 0 && shareOf(each) >= 0.4 && shareOf(each) <= 2).map(on);
    if (on(day) > 0 && usual.length >= 2) shares.set(day, on(day) / middle(usual));
  }
  for (let day = today - 1; day >= today - 8; day -= 1) {
    if (on(day) > 0 && shareOf(day) >= (day === today - 1 ? 0.55 : 0.4)) return day + 1;
  }
  return undefined;
}
