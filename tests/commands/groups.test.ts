import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addDays } from '../../src/days/day.ts';
import { runMain } from '../support/context.ts';
import { makeProject, withoutPages } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';

const AS_OF = ['--as-of', '2026-04-25'];
const DAY = '2026-04-24';

/** Of each of sixty days: 3 of alpha by pip (2 in the first thirty), 1 of beta by uv on Linux, 1 of beta in CI. */
const rows = Array.from({ length: 60 }, (_, back) => addDays(DAY, -back)).flatMap((at, back) => [
  { project: 'alpha', at, installer: 'pip', times: back < 30 ? 3 : 2 },
  { project: 'beta', at, installer: 'uv', system: 'Linux' },
  { project: 'beta', at, installer: 'uv', ci: true },
]);

const GROUP = '{name: Suite, title: "My [fine] <suite>", packages: [Alpha, beta], window_days: [30, 7]}';

function house(group = GROUP, service = '') {
  const packages = ['{name: alpha, window_days: [30, 90]}', 'beta', 'gamma'];
  const project = makeProject(tempFolder(), packages, rows);
  const track = (groups: string) => project.track(packages, `${service}${groups}`);
  track(`groups:\n  - ${group}\n`);
  return { project, track, run: (...argv: string[]) => runMain(project.folder, argv) };
}

type Json = Record<string, never>;

describe('groups', () => {
  it('are the sum of their packages, with badges, a history, a page and an entry', async () => {
    const { project, run } = house();
    const { exitCode, stdout, stderr } = await run('collect', ...AS_OF);
    expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining('left-over')]);
    expect(stdout).toMatch(/^suite \(group\) +30d +120 +150 +20\.0% +ok$/m);
    expect(project.message('suite', 'downloads-30d-non-ci')).toBe('120');
    expect(project.message('suite', 'downloads-7d-non-ci')).toBe('28');
    expect(project.message('suite', 'installer-uv-7d-non-ci')).toBe('7');
    expect(project.message('suite', 'os-linux-30d-non-ci')).toBe('30');
    expect(project.message('alpha', 'downloads-30d-non-ci')).toBe('90');
    const history = JSON.parse(project.read('suite/history.json'));
    expect(history).toMatchObject({
      package: 'suite',
      group: { title: 'My [fine] <suite>', packages: ['alpha', 'beta'] },
      count: Array.from({ length: 30 }, () => 4),
    });
    expect(JSON.parse(project.read('alpha/history.json'))).not.toHaveProperty('group');
    const health = JSON.parse(project.read('_health.json'));
    expect(Object.keys(health.packages)).toEqual(['alpha', 'beta', 'gamma']);
    expect(health.groups.suite).toMatchObject({
      count: 120,
      counted_to: DAY,
      windows: [{}, { window_days: 7, counts: { pip: 21, uv: 7 }, excluded: { ci: 7 } }],
    });
    const page = project.read('suite/index.html');
    expect(page).toContain('<h1>My [fine] &lt;suite&gt;</h1>');
    expect(page).toContain(
      'The sum of <a href="../alpha/index.html">alpha</a> + <a href="../beta/index.html">',
    );
    expect(page).not.toContain('pypi.org/project');
    const index = project.read('index.html');
    expect(index).toContain('<h2>Groups</h2>');
    expect(index).toContain('<a href="suite/index.html">My [fine] &lt;suite&gt;</a><td>120');
  });

  it('are told of by check, status and prometheus, apart from packages', async () => {
    const { run } = house();
    expect((await run('check')).stdout).toMatch(
      /3 packages, 1 group\n[\s\S]*\nsuite = alpha \+ beta +30d, 7d\n/,
    );
    await run('collect', ...AS_OF);
    expect((await run('status')).stdout).toMatch(/^suite \(group\) +30d +120 +2026-04-24 .* ok$/m);
    const json = JSON.parse((await run('status', '--json')).stdout);
    expect([Object.keys(json.packages), json.groups.suite.count]).toEqual([['alpha', 'beta', 'gamma'], 120]);
    const { stdout } = await run('status', '--prometheus');
    expect(stdout).toContain('pypi_badges_group_downloads{group="suite",window_days="7"} 28\n');
    expect(stdout).toContain('pypi_badges_group_failed{group="suite"} 0\n');
    expect(stdout).not.toContain('package="suite"');
    expect((await run('doctor')).stdout).toMatch(/last success .*for every package/);
  });

  it('stay as they were when a package of theirs fails, which is named', async () => {
    const { project, run } = house();
    await run('collect', '--as-of', '2026-04-24');
    const before = withoutPages(project.prints());
    const of = (prints: Record<string, string>) =>
      Object.fromEntries(Object.entries(prints).filter(([file]) => file.startsWith('suite/')));
    const history = project.read('suite/history.json');
    // A folder in place of a badge of beta is what the disk refuses to replace.
    const badge = join(project.output, 'beta/installer-pip-30d-non-ci.json');
    rmSync(badge);
    mkdirSync(join(badge, 'x'), { recursive: true });
    const { exitCode, stderr } = await run('collect', ...AS_OF);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('beta of its 2 packages failed, so its badges and page stay as they were');
    expect(of(withoutPages(project.prints()))).toEqual(of(before));
    expect(project.read('suite/history.json')).toBe(history);
    const health = project.health() as unknown as { groups: { suite: Json } };
    expect(health.groups.suite).toMatchObject({
      error_code: 'group-incomplete',
      counted_to: '2026-04-23',
      last_success: expect.any(String),
    });
    expect(project.read('suite/index.html')).toContain('A package of this group could not be counted.');
    expect(project.read('index.html')).toContain('A package of this group could not be counted.');
    expect((await run('status')).exitCode).toBe(1);
    rmSync(badge, { recursive: true });
    expect((await run('collect', ...AS_OF, '--package', 'suite')).exitCode).toBe(0);
    expect(project.message('suite', 'downloads-30d-non-ci')).toBe('120');
  });

  it('are left alone by a run of some of their packages only, which says so', async () => {
    const { project, run } = house();
    const part = await run('collect', ...AS_OF, '--package', 'beta');
    expect(part.exitCode).toBe(0);
    expect(part.stderr).toContain(
      'the group suite stays as it was: 1 package of it was not part of this run; to renew it: collect --package suite',
    );
    expect(existsSync(join(project.output, 'suite'))).toBe(false);
    const none = await run('collect', ...AS_OF, '--package', 'gamma');
    expect(none.stderr).not.toContain('suite');
    const whole = await run('collect', ...AS_OF, '--package', 'suite', '--json');
    const { packages, groups } = JSON.parse(whole.stdout);
    expect([Object.keys(packages), groups.suite.count]).toEqual([['alpha', 'beta', 'gamma'], 120]);
    expect((await run('collect', ...AS_OF, '--package', 'swite')).stderr).toContain('did you mean suite?');
  });

  it('have looks of their own, a trend and a sparkline', async () => {
    const { project, run } = house(
      '{name: suite, packages: [alpha, beta], badges: {extra: [trend, sparkline], suffix: /mo}}',
    );
    expect((await run('collect', ...AS_OF)).exitCode).toBe(0);
    expect(project.message('suite', 'downloads-30d-non-ci')).toBe('120/mo');
    // 4 a day against 3 a day in the thirty days before.
    expect(project.message('suite', 'trend-30d-non-ci')).toBe('+33 %');
    expect(project.read('suite/sparkline-30d-non-ci.svg')).toContain('PyPI downloads of suite by day');
  });

  it('are left over when they are dropped', async () => {
    const { track, run, project } = house();
    await run('collect', ...AS_OF);
    expect((await run('prune', '--dry-run')).stdout).toBe('nothing is left over\n');
    track(`groups:\n  - {name: suite, packages: [alpha]}\n`);
    expect((await run('collect', ...AS_OF)).stderr).toContain('badges of 7d are left over');
    track('');
    expect((await run('collect', ...AS_OF)).stderr).toContain('badges of suite are left over');
    expect((await run('prune', '--yes')).stdout).toContain('remove  suite (not listed): 47 files');
    expect(existsSync(join(project.output, 'suite'))).toBe(false);
  });

  it('are embedded by their titles, with a link to their page', async () => {
    const { run } = house(GROUP, '  public_url: https://badges.example.com/x\n');
    const { stdout } = await run('embed', '--package', 'suite', '--svg');
    expect(stdout.split('\n')[0]).toBe(
      String.raw`[![Non-CI PyPI downloads of My \[fine\] \<suite> by installers in 30 days (local files)](https://badges.example.com/x/suite/downloads-30d-non-ci.svg)](https://badges.example.com/x/suite/index.html)`,
    );
    expect((await run('embed', '--svg')).stdout).toContain('https://pypi.org/project/alpha/');
  });
});
