import { type Day, date } from '../days/day.ts';
import type { Upstream } from '../days/upstream.ts';
import { ERRORS, type ErrorCode } from '../errors/codes.ts';
import { formatNumber } from '../format.ts';
import { html, Markup, type Part } from '../markup.ts';
import { allDownloads } from '../metric/breakdown.ts';
import { BLIND_SPOTS, METRIC_DEFINITION } from '../metric/classes.ts';
import { append } from '../util.ts';
import { LINE_DAYS, sparkline } from './charts.ts';
import { card, htmlDocument, notice, type SiteView, TONES, time } from './document.ts';
import type { PackageView } from './package-page.ts';
import { days, share } from './words.ts';

/** From so many packages on, the page of all is made to stay small and quick: coarser lines, rows of one grid. */
export const LONG_LIST = 1_000;

/** A package or group as the page of all packages shows it: there may be thousands, so it has no days. */
export interface IndexEntry extends Omit<PackageView, 'history' | 'facets'> {
  /** The non-CI downloads of its last days, oldest first; null where nothing is known. */
  readonly recent: readonly (number | null)[];
  /** Whether it has a page of its own to link to. */
  readonly hasPage: boolean;
}

/** Days within the windows of which the table lacks something, or has too much. */
const DOUBTS = [
  [
    'missingDays',
    'Days without data',
    'nothing at all',
    'Figures leave these days out; if they are filled in later, they are counted then.',
  ],
  [
    'partialDays',
    'Days with a part of the data',
    'far fewer rows than usual',
    'What is there is counted; if the rest is filled in later, the figures follow.',
  ],
  [
    'excessDays',
    'Days with too much data',
    'more than twice the usual rows',
    'They are counted as they are; rows may have been written twice.',
  ],
] as const;

/** What the page of all packages tells. */
export interface IndexView extends Pick<Upstream, (typeof DOUBTS)[number][0]> {
  /** Newest day that was counted. */
  readonly lastDay: Day | undefined;
  readonly packages: readonly IndexEntry[];
  readonly groups: readonly IndexEntry[];
}

/** What a package or group is called. */
const titleOf = ({ name, title = name }: IndexEntry) => title;

/** Packages and groups alike. */
const both = ({ packages, groups }: IndexView) => [...packages, ...groups];

/** A cell without a figure: a dash, where there is room for columns. */
const NONE = new Markup('<td class="none">–');

type Line = (counts: IndexEntry['recent']) => Markup | false;

/** Three cells, and the share: what the table sorts by is worked out from what it shows. */
function figures({ windows: [main] }: IndexEntry): Part {
  if (main === undefined) return [NONE, NONE, NONE, NONE];
  const { count } = main.breakdown;
  const all = allDownloads(main.breakdown);
  return html`<td>${formatNumber(count)}<td>${days(main.windowDays)}<td>${formatNumber(all)}${all === 0 ? NONE : html`<td>${share(all - count, all)}`}`;
}

/**
 * A package's line. Thousands of them make up the page, so they leave out the ends of cells, which HTML lets them, and
 * what is the same in most.
 *
 * @param line Draws the counts of its last days.
 */
function row(entry: IndexEntry, newest: string | undefined, line: Line): Markup {
  const { name, state, countedTo, lastSuccess, recent, hasPage } = entry;
  const [title, cells] = [titleOf(entry), figures(entry)];
  const counted = countedTo !== newest && countedTo && html` data-counted-to="${countedTo}"`;
  return html`<tr><th scope="row">${hasPage ? html`<a href="${name}/index.html">${title}</a>` : title}${cells}<td>${line(recent)}<td>${lastSuccess === undefined ? 'never' : date(lastSuccess)}<td class="state ${TONES[state]}"${counted}>${state}
`;
}

/** A column, and how the script sorts by it: as text unless it is told otherwise, or not at all. */
type Column = readonly [title: string, by?: 'count' | 'number' | 'share' | 'date' | 'none'];

const plainHeading = ([title]: Column) => html`<th scope="col">${title}</th>`;

function heading([title, by]: Column): Markup {
  if (by === 'none') return plainHeading([title]);
  return html`<th scope="col"${by && html` data-by="${by}"`}><button type="button">${title}</button></th>`;
}

/** What stands behind the name. */
const COLUMNS: readonly Column[] = [
  ['Non-CI', 'count'],
  ['Window', 'number'],
  ['All', 'count'],
  ['Excluded', 'share'],
  [`Last ${LINE_DAYS} days`, 'none'],
  ['Last success', 'date'],
  ['State'],
];

/** Sums of packages, above the packages. */
function groups(view: IndexView, line: Line): Markup | undefined {
  if (view.groups.length === 0) return undefined;
  return card(
    'Groups',
    html`<div class="wide-table"><table>
<thead><tr>${plainHeading(['Group'])}${COLUMNS.map(plainHeading)}</tr></thead>
<tbody>
${view.groups.map((entry) => row(entry, undefined, line))}</tbody>
</table></div>`,
  );
}

function facts(view: IndexView): Markup {
  const { packages, lastDay } = view;
  const oddities = DOUBTS.filter(([key]) => view[key].length > 0).length;
  const warned = both(view).reduce((count, { warnings: { length } }) => count + length, oddities);
  const counts = (['failed', 'stale', 'no rows', 'new'] as const)
    .map((state) => [packages.filter((each) => each.state === state).length, state] as const)
    .filter(([count]) => count > 0);
  const well = counts.map(([count, state]) => `${formatNumber(count)} ${state}`).join(', ') || 'all well';
  return html`<section class="card"><dl class="facts">
<div><dt>Packages</dt><dd>${formatNumber(packages.length)}<small>${well}</small></dd></div>
${warned > 0 && html`<div><dt>Warnings</dt><dd><a href="#warnings">${formatNumber(warned)}</a><small>below the packages</small></dd></div>`}
<div><dt>Counted up to</dt><dd>${lastDay === undefined ? 'nothing yet' : date(lastDay)}<small>the newest whole day (UTC) in the data</small></dd></div>
</dl></section>`;
}

function failures(view: IndexView): Markup | undefined {
  const byCode = new Map<ErrorCode, IndexEntry[]>();
  for (const entry of both(view)) if (entry.failure) append(byCode, entry.failure, entry);
  const causes = [...byCode].map(([code, list]) => {
    const what = list[0]?.members === undefined ? 'packages' : 'groups';
    const who = list.length > 5 ? `${formatNumber(list.length)} ${what}` : list.map(titleOf).join(', ');
    return html`<b>${who}</b>: ${ERRORS[code].public} <code>${code}</code>`;
  });
  return notice('bad', 'The last run had failures; their badges stay as they were.', causes);
}

function warnings(view: IndexView): Markup | undefined {
  const all = both(view).flatMap((entry) =>
    entry.warnings.map((sentence) => html`<b>${titleOf(entry)}</b>: ${sentence}`),
  );
  const more = all.length > 10 ? [`and ${formatNumber(all.length - 10)} more`] : [];
  return notice('warn', 'Warnings', [...all.slice(0, 10), ...more]);
}

const METRIC = ({ source }: SiteView) => html`<section class="card" id="metric">
<h2>How it is counted</h2>
<p>${METRIC_DEFINITION} Everything else is excluded, for the first reason that fits: the file is no distribution, such as
<code>.metadata</code>, the CI flag is set, or the client is a mirror, a browser, not known, or some other program. Every row of the log is accounted for.
A window is a number of whole UTC days; the last is the newest one in the data.</p>
<p>The figures are counted from ${source.name}. The log has blind spots:</p>
<ul>${BLIND_SPOTS.map((spot) => html`<li>${spot}</li>`)}</ul>
</section>`;

/** What may make figures untrue. */
function doubts(view: IndexView): Markup {
  const notices = DOUBTS.map(([key, title, what, then]) => {
    const list = view[key];
    const which = list.length > 10 ? days(list.length) : list.map(date).join(', ');
    return html`${list.length > 0 && notice('warn', title, [`The table has ${what} for ${which}. ${then}`])}
`;
  });
  return html`<div id="warnings">
${notices}${warnings(view)}</div>`;
}

/** The page of all packages. */
export function indexPage(view: IndexView, site: SiteView): string {
  const { packages } = view;
  const { finished } = site;
  const below = doubts(view);
  const ends = packages.flatMap(({ countedTo }) => countedTo ?? []);
  /** The newest day that a package is counted to: most are. */
  const newest = ends.toSorted().at(-1);
  const recent = both(view).flatMap((entry) => entry.recent);
  /** Downloads of the best of the last days, of packages and groups alike. */
  const most = recent.reduce<number>((best, count) => Math.max(best, count ?? 0), 0);
  const isLong = packages.length >= LONG_LIST;
  const line: Line = (counts) => counts.length > 0 && sparkline(counts, most, isLong);
  return htmlDocument('index', site, {
    title: html`Non-CI PyPI downloads`,
    header: html`<h1>Non-CI PyPI downloads</h1>
<p class="quiet">Without CI runs, mirrors, browsers and unknown clients.
${finished === undefined ? 'No run yet.' : html`Last run ${time(finished)}.`}</p>`,
    main: html`${failures(view)}
${facts(view)}
${groups(view, line)}
<section class="card">
<div class="tools" hidden><label for="filter">Filter by name</label> <input id="filter" type="search" autocomplete="off" spellcheck="false"> <span id="shown" class="quiet" role="status"></span></div>
<div class="wide-table"><table id="packages"${isLong && html` class="long"`}${newest && html` data-counted-to="${newest}"`}>
<thead><tr>${heading(['Package'])}${COLUMNS.map(heading)}</tr></thead>
<tbody>
${packages.map((entry) => row(entry, newest, line))}</tbody>
</table></div>
<p class="quiet">The lines are on one logarithmic scale, from 0 to ${formatNumber(most)} non-CI downloads a day.</p>
</section>
${below}
${METRIC(site)}`,
    footer: html`<p>Nothing on this page asks any other server for anything. The same figures for programs:
<a href="_health.json">_health.json</a> (where the operator serves it), and history.json in each package's folder.</p>`,
  });
}
