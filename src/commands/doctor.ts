import { join } from 'node:path';
import { COMPARISON_FOLDER } from '../badges/catalogue.ts';
import { longestWindow } from '../collect/plan.ts';
import { type Config, loadConfig } from '../config/config.ts';
import { dayOf, windowBefore } from '../days/day.ts';
import { assertFile, filesOfChild, probeFolder } from '../disk/files.ts';
import { bugIn } from '../errors/error.ts';
import { formatAge, nameSome, plural } from '../format.ts';
import { nodeFault } from '../node-version.ts';
import { HEALTH_FILE, needsCare, readHealth, statusOf } from '../publish/health.ts';
import { broken, checkSource, fail, note, ok } from '../sources/check.ts';
import { traitsOf } from '../sources/index.ts';
import type { Finding } from '../sources/source.ts';
import type { Question } from '../sources/sql.ts';
import { ledgerFiles } from '../state/ledgers.ts';
import { acquireLock } from '../state/lock.ts';
import { SPEND_FILES } from '../state/spend.ts';
import type { Context, GlobalOptions } from './context.ts';
import { say, withProgress } from './output.ts';

/**
 * @param files Paths of the files that a run reads or replaces there.
 * @param use What it does there besides.
 */
async function checkFolder(
  what: string,
  path: string,
  files: () => readonly string[] | Promise<readonly string[]>,
  use?: (folder: string) => Promise<void>,
): Promise<Finding> {
  const isThere = await probeFolder(path, use);
  for (const file of await files()) assertFile(file);
  return ok(what, isThere ? `${path} is writable` : `${path} will be made by the first run`);
}

async function outputFiles({ outputDir, packages, groups }: Config): Promise<string[]> {
  const { PAGE_FILE } = await import('../publish/page.ts');
  const ofAll = [HEALTH_FILE, PAGE_FILE].map((name) => join(outputDir, name));
  const folders = [...packages, ...groups, { name: COMPARISON_FOLDER }];
  const ofEach = folders.flatMap(({ name }) => filesOfChild(outputDir, name));
  return [...ofAll, ...ofEach.filter((path) => /\.(?:csv|html|json|svg)$/.test(path))];
}

/** Asks the source about what the first package needs. */
async function checkFirst({ source, packages }: Config, context: Context): Promise<Finding[]> {
  const [tracked] = packages;
  if (tracked === undefined) return [];
  const span = windowBefore(dayOf(context.now()), longestWindow(tracked));
  const question: Question = { packages: [tracked.name], span };
  return checkSource(source, context, question);
}

async function checkFreshness(what: string, config: Config, now: Date): Promise<Finding> {
  const health = await readHealth(config.outputDir);
  if (health === undefined) return note(what, 'nothing was collected yet; run: pypi-badges collect');
  if (health === 'unreadable')
    return fail(what, '_health.json is not a health file; run: pypi-badges collect');
  const states = statusOf(config, health, now);
  const unwell = states.filter(({ state }) => needsCare(state));
  if (unwell.length > 0) {
    const some = unwell.map(({ name, state }) => `${name} (${state})`);
    return fail(what, `not well: ${nameSome(some, 3)}; see: pypi-badges status`);
  }
  const ages = states.map(({ entry }) => now.getTime() - Date.parse(entry?.lastSuccess ?? ''));
  return ok(what, `${formatAge(Math.max(...ages))}, for every package`);
}

/**
 * `doctor`: looks at everything that a run depends on, and says how to fix what is broken. It costs
 * nothing and changes nothing.
 *
 * @returns 1 if something must be fixed.
 */
export async function doctor(options: GlobalOptions, context: Context): Promise<number> {
  const { now, nodeVersion = process.versions.node } = context;
  const config = loadConfig(options.config, context.cwd);
  const { outputDir, stateDir, source, packages } = config;
  const fault = nodeFault(nodeVersion);
  const stateFiles = () => [
    ...SPEND_FILES.map((name) => join(stateDir, name)),
    ...ledgerFiles(stateDir, traitsOf(source, context.env).id),
  ];
  // In a folder where the lock is in nobody's way.
  const tryLock = async (folder: string) => (await acquireLock(folder, now)).release();
  const checks: [what: string, check: (what: string) => Finding | Promise<Finding | Finding[]>][] = [
    ['Node.js', (what) => (fault === undefined ? ok(what, nodeVersion) : fail(what, fault))],
    [
      'configuration',
      (what) => ok(what, `${options.config} is valid: ${plural(packages.length, 'package')}`),
    ],
    ['output_dir', (what) => checkFolder(what, outputDir, () => outputFiles(config))],
    ['state_dir', (what) => checkFolder(what, stateDir, stateFiles, tryLock)],
    ['source', () => checkFirst(config, context)],
    ['last success', (what) => checkFreshness(what, config, now())],
  ];
  let healthy = true;
  for (const [title, check] of checks) {
    const found = await withProgress(context, 'Checking', async () => check(title)).catch((error) =>
      broken(title, error),
    );
    for (const { what, state, text, error } of [found].flat()) {
      say(context.stdout, context.env, `${state.padEnd(4)}  ${what.padEnd(13)}  ${text}`);
      healthy &&= state !== 'FAIL';
      if (bugIn(error) !== undefined) context.stderr.write(context.bugReport?.(error) ?? '');
    }
  }
  return healthy ? 0 : 1;
}
