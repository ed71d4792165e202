import { describe, expect, it } from 'vitest';
import { HEALTH_WINNOW } from '../support/old-files.ts';
import { localProject } from '../support/project.ts';

/* An output folder that was taken over from pypi-winnow-downloads, as docs/deploy.md tells. */

const world = { now: () => new Date('2026-04-25T12:00:00.000Z') };

function house() {
  const project = localProject(
    ['Small_00', 'bad', 'constructor'],
    [
      { at: '2026-04-24', project: 'small-00', installer: 'pip', times: 20 },
      { at: '2026-04-24', project: 'bad', installer: 'uv', times: 3 },
      { at: '2026-04-24', project: 'constructor', installer: 'uv', times: 4 },
    ],
  );
  project.put('output/_health.json', JSON.stringify(HEALTH_WINNOW));
  return { ...project, run: (...argv: string[]) => project.within(world, ...argv) };
}

describe('output that pypi-winnow-downloads left', () => {
  it.each([
    [
      ['status'],
      [
        'last run: 2026-04-25T04:12:42.654Z (7 hours ago)',
        '',
        'package | window | non-CI | counted to | last success | state',
        'small-00 | 30d | 14 | 2026-04-24 | 7 hours ago | ok',
        'bad | 30d | - | - | never | failed',
        'constructor | - | - | - | never | new',
        '',
        'bad: Quota exceeded',
        '',
      ],
    ],
    [
      ['status', '--prometheus'],
      [
        // 2026-04-25T04:12:00Z is 1777090320 seconds after 1970, and the 24th begins at 1776988800.
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
      ],
    ],
  ])('is shown by %j', async (argv, expected) => {
    const { exitCode, stdout, stderr } = await house().run(...argv);
    expect([exitCode, stderr]).toEqual([1, '']);
    const lines = stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '));
    const isMetric = (line: string) => /^pypi_badges_(run|upstream|package)/.test(line);
    expect(argv.length === 1 ? lines : lines.filter(isMetric)).toEqual(expected);
  });

  it('is drawn by report, as far as it tells', async () => {
    const { run, read } = house();
    const stdout = expect.stringMatching(/^1 page; /);
    expect(await run('report')).toEqual({ exitCode: 0, stdout, stderr: '' });
    expect(read('output/index.html')).toContain('The source answered with a fault');
    expect(read('output/index.html')).not.toContain('Quota exceeded');
  });

  it('is taken over by collect', async () => {
    const { run, health, message } = house();
    expect((await run('collect', '--no-page')).exitCode).toBe(0);
    expect(message('small-00', 'downloads-30d')).toBe('20');
    const packages = { 'small-00': { count: 20 }, bad: { count: 3 }, constructor: { count: 4 } };
    expect(health().packages).toMatchObject(packages);
    expect((await run('status')).exitCode).toBe(0);
  });

  it('is remembered by a run that fails', async () => {
    const { run, entry, track } = house();
    track(['Small_00'], { service: 'state_dir: tracked.yaml' });
    expect((await run('collect', '--no-page')).exitCode).toBe(1);
    expect(entry('small-00')).toEqual({
      error: expect.stringContaining('not attempted'),
      error_code: 'disk-obstacle',
      window_days: 30,
      counted_to: '2026-04-24',
      attempted: '2026-04-25T04:12:42.654Z',
      last_success: '2026-04-25T04:12:42.654Z',
    });
  });
});
