import { describe, expect, it } from 'vitest';
import {
  addFacets,
  bySeries,
  type Facet,
  facetList,
  facetsOf,
  facetsTogether,
  mergeSpellings,
  oneKind,
  shownRows,
  VALUES_MAX,
} from '../../src/metric/facets.ts';

const listOf = (facet: Facet, counts: Record<string, number>, total: number, unknown = 0) =>
  facetList(facet, new Map(Object.entries(counts)), unknown, total);

/** Facets of which some lists have something; of the others everything is `other`. */
const facetsWith = (total: number, lists: Partial<Record<Facet, Record<string, number>>>, unknown = 0) =>
  facetsOf(total, (facet) => listOf(facet, lists[facet] ?? {}, total, lists[facet] && unknown));

/** Values with their counts, as `value: count` and in their order. */
const shown = (values: readonly (readonly [string, number])[]) => values.map((entry) => entry.join(': '));

describe('a list', () => {
  it.each<[Facet, Record<string, number>, string, number]>([
    ['python', { '3.9': 5, '3.10': 9, '2.7': 1, '3.16': 2 }, '3.16 3.10 3.9 2.7', 76],
    ['version', { '9.9': 5, '10.0': 1, '1!0.5': 1, '2.0rc1': 3, '2.0': 2 }, '1!0.5 10.0 9.9 2.0 2.0rc1', 81],
    ['country', { DE: 5, US: 9, FR: 5 }, 'US DE FR', 74],
  ])('of %s is in its order, and what is left is other', (facet, counts, order, rest) => {
    const { values, other, unknown } = listOf(facet, counts, 100, 7);
    expect(values.map(([value]) => value).join(' ')).toBe(order);
    expect([other, unknown]).toEqual([rest, 7]);
  });

  it('has equal versions once, under the spelling that is downloaded most', () => {
    const facets = facetsWith(11, { version: { '1.0': 2, '1.0.0': 5, '1.00': 1, '2004d': 3 } });
    expect(shown(mergeSpellings(facets).version.values)).toEqual(['1.0.0: 8', '2004d: 3']);
  });

  it('is never longer than it may be, also as a sum', () => {
    const many = (from: number) =>
      Object.fromEntries(Array.from({ length: VALUES_MAX }, (_, index) => [`${from + index}.0`, index + 1]));
    const total = (VALUES_MAX * (VALUES_MAX + 1)) / 2;
    const from = (start: number) => facetsWith(total, { version: many(start) });
    const { values, other, unknown } = addFacets(from(0), from(VALUES_MAX)).version;
    expect(values.length).toBe(VALUES_MAX);
    expect(values.reduce((all, [, count]) => all + count, other + unknown)).toBe(2 * total);
  });

  it('is cut to its largest values, in their order', () => {
    const rows = shownRows('python', listOf('python', { '3.9': 5, '3.10': 9, '2.7': 1 }, 20, 2), 2);
    expect(shown(rows)).toEqual(['3.10: 9', '3.9: 5', 'other: 4', 'unknown: 2']);
  });

  it('has versions by major series', () => {
    const list = listOf('version', { '2.0rc1': 1, '2.1': 2, '1.9': 4, '1!1.0': 8, '2004d': 16 }, 40, 3);
    const { values, other, unknown } = bySeries(list);
    expect([...shown(values), other, unknown]).toEqual(['1!1.*: 8', '2.*: 3', '1.*: 4', 22, 3]);
  });

  it('names systems as people do', () => {
    const rows = shownRows('system', listOf('system', { Linux: 3, 'Linux musl': 2, Darwin: 1 }, 6), 3);
    expect(shown(rows).slice(0, 3)).toEqual(['Linux, libc not named: 3', 'Linux musl: 2', 'macOS: 1']);
  });
});

it('the sum of two packages has the sum of each value, other and unknown, and equal versions once', () => {
  const one = facetsWith(10, { python: { '3.9': 4, '3.10': 5 }, version: { '1.0': 9 } }, 1);
  const other = facetsWith(20, { python: { '3.10': 15 }, version: { '1.0.0': 5 } }, 2);
  const python = { '3.9': 4, '3.10': 20 };
  expect(addFacets(one, other)).toEqual(facetsWith(30, { python, version: { '1.0': 9, '1.0.0': 5 } }, 3));
  const dated = { span: { start: '2026-10-01', end: '2026-10-31' }, source: 'clickhouse' };
  const { facets } = facetsTogether({ facets: one, ...dated }, { facets: other, ...dated }) ?? {};
  expect(facets).toEqual(facetsWith(30, { python, version: { '1.0': 14 } }, 3));
});

const FLEET = 'pip|3.9|Linux glibc';

it.each<[string, number, Record<string, number>, string | undefined]>([
  ['more than 60 % of 1,000', 1_000, { [FLEET]: 601, 'uv|3.13|Darwin': 399 }, 'pip, Python 3.9, Linux glibc'],
  ['not 60 %', 1_000, { [FLEET]: 600 }, undefined],
  ['not of 999', 999, { [FLEET]: 999 }, undefined],
  ['nor where none is named', 1_000, {}, undefined],
])('one kind of machine is told of with %s', (_, total, kind, expected) => {
  expect(oneKind(facetsWith(total, { kind }))?.[0]).toBe(expected);
});
