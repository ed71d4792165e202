import type { Logger } from 'pino';
import { budgetBytes, type Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { diskError } from '../disk/disk-error.ts';
import { ensureFolder } from '../disk/files.ts';
import { describeError } from '../errors/error.ts';
import { formatJson, formatNumber } from '../format.ts';
import {
  type Health,
  type HealthEntry,
  isSuccess,
  mergeHealth,
  readHealth,
  writeHealth,
} from '../publish/health.ts';
import type { DayChange } from '../run/outcome.ts';
import { beginRun } from '../run/run.ts';
import { openSource, sourceId } from '../sources/open.ts';
import { openState } from '../state/files.ts';
import { acquireLock, type Lock, LockHeldError } from '../state/lock.ts';
import type { Context, GlobalOptions, Interruption } from './context.ts';
import { dryRun } from './dry-run.ts';
import type { Job } from './job.ts';
import { createLog, type Log } from './log.ts';
import { drawPage } from './report.ts';
import { renderResults } from './results.ts';
import { selectAsOf, selectPackages } from './select.ts';
import { settle } from './settle.ts';
import { tableStyle } from './table.ts';

export interface CollectOptions extends GlobalOptions {
  readonly package?: readonly string[];
  readonly asOf?: string;
  readonly full?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  /** Whether to draw the page; so it is unless --no-page says otherwise. */
  readonly page?: boolean;
}

const MS_PER_DAY = 86_400_000;

/** Another run holds the lock (DESIGN section 5). */
const EXIT_LOCKED = 3;

/** The last run's health file, as far as it can be used: it only serves to remember. */
async function previousHealth(config: Config, log: Logger): Promise<Health['packages']> {
  try {
    const health = await readHealth(config.outputDir);
    if (health === 'unreadable') {
      log.warn(
        `the last _health.json in ${config.outputDir} is unreadable; it is replaced, and forgets when packages last succeeded`,
      );
    }
    return typeof health === 'object' ? health.packages : {};
  } catch (error) {
    log.warn(describeError(error));
    return {};
  }
}

/** With --full: the days that the ledger had otherwise. */
function renderChanges(changed: readonly (readonly [string, readonly DayChange[]])[]): string {
  const altered = changed.filter(([, changes]) => changes.length > 0);
  if (changed.length > 0 && altered.length === 0) return '\nno day had changed since it was read\n';
  return altered
    .map(([name, changes]) => {
      const days = changes.map(
        ({ day, before, after }) => `  ${day}: ${formatNumber(before)} -> ${formatNumber(after)} downloads\n`,
      );
      const count = changes.length === 1 ? '1 day' : `${changes.length} days`;
      return `\n${name}: ${count} had changed since it was read\n${days.join('')}`;
    })
    .join('');
}

function logEntry(log: Logger, name: string, entry: HealthEntry): void {
  if (isSuccess(entry)) log.info({ package: name, count: entry.count, ...entry.query }, 'collected');
  else log.error({ package: name, error_code: entry.error_code }, entry.error);
}

/** Warns of every package, whether in this run or not, whose badges have not been renewed for too long. */
function warnOfStale(log: Logger, config: Config, entries: Health['packages'], now: Date): void {
  for (const { name } of config.packages) {
    const last = entries[name]?.last_success;
    if (last === undefined) continue;
    const days = Math.floor((now.getTime() - Date.parse(last)) / MS_PER_DAY);
    if (days >= config.staleThresholdDays) {
      log.warn({ package: name, last_success: last }, `stale: the badges of ${name} are ${days} days old`);
    }
  }
}

/**
 * Takes the lock of the state folder.
 *
 * @returns How to release it, or the fault of a disk on which there can be no lock: then nothing may be
 * queried, but the health file can still say why.
 * @throws LockHeldError if another run has it.
 */
async function lock({ stateDir }: Config, now: () => Date): Promise<Lock | { fault: unknown }> {
  try {
    await ensureFolder(stateDir);
    return await acquireLock(stateDir, now);
  } catch (error) {
    if (error instanceof LockHeldError) throw error;
    return { fault: diskError(error, stateDir) };
  }
}

async function run(job: Job, tools: Log): Promise<number> {
  const { config, context } = job;
  let held: Lock | { fault: unknown };
  try {
    held = await lock(config, context.now);
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error;
    tools.log.error(error.message);
    return EXIT_LOCKED;
  }
  if ('fault' in held) return runLocked(job, tools, held.fault);
  try {
    return await runLocked(job, tools);
  } finally {
    await held.release();
  }
}

/** @param fault Why nothing can be queried, if so. */
async function runLocked(job: Job, { log, progress }: Log, fault?: unknown): Promise<number> {
  const { config, context, asOf } = job;
  const signal = context.interruptible?.();
  const started = context.now();
  const previous = await previousHealth(config, log);
  const settled: [string, HealthEntry][] = [];
  const changed: [string, readonly DayChange[]][] = [];
  progress.show(`0 of ${job.packages.length}`);
  const { upstream, warnings, outcomes } = await beginRun({
    packages: job.packages,
    asOf,
    full: job.full,
    open: async () => {
      if (fault !== undefined) throw fault;
      return openSource(config.source, context.env, context.now);
    },
    concurrency: config.concurrency,
    signal,
    state: await openState(
      config.stateDir,
      sourceId(config.source),
      config.source.kind === 'bigquery',
      (message) => log.warn(message),
    ),
    budgetBytes: budgetBytes(config),
    now: context.now,
  });
  for (const warning of warnings) log.warn(warning);
  for await (const outcome of outcomes) {
    const { name } = outcome.package;
    const entry = await settle(outcome, config, previous[name], context.now);
    settled.push([name, entry]);
    if (job.full && outcome.kind === 'read') changed.push([name, outcome.changes]);
    logEntry(log, name, entry);
    progress.show(`${settled.length} of ${job.packages.length}  ${name}`);
  }
  progress.clear();

  const health = mergeHealth(config, previous, settled, {
    started: started.toISOString(),
    finished: context.now().toISOString(),
    upstream: { last_day: upstream?.lastDay ?? null, missing_days: upstream?.missingDays ?? [] },
  });
  let written = true;
  try {
    await writeHealth(config.outputDir, health);
  } catch (error) {
    written = false;
    log.error(`_health.json could not be written: ${describeError(error)}`);
  }
  warnOfStale(log, config, health.packages, context.now());
  context.stdout.write(
    job.json
      ? formatJson(health)
      : renderResults(settled, tableStyle(context.stdout, context.env)) + renderChanges(changed),
  );
  if (job.page && !signal?.aborted) {
    written = (await drawPage(config, health, context.now(), log, signal)) && written;
  }
  if (signal?.aborted) {
    const reached = settled.length === 1 ? '1 package was' : `${settled.length} packages were`;
    const { message, exitCode } = signal.reason as Interruption;
    log.warn(`${message}: ${reached} finished; the others keep what they had`);
    return exitCode;
  }
  return written && settled.every(([, entry]) => isSuccess(entry)) ? 0 : 1;
}

/** `collect`, the main job: counts, winnows and publishes every package, and says how it went. */
export async function collect(options: CollectOptions, context: Context): Promise<number> {
  const config = loadConfig(options.config, context.cwd);
  const job: Job = {
    config,
    packages: selectPackages(config, options.package),
    asOf: selectAsOf(options.asOf, context.now()),
    context,
    full: options.full ?? false,
    json: options.json ?? false,
    page: options.page ?? true,
  };
  return options.dryRun ? dryRun(job) : run(job, await createLog(options, context));
}
