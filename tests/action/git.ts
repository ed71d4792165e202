import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/*
 * A bare repository that stands for GitHub's: git is told to look there instead.
 */

export interface Origin {
  readonly folder: string;
  /** Of the bare repository. */
  readonly path: string;
  /** Path of a configuration that sends https://github.com/ there. */
  readonly config: string;
  /** What a git command prints that is run in it. */
  git(...args: string[]): string;
  /** The files of a branch, by path. */
  files(branch?: string): Record<string, string>;
  /** How many commits a branch has; 0 if there is none. */
  commits(branch?: string): number;
}

const SOMEBODY = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];

/** Makes an empty bare repository called alice/project. */
export function makeOrigin(): Origin {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pypi-badges-action-')));
  const path = join(folder, 'alice/project.git');
  mkdirSync(path, { recursive: true });
  const config = join(folder, 'gitconfig');
  writeFileSync(config, `[url "file://${folder}/"]\n\tinsteadOf = https://github.com/\n`);
  const git = (...args: string[]) =>
    execFileSync('git', ['--git-dir', path, ...SOMEBODY, ...args], { encoding: 'utf8' }).trim();
  git('init', '--quiet', '--bare', '-b', 'main');
  const has = (branch: string) => git('for-each-ref', `refs/heads/${branch}`) !== '';
  return {
    folder,
    path,
    config,
    git,
    files(branch = 'badges') {
      const lines = git('ls-tree', '-r', branch).split('\n');
      return Object.fromEntries(
        lines.map((line) => {
          const [, sha = '', name = ''] = /^\d+ blob ([0-9a-f]+)\t(.*)$/.exec(line) ?? [];
          return [name, sha];
        }),
      );
    },
    commits: (branch = 'badges') => (has(branch) ? Number(git('rev-list', '--count', branch)) : 0),
  };
}
