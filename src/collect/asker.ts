import { addDays, spanDays } from '../days/day.ts';
import { ERRORS, type ErrorCode } from '../errors/codes.ts';
import { interrupted, mayBePackages, type OperatorError, SourceError } from '../errors/error.ts';
import type { Answer } from '../sources/source.ts';
import type { Question } from '../sources/sql.ts';
import { BudgetError, bytesPerDay } from '../state/spend.ts';
import { addCost, NO_COST, partsOf, type QueryCost, sum } from '../util.ts';
import { expectedBill, type PlannedRead } from './plan.ts';
import type { Prepared } from './reader.ts';

/*
 * Questions to a source: where one about several packages fails, smaller ones are asked in its place.
 */

/** Each package's share of what a question took. */
export function shareOf(cost: QueryCost, packages: number): QueryCost {
  return {
    ...cost,
    bytesProcessed: Math.floor(cost.bytesProcessed / packages),
    bytesBilled: Math.floor(cost.bytesBilled / packages),
  };
}

/** What a question is about: its package, or words in parentheses. */
export function labelOf({ packages, span }: Question): string {
  return packages.length === 1 ? packages[0] : `(${span.start} for ${packages.length})`;
}

/** What may be answered if fewer days are asked for at a time. */
const TOO_LONG: readonly ErrorCode[] = ['truncated', 'timeout', 'job-timeout'];

/** What a smaller question may well be answered to. */
function isTooMuch(error: unknown): error is SourceError {
  if (!(error instanceof SourceError)) return false;
  return !error.affectsAll && ERRORS[error.code].refused === true;
}

/** A question about several packages for halves of its days, the newer ones first. */
function halves(planned: PlannedRead): PlannedRead[] {
  const { span, expectedBytes, estimatedBytes } = planned;
  const days = spanDays(span);
  const middle = addDays(span.start, Math.floor(days / 2));
  return [
    { start: middle, end: span.end },
    { start: span.start, end: middle },
  ].map((half) => {
    const part = spanDays(half) / days;
    return {
      ...planned,
      span: half,
      expectedBytes: expectedBytes * part,
      ...(estimatedBytes === undefined ? {} : { estimatedBytes: Math.round(estimatedBytes * part) }),
    };
  });
}

/** A part of a question, with its answer or why there is none. */
type Piece = { readonly part: PlannedRead } & (
  | {
      readonly answer: Answer;
      /** Each package's share of what refused questions took. */
      readonly refused: QueryCost;
    }
  | { readonly error: unknown }
);

/** A question about several packages as two, each about half of them. */
function halfThePackages(planned: PlannedRead): PlannedRead[] {
  const { packages } = planned;
  return partsOf(packages, Math.ceil(packages.length / 2)).map((half) => ({ ...planned, packages: half }));
}

/**
 * Asks questions, and where one about several packages fails, smaller ones in its place.
 *
 * @param known What every question would meet, once one has met it.
 */
export function createAsker(
  { input, source, book }: Omit<Prepared, 'fetched' | 'plan'>,
  known: () => OperatorError | undefined,
) {
  const { ledgers, signal, warn } = input;
  const { billed } = source.traits;
  /** How many questions about one package failed by a fault that may pass, without a success between. */
  let failedAlone = 0;
  /** Most days of a question about several packages that was not too long. */
  let mostDays = Number.POSITIVE_INFINITY;

  async function ask({ packages, span, expectedBytes, estimatedBytes }: PlannedRead): Promise<Answer> {
    if (signal?.aborted) throw interrupted(signal.reason, NO_COST);
    const cause = known();
    if (cause !== undefined) throw cause;
    book.assertWithin(expectedBytes);
    const purpose = { packages, span, estimatedBytes };
    const query = { label: labelOf({ packages, span }), expectedBytes, purpose };
    if (billed) await ledgers.assertRoom(packages, spanDays(span));
    const answer = await book.query(query, () => source.read({ packages, span }, signal));
    if (answer.rows.size > 0) failedAlone = 0;
    return answer;
  }

  /** A question about several packages as one for each. */
  function oneByOne({ packages, span }: PlannedRead): PlannedRead[] {
    return packages.map((name) => ({
      packages: [name],
      span,
      expectedBytes: expectedBill(span, bytesPerDay(book.spend, name)),
    }));
  }

  /**
   * Smaller questions in place of one about several packages that was refused, or whose answer was too long. Where a day is
   * read for all of them, halves of its days cost no more than the whole; a day alone is asked for package by package.
   */
  function smaller(planned: PlannedRead, error: SourceError) {
    const days = spanDays(planned.span);
    if (days === 1 || !TOO_LONG.includes(error.code)) {
      return { how: 'they are asked for one by one', parts: oneByOne(planned) };
    }
    mostDays = Math.min(mostDays, Math.ceil(days / 2));
    return { how: 'fewer days are asked for at a time', parts: halves(planned) };
  }

  /** Asks the parts of a question, each of which fails by itself. */
  async function* askEach(
    { packages }: PlannedRead,
    parts: readonly PlannedRead[],
    refused: QueryCost,
  ): AsyncGenerator<Piece> {
    let share = refused;
    for (const part of parts) {
      try {
        yield* askInParts(part, share);
      } catch (error) {
        yield { part, error };
        if (signal?.aborted) throw error;
      }
      // Halves of the days are about every package, which has borne its share by now.
      if (part.packages === packages) share = NO_COST;
    }
  }

  /**
   * Finds the packages whose queries fail by a fault that may pass, so that they hold nobody up. A half of the packages bills as
   * much as all of them where a day is read for all, so they are asked for one by one as soon as that is no dearer.
   *
   * @throws SourceError if both halves fail: it is the source's fault then, and ends the querying.
   */
  async function* isolate(planned: PlannedRead, refused: QueryCost): AsyncGenerator<Piece> {
    const { packages, expectedBytes } = planned;
    const alone = oneByOne(planned);
    const aloneBytes = sum(alone, (each) => each.expectedBytes);
    if (packages.length <= 2 || aloneBytes <= 2 * expectedBytes)
      return yield* askEach(planned, alone, refused);
    const failed: [PlannedRead, SourceError][] = [];
    for (const part of halfThePackages(planned)) {
      try {
        yield { part, answer: await ask(part), refused };
      } catch (error) {
        if (!mayBePackages(error)) throw error;
        failed.push([part, error]);
      }
    }
    const [first, second] = failed;
    if (second !== undefined) throw second[1].with({ affectsAll: true });
    if (first === undefined) return;
    const [half, { cost = NO_COST }] = first;
    yield* isolate(half, addCost(refused, shareOf(cost, half.packages.length)));
  }

  /**
   * Asks a question, in smaller ones if need be.
   *
   * @throws SourceError that all of its packages are to have that had no answer.
   */
  async function* askInParts(planned: PlannedRead, refused: QueryCost): AsyncGenerator<Piece> {
    const { packages, span } = planned;
    const canHalve = billed && packages.length > 1 && spanDays(span) > 1;
    if (canHalve && spanDays(span) > mostDays) return yield* askEach(planned, halves(planned), refused);
    let answer: Answer;
    try {
      answer = await ask(planned);
    } catch (error) {
      // The newest days are read as far as the money goes.
      if (error instanceof BudgetError && canHalve) return yield* askEach(planned, halves(planned), refused);
      const mayPass = mayBePackages(error);
      if (packages.length === 1) {
        failedAlone += mayPass ? 1 : 0;
        // A package alone may be at fault; two in a row are not.
        throw mayPass && failedAlone > 1 ? error.with({ affectsAll: true }) : error;
      }
      if (!isTooMuch(error) && !mayPass) throw error;
      const share = addCost(refused, shareOf(error.cost ?? NO_COST, packages.length));
      if (!billed) return yield* askEach(planned, halfThePackages(planned), share);
      const about = `${span.start} for ${packages.length} packages together: ${error.message}`;
      if (mayPass) {
        warn(`${about}; parts of them are asked for`);
        return yield* isolate(planned, share);
      }
      const { how, parts } = smaller(planned, error);
      warn(`${about}; ${how}`);
      return yield* askEach(planned, parts, share);
    }
    yield { part: planned, answer, refused };
  }

  return (planned: PlannedRead) => askInParts(planned, NO_COST);
}
