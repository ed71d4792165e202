import type { Day } from '../days/day.ts';
import { formatNumber } from '../format.ts';
import { allDownloads } from '../metric/breakdown.ts';
import { BLIND_SPOTS, METRIC_DEFINITION } from '../metric/classes.ts';
import { LINE_DAYS, sparkline } from './charts.ts';
import { card, html, htmlDocument, Markup, notice, type SiteView, TONES, time } from './document.ts';
import { mainWindow, type PackageView } from './package-page.ts';
import { date, days, share } from './words.ts';

/** From so many packages on, the page of all is made to stay small and quick: coarser lines, rows of one grid. */
export const LONG_LIST = 1_000;

/** A package as the page of all packages shows it: there may be thousands, so it is no more than a row needs. */
export interface IndexEntry
  extends Pick<PackageView, 'name' | 'state' | 'failure' | 'lastSuccess' | 'countedTo' | 'warnings'> {
  /** What a group is called. */
  readonly title?: string | undefined;
  /** The main window; absent where no figures are known. */
  readonly main?: { readonly windowDays: number; readonly count: number; readonly all: number } | undefined;
  /** The non-CI downloads of its last days, oldest first; null where nothing is known. */
  readonly recent: readonly (number | null)[];
  /** Whether it has a page of its own to link to. */
  readonly hasPage: boolean;
}

/** What the page of all packages tells. */
export interface IndexView extends SiteView {
  /** Newest day that was counted. */
  readonly lastDay: Day | undefined;
  /** Days within the windows without any row in the whole table. */
  readonly missingDays: readonly Day[];
  /** Days within the windows of which the table had only a part. */
  readonly partialDays: readonly Day[];
  /** Days within the windows with more than twice the usual rows. */
  readonly excessDays: readonly Day[];
  readonly packages: readonly IndexEntry[];
  readonly groups: readonly IndexEntry[];
}

/** What is kept of a package for the page of all packages. */
export function indexEntry(
  view: PackageView,
  hasPage: boolean,
  recent: IndexEntry['recent'] = [],
): IndexEntry {
  const { name, state, failure, lastSuccess, countedTo, warnings, group } = view;
  const window = mainWindow(view);
  const main = window && {
    windowDays: window.windowDays,
    count: window.breakdown.count,
    all: allDownloads(window.breakdown),
  };
  const title = group?.title;
  return { name, state, failure, lastSuccess, countedTo, warnings, title, main, recent, hasPage };
}

/** A cell without a figure: a dash, where there is room for columns. */
const NONE = new Markup('<td class="none">–');

/** Three cells, and the share: what the table sorts by is worked out from what it shows. */
const NOTHING = [NONE, NONE, NONE, NONE];

/**
 * A package's line. Thousands of them make up the page, so they leave out the ends of cells, which HTML lets them, and
 * what is the same in most.
 *
 * @param line Draws the counts of its last days.
 */
function row(view: IndexEntry, newest: string | undefined, line: Line): Markup {
  const { name, title = name, main, state, countedTo, lastSuccess, recent } = view;
  const figures =
    main === undefined
      ? NOTHING
      : html`<td>${formatNumber(main.count)}<td>${days(main.windowDays)}<td>${formatNumber(main.all)}${main.all === 0 ? NONE : html`<td>${share(main.all - main.count, main.all)}`}`;
  const counted =
    countedTo === undefined || countedTo === newest ? undefined : html` data-counted-to="${countedTo}"`;
  return html`<tr><th scope="row">${view.hasPage ? html`<a href="${name}/index.html">${title}</a>` : title}${figures}<td>${line(recent)}<td>${lastSuccess === undefined ? 'never' : date(lastSuccess)}<td class="state ${TONES[state]}"${counted}>${state}
`;
}

type Line = (counts: IndexEntry['recent']) => Markup | undefined;

/** Downloads of the best of the last days, of packages and groups alike. */
function mostOf({ packages, groups: sums }: IndexView): number {
  return [...packages, ...sums].reduce(
    (most, { recent }) => Math.max(most, ...recent.map((count) => count ?? 0)),
    0,
  );
}

/** The newest day that a package is counted to: most are. */
function newestOf({ packages }: IndexView): string | undefined {
  return packages.reduce<string | undefined>(
    (newest, { countedTo = '' }) => (countedTo > (newest ?? '') ? countedTo : newest),
    undefined,
  );
}

/** The class of a table whose rows are laid out only when they are seen. */
const LONG = new Markup(' class="long"');

/** @param by How the script sorts the column: as text unless it is told otherwise. */
function heading(title: string, by?: 'count' | 'number' | 'share' | 'date'): Markup {
  return html`<th scope="col"${by === undefined ? undefined : html` data-by="${by}"`}><button type="button">${title}</button></th>`;
}

const plainHeading = (title: string) => html`<th scope="col">${title}</th>`;

/** What stands behind the name, and how the script sorts by it: as text, not at all, or as what it is. */
const COLUMNS: readonly (readonly [title: string, by?: 'count' | 'number' | 'share' | 'date' | 'none'])[] = [
  ['Non-CI', 'count'],
  ['Window', 'number'],
  ['All', 'count'],
  ['Excluded', 'share'],
  [`Last ${LINE_DAYS} days`, 'none'],
  ['Last success', 'date'],
  ['State'],
];

/** Sums of packages, above the packages. */
function groups(site: IndexView, line: Line): Markup | undefined {
  if (site.groups.length === 0) return undefined;
  return card(
    'Groups',
    html`<div class="wide-table"><table>
<thead><tr>${['Group', ...COLUMNS.map(([title]) => title)].map(plainHeading)}</tr></thead>
<tbody>
${site.groups.map((entry) => row(entry, undefined, line))}</tbody>
</table></div>`,
  );
}

/** How many warnings there are: of packages and groups, and one for each kind of odd days. */
function warningCount({ packages, groups: sums, missingDays, partialDays, excessDays }: IndexView): number {
  const odd = [missingDays, partialDays, excessDays].filter(({ length }) => length > 0);
  return [...packages, ...sums].reduce((count, { warnings: { length } }) => count + length, odd.length);
}

function facts(site: IndexView): Markup {
  const { packages, lastDay } = site;
  const warned = warningCount(site);
  const counts = (['failed', 'stale', 'no rows', 'new'] as const)
    .map((state) => [packages.filter((each) => each.state === state).length, state] as const)
    .filter(([count]) => count > 0);
  const well = counts.map(([count, state]) => `${formatNumber(count)} ${state}`).join(', ') || 'all well';
  return html`<section class="card"><dl class="facts">
<div><dt>Packages</dt><dd>${formatNumber(packages.length)}<small>${well}</small></dd></div>
${warned > 0 ? html`<div><dt>Warnings</dt><dd><a href="#warnings">${formatNumber(warned)}</a><small>below the packages</small></dd></div>` : undefined}
<div><dt>Counted up to</dt><dd>${lastDay === undefined ? 'nothing yet' : date(lastDay)}<small>the newest whole day (UTC) in the data</small></dd></div>
</dl></section>`;
}

function failures(site: IndexView): Markup | undefined {
  const byFailure = new Map<string, { code: string; sentence: string; what: string; names: string[] }>();
  for (const { name, title, failure } of [...site.packages, ...site.groups]) {
    if (failure === undefined) continue;
    const what = title === undefined ? 'packages' : 'groups';
    const known = byFailure.get(failure.code);
    if (known === undefined) byFailure.set(failure.code, { ...failure, what, names: [title ?? name] });
    else known.names.push(title ?? name);
  }
  const who = (names: readonly string[], what: string) =>
    names.length > 5 ? `${formatNumber(names.length)} ${what}` : names.join(', ');
  const causes = [...byFailure.values()].map(
    ({ code, sentence, what, names }) => html`<b>${who(names, what)}</b>: ${sentence} <code>${code}</code>`,
  );
  return notice('bad', 'The last run had failures; their badges stay as they were.', causes);
}

/** Days of which the table lacks something, or has too much. */
function oddDays(title: string, list: readonly Day[], what: string, then: string): Markup | undefined {
  const which = list.length > 10 ? days(list.length) : list.map(date).join(', ');
  return notice('warn', title, list.length === 0 ? [] : [`The table has ${what} for ${which}. ${then}`]);
}

function warnings({ packages, groups: sums }: IndexView): Markup | undefined {
  const all = [...packages, ...sums].flatMap(({ name, title = name, warnings: sentences }) =>
    sentences.map((sentence) => html`<b>${title}</b>: ${sentence}`),
  );
  const more = all.length > 10 ? [`and ${formatNumber(all.length - 10)} more`] : [];
  return notice('warn', 'Warnings', [...all.slice(0, 10), ...more]);
}

const METRIC = ({ source }: IndexView) => html`<section class="card" id="metric">
<h2>How it is counted</h2>
<p>${METRIC_DEFINITION} Everything else is excluded, for the first reason that fits: the file is no distribution, such as
<code>.metadata</code>, the CI flag is set, or the client is a mirror, a browser, not known, or some other program. Every row of the log is accounted for.
A window is a number of whole UTC days; the last is the newest one in the data.</p>
<p>The figures are counted from ${source.name}. The log has blind spots:</p>
<ul>${BLIND_SPOTS.map((spot) => html`<li>${spot}</li>`)}</ul>
</section>`;

/** What may make figures untrue. */
function doubts(site: IndexView): Markup {
  const { missingDays, partialDays, excessDays } = site;
  return html`<div id="warnings">
${oddDays('Days without data', missingDays, 'nothing at all', 'Figures leave these days out; if they are filled in later, they are counted then.')}
${oddDays('Days with a part of the data', partialDays, 'far fewer rows than usual', 'What is there is counted; if the rest is filled in later, the figures follow.')}
${oddDays('Days with too much data', excessDays, 'more than twice the usual rows', 'They are counted as they are; rows may have been written twice.')}
${warnings(site)}</div>`;
}

/** The page of all packages. */
export function indexPage(site: IndexView): string {
  const newest = newestOf(site);
  const { finished, packages } = site;
  const below = doubts(site);
  const [most, isLong] = [mostOf(site), packages.length >= LONG_LIST];
  const line: Line = (counts) => (counts.length === 0 ? undefined : sparkline(counts, most, isLong));
  return htmlDocument('index', site, {
    title: 'Non-CI PyPI downloads',
    header: html`<h1>Non-CI PyPI downloads</h1>
<p class="quiet">Without CI runs, mirrors, browsers and unknown clients.
${finished === undefined ? 'No run yet.' : html`Last run ${time(finished)}.`}</p>`,
    main: html`${failures(site)}
${facts(site)}
${groups(site, line)}
<section class="card">
<div class="tools" hidden><label for="filter">Filter by name</label> <input id="filter" type="search" autocomplete="off" spellcheck="false"> <span id="shown" class="quiet" role="status"></span></div>
<div class="wide-table"><table id="packages"${isLong ? LONG : undefined}${newest === undefined ? undefined : html` data-counted-to="${newest}"`}>
<thead><tr>${heading('Package')}${COLUMNS.map(([title, by]) => (by === 'none' ? plainHeading(title) : heading(title, by)))}</tr></thead>
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
