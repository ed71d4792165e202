import { ERRORS, type ErrorCode } from './codes.ts';

/** What may be said of an error beside its code and its sentence. */
export interface ErrorDetails {
  /** Whether every other package would meet the same; what the code says if absent. */
  readonly affectsAll?: boolean | undefined;
  readonly cause?: unknown;
}

/**
 * A fault that a person can mend. Its message is all that the operator is shown, so it says what happened,
 * to what, and what to do; it never carries secrets and needs no stack trace.
 */
export class OperatorError extends Error {
  override name = 'OperatorError';
  readonly code: ErrorCode;
  /** Whether every other package would meet the same; it is then reported once. */
  readonly affectsAll: boolean;

  constructor(code: ErrorCode, message: string, { affectsAll, cause }: ErrorDetails = {}) {
    super(message, { cause });
    this.code = code;
    this.affectsAll = affectsAll ?? ERRORS[code].affectsAll ?? false;
  }
}

/** Wrong usage or configuration: nothing is queried or written, and the command exits 2. */
export class UsageError extends OperatorError {
  override name = 'UsageError';

  constructor(message: string, code: 'usage' | 'configuration' = 'usage') {
    super(code, message);
  }
}

/** The code of anything thrown; what is no OperatorError is a fault of this program. */
export function errorCode(error: unknown): ErrorCode {
  return error instanceof OperatorError ? error.code : 'bug';
}

/** Whether every other package would meet the same, so that nothing more is to be asked. */
export function affectsAll(error: unknown): error is OperatorError {
  return error instanceof OperatorError && error.affectsAll;
}

/** The fault of this program that is, or that caused, what was thrown; undefined if there is none. */
export function bugIn(error: unknown): unknown {
  if (!(error instanceof OperatorError)) return error;
  return error.code === 'bug' ? (error.cause ?? error) : undefined;
}

/**
 * The message of anything thrown, on one line: an operator's sentence as it is, and anything else
 * (which is then a fault of this program) marked as unexpected so that it gets reported.
 */
export function describeError(error: unknown): string {
  if (error instanceof OperatorError) return error.message;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return `unexpected fault (please report it): ${sanitizeMessage(text)}`;
}

/** Longest text of others that is shown, in characters. */
const LENGTH_MAX = 300;

/** What stands in a secret's place. */
export const REMOVED = '[removed]';

/** Fewer letters are part of half of all words. */
const SECRET_MIN = 4;

/** Secrets that are known by how they look: a PEM block, a JWT, Google's access tokens, `user:password@` of an address. */
const LOOKS_SECRET =
  /-----BEGIN[\s\S]*?(?:-----END[^-]*-----|$)|\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?|\bya29\.[\w.-]+|(?<=:\/\/)[^\s/?#@]*:[^\s/?#@]*(?=@)/g;

/**
 * A text on one line, with control, bidi and other invisible characters replaced by U+FFFD: it can neither begin a line
 * of its own, nor move a terminal's cursor, nor change the order in which it is read.
 */
export function printable(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '\ufffd')
    .trim();
}

/**
 * What a server or library said, as it may stand in an error's message: on one line, at most 300 characters, without
 * secrets.
 *
 * @param secrets Values that must not be shown: keys, tokens and passwords as the program has read them.
 */
export function sanitizeMessage(message: string, secrets: Iterable<string> = []): string {
  const known = [...secrets].filter((secret) => secret.length >= SECRET_MIN);
  const forms = new Set(known.flatMap((secret) => [secret, encodeURIComponent(secret)]));
  const clean = [...forms]
    .toSorted((a, b) => b.length - a.length)
    .reduce((text, form) => text.replaceAll(form, REMOVED), message)
    .replaceAll(LOOKS_SECRET, REMOVED);
  const line = printable(clean);
  return line.length <= LENGTH_MAX ? line : `${line.slice(0, LENGTH_MAX - 3).trimEnd()}...`;
}
