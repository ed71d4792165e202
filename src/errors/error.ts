import { ERRORS, type ErrorCode } from './codes.ts';
import { sanitizeMessage } from './sanitize.ts';

/** What may be said of an error beside its code and its sentence. */
export interface ErrorDetails {
  /** Whether every other package would meet the same; what the code says if absent. */
  readonly affectsAll?: boolean;
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
