import { runInput } from '../collect/collect.ts';
import type { RunScope } from '../collect/plan.ts';
import { beginRun } from '../collect/run.ts';
import { type Config, loadConfig, selectPackages, type TrackedPackage } from '../config/config.ts';
import { type Day, dayOf, spanDays } from '../days/day.ts';
import { ERAS } from '../days/eras.ts';
import { describeError, UsageError } from '../errors/error.ts';
import { formatBytes, formatGib, plural } from '../format.ts';
import { incompleteDaysOf } from '../metric/package-days.ts';
import { traitsOf } from '../sources/index.ts';
import type { Lock } from '../state/lock.ts';
import { sum } from '../util.ts';
import { agrees, type Context, commandLine, type GlobalOptions, type Interruption } from './context.ts';
import { type PricedPlan, planPriced, renderReads } from './dry-run.ts';
import { bySentence, createLog, listPrice, say, styleOf, withProgress } from './output.ts';
import { selectDay } from './select.ts';
import { underLock } from './under-lock.ts';

export interface BackfillOptions extends GlobalOptions {
  readonly from: string;
  readonly package?: readonly string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

function selectFrom(text: string, today: Day): Day {
  const day = selectDay('--from', text, '2025-01-01');
  if (day < ERAS.rows) {
    const why = `half of the rows before ${ERAS.rows} are missing from PyPI's log, so no day before is read`;
    throw new UsageError(`--from ${text}: ${why}`);
  }
  if (day >= today) throw new UsageError(`--from ${text}: expected a day from ${ERAS.rows} to yesterday`);
  return day;
}

/** Packages whose totals are wanted; for others, older days would be paid for and never shown. */
function selectForTotals(config: Config, names: readonly string[] | undefined): readonly TrackedPackage[] {
  const packages = selectPackages(config, names);
  const wanted = packages.filter(({ total }) => total);
  const without = names === undefined ? [] : packages.filter(({ total }) => !total).map(({ name }) => name);
  if (without.length === 0 && wanted.length > 0) return wanted;
  const whom = without.length > 0 ? without.join(', ') : 'any package';
  throw new UsageError(
    `tracked.yaml asks for no total of ${whom}, and only totals have a use for older days; write under badges: extra: [total]`,
  );
}

/** What the questions cost, beside what the month has cost already. */
function renderPrice({ reads, expected, committed, room }: PricedPlan): string {
  const most = sum(reads, ({ estimatedBytes }) => estimatedBytes);
  const price = (bytes: number) => listPrice(bytes, committed);
  const short =
    room !== undefined && room < expected
      ? ' What does not fit is left out; run this again next month, and it goes on.'
      : '';
  const left = room === undefined ? '' : `\nThis month's budget has room for ${formatGib(room)}.${short}`;
  return `
By what a day of these packages has billed so far, about ${formatGib(expected)}, which is ${price(expected)} at the list price; by BigQuery's upper bound at most ${formatGib(most)}, which is ${price(most)}. The first TiB of a month counts as free, and days that the table turns out to lack cost nothing.${left}`;
}

async function fill(
  task: RunScope,
  config: Config,
  options: BackfillOptions,
  context: Context,
  lock: Pick<Lock, 'assertHeld'>,
): Promise<number> {
  const { log, progress } = await createLog(options, context);
  const signal = context.interruptible?.();
  const { billed } = traitsOf(config.source, context.env);
  const read = (count: number) => `${count} of ${plural(task.packages.length, 'package')} read`;
  progress.show(read(0));
  const { warnings, notes, outcomes } = await beginRun({
    ...task,
    ...runInput(config, context, lock, log),
    signal,
  });
  for (const warning of warnings) log.warn(warning);
  for (const note of notes) log.info(note);
  const lines: string[] = [];
  const failures: [string, string][] = [];
  for await (const outcome of outcomes) {
    const { name } = outcome.package;
    progress.show(read(lines.length + failures.length + 1));
    if (outcome.kind === 'failed') {
      failures.push([name, describeError(outcome.error)]);
      continue;
    }
    const { daysScanned, bytesBilled } = outcome.taken;
    const since = outcome.total?.since ?? 'no day';
    const bill = billed ? `, ${formatBytes(bytesBilled)} billed` : '';
    const without = incompleteDaysOf(outcome.days).unknown.length;
    const left = `; ${plural(without, 'day')} left out, as the source does not say which downloads were by CI`;
    const known = `known since ${since}${without === 0 ? '' : left}`;
    lines.push(`${name}: ${plural(daysScanned, 'day')} read${bill}; ${known}`);
  }
  lines.push(...bySentence(failures));
  progress.clear();
  const interruption = signal?.aborted ? (signal.reason as Interruption) : undefined;
  if (interruption !== undefined) log.warn(`${interruption.message}: what was read is kept`);
  const next = commandLine(context.env, 'collect', config.file);
  say(context.stdout, context.env, `${lines.join('\n')}\n\nTo renew the badges: ${next}`);
  return interruption?.exitCode ?? (failures.length === 0 ? 0 : 1);
}

/**
 * `backfill`: reads older days, of which totals are made, once the operator has seen what they cost and agrees.
 *
 * @throws UsageError if an option is wrong, or there is nobody to agree.
 */
export async function backfill(options: BackfillOptions, context: Context): Promise<number> {
  const { stdout, env } = context;
  const style = styleOf(stdout, env);
  const config = loadConfig(options.config, context.cwd);
  const today = dayOf(context.now());
  const asked = selectFrom(options.from, today);
  const isTooOld = asked < ERAS.ci;
  const from = isTooOld ? ERAS.ci : asked;
  const packages = selectForTotals(config, options.package);
  const { billed, keepsLedger, kind } = traitsOf(config.source, env);
  if (!keepsLedger) {
    const why = 'counts its files anew with each run, totals included; there is nothing to fill';
    throw new UsageError(`source ${kind} ${why}`);
  }
  const windows = [spanDays({ start: from, end: today })] as const;
  const task: RunScope = {
    packages: packages.map((tracked) => ({ ...tracked, windows })),
    asOf: today,
    full: false,
    lookBackDays: 0,
    fillsPast: true,
  };
  if (isTooOld) {
    const why = "PyPI's log does not say which of their downloads were by CI";
    say(stdout, env, `days before ${ERAS.ci} are not read: ${why}`);
  }
  /** Says what is to be read, and whether anything is. */
  const plan = async (): Promise<boolean> => {
    const planned = await withProgress(context, 'Planning', () => planPriced(task, config, context));
    const { reads, notes } = planned;
    if (reads.length === 0) say(stdout, env, `every day since ${from} is known already`);
    else if (billed) {
      const names = packages.map(({ name }) => name);
      say(stdout, env, [renderReads(reads, names, style) + renderPrice(planned), ...notes].join('\n'));
    } else say(stdout, env, `${plural(reads.length, 'query', 'queries')} to ${kind}, which bills nothing`);
    return reads.length > 0;
  };
  if (options.dryRun) {
    await plan();
    return 0;
  }
  return underLock(config.stateDir, context, async (lock) => {
    if (!(await plan())) return 0;
    if (billed && !options.yes && !(await agrees(context, 'Read these days and pay for them?'))) {
      stdout.write('nothing was read\n');
      return 0;
    }
    return fill(task, config, options, context, lock);
  });
}
