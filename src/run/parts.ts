import { addDays, spanDays } from '../days/day.ts';
import { ERRORS, type ErrorCode } from '../errors/codes.ts';
import type { PlannedRead } from '../plan/plan.ts';
import { SourceError } from '../sources/source.ts';

/*
 * Which questions about several packages are asked again in smaller ones, and in which.
 */

const TOO_LONG: readonly ErrorCode[] = ['truncated', 'timeout', 'job-timeout'];

/** Whether fewer days at a time may mend it. */
export function isTooLong({ code }: SourceError): boolean {
  return TOO_LONG.includes(code);
}

/** What a smaller question may well be answered to. */
export function isTooMuch(error: unknown): error is SourceError {
  if (!(error instanceof SourceError)) return false;
  return !error.affectsAll && ERRORS[error.code].refused === true;
}

/** A question about several packages for halves of its days, the newer ones first. */
export function halves(planned: PlannedRead): PlannedRead[] {
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
