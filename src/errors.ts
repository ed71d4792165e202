/**
 * A fault that a person can mend. Its message is all that they are shown, so it says what happened,
 * to what, and what to do; it never carries secrets and needs no stack trace.
 */
export class OperatorError extends Error {
  override name = 'OperatorError';
}

/** Wrong usage or configuration: nothing is queried or written, and the command exits 2. */
export class UsageError extends OperatorError {
  override name = 'UsageError';
}

/**
 * The message of anything thrown, on one line: an operator's sentence as it is, and anything else
 * (which is then a fault of this program) marked as unexpected so that it gets reported.
 */
export function describeError(error: unknown): string {
  if (error instanceof OperatorError) return error.message;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return `unexpected fault (please report it): ${text.replaceAll(/\s+/g, ' ').trim()}`;
}
