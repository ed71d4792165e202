import { sanitizeMessage } from '../errors/error.ts';

/** A file of the state that must not be trusted; the message says why, and may quote the file. */
export class FileRejected extends Error {
  override name = 'FileRejected';

  constructor(reason: string) {
    super(sanitizeMessage(reason));
  }
}

/**
 * @param reason A function where this is asked of each row: making a text that nobody reads takes longer than all else.
 * @throws FileRejected with the reason, unless the condition holds.
 */
export function demand(condition: boolean, reason: string | (() => string)): asserts condition {
  if (!condition) throw new FileRejected(typeof reason === 'string' ? reason : reason());
}

/** @throws FileRejected with the reason if the text is not JSON. */
export function parseJson(text: string, reason = 'it is not JSON, perhaps cut short'): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FileRejected(reason);
  }
}

/** Whether a parsed JSON value is a count: a whole number from 0 that is held exactly. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** @throws FileRejected unless the value is a count. */
export function demandCount(value: unknown, what: string | (() => string)): asserts value is number {
  demand(
    isCount(value),
    () => `${typeof what === 'string' ? what : what()} are ${JSON.stringify(value)}, which is no count`,
  );
}

/** Whether a parsed JSON value is an object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
