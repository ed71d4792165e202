import { setImmediate as yieldToSignals } from 'node:timers/promises';
import type { TrackedPackage } from '../config/config.ts';
import {
  addDays,
  type Day,
  dayNumber,
  daysOf,
  type PartitionRows,
  type Span,
  spanDays,
  windowBefore,
} from '../days/day.ts';
import { ERAS } from '../days/eras.ts';
import type { Upstream } from '../days/upstream.ts';
import { describeError, interrupted, SourceError } from '../errors/error.ts';
import { formatBytes, formatGib, formatNumber, plural } from '../format.ts';
import type { Source, SourceTraits } from '../sources/source.ts';
import type { Question } from '../sources/sql.ts';
import { isOld, type Ledger } from '../state/ledger.ts';
import type { Ledgers } from '../state/ledgers.ts';
import { billedPart, bytesPerDay, bytesPerSharedDay, type Spend } from '../state/spend.ts';
import { append, defined, isNonEmpty, MINIMUM_BILLED, NO_COST, partsOf, roundedBill, sum } from '../util.ts';

/** What is known of the table's days. */
export type KnownDays =
  /** How many rows each day has now. */
  | { readonly kind: 'known'; readonly rows: PartitionRows }
  /** The source cannot tell. */
  | { readonly kind: 'unsupported' }
  /** It was not asked, because asking is not free: days in the ledger are taken as unchanged. */
  | { readonly kind: 'skipped' };

/** What a run is asked for. */
export interface RunScope {
  readonly packages: readonly TrackedPackage[];
  readonly asOf: Day;
  /** Whether to read every day of the windows again. */
  readonly full: boolean;
  /** The last day of the published badges, as the last run told of this very source; undefined where that does not matter. */
  readonly published?: Day | undefined;
  /** Days that are looked back on where that is free, however short the windows. */
  readonly lookBackDays: number;
  /** Whether the windows are the past that totals are to be filled with. */
  readonly fillsPast?: boolean;
  /** Ends the run: what is under way is cancelled. */
  readonly signal?: AbortSignal | undefined;
}

/** What a run knows of the table's days before it asks for the first package. */
export interface FetchedDays {
  readonly upstream: Upstream;
  readonly known: KnownDays;
  /** All days that are known to be incomplete, those before the longest window among them: a trend leaves them out, too. */
  readonly partialDays: readonly Day[];
  /** What an operator should know, once a run. */
  readonly warnings: readonly string[];
}

/** A day is read again when its partition has changed by this share of its rows or more. */
const CHANGE = 0.0001;

/** How many of the newest days are read again when the source cannot tell whether they changed. */
export const NEWEST_DAYS = 2;
/** After how many days the whole window is read again then. */
export const WHOLE_EVERY_DAYS = 7;

/** What a day of a package that was never read is expected to bill, in bytes: a little above the measured 150 MB. */
export const BYTES_PER_UNSEEN_DAY = 160_000_000;

/** Days that the warnings look back on. */
export const WARNING_DAYS = 35;

/**
 * Most days of one package that are asked for at once: a year is no more than a window may have, and what a kill can
 * lose of what was paid.
 */
const QUESTION_DAYS_MAX = 366;

/** What is to be read of one package. */
export interface Need {
  readonly package: string;
  /** The days that are wanted: its longest window, and where reading is free what the warnings need. */
  readonly span: Span;
  /** Those of them that must be read, oldest first. */
  readonly days: readonly Day[];
}

/** One question of a run. */
export interface PlannedRead extends Question {
  /** What it is expected to bill, in bytes. */
  readonly expectedBytes: number;
  /** What the source says that it would read at most, in bytes, where it was asked. */
  readonly estimatedBytes?: number;
}

/** What a run asks for, besides the packages. */
export interface Goal extends Pick<RunScope, 'asOf' | 'full' | 'fillsPast' | 'lookBackDays'> {
  /** The day before which the windows end. */
  readonly end: Day;
  readonly known: KnownDays;
}

/** Days of a package's longest window. */
export function longestWindow({ windows }: TrackedPackage): number {
  return Math.max(...windows);
}

/** Whether a day that had `before` rows when it was read, and has `now`, is worth reading again. */
export function hasChanged(before: number | null, now: number): boolean {
  if (before === null) return true;
  return before === 0 ? now > 0 : Math.abs(now - before) / before >= CHANGE;
}

/**
 * Whether the whole window is due, where the source cannot tell which days changed. While it is filled for the first time,
 * however long that takes, days that were read are not read again.
 */
function wholeWindowDue({ wholeRead }: Ledger, asOf: Day): boolean {
  return wholeRead !== null && dayNumber(asOf) - dayNumber(wholeRead) >= WHOLE_EVERY_DAYS;
}

/**
 * The days of a span that must be read, oldest first: those that the ledger lacks, and those that have
 * changed, or may have, since they were read. A day without any row in the whole table is never read.
 */
function daysToRead(ledger: Ledger, span: Span, { known, asOf, full, fillsPast }: Goal): Day[] {
  const days = daysOf(span).filter((day) => !(fillsPast && isOld(ledger.old, day)));
  if (known.kind === 'known') {
    const rowsOf = (day: Day) => known.rows.get(day) ?? 0;
    const outdated = (day: Day) => {
      const kept = ledger.days.get(day);
      return full || kept === undefined || hasChanged(kept.partitionRows, rowsOf(day));
    };
    return days.filter((day) => rowsOf(day) > 0 && outdated(day));
  }
  const unsupported = known.kind === 'unsupported';
  if (fillsPast) return days.filter((day) => !ledger.days.has(day));
  if (full || (unsupported && wholeWindowDue(ledger, asOf))) return days;
  const again = unsupported ? addDays(span.end, -NEWEST_DAYS) : span.end;
  return days.filter((day) => !ledger.days.has(day) || day >= again);
}

/** What must be read of a package, given what its ledger has. */
export function needOf(
  tracked: TrackedPackage,
  ledger: Ledger,
  goal: Goal,
  { billed, keepsLedger }: Pick<SourceTraits, 'billed' | 'keepsLedger'>,
): Need {
  const { end } = goal;
  const wanted = billed ? longestWindow(tracked) : Math.max(longestWindow(tracked), goal.lookBackDays);
  const { start } = windowBefore(end, wanted);
  // What is not kept is counted anew each time, from the beginning. Days of which no one can tell what was by CI are not read.
  const span = { start: (tracked.total && !keepsLedger) || start < ERAS.ci ? ERAS.ci : start, end };
  return { package: tracked.name, span, days: daysToRead(ledger, span, goal) };
}

/** Whether everything that is wanted is read at once. */
export function readsWhole({ span, days }: Need): boolean {
  return days.length === spanDays(span);
}

/**
 * Days as the spans to be queried.
 *
 * @param days Oldest first.
 * @param bridge Longest gap, in days, that is read along instead of beginning a new span.
 */
export function toSpans(days: readonly Day[], bridge: number): Span[] {
  const spans: Span[] = [];
  for (const day of days) {
    const last = spans.at(-1);
    if (last !== undefined && dayNumber(day) - dayNumber(last.end) <= bridge) {
      spans[spans.length - 1] = { start: last.start, end: addDays(day, 1) };
    } else {
      spans.push({ start: day, end: addDays(day, 1) });
    }
  }
  return spans;
}

/**
 * The longest gap that is cheaper to read along. A span costs its days, and at least the least that is
 * billed for a query; so a gap is bridged only where its days cost less than that.
 *
 * @param perDay Bytes that a day bills; undefined if that is not known, and then no gap is bridged.
 */
function bridgeOf(perDay: number | undefined): number {
  return perDay === undefined ? 0 : Math.floor(MINIMUM_BILLED / perDay);
}

/** Longest gap that is read along where reading is free: one question less is kinder to the server. */
const FREE_BRIDGE = 7;

/**
 * A span in parts, the newest first: of a year at most, and cut where names of files are no longer asked for, which cost one
 * more column for every day of a question.
 */
function inParts({ start, end }: Span): Span[] {
  if (start < ERAS.distributions && ERAS.distributions < end) {
    const before = { start, end: ERAS.distributions };
    return [...inParts({ start: ERAS.distributions, end }), ...inParts(before)];
  }
  const parts: Span[] = [];
  for (let last = end; last > start; last = addDays(last, -QUESTION_DAYS_MAX)) {
    const first = addDays(last, -QUESTION_DAYS_MAX);
    parts.push({ start: first > start ? first : start, end: last });
  }
  return parts;
}

/** What a query for one package over a span is expected to bill. */
export function expectedBill(span: Span, perDay: number | undefined): number {
  return roundedBill(spanDays(span) * (perDay ?? BYTES_PER_UNSEEN_DAY));
}

/** Packages that lack the same spans, asked for together as far as the source takes them. */
function together(needs: readonly Need[], traits: SourceTraits): PlannedRead[] {
  const groups = new Map<string, { span: Span; packages: [string, ...string[]] }>();
  for (const { package: name, days } of needs) {
    for (const span of toSpans(days, traits.keepsLedger ? FREE_BRIDGE : Number.POSITIVE_INFINITY)) {
      const key = `${span.start} ${span.end}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { span, packages: [name] });
      else group.packages.push(name);
    }
  }
  return [...groups.values()].flatMap(({ span, packages }) => {
    const most = Math.max(1, Math.floor(traits.packageDaysAtOnce / spanDays(span)));
    return partsOf(packages, Math.min(traits.packagesAtOnce, most)).map((part) => ({
      packages: part,
      span,
      expectedBytes: 0,
    }));
  });
}

/** What a day of a package that is asked for alone bills, in bytes; undefined if that is not known. */
export type PerDay = (packageName: string) => number | undefined;

/** What a day bills for packages that are asked for one by one. */
export function aloneBytes(packages: readonly string[], perDay: PerDay): number {
  return sum(packages, (name) => perDay(name) ?? BYTES_PER_UNSEEN_DAY);
}

/** Packages by the day that they lack, oldest day first. */
export function packagesByDay(needs: readonly Need[]): Map<Day, string[]> {
  const byDay = new Map<Day, string[]>();
  for (const { package: name, days } of needs) {
    for (const day of days) {
      append(byDay, day, name);
    }
  }
  return new Map([...byDay].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * All questions of a run. Failures are each package's own, so a package that could not be planned is just
 * not among the needs.
 *
 * @param shared Questions that are cheaper to put once for all.
 */
export function planReads(
  needs: readonly Need[],
  traits: SourceTraits,
  packagePerDay: PerDay,
  shared: readonly PlannedRead[],
): PlannedRead[] {
  if (traits.packagesAtOnce > 1) return together(needs, traits);
  const sharedDays = new Map<Day, ReadonlySet<string>>();
  for (const { packages, span } of shared) {
    const who = new Set(packages);
    for (const day of daysOf(span)) sharedDays.set(day, who);
  }
  const alone = needs.flatMap(({ package: name, days }) => {
    const perDay = packagePerDay(name);
    const own = days.filter((day) => sharedDays.get(day)?.has(name) !== true);
    // The newest first: if the money ends, what is known has no gap.
    const spans = toSpans(own, bridgeOf(perDay)).toReversed().flatMap(inParts);
    return spans.map(
      (span): PlannedRead => ({
        packages: [name],
        span,
        expectedBytes: traits.billed ? expectedBill(span, perDay) : 0,
      }),
    );
  });
  return [...shared, ...alone];
}

/**
 * Where a day bills less than this one by one, it is not read for all: every estimate of what that bills is ten times as
 * high (docs/cost-model.md), so a short list need not even ask.
 */
export const WORTH_ASKING_BYTES = 10_000_000_000;

/**
 * Whether a day that many packages lack is read once for all of them.
 *
 * @param alone Bytes that it bills when they are asked for one by one.
 * @param shared Bytes that it bills when it is read for all.
 */
export function isWorthSharing(alone: number, shared: number): boolean {
  return alone > WORTH_ASKING_BYTES && alone > shared;
}

const MONTH_DAYS = 30;

/**
 * Whether the budget of a month, spent on days that are read once for all, ever brings the windows: it holds all that is missing, or
 * more days than a month adds. Else it is worth more for some of the packages, as far as it goes.
 *
 * @param dayBytes What such a day bills.
 * @param missingBytes What all of them bill that are missing now.
 * @param budgetBytes Most bytes to be billed in a month, or null for no limit.
 */
export function canFill(dayBytes: number, missingBytes: number, budgetBytes: number | null): boolean {
  return budgetBytes === null || missingBytes <= budgetBytes || dayBytes * MONTH_DAYS <= budgetBytes;
}

/** A question for all who lack its days, and what each of the days bills when they are asked for one by one. */
export type SharedQuestion = Question & { readonly aloneBytesADay: number };

/**
 * Questions that may be cheaper to put once for all who lack the days. Neighbouring days of the same packages are one
 * question, as long as its answer fits into memory. The newest are first: if the money ends, those were paid for that stay
 * in the windows longest.
 */
export function sharedQuestions(
  needs: readonly Need[],
  traits: SourceTraits,
  perDay: PerDay,
): SharedQuestion[] {
  if (!traits.sharesDays) return [];
  const found: SharedQuestion[] = [];
  for (const [day, packages] of [...packagesByDay(needs)].toReversed()) {
    if (!isNonEmpty(packages) || packages.length === 1) continue;
    const aloneBytesADay = aloneBytes(packages, perDay);
    if (aloneBytesADay <= WORTH_ASKING_BYTES) continue;
    const last = found.at(-1);
    const most = Math.max(1, Math.floor(traits.packageDaysAtOnce / packages.length));
    const next = addDays(day, 1);
    const joins =
      last !== undefined &&
      last.span.start === next &&
      next !== ERAS.distributions &&
      spanDays(last.span) < most &&
      last.packages.length === packages.length &&
      last.packages.every((name, index) => name === packages[index]);
    if (joins) {
      found[found.length - 1] = { ...last, span: { start: day, end: last.span.end } };
    } else {
      found.push({ packages, span: { start: day, end: next }, aloneBytesADay });
    }
  }
  return found;
}

/** All that a run will read. */
export interface RunPlan {
  /** By package. A package that could not be planned has its fault here instead. */
  readonly needs: ReadonlyMap<string, Need>;
  readonly faults: ReadonlyMap<string, unknown>;
  readonly reads: readonly PlannedRead[];
  /** What an operator should know. */
  readonly warnings: readonly string[];
  /** What an operator may want to know: how the way to read the days was chosen. */
  readonly notes: readonly string[];
}

/** What is kept between runs, as far as a plan looks at it. */
export interface Kept {
  readonly spend: Spend;
  readonly ledgers: Pick<Ledgers, 'load'>;
  /** Most bytes to be billed in a month, or null for no limit. */
  readonly budgetBytes: number | null;
}

function daysIn(questions: readonly Question[]): number {
  return sum(questions, ({ span }) => spanDays(span));
}

/**
 * Chooses the questions that are cheaper to put once for all. The source says what each reads at most, which is free, and
 * what it bills follows from that. Where the source cannot say, the last bills must do; without them a question has no price, and
 * its packages are asked for one by one.
 */
async function share(
  { signal, fillsPast }: RunScope,
  source: Source,
  needs: readonly Need[],
  { spend, budgetBytes }: Kept,
  dayBytes: PerDay,
): Promise<Pick<RunPlan, 'reads' | 'warnings' | 'notes'>> {
  const questions = sharedQuestions(needs, source.traits, dayBytes);
  const [part, perDay] = [billedPart(spend), bytesPerSharedDay(spend)];
  const warnings: string[] = [];
  /** What a day bills one by one, and read for all. */
  const priced: { readonly read: PlannedRead; readonly alone: number; readonly shared: number }[] = [];
  let asked = true;
  for (const { aloneBytesADay: alone, ...question } of questions) {
    let estimatedBytes: number | undefined;
    try {
      if (asked) estimatedBytes = await source.estimate(question, signal);
    } catch (error) {
      if (!(error instanceof SourceError) || error.code === 'interrupted') throw error;
      asked = false;
      const instead = perDay === undefined ? 'packages are asked for one by one' : 'the last bills must do';
      warnings.push(
        `what a day bills that is read once for all could not be asked: ${describeError(error)}; ${instead}`,
      );
    }
    const days = spanDays(question.span);
    const bytes = estimatedBytes === undefined ? perDay && perDay * days : estimatedBytes * (part ?? 1);
    if (bytes === undefined) continue;
    const expectedBytes = roundedBill(bytes);
    const read = { ...question, expectedBytes, ...defined({ estimatedBytes }) };
    priced.push({ read, alone, shared: expectedBytes / days });
  }
  const [newest] = priced;
  if (newest === undefined) return { reads: [], warnings, notes: [] };
  const cheaper = priced.filter(({ alone, shared }) => isWorthSharing(alone, shared)).map(({ read }) => read);
  const missingBytes = sum(cheaper, ({ expectedBytes }) => expectedBytes);
  // What the newest day bills, each day from now on will.
  const isWithin = fillsPast || canFill(newest.shared, missingBytes, budgetBytes);
  if (!isWithin && budgetBytes !== null) {
    warnings.push(
      `days that are read once for all are cheaper, but the budget of ${formatGib(budgetBytes)} holds neither those that are missing (about ${formatGib(missingBytes)}) nor a month of them: packages are asked for one by one, as far as it goes; raise bigquery.monthly_budget_gib, track fewer packages, or count from ClickHouse, which is free (service.source: clickhouse)`,
    );
  }
  const reads = isWithin ? cheaper : [];
  const [days, sharedDays] = [daysIn(questions), daysIn(reads)];
  const { read, alone, shared } = priced.reduce((a, b) => (b.alone > a.alone ? b : a));
  const packages = read.packages.length;
  const told = sharedDays === 0 ? days : sharedDays;
  const all = days === 1 ? read.span.start : plural(days, 'day');
  const which = told < days ? `of ${all}, ${formatNumber(told)}` : all;
  const how = sharedDays > 0 ? 'once for all' : 'for each package alone';
  const basis = asked ? `a dry run${part === undefined ? '' : ' and its last bills'}` : 'its last bills';
  const breakEven = Math.ceil(shared / (alone / packages));
  const note = `${which} ${told === 1 ? 'is' : 'are'} read ${how}: a day of ${plural(packages, 'package')} one by one would bill about ${formatBytes(alone)}, a day read for all about ${formatBytes(shared)} (by ${basis}); the two are equal at about ${formatNumber(breakEven)} packages`;
  return { reads, warnings, notes: [note] };
}

/**
 * Plans a run: what each package needs, and the questions that bring it.
 *
 * @throws SourceError if it is interrupted.
 */
export async function planRun(
  task: RunScope,
  source: Source,
  fetched: FetchedDays,
  kept: Kept,
): Promise<RunPlan> {
  const goal = { ...task, end: fetched.upstream.end, known: fetched.known };
  const { traits } = source;
  const needs = new Map<string, Need>();
  const faults = new Map<string, unknown>();
  for (const tracked of task.packages) {
    // Files are read without waiting, and a signal is only heard while the process waits.
    await yieldToSignals();
    if (task.signal?.aborted) throw interrupted(task.signal.reason, NO_COST);
    try {
      const { ledger } = await kept.ledgers.load(tracked.name);
      needs.set(tracked.name, needOf(tracked, ledger, goal, traits));
    } catch (error) {
      faults.set(tracked.name, error);
    }
  }
  const list = [...needs.values()];
  const dayBytes = (name: string) => bytesPerDay(kept.spend, name);
  const { reads: shared, ...told } = await share(task, source, list, kept, dayBytes);
  return { needs, faults, reads: planReads(list, traits, dayBytes, shared), ...told };
}
