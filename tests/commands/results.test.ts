import { describe, expect, it } from 'vitest';
import { renderResults } from '../../src/commands/results.ts';
import type { HealthEntry, HealthWindow } from '../../src/publish/health.ts';

const nothing = { pip: 0, pipenv: 0, pipx: 0, uv: 0, poetry: 0, pdm: 0, 'pip-family': 0 };
const window = (
  window_days: number,
  count: number,
  out: Partial<HealthWindow['excluded']>,
): HealthWindow => ({
  window_days,
  count,
  counts: nothing,
  counts_by_system: { Linux: 0, Darwin: 0, Windows: 0 },
  excluded: { ci: 0, mirror: 0, browser: 0, unknown: 0, other: 0, ...out },
});
const success = (first: HealthWindow, ...rest: HealthWindow[]): HealthEntry => ({
  ...first,
  windows: [first, ...rest],
  query: { days_scanned: 30, bytes_processed: 0, bytes_billed: 0, cache_hit: false, duration_ms: 1 },
  attempted: '2026-04-25T04:12:00.000Z',
  last_success: '2026-04-25T04:12:00.000Z',
});
const failed = (error: string): HealthEntry => ({ error, window_days: 7 });

describe('renderResults', () => {
  it('has a line for each package and window, and then what failed and why', () => {
    const text = renderResults([
      ['young', success(window(30, 14, { ci: 120, mirror: 1325, browser: 31, unknown: 1201, other: 80 }))],
      ['busy', success(window(7, 1_000, { ci: 1_000 }), window(365, 1_234_567, {}))],
      ['unused', success(window(30, 0, {}))],
      ['broken', failed('the disk is full')],
    ]);
    const lines = text.split('\n').map((line) => line.trimEnd().replaceAll(/ {2,}/g, ' | '));
    expect(lines).toEqual([
      'package | window | honest | all | winnowed out | state',
      'young | 30d | 14 | 2,771 | 99.4% | ok',
      'busy | 7d | 1,000 | 2,000 | 50.0% | ok',
      'busy | 365d | 1,234,567 | 1,234,567 | 0.0% | ok',
      'unused | 30d | 0 | 0 | - | ok',
      'broken | 7d | - | - | - | failed',
      '',
      'broken: the disk is full',
      '',
    ]);
  });

  it('tells one cause of many failures once', () => {
    const text = renderResults(['a', 'b', 'c', 'd'].map((name) => [name, failed('no credentials')]));
    expect(text.match(/no credentials/g)).toHaveLength(1);
    expect(text).toContain('\n4 packages: no credentials\n');
    const few = renderResults(['a', 'b'].map((name) => [name, failed('no credentials')]));
    expect(few).toContain('\na, b: no credentials\n');
  });

  it('fits 80 columns with the longest name and figures in the billions', () => {
    const big = window(365, 1_234_567_890, { ci: 9_876_543_210 });
    const text = renderResults([['n'.repeat(200), success(big)]]);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(text).toContain('1,234,567,890  11,111,111,100         88.8%  ok');
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
