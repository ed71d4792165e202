import { addDays, spanDays } from '../../days/day.ts';
import { mayBePackages, SourceError } from '../../errors/error.ts';
import { isNonEmpty, partsOf } from '../../util.ts';
import type { Answer } from '../source.ts';
import type { Question } from '../sql.ts';

/**
 * Most characters of names in one question. Parameters travel in the address, and 4,096 is where
 * the client itself would begin to send them in another way, as servers and proxies refuse long ones.
 */
const NAMES_MAX = 4_096;

/** What a name takes in the address on top of its letters: two quotation marks and a comma, percent-encoded. */
const NAME_EXTRA = 9;

/** Names in parts that an address holds. */
export const namesInParts = (names: readonly string[]) =>
  partsOf(names, NAMES_MAX, ({ length }) => length + NAME_EXTRA);

/**
 * So many packages with a day that took too long end the reading. A day is found through the index, so that it
 * is the server that is slow; each further package would cost it a dozen questions of a minute.
 */
const SLOW_MAX = 3;

/** Two questions of half the size: packages first, then days. None for a day of one package. */
function halve({ packages, span }: Question): Question[] {
  const halves = partsOf(packages, Math.ceil(packages.length / 2));
  if (halves.length > 1) return halves.map((half) => ({ packages: half, span }));
  if (spanDays(span) < 2) return [];
  const { start, end } = span;
  const between = addDays(start, Math.ceil(spanDays(span) / 2));
  return [
    { packages, span: { start, end: between } },
    { packages, span: { start: between, end } },
  ];
}

/** Whether a smaller question may have a whole answer. At our own time limit, it would have to be asked again and again. */
function isTooMuch(error: unknown): error is SourceError {
  if (!(error instanceof SourceError)) return false;
  return (
    /^(truncated|too-large)$/.test(error.code) || (error.code === 'timeout' && error.details.spoken === true)
  );
}

/**
 * Reads a question in as many parts as it takes.
 *
 * A part that fails by a fault that lasts ends the reading: the rest would fare no better, and the server is to be
 * left alone. One that still fails by a fault that may pass is halved, so that a package whose query always fails
 * holds nobody up: if both halves fail, or two packages alone without a success between, it is the server's fault, and
 * ends the reading. What was read whole until then is kept.
 *
 * @param ask Puts one part to the server, which is tried again as often as usual or as is said. What it throws that is no
 * SourceError ends everything.
 * @returns The answers, which add up to that of the question, and the packages of which not every part was read: what the
 * answers have of them is of no use.
 * @throws SourceError if that leaves nothing.
 */
export async function readInParts<A extends Pick<Answer, 'failures'>>(
  question: Question,
  ask: (part: Question, retries?: number) => Promise<A>,
): Promise<{ readonly answers: readonly A[]; readonly failures: ReadonlyMap<string, SourceError> }> {
  const answers: A[] = [];
  const daysLeft = new Map(question.packages.map((name) => [name, spanDays(question.span)]));
  const failures = new Map<string, SourceError>();
  const fail = (name: string, error: SourceError) => {
    if (!failures.has(name)) failures.set(name, error);
  };
  let slow = 0;
  let alone = 0;

  /** @returns The fault if one package may be to blame for it. @throws SourceError that ends the reading. */
  async function attempt(part: Question, retries?: number): Promise<SourceError | undefined> {
    try {
      const answer = await ask(part, retries);
      alone = 0;
      const days = spanDays(part.span);
      for (const name of part.packages) daysLeft.set(name, (daysLeft.get(name) ?? 0) - days);
      for (const [name, error] of answer.failures) fail(name, error);
      answers.push(answer);
    } catch (error) {
      if (mayBePackages(error)) return error;
      if (!isTooMuch(error)) throw error;
      const halves = halve(part);
      for (const half of halves) await read(half);
      if (halves.length > 0) return undefined;
      fail(part.packages[0], error);
      if (error.code === 'timeout') slow += 1;
      if (slow >= SLOW_MAX) throw error;
    }
    return undefined;
  }

  /** Finds the package whose query fails. @throws SourceError that ends the reading. */
  async function isolate(part: Question, error: SourceError): Promise<void> {
    const [name, ...others] = part.packages;
    if (others.length === 0) {
      fail(name, error);
      alone += 1;
      if (alone > 1) throw error.with({ affectsAll: true });
      return;
    }
    const failed: [Question, SourceError][] = [];
    for (const half of halve(part)) {
      const reason = await attempt(half, 0);
      if (reason !== undefined) failed.push([half, reason]);
    }
    if (failed.length > 1) throw error.with({ affectsAll: true });
    for (const [half, reason] of failed) await isolate(half, reason);
  }

  /** Reads what has not failed yet of a part. @throws SourceError that ends the reading. */
  async function read({ packages, span }: Question): Promise<void> {
    const wanted = packages.filter((name) => !failures.has(name));
    if (!isNonEmpty(wanted)) return;
    const part: Question = { packages: wanted, span };
    const error = await attempt(part);
    if (error !== undefined) await isolate(part, error);
  }

  try {
    for (const packages of namesInParts(question.packages)) await read({ ...question, packages });
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    for (const [name, days] of daysLeft) if (days > 0) fail(name, error);
    // A slow server has answered, package by package.
    if (failures.size === question.packages.length && slow < SLOW_MAX) throw error;
  }
  const [only] = failures.values();
  if (question.packages.length === 1 && only?.passes) throw only;
  return { answers, failures };
}
