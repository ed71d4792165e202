import { EXTRAS, type Extra, type Looks, type Style } from '../config/looks.ts';
import { escapeMarkup, formatNumber } from '../format.ts';
import type { Breakdown } from '../metric/breakdown.ts';
import { INSTALLERS, SYSTEMS, type System } from '../metric/classes.ts';
import { lastDays, type PackageDays, type Total } from '../metric/package-days.ts';
import type { Trend, Window } from '../metric/summary.ts';
import { defined, type NonEmpty } from '../util.ts';

/** What a badge says, as shields.io's endpoint schema names it (https://shields.io/badges/endpoint-badge). */
export interface EndpointBadge {
  readonly schemaVersion: 1;
  readonly label: string;
  readonly message: string;
  readonly color: string;
  readonly labelColor?: string;
  readonly namedLogo?: string;
  readonly logoSvg?: string;
  readonly logoColor?: string;
  readonly style?: Style;
  readonly cacheSeconds?: number;
}

/** The figures of a window that badges are made from. */
export interface Summary extends Window {
  /** What the package or group is called. */
  readonly title: string;
  /** The days of the longest window. */
  readonly history: PackageDays;
  /** Share by which the count a day has changed against the window before; undefined if there is nothing to compare with. */
  readonly trend: Trend;
  /** Its downloads since the first day that is known; undefined if they are not known. */
  readonly total: Total | undefined;
  /** Whether too little is known of the window, so that its badges stay as they were. */
  readonly isHeldBack?: boolean;
}

/** A badge; each package has one of it for each window. */
export interface BadgeKind {
  /** Name on the command line, also the beginning of the file's name. */
  readonly id: string;
  /** What stands before the window on the left half of the badge. */
  readonly label: string;
  /** Whose downloads it counts, as words that follow "downloads". */
  readonly scope: string;
  /** What stands before the package's name in its description, if not its downloads. */
  readonly subject?: string;
  /** How tracked.yaml asks for it; absent if it is always made. */
  readonly extra?: Extra;
  /** Whether there is a picture alone, and no endpoint file. */
  readonly pictureOnly?: boolean;
  /** Whether there is one for a package, whatever its windows. */
  readonly windowless?: boolean;
  /** What it says, or the whole SVG of one that is a picture alone; undefined where nothing is known. */
  readonly render: (summary: Summary, looks: Looks) => EndpointBadge | string | undefined;
}

/** A badge of a count of a window, of which no more than the breakdown must be known. */
export interface CountedKind extends BadgeKind {
  readonly value: (breakdown: Breakdown) => number;
  readonly render: (window: Window, looks: Looks) => EndpointBadge;
}

/** Tenths of a unit, rounded half up in whole numbers: floating point would turn 1,150 into 1.1k. */
function tenthsOf(count: bigint, size: bigint): bigint {
  return (count * 10n + size / 2n) / size;
}

/**
 * A count as a badge shows it: below 1,000 in full, then with one decimal and k, M or B, without a
 * trailing `.0`. Rounding carries into the next unit: 999,949 is 999.9k, 999,950 is 1M.
 *
 * @param count A whole number of at least 0.
 */
export function formatCount(count: number): string {
  if (count < 1_000) return String(count);
  const exact = BigInt(count);
  const power = [1, 2].find((thousands) => tenthsOf(exact, 1_000n ** BigInt(thousands)) < 10_000n) ?? 3;
  const tenths = tenthsOf(exact, 1_000n ** BigInt(power));
  const decimal = tenths % 10n === 0n ? '' : `.${tenths % 10n}`;
  return `${tenths / 10n}${decimal}${' kMB'[power]}`;
}

/** Beyond this a percentage says less than words. */
const CHANGE_MAX = 999;

/**
 * A change in whole percent as a badge shows it.
 *
 * @param percent Undefined if there is nothing to compare with.
 */
function formatChange(percent: number | undefined): string {
  if (percent === undefined) return 'nothing to compare';
  if (percent > CHANGE_MAX) return `over +${CHANGE_MAX} %`;
  if (percent === 0) return '±0 %';
  return percent > 0 ? `+${percent} %` : `−${-percent} %`;
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
  const logos = logo && ('name' in logo ? { namedLogo: logo.name } : { logoSvg: logo.svg });
  const own = defined({ labelColor, ...logos, logoColor, style, cacheSeconds });
  return { schemaVersion: 1, label, message, color, ...own };
}

/** The left half of a badge. */
const labelOf = (label: string, windowDays: number | undefined) =>
  windowDays === undefined ? label : `${label} (${windowDays}d)`;

/** @param ownLabel Whether the looks may have another label for it. */
function counted(
  id: string,
  label: string,
  scope: string,
  value: CountedKind['value'],
  ownLabel = false,
): CountedKind {
  return {
    id,
    label,
    scope,
    value,
    render({ breakdown, windowDays }, looks) {
      const count = value(breakdown);
      const name = ownLabel ? (looks.label ?? label) : label;
      const message = `${formatCount(count)}${looks.suffix ?? ''}`;
      return badgeOf(labelOf(name, windowDays), message, countColor(looks, count), looks);
    },
  };
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
  counted('downloads', MAIN_LABEL, 'by installers', ({ count }) => count, true),
  ...INSTALLERS.map((name) => counted(`installer-${name}`, name, `by ${name}`, ({ counts }) => counts[name])),
  counted('installer-pip-family', 'pip*', 'by the pip family', ({ counts }) => counts['pip-family']),
  ...SYSTEMS.map((system) => {
    const name = SYSTEM_NAMES[system];
    const id = name.toLowerCase();
    return counted(`os-${id}`, id, `on ${name}`, ({ countsBySystem }) => countsBySystem[system]);
  }),
];

/** Size of the picture, in pixels: beside a badge of 20 it is no taller than a line of a README. */
const WIDTH = 120;
const HEIGHT = 30;
const MARGIN = 2;

/** Colours that stand out from white and from GitHub's dark grey. */
const STYLE =
  'path{fill:none;stroke:#4338ca;stroke-width:1.5;stroke-linejoin:round}.a{fill:#4338ca;fill-opacity:.15;stroke:none}@media (prefers-color-scheme:dark){path{stroke:#a5b4fc}.a{fill:#a5b4fc}}';

const round = (value: number) => Math.round(value * 10) / 10;

/**
 * The non-CI downloads of a window's days as a small picture for READMEs, light and dark. Days of which nothing is
 * known are gaps.
 *
 * @param name Of the package, or title of the group.
 */
export function drawSparkline(name: string, history: PackageDays, windowDays: number): string {
  const { days, breakdowns } = lastDays(history, windowDays);
  const counts = breakdowns.map((breakdown) => breakdown?.count);
  const most = Math.max(0, ...counts.map((count) => count ?? 0));
  const x = (index: number) => round(MARGIN + (index / Math.max(1, days.length - 1)) * (WIDTH - 2 * MARGIN));
  const y = (count: number) => round(HEIGHT - MARGIN - (count / Math.max(1, most)) * (HEIGHT - 2 * MARGIN));
  const runs: [number, number][][] = [];
  for (const [index, count] of counts.entries()) {
    if (count === undefined) continue;
    const isNew = index === 0 || counts[index - 1] === undefined;
    if (isNew) runs.push([]);
    runs.at(-1)?.push([x(index), y(count)]);
  }
  const base = HEIGHT - MARGIN;
  const line = (run: readonly [number, number][]) => `M${run.map((point) => point.join(' ')).join('L')}`;
  const area = runs.map((run) => `${line(run)}V${base}H${run[0]?.[0]}Z`).join('');
  // A day by itself would be a line without length, which is not drawn.
  const path = runs.map((run) => `${line(run)}${run.length === 1 ? 'h.1' : ''}`).join('');
  const total = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  const window = days.length === 1 ? `on ${days[0]}` : `in ${days.length} days to ${days.at(-1)}`;
  const title = `PyPI downloads of ${name} by day, CI left out: ${formatNumber(total)} ${window}, at most ${formatNumber(most)} a day`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="t"><title id="t">${escapeMarkup(title)}</title><style>${STYLE}</style><path class="a" d="${area}"/><path d="${path}"/></svg>\n`;
}

/** Characters of the month at the beginning of a day. */
const MONTH_LENGTH = 7;

const EXTRA_KINDS: Readonly<Record<Extra, Omit<BadgeKind, 'id' | 'scope' | 'extra'>>> = {
  trend: {
    label: 'trend',
    subject: 'Trend of non-CI downloads of',
    render({ trend, windowDays }, looks) {
      if (trend === null) return badgeOf(labelOf('trend', windowDays), 'not comparable', 'lightgrey', looks);
      const percent = trend === undefined ? undefined : Math.round(trend * 100);
      const color =
        percent === undefined || percent === 0 ? 'lightgrey' : percent > 0 ? 'brightgreen' : 'orange';
      return badgeOf(labelOf('trend', windowDays), formatChange(percent), color, looks);
    },
  },
  sparkline: {
    label: 'by day',
    subject: 'Daily non-CI downloads of',
    pictureOnly: true,
    render: ({ title, history, windowDays }) => drawSparkline(title, history, windowDays),
  },
  total: {
    label: 'total',
    windowless: true,
    // Its label says since when, to the month; a suffix such as `/month` would not be true of it.
    render: ({ total }, looks) =>
      total &&
      badgeOf(
        `total since ${total.since.slice(0, MONTH_LENGTH)}`,
        formatCount(total.count),
        countColor(looks, total.count),
        looks,
      ),
  },
};

/** Every badge there is: those that are always made, then those that tracked.yaml may ask for. */
export const BADGES: readonly BadgeKind[] = [
  ...CATALOGUE,
  ...EXTRAS.map((extra) => ({ id: extra, scope: CATALOGUE[0].scope, extra, ...EXTRA_KINDS[extra] })),
];

/** Whether a badge is made of something with these looks. */
export function isWanted({ extra }: BadgeKind, looks: Looks | undefined): boolean {
  return extra === undefined || looks?.extra?.includes(extra) === true;
}

/** What stands in place of a badge that is not renewed any more. */
export function retiredBadge({ label }: BadgeKind, windowDays: number | undefined): EndpointBadge {
  return badgeOf(labelOf(label, windowDays), 'not tracked any more', 'lightgrey', {});
}

/**
 * Name of a badge's file without its ending.
 *
 * @param windowDays undefined for a kind that has no window.
 */
export function badgeStem({ id }: Pick<BadgeKind, 'id'>, windowDays: number | undefined): string {
  return windowDays === undefined ? `${id}-non-ci` : `${id}-${windowDays}d-non-ci`;
}
