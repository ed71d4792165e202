import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { daysOf, spanDays } from '../../src/days/day.ts';
import { bigQueryProject } from '../support/bigquery-project.ts';
import { runMain } from '../support/context.ts';
import { tempFolder } from '../support/temp-folder.ts';

/*
 * Ten pip downloads a day, four of them by CI, of which PyPI's log has no flag before March 2024. Expected figures
 * are six times the days since then.
 */

const NOW = '2026-11-29';
const CI_KNOWN = '2024-03-01';
const ROWS = daysOf({ start: '2023-06-01', end: NOW }).flatMap((day) =>
  [true, false].map((isCi) => ({
    project: 'demo',
    day,
    installer: 'pip',
    ci: isCi && day >= CI_KNOWN ? true : null,
    downloads: isCi ? 4 : 6,
  })),
);
const TOTAL = 6 * spanDays({ start: CI_KNOWN, end: NOW });

async function house() {
  const project = await bigQueryProject(['demo'], { rows: ROWS }, { bigquery: 'badges: {extra: [total]}\n' });
  return {
    project,
    at: (today: string, ...argv: string[]) =>
      runMain(project.folder, argv, { env: project.env, now: () => new Date(`${today}T04:12:00Z`) }),
    total: () => project.health().packages['demo']?.['total'],
    asked: () =>
      project.server.calls.flatMap(({ kind, start }) => (kind === 'insert' && start ? [start] : [])),
  };
}

describe('days of which the log does not say what was by CI', () => {
  it('are never paid for, and no part of a total', async () => {
    const { at, total, asked } = await house();
    expect((await at(NOW, 'collect')).exitCode).toBe(0);
    const { stdout } = await at(NOW, 'backfill', '--from', '2023-11-01', '--yes');
    expect(stdout).toMatch(/^days before 2024-03-01 are not read: PyPI's log does not say which/);
    expect(stdout).toContain('known since 2024-03-01');
    await at(NOW, 'collect');
    expect(total()).toEqual({ since: CI_KNOWN, count: TOTAL, unknown_days: 0 });
    expect(asked().every((start) => start >= CI_KNOWN)).toBe(true);
  });

  it.each(['2018-07-25', '2003-01-01'])(
    'are not read since %s either, when half of the rows are missing',
    async (day) => {
      const { at } = await house();
      const { exitCode, stderr } = await at(NOW, 'backfill', '--from', day, '--yes');
      expect([exitCode, stderr]).toEqual([
        2,
        expect.stringContaining('half of the rows before 2018-07-26 are missing'),
      ]);
    },
  );

  it('hold a window back of which they are more than a tenth', async () => {
    const { at, project } = await house();
    expect((await at(NOW, 'collect', '--as-of', '2024-03-07')).exitCode).toBe(1);
    expect(project.health().packages['demo']).toMatchObject({
      error_code: 'incomplete-window',
      error: expect.stringContaining('7d (unknown: 2024-02-29)'),
    });
    expect((await at(NOW, 'collect', '--as-of', '2024-03-08')).exitCode).toBe(0);
    expect(project.health().packages['demo']).toMatchObject({ count: 6 * 7 });
  });

  it('are no part of what files have, and are named in the window', async () => {
    const folder = tempFolder();
    const lines = ROWS.filter(({ day }) => day >= '2024-02-20' && day < '2024-03-29').flatMap(
      ({ day, ci, downloads }) =>
        Array.from({ length: downloads }, () => ({
          timestamp: `${day} 12:00:00`,
          file: { project: 'demo', filename: 'demo-1.0.tar.gz' },
          details: { ci, installer: { name: 'pip' }, system: { name: 'Linux' } },
        })),
    );
    writeFileSync(join(folder, 'rows.ndjson'), lines.map((line) => JSON.stringify(line)).join('\n'));
    writeFileSync(
      join(folder, 'tracked.yaml'),
      'service: {output_dir: out, source: duckdb}\nduckdb: {files: rows.ndjson}\nbadges: {extra: [total]}\npackages: [{name: demo, window_days: 30}]\n',
    );
    const run = await runMain(folder, ['collect'], { now: () => new Date('2024-03-29T04:12:00Z') });
    expect([run.exitCode, run.stderr]).toEqual([0, expect.stringContaining('unknown-days')]);
    const json = (path: string) => JSON.parse(readFileSync(join(folder, 'out', path), 'utf8'));
    const badge = json('demo/total-non-ci.json');
    expect([badge.label, badge.message]).toEqual(['total since 2024-03', String(6 * 28)]);
    expect(json('demo/history.json').unknown_days).toEqual(['2024-02-28', '2024-02-29']);
    expect(json('demo/downloads-30d-non-ci.json').message).toBe(String(6 * 28));
  });
});
