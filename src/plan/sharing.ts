import { addDays, type Span, spanDays } from '../days/day.ts';
import type { NonEmpty } from '../non-empty.ts';
import { DISTRIBUTIONS_ONLY_SINCE } from '../sources/query.ts';
import type { SourceTraits } from '../sources/source.ts';
import { aloneBytes, type Need, type PerDay, packagesByDay } from './plan.ts';

/*
 * Days that are read once for all packages that lack them, instead of once for each (docs/cost-model.md).
 */

/**
 * Where a day bills less than this one by one, it is not read for all: every estimate of what that bills is ten times as
 * high (docs/cost-model.md), so a short list need not even ask.
 */
export const WORTH_ASKING_BYTES = 10_000_000_000;

/**
 * Whether a day that many packages lack is read once for all of them.
 *
 * @param alone Bytes that it bills when they are asked for one by one.
 * @param shared Bytes that it bills when it is read for all.
 */
export function isWorthSharing(alone: number, shared: number): boolean {
  return alone > WORTH_ASKING_BYTES && alone > shared;
}

const MONTH_DAYS = 30;

/**
 * Whether the budget of a month, spent on days that are read once for all, ever brings the windows: it holds all that is missing, or
 * more days than a month adds. Else it is worth more for some of the packages, as far as it goes.
 *
 * @param dayBytes What such a day bills.
 * @param missingBytes What all of them bill that are missing now.
 * @param budgetBytes Most bytes to be billed in a month, or null for no limit.
 */
export function canFill(dayBytes: number, missingBytes: number, budgetBytes: number | null): boolean {
  return budgetBytes === null || missingBytes <= budgetBytes || dayBytes * MONTH_DAYS <= budgetBytes;
}

/** Days that many packages lack, as one question for all of them. */
export interface Shareable {
  readonly packages: NonEmpty<string>;
  readonly span: Span;
  /** What each of the days bills when the packages are asked for one by one. */
  readonly aloneBytesADay: number;
}

/**
 * Questions that may be cheaper to put once for all who lack the days. Neighbouring days of the same packages are one
 * question, as long as its answer fits into memory. The newest are first: if the money ends, those were paid for that stay
 * in the windows longest.
 */
export function shareable(needs: readonly Need[], traits: SourceTraits, perDay: PerDay): Shareable[] {
  if (!traits.sharesDays) return [];
  const found: Shareable[] = [];
  for (const [day, [first, ...others]] of [...packagesByDay(needs)].toReversed()) {
    if (first === undefined || others.length === 0) continue;
    const packages: NonEmpty<string> = [first, ...others];
    const aloneBytesADay = aloneBytes(packages, perDay);
    if (aloneBytesADay <= WORTH_ASKING_BYTES) continue;
    const last = found.at(-1);
    const most = Math.max(1, Math.floor(traits.packageDaysAtOnce / packages.length));
    const next = addDays(day, 1);
    const joins =
      last !== undefined &&
      last.span.start === next &&
      next !== DISTRIBUTIONS_ONLY_SINCE &&
      spanDays(last.span) < most &&
      last.packages.length === packages.length &&
      last.packages.every((name, index) => name === packages[index]);
    if (joins) {
      found[found.length - 1] = { ...last, span: { start: day, end: last.span.end } };
    } else {
      found.push({ packages, span: { start: day, end: next }, aloneBytesADay });
    }
  }
  return found;
}
