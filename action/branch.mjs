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

/** The first version that reads GIT_CONFIG_COUNT, by which the token is handed over. */
const GIT_MINIMUM = [2, 31];

const TOKEN_RIGHTS = ({ repository, isOwnToken }) =>
  isOwnToken
    ? 'add "permissions: contents: write" to it. In a fork\'s pull request the token can only read; an organization can forbid writing for all workflows (Settings, Actions, Workflow permissions)'
    : `give a token that may read and write the contents of ${repository}, or leave the input token out`;

/**
 * What a failed git command met, by its words or GitHub's: the first that fits. `moved`: somebody else has pushed;
 * `passing`: worth another try. A kind without a sentence is told by git's own words alone.
 */
const FAULTS = [
  {
    kind: 'archived',
    says: /archived so it is read-only/i,
    sentence: ({ repository }) =>
      `${repository} is archived, and takes no push; unarchive it (Settings), or publish from another repository`,
  },
  {
    kind: 'allow-list',
    says: /IP allow list/i,
    sentence: () =>
      "the organization lets in the addresses of its IP allow list only, and this runner's is none of them; run this on one that is listed",
  },
  {
    kind: 'single-sign-on',
    says: /SAML SSO|single sign-on/i,
    sentence: () =>
      'the organization asks for single sign-on; authorize the token for it in the settings of your tokens',
  },
  {
    kind: 'too-large',
    says: /GH001|exceeds .*(file|pack|size) |pack exceeds|(error:|HTTP) 413/i,
    sentence: ({ server }) =>
      `${server} does not take what is published, as it is too large; give a long list several branches`,
  },
  {
    kind: 'protected',
    says: /GH006|GH013|protected branch|rule violations/i,
    sentence: ({ repository, branch }) =>
      `the branch ${branch} of ${repository} is protected from pushing; leave it out of the rules (Settings, Rules and Branches; force pushes must be allowed), or choose another name with branch:`,
  },
  {
    kind: 'collides',
    says: /exists; cannot create|directory file conflict/i,
    sentence: ({ branch }) => `a branch stands in the way of ${branch}; choose another name with branch:`,
  },
  {
    kind: 'moved',
    says: /stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref|reference already exists/i,
  },
  {
    kind: 'missing',
    says: /repository (.* )?not found|error: 404/i,
    sentence: (settings) =>
      `${settings.server} has no ${settings.repository} for this token, as of a private repository that the workflow may not read; ${TOKEN_RIGHTS(settings)}`,
  },
  {
    kind: 'forbidden',
    says: /error: 403|Permission to .* denied|not granted|resource not accessible/i,
    sentence: (settings) => `the workflow may not write to ${settings.repository}; ${TOKEN_RIGHTS(settings)}`,
  },
  {
    kind: 'credentials',
    says: /error: 401|Authentication failed|could not read Username|Invalid username/i,
    sentence: ({ server, repository, isOwnToken }) =>
      isOwnToken
        ? `${server} does not accept the workflow's own token, which is good while the job runs; run it again`
        : `${server} does not accept the token; leave the input token out, or give one that may write to ${repository}`,
  },
  { kind: 'refused', says: /(error:|HTTP) (?!408|429)4\d\d|remote rejected|hook declined/i },
  {
    kind: 'passing',
    says: /error: (408|429|5\d\d)|Could not resolve host|timed out|Connection (reset|refused)|unexpected disconnect|early EOF|RPC failed|remote end hung up/i,
    sentence: ({ server }) => `${server} could not be reached`,
  },
];

/** What a failed git command met, by its words. */
export function remoteFault(words) {
  return FAULTS.find(({ says }) => says.test(words))?.kind ?? 'unknown';
}

/** Characters of git's words in a message. */
const WORDS_MAX = 500;

/**
 * What git and the server have said, without what only says that it went wrong, in one line; what a program of the
 * runner has said that git ran, where they have said nothing.
 */
export function gitWords(text) {
  const all = text
    .split(/[\n\r]/)
    .filter(
      (line) => /\S/.test(line) && !/failed to push some refs|the remote end hung up|^(To |Done$)/.test(line),
    );
  const told = all.flatMap((line) => /^\s*(?:remote:|fatal:|error:|!)\s*(.*\S)/.exec(line)?.[1] ?? []);
  const words = [...new Set(told.length > 0 ? told : all.slice(-1))]
    .join(' | ')
    .replaceAll(/[\s\p{Cc}]+/gu, ' ');
  if (words === '') return 'nothing';
  return words.length > WORDS_MAX ? `${words.slice(0, WORDS_MAX)}…` : words;
}

/**
 * Why git did not do what was asked, and what is known to help.
 *
 * @param words What git has printed.
 * @param settings As settings.mjs reads them.
 */
export function refusal(words, settings) {
  const { sentence } = FAULTS.find(({ says }) => says.test(words)) ?? {};
  const { branch, repository } = settings;
  const said = sentence?.(settings) ?? `git could not read or write the branch ${branch} of ${repository}`;
  return new Refusal(`${said}. git said: ${gitWords(words)}`);
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
    // What a runner's own configuration asks for is for people's commits.
    ['core.hooksPath', '/dev/null'],
    ['push.gpgSign', 'false'],
    ['push.pushOption', ''],
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
    GIT_ATTR_NOSYSTEM: '1',
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
    if (code !== 0) throw new Refusal(`git ${args[0]} failed on this runner. git said: ${gitWords(stderr)}`);
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
    if (kind !== 'ok') throw refusal(`${stdout}${stderr}`, settings);
    return stdout.toString();
  }

  /**
   * The branches of the remote that this one cannot be beside, as git keeps a branch as a file: `badges` and `badges/a`.
   *
   * @returns The commit of this one, if it is there.
   */
  async function findBranch() {
    const folders = branch.split('/').map((_, at, parts) => parts.slice(0, at + 1).join('/'));
    const patterns = [...folders, `${branch}/*`].map((name) => `refs/heads/${name}`);
    const lines = (await demand(['ls-remote', remote, ...patterns])).split('\n');
    const heads = new Map(lines.map((each) => each.split('\t').toReversed()));
    const inTheWay = [...heads.keys()].find(
      (name) => ref.startsWith(`${name}/`) || name?.startsWith(`${ref}/`),
    );
    if (inTheWay) {
      const other = inTheWay.slice('refs/heads/'.length);
      throw new Refusal(
        `branch: ${branch} cannot be beside the branch ${other} of ${settings.repository}: git takes one as a folder of the other; choose another name, or delete ${other}`,
      );
    }
    return heads.get(ref);
  }

  return {
    async init() {
      const found = await line(['version']);
      const [, major, minor] = /(\d+)\.(\d+)/.exec(found) ?? [];
      if (
        Number(major) < GIT_MINIMUM[0] ||
        (Number(major) === GIT_MINIMUM[0] && Number(minor) < GIT_MINIMUM[1])
      ) {
        throw new Refusal(
          `${found} is too old for this Action, which hands the token to git in the environment; install git ${GIT_MINIMUM.join('.')} or later on the runner`,
        );
      }
      await must(['init', '--quiet', '--bare', '--object-format=sha1', join(folder, 'git')]);
    },

    /** @returns The commit that the branch is at; undefined if there is no such branch. */
    async fetch() {
      for (;;) {
        if ((await findBranch()) === undefined) return undefined;
        const { kind, stderr } = await talk(['fetch', '--quiet', '--depth=1', '--no-tags', remote, ref]);
        // It was deleted between the two.
        if (kind !== 'ok' && /couldn't find remote ref/i.test(stderr)) continue;
        if (kind !== 'ok') throw refusal(stderr, settings);
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
      const { kind, stdout, stderr } = await talk(['push', '--porcelain', lease, remote, `${commit}:${ref}`]);
      if (kind === 'ok' || kind === 'moved') return kind === 'ok' ? 'pushed' : 'moved';
      throw refusal(`${stdout}${stderr}`, settings);
    },
  };
}

/** Folders and files; not the sockets of a lock, nor what a killed run left half-written. */
function isPlain(path) {
  const stats = lstatSync(path);
  return stats.isDirectory() || (stats.isFile() && !path.endsWith('.tmp'));
}
