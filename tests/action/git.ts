import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { tempFolder } from '../support/temp-folder.ts';

/*
 * A bare repository that stands for GitHub's: git is told to look there instead.
 */

export type Origin = ReturnType<typeof makeOrigin>;

const SOMEBODY = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];

/** Makes an empty bare repository called alice/project, gone once the test is over. */
export function makeOrigin() {
  const folder = tempFolder();
  const path = join(folder, 'alice/project.git');
  mkdirSync(path, { recursive: true });
  /** Sends https://github.com/ there. */
  const config = join(folder, 'gitconfig');
  writeFileSync(config, `[url "file://${folder}/"]\n\tinsteadOf = https://github.com/\n`);
  /** What a git command prints that is run in it. */
  const git = (...args: string[]) =>
    execFileSync('git', ['--git-dir', path, ...SOMEBODY, ...args], { encoding: 'utf8' }).trim();
  git('init', '--quiet', '--bare', '-b', 'main');
  return {
    ...{ folder, path, config, git },
    /** The files of the branch of the badges, by path. */
    files() {
      const found = git('ls-tree', '-r', 'badges').matchAll(/^\d+ blob ([0-9a-f]+)\t(.*)$/gm);
      return Object.fromEntries([...found].map(([, sha = '', name = '']) => [name, sha]));
    },
    /** What the badge of a package over 30 days says. */
    messageOf: (name: string) =>
      JSON.parse(git('show', `badges:${name}/downloads-30d-non-ci.json`)).message as string,
    /** How many commits its branches have. */
    commits: () => Number(git('rev-list', '--count', '--branches')),
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
