import type { Day } from '../days/day.ts';
import { formatNumber } from '../format.ts';
import { allDownloads, type Breakdown } from './breakdown.ts';
import type { PackageDays } from './package-days.ts';
import type { Warning } from './warnings.ts';

/** What one source says of a day of a package. */
export interface AuditFigures {
  /** Downloads of every class. */
  readonly all: number;
  /** The honest count. */
  readonly count: number;
}

/** One day of a package, as two sources have it. */
export interface Audit {
  /** Kinds of the source that is counted from, and of the other. */
  readonly source: string;
  readonly otherSource: string;
  readonly day: Day;
  readonly own: AuditFigures;
  readonly other: AuditFigures;
  /** When the other source was asked; a UTC day. */
  readonly checked: Day;
}

/** Difference that is told, as a share of the greater figure. */
const DIFFERENCE = 0.01;

/** Days before the newest one from which a day is taken for settled: late rows have come by then, as a rule. */
const SETTLED_DAYS = 7;

export function auditFigures(breakdown: Breakdown): AuditFigures {
  return { all: allDownloads(breakdown), count: breakdown.count };
}

/** The day to compare: a week before the newest, or the nearest after it that is known in full. */
export function settledDay({ days, breakdowns, partialDays }: PackageDays): Day | undefined {
  const first = Math.max(0, days.length - 1 - SETTLED_DAYS);
  return days.find(
    (day, index) => index >= first && breakdowns[index] !== null && !partialDays.includes(day),
  );
}

/** Whether two sources disagree by more than 1 % of the greater figure. */
export function disagrees({ own, other }: Pick<Audit, 'own' | 'other'>): boolean {
  const far = (a: number, b: number) => Math.abs(a - b) > DIFFERENCE * Math.max(a, b);
  return far(own.count, other.count) || far(own.all, other.all);
}

/**
 * The warning that an audit comes to.
 *
 * @param nameOf A short name of a kind of source.
 */
export function auditWarnings(audit: Audit | undefined, nameOf: (kind: string) => string): Warning[] {
  if (audit === undefined || !disagrees(audit)) return [];
  const { day, own, other } = audit;
  const figures = ({ all, count }: AuditFigures) =>
    `${formatNumber(count)} honest downloads of ${formatNumber(all)} in all`;
  return [
    {
      code: 'sources-differ',
      message: `on ${day} ${nameOf(audit.source)} has ${figures(own)}, and ${nameOf(audit.otherSource)} ${figures(other)}; one of the two is wrong, or was filled in later`,
    },
  ];
}
