import { EXTRAS, type Extra, isPython, type Looks, type PythonExtra } from '../config/looks.ts';
import { date, monthOfDay, spanDays } from '../days/day.ts';
import { formatCount, formatShare, plural } from '../format.ts';
import type { Breakdown } from '../metric/breakdown.ts';
import { INSTALLERS, SYSTEMS, type System } from '../metric/classes.ts';
import { PYTHON_KNOWN_MIN, pythonsFrom } from '../metric/facets.ts';
import { periodsOf, spanOf } from '../metric/package-days.ts';
import { spikesOf } from '../metric/spikes.ts';
import type { Figures, Window } from '../metric/summary.ts';
import { trendOf } from '../metric/trend.ts';
import { defined, type NonEmpty } from '../util.ts';
import { CHART_SIZES, type ChartSize, drawChart } from './chart.ts';
import { type Draw, drawSparkline, type Size, SPARKLINE } from './picture.ts';

/** What a badge says, as shields.io's endpoint schema names it (https://shields.io/badges/endpoint-badge). */
export interface EndpointBadge extends Pick<Looks, 'labelColor' | 'logoColor' | 'style' | 'cacheSeconds'> {
  readonly schemaVersion: 1;
  readonly label: string;
  readonly message: string;
  readonly color: string;
  readonly namedLogo?: string;
  readonly logoSvg?: string;
}

/** The figures of a window that badges are made from. */
export interface Summary extends Window, Figures {
  /** What the package or group is called. */
  readonly title: string;
}

/**
 * A badge; each package has one of it for each window.
 *
 * @template S What must be known for it. @template B What it is: an endpoint file, or a picture alone.
 */
export interface BadgeKind<S = Summary, B = EndpointBadge | Draw | undefined> {
  /** Name on the command line, also the beginning of the file's name. */
  readonly id: string;
  /** What stands before the window on the left half of the badge. */
  readonly label: string;
  /** Whose downloads it counts, as words that follow "downloads"; if it is absent, those by all installers. */
  readonly scope?: string;
  /** What stands before the package's name in its description, if not its downloads. */
  readonly subject?: string;
  /** How tracked.yaml asks for it; absent if it is always made. */
  readonly extra?: Extra | 'compare_chart';
  /** Of one that is a picture alone, in pixels; absent where there is an endpoint file. */
  readonly size?: Size;
  /** Whether there is one for a package, whatever its windows. */
  readonly windowless?: boolean;
  /** What it says, or what draws one that is a picture alone; undefined where nothing is known. */
  readonly render: (summary: S, looks: Looks) => B;
}

/** A badge of a count of a window, of which no more than the breakdown must be known. */
export interface CountedKind extends BadgeKind<Window, EndpointBadge> {
  readonly scope: string;
  readonly value: (breakdown: Breakdown) => number;
}

/** Below this a count is grey: too few to mean much. */
const GREY_BELOW = 10;

/** The colour of a count: below the lowest step, and where there is next to nothing, it is grey. */
function countColor({ color }: Looks, count: number): string {
  if (color === undefined) return count < GREY_BELOW ? 'lightgrey' : 'blue';
  if (typeof color === 'string') return color;
  return color.findLast(({ from }) => count >= from)?.color ?? 'lightgrey';
}

/** A badge with what the looks add to any. */
function badgeOf(label: string, message: string, color: string, looks: Looks): EndpointBadge {
  const { labelColor, logo, logoColor, style, cacheSeconds } = looks;
  // shields.io refuses a file with a colour for no logo, or for an SVG.
  const logos = logo && ('name' in logo ? { namedLogo: logo.name, logoColor } : { logoSvg: logo.svg });
  const own = defined({ labelColor, ...logos, style, cacheSeconds });
  return { schemaVersion: 1, label, message, color, ...own };
}

const inWindow = (label: string, windowDays: number) => `${label} (${windowDays}d)`;

const MAIN = 'downloads';

function counted(id: string, label: string, scope: string, value: CountedKind['value']): CountedKind {
  const render: CountedKind['render'] = ({ breakdown, windowDays }, looks) => {
    const count = value(breakdown);
    // Else all of a package's badges would have the same.
    const ownLabel = id === MAIN ? looks.label : undefined;
    const message = `${formatCount(count)}${looks.suffix ?? ''}`;
    return badgeOf(inWindow(ownLabel ?? label, windowDays), message, countColor(looks, count), looks);
  };
  return { id, label, scope, value, render };
}

/** The systems as people call them; in lower case, also as badges do. */
export const SYSTEM_NAMES: Record<System, string> = { Linux: 'Linux', Darwin: 'macOS', Windows: 'Windows' };

/** As it stands in READMEs: an installer that is added later is counted, and not named. */
const MAIN_LABEL = 'pip*/uv/poetry/pdm';

/**
 * The badges that are always made, the main one first. Their names and labels are in READMEs all over the place and never
 * change; an installer that is added gets a badge of its own.
 */
export const CATALOGUE: NonEmpty<CountedKind> = [
  counted(MAIN, MAIN_LABEL, 'by installers', ({ count }) => count),
  ...INSTALLERS.map((name) => counted(`installer-${name}`, name, `by ${name}`, ({ counts }) => counts[name])),
  counted('installer-pip-family', 'pip*', 'by the pip family', ({ counts }) => counts['pip-family']),
  ...SYSTEMS.map((system) => {
    const name = SYSTEM_NAMES[system];
    const id = name.toLowerCase();
    return counted(`os-${id}`, id, `on ${name}`, ({ countsBySystem }) => countsBySystem[system]);
  }),
];

type Render = BadgeKind['render'];

/** Beyond this a percentage says less than words. */
const CHANGE_MAX = 999;

const renderTrend: Render = ({ days, windowDays }, looks) => {
  const trend = trendOf(days, windowDays);
  const label = inWindow('trend', windowDays);
  const badge = (message: string, color = 'lightgrey') => badgeOf(label, message, color, looks);
  if (trend === null) return badge('not comparable');
  if (trend === undefined) return badge('nothing to compare');
  const percent = Math.round(trend * 100);
  if (percent === 0) return badge('±0 %');
  if (percent < 0) return badge(`−${-percent} %`, 'orange');
  return badge(percent > CHANGE_MAX ? `over +${CHANGE_MAX} %` : `+${percent} %`, 'brightgreen');
};

/** Its label says since when, to the month; a suffix such as `/month` would not be true of it. */
const renderTotal: Render = ({ total }, looks) => {
  if (total === undefined) return undefined;
  const { since, count } = total;
  const label = `total since ${monthOfDay(since)}`;
  return badgeOf(label, formatCount(count), countColor(looks, count), looks);
};

const renderWindow =
  (size: ChartSize): Render =>
  ({ title, days, windowDays }) => {
    const span = spanOf(days.slice(-windowDays));
    const when = `in ${plural(spanDays(span), 'day')}`;
    const [periods, spikes] = [periodsOf(days), spikesOf(days, windowDays)];
    return drawChart({ title, span, periods, spikes, when }, size);
  };

/** The days that a total is made of, or their months. */
const renderPast: Render = ({ title, days, periods = [] }) => {
  const { start } = periods[0] ?? {};
  if (start === undefined) return undefined;
  const span = { start, end: spanOf(days).end };
  const when = `since ${date(start)}`;
  return drawChart({ title, span, periods, spikes: [], when }, 'large');
};

const CHART = { label: 'chart', subject: 'Chart of non-CI downloads of', size: CHART_SIZES.large };

const EXTRA_KINDS: Readonly<Record<Exclude<Extra, PythonExtra>, readonly BadgeKind[]>> = {
  trend: [{ id: 'trend', label: 'trend', subject: 'Trend of non-CI downloads of', render: renderTrend }],
  sparkline: [
    {
      id: 'sparkline',
      label: 'by day',
      subject: 'Daily non-CI downloads of',
      size: SPARKLINE,
      render: drawSparkline,
    },
  ],
  total: [{ id: 'total', label: 'total', windowless: true, render: renderTotal }],
  chart: [
    { ...CHART, id: 'chart', render: renderWindow('large') },
    { ...CHART, id: 'chart-small', size: CHART_SIZES.small, render: renderWindow('small') },
    { ...CHART, id: 'chart-total', windowless: true, render: renderPast },
  ],
};

/** A badge of a share of Pythons, of which the facets must be known. */
type PythonKind = BadgeKind<Pick<Summary, 'breakdown' | 'facets'>, EndpointBadge>;

/** The share of a minor version of Python and later ones. Facets are counted for the first window alone, so there is one for a package. */
function pythonKind(least: string): PythonKind {
  const label = `python ≥ ${least}`;
  return {
    // Web servers let no dot through but that of the ending.
    id: `python-${least.replace('.', '-')}`,
    label,
    scope: `by Python ≥ ${least}`,
    subject: 'Share of PyPI downloads of',
    extra: `python>=${least}`,
    windowless: true,
    render({ breakdown, facets }, looks) {
      const grey = (message: string) => badgeOf(label, message, 'lightgrey', looks);
      if (breakdown.count < PYTHON_KNOWN_MIN) return grey('too few');
      if (facets === undefined) return grey('not counted');
      const share = pythonsFrom(facets.facets, least);
      if (share === undefined) return grey('too few');
      // Steps of colours are those of counts.
      const color = typeof looks.color === 'string' ? looks.color : 'blue';
      return badgeOf(label, formatShare(share.part, share.known, 0), color, looks);
    },
  };
}

/** The shares of Pythons that looks ask for. */
export function pythonBadges({ extra = [] }: Looks): PythonKind[] {
  return [...new Set(extra)].filter(isPython).map((each) => pythonKind(each.slice('python>='.length)));
}

/** Folder of the charts of several packages: no package can be called this. */
export const COMPARISON_FOLDER = '_compare';

/** That of the charts in which the mean of each package is 100. */
export const INDEXED = 'compare-indexed';

/** The charts of several packages: none of them is made of a package's own figures (publish/comparison.ts). */
export const COMPARISONS: readonly BadgeKind[] = ['compare', INDEXED].map((id) => ({
  ...CHART,
  id,
  windowless: true,
  extra: 'compare_chart',
  render: () => undefined,
}));

/** Every badge there is, but for shares of Pythons: those that are always made, then those that tracked.yaml may ask for. */
export const BADGES: readonly BadgeKind[] = [
  ...CATALOGUE,
  ...EXTRAS.flatMap((extra) => EXTRA_KINDS[extra].map((kind) => ({ ...kind, extra }))),
  ...COMPARISONS,
];

/**
 * The badge of that name; undefined if there is none.
 *
 * @param name Its id; also what tracked.yaml calls a share of Pythons.
 */
export function findBadge(name: string): BadgeKind | undefined {
  const [, major, minor] = /^python(?:-|>=)([23])[-.](\d{1,2})$/.exec(name) ?? [];
  return major === undefined ? BADGES.find(({ id }) => id === name) : pythonKind(`${major}.${minor}`);
}

/** The badges that are made of something with these looks. */
export function wantedBadges(looks: Looks): BadgeKind[] {
  return [...BADGES.filter((kind) => isWanted(kind, looks)), ...pythonBadges(looks)];
}

/** Whether a badge is made of something with these looks. */
export function isWanted({ extra }: BadgeKind, looks: Looks | undefined): boolean {
  return extra === undefined || looks?.extra?.some((each) => each === extra) === true;
}

/** What stands in place of a badge that is not renewed any more. */
export function retiredBadge({ label }: BadgeKind, windowDays: number | undefined): EndpointBadge {
  const name = windowDays === undefined ? label : inWindow(label, windowDays);
  return badgeOf(name, 'not tracked any more', 'lightgrey', {});
}

/**
 * Name of a badge's file without its ending.
 *
 * @param windowDays undefined for a kind that has no window.
 */
export function badgeStem({ id }: Pick<BadgeKind, 'id'>, windowDays: number | undefined): string {
  return windowDays === undefined ? `${id}-non-ci` : `${id}-${windowDays}d-non-ci`;
}
