import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../src/badges/catalogue.ts';
import { runMain } from '../support/context.ts';
import { tempFolder } from '../support/temp-folder.ts';

function project(publicUrl = '  public_url: https://badges.example.com/x/\n'): string {
  const folder = tempFolder();
  writeFileSync(
    join(folder, 'tracked.yaml'),
    `service:\n  output_dir: output\n${publicUrl}packages:\n  - {name: alpha, window_days: [30, 7]}\n  - beta\n`,
  );
  return folder;
}
const embed = (argv: string[], folder = project()) => runMain(folder, ['embed', ...argv]);
const shields = (path: string) =>
  `https://img.shields.io/endpoint?url=https%3A%2F%2Fbadges.example.com%2Fx%2F${path.replaceAll('/', '%2F')}`;

describe('embed', () => {
  it('prints the hero of every package and window as Markdown', async () => {
    const { exitCode, stdout, stderr } = await embed([]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[1]).toBe(
      `[![Non-CI PyPI downloads of alpha by installers in 7 days (BigQuery)](${shields('alpha/downloads-7d-non-ci.json')})](https://pypi.org/project/alpha/)`,
    );
    expect(lines[2]).toContain('https://pypi.org/project/beta/');
  });

  it('takes packages, badges, a format and the SVG', async () => {
    const some = ['-p', 'Beta', '-b', 'os-macos', '--badge', 'installer-uv', '--format', 'url'];
    expect((await embed(some)).stdout).toBe(
      `${shields('beta/installer-uv-30d-non-ci.json')}\n${shields('beta/os-macos-30d-non-ci.json')}\n`,
    );
    expect((await embed([...some, '--svg'])).stdout).toBe(
      'https://badges.example.com/x/beta/installer-uv-30d-non-ci.svg\nhttps://badges.example.com/x/beta/os-macos-30d-non-ci.svg\n',
    );
  });

  it('separates blocks of reStructuredText', async () => {
    const { stdout } = await embed(['--format', 'rst', '-p', 'alpha']);
    expect(stdout.split('\n\n')).toHaveLength(2);
    expect(stdout.startsWith('.. image:: https://img.shields.io/endpoint?url=')).toBe(true);
  });

  it('knows the badges that tracked.yaml asks for, and says where it does not', async () => {
    const folder = project(
      '  public_url: https://badges.example.com/x\nbadges: {extra: [trend, sparkline]}\n',
    );
    const { stdout } = await embed(['-p', 'beta', '-b', 'trend', '-b', 'sparkline'], folder);
    expect(stdout.trimEnd().split('\n')).toEqual([
      `[![Trend of non-CI downloads of beta by installers in 30 days (BigQuery)](${shields('beta/trend-30d-non-ci.json')})](https://pypi.org/project/beta/)`,
      `[![Daily non-CI downloads of beta by installers in 30 days (BigQuery)](https://badges.example.com/x/beta/sparkline-30d-non-ci.svg)](https://pypi.org/project/beta/)`,
    ]);
    const { exitCode, stderr } = await embed(['-p', 'beta', '-b', 'trend']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(
      '--badge trend: tracked.yaml does not ask for it for beta; write under badges: extra: [trend]',
    );
  });

  it('knows shares of Pythons by their ids, and as tracked.yaml asks for them', async () => {
    const list = "facets: {every_days: 7}\nbadges: {extra: ['python>=3.10']}\n";
    const folder = project(`  public_url: https://badges.example.com/x\n${list}`);
    for (const badge of ['python-3-10', 'python>=3.10']) {
      expect((await embed(['-p', 'alpha', '-b', badge], folder)).stdout).toBe(
        `[![Share of PyPI downloads of alpha by Python ≥ 3.10 on known days (BigQuery)](${shields('alpha/python-3-10-non-ci.json')})](https://pypi.org/project/alpha/)\n`,
      );
    }
    const { exitCode, stderr } = await embed(['-b', 'python-3-9'], folder);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('does not ask for it for alpha, beta; write under badges: extra: [python>=3.9]');
  });

  it('prints a picture for light and dark pages as HTML, the light one for PyPI, and one that adapts elsewhere', async () => {
    const folder = project('  public_url: https://badges.example.com/x\nbadges: {extra: [chart]}\n');
    const stem = 'https://badges.example.com/x/beta/chart-30d-non-ci';
    const alt = 'Chart of non-CI downloads of beta by installers in 30 days (BigQuery)';
    const argv = ['-p', 'beta', '-b', 'chart'];
    expect((await embed([...argv, '--format', 'html'], folder)).stdout).toBe(
      `<a href="https://pypi.org/project/beta/"><picture><source media="(prefers-color-scheme: dark)" srcset="${stem}-dark.svg"><img src="${stem}-light.svg" width="720" alt="${alt}"></picture></a>\n`,
    );
    expect((await embed([...argv, '--format', 'url'], folder)).stdout).toBe(`${stem}.svg\n`);
  });

  it('knows every badge of the catalogue by its id', async () => {
    for (const { id } of CATALOGUE) {
      const { stdout } = await embed(['-p', 'beta', '-b', id, '--format', 'url', '--svg']);
      expect(stdout).toBe(`https://badges.example.com/x/beta/${id}-30d-non-ci.svg\n`);
    }
  });

  it.each([
    [
      ['--badge', 'installer-vu'],
      '--badge installer-vu: unknown; did you mean installer-uv? choose from downloads, ',
    ],
    [['--badge', 'stars'], '--badge stars: unknown; choose from downloads, installer-pip, '],
    [['--format', 'bbcode'], '--format bbcode: unknown; choose one of markdown, rst, html, url'],
    [['--package', 'alhpa'], '--package alhpa: not tracked in tracked.yaml; did you mean alpha?'],
  ])('refuses %j', async (argv, message) => {
    const { exitCode, stdout, stderr } = await embed(argv);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr.startsWith(message)).toBe(true);
  });

  it('says what is missing where there is no public_url', async () => {
    const { exitCode, stdout, stderr } = await embed([], project(''));
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toBe(
      'tracked.yaml: service.public_url is missing, so nobody knows where the badges are served; add a line such as\n  public_url: https://badges.example.com\n',
    );
  });
});
