// What the workflow asks for: inputs and the runner's variables, as one object. Pure.
import { join } from 'node:path';

/** What the person who wrote the workflow must mend. The message is for them. */
export class Refusal extends Error {
  name = 'Refusal';
}

const YES = new Set(['true', 'True', 'TRUE']);
const NO = new Set(['', 'false', 'False', 'FALSE']);

/** An input, without the blanks that a block of YAML leaves around it. */
const input = (env, name) => (env[`INPUT_${name}`] ?? '').trim();

function flag(env, name) {
  const text = input(env, name);
  if (YES.has(text)) return true;
  if (NO.has(text)) return false;
  throw new Refusal(`${name.toLowerCase()}: ${text} is neither true nor false`);
}

/** Names between commas, spaces or line ends, or as a list of YAML. */
export function splitNames(text) {
  return text.split(/[\s,]+/).filter((name) => name !== '' && name !== '-');
}

/** Characters that git takes in a branch's name and that mean nothing in an address. */
const BRANCH = /^(?!.*(?:\.\.|\/\/|\.lock(?:\/|$)|\/\.))[A-Za-z0-9_][A-Za-z0-9_./-]*(?<![./])$/;

/** Where GitHub serves the files of a branch as they are. */
export function rawUrl(server, repository, branch) {
  return server === 'https://github.com'
    ? `https://raw.githubusercontent.com/${repository}/${branch}`
    : `${server}/${repository}/raw/${branch}`;
}

/**
 * @param env The step's environment.
 * @param event The payload of the event that started the workflow; `{}` if it is not known.
 * @throws Refusal if it can't be done, with what to do.
 */
export function readSettings(env, event) {
  const packages = splitNames(input(env, 'PACKAGES'));
  const config = input(env, 'CONFIG') || 'tracked.yaml';
  // As github.ref has it.
  const branch = (input(env, 'BRANCH') || 'badges').replace(/^refs\/heads\//, '');
  const check = flag(env, 'CHECK');
  if (!BRANCH.test(branch) || /^(refs\/|HEAD$)/.test(branch))
    throw new Refusal(
      `branch: ${branch} is no name of a branch, or has other than letters, digits, '.', '_', '-' and '/' in it`,
    );
  if (branch === event.repository?.default_branch || `refs/heads/${branch}` === env.GITHUB_REF) {
    throw new Refusal(
      `branch: ${branch} holds your sources, and what is published replaces the whole branch; choose another name, such as badges`,
    );
  }
  if (!check && /^pull_request/.test(env.GITHUB_EVENT_NAME ?? '')) {
    throw new Refusal(
      'a pull request publishes nothing: from a fork it may not, and its list has not been reviewed; run this on a schedule or by hand, and for pull requests set check: true',
    );
  }
  // Undefined where no action.yml has started this.
  if (!check && env.INPUT_TOKEN?.trim() === '') {
    throw new Refusal(
      "token: it is empty, as a secret is that is not set or that this workflow may not see; set it, or leave the input out for the workflow's own token",
    );
  }
  const server = env.GITHUB_SERVER_URL || 'https://github.com';
  const repository = env.GITHUB_REPOSITORY ?? '';
  return {
    packages,
    config,
    branch,
    check,
    source: input(env, 'SOURCE') || undefined,
    publishHealth: flag(env, 'HEALTH'),
    pages: flag(env, 'PAGES'),
    token: input(env, 'TOKEN'),
    isOwnToken: env.TOKEN_IS_OWN === 'true',
    server,
    repository,
    remote: `${server}/${repository}.git`,
    /** Undefined: that of tracked.yaml, else that of GitHub's raw files. */
    publicUrl: input(env, 'PUBLIC_URL') || undefined,
    rawUrl: rawUrl(server, repository, branch),
    runUrl: env.GITHUB_RUN_ID ? `${server}/${repository}/actions/runs/${env.GITHUB_RUN_ID}` : undefined,
    workspace: env.GITHUB_WORKSPACE || env.PWD || '.',
    work: join(env.RUNNER_TEMP || '/tmp', 'pypi-badges'),
    isPrivate: event.repository?.private === true,
    isFork: event.repository?.fork === true,
  };
}
