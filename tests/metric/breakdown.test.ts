import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allDownloads, breakdownOf, type DownloadRow as Row, sumOf } from '../../src/metric/breakdown.ts';
import { anyRow, downloads } from '../support/views.ts';

/** Installer, CI flag and system of a row, and the figures that it adds 1 to, worked out by hand from docs/metric.md. */
type Case = [what: string, installer: string | null, ci: boolean | null, system: string | null, adds: string];

// Which class each known installer is in, the test of user agents says.
const AWKWARD: Case[] = [
  ['details is NULL', null, null, null, 'unknown'],
  ['the installer struct is NULL, the system is told', null, null, 'Linux', 'Linux unknown'],
  ['an empty installer name', '', null, 'Darwin', 'Darwin unknown'],
  ['an empty system name', 'pip', null, '', 'hero pip pip-family'],
  ['no system at all', 'pdm', null, null, 'hero pdm'],
  ['ci is NULL', 'pip', null, 'Linux', 'hero pip pip-family Linux'],
  ['ci is FALSE', 'pip', false, 'Linux', 'hero pip pip-family Linux'],
  ['ci is TRUE', 'pip', true, 'Linux', 'ci'],
  ['ci is TRUE and nothing else is known', null, true, null, 'ci'],
  ['ci is TRUE for a mirror: the first class that fits', 'bandersnatch', true, null, 'ci'],
  ['Pip is somebody else', 'Pip', null, 'Linux', 'Linux other'],
  ['uv with a space after it', 'uv ', null, 'Windows', 'Windows other'],
  ['a space alone is not empty', ' ', null, null, 'other'],
  ['nexus is not Nexus', 'nexus', null, null, 'other'],
  ['pipenv runs pip', 'pipenv', null, null, 'hero pipenv pip-family'],
  ['pipx runs pip', 'pipx', null, null, 'hero pipx pip-family'],
  ['uv', 'uv', null, 'Darwin', 'hero uv Darwin'],
  ['poetry', 'poetry', false, 'Windows', 'hero poetry Windows'],
  ['a mirror on Linux', 'devpi', null, 'Linux', 'Linux mirror'],
  ['a name of JavaScript', '__proto__', null, 'constructor', 'other'],
  ['a system that has no badge', 'pip', null, 'FreeBSD', 'hero pip pip-family'],
  ['linux in lower case', 'pip', null, 'linux', 'hero pip pip-family'],
];

const figuresOf = (row: Row) => {
  const { count, counts, countsBySystem, excluded } = breakdownOf([row]);
  const all = Object.entries({ hero: count, ...counts, ...countsBySystem, ...excluded });
  return all
    .flatMap(([name, value]) => (value === 0 ? [] : [value === 1 ? name : `${name} ${value}`]))
    .join(' ');
};

it.each(AWKWARD)('%s', (_, installer, ci, system, adds) => {
  expect(figuresOf(downloads(installer, 1, { ci, system }))).toBe(adds);
  // The first class that fits.
  expect(figuresOf(downloads(installer, 1, { ci, system, sidecar: true }))).toBe('sidecar');
});

it('keeps the names behind the class other that were downloaded, and of no other class', () => {
  const others = [downloads('requests', 60), downloads('requests', 1), downloads('__proto__', 2)];
  const rest = ['devpi', '', 'uv'].map((name) => downloads(name, 7));
  const ci = downloads('twine', 7, { ci: true });
  const sidecar = downloads('requests', 1, { sidecar: true });
  const found = breakdownOf([...others, ...rest, ci, sidecar, downloads('conda', 0)]).others;
  expect([...found]).toEqual(Object.entries({ requests: 61, ['__proto__']: 2 }));
});

const anyRows = fc.array(anyRow, { maxLength: 40 });
const sum = (counts: Iterable<number>) => [...counts].reduce((all, count) => all + count, 0);

describe('breakdownOf, whatever the rows', () => {
  it('accounts for every download, and counts those outside of CI by their system, whoever made them', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const all = breakdownOf(rows);
        const { count, counts, countsBySystem, excluded, others } = all;
        const of = (some: readonly Row[]) => sum(some.map((row) => row.downloads));
        expect([count + sum(Object.values(excluded)), allDownloads(all)]).toEqual([of(rows), of(rows)]);
        expect(counts['pip-family'] + counts.uv + counts.poetry + counts.pdm).toBe(count);
        expect(counts.pip + counts.pipenv + counts.pipx).toBe(counts['pip-family']);
        expect(sum(others.values())).toBe(excluded.other);
        const outside = rows.filter(({ ci, sidecar }) => ci !== true && !sidecar);
        for (const [name, found] of Object.entries(countsBySystem)) {
          expect(found).toBe(of(outside.filter(({ system }) => system === name)));
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
          return [part, row.downloads - part].map((count) => ({ ...row, downloads: count }));
        });
        expect(breakdownOf(split)).toEqual(all);
        expect(sumOf(parts.map(breakdownOf))).toEqual(all);
      }),
    );
  });
});
