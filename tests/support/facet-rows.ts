import { createRandom } from './random.ts';

/*
 * Rows of the log with all that facets look at, full of traps, and their facets counted one by one: this shares nothing with
 * src/.
 */

/** Downloads that are alike; what a client did not send is null. */
export interface FacetRow {
  readonly day: string;
  readonly project: string;
  readonly ci: boolean | null;
  readonly installer: string | null;
  readonly python: string | null;
  readonly version: string;
  readonly system: string | null;
  readonly libc: string | null;
  readonly type: string;
  readonly country: string | null;
  readonly filename: string;
  readonly times: number;
}

const LONG = `1.${'0'.repeat(8_000)}`;

/** What clients may send, beside what they usually do. */
const TRAPS = {
  ci: [null, null, false, false, true],
  installer: ['pip', 'pip', 'uv', 'uv', 'poetry', 'pdm', 'bandersnatch', 'Pip', 'Browser', '', null],
  python: [
    ...['3.9.1', '3.10.14', '3.10.14+', '3.13.0rc1', '2.7.18', '2.8', '3.16.0', '3.9', '4.0.1', '3.100.1'],
    ...['<script>', '3', '3.x', '', null, ' 3.9.1', '3.9.1\n', '3.14rc1'],
  ],
  version: ['1.0', '1.0.0', '1.00', '2.0rc1', '1!0.5', '2.0+cu118', '2004d', '10.0', '9.9', '', 'a b', LONG],
  system: ['Linux', 'Linux', 'Linux', 'Darwin', 'Windows', 'FreeBSD', '<b>', '', null],
  libc: ['glibc', 'glibc', 'musl', 'uClibc', '', null],
  type: ['bdist_wheel', 'bdist_wheel', 'sdist', 'bdist_egg', ''],
  country: ['US', 'DE', 'us', 'USA', '<>', '', null],
  filename: ['a.whl', 'a.whl', 'a.tar.gz', 'a.zip', 'a.whl.metadata', 'a.exe'],
};

/** Random rows of packages on random days. */
export function randomRows(
  seed: number,
  projects: readonly string[],
  days: readonly string[],
  count: number,
): FacetRow[] {
  const random = createRandom(seed);
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  const oneOfEach = () => Object.entries(TRAPS).map(([name, list]) => [name, pick<unknown>(list)]);
  return Array.from({ length: count }, () => ({
    ...{ day: pick(days), project: pick(projects), times: 1 + Math.floor(random() * 5) },
    ...(Object.fromEntries(oneOfEach()) as Omit<FacetRow, 'day' | 'project' | 'times'>),
  }));
}

type Counts = Record<string, number>;
export type Counted = Record<string, number | Counts>;

const PYTHONS: Record<string, string> = {
  ...{ '3.9.1': '3.9', '3.10.14': '3.10', '3.10.14+': '3.10', '3.13.0rc1': '3.13', '2.7.18': '2.7' },
  ...{ '2.8': '2.8', '3.16.0': '3.16', '3.9': '3.9', '3.9.1\n': '3.9' },
};

/** One value of each facet, by hand. */
function valuesOf({ installer, python, version, system, libc, type, country }: FacetRow): Counts & object {
  const minor = PYTHONS[python ?? ''] ?? 'unknown';
  const named = system === 'Linux' && (libc === 'glibc' || libc === 'musl') ? `Linux ${libc}` : system;
  const isOther = system === 'FreeBSD' || system === '<b>';
  const place = isOther ? 'other' : named || 'unknown';
  const isKind = minor !== 'unknown' && place !== 'unknown' && !isOther;
  const isNone = ['', 'a b', LONG].includes(version);
  return {
    python: minor,
    version: isNone ? 'unknown' : version.replace(/^1\.0(0|\.0)$/, '1.0'),
    system: place,
    type: { bdist_wheel: 'wheel', sdist: 'sdist', bdist_egg: 'other' }[type] ?? 'unknown',
    country: country === 'US' || country === 'DE' ? country : 'unknown',
    kind: isKind ? `${installer}|${minor}|${place}` : 'unknown',
  } as unknown as Counts;
}

const INSTALLERS = ['pip', 'uv', 'poetry', 'pdm'];

/** The facets of a package over some days, counted row by row; of a facet its values, `other` and `unknown`. */
export function countFacets(
  rows: readonly FacetRow[],
  project: string,
  span: { start: string; end: string },
  versions?: readonly string[],
): Counted {
  const counted: Counted = { total: 0, python: {}, version: {}, system: {}, type: {}, country: {}, kind: {} };
  for (const row of rows) {
    const isIn = row.project === project && row.day >= span.start && row.day < span.end;
    const isFile = row.day >= '2026-08-25' || /\.(whl|tar\.gz|zip)$/.test(row.filename);
    if (!isIn || !isFile || row.ci === true || !INSTALLERS.includes(row.installer ?? '')) continue;
    if (versions?.includes(row.version) === false) continue;
    counted['total'] = Number(counted['total']) + row.times;
    for (const [facet, value] of Object.entries(valuesOf(row))) {
      const counts = counted[facet] as Counts;
      counts[String(value)] = (counts[String(value)] ?? 0) + row.times;
    }
  }
  return counted;
}

interface List {
  readonly values: readonly (readonly [string, number])[];
  readonly other: number;
  readonly unknown: number;
}

/** Facets of the code under test in the same shape: equal versions under one name, and nothing of which there is none. */
export function asCounted(facets: object): Counted {
  return Object.fromEntries(
    Object.entries(facets as Record<string, number | List>).map(([facet, list]) => {
      if (typeof list === 'number') return [facet, list];
      const counts: Counts = {};
      const all = [...list.values, ['other', list.other] as const, ['unknown', list.unknown] as const];
      for (const [value, count] of all) {
        const name = facet === 'version' && /^1\.0+(\.0)?$/.test(value) ? '1.0' : value;
        if (count > 0) counts[name] = (counts[name] ?? 0) + count;
      }
      return [facet, counts];
    }),
  );
}
