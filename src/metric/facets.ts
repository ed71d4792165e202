import type { Span } from '../days/day.ts';
import { byCount, recordOf, sum } from '../util.ts';
import { addTo } from './breakdown.ts';
import { INSTALLERS, SYSTEMS } from './classes.ts';
import { byVersion, isSameVersion, seriesOf } from './versions.ts';

/*
 * Facets: the non-CI downloads of some days by what else is known of them. docs/facets.md explains them. Those of days, and
 * of packages, add up.
 */

/** What people ask for. */
export const SHOWN_FACETS = ['python', 'version', 'system', 'type', 'country'] as const;
export type ShownFacet = (typeof SHOWN_FACETS)[number];

/** With `kind`, the kind of machine: installer, Python and system, as far as all three are named. */
export const FACETS = [...SHOWN_FACETS, 'kind'] as const;
export type Facet = (typeof FACETS)[number];

/** Most values of a facet that are told apart; rarer ones are `other`. */
export const VALUES_MAX = 2_000;

/** C libraries that clients name; `Linux` alone stands for a client that names none. */
export const LIBCS = ['glibc', 'musl'] as const;

const oneOf = (names: readonly string[]) => `(${names.join('|')})`;
/** A minor version of Python, as a pattern. */
export const PYTHON = '[23][.][0-9]{1,2}';
const SYSTEM = oneOf([...SYSTEMS, ...LIBCS.map((libc) => `Linux ${libc}`)]);

/** What values look like, for every engine alike; all else that a client may have sent is unknown. */
export const PATTERNS: Readonly<Record<Facet, string>> = {
  python: `^${PYTHON}$`,
  version: '^[A-Za-z0-9_.!+-]{1,64}$',
  system: `^${SYSTEM}$`,
  type: '^(wheel|sdist)$',
  country: '^[A-Z]{2}$',
  kind: `^${oneOf(INSTALLERS)}[|]${PYTHON}[|]${SYSTEM}$`,
};

type Entry = readonly [value: string, downloads: number];

/** The downloads by one facet. All together are the total. */
export interface FacetList {
  /** In the order in which they are shown: versions from the newest on, else the most downloaded first. */
  readonly values: readonly Entry[];
  /** Downloads with another value than these. */
  readonly other: number;
  /** Downloads of which it is not known. */
  readonly unknown: number;
}

/** The non-CI downloads of some days by each facet. */
export interface Facets extends Readonly<Record<Facet, FacetList>> {
  readonly total: number;
}

/** Facets of a span of days, as they are published. */
export interface DatedFacets {
  readonly facets: Facets;
  readonly span: Span;
  /** Kind of the source. */
  readonly source: string;
}

/** The downloads of values together. */
export const sumOfValues = (values: readonly Entry[]) => sum(values, ([, downloads]) => downloads);

/** Facets with a list for each. */
export function facetsOf(total: number, listOf: (facet: Facet) => FacetList): Facets {
  return { total, ...recordOf(FACETS, listOf) };
}

/** The facets of no download. */
export const NO_FACETS = facetsOf(0, () => ({ values: [], other: 0, unknown: 0 }));

/**
 * A list from counts by value: sorted, and no longer than it may be.
 *
 * @param total All downloads; what neither a value nor `unknown` has is `other`.
 */
export function facetList(
  facet: Facet,
  counts: ReadonlyMap<string, number>,
  unknown: number,
  total: number,
): FacetList {
  const largest = [...counts].toSorted(byCount).slice(0, VALUES_MAX);
  const hasOrder = facet === 'python' || facet === 'version';
  const values = hasOrder ? largest.toSorted(([a], [b]) => byVersion(a, b)) : largest;
  return { values, other: total - sumOfValues(values) - unknown, unknown };
}

/** The facets with equal versions, such as 1.0 and 1.0.0, as one, under the spelling that is downloaded most. */
export function mergeSpellings(facets: Facets): Facets {
  const spellings: Entry[][] = [];
  for (const entry of facets.version.values) {
    const last = spellings.at(-1);
    if (last?.some(([version]) => isSameVersion(version, entry[0]))) last.push(entry);
    else spellings.push([entry]);
  }
  const values = spellings.map((same): Entry => {
    const [name] = same.reduce((a, b) => (b[1] > a[1] ? b : a));
    return [name, sumOfValues(same)];
  });
  return { ...facets, version: { ...facets.version, values } };
}

/** The facets of two spans, or of two packages, together. */
export function addFacets(one: Facets, other: Facets): Facets {
  const total = one.total + other.total;
  return facetsOf(total, (facet) => {
    const counts = new Map(one[facet].values);
    for (const [value, downloads] of other[facet].values) addTo(counts, value, downloads);
    return facetList(facet, counts, one[facet].unknown + other[facet].unknown, total);
  });
}

/** The facets of two packages together; undefined where they are not of the same days and source. */
export function facetsTogether(one: DatedFacets, other: DatedFacets): DatedFacets | undefined {
  const { span, source } = one;
  const isAlike = source === other.source && span.start === other.span.start && span.end === other.span.end;
  return isAlike ? { facets: mergeSpellings(addFacets(one.facets, other.facets)), span, source } : undefined;
}

/** What is shown of a list: its largest values in their order, by the names that people use, then the rest of the downloads. */
export function shownRows(facet: Facet, { values, other, unknown }: FacetList, most: number): Entry[] {
  const largest = new Set(values.toSorted(byCount).slice(0, most));
  const kept = values.filter((entry) => largest.has(entry));
  return [
    ...kept.map(([value, count]): Entry => [facet === 'system' ? systemName(value) : value, count]),
    ['other', other + sumOfValues(values) - sumOfValues(kept)],
    ['unknown', unknown],
  ];
}

/** Versions by major series, the newest first; what is no version of PEP 440 is `other`. */
export function bySeries({ values, other, unknown }: FacetList): FacetList {
  const series = new Map<string, number>();
  let rest = other;
  for (const [version, downloads] of values) {
    const name = seriesOf(version);
    if (name === undefined) rest += downloads;
    else addTo(series, name, downloads);
  }
  return { values: [...series], other: rest, unknown };
}

/**
 * Downloads from which on one kind of machine is told of, and the part that it must have more of. In a simulation at most 4 of
 * 100 ordinary packages were told of, whose installers, Pythons and systems have the usual shares, more or less (log-normal).
 */
const KIND_DOWNLOADS_MIN = 1_000;
const KIND_SHARE = 0.6;

/** The kind of machine that most of the downloads came from, in words, and how many; undefined if none has. */
export function oneKind({ total, kind: { values } }: Facets): Entry | undefined {
  const [kind = '', downloads = 0] = values[0] ?? [];
  if (total < KIND_DOWNLOADS_MIN || downloads <= total * KIND_SHARE) return undefined;
  const [installer, python, system = ''] = kind.split('|');
  return [`${installer}, Python ${python}, ${systemName(system)}`, downloads];
}

/** Downloads whose Python must be known for a share of it, and the part of all that may be unknown. */
export const PYTHON_KNOWN_MIN = 100;
const PYTHON_UNKNOWN_MAX = 1 / 5;

/**
 * The downloads by a Python or a later one, and those whose Python is known; undefined where too few are.
 *
 * @param least Its minor version, such as `3.10`.
 */
export function pythonsFrom({ total, python: { values, unknown } }: Facets, least: string) {
  const known = sumOfValues(values);
  if (known < PYTHON_KNOWN_MIN || unknown / total > PYTHON_UNKNOWN_MAX) return undefined;
  return { part: sumOfValues(values.filter(([version]) => byVersion(version, least) <= 0)), known };
}

/** A system as people call it. */
function systemName(value: string): string {
  if (value === 'Linux') return 'Linux, libc not named';
  return value === 'Darwin' ? 'macOS' : value;
}

/** What must be known to read a list. */
export const FACET_NOTES: Readonly<Partial<Record<Facet, string>>> = {
  python: 'poetry and pdm do not send their Python, so their downloads are unknown here.',
  system: 'pip names glibc or nothing, and only uv names musl: Linux whose libc is not named may be either.',
};
