import { addDays, type Day, dayNumber, daysOf, type PartitionRows, type Span } from '../days/day.ts';
import type { Ledger } from '../state/ledger.ts';

/** What is known of the table's days. */
export type Knowledge =
  /** How many rows each day has now. */
  | { readonly kind: 'revisions'; readonly revisions: PartitionRows }
  /** The source cannot tell. */
  | { readonly kind: 'unknown' }
  /** It was not asked, because asking is not free: known days are taken as unchanged. */
  | { readonly kind: 'unasked' };

/** A day is read again when its partition has changed by this share of its rows or more. */
const CHANGE = 0.0001;

/** How many of the newest days are read again when nobody tells whether they changed. */
export const NEWEST_DAYS = 2;
/** After how many days the whole window is read again then. */
export const WHOLE_EVERY_DAYS = 7;

const MIB = 1024 ** 2;

/** Least that BigQuery bills for a query (https://cloud.google.com/bigquery/pricing#analysis_pricing_models). */
export const MINIMUM_BILLED = 10 * MIB;

/** What BigQuery bills for reading so many bytes: rounded up to a whole MiB, and at least the minimum. */
export function roundedBill(bytes: number): number {
  return Math.max(MINIMUM_BILLED, Math.ceil(bytes / MIB) * MIB);
}

/** Whether a day that had `before` rows when it was read, and has `now`, is worth reading again. */
export function hasChanged(before: number | null, now: number): boolean {
  if (before === null) return true;
  return before === 0 ? now > 0 : Math.abs(now - before) / before >= CHANGE;
}

/** Whether the whole window is due, for want of anybody who tells which of its days changed. */
function wholeWindowDue(ledger: Ledger, asOf: Day): boolean {
  return ledger.wholeRead === null || dayNumber(asOf) - dayNumber(ledger.wholeRead) >= WHOLE_EVERY_DAYS;
}

/**
 * The days of a window that must be read, oldest first: those that the ledger lacks, and those that
 * have changed, or may have, since they were read. A day without any row in the whole table is never read.
 *
 * @param full Whether to read every day again.
 */
export function daysToRead(
  ledger: Ledger,
  window: Span,
  knowledge: Knowledge,
  asOf: Day,
  full: boolean,
): Day[] {
  const days = daysOf(window);
  if (knowledge.kind === 'revisions') {
    const rowsOf = (day: Day) => knowledge.revisions.get(day) ?? 0;
    const stale = (day: Day) => {
      const known = ledger.days.get(day);
      return full || known === undefined || hasChanged(known.revision, rowsOf(day));
    };
    return days.filter((day) => rowsOf(day) > 0 && stale(day));
  }
  const unknown = knowledge.kind === 'unknown';
  if (full || (unknown && wholeWindowDue(ledger, asOf))) return days;
  const again = unknown ? addDays(window.end, -NEWEST_DAYS) : window.end;
  return days.filter((day) => !ledger.days.has(day) || day >= again);
}

/**
 * Days as the spans to be queried. A span costs its days, and at least the least that is billed for a
 * query; so a gap is bridged only where its days cost less than that.
 *
 * @param days Oldest first.
 * @param perDay Bytes that a day bills; undefined if that is not known, and then no gap is bridged.
 */
export function toSpans(days: readonly Day[], perDay: number | undefined): Span[] {
  const bridge = perDay === undefined ? 0 : Math.floor(MINIMUM_BILLED / perDay);
  const spans: Span[] = [];
  for (const day of days) {
    const last = spans.at(-1);
    if (last !== undefined && dayNumber(day) - dayNumber(last.end) <= bridge) {
      spans[spans.length - 1] = { start: last.start, end: addDays(day, 1) };
    } else {
      spans.push({ start: day, end: addDays(day, 1) });
    }
  }
  return spans;
}
