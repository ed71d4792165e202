import { addDays, date, type Span, spanDays } from '../days/day.ts';
import { formatShare, plural } from '../format.ts';
import type { Exclusion } from '../metric/classes.ts';
import type { ShownFacet } from '../metric/facets.ts';

/** The classes that do not count, as headings. */
export const EXCLUSION_NAMES: Record<Exclusion, string> = {
  sidecar: 'Other files',
  ci: 'CI runs',
  mirror: 'Mirrors',
  browser: 'Browsers',
  unknown: 'Unknown clients',
  other: 'Other programs',
};

/** What stands beside the systems that have a badge. */
export const OTHER_SYSTEM = 'Other or none';

/** The facets, as headings. */
export const FACET_TITLES: Readonly<Record<ShownFacet, string>> = {
  python: 'Python',
  version: 'Version',
  system: 'System',
  type: 'Type of file',
  country: 'Country',
};

/** `1 day`, `30 days`. */
export function days(count: number): string {
  return plural(count, 'day');
}

/** Days as people write them: `1 Oct 2026 to 30 Oct 2026`. */
export const fromTo = ({ start, end }: Span) => `${date(start)} to ${date(addDays(end, -1))}`;

/** The same with how many there are, `30 days from 1 Oct 2026 to 30 Oct 2026`, and a day alone without its end. */
export function spanText(span: Span): string {
  return spanDays(span) === 1 ? `1 day, ${date(span.start)}` : `${days(spanDays(span))} from ${fromTo(span)}`;
}

/** A share of a whole as the terminal shows it, but for nothing, which has no decimals. */
export function share(part: number, whole: number): string {
  return part === 0 ? '0%' : formatShare(part, whole);
}
