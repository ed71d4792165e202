// Puts live badges into README.md: CI, the version on npm, and those of this repository's own list, which its workflow
// `badges.yml` renews. Run it once the repository has its address: GITHUB_REPOSITORY=owner/name node scripts/readme-badges.mjs
// Until then the demo's badges stand there, as a picture that nobody serves would be a broken one.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parse } from 'yaml';

const BLOCK = /<!-- badges -->\n[\s\S]*?\n<!-- \/badges -->/;

/** An address as one parameter of another: shields.io's own way to name an endpoint file. */
const endpoint = (url) => `https://img.shields.io/endpoint?url=${encodeURIComponent(url)}`;

/**
 * README's text with live badges in its block.
 *
 * @param {string} readme
 * @param {string} repository owner/name
 * @param {string[]} packages Normalized names of the list.
 */
export function withBadges(readme, repository, packages) {
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository ?? '')) {
    throw new Error(`GITHUB_REPOSITORY is ${JSON.stringify(repository)}, not owner/name`);
  }
  if (!BLOCK.test(readme)) throw new Error('README.md has no block of badges');
  const page = `https://github.com/${repository}`;
  const published = `https://raw.githubusercontent.com/${repository}/badges`;
  const lines = [
    `[![CI](${page}/actions/workflows/ci.yml/badge.svg)](${page}/actions/workflows/ci.yml)`,
    '[![npm](https://img.shields.io/npm/v/pypi-badges)](https://www.npmjs.com/package/pypi-badges)',
    ...packages.map(
      (name) =>
        `[![Non-CI downloads of ${name}](${endpoint(`${published}/${name}/downloads-30d-non-ci.json`)})](https://pypi.org/project/${name}/)`,
    ),
  ];
  return readme.replace(BLOCK, () => `<!-- badges -->\n${lines.join('\n')}\n<!-- /badges -->`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const file = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
  const { packages } = parse(readFileSync(file('tracked.yaml'), 'utf8'));
  const names = packages.map((entry) => (typeof entry === 'string' ? entry : entry.name));
  const normalized = [...new Set(names.map((name) => name.toLowerCase().replaceAll(/[-_.]+/g, '-')))];
  const readme = readFileSync(file('README.md'), 'utf8');
  writeFileSync(file('README.md'), withBadges(readme, process.env.GITHUB_REPOSITORY, normalized));
}
