import { describe, expect, it } from 'vitest';
import { runMain } from '../support/context.ts';
import { HEALTH_WINNOW } from '../support/old-files.ts';
import { makeProject } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';

/* An output folder that was taken over from pypi-winnow-downloads, as docs/deploy.md tells. */

const world = { now: () => new Date('2026-04-25T12:00:00.000Z') };

describe('output that pypi-winnow-downloads left', () => {
  const project = () => {
    const taken = makeProject(
      tempFolder(),
      ['Small_00', 'bad', 'constructor'],
      [
        { at: '2026-04-24', project: 'small-00', installer: 'pip', times: 20 },
        { at: '2026-04-24', project: 'bad', installer: 'uv', times: 3 },
        { at: '2026-04-24', project: 'constructor', installer: 'uv', times: 4 },
      ],
    );
    taken.put('_health.json', JSON.stringify(HEALTH_WINNOW));
    return taken;
  };

  it('is shown by status', async () => {
    const { exitCode, stdout, stderr } = await runMain(project().folder, ['status'], world);
    expect([exitCode, stderr]).toEqual([1, '']);
    expect(stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      'last run: 2026-04-25T04:12:42.654Z (7 hours ago)',
      '',
      'package | window | non-CI | counted to | last success | state',
      'small-00 | 30d | 14 | 2026-04-24 | 7 hours ago | ok',
      'bad | 30d | - | - | never | failed',
      'constructor | - | - | - | never | new',
      '',
      'bad: Quota exceeded',
      '',
    ]);
  });

  it('gives metrics', async () => {
    const { exitCode, stdout, stderr } = await runMain(project().folder, ['status', '--prometheus'], world);
    expect([exitCode, stderr]).toEqual([1, '']);
    // 2026-04-25T04:12:00Z is 1777090320 seconds after 1970, and the 24th begins at 1776988800.
    expect(stdout.split('\n').filter((line) => /^pypi_badges_(run|upstream|package)/.test(line))).toEqual([
      'pypi_badges_run_start_timestamp_seconds 1777090320.123',
      'pypi_badges_run_end_timestamp_seconds 1777090362.654',
      'pypi_badges_run_duration_seconds 42.531',
      'pypi_badges_package_last_success_timestamp_seconds{package="small-00"} 1777090362.654',
      'pypi_badges_package_last_attempt_timestamp_seconds{package="small-00"} 1777090362.654',
      'pypi_badges_package_last_attempt_timestamp_seconds{package="bad"} 1777090362.654',
      'pypi_badges_package_failed{package="small-00"} 0',
      'pypi_badges_package_failed{package="bad"} 1',
      'pypi_badges_package_failed{package="constructor"} 1',
      'pypi_badges_package_counted_to_timestamp_seconds{package="small-00"} 1776988800',
    ]);
  });

  it('is drawn by report, as far as it tells', async () => {
    const { folder, read } = project();
    const { exitCode, stdout, stderr } = await runMain(folder, ['report'], world);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^1 page; /);
    expect(read('index.html')).toContain('The source answered with a fault');
    expect(read('index.html')).not.toContain('Quota exceeded');
  });

  it('is taken over by collect', async () => {
    const { folder, health, message } = project();
    const { exitCode } = await runMain(folder, ['collect', '--log-level', 'silent'], world);
    expect(exitCode).toBe(0);
    expect(message('small-00', 'downloads-30d-non-ci')).toBe('20');
    expect(health().packages).toMatchObject({
      'small-00': { count: 20 },
      bad: { count: 3 },
      constructor: { count: 4 },
    });
    expect((await runMain(folder, ['status'], world)).exitCode).toBe(0);
  });

  it('is remembered by a run that fails', async () => {
    const { folder, health, track } = project();
    track(['Small_00'], '  state_dir: tracked.yaml\n');
    expect((await runMain(folder, ['collect', '--log-level', 'silent'], world)).exitCode).toBe(1);
    expect(health().packages['small-00']).toEqual({
      error: expect.stringContaining('not attempted'),
      error_code: 'disk-obstacle',
      window_days: 30,
      counted_to: '2026-04-24',
      attempted: '2026-04-25T04:12:42.654Z',
      last_success: '2026-04-25T04:12:42.654Z',
    });
  });
});
