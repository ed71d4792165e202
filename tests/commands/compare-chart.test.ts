import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { daysUpTo, localProject } from '../support/project.ts';

/** Two downloads a day of one package, five of the other. */
const rows = daysUpTo('2026-04-24', 60).flatMap((at) => [
  { project: 'alpha', at, installer: 'uv', times: 2 },
  { project: 'beta', at, installer: 'uv', times: 5 },
]);
const FILES = ['compare-indexed', 'compare'].flatMap((id) =>
  ['-dark.svg', '-light.svg', '.svg'].map((ending) => `${id}-non-ci${ending}`),
);
const LISTED = ['{name: alpha, window_days: [7, 30]}', '{name: beta, window_days: 60}'];
const GROUP = 'groups: [{name: suite, title: "The <suite>", packages: [alpha, beta]}]\n';

function project(names: string) {
  const more = (chart: string) => ({
    service: 'public_url: https://badges.example.com',
    sections: `${GROUP}${chart}`,
  });
  const made = localProject(LISTED, rows, more(`compare_chart: [${names}]`));
  return {
    ...made,
    /** What is published, by its path below the output folder. */
    read: (path: string) => made.read(`output/${path}`),
    list: (chart: string) => made.track(LISTED, more(chart)),
    collect: (day: string, ...argv: string[]) => made.run('collect', '--as-of', day, ...argv),
  };
}

it('is drawn of packages and groups over the days that each has, and stays as it is when nothing changes', async () => {
  const { collect, run, read, output, prints } = project('Alpha, beta, suite');
  expect((await run('check')).stdout).toMatch(/^compare_chart +alpha, beta, suite$/m);
  const stderr = expect.not.stringContaining('compare');
  expect(await collect('2026-04-25')).toMatchObject({ exitCode: 0, stderr });
  expect(readdirSync(`${output}/_compare`).toSorted()).toEqual(FILES);
  expect(read('_compare/compare-non-ci-light.svg')).toContain(
    'from 26 Mar 2026 to 24 Apr 2026. alpha: 60, at the end 2 a day. beta: 150, at the end 5 a day. The &lt;suite&gt;: 210, at the end 7 a day.</desc>',
  );
  const charts = () => Object.entries(prints()).filter(([path]) => path.startsWith('_compare/'));
  const before = charts();
  await collect('2026-04-25');
  expect(charts()).toEqual(before);
});

it('has a gap where a run brought nothing of a package', async () => {
  const { collect, read } = project('alpha, beta');
  await collect('2026-04-24', '--no-page');
  await collect('2026-04-25', '--package', 'beta', '--no-page');
  expect(read('_compare/compare-non-ci.svg')).toContain(
    'alpha: 58, at the end 2 a day; nothing or only a part is known of 24 Apr 2026. beta: 150',
  );
});

it('is not drawn before each was collected, and the log says of which nothing is known', async () => {
  const { collect, output } = project('alpha, beta');
  const stderr = expect.stringContaining('no chart of compare_chart: nothing was collected of alpha yet');
  expect(await collect('2026-04-25', '--package', 'beta')).toMatchObject({ exitCode: 0, stderr });
  expect(readdirSync(output)).not.toContain('_compare');
});

it('is embedded with a link to the page of all packages', async () => {
  const { run } = project('alpha, beta');
  const stem = 'https://badges.example.com/_compare/compare-indexed-non-ci';
  const alt = 'Chart of non-CI downloads of alpha, beta by installers on known days (local files)';
  const { stdout } = await run('embed', '--badge', 'compare-indexed', '--badge', 'downloads', '-p', 'beta');
  expect(stdout.split('\n')).toEqual([
    expect.stringContaining('beta%2Fdownloads-60d-non-ci.json'),
    `[![${alt}](${stem}.svg)](https://badges.example.com/index.html)`,
    '',
  ]);
});

it('is left over once it is not asked for, is marked, and is removed', async () => {
  const { collect, run, list, read, output } = project('alpha, beta');
  await collect('2026-04-25');
  list('');
  expect((await collect('2026-04-25')).stderr).toContain('badges of _compare are left over');
  expect((await run('prune', '--mark', '--yes')).stdout).toContain('mark  _compare (not listed): 6 files');
  for (const file of FILES) expect(read(`_compare/${file}`)).toContain('chart: not tracked any more');
  expect((await collect('2026-04-25')).stderr).not.toContain('left over');
  expect((await run('prune', '--yes')).stdout).toContain('remove  _compare (not listed): 6 files');
  expect(readdirSync(output)).not.toContain('_compare');
});

it('says that the disk refused it, and exits with 1', async () => {
  const { collect, put, read } = project('alpha, beta');
  put('output/_compare', 'a file');
  const stderr = expect.stringContaining('the chart of compare_chart could not be drawn: ');
  expect(await collect('2026-04-25')).toMatchObject({ exitCode: 1, stderr });
  expect(read('_compare')).toBe('a file');
  expect(read('index.html')).toContain('beta');
});
