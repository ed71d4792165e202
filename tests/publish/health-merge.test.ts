import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import type { Health, PackageHealth, UpstreamFacts } from '../../src/publish/health.ts';
import { type LearntUpstream, mergeHealth, mergeUpstream, stateOf } from '../../src/publish/health-merge.ts';

describe('mergeUpstream', () => {
  const before: UpstreamFacts = {
    lastDay: '2026-04-23',
    missingDays: ['2026-01-30', '2026-02-10', '2026-04-01'],
    partialDays: ['2026-01-25', '2026-03-01', '2026-04-20'],
  };
  /** Of a run as of 2026-04-25 that looked at 30 days, where the longest window has 90: from 2026-01-25 on. */
  const learnt: LearntUpstream = {
    lastDay: '2026-04-24',
    missingDays: ['2026-04-02'],
    partialDays: [],
    since: '2026-03-26',
    end: '2026-04-25',
  };

  it.each<[string, LearntUpstream | undefined, UpstreamFacts]>([
    ['that learnt nothing', undefined, before],
    [
      'that looked at 30 of 90 days',
      learnt,
      {
        lastDay: '2026-04-24',
        missingDays: ['2026-01-30', '2026-02-10', '2026-04-02'],
        partialDays: ['2026-01-25', '2026-03-01'],
      },
    ],
    [
      'that looked at all 90',
      { ...learnt, since: '2026-01-25' },
      { lastDay: '2026-04-24', missingDays: ['2026-04-02'], partialDays: [] },
    ],
    [
      'whose windows have left a day behind',
      { ...learnt, end: '2026-04-26', since: '2026-03-27' },
      {
        lastDay: '2026-04-24',
        missingDays: ['2026-01-30', '2026-02-10', '2026-04-02'],
        partialDays: ['2026-03-01'],
      },
    ],
    [
      'whose source could not tell',
      { lastDay: null, missingDays: [], partialDays: [], since: '2026-04-25', end: '2026-04-25' },
      before,
    ],
    [
      'that found the table a week behind, and knows no more',
      { lastDay: '2026-04-15', missingDays: [], partialDays: [], since: '2026-04-25', end: '2026-04-25' },
      { ...before, lastDay: '2026-04-15' },
    ],
  ])('after a run %s', (_, run, expected) => {
    expect(mergeUpstream(before, run, '2026-04-25', 90)).toEqual(expected);
  });

  it('keeps what it knows of days after a run of the past', () => {
    const past: LearntUpstream = {
      lastDay: '2026-04-09',
      missingDays: ['2026-04-02'],
      partialDays: [],
      since: '2026-03-11',
      end: '2026-04-10',
    };
    expect(mergeUpstream(before, past, '2026-04-10', 90)).toEqual({
      lastDay: '2026-04-23',
      missingDays: ['2026-01-30', '2026-02-10', '2026-04-02'],
      partialDays: ['2026-01-25', '2026-03-01', '2026-04-20'],
    });
  });
});

describe('mergeHealth', () => {
  const config = parseConfig(
    'service: {output_dir: out}\npackages: [alpha, beta, constructor]\n',
    'tracked.yaml',
    '/etc',
  );
  const entry = (count: number): PackageHealth => ({ windowDays: 30, count, windows: [], warnings: [] });
  const previous: Health = {
    source: 'bigquery',
    started: '2026-04-24T04:00:00.000Z',
    finished: '2026-04-24T04:01:00.000Z',
    upstream: { lastDay: '2026-04-23', missingDays: ['2026-04-02'], partialDays: ['2026-04-03'] },
    groups: new Map(),
    packages: new Map([
      ['beta', entry(1)],
      ['alpha', entry(2)],
      ['gone', entry(3)],
    ]),
    warnings: [{ code: 'left-over', message: 'of before' }],
  };
  const run = {
    started: new Date('2026-04-25T04:00:00.000Z'),
    finished: new Date('2026-04-25T04:01:00.000Z'),
    asOf: '2026-04-25',
    upstream: undefined,
    entries: new Map([['beta', entry(9)]]),
    groups: new Map(),
    warnings: [],
  };

  it('replaces what the run reached, keeps the rest in the order of the list, and forgets who is not in it', () => {
    expect(mergeHealth(config, previous, run)).toEqual({
      source: 'bigquery',
      started: '2026-04-25T04:00:00.000Z',
      finished: '2026-04-25T04:01:00.000Z',
      upstream: previous.upstream,
      groups: new Map(),
      packages: new Map([
        ['alpha', entry(2)],
        ['beta', entry(9)],
      ]),
      warnings: [],
    });
    expect([...mergeHealth(config, previous, run).packages.keys()]).toEqual(['alpha', 'beta']);
  });

  it('begins with nothing', () => {
    const first = mergeHealth(config, undefined, run);
    expect(first.upstream).toEqual({ lastDay: null, missingDays: [], partialDays: [] });
    expect([...first.packages.keys()]).toEqual(['beta']);
  });

  it('does not take the days of another source for those of this one', () => {
    const files = { ...previous, source: 'duckdb' };
    expect(mergeHealth(config, files, run).upstream.lastDay).toBeNull();
    const { source: _, ...old } = previous;
    expect(mergeHealth(config, old, run).upstream).toEqual(previous.upstream);
  });
});

describe('stateOf', () => {
  const now = new Date('2026-04-25T06:00:00Z');
  const known = { windowDays: 30, windows: [], warnings: [] };
  const failure = { error: 'why', code: undefined };

  it.each<[string, PackageHealth | undefined, string]>([
    ['that is in no file', undefined, 'new'],
    ['that was counted up to yesterday', { ...known, countedTo: '2026-04-24' }, 'ok'],
    // The 21st is three days before yesterday.
    ['as old as the threshold', { ...known, countedTo: '2026-04-21' }, 'ok'],
    ['older than the threshold', { ...known, countedTo: '2026-04-20' }, 'stale'],
    [
      'older than the threshold, although it ran just now',
      { ...known, countedTo: '2026-03-24', lastSuccess: '2026-04-25T05:59:00.000Z' },
      'stale',
    ],
    ['that failed, with figures that are new', { ...known, failure, countedTo: '2026-04-24' }, 'failed'],
    ['that failed, with figures that are old', { ...known, failure, countedTo: '2026-03-24' }, 'failed'],
    ['of which nothing is known', known, 'new'],
  ])('of a package %s', (_, entry, expected) => {
    expect(stateOf(entry, 3, now)).toBe(expected);
  });
});
