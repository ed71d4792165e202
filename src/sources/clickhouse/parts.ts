import { addDays, type Day, type Span, spanDays } from '../../days/day.ts';
import { isNonEmpty } from '../../non-empty.ts';
import type { PivotRow, Question } from '../query.ts';
import type { CheckedRows } from '../rows.ts';
import { ending, isPassing, mayBePackages, SourceError } from '../source.ts';
import { ROW_LIMIT } from './query.ts';

/** What became of one question. */
export type Reply =
  | ({ readonly kind: 'rows' } & CheckedRows)
  /** The server refuses it, or its answer may be cut off: a smaller one may be answered. `error` is for when there is none. */
  | { readonly kind: 'too-much'; readonly error: SourceError };

/** Most packages in one question. */
const PACKAGES_MAX = 100;

/**
 * Most characters of package names in one question. Parameters travel in the address, and 4,096 is where
 * the client itself would begin to send them in another way, as servers and proxies refuse long ones.
 */
const NAMES_MAX = 4_096;

/** What a name takes in the address on top of its letters: two quotation marks and a comma, percent-encoded. */
const NAME_EXTRA = 9;

/**
 * Rows that a package's day has at a guess: combinations of CI flag, installer and system. It only saves
 * questions that would have to be halved; whatever the truth is, a full answer is never taken for a whole one.
 */
const ROWS_PER_DAY = 25;

/**
 * So many packages with a day that took too long end the reading. A day is found through the index, so that it
 * is the server that is slow; each further package would cost it a dozen questions of a minute.
 */
const SLOW_MAX = 3;

/** A question cut into ones of a size that the server can be expected to answer. */
function cut({ packages, span }: Question): Question[] {
  const most = Math.min(PACKAGES_MAX, Math.max(1, Math.floor(ROW_LIMIT / (ROWS_PER_DAY * spanDays(span)))));
  const parts: [string, ...string[]][] = [];
  let letters = 0;
  for (const name of packages) {
    const length = name.length + NAME_EXTRA;
    const part = parts.at(-1);
    if (part === undefined || part.length >= most || letters + length > NAMES_MAX) {
      parts.push([name]);
      letters = length;
    } else {
      part.push(name);
      letters += length;
    }
  }
  return parts.map((part) => ({ packages: part, span }));
}

function splitSpan({ start, end }: Span): [Span, Span] {
  const middle = addDays(start, Math.ceil(spanDays({ start, end }) / 2));
  return [
    { start, end: middle },
    { start: middle, end },
  ];
}

/** Two questions of half the size: packages first, then days. None for a day of one package. */
function halve({ packages, span }: Question): readonly Question[] {
  const middle = Math.ceil(packages.length / 2);
  const first = packages.slice(0, middle);
  const second = packages.slice(middle);
  if (isNonEmpty(first) && isNonEmpty(second)) {
    return [
      { packages: first, span },
      { packages: second, span },
    ];
  }
  return spanDays(span) > 1 ? splitSpan(span).map((half) => ({ packages, span: half })) : [];
}

/** Puts one part to the server: as often as its faults may pass, or once. */
export type Ask = (part: Question, how: 'patiently' | 'once') => Promise<Reply>;

/**
 * Reads a question in as many parts as it takes.
 *
 * A part that fails by a fault that lasts ends the reading: the rest would fare no better, and the server is to be
 * left alone. One that still fails by a fault that may pass is halved, so that a package whose query always fails
 * holds nobody up: if both halves fail, or two packages alone without a success between, it is the server's fault, and
 * ends the reading. What was read whole until then is kept.
 *
 * @param ask What it throws that is no SourceError ends everything.
 * @throws SourceError if that leaves nothing.
 */
export async function readInParts(question: Question, ask: Ask): Promise<CheckedRows> {
  const rows = new Map(question.packages.map((name): [string, PivotRow[]] => [name, []]));
  const unknownDays = new Map<string, Set<Day>>();
  const failures = new Map<string, SourceError>();
  const fail = (name: string, error: SourceError) => {
    rows.delete(name);
    if (!failures.has(name)) failures.set(name, error);
  };
  let slow = 0;
  let alone = 0;
  const parts = cut(question);

  /** @throws SourceError that ends the reading. */
  function take(asked: Question, reply: Reply): void {
    if (reply.kind === 'rows') {
      alone = 0;
      for (const [name, error] of reply.failures) fail(name, error);
      for (const [name, more] of reply.rows) rows.get(name)?.push(...more);
      for (const [name, more] of reply.unknownDays) {
        unknownDays.set(name, new Set([...(unknownDays.get(name) ?? []), ...more]));
      }
      return;
    }
    const halves = halve(asked);
    parts.unshift(...halves);
    if (halves.length > 0) return;
    fail(asked.packages[0], reply.error);
    if (reply.error.code === 'timeout') slow += 1;
    if (slow >= SLOW_MAX) throw reply.error;
  }

  /** Finds the package whose query fails. @throws SourceError that ends the reading; what was not read waits in `parts`. */
  async function isolate(asked: Question, error: SourceError): Promise<void> {
    const [name, ...others] = asked.packages;
    if (others.length === 0) {
      fail(name, error);
      alone += 1;
      if (alone > 1) throw ending(error);
      return;
    }
    const failed: [Question, SourceError][] = [];
    const halves = halve(asked);
    for (const [index, half] of halves.entries()) {
      try {
        take(half, await ask(half, 'once'));
      } catch (reason) {
        if (mayBePackages(reason)) {
          failed.push([half, reason]);
          continue;
        }
        parts.unshift(...halves.slice(index), ...failed.map(([each]) => each));
        throw reason;
      }
    }
    if (failed.length > 1) {
      parts.unshift(...halves);
      throw ending(error);
    }
    for (const [half, reason] of failed) await isolate(half, reason);
  }

  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    // What has failed in an earlier part of the span is not asked for again.
    const packages = part.packages.filter((name) => rows.has(name));
    if (!isNonEmpty(packages)) continue;
    const asked: Question = { packages, span: part.span };
    try {
      const reply = await ask(asked, 'patiently').catch((error: unknown) => {
        if (mayBePackages(error)) return error;
        parts.unshift(asked);
        throw error;
      });
      if (reply instanceof SourceError) await isolate(asked, reply);
      else take(asked, reply);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      for (const rest of parts) for (const name of rest.packages) fail(name, error);
      // A slow server has answered, package by package.
      if (rows.size === 0 && slow < SLOW_MAX) throw error;
      break;
    }
  }
  const [only] = failures.values();
  if (question.packages.length === 1 && isPassing(only)) throw only;
  return { rows, unknownDays, failures };
}
