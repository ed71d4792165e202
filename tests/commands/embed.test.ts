import { chmodSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openProject } from '../support/project.ts';

const URL = 'https://badges.example.com/x';
const shields = (path: string) =>
  `https://img.shields.io/endpoint?url=https%3A%2F%2Fbadges.example.com%2Fx%2F${path.replaceAll('/', '%2F')}`;

function house({ extra = '', publicUrl = `, public_url: ${URL}/`, sections = '' } = {}) {
  const project = openProject({});
  project.put(
    'tracked.yaml',
    `service: {output_dir: output${publicUrl}}\nbadges: {extra: [${extra}]}\npackages: [{name: alpha-one, window_days: [30, 7]}, beta]\n${sections}`,
  );
  return { ...project, embed: (...argv: string[]) => project.run('embed', ...argv) };
}

describe('embed', () => {
  it('prints the hero of every package and window as Markdown', async () => {
    const { exitCode, stdout, stderr } = await house().embed();
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toEqual([
      expect.stringContaining('alpha-one%2Fdownloads-30d-non-ci.json'),
      `[![Non-CI PyPI downloads of alpha-one by installers in 7 days (BigQuery)](${shields('alpha-one/downloads-7d-non-ci.json')})](https://pypi.org/project/alpha-one/)`,
      expect.stringContaining('https://pypi.org/project/beta/'),
      '',
    ]);
  });

  it('takes packages, badges, a format and the SVG', async () => {
    const { embed } = house();
    const some = ['-p', 'Beta', '-b', 'os-macos', '--badge', 'installer-uv', '--format', 'url'];
    const files = ['beta/installer-uv-30d-non-ci', 'beta/os-macos-30d-non-ci'];
    expect((await embed(...some)).stdout).toBe(files.map((file) => `${shields(`${file}.json`)}\n`).join(''));
    const svg = files.map((file) => `${URL}/${file}.svg\n`).join('');
    expect((await embed(...some, '--svg')).stdout).toBe(svg);
    // Once, in any spelling, in the order of the list.
    const named = await embed('-p', 'BETA', '-p', 'Alpha_One', '-p', 'alpha.one', '--format', 'url', '--svg');
    const windows = ['alpha-one/downloads-30d', 'alpha-one/downloads-7d', 'beta/downloads-30d'];
    expect(named.stdout).toBe(windows.map((file) => `${URL}/${file}-non-ci.svg\n`).join(''));
    const blocks = (await embed('--format', 'rst', '-p', 'alpha-one')).stdout.split('\n\n');
    expect(blocks).toHaveLength(2);
    expect(blocks[0]).toMatch(/^\.\. image:: https:\/\/img\.shields\.io\/endpoint\?url=/);
  });

  it('knows the badges that tracked.yaml asks for', async () => {
    const { embed } = house({ extra: 'trend, sparkline, total' });
    const { stdout } = await embed('-p', 'beta', '-b', 'trend', '-b', 'sparkline');
    expect(stdout.trimEnd().split('\n')).toEqual([
      `[![Trend of non-CI downloads of beta by installers in 30 days (BigQuery)](${shields('beta/trend-30d-non-ci.json')})](https://pypi.org/project/beta/)`,
      `[![Daily non-CI downloads of beta by installers in 30 days (BigQuery)](${URL}/beta/sparkline-30d-non-ci.svg)](https://pypi.org/project/beta/)`,
    ]);
    // Once, whatever the windows.
    expect((await embed('-p', 'alpha-one', '-b', 'total', '--svg')).stdout).toBe(
      `[![Non-CI PyPI downloads of alpha-one by installers on known days (BigQuery)](${URL}/alpha-one/total-non-ci.svg)](https://pypi.org/project/alpha-one/)\n`,
    );
  });

  it('knows shares of Pythons by their ids, and as tracked.yaml asks for them', async () => {
    const { embed } = house({ extra: "'python>=3.10'", sections: 'facets: {every_days: 7}\n' });
    for (const badge of ['python-3-10', 'python>=3.10']) {
      expect((await embed('-p', 'beta', '-b', badge)).stdout).toBe(
        `[![Share of PyPI downloads of beta by Python ≥ 3.10 on known days (BigQuery)](${shields('beta/python-3-10-non-ci.json')})](https://pypi.org/project/beta/)\n`,
      );
    }
  });

  it('prints a picture for light and dark pages as HTML, and one that adapts elsewhere', async () => {
    const { embed } = house({ extra: 'chart' });
    const stem = `${URL}/beta/chart-30d-non-ci`;
    const alt = 'Chart of non-CI downloads of beta by installers in 30 days (BigQuery)';
    const chart = async (format: string) =>
      (await embed('-p', 'beta', '-b', 'chart', '--format', format)).stdout;
    expect(await chart('html')).toBe(
      `<a href="https://pypi.org/project/beta/"><picture><source media="(prefers-color-scheme: dark)" srcset="${stem}-dark.svg"><img src="${stem}-light.svg" width="720" alt="${alt}"></picture></a>\n`,
    );
    expect(await chart('url')).toBe(`${stem}.svg\n`);
  });

  it('says what is missing where there is no public_url', async () => {
    expect(await house({ publicUrl: '' }).embed()).toEqual({
      exitCode: 2,
      stdout: '',
      stderr:
        'tracked.yaml: service.public_url is missing, so nobody knows where the badges are served; add a line such as\n  public_url: https://badges.example.com\n',
    });
  });
});

const ENDPOINT = 'https://img.shields.io/endpoint';
const OLD = 'https%3A%2F%2Fold.example.com%2F';
/** An address of another's badge, and the file that replaces it. */
const REPLACED = `
  https://img.shields.io/pypi/dm/alpha-one downloads-30d
  https://img.shields.io/pypi/dw/Alpha_One.svg?style=flat-square downloads-7d
  http://img.shields.io/pypi/dd/alpha.one downloads-30d
  https://pepy.tech/badge/alpha-one total
  https://static.pepy.tech/badge/alpha-one/week downloads-7d
  https://static.pepy.tech/personalized-badge/alpha-one?period=month&amp;units=none&left_text=a downloads-30d
  https://img.shields.io/pepy/dt/alpha-one total
  ${ENDPOINT}?url=${OLD}Alpha_One%2Finstaller-uv-30d-non-ci.json&style=flat installer-uv-30d
  ${ENDPOINT}?url=https://old.example.com/alpha-one/os-macos-7d-non-ci.json os-macos-7d
  ${ENDPOINT}?style=flat&amp;url=${OLD}alpha-one%2Fdownloads-90d-non-ci.json downloads-30d
  ${ENDPOINT}?url=https://old.example.com/alpha-one/trend-7d-non-ci.json downloads-7d
  https://IMG.shields.io/pypi/dm/alpha-one.png?label=a(b) downloads-30d
  https://static.pepy.tech/personalized-badge/alpha-one?units=none&period=week downloads-7d
  https://pepy.tech/badge/alpha-one.svg/month downloads-30d
`
  .trim()
  .split('\n')
  .map((line) => line.trim().split(' '));

describe('embed --from', () => {
  function withReadme(readme: string | Uint8Array) {
    const sections = 'groups: [{name: both, packages: [alpha-one]}]\n';
    const { folder, embed, read } = house({ extra: 'total', sections });
    const write = (content: string | Uint8Array) => writeFileSync(join(folder, 'README'), content);
    write(readme);
    const from = (...argv: string[]) => embed('--from', 'README', ...argv);
    return { folder, embed, from, write, read: () => read('README') };
  }

  it.each([
    ['Markdown', (url: string) => `[![Downloads](${url})](https://pepy.tech/project/alpha-one)`],
    ['a reference', (url: string) => `[badge]: ${url}`],
    ['reStructuredText', (url: string) => `.. |d| image:: ${url}\n   :target: https://pypi.org`],
    ['HTML', (url: string) => `<a href='x'><img src="${url}" alt="Downloads"></a>`],
    ['HTML with apostrophes', (url: string) => `<p><a href='x'><img src='${url}'></a></p>`],
    ['HTML without quotation marks', (url: string) => `<img src=${url}>`],
    ['AsciiDoc', (url: string) => `image:${url}[Downloads]`],
    ['a table and a sentence', (url: string) => `|\`${url}\`|${url}| See ${url}.`],
  ])('--write replaces the badges of others in %s, and nothing else', async (_, markup) => {
    const readme = (urls: readonly string[]) => `\ufeff# Title\r\n${urls.map(markup).join('\r\n')}\r\nend`;
    const { from, read } = withReadme(readme(REPLACED.map(([url = '']) => url)));
    const { exitCode, stdout, stderr } = await from('--write');
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(read()).toBe(readme(REPLACED.map(([, stem]) => shields(`alpha-one/${stem}-non-ci.json`))));
    expect(stdout).toMatch(/^(\d+) badges of \1 replaced in README$/m);
    // What is replaced is ours by now.
    expect((await from('--write')).stdout).toBe('0 badges of 0 replaced in README\n');
  });

  it('leaves our own badges as they look, those of groups too, and the mode of the file', async () => {
    const ours = `${shields('alpha-one/downloads-7d-non-ci.json')}&style=flat ${shields('both/downloads-30d-non-ci.json')}`;
    const unknown = 'https://img.shields.io/pypi/dm/naïve';
    const { folder, from, read } = withReadme(
      `${ours} https://img.shields.io/pypi/dm/alpha-one?label=it's ${unknown}`,
    );
    chmodSync(join(folder, 'README'), 0o640);
    expect((await from('--write')).stdout).toContain('1 badge of 1 replaced in README\n');
    expect(read()).toBe(`${ours} ${shields('alpha-one/downloads-30d-non-ci.json')} ${unknown}`);
    expect(statSync(join(folder, 'README')).mode & 0o777).toBe(0o640);
  });

  it('prints what both badges count, and writes nothing', async () => {
    const text = '\n![](https://img.shields.io/pypi/dm/alpha-one) ![](https://img.shields.io/pypi/dm/gamma)';
    const { from, read } = withReadme(text);
    expect((await from()).stdout).toBe(
      `README:2: https://img.shields.io/pypi/dm/alpha-one
  counts downloads as pypistats.org counts them: CI runs, scripts and browsers among them, four mirrors left out
replaced by
  ${shields('alpha-one/downloads-30d-non-ci.json')}
  counts non-CI PyPI downloads of alpha-one by installers in 30 days (BigQuery)

README:2: https://img.shields.io/pypi/dm/gamma
  counts downloads as pypistats.org counts them: CI runs, scripts and browsers among them, four mirrors left out
  gamma is not in tracked.yaml, so nothing replaces it

1 badge of 2 to replace in README; nothing was written: add --write
`,
    );
    expect(read()).toBe(text);
  });

  it('leaves other badges alone, follows a link to the README, and refuses what is no text', async () => {
    const others =
      'https://img.shields.io/pypi/v/alpha-one https://img.shields.io/pypi/dm/alpha-one\\_x https://img.shields.io/pypi/dm/alpha-one{x https://img.shields.io/pypi/dmx/alpha-one https://pepy.tech/project/alpha-one';
    const { folder, embed, from, write, read } = withReadme(others);
    expect((await from('--write')).stdout).toBe('0 badges of 0 replaced in README\n');
    expect(read()).toBe(others);
    write('https://pepy.tech/badge/alpha-one');
    symlinkSync('README', join(folder, 'link'));
    await embed('--from', 'link', '--write');
    expect(read()).toBe(shields('alpha-one/total-non-ci.json'));
    write(new Uint8Array([0xff, 0xfe]));
    for (const [path, says] of [
      ['README', 'the file is not UTF-8 text; save it as UTF-8'],
      ['/dev/zero', 'a device stands where a file should be; put the right file in its place'],
    ] as const) {
      const stderr = `--from ${path}: ${says}\n`;
      expect(await embed('--from', path)).toEqual({ exitCode: 2, stdout: '', stderr });
    }
  });
});
