import { describe, expect, it } from 'vitest';
import { byVersion, isSameVersion, seriesOf, versionTest } from '../../src/metric/versions.ts';

/* Expected values are those of Python's own library, packaging 26.4, with prereleases=True. */

/** The newest first. */
const VERSIONS = `
  1!2.0 1!0.5 2024.1 10.0 3 2.10 2.2 2.0.1 2.0.post2 2.0.post1 2.0+cu118 2 2.0 2.0rc2 2.0rc1 2.0a1 2.0.dev3
  1.9.9 1.1 1.0.post1 1.0+local.1 1.0 1.0.0 1.0rc1 1.0a1 1.0.dev1 0.9`
  .trim()
  .split(/\s+/);

/** Sets, and those of these versions that are in each. */
const SETS = `
  2.* => 2.10 2.2 2.0.1 2.0.post2 2.0.post1 2.0+cu118 2 2.0 2.0rc2 2.0rc1 2.0a1 2.0.dev3
  ==2.0.* => 2.0.1 2.0.post2 2.0.post1 2.0+cu118 2 2.0 2.0rc2 2.0rc1 2.0a1 2.0.dev3
  ==2.0 => 2.0+cu118 2 2.0
  !=2.0 => 1!2.0 1!0.5 2024.1 10.0 3 2.10 2.2 2.0.1 2.0.post2 2.0.post1 2.0rc2 2.0rc1 2.0a1 2.0.dev3 1.9.9 1.1 1.0.post1 1.0+local.1 1.0 1.0.0 1.0rc1 1.0a1 1.0.dev1 0.9
  !=2.* => 1!2.0 1!0.5 2024.1 10.0 3 1.9.9 1.1 1.0.post1 1.0+local.1 1.0 1.0.0 1.0rc1 1.0a1 1.0.dev1 0.9
  >=1.0,<2 => 1.9.9 1.1 1.0.post1 1.0+local.1 1.0 1.0.0
  <2 => 1.9.9 1.1 1.0.post1 1.0+local.1 1.0 1.0.0 1.0rc1 1.0a1 1.0.dev1 0.9
  <2.0rc2 => 2.0rc1 2.0a1 2.0.dev3 1.9.9 1.1 1.0.post1 1.0+local.1 1.0 1.0.0 1.0rc1 1.0a1 1.0.dev1 0.9
  <=2.0 => 2.0+cu118 2 2.0 2.0rc2 2.0rc1 2.0a1 2.0.dev3 1.9.9 1.1 1.0.post1 1.0+local.1 1.0 1.0.0 1.0rc1 1.0a1 1.0.dev1 0.9
  >2 => 1!2.0 1!0.5 2024.1 10.0 3 2.10 2.2 2.0.1
  >2.0.post1 => 1!2.0 1!0.5 2024.1 10.0 3 2.10 2.2 2.0.1 2.0.post2
  >=2.0rc1 => 1!2.0 1!0.5 2024.1 10.0 3 2.10 2.2 2.0.1 2.0.post2 2.0.post1 2.0+cu118 2 2.0 2.0rc2 2.0rc1
  ~=2.0 => 2.10 2.2 2.0.1 2.0.post2 2.0.post1 2.0+cu118 2 2.0
  ~=2.0.0 => 2.0.1 2.0.post2 2.0.post1 2.0+cu118 2 2.0
  ~=1.0a1 => 1.9.9 1.1 1.0.post1 1.0+local.1 1.0 1.0.0 1.0rc1 1.0a1
  ==1!2.* => 1!2.0
  >=1!0 => 1!2.0 1!0.5
  ==2.0+cu118 => 2.0+cu118
  !=2.0+cu118 => 1!2.0 1!0.5 2024.1 10.0 3 2.10 2.2 2.0.1 2.0.post2 2.0.post1 2 2.0 2.0rc2 2.0rc1 2.0a1 2.0.dev3 1.9.9 1.1 1.0.post1 1.0+local.1 1.0 1.0.0 1.0rc1 1.0a1 1.0.dev1 0.9
  >1.0,!=2.0.*,<3 => 2.10 2.2 1.9.9 1.1
  ==2.0.post1 => 2.0.post1
  <2.0.post1 => 2.0+cu118 2 2.0 2.0rc2 2.0rc1 2.0a1 2.0.dev3 1.9.9 1.1 1.0.post1 1.0+local.1 1.0 1.0.0 1.0rc1 1.0a1 1.0.dev1 0.9`
  .trim()
  .split('\n')
  .map((row) => row.trim().split(' => '));

/** A number that JavaScript rounds. */
const LONG = '1.20230101123456789';

describe('versionTest', () => {
  it.each(SETS)('%s', (set = '', expected = '') => {
    expect(VERSIONS.filter((version) => versionTest(set)?.(version)).join(' ')).toBe(expected);
  });

  it('takes a version alone for itself, and never a text that is no version', () => {
    expect(VERSIONS.filter((version) => versionTest('2.0')?.(version))).toEqual(['2.0+cu118', '2', '2.0']);
    for (const set of ['!=1', '>=0', '2004d']) expect(versionTest(set)?.('2004d') ?? false).toBe(false);
    expect(versionTest('>=0')?.(LONG)).toBe(false);
  });

  it('leaves out the development releases alone of a post-release', () => {
    const isIn = ['2.0rc1.post1', '2.0.post1.dev0', '2.0.post0.dev1'].map((each) =>
      versionTest('<2.0.post1')?.(each),
    );
    expect(isIn).toEqual([true, false, true]);
  });

  it.each([
    ...['', '2.x', '=2', '===2', '>=2.*', '==2.0rc1.*', '~=2', '>=1+a', 'main', '>1,', '2.*.*', '==1+a.*'],
  ])('refuses %j', (set) => expect(versionTest(set)).toBeUndefined());
});

describe('versions', () => {
  it('are sorted, the newest first, and behind them what is none', () => {
    const sorted = ['dev', ...VERSIONS.toReversed(), '2004d'].toSorted(byVersion);
    expect(sorted.slice(-2)).toEqual(['2004d', 'dev']);
    const distinct = (version: string) => !/^(1\.0|1\.0\.0|2|2\.0)$/.test(version);
    expect(sorted.filter(distinct).slice(0, -2)).toEqual(VERSIONS.filter(distinct));
  });

  it.each([
    ['1.0', '1.0.0', true],
    ['1.0-1', '1.0.post1', true],
    ['1.0RC1', '1.0c1', true],
    ['1.0', '1!1.0', false],
    ['1.0', '1.0+a', false],
    ['2004d', '2004d', true],
    ['2004d', '2004D', false],
    [LONG, '1.20230101123456788', false],
  ])('%s and %s: the same is %s', (a, b, expected) => {
    expect(isSameVersion(a, b)).toBe(expected);
  });

  it('are of series', () => {
    const series = ['2.0rc1', '0.25', '1!2.0', '2026.11', '2004d', LONG].map(seriesOf);
    expect(series).toEqual(['2.*', '0.*', '1!2.*', '2026.*', undefined, undefined]);
  });
});
