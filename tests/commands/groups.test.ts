import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { daysUpTo, localProject } from '../support/project.ts';

/** Of each day: 3 of alpha by pip, 1 of beta by uv on Linux, 1 of beta in CI. */
const rows = daysUpTo('2026-04-24', 30).flatMap((at) => [
  { project: 'alpha', at, installer: 'pip', times: 3 },
  { project: 'beta', at, installer: 'uv', system: 'Linux' },
  { project: 'beta', at, installer: 'uv', ci: true },
]);
const NAMES = ['{name: alpha, window_days: [30, 90]}', 'beta', 'gamma'];
const GROUP =
  '{name: Suite, title: "My [fine] <suite>", packages: [Alpha, beta], window_days: [30, 7], badges: {suffix: /mo}}';

const house = (service = 'concurrency: 1') =>
  localProject(NAMES, rows, { service, sections: `groups: [${GROUP}]` });

describe('groups', () => {
  it('are the sum of their packages, with badges, a history, a page and an entry', async () => {
    const { run, message, json, health, read } = house();
    const { exitCode, stdout, stderr } = await run('collect');
    expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining('left-over')]);
    expect(stdout).toMatch(/^suite \(group\) +30d +120 +150 +20\.0% +ok$/m);
    const badges = ['downloads-30d', 'downloads-7d', 'installer-uv-7d', 'os-linux-30d'];
    expect(badges.map((badge) => message('suite', badge))).toEqual(['120/mo', '28/mo', '7/mo', '30/mo']);
    expect(message('alpha', 'downloads-30d')).toBe('90');
    expect(json('suite/history.json')).toMatchObject({
      package: 'suite',
      group: { title: 'My [fine] <suite>', packages: ['alpha', 'beta'] },
      count: Array.from({ length: 30 }, () => 4),
    });
    expect(json('alpha/history.json')).not.toHaveProperty('group');
    expect(Object.keys(health().packages)).toEqual(['alpha', 'beta', 'gamma']);
    expect(health().groups.suite).toMatchObject({
      count: 120,
      counted_to: '2026-04-24',
      windows: [{}, { window_days: 7, counts: { pip: 21, uv: 7 }, excluded: { ci: 7 } }],
    });
    const page = read('output/suite/index.html');
    const members = 'The sum of <a href="../alpha/index.html">alpha</a> + <a href="../beta/index.html">';
    for (const text of ['<h1>My [fine] &lt;suite&gt;</h1>', members]) expect(page).toContain(text);
    expect(page).not.toContain('pypi.org/project');
    expect(read('output/index.html')).toMatch(
      /<h2>Groups<\/h2>[\s\S]*<a href="suite\/index\.html">My \[fine\] &lt;suite&gt;<\/a><td>120/,
    );

    expect((await run('check')).stdout).toMatch(
      /3 packages, 1 group\n[\s\S]*\nsuite = alpha \+ beta +30d, 7d\n/,
    );
    expect((await run('status')).stdout).toMatch(/^suite \(group\) +30d +120 +2026-04-24 .* ok$/m);
    const status = JSON.parse((await run('status', '--json')).stdout);
    expect(Object.keys(status.packages)).toEqual(['alpha', 'beta', 'gamma']);
    expect(status.groups.suite.count).toBe(120);
    const metrics = (await run('status', '--prometheus')).stdout;
    expect(metrics).toContain('pypi_badges_group_downloads{group="suite",window_days="7"} 28\n');
    expect(metrics).toContain('pypi_badges_group_failed{group="suite"} 0\n');
    expect(metrics).not.toContain('package="suite"');
    expect((await run('doctor')).stdout).toMatch(/last success .*for every package/);
  });

  it('stay as they were when a package of theirs fails, which is named', async () => {
    const { at, run, output, prints, health, read, message } = house();
    const ofSuite = () => Object.entries(prints()).filter(([file]) => file.startsWith('suite/'));
    await at('2026-04-24', 'collect');
    const before = ofSuite();
    // A folder in place of a badge of beta is what the disk refuses to replace.
    const badge = join(output, 'beta/installer-pip-30d-non-ci.json');
    rmSync(badge);
    mkdirSync(join(badge, 'x'), { recursive: true });
    const why = 'beta of its 2 packages failed, so its badges and page stay as they were';
    expect(await run('collect')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(why) });
    expect(ofSuite()).toEqual(before);
    const [attempted, last_success] = ['2026-04-25T04:12:00.000Z', '2026-04-24T04:12:00.000Z'];
    expect(health().packages.beta).toMatchObject({ attempted, last_success, counted_to: '2026-04-23' });
    const failed = { error_code: 'group-incomplete', counted_to: '2026-04-23', last_success };
    expect(health().groups.suite).toMatchObject(failed);
    for (const page of ['suite/index.html', 'index.html']) {
      expect(read(`output/${page}`)).toContain('A package of this group could not be counted.');
    }
    expect((await run('status')).exitCode).toBe(1);
    rmSync(badge, { recursive: true });
    expect((await run('collect', '--package', 'suite')).exitCode).toBe(0);
    expect(message('suite', 'downloads-30d')).toBe('120/mo');
  });

  it('are left alone by a run of some of their packages only, which says so', async () => {
    const { run, published } = house();
    const stderr = expect.stringContaining(
      'the group suite stays as it was: 1 package of it was not part of this run; to renew it: collect --package suite',
    );
    expect(await run('collect', '--package', 'beta')).toMatchObject({ exitCode: 0, stderr });
    expect(published('suite')).toEqual([]);
    expect((await run('collect', '--package', 'gamma')).stderr).not.toContain('suite');
    const { packages, groups } = JSON.parse((await run('collect', '--package', 'suite', '--json')).stdout);
    expect([Object.keys(packages), groups.suite.count]).toEqual([['alpha', 'beta', 'gamma'], 120]);
    expect((await run('collect', '--package', 'swite')).stderr).toContain('did you mean suite?');
  });

  it('are embedded by their titles, with a link to their page', async () => {
    const { run } = house('public_url: https://badges.example.com/x');
    const { stdout } = await run('embed', '--package', 'suite', '--svg');
    expect(stdout.split('\n')[0]).toBe(
      String.raw`[![Non-CI PyPI downloads of My \[fine\] \<suite> by installers in 30 days (local files)](https://badges.example.com/x/suite/downloads-30d-non-ci.svg)](https://badges.example.com/x/suite/index.html)`,
    );
  });
});
