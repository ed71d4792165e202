import type { Day, Span } from '../days/day.ts';
import { toSpans } from '../plan/plan.ts';
import type { PivotRow } from '../sources/query.ts';
import type { Ledger } from '../state/ledger.ts';
import { isOld } from '../state/old-days.ts';
import type { AllDays } from './outcome.ts';

/*
 * All that is known of a package: what its total is made of.
 */

/** Neighbouring spans as one. */
function joined(spans: readonly Span[]): Span[] {
  const list: Span[] = [];
  for (const span of spans.toSorted((a, b) => (a.start < b.start ? -1 : 1))) {
    const last = list.at(-1);
    if (last?.end === span.start) list[list.length - 1] = { start: last.start, end: span.end };
    else list.push(span);
  }
  return list;
}

/**
 * What a ledger knows of the days before `end`.
 *
 * @param lost Whether the table does not have a day any more, so that it is not known.
 * @returns undefined if nothing is known, or where older days are known only together with later ones.
 */
export function allDaysOfLedger(
  { days, old }: Ledger,
  end: Day,
  lost: (day: Day) => boolean,
): AllDays | undefined {
  if (old?.spans.some((span) => span.end > end)) return undefined;
  const kept = [...days].filter(
    ([day, { partitionRows }]) => day < end && partitionRows !== 0 && !isOld(old, day) && !lost(day),
  );
  const spans = joined([...(old?.spans ?? []), ...toSpans(kept.map(([day]) => day).toSorted(), 0)]);
  if (spans.length === 0) return undefined;
  return { spans, rows: [...(old?.rows ?? []), ...kept.flatMap(([, { rows }]) => rows)], end };
}

/**
 * The same without a ledger.
 *
 * @param rows All rows of the package.
 * @param filled Days of which the files have any rows, of whatever package.
 * @param wholeLog Whether a day without any is missing; if not, nothing was downloaded then.
 * @returns undefined if the files have no day.
 */
export function allDaysOfRows(
  rows: readonly PivotRow[],
  filled: Iterable<Day>,
  wholeLog: boolean,
  end: Day,
): AllDays | undefined {
  const days = [...filled].filter((day) => day < end).toSorted();
  const [start] = days;
  if (start === undefined) return undefined;
  return { spans: wholeLog ? toSpans(days, 0) : [{ start, end }], rows, end };
}
