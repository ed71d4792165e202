// The branch that is published: one commit without parents, replaced as a whole. Git is the runner's.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from './settings.mjs';

export const STATE = '.state';
const NO_JEKYLL = '.nojekyll';
const BOT = {
  name: 'github-actions[bot]',
  email: '41898282+github-actions[bot]@users.noreply.github.com',
};
/** Git's name of a tree without files. */
const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

/** What a remote's refusal means. `moved`: somebody else has pushed; `passing`: worth another try. */
const REMOTE = [
  { kind: 'protected', says: /GH006|GH013|protected branch|rule violations|hook declined/i },
  { kind: 'forbidden', says: /error: 403|Permission to .* denied|not granted|resource not accessible/i },
  { kind: 'credentials', says: /error: 401|Authentication failed|could not read Username|Invalid username/i },
  {
    kind: 'moved',
    says: /stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref|reference already exists/i,
  },
  {
    kind: 'passing',
    says: /error: (429|5\d\d)|Could not resolve host|timed out|Connection (reset|refused)|unexpected disconnect|early EOF|RPC failed|remote end hung up/i,
  },
];

/** What a failed git command met, by its words. */
export function remoteFault(stderr) {
  return REMOTE.find(({ says }) => says.test(stderr))?.kind ?? 'unknown';
}

function refusal(kind, stderr, { repository, branch, server }) {
  const sentences = {
    protected: `the branch ${branch} of ${repository} is protected from pushing; leave it out of the rules (Settings, Rules and Branches; force pushes must be allowed), or choose another name with branch:`,
    forbidden: `the workflow may not write to ${repository}; add "permissions: contents: write" to it. In a fork's pull request the token can only read; an organization can forbid writing for all workflows (Settings, Actions, Workflow permissions)`,
    credentials: `${server} does not accept the token; leave the input token out, or give one that may write to ${repository}`,
    passing: `${server} could not be reached`,
  };
  const [last = 'git said nothing'] = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^(fatal|error|remote|!)/.test(line))
    .slice(-1);
  return new Refusal(sentences[kind] ?? `git could not reach the branch ${branch} of ${repository}: ${last}`);
}

/** Waits between tries of what may pass, in milliseconds. */
const WAITS_MS = [1_000, 5_000, 15_000];

/**
 * Opens the branch.
 *
 * @param settings As settings.mjs reads them.
 * @param env The environment of git.
 * @param folder Absolute path of an existing folder for git's own files.
 */
export function openBranch(settings, env, folder, waits = WAITS_MS) {
  const { branch, remote, server, token } = settings;
  const ref = `refs/heads/${branch}`;
  const basic = Buffer.from(`x-access-token:${token}`).toString('base64');
  const count = Number(env.GIT_CONFIG_COUNT ?? 0);
  // The token is handed over in the environment: other users of the machine can read a command line. The empty
  // value takes away what actions/checkout may have set.
  const header = `http.${server}/.extraheader`;
  const config = [
    ['core.autocrlf', 'false'],
    ['core.excludesFile', ''],
    ['core.attributesFile', ''],
    ['gc.auto', '0'],
    ...(token === ''
      ? []
      : [
          [header, ''],
          [header, `AUTHORIZATION: basic ${basic}`],
        ]),
  ];
  const gitEnv = {
    ...env,
    GIT_DIR: join(folder, 'git'),
    GIT_TERMINAL_PROMPT: '0',
    LC_ALL: 'C',
    GIT_AUTHOR_NAME: BOT.name,
    GIT_AUTHOR_EMAIL: BOT.email,
    GIT_COMMITTER_NAME: BOT.name,
    GIT_COMMITTER_EMAIL: BOT.email,
    GIT_CONFIG_COUNT: String(count + config.length),
    ...Object.fromEntries(
      config.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${count + index}`, key],
        [`GIT_CONFIG_VALUE_${count + index}`, value],
      ]),
    ),
  };

  function git(args, more = {}) {
    return new Promise((resolve, reject) => {
      const child = spawn('git', args, { env: { ...gitEnv, ...more }, stdio: ['ignore', 'pipe', 'pipe'] });
      const out = [];
      let stderr = '';
      child.stdout.on('data', (part) => out.push(part));
      child.stderr.on('data', (part) => {
        stderr += part;
      });
      child.on('error', (error) => reject(new Refusal(`git could not be started: ${error.message}`)));
      child.on('close', (code) => resolve({ code, stdout: Buffer.concat(out), stderr }));
    });
  }

  async function must(args, more) {
    const { code, stdout, stderr } = await git(args, more);
    if (code !== 0) throw new Error(`git ${args[0]} exited with ${code}: ${stderr.trim()}`);
    return stdout;
  }

  const line = async (args, more) => (await must(args, more)).toString().trim();

  /** Talks to the remote, again if what it meets may pass. */
  async function talk(args) {
    for (let tries = 0; ; tries += 1) {
      const result = await git(args);
      if (result.code === 0) return { ...result, kind: 'ok' };
      const kind = remoteFault(`${result.stdout}${result.stderr}`);
      if (kind !== 'passing' || tries === waits.length) return { ...result, kind };
      await sleep(waits[tries]);
    }
  }

  async function demand(args) {
    const { kind, stderr, stdout } = await talk(args);
    if (kind !== 'ok') throw refusal(kind, stderr, settings);
    return stdout.toString();
  }

  return {
    async init() {
      await must(['init', '--quiet', '--bare', join(folder, 'git')]);
    },

    /** @returns The commit that the branch is at; undefined if there is no such branch. */
    async fetch() {
      for (;;) {
        const [sha] = (await demand(['ls-remote', remote, ref])).split('\t');
        if (!sha) return undefined;
        const { kind, stderr } = await talk(['fetch', '--quiet', '--depth=1', '--no-tags', remote, ref]);
        // It was deleted between the two.
        if (kind !== 'ok' && /couldn't find remote ref/i.test(stderr)) continue;
        if (kind !== 'ok') throw refusal(kind, stderr, settings);
        const commit = await line(['rev-parse', 'FETCH_HEAD']);
        if (!(await this.paths(commit)).some((path) => path.startsWith(`${STATE}/`) || path === NO_JEKYLL)) {
          throw new Refusal(
            `the branch ${branch} of ${settings.repository} holds something that pypi-badges did not publish, and publishing replaces the whole branch; choose another name with branch:, or delete it`,
          );
        }
        return commit;
      }
    },

    /** Paths of the files of a commit or tree. */
    async paths(tree) {
      return (await must(['ls-tree', '-r', '-z', '--name-only', tree]))
        .toString()
        .split('\0')
        .filter(Boolean);
    },

    /** Paths that differ between two trees; undefined stands for one without files. */
    async changed(before = EMPTY_TREE, after = EMPTY_TREE) {
      const trees = ['diff-tree', '-r', '-z', '--name-only', '--no-renames', before, after];
      return (await must(trees)).toString().split('\0').filter(Boolean);
    },

    /** The content of a file of a tree; undefined if it is not there. */
    async read(tree, path) {
      if (tree === undefined) return undefined;
      const { code, stdout } = await git(['cat-file', 'blob', `${tree}:${path}`]);
      return code === 0 ? stdout : undefined;
    },

    /** Lays the files of a commit into the two folders of a run, in place of what is there. */
    async layOut(commit, { outputDir, stateDir }) {
      for (const place of [outputDir, stateDir]) rmSync(place, { recursive: true, force: true });
      mkdirSync(outputDir, { recursive: true });
      if (commit !== undefined) {
        const index = { GIT_INDEX_FILE: join(folder, 'index') };
        await must(['read-tree', commit], index);
        await must(['checkout-index', '--all', '--force', `--prefix=${outputDir}/`], {
          ...index,
          GIT_WORK_TREE: outputDir,
        });
        if (existsSync(join(outputDir, STATE))) renameSync(join(outputDir, STATE), stateDir);
        rmSync(join(outputDir, NO_JEKYLL), { force: true });
      }
      mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    },

    /**
     * Makes the tree to publish out of the two folders of a run.
     *
     * @param keep Whether a path below the output folder is published.
     * @returns Its name.
     */
    async tree({ outputDir, stateDir }, keep) {
      const stage = join(folder, 'stage');
      rmSync(stage, { recursive: true, force: true });
      cpSync(outputDir, stage, { recursive: true, filter: (path) => isPlain(path) && keep(path) });
      cpSync(stateDir, join(stage, STATE), { recursive: true, filter: isPlain });
      writeFileSync(join(stage, NO_JEKYLL), '');
      const index = { GIT_INDEX_FILE: join(folder, 'index'), GIT_WORK_TREE: stage };
      await must(['read-tree', '--empty'], index);
      await must(['add', '--all', '--force', '.'], { ...index, GIT_WORK_TREE: stage });
      return line(['write-tree'], index);
    },

    /**
     * Finds out whether the branch can be written to, before anything is read that may cost money.
     *
     * @param commit What it is at. If there is no such branch it is made, with nothing to see in it: rules are
     * only told to who pushes for real.
     * @returns What it is at now.
     * @throws Refusal if it cannot.
     */
    async demandWritable(commit, { outputDir, stateDir }) {
      if (commit !== undefined) {
        await demand(['push', '--dry-run', '--porcelain', remote, `${commit}:${ref}`]);
        return commit;
      }
      await this.layOut(undefined, { outputDir, stateDir });
      const first = await this.commit(await this.tree({ outputDir, stateDir }, () => true), 'Begin');
      return (await this.replace(undefined, first)) === 'pushed' ? first : this.fetch();
    },

    treeOf: (commit) => line(['rev-parse', `${commit}^{tree}`]),

    /** @returns The name of a commit without parents. */
    commit: (tree, message) => line(['commit-tree', tree, '-m', message]),

    /**
     * Puts a commit in place of another.
     *
     * @param before What the branch must still be at; undefined if it must not be there.
     * @returns `'moved'` if it is at something else by now.
     * @throws Refusal if the remote refuses for another reason.
     */
    async replace(before, commit) {
      const lease = `--force-with-lease=${ref}:${before ?? ''}`;
      const { kind, stderr } = await talk(['push', '--porcelain', lease, remote, `${commit}:${ref}`]);
      if (kind === 'ok' || kind === 'moved') return kind === 'ok' ? 'pushed' : 'moved';
      throw refusal(kind, stderr, settings);
    },
  };
}

/** Folders and files; not the sockets of a lock, nor what a killed run left half-written. */
function isPlain(path) {
  const stats = lstatSync(path);
  return stats.isDirectory() || (stats.isFile() && !path.endsWith('.tmp'));
}
