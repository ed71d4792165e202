import { describe, expect, it } from 'vitest';
import { type Day, daysOf } from '../../src/days/day.ts';
import { clickHouseProject, daily } from '../support/project.ts';
import { tableLines } from '../support/table-text.ts';

/*
 * An unknown day, of which the source does not say which downloads were by CI, from the answer to all that is published.
 * Each day has 3 downloads of alpha and 2 of beta, so that every figure is a product.
 */

/** The windows end with 2026-04-24, and 30 days begin with 2026-03-26. */
const UNKNOWN = '2026-04-24';
const BOTH = ['{name: alpha, window_days: [30, 7]}', '{name: beta, window_days: [30, 7]}'];

async function house(packages = BOTH, sections = '', start = '2026-01-01') {
  const days = { start, end: '2026-05-01' };
  const given = [...daily('alpha', days, 3), ...daily('beta', days, 2)];
  const project = await clickHouseProject(packages, { rows: given, days }, { sections });
  const { rows } = project;
  return {
    ...project,
    /** A row without a flag beside what the day has, or what the day has by its repair. */
    spoil: (...unknown: Day[]) =>
      rows.push(...unknown.map((day) => ({ project: 'alpha', day, ci: 'unknown' as const, downloads: 1 }))),
    repair: () => rows.splice(0, rows.length, ...rows.filter(({ ci }) => ci !== 'unknown')),
    page: (name: string) => project.read(`output/${name}/index.html`).replaceAll(/<[^>]+>|\s+/g, ' '),
    spans: () => project.asked('pivot').map(({ start, end }) => [start, end]),
  };
}

describe('a window', () => {
  it('is held back alone: the others, and other packages, are published', async () => {
    const { at, run, spoil, message, entry, page } = await house();
    await at('2026-04-24', 'collect');
    spoil(UNKNOWN);
    const { exitCode, stdout, stderr } = await run('collect');
    expect(exitCode).toBe(1);
    const sentence =
      "not renewed: 7d (unknown: 2026-04-24); the source does not say which downloads were by CI on more than a tenth of the window's days, so its badges stay as they were";
    expect(tableLines(stdout)).toEqual([
      'package | window | non-CI | all | excluded | state',
      'alpha | 30d | 87 | 87 | 0.0% | ok',
      'alpha | 7d | - | - | - | failed',
      'beta | 30d | 60 | 60 | 0.0% | ok',
      'beta | 7d | 14 | 14 | 0.0% | ok',
      '',
      `alpha: ${sentence}`,
      '',
      'alpha: warning (unknown-days): the source does not say which downloads of 2026-04-24 were by CI; this day is left out',
      '',
    ]);
    expect(stderr).toContain('"error_code":"incomplete-window"');
    expect(stderr).toContain('"warning":"unknown-days"');
    expect(['downloads-30d', 'downloads-7d'].map((badge) => message('alpha', badge))).toEqual(['87', '21']);
    expect(entry('alpha')).toMatchObject({
      ...{ error: sentence, error_code: 'incomplete-window', held_back: [7] },
      ...{ window_days: 30, count: 87, windows: [{ window_days: 30, count: 87 }] },
      ...{ counted_to: '2026-04-24', last_success: '2026-04-25T04:12:00.000Z' },
    });
    expect(entry('beta')).not.toHaveProperty('error');
    for (const text of [
      'A window was not renewed.',
      'These are: 24 Apr 2026.',
      'Not known of 24 Apr 2026: the source does not say which downloads were by CI on it',
      '2026-04-24 not known',
    ]) {
      expect(page('alpha')).toContain(text);
    }
    expect(page('alpha')).not.toContain('18 of 18');
  });

  it('that is listed first lends its figures to no other', async () => {
    const { run, spoil, entry } = await house(['{name: alpha, window_days: [7, 30]}']);
    spoil(UNKNOWN);
    expect((await run('collect', '--no-page')).exitCode).toBe(1);
    const windows = [{ window_days: 30, count: 87 }];
    expect(entry('alpha')).toMatchObject({ held_back: [7], window_days: 7, windows });
    expect(entry('alpha')).not.toHaveProperty('count');
  });

  it('of which nothing is published has a page without figures', async () => {
    const { run, spoil, json, entry, page } = await house(['{name: alpha, window_days: 7}']);
    spoil(...daysOf({ start: '2026-04-18', end: '2026-04-25' }));
    expect((await run('collect')).exitCode).toBe(1);
    expect(json('alpha/history.json').count).toEqual(Array(7).fill(null));
    expect(entry('alpha')).not.toHaveProperty('last_success');
    expect(entry('alpha')).toMatchObject({ held_back: [7], warnings: [{ code: 'unknown-days' }] });
    expect(page('alpha')).toContain('Not known from 18 Apr 2026 to 24 Apr 2026.');
    expect(page('alpha')).not.toContain('No non-CI downloads');
  });
});

describe('an unknown day', () => {
  it('is read again by the next run, alone, and counted once it is repaired', async () => {
    const { run, spoil, repair, spans, message, json, entry } = await house();
    spoil(UNKNOWN);
    await run('collect', '--no-page');
    const before = spans().length;
    await run('collect', '--no-page');
    expect(spans().slice(before)).toEqual([['2026-04-24', '2026-04-25']]);
    repair();
    for (const _ of [1, 2]) {
      expect((await run('collect', '--no-page')).exitCode).toBe(0);
      expect(spans()).toHaveLength(before + 2);
    }
    expect(['downloads-30d', 'downloads-7d'].map((badge) => message('alpha', badge))).toEqual(['90', '21']);
    expect(json('alpha/history.json').unknown_days).toEqual([]);
    expect(entry('alpha')).toMatchObject({ count: 90, warnings: [] });
  });

  it('takes the place of what the ledger had of the day', async () => {
    const { run, spoil, message } = await house(['alpha']);
    await run('collect', '--no-page');
    spoil(UNKNOWN);
    expect((await run('collect', '--no-page', '--full')).exitCode).toBe(0);
    expect(message('alpha', 'downloads-30d')).toBe('87');
    expect((await run('export')).stdout).not.toContain(UNKNOWN);
  });

  it('of one package is unknown of a group', async () => {
    const groups = 'groups: [{name: both, packages: [alpha, beta], window_days: [30, 7]}]';
    const { run, spoil, message, json, health } = await house(BOTH, groups);
    spoil(UNKNOWN);
    expect((await run('collect', '--no-page')).exitCode).toBe(1);
    expect(message('both', 'downloads-30d')).toBe(String(5 * 29));
    expect(json('both/history.json')).toMatchObject({ unknown_days: [UNKNOWN], missing_days: [] });
    expect(health().groups.both).toMatchObject({ held_back: [7], warnings: [{ code: 'unknown-days' }] });
  });

  it('is left out of a total, which says so; backfill keeps all other days of the query', async () => {
    const { run, spoil, repair, entry } = await house(['alpha'], 'badges: {extra: [total]}', '2025-01-01');
    spoil('2025-03-01', '2025-07-01');
    const fill = () => run('backfill', '--from', '2025-01-01');
    const filled = await fill();
    expect([filled.exitCode, filled.stdout]).toEqual([
      0,
      // 365 days of 2025, 31 of January, 28, 31 and 24.
      '1 query to clickhouse, which bills nothing\nalpha: 479 days read; known since 2025-01-01; 2 days left out, as the source does not say which downloads were by CI\n\nTo renew the badges: pypi-badges collect\n',
    ]);
    expect((await run('collect', '--no-page')).exitCode).toBe(0);
    expect(entry('alpha').total).toEqual({ since: '2025-01-01', count: 3 * 477, unknown_days: 2 });
    repair();
    expect((await fill()).stdout).toContain('alpha: 2 days read; known since 2025-01-01\n');
    expect((await fill()).stdout).toBe('every day since 2025-01-01 is known already\n');
    await run('collect', '--no-page');
    expect(entry('alpha').total).toEqual({ since: '2025-01-01', count: 3 * 479, unknown_days: 0 });
  });

  it('is named by show, and no window without a known day is a zero', async () => {
    const { run, spoil } = await house();
    spoil(UNKNOWN);
    const shown = await run('show', 'alpha', '--days', '7');
    expect(shown.exitCode).toBe(0);
    expect(shown.stdout).toContain('Left out, as it is not known which downloads were by CI: 24 Apr 2026.');
    const json = JSON.parse((await run('show', 'alpha', '--days', '7', '--json')).stdout);
    expect(json.packages.alpha).toMatchObject({ count: 18, unknown_days: [UNKNOWN] });
    expect(await run('show', 'alpha', '--days', '1')).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining('alpha: the source does not say of any of these days which downloads'),
    });
  });
});
