import { chmodSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runMain } from '../support/context.ts';
import { tempFolder } from '../support/temp-folder.ts';

const shields = (path: string) =>
  `https://img.shields.io/endpoint?url=https%3A%2F%2Fbadges.example.com%2F${path.replaceAll('/', '%2F')}.json`;

function house(readme: string | Uint8Array) {
  const folder = tempFolder();
  writeFileSync(
    join(folder, 'tracked.yaml'),
    'service:\n  output_dir: output\n  public_url: https://badges.example.com\nbadges: {extra: [total]}\npackages:\n  - {name: alpha-one, window_days: [30, 7]}\ngroups:\n  - {name: both, packages: [alpha-one]}\n',
  );
  writeFileSync(join(folder, 'README'), readme);
  const from = (...argv: string[]) => runMain(folder, ['embed', '--from', 'README', ...argv]);
  return { folder, from, read: () => readFileSync(join(folder, 'README'), 'utf8') };
}

/** An address of another's badge, and the file that replaces it. */
const REPLACED: [string, string][] = [
  ['https://img.shields.io/pypi/dm/alpha-one', 'downloads-30d-non-ci'],
  ['https://img.shields.io/pypi/dw/Alpha_One.svg?style=flat-square', 'downloads-7d-non-ci'],
  ['http://img.shields.io/pypi/dd/alpha.one', 'downloads-30d-non-ci'],
  ['https://pepy.tech/badge/alpha-one', 'total-non-ci'],
  ['https://static.pepy.tech/badge/alpha-one/week', 'downloads-7d-non-ci'],
  [
    'https://static.pepy.tech/personalized-badge/alpha-one?period=month&amp;units=none&left_text=a',
    'downloads-30d-non-ci',
  ],
  ['https://img.shields.io/pepy/dt/alpha-one', 'total-non-ci'],
  [
    'https://img.shields.io/endpoint?url=https%3A%2F%2Fold.example.com%2FAlpha_One%2Finstaller-uv-30d-non-ci.json&style=flat',
    'installer-uv-30d-non-ci',
  ],
  [
    'https://img.shields.io/endpoint?url=https://old.example.com/alpha-one/os-macos-7d-non-ci.json',
    'os-macos-7d-non-ci',
  ],
  [
    'https://img.shields.io/endpoint?style=flat&amp;url=https%3A%2F%2Fold.example.com%2Falpha-one%2Fdownloads-90d-non-ci.json',
    'downloads-30d-non-ci',
  ],
  [
    'https://img.shields.io/endpoint?url=https://old.example.com/alpha-one/trend-7d-non-ci.json',
    'downloads-7d-non-ci',
  ],
  ['https://IMG.shields.io/pypi/dm/alpha-one.png?label=a(b)', 'downloads-30d-non-ci'],
  ['https://static.pepy.tech/personalized-badge/alpha-one?units=none&period=week', 'downloads-7d-non-ci'],
  ['https://pepy.tech/badge/alpha-one.svg/month', 'downloads-30d-non-ci'],
];

it.each([
  ['Markdown', (url: string) => `[![Downloads](${url})](https://pepy.tech/project/alpha-one)`],
  ['a reference', (url: string) => `[badge]: ${url}`],
  ['reStructuredText', (url: string) => `.. |d| image:: ${url}\n   :target: https://pypi.org`],
  ['HTML', (url: string) => `<a href='x'><img src="${url}" alt="Downloads"></a>`],
  ['HTML with apostrophes', (url: string) => `<p><a href='x'><img src='${url}'></a></p>`],
  ['HTML without quotation marks', (url: string) => `<img src=${url}>`],
  ['AsciiDoc', (url: string) => `image:${url}[Downloads]`],
  ['a table and a sentence', (url: string) => `|\`${url}\`|${url}| See ${url}.`],
])('embed --from --write replaces the badges of others in %s, and nothing else', async (_, markup) => {
  const readme = (urls: readonly string[]) => `\ufeff# Title\r\n${urls.map(markup).join('\r\n')}\r\nend`;
  const { from, read } = house(readme(REPLACED.map(([url]) => url)));
  const { exitCode, stdout, stderr } = await from('--write');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(read()).toBe(readme(REPLACED.map(([, stem]) => shields(`alpha-one/${stem}`))));
  expect(stdout).toMatch(/^(\d+) badges of \1 replaced in README$/m);
  // What is replaced is ours by now.
  expect((await from('--write')).stdout).toBe('0 badges of 0 replaced in README\n');
});

it('embed --from leaves our own badges as they look, those of groups too, and the mode of the file', async () => {
  const ours = `${shields('alpha-one/downloads-7d-non-ci')}&style=flat ${shields('both/downloads-30d-non-ci')}`;
  const others = `https://img.shields.io/pypi/dm/alpha-one?label=it's https://img.shields.io/pypi/dm/naïve`;
  const { folder, from, read } = house(`${ours} ${others}`);
  chmodSync(join(folder, 'README'), 0o640);
  expect((await from('--write')).stdout).toContain('1 badge of 1 replaced in README\n');
  expect(read()).toBe(
    `${ours} ${shields('alpha-one/downloads-30d-non-ci')} https://img.shields.io/pypi/dm/naïve`,
  );
  expect(statSync(join(folder, 'README')).mode & 0o777).toBe(0o640);
});

it('embed --from prints what both badges count, and writes nothing', async () => {
  const text = '\n![](https://img.shields.io/pypi/dm/alpha-one) ![](https://img.shields.io/pypi/dm/beta)';
  const { from, read } = house(text);
  const { stdout } = await from();
  expect(stdout).toBe(
    `README:2: https://img.shields.io/pypi/dm/alpha-one
  counts downloads as pypistats.org counts them: CI runs, scripts and browsers among them, four mirrors left out
replaced by
  ${shields('alpha-one/downloads-30d-non-ci')}
  counts non-CI PyPI downloads of alpha-one by installers in 30 days (BigQuery)

README:2: https://img.shields.io/pypi/dm/beta
  counts downloads as pypistats.org counts them: CI runs, scripts and browsers among them, four mirrors left out
  beta is not in tracked.yaml, so nothing replaces it

1 badge of 2 to replace in README; nothing was written: add --write
`,
  );
  expect(read()).toBe(text);
});

it('embed --from leaves other badges alone, follows a link to the README, and refuses what is no text', async () => {
  const others =
    'https://img.shields.io/pypi/v/alpha-one https://img.shields.io/pypi/dm/alpha-one\\_x https://img.shields.io/pypi/dm/alpha-one{x https://img.shields.io/pypi/dmx/alpha-one https://pepy.tech/project/alpha-one';
  const { folder, from, read } = house(others);
  expect((await from('--write')).stdout).toBe('0 badges of 0 replaced in README\n');
  expect(read()).toBe(others);
  writeFileSync(join(folder, 'README'), 'https://pepy.tech/badge/alpha-one');
  symlinkSync('README', join(folder, 'link'));
  await runMain(folder, ['embed', '--from', 'link', '--write']);
  expect(read()).toBe(shields('alpha-one/total-non-ci'));
  writeFileSync(join(folder, 'README'), new Uint8Array([0xff, 0xfe]));
  expect(await from('--write')).toMatchObject({
    exitCode: 2,
    stderr: '--from README: the file is not UTF-8 text\n',
  });
  expect(await runMain(folder, ['embed', '--from', '/dev/zero'])).toMatchObject({
    exitCode: 2,
    stderr: '--from /dev/zero: a device stands where a file should be; put the right file in its place\n',
  });
  for (const argv of [['--from', 'none'], ['--from', 'README', '-p', 'alpha-one'], ['--write']]) {
    expect((await runMain(folder, ['embed', ...argv])).exitCode).toBe(2);
  }
});
