import { addDays, type Day, type Span, spanDays } from '../days/day.ts';
import { affectsAll, describeError, OperatorError } from '../errors/error.ts';
import { formatNumber } from '../format.ts';
import { allDownloads } from '../metric/breakdown.ts';
import { type DatedFacets, type Facets, mergeSpellings, NO_FACETS } from '../metric/facets.ts';
import { addFacetAnswers, type FacetAnswer, type FacetQuestion, NO_ANSWER } from '../sources/facets.ts';
import type { Source, SourceTraits } from '../sources/source.ts';
import type { Budget } from '../state/spend.ts';
import { isNonEmpty, type NonEmpty, partsOf } from '../util.ts';
import type { Outcome } from './reader.ts';

/*
 * Facets of the packages of a run: asked for many together, once their days are read, so that it is known how many rows that
 * takes. Nothing of them is kept in a ledger.
 */

/** What a run is to ask about facets. */
export interface FacetTask {
  /** Those that a package had last, which it keeps where it gets no others; none if absent. */
  readonly lastOf?: (packageName: string) => Promise<DatedFacets | undefined>;
  /** Whether those of a package over its main window are wanted. */
  readonly isWanted: (packageName: string, window: Span, last: DatedFacets | undefined) => boolean;
  /** Whether a package with too many rows has those of its newest days, instead of none. */
  readonly takesNewestDays?: boolean;
  /** Which versions of the packages are wanted; all if absent. */
  readonly isVersion?: ((version: string) => boolean) | undefined;
  /** Is told why there are none of some packages. */
  readonly onNone: (packageNames: readonly string[], why: string) => void;
}

/** What a day of a package is expected to bill, in bytes: by the columns that are read, twice the pivot query. */
export const FACET_BYTES_PER_DAY = 330_000_000;

/** What a question about facets is expected to bill, in bytes. */
export function expectedFacetBill({ packages, span }: FacetQuestion): number {
  return packages.length * spanDays(span) * FACET_BYTES_PER_DAY;
}

/** Stands for these questions in the account of money; no package can be called this. */
const FACETS_LABEL = '(facets)';

/**
 * Asks a question about facets; what it bills is written down.
 *
 * @param reservedBytes What must still fit into the month's budget.
 * @throws BudgetError if it does not; SourceError as the source does.
 */
export async function askFacets(
  source: Source,
  book: Budget,
  question: FacetQuestion,
  reservedBytes: number,
  signal?: AbortSignal,
): Promise<FacetAnswer> {
  const expectedBytes = source.traits.billed ? expectedFacetBill(question) : 0;
  book.assertWithin(expectedBytes + reservedBytes);
  return book.query({ label: FACETS_LABEL, expectedBytes }, () => source.facets(question, signal));
}

/** A package that waits for its facets. */
interface Waiting {
  readonly outcome: Extract<Outcome, { kind: 'read' }>;
  readonly name: string;
  /** The days that are asked for, oldest first, and how many rows each has. */
  readonly days: readonly (readonly [day: Day, rows: number])[];
}

const rowsOf = (days: Waiting['days']) => days.reduce((sum, [, rows]) => sum + rows, 0);

function spanOf(days: Waiting['days']): Span {
  const [first = '', last = ''] = [days[0]?.[0], days.at(-1)?.[0]];
  return { start: first, end: addDays(last, 1) };
}

/** Days in parts of at most so many rows, as far as a day has no more, the newest part first. */
function inParts(days: Waiting['days'], most: number): Waiting['days'][] {
  return partsOf(days.toReversed(), most, ([, rows]) => rows).map((part) => part.toReversed());
}

/**
 * The facets of packages as the sum over parts of their days, of those versions that are wanted. Which there are is asked first.
 *
 * @returns An entry for each package that did not fail; `onNone` is told of the others.
 * @throws OperatorError if a question was not answered.
 */
export async function sumFacets(
  names: NonEmpty<string>,
  parts: readonly Span[],
  { isVersion, onNone }: Pick<FacetTask, 'isVersion' | 'onNone'>,
  ask: (question: FacetQuestion) => Promise<FacetAnswer>,
): Promise<Map<string, Facets>> {
  async function sumOf(packages: NonEmpty<string>, versions?: readonly string[]) {
    let sum = NO_ANSWER;
    for (const span of parts) sum = addFacetAnswers(sum, await ask({ packages, span, versions }));
    for (const [name, error] of sum.failures) onNone([name], describeError(error));
    return sum.facets;
  }

  const all = await sumOf(names);
  const found = new Map<string, Facets>();
  for (const [name, every] of all) {
    const versions = isVersion && every.version.values.map(([value]) => value).filter(isVersion);
    if (versions?.length === 0) {
      onNone([name], 'none of the versions that were downloaded is wanted');
      continue;
    }
    const own = versions === undefined ? every : (await sumOf([name], versions)).get(name);
    if (own !== undefined) found.set(name, mergeSpellings(own));
  }
  return found;
}

/**
 * Adds the facets that are wanted, or else the last ones, to outcomes of packages that were read. Packages of the same days
 * are asked for together, as far as the source takes them, and those that a question failed for get none.
 */
export async function* withFacets(
  outcomes: AsyncIterable<Outcome>,
  { lastOf, isWanted, takesNewestDays, isVersion, onNone }: FacetTask,
  { packagesAtOnce, facetLimits, kind }: SourceTraits,
  ask: (question: FacetQuestion) => Promise<FacetAnswer>,
): AsyncGenerator<Outcome> {
  const { rowsAtOnce = Infinity, rowsOfPackage = Infinity, questionsARun = Infinity } = facetLimits ?? {};
  const tooMany = `a run asks at most ${questionsARun} such questions; this is left to the next`;
  let questions = 0;
  /** Why nothing more is asked; empty after an interruption. */
  let end: string | undefined;
  let batch: Waiting[] = [];

  /** The package, if its facets are wanted and can be had. */
  function waitingOf(outcome: Outcome): Waiting | undefined {
    if (outcome.kind === 'failed') {
      const { error } = outcome;
      if (affectsAll(error)) end ??= describeError(error);
      return undefined;
    }
    const { name, windows } = outcome.package;
    const window = outcome.days.slice(-windows[0]);
    const all = window.map(({ day, breakdown }) => [day, breakdown ? allDownloads(breakdown) : 0] as const);
    if (!isWanted(name, spanOf(all), outcome.facets)) return undefined;
    if (window.some(({ isUnknown }) => isUnknown)) {
      onNone([name], 'it is not known of all days which downloads were by CI');
      return undefined;
    }
    const isTooMuch = rowsOf(all) > rowsOfPackage;
    if (isTooMuch && !takesNewestDays) {
      onNone([name], `it has more than ${formatNumber(rowsOfPackage)} downloads, too many to ask for`);
      return undefined;
    }
    return { outcome, name, days: isTooMuch ? (inParts(all, rowsOfPackage)[0] ?? []) : all };
  }

  async function facetsOf(names: NonEmpty<string>, parts: readonly Span[]): Promise<Map<string, Facets>> {
    try {
      return await sumFacets(names, parts, { isVersion, onNone }, (question) => {
        questions += 1;
        return ask(question);
      });
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      // The source is to be left alone, or there is no money for it.
      end = error.code === 'interrupted' ? '' : describeError(error);
      if (end !== '') onNone(names, end);
      return new Map();
    }
  }

  const withDated = ({ outcome, days }: Waiting, facets: Facets | undefined): Outcome =>
    facets === undefined ? outcome : { ...outcome, facets: { facets, span: spanOf(days), source: kind } };

  async function* flush(): AsyncGenerator<Outcome> {
    const [taken, [first]] = [batch, batch];
    batch = [];
    const names = taken.map(({ name }) => name);
    if (first === undefined || !isNonEmpty(names)) return;
    const parts = taken.length > 1 ? [first.days] : inParts(first.days, rowsAtOnce);
    const why = end ?? (questions + parts.length > questionsARun ? tooMany : undefined);
    if (why) onNone(names, why);
    const found = why === undefined ? await facetsOf(names, parts.map(spanOf)) : new Map<string, Facets>();
    for (const each of taken) yield withDated(each, found.get(each.name));
  }

  for await (const read of outcomes) {
    const outcome = read.kind === 'failed' ? read : { ...read, facets: await lastOf?.(read.package.name) };
    const next = waitingOf(outcome);
    if (next === undefined || rowsOf(next.days) === 0) {
      yield next === undefined ? outcome : withDated(next, NO_FACETS);
      continue;
    }
    const [first] = batch;
    const fits =
      batch.length < packagesAtOnce &&
      batch.reduce((sum, { days }) => sum + rowsOf(days), rowsOf(next.days)) <= rowsAtOnce &&
      (first === undefined || spanOf(first.days).start === spanOf(next.days).start);
    if (!fits) yield* flush();
    batch.push(next);
  }
  yield* flush();
}
