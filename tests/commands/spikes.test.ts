import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addDays, daysOf } from '../../src/days/day.ts';
import { startClickHouse } from '../support/clickhouse-server.ts';
import { runMain } from '../support/context.ts';
import { tempFolder } from '../support/temp-folder.ts';

/*
 * Days with many times the usual downloads, from the answer to all that is published. 20 downloads a day by uv and 50,000
 * by pip on one of them are 50,600 in 30 days.
 */

const TODAY = '2026-04-25';

/** @param bursts Downloads by pip, by how many days ago. */
async function collected(bursts: Record<number, number>, { from = '2026-01-01', daily = 20 } = {}) {
  const days = daysOf({ start: '2026-01-01', end: TODAY });
  const rows = days.flatMap((day) => [
    // Days are told by boto3.
    { project: 'boto3', day, installer: 'uv', downloads: 5_000 },
    { project: 'beta', day, installer: 'uv', downloads: 20 },
    ...(day < from ? [] : [{ project: 'alpha', day, installer: 'uv', downloads: daily }]),
  ]);
  for (const [ago, downloads] of Object.entries(bursts)) {
    rows.push({ project: 'alpha', day: addDays(TODAY, -Number(ago)), installer: 'pip', downloads });
  }
  const copy = await startClickHouse({ rows });
  onTestFinished(() => copy.close());
  const folder = tempFolder();
  writeFileSync(
    join(folder, 'tracked.yaml'),
    'service: {output_dir: out, source: clickhouse}\nbadges: {extra: [trend]}\npackages: [{name: alpha, window_days: [30, 7]}, {name: beta, window_days: [30, 7]}]\ngroups: [{name: both, packages: [alpha, beta], window_days: [30]}]\n',
  );
  const env = { CLICKHOUSE_URL: copy.url };
  const now = () => new Date(`${TODAY}T04:12:00Z`);
  const { exitCode } = await runMain(folder, ['collect'], { env, now });
  expect(exitCode).toBe(0);
  const read = (path: string) => readFileSync(join(folder, 'out', path), 'utf8');
  const badge = (name: string) => JSON.parse(read(`${name}-non-ci.json`));
  const { packages, groups } = JSON.parse(read('_health.json'));
  return { read, badge, alpha: packages.alpha, both: groups.both };
}

const spikesIn = ({ warnings = [] }: { warnings?: { code: string; message: string }[] }) =>
  warnings.filter(({ code }) => code === 'spike').map(({ message }) => message);

describe('a spike', () => {
  it('is warned of, makes the trend mean nothing, and leaves the badge and the typical day as they are', async () => {
    const { read, badge, alpha, both } = await collected({ 10: 50_000 });
    expect(badge('alpha/downloads-30d').message).toBe('50.6k');
    expect(spikesIn(alpha)).toEqual([
      '2026-04-15 (50,020): more than ten times the usual downloads, and more than a third of 30d; most often one client is behind it',
    ]);
    expect(badge('alpha/trend-30d')).toMatchObject({ message: 'not comparable', color: 'lightgrey' });
    // It is in the seven days before these.
    expect(badge('alpha/trend-7d').message).toBe('not comparable');
    expect(JSON.parse(read('alpha/history.json')).typical_day).toBe(20);
    expect(read('alpha/index.html')).toContain('<span data-figure="typical">20</span> on a typical day');
    // The group has its member's figures, whose warning stands there.
    expect(spikesIn(both)).toEqual([]);
    expect(badge('both/trend-30d').message).toBe('not comparable');
  });

  it.each([
    ['in both windows', { 3: 50_000 }, ['30d, 7d'], ['not comparable', 'not comparable']],
    ['in the window before alone', { 40: 50_000 }, [], ['not comparable', '±0 %']],
    ['that is no third of the sum', { 20: 250 }, [], ['+42 %', '±0 %']],
  ])('%s', async (_, bursts, windows, [trend30, trend7]) => {
    const { badge, alpha } = await collected(bursts);
    expect(spikesIn(alpha).map((message) => /a third of (.*);/.exec(message)?.[1])).toEqual(windows);
    expect(badge('alpha/trend-7d').message).toBe(trend7);
    expect(badge('alpha/trend-30d').message).toBe(trend30);
  });

  it('is no launch, with nothing before', async () => {
    const launched = await collected({ 20: 5_000, 19: 3_000 }, { from: addDays(TODAY, -20) });
    expect(spikesIn(launched.alpha)).toEqual([]);
  });
});
