import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config, TrackedPackage } from '../config/config.ts';
import { spanDays } from '../days/day.ts';
import { sweepTemporary } from '../disk/files.ts';
import { ERRORS } from '../errors/codes.ts';
import { describeError, errorCode } from '../errors/error.ts';
import { nameSome, plural } from '../format.ts';
import { allDownloads } from '../metric/breakdown.ts';
import type { DatedFacets } from '../metric/facets.ts';
import { areFacetsDue, readFacets } from '../publish/facets.ts';
import { type Health, mergeHealth, type PackageHealth, readHealth, writeHealth } from '../publish/health.ts';
import type { Publisher } from '../publish/package.ts';
import { openSource, sourceName, traitsOf } from '../sources/index.ts';
import type { World } from '../sources/source.ts';
import { ledgerFolder, ledgersOf } from '../state/ledgers.ts';
import type { Lock } from '../state/lock.ts';
import { openSpendFile } from '../state/spend.ts';
import type { FacetTask } from './facets.ts';
import { longestWindow, type RunScope, WARNING_DAYS } from './plan.ts';
import type { DayChange } from './reader.ts';
import { beginRun, type Run, type RunInput } from './run.ts';

/** What one run is asked for. */
export interface Job extends Omit<RunScope, 'published' | 'fillsPast' | 'lookBackDays'> {
  readonly config: Config;
  readonly world: World;
  /** Whether the windows end today, and not by --as-of. */
  readonly isToday: boolean;
  /** How long to go on trying where nothing can be reached, in minutes. */
  readonly waitMinutes: number;
  /** Whether pages are drawn. */
  readonly page: boolean;
}

/** Who is told how a run goes. */
export interface Listener {
  readonly log: Logger;
  /** Is told how far the run is. */
  readonly onProgress: (text: string) => void;
  readonly onEntry: (name: string, entry: PackageHealth, what: 'package' | 'group') => void;
  /** Is told of what an entry says in one sentence only. */
  readonly onFault: (error: unknown) => void;
}

/** What a run has done. */
export interface Collected {
  readonly health: Health;
  /** Whether that could be written, and the page drawn. */
  readonly isComplete: boolean;
  /** What it has finished. */
  readonly packages: ReadonlyMap<string, PackageHealth>;
  readonly groups: ReadonlyMap<string, PackageHealth>;
  /** With `full`: the days that the ledgers had otherwise. */
  readonly changes: ReadonlyMap<string, readonly DayChange[]>;
  /** How many days were read once for all who lack them. */
  readonly sharedDays: number;
}

/**
 * Loads what makes files of figures. It takes as long as Node.js does to start, so that a run begins with it when
 * the first question is on its way: it is done before the answer comes.
 */
async function loadPublishing(page: boolean) {
  const [publishing, pages] = await Promise.all([
    import('../publish/package.ts'),
    page ? import('../publish/page.ts') : undefined,
  ]);
  return { ...publishing, openPages: pages?.openPages };
}

/** The last run's health file, as far as it can be used: it only serves to remember. */
async function previousHealth({ outputDir }: Config, log: Logger): Promise<Health | undefined> {
  try {
    const health = await readHealth(outputDir);
    if (health !== 'unreadable') return health;
    log.warn(
      `the last _health.json in ${outputDir} is unreadable; it is replaced, and forgets when packages last succeeded`,
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

/**
 * Which facets are due: those that are old or missing, and of groups all or none, so that they add up. A package that was too
 * large to have any makes no other due.
 */
export async function facetTask(
  { config, asOf, world }: Pick<Job, 'config' | 'asOf' | 'world'>,
  previous: Health | undefined,
  onNone: FacetTask['onNone'],
): Promise<FacetTask | undefined> {
  const { facetsEveryDays: everyDays, outputDir, packages, groups, source } = config;
  if (everyDays === 0) return undefined;
  const { rowsOfPackage = Infinity } = traitsOf(source, world.env).facetLimits ?? {};
  const lastOf = (name: string) => readFacets(outputDir, name);
  const isDue = (windowDays: number, last: DatedFacets | undefined) =>
    areFacetsDue(last, { windowDays, everyDays, source: source.kind, asOf });
  const grouped = new Set<string>();
  for (const { members } of groups) {
    for (const { name, windows } of packages.filter((each) => members.includes(each.name))) {
      const [known] = previous?.packages.get(name)?.windows ?? [];
      const isTooLarge = known !== undefined && allDownloads(known.breakdown) > rowsOfPackage;
      if (!isTooLarge && isDue(windows[0], await lastOf(name)))
        for (const member of members) grouped.add(member);
    }
  }
  return {
    lastOf,
    isWanted: (name, window, last) =>
      (grouped.has(name) || isDue(spanDays(window), last)) && last?.span.end !== window.end,
    onNone,
  };
}

/** Days that warnings and trends look back on: a trend compares a window with the one before it. */
export function lookBackDays({ packages, config }: Pick<Job, 'packages' | 'config'>): number {
  const trends = [...packages, ...config.groups].filter(({ looks }) => looks?.extra?.includes('trend'));
  return Math.max(WARNING_DAYS, ...trends.map((each) => 2 * longestWindow(each)));
}

/** The pauses between attempts, as parts of the whole wait: soon at first, and then more rarely. */
const PAUSES = [1 / 8, 1 / 8, 1 / 4, 1 / 2];

/**
 * Begins a run, and where nothing at all can be reached tries again for some time: after a boot or while a
 * router starts, the network comes minutes later than the timer. Nothing has been asked by then, so nothing is asked twice.
 */
export async function beginPatiently(input: RunInput, minutes: number, log: Logger): Promise<Run> {
  let run = await beginRun(input);
  for (const part of minutes > 0 ? PAUSES : []) {
    if (run.fault === undefined || !ERRORS[errorCode(run.fault)].passes) return run;
    const pauseMs = part * minutes * 60_000;
    log.warn(`${describeError(run.fault)}; trying again in ${Math.ceil(pauseMs / 1000)} s`);
    try {
      await sleep(pauseMs, undefined, input.signal === undefined ? {} : { signal: input.signal });
    } catch {
      return run;
    }
    run = await beginRun(input);
  }
  return run;
}

/** Publishes the groups that the run has brought members of, and says of which it has not brought all. */
async function publishGroups(
  publisher: Publisher,
  started: Date,
  { signal }: Job,
  { log, onEntry }: Listener,
): Promise<Map<string, PackageHealth>> {
  const entries = new Map<string, PackageHealth>();
  for await (const { name, entry, waiting } of publisher.publishGroups(started)) {
    if (entry !== undefined) {
      entries.set(name, entry);
      onEntry(name, entry, 'group');
    } else if (!signal?.aborted) {
      const members = plural(waiting, 'package of it was', 'packages of it were');
      log.info(
        { group: name },
        `the group ${name} stays as it was: ${members} not part of this run; to renew it: collect --package ${name}`,
      );
    }
  }
  return entries;
}

/** What every run of a configuration needs, whatever it is asked for. */
export function runInput(
  config: Config,
  world: World,
  { assertHeld }: Pick<Lock, 'assertHeld'>,
  log: Logger,
): Omit<RunInput, keyof RunScope> {
  const traits = traitsOf(config.source, world.env);
  const warn = (message: string) => log.warn(message);
  return {
    ...{ assertHeld, warn, now: world.now },
    open: async () => {
      assertHeld();
      return openSource(config.source, world);
    },
    concurrency: config.concurrency,
    ledgers: ledgersOf(config.stateDir, traits, warn),
    spend: openSpendFile(config.stateDir, warn),
    budgetBytes: config.budgetBytes,
  };
}

/** Does what is not any package's affair. @returns Whether it is done; if not, the log says why, but for an interruption. */
async function attempt(
  what: string,
  { signal }: Job,
  { log, onFault }: Listener,
  work: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return false;
    log.error({ error_code: errorCode(error) }, `${what}: ${describeError(error)}`);
    onFault(error);
    return false;
  }
}

/**
 * The main job: fetches the days that the source has, plans what must be read, reads it, publishes each package as it
 * comes, and at the end the groups, `_health.json` and the page. What happens to one package is its own affair.
 *
 * @param lock Tells whether another run may be under way.
 */
export async function collect(
  job: Job,
  lock: Pick<Lock, 'assertHeld'>,
  listener: Listener,
): Promise<Collected> {
  const { config, world, isToday, asOf, full, signal } = job;
  const { log, onProgress, onEntry, onFault } = listener;
  const started = world.now();
  const traits = traitsOf(config.source, world.env);
  const source = ledgerFolder(traits.id);
  const previous = await previousHealth(config, log);
  const published = isToday ? previous?.upstream.published : undefined;
  const wanted = readingOrder(job.packages, previous);
  await sweepTemporary(config.stateDir);

  const input = runInput(config, world, lock, log);
  let loading: ReturnType<typeof loadPublishing> | undefined;
  let sharedDays = 0;
  const run = await beginPatiently(
    {
      ...input,
      ...{ asOf, full, signal },
      lookBackDays: lookBackDays(job),
      packages: wanted,
      facets: await facetTask(job, previous, (names, why) =>
        log.info(`no Pythons, versions and systems of ${nameSome(names)}: ${why}`),
      ),
      published: published?.source === source ? published.lastDay : undefined,
      open: async () => {
        const opened = await input.open();
        loading ??= loadPublishing(job.page);
        return opened;
      },
      onSharedDays: (read, of) => {
        sharedDays = read;
        onProgress(`${read} of ${plural(of, 'day')} read for all`);
      },
    },
    job.waitMinutes,
    log,
  );
  for (const warning of run.warnings) log.warn(warning);
  for (const note of run.notes) log.info(note);

  const publishing = await (loading ?? loadPublishing(job.page));
  const pages = publishing.openPages?.(config, sourceName(traits.kind), world.now, signal);
  const publisher = publishing.openPublisher(config, previous, pages, world.now, onFault);
  const packages = new Map<string, PackageHealth>();
  const changes = new Map<string, readonly DayChange[]>();
  for await (const outcome of run.outcomes) {
    const { name } = outcome.package;
    const entry = await publisher.publish(outcome);
    packages.set(name, entry);
    if (full && outcome.kind === 'read') changes.set(name, outcome.changes);
    onEntry(name, entry, 'package');
    onProgress(`${packages.size} of ${wanted.length}  ${name}`);
  }
  const groups = await publishGroups(publisher, started, job, listener);

  const lastDay = isToday && traits.wholeLog ? run.upstream?.lastDay : undefined;
  const isPublished = lastDay != null && [...packages.values()].some(({ failure }) => failure === undefined);
  const health = mergeHealth(config, previous, {
    started,
    finished: world.now(),
    asOf,
    upstream: run.upstream && { ...run.upstream, ...(isPublished ? { published: { source, lastDay } } : {}) },
    packages,
    groups,
    warnings: await publisher.leftOver(),
  });
  const isWritten = await attempt('_health.json could not be written', job, listener, () =>
    writeHealth(config.outputDir, health),
  );
  const isCompared = await attempt(
    'the chart of compare_chart could not be drawn',
    job,
    listener,
    async () => {
      if (config.compareChart === undefined) return;
      signal?.throwIfAborted();
      const missing = await publishing.publishComparison(config);
      if (missing.length > 0)
        log.info(`no chart of compare_chart: nothing was collected of ${nameSome(missing)} yet`);
    },
  );
  const isDrawn = await attempt('the page could not be drawn completely', job, listener, async () => {
    signal?.throwIfAborted();
    await pages?.finish(health);
  });
  const isComplete = isWritten && isCompared && isDrawn;
  return { health, isComplete, packages, groups, changes, sharedDays };
}
