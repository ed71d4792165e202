import type { Day } from '../days/day.ts';
import { formatNumber } from '../format.ts';
import { type Breakdown, sumOf } from '../winnow/breakdown.ts';
import { INSTALLERS, type Installer } from '../winnow/classes.ts';
import { knownDays, type PackageDays, sliceDays } from '../winnow/package-days.ts';
import { date, share } from './words.ts';

/** Some neighbouring days, added up. */
export interface Bucket {
  readonly first: Day;
  readonly last: Day;
  /** Place of the last day among those of the history. */
  readonly end: number;
  /** How many of the days are neither missing nor unknown. */
  readonly known: number;
  /** Honest downloads, or null if each of the days is missing or unknown. */
  readonly count: number | null;
  /** Whether it is not known of one of the days which downloads were by CI. */
  readonly unknown: boolean;
  /** Whether the table had only a part of one of the days. */
  readonly partial: boolean;
  readonly installers: Readonly<Record<Installer, number>>;
}

/** What a day without data adds to a chart. */
const NOTHING: Bucket['installers'] = sumOf([]).counts;

/** The sum by installer alone: a page asks for hundreds of them. */
function installersOf(breakdowns: readonly Breakdown[]): Bucket['installers'] {
  const sums: Record<Installer, number> = { ...NOTHING };
  for (const { counts } of breakdowns) for (const name of INSTALLERS) sums[name] += counts[name];
  return sums;
}

/** Single days, which need no sum. */
function singleDays({ days, breakdowns, unknownDays, partialDays }: PackageDays): Bucket[] {
  const [unknown, partial] = [new Set(unknownDays), new Set(partialDays)];
  return days.map((day, end) => {
    const breakdown = breakdowns[end] ?? null;
    return {
      first: day,
      last: day,
      end,
      known: breakdown === null ? 0 : 1,
      count: breakdown === null ? null : breakdown.count,
      unknown: unknown.has(day),
      partial: partial.has(day),
      installers: breakdown?.counts ?? NOTHING,
    };
  });
}

/** The days of a history in buckets of `size` days; the last bucket is whole, the first may be short. */
export function buckets(history: PackageDays, size: number): Bucket[] {
  if (size === 1) return singleDays(history);
  const made: Bucket[] = [];
  for (let end = history.days.length; end > 0; end -= size) {
    const part = sliceDays(history, Math.max(0, end - size), end);
    const known = knownDays(part);
    made.push({
      first: String(part.days[0]),
      last: String(part.days.at(-1)),
      end: end - 1,
      known: known.length,
      count: known.length === 0 ? null : known.reduce((sum, { count }) => sum + count, 0),
      unknown: part.unknownDays.length > 0,
      partial: part.partialDays.length > 0,
      installers: installersOf(known),
    });
  }
  return made.reverse();
}

/** Installers that a history has downloads of, in the order of the metric's list. */
export function seenInstallers({ breakdowns }: PackageDays): Installer[] {
  return INSTALLERS.filter((name) => breakdowns.some((breakdown) => (breakdown?.counts[name] ?? 0) > 0));
}

/** What a bucket came to, by installer, in lines. */
export function bucketTitle(
  { first, last, count, installers, unknown, partial }: Bucket,
  names: readonly Installer[],
): string {
  const when = first === last ? date(first) : `${date(first)} to ${date(last)}`;
  if (count === null) return `${when}: ${unknown ? 'not known' : 'no data'}`;
  const parts = names.flatMap((name) => {
    const figure = installers[name];
    return figure === 0 ? [] : [`${name} ${formatNumber(figure)} (${share(figure, count)})`];
  });
  const part = [
    ...(unknown ? ['unknown days left out'] : []),
    ...(partial ? ['only a part of the data'] : []),
  ];
  return [`${when}: ${formatNumber(count)}`, ...parts, ...part].join('\n');
}
