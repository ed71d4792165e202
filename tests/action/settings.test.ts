import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { readSettings, splitNames } from '../../action/settings.mjs';
import { tempFolder } from '../support/temp-folder.ts';

const env = { GITHUB_REPOSITORY: 'alice/project', GITHUB_EVENT_NAME: 'schedule' };
const event = { repository: { default_branch: 'trunk' } };

describe('readSettings', () => {
  it('needs nothing', () => {
    expect(readSettings(env, {})).toMatchObject({
      packages: [],
      config: 'tracked.yaml',
      branch: 'badges',
      source: undefined,
      check: false,
      publishHealth: false,
      remote: 'https://github.com/alice/project.git',
      rawUrl: 'https://raw.githubusercontent.com/alice/project/badges',
      isPrivate: false,
      isFork: false,
    });
  });

  it('knows where an own GitHub serves raw files', () => {
    const { rawUrl } = readSettings({ ...env, GITHUB_SERVER_URL: 'https://git.example.com' }, {});
    expect(rawUrl).toBe('https://git.example.com/alice/project/raw/badges');
  });

  const SOURCES = /holds your sources/;
  const NO_PULL = /a pull request publishes nothing.*check: true/;
  it.each([
    ['the branch of the sources', { INPUT_BRANCH: 'trunk' }, SOURCES],
    ['the branch of the workflow', { INPUT_BRANCH: 'dev', GITHUB_REF: 'refs/heads/dev' }, SOURCES],
    ['the branch of the sources as a ref', { INPUT_BRANCH: 'refs/heads/trunk' }, SOURCES],
    ['an empty token', { INPUT_TOKEN: ' ' }, /^token: it is empty/],
    ['a pull request', { GITHUB_EVENT_NAME: 'pull_request' }, NO_PULL],
    ['a pull request with rights', { GITHUB_EVENT_NAME: 'pull_request_target' }, NO_PULL],
    ['neither yes nor no', { INPUT_HEALTH: 'yes' }, /health: yes is neither true nor false/],
  ])('refuses %s', (_, more, sentence) => {
    expect(() => readSettings({ ...env, ...more }, event)).toThrow(sentence);
  });

  it.each([
    ...['refs/tags/v1', 'HEAD', 'a b', '..', 'a..b', 'a.lock', '-b', 'a//b', 'a/', 'a.', 'a/.b'],
    ...['a+b', 'a?b', 'a#b', 'a%b'],
  ])('takes %s for no branch', (name) => {
    const says = `${name} is no name of a branch, or has other than letters, digits, `;
    expect(() => readSettings({ ...env, INPUT_BRANCH: name }, event)).toThrow(says);
  });

  it('takes a branch as github.ref has it, and a token without its line end', () => {
    const more = { INPUT_BRANCH: 'refs/heads/badges', INPUT_TOKEN: 'secret\n', TOKEN_IS_OWN: 'true' };
    expect(readSettings({ ...env, ...more }, event)).toMatchObject({
      branch: 'badges',
      token: 'secret',
      isOwnToken: true,
      rawUrl: 'https://raw.githubusercontent.com/alice/project/badges',
    });
  });

  it('takes inputs without the blanks that a block of YAML leaves around them', () => {
    const inputs = ['CONFIG', 'BRANCH', 'SOURCE', 'PUBLIC_URL'].map((name) => [`INPUT_${name}`, ' x\n']);
    const more = { ...Object.fromEntries(inputs), INPUT_PAGES: 'true\n', INPUT_HEALTH: ' ' };
    expect(readSettings({ ...env, ...more }, event)).toMatchObject({
      config: 'x',
      branch: 'x',
      source: 'x',
      publicUrl: 'x',
      pages: true,
      publishHealth: false,
    });
  });

  it('needs no token to check a list, and lets a pull request do it', () => {
    const more = { INPUT_TOKEN: '', INPUT_CHECK: 'true', GITHUB_EVENT_NAME: 'pull_request' };
    expect(readSettings({ ...env, ...more }, event).check).toBe(true);
  });

  it('splits names as people write them', () => {
    expect(splitNames(' a, b\nc ,d,,\n')).toEqual(['a', 'b', 'c', 'd']);
    expect(splitNames('- a\n- b-c\n')).toEqual(['a', 'b-c']);
  });
});

it.each(['.', 'gone.yaml', 'README.md/tracked.yaml'])('%s is refused as a list', async (list) => {
  const root = join(import.meta.dirname, '../..');
  const env = { INPUT_CONFIG: list, INPUT_CHECK: 'true', GITHUB_WORKSPACE: root, RUNNER_TEMP: tempFolder() };
  const options = { env, extendEnv: false, reject: false };
  const { stdout, exitCode } = await execa(process.execPath, [join(root, 'action/main.mjs')], options);
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/^::error title=pypi-badges::\S+: there is no such file in the workspace; /);
});
