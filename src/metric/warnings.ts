import { addDays } from '../days/day.ts';
import { formatNumber, formatShare, nameSome } from '../format.ts';
import { allDownloads, type Breakdown } from './breakdown.ts';
import { INSTALLERS } from './classes.ts';
import { type DatedFacets, oneKind } from './facets.ts';
import { incompleteDaysOf, knownDays, type PackageDays, totalOf, wholeDaysOf } from './package-days.ts';
import { spikesOf } from './spikes.ts';

/** What may make a figure untrue without failing anything, and what strangers are told of it. */
export const PUBLIC_WARNINGS = {
  'no-rows': 'There was no download of any kind in the longest window; the name may be wrong.',
  'unknown-days': 'Of some days it is not known which downloads were by CI; these days are left out.',
  spike:
    'On some days there were many times the usual downloads, most often by one client; the typical day says more than the sum.',
  'one-kind':
    'Most downloads came from one kind of machine (installer, Python and system); that can be one fleet.',
  'installer-vanished':
    'An installer that had a good part of the count has been at zero for a week; it may have changed its name.',
  'unidentified-jump':
    'The share of clients that are not known has jumped; an installer may have changed its name.',
  'left-over': 'There are badges of a window or a kind that is not tracked any more; they are not renewed.',
} as const;

export type WarningCode = keyof typeof PUBLIC_WARNINGS;

export interface Warning {
  readonly code: WarningCode;
  /** For the operator. */
  readonly message: string;
}

const warning = (code: WarningCode, message: string): Warning => ({ code, message });

const WEEK = 7;
const FOUR_WEEKS = 28;

/** Share of the count over four weeks that an installer must have had for its absence to matter. */
const VANISHED_SHARE = 1 / 5;
/**
 * Downloads of it that the last week should have had, by the three weeks before. With seven expected, none at
 * all comes about by chance once in a thousand times (Poisson).
 */
const VANISHED_EXPECTED_MIN = 7;

/**
 * Rise of a share that is told, and the downloads a week below which a share is only noise: of 100, a share
 * varies by 5 points (standard deviation), of 20 by 11.
 */
const JUMP_POINTS = 0.2;
const JUMP_DOWNLOADS_MIN = 100;

/** @param before The three weeks before the last. */
function vanished(before: PackageDays, week: PackageDays): Warning[] {
  const [{ counts: had, count: hadAll }, has] = [totalOf(before), totalOf(week)];
  if (before.length < FOUR_WEEKS - WEEK || has.count === 0) return [];
  const expected = (downloads: number) => (downloads / wholeDaysOf(before).length) * wholeDaysOf(week).length;
  const total = hadAll + has.count;
  return INSTALLERS.filter(
    (name) =>
      has.counts[name] === 0 &&
      had[name] >= total * VANISHED_SHARE &&
      expected(had[name]) >= VANISHED_EXPECTED_MIN,
  ).map((name) => {
    const message = `${name} had ${formatNumber(had[name])} of ${formatNumber(total)} downloads in four weeks and none in the last seven days, while others had ${formatNumber(has.count)}; it may send its name in another form, which would count as unknown or other`;
    return warning('installer-vanished', message);
  });
}

const unidentified = ({ excluded }: Breakdown) => excluded.unknown + excluded.other;

/** Without sidecars: PyPI recorded them until 2026-08-24 only, and their end must not read as a jump. */
const identifiable = (breakdown: Breakdown) => allDownloads(breakdown) - breakdown.excluded.sidecar;

/** @param before The four weeks before the last. */
function jumped(before: Breakdown, week: Breakdown): Warning[] {
  const [now, then] = [identifiable(week), identifiable(before)];
  if (Math.min(now, then) < JUMP_DOWNLOADS_MIN) return [];
  const rise = unidentified(week) / now - unidentified(before) / then;
  if (rise < JUMP_POINTS) return [];
  const message = `clients that are unknown or other had ${formatShare(unidentified(week), now)} of the downloads of the last seven days, and ${formatShare(unidentified(before), then)} in the four weeks before; an installer may send its name in another form`;
  return [warning('unidentified-jump', message)];
}

function spiked(all: PackageDays, windows: readonly number[]): Warning[] {
  const found = windows.map((windowDays) => ({ windowDays, spikes: spikesOf(all, windowDays) }));
  const lengths = found.filter(({ spikes }) => spikes.length > 0).map(({ windowDays }) => `${windowDays}d`);
  if (lengths.length === 0) return [];
  const spikes = found.flatMap((each) => each.spikes);
  const counts = new Map(spikes.map(({ day, breakdown }) => [day, breakdown.count]));
  const days = [...counts].toSorted().map(([day, count]) => `${day} (${formatNumber(count)})`);
  const message = `${nameSome(days)}: more than ten times the usual downloads, and more than a third of ${lengths.join(', ')}; most often one client is behind it`;
  return [warning('spike', message)];
}

/** Whether most downloads came from one kind of machine, of which a spike would be the better explanation. */
export function kindWarning({ facets, span }: DatedFacets, others: readonly Warning[]): Warning[] {
  const [kind, downloads = 0] = oneKind(facets) ?? [];
  if (kind === undefined || others.some(({ code }) => code === 'spike')) return [];
  const share = formatShare(downloads, facets.total);
  const message = `${share} of the ${formatNumber(facets.total)} downloads from ${span.start} to ${addDays(span.end, -1)} came from one kind of machine (${kind}); that can be one fleet`;
  return [warning('one-kind', message)];
}

/**
 * What the days of a package say that its figures do not.
 *
 * @param all Its days, at least those of the longest window; for what has changed, five weeks.
 * @param windows Lengths in days.
 */
export function warningsOf(all: PackageDays, windows: readonly number[]): Warning[] {
  const longestDays = Math.max(...windows);
  const window = all.slice(-longestDays);
  const known = knownDays(window);
  const { unknown: unknownDays } = incompleteDaysOf(window);
  // An unknown day may have any number of downloads.
  const none = unknownDays.length === 0 && known.every(({ breakdown }) => allDownloads(breakdown) === 0);
  if (known.length > 0 && none) {
    return [warning('no-rows', `no download of any kind in ${longestDays} days: is the name right?`)];
  }
  const [before, week] = [all.slice(0, -WEEK), all.slice(-WEEK)];
  const unknown = `the source does not say which downloads of ${nameSome(unknownDays)} were by CI; ${unknownDays.length === 1 ? 'this day is' : 'these days are'} left out`;
  return [
    ...(unknownDays.length === 0 ? [] : [warning('unknown-days', unknown)]),
    ...spiked(all, windows),
    ...vanished(before.slice(WEEK - FOUR_WEEKS), week),
    ...jumped(totalOf(before.slice(-FOUR_WEEKS)), totalOf(week)),
  ];
}
