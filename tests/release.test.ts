import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withBadges } from '../scripts/readme-badges.mjs';
import { releaseNotes, versionOf } from '../scripts/release-notes.mjs';
import { placesOf, repositoryOf, UNKNOWN, withAddress, withRepository } from '../scripts/set-repository.mjs';

const CHANGELOG = `# Changelog

## [Unreleased]

## [1.1.0] - 2026-05-01

### Added

- A thing.

## [1.0.1] - 2026-04-02

### Fixed

## [1.0.0] - 2026-04-01

- First.

## [0.9.0]

- No date.

[1.0.0]: https://example.com
`;

it('the notes of a release are its section', () => {
  const notes = ['1.1.0', '1.0.0'].map((version) => releaseNotes(CHANGELOG, version));
  expect(notes).toEqual(['### Added\n\n- A thing.\n', '- First.\n']);
});

it.each([
  ['1.0.1', /says nothing of 1\.0\.1/],
  ['1.0', /no section "## \[1\.0\]/],
  ['0.9.0', /has no date/],
])('there are no notes of %s', (version, sentence) => {
  expect(() => releaseNotes(CHANGELOG, version)).toThrow(sentence);
});

it('a tag is of the version that package.json says', () => {
  expect(versionOf('v1.2.3', { version: '1.2.3' })).toBe('1.2.3');
  expect(() => versionOf('v1.2.4', { version: '1.2.3' })).toThrow('v1.2.3, which package.json says');
  expect(() => versionOf('', { version: '1.2.3' })).toThrow();
});

describe('withRepository', () => {
  it('names the repository that publishes', () => {
    expect(withRepository({ name: 'a' }, 'alice/project')).toEqual({
      name: 'a',
      repository: { type: 'git', url: 'git+https://github.com/alice/project.git' },
      bugs: { url: 'https://github.com/alice/project/issues' },
    });
    expect(repositoryOf(withRepository({}, 'alice/project'))).toBe('alice/project');
    expect(repositoryOf({ repository: undefined })).toBe(UNKNOWN);
    for (const none of [undefined, 'alice/project/x']) {
      expect(() => withRepository({}, none)).toThrow('not owner/name');
    }
  });

  it('is what every place has, or all of them have what stands for it', () => {
    const root = join(import.meta.dirname, '..');
    const read = (path: string) => readFileSync(join(root, path), 'utf8');
    const current = repositoryOf(JSON.parse(read('package.json')));
    const places = placesOf(root);
    const used = places.flatMap((path) => [...read(path).matchAll(/uses: ([\w.-]+\/pypi-badges)@/g)]);
    expect(used.length).toBeGreaterThan(5);
    expect(new Set(used.map(([, repository]) => repository))).toEqual(new Set([current]));
    // A place that the script does not know would be left out.
    const files = ['.github', 'action', 'deploy', 'docs', 'examples', 'python', 'src'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(root, join(entry.parentPath, entry.name))),
    );
    const rest = [...files, ...readdirSync(root).filter((name) => /\.(md|ya?ml)$/.test(name))];
    expect(rest.filter((path) => read(path).includes(UNKNOWN) && !places.includes(path))).toEqual([]);
    for (const path of places) {
      const once = withAddress(read(path), current, 'alice/badges');
      expect(once).not.toContain(UNKNOWN);
      expect(once).not.toContain('`OWNER`');
      // When the repository moves, nothing of its old address stays.
      expect(withAddress(once, 'alice/badges', 'bob/badges')).not.toContain('alice/');
    }
  });
});

describe('live badges', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

  it("take the place of the demo's, and may be made again", () => {
    const live = withBadges(readme, 'alice/badges', ['demo']);
    expect(live).toContain(
      '[![Non-CI downloads of demo](https://img.shields.io/endpoint?url=https%3A%2F%2Fraw.githubusercontent.com%2Falice%2Fbadges%2Fbadges%2Fdemo%2Fdownloads-30d-non-ci.json)](https://pypi.org/project/demo/)',
    );
    expect(live).toContain('(https://github.com/alice/badges/actions/workflows/ci.yml/badge.svg)');
    expect(live).not.toContain('docs/images/example-young.svg');
    expect(withBadges(live, 'alice/badges', ['demo'])).toBe(live);
    // Everything else stays.
    const rest = (text: string) => text.replace(/<!-- badges -->[\s\S]*<!-- \/badges -->/, '');
    expect(rest(live)).toBe(rest(readme));
  });

  it('are refused without a repository, or a place for them', () => {
    expect(() => withBadges(readme, 'nobody', [])).toThrow('GITHUB_REPOSITORY is "nobody", not owner/name');
    expect(() => withBadges('# x\n', 'a/b', [])).toThrow('README.md has no block of badges');
  });
});
