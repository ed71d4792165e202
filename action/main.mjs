// The Action: lays out what was published last, counts, and publishes. action.yml calls it.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openBranch } from './branch.mjs';
import { listToYaml, runConfig } from './config.mjs';
import { layOutMerged } from './merge.mjs';
import { inputProblems, logLine, problemLines, render, summary } from './messages.mjs';
import { pagesFolder } from './pages.mjs';
import { Refusal, readSettings } from './settings.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const CLI = join(root, 'dist/cli.js');
const HEALTH = '_health.json';

/** Exit codes of `collect` after which there is nothing to publish: wrong usage, and another run under way. */
const NOTHING_DONE = [2, 3];

/** How often what another run has published meanwhile is taken in. */
const MERGES_MAX = 5;

const { INPUT_TOKEN: _, ...programEnv } = process.env;
/** The one way to print: see `render`. */
const print = (...entries) => process.stdout.write(entries.map((entry) => `${render(entry)}\n`).join(''));

/** The program that runs now, so that it is told when the job is cancelled. */
let running;
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => running?.kill(signal));

/**
 * Runs the program, without the token.
 *
 * @param onLine Is given each line of stderr.
 */
async function pypiBadges(args, cwd, onLine) {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd,
    env: programEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running = child;
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (part) => {
    stdout += part;
  });
  const said = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    said.push(line);
    onLine?.(line);
  });
  const code = await new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (exit, signal) => done(exit ?? (signal === 'SIGINT' ? 130 : 143)));
  });
  running = undefined;
  return { code, stdout, stderr: said.join('\n') };
}

function readEvent(env) {
  try {
    return JSON.parse(readFileSync(env.GITHUB_EVENT_PATH, 'utf8'));
  } catch {
    return {};
  }
}

/** The list of this run: a file, and how people know it. */
function trackedList({ packages, config, workspace, work }) {
  if (packages.length === 0) {
    const path = resolve(workspace, config);
    if (!existsSync(path) || !statSync(path).isFile()) {
      throw new Refusal(
        `${config}: there is no such file in the workspace; check the repository out first (actions/checkout), or list names with packages:`,
      );
    }
    return { path, folder: workspace, name: relative(workspace, path) };
  }
  const path = join(work, 'packages');
  writeFileSync(path, listToYaml(packages));
  return { path, folder: work, name: 'packages', byInput: true };
}

/** @returns What `check` prints. Throws Refusal after it has told of every problem. */
async function demandValid({ folder, name, byInput = false }) {
  const { code, stdout, stderr } = await pypiBadges(['check', '--config', name], folder);
  if (code === 0) return stdout;
  print(...(byInput ? inputProblems : problemLines)(stderr, name));
  const what = byInput ? 'what the inputs ask for' : name;
  throw new Refusal(`${what} is not valid; nothing was queried or published`);
}

/** What strangers may read in the branch of the last run: no words of errors, and no bills. */
function remembered(health) {
  const packages = Object.entries(health.packages).map(([name, { error, query: _query, ...entry }]) => [
    name,
    error === undefined ? entry : { ...entry, error: entry.error_code ?? 'failed' },
  ]);
  return { ...health, packages: Object.fromEntries(packages) };
}

const json = (value) => `${JSON.stringify(value, null, 2)}\n`;

function setOutput(env, name, value) {
  if (!env.GITHUB_OUTPUT) return;
  // Not to be guessed, as a value that holds it would end early and set other outputs.
  const end = randomUUID();
  appendFileSync(env.GITHUB_OUTPUT, `${name}<<${end}\n${value}\n${end}\n`);
}

/** A run: count, and write down for the next one what the branch has to remember. */
async function collect(places, config) {
  const healthPath = join(places.outputDir, HEALTH);
  const memoryPath = join(places.stateDir, HEALTH);
  if (!existsSync(healthPath) && existsSync(memoryPath)) {
    writeFileSync(healthPath, readFileSync(memoryPath));
  }
  const level = process.env.RUNNER_DEBUG === '1' ? 'debug' : 'info';
  const args = ['collect', '--json', '--config', config, '--log-level', level];
  const { code, stdout } = await pypiBadges(args, dirname(config), (line) => print(...logLine(line)));
  if (NOTHING_DONE.includes(code)) throw new Refusal('nothing was counted; the lines above say why');
  let health;
  try {
    health = JSON.parse(stdout);
  } catch {
    throw new Refusal(`nothing was counted: the program ended with ${code}; the lines above say why`);
  }
  writeFileSync(memoryPath, json(remembered(health)));
  return { code, health };
}

/** Publishes what a run made, on top of whatever another run has published meanwhile. */
async function publish(branch, settings, places, config, first, begin) {
  const message = `Badges of ${new Date().toISOString().slice(0, 10)}${settings.runUrl ? `\n\n${settings.runUrl}` : ''}`;
  const keep = (path) => settings.publishHealth || path !== join(places.outputDir, HEALTH);
  let result = first;
  let base = begin;
  for (let merges = 0; ; merges += 1) {
    const tree = await branch.tree(places, keep);
    if (base !== undefined && tree === (await branch.treeOf(base)))
      return { result, commit: base, changed: false };
    const commit = await branch.commit(tree, message);
    if ((await branch.replace(base, commit)) === 'pushed') return { result, commit, changed: true };
    const theirs = await branch.fetch();
    // The answer to an earlier try was lost.
    if (theirs === commit) return { result, commit, changed: true };
    if (merges === MERGES_MAX) {
      throw new Refusal(
        `the branch ${settings.branch} was moved by other runs ${merges + 1} times; let one run at a time, with "concurrency: badges" in the workflow`,
      );
    }
    print({
      level: 'notice',
      message: `another run has published to ${settings.branch} meanwhile; this one goes on top of it`,
    });
    await layOutMerged(branch, { base, ours: tree, theirs }, places);
    base = theirs;
    // Badges and pages are drawn anew from what both runs know. Nothing is read again that either has read.
    result = await collect(places, config);
  }
}

function notesOf({ branch, isPrivate, isFork, repository }, isFirst) {
  const notes = [
    isFirst && {
      level: 'notice',
      message: `the branch ${branch} is new: this is the first run, so it reads every day of the windows; the next ones read what is new`,
    },
    isPrivate && {
      level: 'warning',
      message: `${repository} is private: GitHub gives raw files out to those with a token only, so neither shields.io nor readers can see the badges; publish from a public repository, or set pages: true and public_url where GitHub Pages of private repositories are public`,
    },
    isFork && {
      level: 'notice',
      message: `${repository} is a fork: it publishes to its own branch, at its own addresses; GitHub runs no schedule in a fork until it is enabled under Actions`,
    },
  ];
  return notes.filter(Boolean);
}

async function main(env) {
  const settings = readSettings(env, readEvent(env));
  const { work } = settings;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const list = trackedList(settings);
  await demandValid(list);
  const places = { outputDir: join(work, 'output'), stateDir: join(work, 'state') };
  const config = join(work, 'tracked.yaml');
  const schema = JSON.parse(readFileSync(join(root, 'tracked.schema.json'), 'utf8'));
  const text = runConfig(readFileSync(list.path, 'utf8'), dirname(list.path), schema, {
    ...settings,
    ...places,
  });
  writeFileSync(config, text);
  // The list itself may name no source, where this run has one; and its folders are of this run alone. What is wrong
  // only now comes from the inputs.
  const valid = await demandValid({ folder: work, name: 'tracked.yaml', byInput: true });
  print(valid.replaceAll(/^(output|state)_dir .*\n/gm, '').trimEnd());
  if (settings.check) return;

  const branch = openBranch(settings, programEnv, work);
  await branch.init();
  const found = await branch.fetch();
  const begin = await branch.demandWritable(found, places);
  await branch.layOut(begin, places);
  const notes = notesOf(settings, found === undefined);
  print(...notes);

  const counted = await collect(places, config);
  const { result, commit, changed } = await publish(branch, settings, places, config, counted, begin);
  print(
    changed
      ? `published to ${settings.branch} as ${commit}`
      : `${settings.branch} is as it was: nothing has changed`,
  );

  const embedded = await pypiBadges(['embed', '--config', config], work);
  const snippets = embedded.code === 0 ? embedded.stdout.trimEnd() : '';
  if (embedded.code !== 0) notes.push({ message: embedded.stderr.replaceAll(work, '') });
  const { health, code } = result;
  const url = `${settings.server}/${settings.repository}/tree/${settings.branch}`;
  const told = summary({
    health,
    snippets,
    notes: notes.map(({ message }) => message),
    published: { branch: settings.branch, url },
  });
  if (env.GITHUB_STEP_SUMMARY) appendFileSync(env.GITHUB_STEP_SUMMARY, told);

  const entries = Object.entries(health.packages);
  const failed = entries.filter(([, { error }]) => error !== undefined).map(([name]) => name);
  const counts = Object.fromEntries(
    entries.flatMap(([name, { count }]) => (count === undefined ? [] : [[name, count]])),
  );
  const outputs = {
    commit,
    changed,
    'exit-code': code,
    failed: failed.join(','),
    counts: JSON.stringify(counts),
    snippets,
    'output-dir': places.outputDir,
    'pages-dir': settings.pages ? pagesFolder(work, places.outputDir, settings.publishHealth) : '',
  };
  for (const [name, value] of Object.entries(outputs)) setOutput(env, name, value);
}

try {
  await main(process.env);
} catch (error) {
  const isRefusal = error instanceof Refusal;
  const message = isRefusal ? error.message : `a fault of pypi-badges, or of this runner: ${error.message}`;
  print(...(isRefusal ? [] : [String(error.stack)]), { level: 'error', message, title: 'pypi-badges' });
  process.exitCode = 1;
}
