// Writes where this repository is into package.json, before it is published: npm compares `repository` with the
// workflow that publishes. GITHUB_REPOSITORY (owner/name) is the one place that says it, so that a fork, or a
// repository that moves, changes no file.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** package.json with the addresses that follow from a repository on GitHub. */
export function withRepository(manifest, repository, server = 'https://github.com') {
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository ?? '')) {
    throw new Error(`GITHUB_REPOSITORY is ${JSON.stringify(repository)}, not owner/name`);
  }
  const address = `${server}/${repository}`;
  return {
    ...manifest,
    repository: { type: 'git', url: `git+${address}.git` },
    bugs: { url: `${address}/issues` },
  };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const path = new URL('../package.json', import.meta.url);
  const { GITHUB_REPOSITORY, GITHUB_SERVER_URL } = process.env;
  const manifest = withRepository(
    JSON.parse(readFileSync(path, 'utf8')),
    GITHUB_REPOSITORY,
    GITHUB_SERVER_URL,
  );
  writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
}
