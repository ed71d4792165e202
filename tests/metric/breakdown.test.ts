import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allDownloads,
  type Breakdown,
  breakdownOf,
  type DownloadRow as Row,
  sumOf,
} from '../../src/metric/breakdown.ts';
import { anyRow } from '../support/views.ts';

function row(ci: boolean | null, installer: string | null, system: string | null, downloads = 1): Row {
  return { sidecar: false, ci, installer, system, downloads };
}

/** A file that is no package, such as the metadata beside a wheel. */
function sidecar(ci: boolean | null, installer: string | null, system: string | null): Row {
  return { ...row(ci, installer, system), sidecar: true };
}

/** Every figure of a breakdown under one name, without those that are 0. */
function figures({ count, counts, countsBySystem, excluded }: Breakdown): Record<string, number> {
  const all = { hero: count, ...counts, ...countsBySystem, ...excluded };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== 0));
}

type Case = [what: string, row: Row, adds: Record<string, number>];
const classed = (name: string, reason: string): Case => [name, row(null, name, null), { [reason]: 1 }];

/** What each single row adds, worked out by hand from docs/metric.md. */
const AWKWARD: Case[] = [
  ['details is NULL', row(null, null, null), { unknown: 1 }],
  ['the installer struct is NULL, the system is told', row(null, null, 'Linux'), { unknown: 1, Linux: 1 }],
  ['an empty installer name', row(null, '', 'Darwin'), { unknown: 1, Darwin: 1 }],
  ['an empty system name', row(null, 'pip', ''), { hero: 1, pip: 1, 'pip-family': 1 }],
  ['no system at all', row(null, 'pdm', null), { hero: 1, pdm: 1 }],
  ['ci is NULL', row(null, 'pip', 'Linux'), { hero: 1, pip: 1, 'pip-family': 1, Linux: 1 }],
  ['ci is FALSE', row(false, 'pip', 'Linux'), { hero: 1, pip: 1, 'pip-family': 1, Linux: 1 }],
  ['ci is TRUE', row(true, 'pip', 'Linux'), { ci: 1 }],
  ['ci is TRUE and nothing else is known', row(true, null, null), { ci: 1 }],
  ['ci is TRUE for a mirror: the first class that fits', row(true, 'bandersnatch', null), { ci: 1 }],
  ['Pip is somebody else', row(null, 'Pip', 'Linux'), { other: 1, Linux: 1 }],
  ['PIP is somebody else', row(null, 'PIP', null), { other: 1 }],
  ['uv with a space after it', row(null, 'uv ', 'Windows'), { other: 1, Windows: 1 }],
  ['a space alone is not empty', row(null, ' ', null), { other: 1 }],
  ['pipenv runs pip', row(null, 'pipenv', null), { hero: 1, pipenv: 1, 'pip-family': 1 }],
  ['pipx runs pip', row(null, 'pipx', null), { hero: 1, pipx: 1, 'pip-family': 1 }],
  ['uv', row(null, 'uv', 'Darwin'), { hero: 1, uv: 1, Darwin: 1 }],
  ['poetry', row(false, 'poetry', 'Windows'), { hero: 1, poetry: 1, Windows: 1 }],
  ...['bandersnatch', 'z3c.pypimirror', 'Artifactory', 'devpi', 'Nexus', 'pep381client'].map((name) =>
    classed(name, 'mirror'),
  ),
  classed('Browser', 'browser'),
  ...[
    'nexus',
    'browser',
    'requests',
    'conda',
    'Bazel',
    'Homebrew',
    'setuptools',
    'twine',
    'maturin',
    'OS',
  ].map((name) => classed(name, 'other')),
  ['a name of JavaScript', row(null, '__proto__', 'constructor'), { other: 1 }],
  ['a system that has no badge', row(null, 'pip', 'FreeBSD'), { hero: 1, pip: 1, 'pip-family': 1 }],
  ['linux in lower case', row(null, 'pip', 'linux'), { hero: 1, pip: 1, 'pip-family': 1 }],
  ['a row of nothing', row(null, 'pip', 'Linux', 0), {}],
  ['metadata that pip asked for, of no system', sidecar(null, 'pip', 'Linux'), { sidecar: 1 }],
  ['metadata for a CI run: the first class that fits', sidecar(true, 'uv', 'Linux'), { sidecar: 1 }],
  ['a signature that a mirror took', sidecar(null, 'bandersnatch', null), { sidecar: 1 }],
  ['a file of whoever it was', sidecar(null, null, null), { sidecar: 1 }],
];

describe('breakdownOf', () => {
  it.each(AWKWARD)('%s', (_, single, expected) => {
    expect(figures(breakdownOf([single]))).toEqual(expected);
  });

  it('adds the awkward rows up, each once', () => {
    const all = breakdownOf(AWKWARD.map(([, single]) => single));
    expect(allDownloads(all)).toBe(AWKWARD.length - 1);
    expect(all.count).toBe(10);
    expect(all.excluded).toEqual({ sidecar: 4, ci: 3, mirror: 6, browser: 1, unknown: 3, other: 15 });
  });

  it('names every class, also without downloads', () => {
    expect(breakdownOf([])).toEqual({
      count: 0,
      counts: { pip: 0, pipenv: 0, pipx: 0, uv: 0, poetry: 0, pdm: 0, 'pip-family': 0 },
      countsBySystem: { Linux: 0, Darwin: 0, Windows: 0 },
      excluded: { sidecar: 0, ci: 0, mirror: 0, browser: 0, unknown: 0, other: 0 },
      others: new Map(),
    });
  });

  it('keeps the names behind the class other, and of no other class', () => {
    const { excluded, others } = breakdownOf([
      row(null, 'requests', 'Linux', 60),
      row(false, 'requests', null, 1),
      row(null, 'Pip', null, 4),
      row(null, '__proto__', null, 2),
      row(null, 'conda', null, 0),
      row(true, 'twine', null, 7),
      sidecar(null, 'requests', null),
      row(null, 'devpi', null, 7),
      row(null, '', null, 7),
      row(null, 'uv', null, 7),
    ]);
    expect([...others]).toEqual([
      ['requests', 61],
      ['Pip', 4],
      ['__proto__', 2],
    ]);
    expect(excluded.other).toBe(67);
  });
});

const anyRows = fc.array(anyRow, { maxLength: 40 });
const sum = (counts: Iterable<number>) => [...counts].reduce((all, count) => all + count, 0);

describe('breakdownOf, whatever the rows', () => {
  it('accounts for every download, and counts those outside of CI by their system, whoever made them', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const { count, counts, countsBySystem, excluded, others } = breakdownOf(rows);
        const of = (some: readonly Row[]) => sum(some.map(({ downloads }) => downloads));
        expect(count + sum(Object.values(excluded))).toBe(of(rows));
        expect(allDownloads(breakdownOf(rows))).toBe(of(rows));
        expect(counts['pip-family'] + counts.uv + counts.poetry + counts.pdm).toBe(count);
        expect(counts.pip + counts.pipenv + counts.pipx).toBe(counts['pip-family']);
        expect(sum(others.values())).toBe(excluded.other);
        const outside = rows.filter(({ ci, sidecar }) => ci !== true && !sidecar);
        for (const name of ['Linux', 'Darwin', 'Windows'] as const) {
          expect(countsBySystem[name]).toBe(of(outside.filter(({ system }) => system === name)));
        }
      }),
    );
  });

  it('does not depend on how a count is split into rows, nor rows into parts', () => {
    const anyParts = fc.array(anyRows, { maxLength: 5 });
    fc.assert(
      fc.property(anyParts, fc.double({ min: 0, max: 1, noNaN: true }), (parts, share) => {
        const all = breakdownOf(parts.flat());
        const split = parts.flat().flatMap((row) => {
          const part = Math.floor(row.downloads * share);
          return [part, row.downloads - part].map((downloads) => ({ ...row, downloads }));
        });
        expect(breakdownOf(split)).toEqual(all);
        expect(sumOf(parts.map(breakdownOf))).toEqual(all);
      }),
    );
  });
});
