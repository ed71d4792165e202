import { describe, expect, it } from 'vitest';
import { renderResults } from '../../src/commands/output.ts';
import type { PackageHealth } from '../../src/publish/health.ts';
import type { Exclusion } from '../../src/winnow/classes.ts';
import type { Window } from '../../src/winnow/fold.ts';
import { NOTHING } from '../support/views.ts';

const window = (windowDays: number, count: number, out: Partial<Record<Exclusion, number>>): Window => ({
  windowDays,
  breakdown: { ...NOTHING, count, excluded: { ...NOTHING.excluded, ...out } },
});
const success = (first: Window, ...rest: Window[]): PackageHealth => ({
  windowDays: first.windowDays,
  count: first.breakdown.count,
  windows: [first, ...rest],
  warnings: [],
  countedTo: '2026-04-24',
  attempted: '2026-04-25T04:12:00.000Z',
  lastSuccess: '2026-04-25T04:12:00.000Z',
});
const failed = (error: string): PackageHealth => ({
  failure: { error, code: 'source-failed' },
  windowDays: 7,
  windows: [],
  warnings: [],
});

describe('renderResults', () => {
  it('has a line for each package and window, and then what failed and why', () => {
    const text = renderResults([
      ['young', success(window(30, 14, { ci: 120, mirror: 1325, browser: 31, unknown: 1201, other: 80 }))],
      ['busy', success(window(7, 1_000, { sidecar: 400, ci: 600 }), window(365, 1_234_567, {}))],
      ['unused', success(window(30, 0, {}))],
      ['broken', failed('the disk is full')],
    ]);
    const lines = text.split('\n').map((line) => line.trimEnd().replaceAll(/ {2,}/g, ' | '));
    expect(lines).toEqual([
      'package | window | non-CI | all | excluded | state',
      'young | 30d | 14 | 2,771 | 99.5% | ok',
      'busy | 7d | 1,000 | 2,000 | 50.0% | ok',
      'busy | 365d | 1,234,567 | 1,234,567 | 0.0% | ok',
      'unused | 30d | 0 | 0 | - | ok',
      'broken | 7d | - | - | - | failed',
      '',
      'broken: the disk is full',
      '',
    ]);
  });

  it('has a line for each window that was held back, below those that were published', () => {
    const failure = { error: 'not renewed: 7d', code: 'incomplete-window', heldBack: [7, 1] } as const;
    const text = renderResults([['demo', { ...success(window(30, 14, {})), failure }]]);
    const lines = text.split('\n').map((line) => line.trimEnd().replaceAll(/ {2,}/g, ' | '));
    expect(lines.slice(1, 4)).toEqual([
      'demo | 30d | 14 | 14 | 0.0% | ok',
      'demo | 7d | - | - | - | failed',
      'demo | 1d | - | - | - | failed',
    ]);
  });

  it('tells one cause of many failures once', () => {
    const text = renderResults(['a', 'b', 'c', 'd'].map((name) => [name, failed('no credentials')]));
    expect(text.match(/no credentials/g)).toHaveLength(1);
    expect(text).toContain('\n4 packages: no credentials\n');
    const few = renderResults(['a', 'b'].map((name) => [name, failed('no credentials')]));
    expect(few).toContain('\na, b: no credentials\n');
  });

  it('tells warnings after failures, each sentence once', () => {
    const warned = {
      ...success(window(30, 0, {})),
      warnings: [
        { code: 'no-rows', message: 'is the name right?' },
        { code: 'left-over', message: 'a file is left' },
      ] as const,
    };
    const text = renderResults([
      ['a', warned],
      ['b', failed('no credentials')],
      ['c', warned],
    ]);
    expect(text.slice(text.indexOf('\n\n') + 1)).toBe(
      '\nb: no credentials\n\na, c: warning (no-rows): is the name right?\n\na, c: warning (left-over): a file is left\n',
    );
  });

  it('fits 80 columns with the longest name and figures in the billions', () => {
    const big = window(365, 1_234_567_890, { ci: 9_876_543_210 });
    const text = renderResults([['n'.repeat(200), success(big)]], { width: 80, color: false });
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(text).toContain('1,234,567,890  11,111,111,100     88.9%  ok');
  });

  it('colours states on a terminal', () => {
    const text = renderResults(
      [
        ['a', failed('no')],
        ['b', success(window(7, 1, {}))],
      ],
      { width: 80, color: true },
    );
    expect(text).toContain('\u001b[31mfailed');
    expect(text).toContain('\u001b[32mok');
  });
});
