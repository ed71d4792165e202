import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allDownloads,
  type Breakdown,
  breakdownOf,
  type DownloadRow as Row,
  sumOf,
} from '../../src/metric/breakdown.ts';

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

/** What each single row adds, worked out by hand from docs/metric.md. */
const AWKWARD: [string, Row, Record<string, number>][] = [
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
  ['bandersnatch', row(null, 'bandersnatch', null), { mirror: 1 }],
  ['z3c.pypimirror', row(null, 'z3c.pypimirror', null), { mirror: 1 }],
  ['Artifactory', row(null, 'Artifactory', null), { mirror: 1 }],
  ['devpi', row(null, 'devpi', null), { mirror: 1 }],
  ['Nexus', row(false, 'Nexus', null), { mirror: 1 }],
  ['pep381client', row(null, 'pep381client', null), { mirror: 1 }],
  ['nexus in lower case is no mirror that is known', row(null, 'nexus', null), { other: 1 }],
  ['Browser', row(null, 'Browser', null), { browser: 1 }],
  ['browser in lower case', row(null, 'browser', null), { other: 1 }],
  ...['requests', 'conda', 'Bazel', 'Homebrew', 'setuptools', 'twine', 'maturin', 'OS'].map(
    (name): [string, Row, Record<string, number>] => [name, row(null, name, null), { other: 1 }],
  ),
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

  it('turns the 2,771 downloads of the young package into 14', () => {
    const young = breakdownOf([
      row(null, 'pip', 'Linux', 6),
      row(null, 'pip', 'Darwin', 3),
      row(null, 'uv', 'Linux', 4),
      row(false, 'uv', null, 1),
      row(true, 'pip', 'Linux', 120),
      row(null, 'bandersnatch', null, 1325),
      row(null, 'Browser', null, 31),
      row(null, null, null, 1201),
      row(null, 'requests', null, 80),
    ]);
    expect(allDownloads(young)).toBe(2771);
    expect(young.count).toBe(14);
  });
});

const NAMES = ['pip', 'pipenv', 'pipx', 'uv', 'poetry', 'pdm', 'Pip', 'uv ', '', 'bandersnatch', 'devpi'];
const anyRow: fc.Arbitrary<Row> = fc.record({
  sidecar: fc.boolean(),
  ci: fc.constantFrom(true, false, null),
  installer: fc.oneof(fc.constantFrom(null, 'Browser', 'requests', ...NAMES), fc.string()),
  system: fc.oneof(fc.constantFrom(null, '', 'Linux', 'Darwin', 'Windows', 'FreeBSD'), fc.string()),
  downloads: fc.nat(1_000_000),
});
const anyRows = fc.array(anyRow, { maxLength: 40 });

describe('breakdownOf, whatever the rows', () => {
  it('accounts for every download', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const { count, counts, excluded, others } = breakdownOf(rows);
        const everything = rows.reduce((sum, { downloads }) => sum + downloads, 0);
        const named = excluded.mirror + excluded.browser + excluded.other;
        const out = excluded.sidecar + excluded.ci + excluded.unknown + named;
        expect(count + out).toBe(everything);
        expect(allDownloads(breakdownOf(rows))).toBe(everything);
        expect(counts['pip-family'] + counts.uv + counts.poetry + counts.pdm).toBe(count);
        expect(counts.pip + counts.pipenv + counts.pipx).toBe(counts['pip-family']);
        expect([...others.values()].reduce((sum, downloads) => sum + downloads, 0)).toBe(excluded.other);
      }),
    );
  });

  it('does not depend on how a count is split into rows', () => {
    fc.assert(
      fc.property(anyRows, fc.double({ min: 0, max: 1, noNaN: true }), (rows, share) => {
        const split = rows.flatMap((whole) => {
          const part = Math.floor(whole.downloads * share);
          return [
            { ...whole, downloads: part },
            { ...whole, downloads: whole.downloads - part },
          ];
        });
        expect(breakdownOf(split)).toEqual(breakdownOf(rows));
      }),
    );
  });

  it('counts a download outside of CI by its system, whoever made it', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const { countsBySystem } = breakdownOf(rows);
        for (const system of ['Linux', 'Darwin', 'Windows'] as const) {
          let expected = 0;
          for (const each of rows) {
            if (each.system === system && each.ci !== true && !each.sidecar) expected += each.downloads;
          }
          expect(countsBySystem[system]).toBe(expected);
        }
      }),
    );
  });
});

describe('sumOf', () => {
  it('is what all the rows together come to, however they are split', () => {
    fc.assert(
      fc.property(fc.array(anyRows, { maxLength: 5 }), (parts) => {
        expect(sumOf(parts.map(breakdownOf))).toEqual(breakdownOf(parts.flat()));
      }),
    );
  });
});
