import type { Logger } from 'pino';
import { longestWindow, WARNING_DAYS } from '../collect/plan.ts';
import type { DayChange } from '../collect/reader.ts';
import type { RunInput } from '../collect/run.ts';
import { budgetBytes, type Config, type TrackedPackage } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { dayOf } from '../days/day.ts';
import { daysBehind, isStale } from '../days/staleness.ts';
import { diskError } from '../disk/disk-error.ts';
import { ensureFolder, sweepTemporary } from '../disk/files.ts';
import { describeError } from '../errors/error.ts';
import { formatJson, formatNumber, plural } from '../format.ts';
import { otherSpellings } from '../publish/folder.ts';
import type { GroupSums } from '../publish/group.ts';
import { type Health, healthToJson, type PackageHealth, readHealth, writeHealth } from '../publish/health.ts';
import { mergeHealth, standingsOf } from '../publish/health-merge.ts';
import { openSource, traitsOf } from '../sources/index.ts';
import { ledgerFolder, openLedgers } from '../state/ledgers.ts';
import { acquireLock, type Lock, LockHeldError } from '../state/lock.ts';
import { openSpendFile } from '../state/spend.ts';
import type { CollectRequest } from './collect-request.ts';
import type { Context, GlobalOptions, Interruption } from './context.ts';
import { dryRun } from './dry-run.ts';
import { createLog, type Log } from './log.ts';
import { createEntryLog, createFold, groupName, renderResults, tableStyle } from './output.ts';
import { beginPatiently, selectMinutes } from './patience.ts';
import { loadPublishing, type Publishing } from './publishing.ts';
import { drawPage } from './report.ts';
import { selectAsOf, selectPackages } from './select.ts';
import { EXIT_LOCKED } from './under-lock.ts';

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

/** The last run's health file, as far as it can be used: it only serves to remember. */
async function previousHealth(config: Config, log: Logger): Promise<Health | undefined> {
  try {
    const health = await readHealth(config.outputDir);
    if (health !== 'unreadable') return health;
    log.warn(
      `the last _health.json in ${config.outputDir} is unreadable; it is replaced, and forgets when packages last succeeded`,
    );
  } catch (error) {
    log.warn(describeError(error));
  }
  return undefined;
}

/**
 * The packages in the order in which they are read: first those that the last run did not reach, last those that failed by
 * themselves, so that a package whose query always fails holds nobody up.
 */
function readingOrder(packages: readonly TrackedPackage[], previous: Health | undefined): TrackedPackage[] {
  const { started = '' } = previous ?? {};
  const rank = ({ name }: TrackedPackage) => {
    const entry = previous?.packages.get(name);
    if (entry === undefined) return 1;
    if ((entry.attempted ?? '') < started) return 0;
    return entry.failure === undefined ? 1 : 2;
  };
  return packages.toSorted((a, b) => rank(a) - rank(b));
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
      return `\n${name}: ${plural(changes.length, 'day')} had changed since it was read\n${days.join('')}`;
    })
    .join('');
}

/** Publishes the groups that the run has brought members of, and says of which it has not brought all. */
async function publishGroups(
  { publishGroup }: Publishing,
  sums: GroupSums,
  config: Config,
  previous: Health | undefined,
  log: Logger,
  run: { started: Date; now: () => Date; interrupted: boolean; onFault: (error: unknown) => void },
): Promise<Map<string, PackageHealth>> {
  const entries = new Map<string, PackageHealth>();
  for (const sum of sums.sums()) {
    const { name } = sum.group;
    const entry = await publishGroup(sum, config, previous?.groups.get(name), run);
    if (entry !== undefined) {
      entries.set(name, entry);
    } else if (!run.interrupted) {
      log.info(
        { group: name },
        `the group ${name} stays as it was: ${plural(sum.waiting.size, 'package')} of it ${sum.waiting.size === 1 ? 'was' : 'were'} not part of this run; to renew it: collect --package ${name}`,
      );
    }
  }
  return entries;
}

/** Warns of every package and group, whether in this run or not, whose figures are too old. */
function warnOfStale(log: Logger, config: Config, health: Health, now: Date): void {
  const today = dayOf(now);
  const fold = createFold((fields, who, sentence) =>
    log.warn(fields, `stale: the figures of ${who} ${sentence}`),
  );
  for (const { name, entry, isGroup } of standingsOf(config, health, now)) {
    const { countedTo } = entry ?? {};
    if (countedTo === undefined || !isStale(countedTo, config.staleThresholdDays, today)) continue;
    const sentence = `end with ${countedTo}, ${plural(daysBehind(countedTo, today), 'day')} before yesterday`;
    const what = isGroup ? 'group' : 'package';
    fold.tell({ name, what, sentence, fields: { counted_to: countedTo } });
  }
  fold.finish();
}

/**
 * Takes the lock of the state folder. On a disk on which there can be none it is one that is not held: nothing may be
 * queried then, but the health file can still say why.
 *
 * @throws LockHeldError if another run has it.
 */
async function lock({ stateDir }: Config, now: () => Date): Promise<Lock> {
  try {
    await ensureFolder(stateDir, 'operator');
    return await acquireLock(stateDir, now);
  } catch (error) {
    if (error instanceof LockHeldError) throw error;
    const fault = diskError(error, stateDir);
    return {
      assertHeld() {
        throw fault;
      },
      release: async () => undefined,
    };
  }
}

/** Days that warnings and trends look back on: a trend compares a window with the one before it. */
function lookBackDays({ packages, config }: CollectRequest): number {
  const trends = [...packages, ...config.groups]
    .filter(({ looks }) => looks?.extra?.includes('trend'))
    .map((tracked) => 2 * longestWindow(tracked));
  return Math.max(WARNING_DAYS, ...trends);
}

async function run(request: CollectRequest, tools: Log): Promise<number> {
  const { config, context } = request;
  let held: Lock;
  try {
    held = await lock(config, context.now);
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error;
    tools.log.error({ error_code: error.code }, error.message);
    return EXIT_LOCKED;
  }
  try {
    return await runLocked(request, tools, held);
  } finally {
    await held.release();
  }
}

async function runLocked(request: CollectRequest, tools: Log, { assertHeld }: Lock): Promise<number> {
  const { log, progress, bug } = tools;
  const { config, context } = request;
  const signal = context.interruptible?.();
  const started = context.now();
  const previous = await previousHealth(config, log);
  const packages = readingOrder(request.packages, previous);
  const entries = new Map<string, PackageHealth>();
  const changed: [string, readonly DayChange[]][] = [];
  const traits = traitsOf(config.source, context.env);
  const warn = (message: string) => log.warn(message);
  progress.show(`0 of ${packages.length}`);
  await sweepTemporary(config.stateDir);
  let loading: Promise<Publishing> | undefined;
  let sharedDays = 0;
  const source = ledgerFolder(traits.id);
  const published = request.isToday ? previous?.upstream.published : undefined;
  const input: RunInput = {
    published: published?.source === source ? published.lastDay : undefined,
    packages,
    asOf: request.asOf,
    full: request.full,
    lookBackDays: lookBackDays(request),
    open: async () => {
      assertHeld();
      const opened = await openSource(config.source, context);
      loading ??= loadPublishing(request.page);
      return opened;
    },
    concurrency: config.concurrency,
    signal,
    assertHeld,
    ledgers: openLedgers(config.stateDir, traits.id, warn),
    spend: openSpendFile(config.stateDir, warn),
    budgetBytes: budgetBytes(config),
    warn,
    onSharedDays: (read, of) => {
      sharedDays = read;
      progress.show(`${read} of ${plural(of, 'day')} read for all`);
    },
    now: context.now,
  };
  const { upstream, warnings, notes, outcomes } = await beginPatiently(input, request.waitMinutes, log);
  for (const warning of warnings) log.warn(warning);
  for (const note of notes) log.info(note);
  const publishing = await (loading ?? loadPublishing(request.page));
  const spellings = otherSpellings(config.outputDir);
  const sums = publishing.createGroupSums(config.groups);
  const entryLog = createEntryLog(log);
  for await (const outcome of outcomes) {
    const { name } = outcome.package;
    const place = { previous: previous?.packages.get(name), spellings };
    const { entry, figures } = await publishing.publishPackage(outcome, config, place, context.now, bug);
    sums.add(name, figures);
    entries.set(name, entry);
    if (request.full && outcome.kind === 'read') changed.push([name, outcome.changes]);
    entryLog.tell(name, entry);
    progress.show(`${entries.size} of ${packages.length}  ${name}`);
  }
  progress.clear();
  const interrupted = signal?.aborted === true;
  const groups = await publishGroups(publishing, sums, config, previous, log, {
    started,
    now: context.now,
    interrupted,
    onFault: bug,
  });
  for (const [name, entry] of groups) entryLog.tell(name, entry, 'group');
  entryLog.finish();
  const lastDay = request.isToday && traits.wholeLog ? upstream?.lastDay : undefined;
  const isPublished = lastDay != null && [...entries.values()].some(({ failure }) => failure === undefined);
  const health = mergeHealth(config, previous, {
    started,
    finished: context.now(),
    asOf: request.asOf,
    upstream: upstream && { ...upstream, ...(isPublished ? { published: { source, lastDay } } : {}) },
    entries,
    groups,
    warnings: await publishing.leftOverPackages(config),
  });
  let written = true;
  try {
    await writeHealth(config.outputDir, health);
  } catch (error) {
    written = false;
    log.error(`_health.json could not be written: ${describeError(error)}`);
    bug(error);
  }
  for (const { code, message } of health.warnings) log.warn({ warning: code }, message);
  warnOfStale(log, config, health, context.now());
  const results = [
    ...request.packages.flatMap(({ name }) => {
      const entry = entries.get(name);
      return entry === undefined ? [] : [[name, entry] as const];
    }),
    ...[...groups].map(([name, entry]) => [groupName(name), entry] as const),
  ];
  if (request.json) context.stdout.write(formatJson(healthToJson(health)));
  else if (results.length > 0) {
    const style = tableStyle(context.stdout, context.env);
    context.stdout.write(renderResults(results, style) + renderChanges(changed));
  }
  if (request.page && !signal?.aborted) {
    written = (await drawPage(config, health, traits.name, context.now(), { log, bug }, signal)) && written;
  }
  if (signal?.aborted) {
    const { message, exitCode } = signal.reason as Interruption;
    const reached = `${plural(entries.size, 'package')} ${entries.size === 1 ? 'was' : 'were'}`;
    const kept =
      sharedDays === 0 ? '' : `; ${plural(sharedDays, 'day')} that all wait for were read and are kept`;
    log.warn(`${message}: ${reached} finished; the others keep what they had${kept}`);
    return exitCode;
  }
  return written && [...entries.values(), ...groups.values()].every(({ failure }) => failure === undefined)
    ? 0
    : 1;
}

/** `collect`, the main job: counts and publishes every package, and says how it went. */
export async function collect(options: CollectOptions, context: Context): Promise<number> {
  const config = loadConfig(options.config, context.cwd);
  const request: CollectRequest = {
    config,
    packages: selectPackages(config, options.package),
    asOf: selectAsOf(options.asOf, context.now()),
    isToday: options.asOf === undefined,
    context,
    full: options.full ?? false,
    json: options.json ?? false,
    waitMinutes: selectMinutes(options.wait),
    page: options.page ?? true,
  };
  return options.dryRun ? dryRun(request) : run(request, await createLog(options, context));
}
