import { addDays, type Day, type Span, spanDays } from '../days/day.ts';
import { describeError } from '../errors/error.ts';
import { formatBytes, formatGib, formatNumber, plural } from '../format.ts';
import { type Need, needOf, type PerDay, type PlannedRead, planReads, WARNING_DAYS } from '../plan/plan.ts';
import { canFill, isWorthSharing, type Shareable, shareable } from '../plan/sharing.ts';
import { type Source, SourceError } from '../sources/source.ts';
import type { Ledger } from '../state/ledger.ts';
import { roundedBill } from '../units.ts';
import type { LearntDays, Task } from './learn-days.ts';

/** What was known of the two ways to read days that many packages lack. */
export interface Sharing {
  /** How many such days there are, and how many of them are read once for all. */
  readonly days: number;
  readonly sharedDays: number;
  /** The one of them that costs most when every package is asked for alone; of several, the newest. */
  readonly day: Day;
  /** Of that day: how many packages lack it, and what it bills either way. */
  readonly packages: number;
  readonly aloneBytes: number;
  readonly sharedBytes: number;
  /** Whence the price of a shared day is known. */
  readonly basis: 'a dry run' | 'a dry run and its last bills' | 'its last bills';
}

/** All that a run will read. */
export interface RunPlan {
  /** By package. A package that could not be planned has its fault here instead. */
  readonly needs: ReadonlyMap<string, Need>;
  readonly faults: ReadonlyMap<string, unknown>;
  readonly reads: readonly PlannedRead[];
  /** Absent where there was nothing to decide. */
  readonly sharing: Sharing | undefined;
  /** What an operator should know. */
  readonly warnings: readonly string[];
}

/** What is kept between runs, as far as a plan looks at it. */
export interface Kept {
  readonly load: (packageName: string) => Promise<Ledger>;
  readonly bytesPerDay: PerDay;
  readonly bytesPerSharedDay: () => number | undefined;
  readonly billedPart: () => number | undefined;
  /** Most bytes to be billed in a month, or null for no limit. */
  readonly budgetBytes: number | null;
}

/** A question for all, and what it would bill. */
interface Priced extends Shareable {
  readonly expectedBytes: number;
  /** Absent where the source could not say. */
  readonly estimatedBytes?: number;
}

/**
 * Asks the source for what each question reads at most, which is free, and reckons what it bills from that. Where it cannot
 * say, the last bills must do; without them a question has no price, and is left out.
 *
 * @returns The questions, and why the source could not say, if so.
 */
async function priceAll(
  questions: readonly Shareable[],
  source: Source,
  kept: Kept,
  signal: AbortSignal | undefined,
): Promise<{ priced: Priced[]; fault: SourceError | undefined }> {
  const part = kept.billedPart() ?? 1;
  const perDay = kept.bytesPerSharedDay();
  const priced: Priced[] = [];
  let fault: SourceError | undefined;
  for (const question of questions) {
    const { packages, span } = question;
    if (fault === undefined) {
      try {
        const estimatedBytes = await source.estimate({ packages, span }, signal);
        priced.push({ ...question, expectedBytes: roundedBill(estimatedBytes * part), estimatedBytes });
        continue;
      } catch (error) {
        if (!(error instanceof SourceError) || error.code === 'interrupted') throw error;
        fault = error;
      }
    }
    if (perDay !== undefined) {
      priced.push({ ...question, expectedBytes: roundedBill(perDay * spanDays(span)) });
    }
  }
  return { priced, fault };
}

/** The questions that are cheaper to put once for all, and how that was decided. */
async function share(
  { signal, fillsPast }: Task,
  source: Source,
  needs: readonly Need[],
  kept: Kept,
): Promise<Pick<RunPlan, 'reads' | 'sharing' | 'warnings'>> {
  const questions = shareable(needs, source.traits, kept.bytesPerDay);
  const { priced, fault } = await priceAll(questions, source, kept, signal);
  const cheaper: PlannedRead[] = [];
  let newestBytes: number | undefined;
  let dearest: Pick<Sharing, 'day' | 'packages' | 'aloneBytes' | 'sharedBytes'> | undefined;
  for (const { aloneBytesADay, ...planned } of priced) {
    const { packages, span, expectedBytes } = planned;
    const sharedBytes = expectedBytes / spanDays(span);
    newestBytes ??= sharedBytes;
    if (isWorthSharing(aloneBytesADay, sharedBytes)) cheaper.push(planned);
    if (aloneBytesADay > (dearest?.aloneBytes ?? 0)) {
      const day = addDays(span.end, -1);
      dearest = { day, packages: packages.length, aloneBytes: aloneBytesADay, sharedBytes };
    }
  }
  const daysOfAll = (list: readonly { readonly span: Span }[]) =>
    list.reduce((sum, { span }) => sum + spanDays(span), 0);
  const days = daysOfAll(questions);
  const { budgetBytes } = kept;
  const missingBytes = cheaper.reduce((sum, { expectedBytes }) => sum + expectedBytes, 0);
  // What the newest day bills, each day from now on will.
  const isWithin = fillsPast || canFill(newestBytes ?? 0, missingBytes, budgetBytes);
  const reads = isWithin ? cheaper : [];
  const sharedDays = daysOfAll(reads);
  const asked = kept.billedPart() === undefined ? 'a dry run' : 'a dry run and its last bills';
  const basis = fault === undefined ? asked : 'its last bills';
  const warnings: string[] = [];
  if (fault !== undefined) {
    const hasBills = kept.bytesPerSharedDay() !== undefined;
    const instead = hasBills ? 'the last bills must do' : 'packages are asked for one by one';
    warnings.push(
      `what a day bills that is read once for all could not be asked: ${describeError(fault)}; ${instead}`,
    );
  }
  if (!isWithin && budgetBytes !== null) {
    warnings.push(
      `days that are read once for all are cheaper, but the budget of ${formatGib(budgetBytes)} holds neither those that are missing (about ${formatGib(missingBytes)}) nor a month of them: packages are asked for one by one, as far as it goes; raise bigquery.monthly_budget_gib, track fewer packages, or count from ClickHouse, which is free (service.source: clickhouse)`,
    );
  }
  return {
    reads,
    sharing: dearest === undefined ? undefined : { ...dearest, days, sharedDays, basis },
    warnings,
  };
}

/**
 * Plans a run: what each package needs, and the questions that bring it.
 *
 * @throws SourceError if it is interrupted.
 */
export async function planRun(task: Task, source: Source, learnt: LearntDays, kept: Kept): Promise<RunPlan> {
  const { asOf, full, lookBackDays = WARNING_DAYS, fillsPast } = task;
  const goal = { end: learnt.upstream.end, asOf, full, known: learnt.known, lookBackDays, fillsPast };
  const needs = new Map<string, Need>();
  const faults = new Map<string, unknown>();
  for (const tracked of task.packages) {
    try {
      needs.set(tracked.name, needOf(tracked, await kept.load(tracked.name), goal, source.traits));
    } catch (error) {
      faults.set(tracked.name, error);
    }
  }
  const list = [...needs.values()];
  const { reads: shared, ...decided } = await share(task, source, list, kept);
  return { needs, faults, reads: planReads(list, source.traits, kept.bytesPerDay, shared), ...decided };
}

/** The choice in a sentence for the operator; undefined if there was none. */
export function sharingNote(sharing: Sharing | undefined): string | undefined {
  if (sharing === undefined) return undefined;
  const { days, sharedDays, day, packages, aloneBytes, sharedBytes, basis } = sharing;
  const told = sharedDays === 0 ? days : sharedDays;
  const all = days === 1 ? day : plural(days, 'day');
  const which = told < days ? `of ${all}, ${formatNumber(told)}` : all;
  const verb = told === 1 ? 'is' : 'are';
  const how = sharedDays > 0 ? 'once for all' : 'for each package alone';
  const breakEven = Math.ceil(sharedBytes / (aloneBytes / packages));
  return `${which} ${verb} read ${how}: a day of ${plural(packages, 'package')} one by one would bill about ${formatBytes(aloneBytes)}, a day read for all about ${formatBytes(sharedBytes)} (by ${basis}); the two are equal at about ${formatNumber(breakEven)} packages`;
}
