// Writes where this repository is into every place that says it: `repository` and `bugs` of package.json, from where the
// report of a fault takes it, and what documentation and examples have people copy. Run it when the repository gets its
// address, or another: node scripts/set-repository.mjs owner/name. The release runs it with GITHUB_REPOSITORY.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** What stands for the repository until it has an address. */
export const UNKNOWN = ['OWNER', 'pypi-badges'].join('/');

/** What explains that. */
const EXPLANATION = / `OWNER` is the account[\s\S]*?GitHub\./;

/** package.json with the addresses that follow from a repository on GitHub. */
export function withRepository(manifest, repository, server = 'https://github.com') {
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository ?? '')) {
    throw new Error(`the repository is ${JSON.stringify(repository)}, not owner/name`);
  }
  const address = `${server}/${repository}`;
  return {
    ...manifest,
    repository: { type: 'git', url: `git+${address}.git` },
    bugs: { url: `${address}/issues` },
  };
}

/** The repository that package.json names, as owner/name, or what stands for it. */
export function repositoryOf({ repository }) {
  return /([\w.-]+\/[\w.-]+)\.git$/.exec(repository?.url ?? '')?.[1] ?? UNKNOWN;
}

/** A text with the repository in place of the one before. */
export function withAddress(text, before, repository) {
  return text.replaceAll(before, () => repository).replace(EXPLANATION, '');
}

/** Paths of what people copy from, relative to the root. */
export function placesOf(root) {
  const files = ['docs', 'examples'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((name) => join(folder, name)),
  );
  return ['README.md', ...files.filter((path) => /\.(md|ya?ml)$/.test(path))];
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const { GITHUB_REPOSITORY, GITHUB_SERVER_URL } = process.env;
  const repository = process.argv[2] ?? GITHUB_REPOSITORY;
  const before = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const manifest = withRepository(before, repository, GITHUB_SERVER_URL);
  writeFileSync(join(root, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const path of placesOf(root)) {
    const text = readFileSync(join(root, path), 'utf8');
    writeFileSync(join(root, path), withAddress(text, repositoryOf(before), repository));
  }
}
