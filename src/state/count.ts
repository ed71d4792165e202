/** Whether a parsed JSON value is a count: a whole number from 0 that is held exactly. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
