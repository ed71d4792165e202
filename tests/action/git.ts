import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { tempFolder } from '../support/temp-folder.ts';

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
  /** The message of a package's badge over 30 days. */
  messageOf(name: string): string;
  /** How many commits a branch has; 0 if there is none. */
  commits(branch?: string): number;
}

const SOMEBODY = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];

/** Makes an empty bare repository called alice/project, gone once the test is over. */
export function makeOrigin(): Origin {
  const folder = tempFolder();
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
      const found = git('ls-tree', '-r', branch).matchAll(/^\d+ blob ([0-9a-f]+)\t(.*)$/gm);
      return Object.fromEntries([...found].map(([, sha = '', name = '']) => [name, sha]));
    },
    messageOf: (name) => JSON.parse(git('show', `badges:${name}/downloads-30d-non-ci.json`)).message,
    commits: (branch = 'badges') => (has(branch) ? Number(git('rev-list', '--count', branch)) : 0),
  };
}

/** Starts the Action's program for alice/project, without a workflow around it; what it says comes with how it ends. */
export function startMain(origin: Origin, env: Record<string, string>) {
  const main = join(import.meta.dirname, '../../action/main.mjs');
  const usual = { GITHUB_REPOSITORY: 'alice/project', GIT_CONFIG_GLOBAL: origin.config };
  return execa('node', [main], { env: { ...usual, ...env }, reject: false, all: true });
}

/** The names of the packages whose ledgers are in the branch. */
export function ledgersIn(origin: Origin): (string | undefined)[] {
  const paths = Object.keys(origin.files()).filter((path) => path.startsWith('.state/ledger/'));
  return paths.map((path) => path.split('/').at(-1));
}
