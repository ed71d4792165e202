import type { Logger } from 'pino';
import { readPackages } from '../collect/run.ts';
import { windowBefore } from '../collect/window.ts';
import type { Config, TrackedPackage } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { describeError } from '../errors.ts';
import { type Health, type HealthEntry, isSuccess, readHealth, writeHealth } from '../publish/health.ts';
import { openSource } from '../sources/open.ts';
import { addDays, type Day, spanDays } from '../sources/span.ts';
import type { Context, GlobalOptions } from './context.ts';
import { formatBytes, formatNumber } from './format.ts';
import { createLog, type Log } from './log.ts';
import { renderResults } from './results.ts';
import { selectAsOf, selectPackages } from './select.ts';
import { settle } from './settle.ts';
import { renderTable } from './table.ts';

export interface CollectOptions extends GlobalOptions {
  readonly package?: readonly string[];
  readonly asOf?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** What one invocation works on. */
interface Job {
  readonly config: Config;
  readonly packages: readonly TrackedPackage[];
  readonly asOf: Day;
  readonly context: Context;
  readonly json: boolean;
}

const MS_PER_DAY = 86_400_000;

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

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

function logEntry(log: Logger, name: string, entry: HealthEntry): void {
  if (isSuccess(entry)) log.info({ package: name, count: entry.count, ...entry.query }, 'collected');
  else log.error({ package: name }, entry.error);
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

async function run(job: Job, { log, progress }: Log): Promise<number> {
  const { config, context, asOf } = job;
  const started = context.now();
  const previous = await previousHealth(config, log);
  const settled: [string, HealthEntry][] = [];
  const outcomes = readPackages({
    packages: job.packages,
    asOf,
    open: () => openSource(config.source, context.env),
    now: context.now,
  });
  progress.show(`0 of ${job.packages.length}`);
  for await (const outcome of outcomes) {
    const { name } = outcome.package;
    const entry = await settle(outcome, config, previous[name], context.now);
    settled.push([name, entry]);
    logEntry(log, name, entry);
    progress.show(`${settled.length} of ${job.packages.length}  ${name}`);
  }
  progress.clear();

  const entries = { ...previous, ...Object.fromEntries(settled) };
  const known = config.packages.flatMap(({ name }) => {
    const entry = entries[name];
    return entry === undefined ? [] : [[name, entry] as const];
  });
  const health: Health = {
    started: started.toISOString(),
    finished: context.now().toISOString(),
    upstream: { last_day: addDays(asOf, -1), missing_days: [] },
    packages: Object.fromEntries(known),
  };
  let written = true;
  try {
    await writeHealth(config.outputDir, health);
  } catch (error) {
    written = false;
    log.error(`_health.json could not be written: ${describeError(error)}`);
  }
  warnOfStale(log, config, health.packages, context.now());
  context.stdout.write(job.json ? json(health) : renderResults(settled));
  return written && settled.every(([, entry]) => isSuccess(entry)) ? 0 : 1;
}

/** `collect --dry-run`: what a run would read, as the source says. Nothing is written. */
async function plan(job: Job): Promise<number> {
  const { config, context, asOf } = job;
  const source = await openSource(config.source, context.env);
  try {
    const plans: { package: string; days: number; bytes_at_most: number }[] = [];
    for (const { name, windows } of job.packages) {
      const span = windowBefore(asOf, Math.max(...windows));
      const bytes = await source.estimate({ package: name, span });
      plans.push({ package: name, days: spanDays(span), bytes_at_most: bytes });
    }
    const table = renderTable(
      [
        { title: 'package', align: 'left', maxWidth: 40 },
        { title: 'days', align: 'right' },
        { title: 'bytes at most', align: 'right' },
      ],
      plans.map(({ package: name, days, bytes_at_most }) => [
        name,
        formatNumber(days),
        formatBytes(bytes_at_most),
      ]),
    );
    context.stdout.write(job.json ? json(plans) : table);
    return 0;
  } finally {
    await source.close();
  }
}

/** `collect`, the main job: counts, winnows and publishes every package, and says how it went. */
export async function collect(options: CollectOptions, context: Context): Promise<number> {
  const config = loadConfig(options.config, context.cwd);
  const job: Job = {
    config,
    packages: selectPackages(config, options.package),
    asOf: selectAsOf(options.asOf, context.now()),
    context,
    json: options.json ?? false,
  };
  return options.dryRun ? plan(job) : run(job, await createLog(options, context));
}
