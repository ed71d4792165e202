import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Engine, type EngineRow, startEngine } from '../clickhouse/engine.ts';
import { lastDays } from '../support/independent.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { ledgersIn, makeOrigin } from './git.ts';
import { goTool } from './tools.ts';

/*
 * The Action as a workflow runs it: by nektos' act on this machine, with a bare repository for origin and
 * ClickHouse's own engine for the source.
 */

const root = join(import.meta.dirname, '../..');

let engine: Engine;
/** The Action as it is in a clone: nothing that git ignores. */
let action: string;
let act: string;

function downloads(project: string, times: number, days = 30): EngineRow[] {
  const alike = { project, installer: 'pip', system: 'Linux', ci: 'false', times } as const;
  return lastDays(days).map((date) => ({ date, ...alike }));
}

function copyOfRepository(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pypi-badges-clone-')));
  const list =
    'git ls-files -z --cached --others --exclude-standard -- . ":!docs/images" ":!tests" ":!bench"';
  execFileSync('bash', ['-c', `${list} | xargs -0 cp --parents -t "$1"`, 'bash', folder], { cwd: root });
  return folder;
}

beforeAll(async () => {
  act = goTool('act');
  action = copyOfRepository();
  engine = await startEngine(1_000_000_000);
  await engine.add(
    ...downloads('boto3', 1_000, 90),
    ...downloads('alpha', 2),
    ...downloads('beta', 3),
    ...downloads('gamma', 5),
    // Four of thirty days are from before the column `ci` was there: more than a tenth, so its badges are held back.
    ...downloads('broken', 1, 26),
    ...lastDays(30)
      .slice(26)
      .map((date) => ({ date, project: 'broken', installer: 'pip' })),
  );
});
afterAll(async () => {
  await engine?.stop();
  if (action !== undefined) rmSync(action, { recursive: true, force: true });
});

/** Steps of the Action. */
const STEPS: { id?: string; uses?: string; with?: Record<string, string>; run?: string }[] = parse(
  readFileSync(join(root, 'action.yml'), 'utf8'),
).runs.steps;

/** Other actions that action.yml names. act could not fetch them here; they say what they were given. */
function standIns(folder: string): string[] {
  return STEPS.flatMap(({ uses, with: given = {} }) => {
    if (uses === undefined) return [];
    const [name = ''] = uses.split('@');
    const place = join(folder, 'actions', name);
    mkdirSync(place, { recursive: true });
    const names = Object.keys(given);
    const run = `echo "${name} was used"; [ ! -d "$GIVEN" ] || (cd "$GIVEN" && find . -type f | sort)`;
    const step = { shell: 'bash', run, env: { GIVEN: `\${{ inputs.${names[0]} }}` } };
    const inputs = Object.fromEntries(names.map((input) => [input, { description: 'as the real one' }]));
    const stub = { name, description: 'a stand-in', inputs, runs: { using: 'composite', steps: [step] } };
    writeFileSync(join(place, 'action.yml'), JSON.stringify(stub));
    return ['--local-repository', `${uses}=${place}`];
  });
}

const WORKFLOW = '.github/workflows/badges.yml';

/** A workflow whose step is given these inputs. */
function workflowWith(inputs: Record<string, string>): string {
  const outputs = ['failed', 'changed', 'counts'].map(
    (name) => `${name}=\${{ steps.badges.outputs.${name} }}`,
  );
  const steps = [
    { uses: 'actions/checkout@v4' },
    { id: 'badges', uses: 'pypi-badges/pypi-badges@v1', with: inputs },
    { if: 'always()', run: `echo "${outputs.join(' ')}"` },
  ];
  const jobs = { badges: { 'runs-on': 'ubuntu-24.04', steps } };
  return JSON.stringify({ on: 'workflow_dispatch', permissions: { contents: 'write' }, jobs });
}

/** A repository of a user of the Action, and its origin. */
function makeWorld() {
  const origin = makeOrigin();
  const place = join(origin.folder, 'work');
  mkdirSync(join(place, '.github/workflows'), { recursive: true });
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], { cwd: place });
  git('init', '--quiet', '-b', 'main');
  git('remote', 'add', 'origin', 'https://github.com/alice/project.git');
  const stubs = standIns(origin.folder);

  /** Runs a workflow whose step is given these inputs, or that of this repository. Gives what it says. */
  async function run(
    inputs: Record<string, string> | 'our own',
    { event = {}, list, exits = 0 }: { event?: object; list?: string; exits?: number } = {},
  ): Promise<string> {
    if (inputs === 'our own') cpSync(action, place, { recursive: true });
    else writeFileSync(join(place, WORKFLOW), workflowWith(inputs));
    // As google-github-actions/auth leaves it there.
    writeFileSync(join(place, 'gha-creds-0123456789abcdef.json'), '{"type": "external_account"}');
    if (list !== undefined) writeFileSync(join(place, 'tracked.yaml'), list);
    git('add', '--all');
    git('commit', '--quiet', '--allow-empty', '-m', 'work');
    const eventPath = join(origin.folder, 'event.json');
    const repository = { default_branch: 'main', private: false, fork: false, ...event };
    writeFileSync(eventPath, JSON.stringify({ repository }));
    const argv = [
      ...['workflow_dispatch', '-P', 'ubuntu-24.04=-self-hosted', '--eventpath', eventPath],
      ...['--secret', 'GITHUB_TOKEN=token-of-the-test', '--env', `CLICKHOUSE_URL=${engine.url}`],
      ...['--env', `GIT_CONFIG_GLOBAL=${origin.config}`, '--workflows', WORKFLOW],
      ...['--local-repository', `pypi-badges/pypi-badges@v1=${action}`, ...stubs],
    ];
    const { exitCode, all } = await execa(act, argv, { cwd: place, reject: false, all: true });
    expect(exitCode, all).toBe(exits);
    return all;
  }
  return { origin, run };
}

/** What the Action asked since the last look, but for which days there are, and for facets, which are of whole windows. */
async function questions(): Promise<string[]> {
  return (await engine.asked())
    .filter(({ sql }) => !/per_day|groupArray/.test(sql))
    .map(({ parameters }) => parameters['projects'] ?? '');
}

describe('the Action', () => {
  it('publishes from a list of names alone, reads no day twice, and draws badges again that were lost', async () => {
    const { origin, run } = makeWorld();
    await engine.asked();
    const said = await run({ packages: 'alpha, beta' });
    expect(said).toContain('the branch badges is new');
    expect(await questions()).toEqual([expect.stringMatching(/alpha.*beta/)]);
    expect(origin.commits()).toBe(1);
    const before = origin.files();
    const some = ['.nojekyll', '.state/_health.json', 'alpha/index.html', 'index.html'];
    expect(Object.keys(before)).toEqual(expect.arrayContaining(some));
    expect(ledgersIn(origin)).toEqual(['alpha.json', 'beta.json']);
    expect(Object.keys(before).filter((path) => /^_health|gha-creds/.test(path))).toEqual([]);
    expect([origin.messageOf('alpha'), origin.messageOf('beta')]).toEqual(['60', '90']);
    for (const words of [
      'https://img.shields.io/endpoint?url=https%3A%2F%2Fraw.githubusercontent.com%2Falice%2Fproject%2Fbadges%2Falpha%2Fdownloads-30d-non-ci.json',
      '| alpha | 30d | 60 | 60 |',
      'source      clickhouse, ',
      'counts={"alpha":60,"beta":90}',
    ]) {
      expect(said).toContain(words);
    }
    expect(said).not.toMatch(/bigquery|output_dir|token-of-the-test/i);

    await run({ packages: 'alpha, beta' });
    expect(await questions()).toEqual([]);
    expect(origin.commits()).toBe(1);
    const after = origin.files();
    const changed = Object.keys(after).filter((path) => after[path] !== before[path]);
    // They say when the run was; the pages of the packages do not.
    expect(changed.toSorted()).toEqual(['.state/_health.json', 'index.html']);
    expect(Object.keys(after)).toEqual(Object.keys(before));

    // Somebody deletes the badges of a package from the branch: they are drawn again from its ledger.
    const input = origin.git('ls-tree', 'badges').replace(/^.*\talpha\n/m, '');
    const made = execFileSync('git', ['--git-dir', origin.path, 'mktree'], { input: `${input}\n` });
    const commit = origin.git('commit-tree', made.toString().trim(), '-m', 'lost');
    origin.git('update-ref', 'refs/heads/badges', commit);
    await run({ packages: 'alpha, beta' });
    expect(origin.messageOf('alpha')).toBe('60');
    expect(await questions()).toEqual([]);
  });

  it('publishes what it has when a package failed, keeps its old badge, and then fails the job', async () => {
    const { origin, run } = makeWorld();
    const list = (names: string) => `service: {output_dir: out}\npackages: [${names}]\n`;
    await run({ branch: 'badges' }, { list: list('alpha') });
    const before = origin.files();
    const text = await run({ health: 'true' }, { list: list('alpha, broken, beta'), exits: 1 });
    expect(text).toMatch(/::error title=pypi-badges broken incomplete-window::broken: /);
    expect(text).toContain('failed=broken changed=true counts={"alpha":60,"beta":90}');
    expect(text).toContain('| broken | 30d | - | - | - | failed (incomplete-window) |');
    const after = origin.files();
    expect(after['alpha/downloads-30d-non-ci.json']).toBe(before['alpha/downloads-30d-non-ci.json']);
    expect(origin.messageOf('beta')).toBe('90');
    expect(Object.keys(after)).toContain('_health.json');
    expect(origin.git('show', 'badges:.state/_health.json')).toContain('"error": "incomplete-window"');
    expect(origin.commits()).toBe(1);
  });

  it('hands the page without the state to GitHub Pages, and says what a private repository and a fork are', async () => {
    const { run } = makeWorld();
    const event = { private: true, fork: true };
    const text = await run({ packages: 'alpha', pages: 'true' }, { event });
    expect(text).toContain('actions/upload-pages-artifact was used');
    expect(text).toContain('./alpha/downloads-30d-non-ci.json');
    expect(text).not.toMatch(/\| \.\/\.state|\| \.\/_health/);
    expect(text).toMatch(/::warning::alice\/project is private: /);
    expect(text).toMatch(/::notice::alice\/project is a fork: /);
    expect(text).not.toContain('actions/setup-node was used');
  });

  it('checks a list without a branch, and marks the lines that are wrong', async () => {
    const { origin, run } = makeWorld();
    const list = 'service:\n  output_dir: out\npackages:\n  - alpha\n  - name: beta\n    window_days: 0\n';
    const text = await run({ check: 'true' }, { list, exits: 1 });
    expect(text).toMatch(/::error file=tracked\.yaml,line=6,col=\d+::packages\[1\]\.window_days: /);
    expect(origin.commits()).toBe(0);
  });
});

describe('Node.js', () => {
  it.each([
    [undefined, false],
    ['18.20.0', false],
    ['20.18.3', false],
    ['20.19.0', true],
    ['24.0.1', true],
  ])('%s is taken: %s', async (version, found) => {
    const bin = tempFolder();
    const output = join(bin, 'output');
    if (version !== undefined) {
      const pretend = `Object.defineProperty(process.versions, 'node', {value: '${version}'}); eval(process.argv.at(-1))`;
      const node = `#!/bin/bash\nexec "${process.execPath}" -e ${JSON.stringify(pretend)} -- "$2"\n`;
      writeFileSync(join(bin, 'node'), node, { mode: 0o755 });
    }
    const script = STEPS.find(({ id }) => id === 'node')?.run ?? '';
    const env = { PATH: bin, GITHUB_OUTPUT: output };
    await execa('/bin/bash', ['-e', '-c', script], { env, extendEnv: false });
    expect(readFileSync(output, 'utf8')).toBe(`found=${found}\n`);
  });
});

it('this repository publishes its own list by its own workflow', async () => {
  const { origin, run } = makeWorld();
  const text = await run('our own');
  const list = parse(readFileSync(join(root, 'tracked.yaml'), 'utf8'));
  const packages: (string | { name: string })[] = list.packages;
  const names = packages.map((entry) => (typeof entry === 'string' ? entry : entry.name));
  expect(names.length).toBeGreaterThan(2);
  for (const name of names) expect(origin.messageOf(name)).toBe('0');
  // The engine has none of them.
  expect(text).toMatch(/::warning title=pypi-badges mcp-clipboard no-rows::/);
});
