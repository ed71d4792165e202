import { join, relative } from 'node:path';
import { type Collected, collect as collectAll, type Job } from '../collect/collect.ts';
import { loadConfig, selectPackages } from '../config/config.ts';
import { dayOf } from '../days/day.ts';
import { UsageError } from '../errors/error.ts';
import { formatNumber, plural } from '../format.ts';
import { healthToJson, statusOf } from '../publish/health.ts';
import type { Lock } from '../state/lock.ts';
import { formatJson } from '../util.ts';
import { type Context, commandLine, type GlobalOptions, type Interruption } from './context.ts';
import { dryRun } from './dry-run.ts';
import { createLog, type Log, renderRemarks, renderResults, styleOf, wrap } from './output.ts';
import { selectAsOf } from './select.ts';
import { underLock } from './under-lock.ts';

export interface CollectOptions extends GlobalOptions {
  readonly package?: readonly string[];
  readonly asOf?: string;
  readonly full?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  /** Minutes. */
  readonly wait?: string;
  /** Whether to draw the page; so it is unless --no-page says otherwise. */
  readonly page?: boolean;
}

const MINUTES_MAX = 600;

/** @throws UsageError if the text is no number of minutes. */
export function selectMinutes(text = '0'): number {
  const minutes = /^\d{1,3}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (minutes <= MINUTES_MAX) return minutes;
  throw new UsageError(`--wait ${text}: expected a number of minutes from 0 to ${MINUTES_MAX}`);
}

/** With --full: the days that the ledger had otherwise. */
function renderChanges(changes: Collected['changes']): string {
  const altered = [...changes].filter(([, list]) => list.length > 0);
  if (changes.size > 0 && altered.length === 0) return '\nno day had changed since it was read\n';
  const lines = altered.flatMap(([name, list]) => [
    `\n${name}: ${plural(list.length, 'day')} had changed since it was read\n`,
    ...list.map(
      ({ day, before, after }) => `  ${day}: ${formatNumber(before)} -> ${formatNumber(after)} downloads\n`,
    ),
  ]);
  return lines.join('');
}

/** Where the files are that a run has made, and what to do next. */
function renderNext({ config, page }: Job, isWell: boolean, { cwd, env }: Context): string {
  const { file, outputDir, publicUrl } = config;
  const way = relative(cwd, outputDir);
  // As people write it.
  const folder = way.startsWith('..') ? outputDir : way || '.';
  const next = (command: string) => commandLine(env, command, file);
  const open = page ? `; to see them, open ${join(folder, 'index.html')}` : '';
  const embed =
    publicUrl === undefined
      ? `To show them, serve that folder and name its address in ${file} (service.public_url); then run: ${next('embed')}`
      : `For the lines of a README, run: ${next('embed')}`;
  return `\nThe badges are in ${folder}${open}\n${isWell ? embed : `To find out what is wrong, run: ${next('doctor')}`}\n`;
}

/** Runs the job, prints what it came to, and logs what should be known of it. */
async function run(
  job: Job,
  lock: Pick<Lock, 'assertHeld'>,
  { log, progress, bug, entries }: Log,
  json: boolean,
  context: Context,
): Promise<number> {
  const { now, stdout, stderr, env } = context;
  const { config } = job;
  const style = styleOf(stdout, env);
  const signal = context.interruptible?.();
  progress.show(`0 of ${job.packages.length}`);
  const listener = { log, onProgress: progress.show, onEntry: entries.tell, onFault: bug };
  const collected = await collectAll({ ...job, signal }, lock, listener);
  progress.clear();
  const { health, isComplete, packages, groups, changes, sharedDays } = collected;
  const finished = statusOf(config, { ...health, packages, groups }, now());
  const all = statusOf(config, health, now());
  if (json) stdout.write(formatJson(healthToJson(health)));
  else if (packages.size > 0) {
    // On a terminal the log says them below.
    const remarks = stderr.isTTY && stdout.isTTY ? '' : wrap(renderRemarks(finished), style);
    stdout.write(renderResults(finished, style) + remarks + wrap(renderChanges(changes), style));
  }
  entries.tellStale(all, config.staleThresholdDays, dayOf(now()));
  entries.finish();
  for (const { code, message } of health.warnings) log.warn({ warning: code }, message);
  if (signal?.aborted) {
    const { message, exitCode } = signal.reason as Interruption;
    const reached = plural(packages.size, 'package was', 'packages were');
    const kept =
      sharedDays === 0 ? '' : `; ${plural(sharedDays, 'day')} that all wait for were read and are kept`;
    log.warn(`${message}: ${reached} finished; the others keep what they had${kept}`);
    return exitCode;
  }
  const isWell = isComplete && finished.every(({ state }) => state !== 'failed');
  if (stdout.isTTY && !json) stdout.write(wrap(renderNext(job, isWell, context), style));
  return isWell ? 0 : 1;
}

/** `collect`, the main job: counts and publishes every package, and says how it went. */
export async function collect(options: CollectOptions, context: Context): Promise<number> {
  const config = loadConfig(options.config, context.cwd);
  const { json = false, full = false, page = true } = options;
  const packages = selectPackages(config, options.package);
  const job: Job = {
    config,
    world: context,
    full,
    page,
    isToday: options.asOf === undefined,
    packages,
    asOf: selectAsOf(options.asOf, context.now()),
    waitMinutes: selectMinutes(options.wait),
  };
  if (options.dryRun) return dryRun(job, json, context);
  const log = await createLog(options, context);
  // Nothing may be queried without a lock, but the health file can still say why.
  return underLock(config.stateDir, context, (lock) => run(job, lock, log, json, context), log.log);
}
