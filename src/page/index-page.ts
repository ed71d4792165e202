import { formatNumber } from '../format.ts';
import { BLIND_SPOTS, METRIC_DEFINITION } from '../winnow/metric.ts';
import { htmlDocument, time, toneOf } from './document.ts';
import { html, Markup } from './html.ts';
import { type IndexEntry, type IndexView, LONG_LIST } from './view.ts';
import { date, days, share } from './words.ts';

/** Three cells, and the share: what the table sorts by is worked out from what it shows. */
const NOTHING = new Markup('<td>–<td>–<td>–<td>–');

/**
 * A package's line. Thousands of them make up the page, so they leave out the ends of cells, which HTML lets them, and
 * what is the same in most.
 */
function row(view: IndexEntry, newest: string | undefined): Markup {
  const { name, title = name, main, state, countedTo, lastSuccess, sparkline } = view;
  const figures =
    main === undefined
      ? NOTHING
      : html`<td>${formatNumber(main.count)}<td>${days(main.windowDays)}<td>${formatNumber(main.all)}<td>${main.all === 0 ? '–' : share(main.all - main.count, main.all)}`;
  const counted =
    countedTo === undefined || countedTo === newest ? undefined : html` data-counted-to="${countedTo}"`;
  return html`<tr><th scope="row">${view.hasPage ? html`<a href="${name}/index.html">${title}</a>` : title}${figures}<td>${sparkline}<td>${lastSuccess === undefined ? 'never' : date(lastSuccess)}<td class="state ${toneOf(state)}"${counted}>${state}
`;
}

/** The newest day that a package is counted to: most are. */
function newestOf({ packages }: IndexView): string | undefined {
  return packages.reduce<string | undefined>(
    (newest, { countedTo }) =>
      countedTo !== undefined && (newest === undefined || countedTo > newest) ? countedTo : newest,
    undefined,
  );
}

/** The class of a table whose rows are laid out only when they are seen. */
const LONG = new Markup(' class="long"');

/** @param by How the script sorts the column: as text unless it is told otherwise. */
function heading(title: string, by?: 'number' | 'share' | 'date'): Markup {
  return html`<th scope="col"${by === undefined ? undefined : html` data-by="${by}"`}><button type="button">${title}</button></th>`;
}

const plainHeading = (title: string) => html`<th scope="col">${title}</th>`;

/** What stands behind the name, and how the script sorts by it: as text, not at all, or as what it is. */
const COLUMNS: readonly (readonly [title: string, by?: 'number' | 'share' | 'date' | 'none'])[] = [
  ['Non-CI', 'number'],
  ['Window', 'number'],
  ['All', 'number'],
  ['Excluded', 'share'],
  ['Non-CI by day', 'none'],
  ['Last success', 'date'],
  ['State'],
];

/** Sums of packages, above the packages. */
function groups(site: IndexView): Markup | undefined {
  if (site.groups.length === 0) return undefined;
  return html`<section class="card">
<h2>Groups</h2>
<div class="wide-table"><table>
<thead><tr>${['Group', ...COLUMNS.map(([title]) => title)].map(plainHeading)}</tr></thead>
<tbody>
${site.groups.map((entry) => row(entry, undefined))}</tbody>
</table></div>
</section>`;
}

function facts(site: IndexView, states: readonly string[]): Markup {
  const count = (state: string) => states.filter((each) => each === state).length;
  const worries = ['failed', 'stale', 'new'].filter((state) => count(state) > 0);
  const well =
    worries.length === 0
      ? 'all well'
      : worries.map((state) => `${formatNumber(count(state))} ${state}`).join(', ');
  return html`<dl class="facts">
<div><dt>Packages</dt><dd>${formatNumber(site.packages.length)}<small>${well}</small></dd></div>
<div><dt>Counted up to</dt><dd>${site.lastDay === undefined ? 'nothing yet' : date(site.lastDay)}<small>the newest whole day (UTC) in the data</small></dd></div>
</dl>`;
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
  if (byFailure.size === 0) return undefined;
  const who = (names: readonly string[], what: string) =>
    names.length > 5 ? `${formatNumber(names.length)} ${what}` : names.join(', ');
  return html`<section class="notice bad"><strong>The last run had failures; their badges stay as they were.</strong>
${[...byFailure.values()].map(
  ({ code, sentence, what, names }) =>
    html`<p><b>${who(names, what)}</b>: ${sentence} <code>${code}</code></p>`,
)}</section>`;
}

function missing({ missingDays }: IndexView): Markup | undefined {
  if (missingDays.length === 0) return undefined;
  const list = missingDays.length > 10 ? days(missingDays.length) : missingDays.map(date).join(', ');
  return html`<section class="notice warn"><strong>Days without data</strong>
<p>The table has nothing at all for ${list}. Figures leave these days out; if they are filled in later, they are counted then.</p></section>`;
}

function partial({ partialDays }: IndexView): Markup | undefined {
  if (partialDays.length === 0) return undefined;
  const list = partialDays.length > 10 ? days(partialDays.length) : partialDays.map(date).join(', ');
  return html`<section class="notice warn"><strong>Days with a part of the data</strong>
<p>The table has far fewer rows than usual for ${list}. What is there is counted; if the rest is filled in later, the figures follow.</p></section>`;
}

function warnings({ packages, groups: sums }: IndexView): Markup | undefined {
  const told = [...packages, ...sums].flatMap(({ name, title = name, warnings: sentences }) =>
    sentences.map((sentence) => html`<p><b>${title}</b>: ${sentence}</p>`),
  );
  if (told.length === 0) return undefined;
  return html`<section class="notice warn"><strong>Warnings</strong>
${told.slice(0, 10)}${told.length > 10 ? html`<p>and ${formatNumber(told.length - 10)} more</p>` : undefined}</section>`;
}

const METRIC = ({ sourceName }: IndexView) => html`<section class="card" id="metric">
<h2>How it is counted</h2>
<p>${METRIC_DEFINITION} Everything else is left out, for the first reason that fits: the file is not a package but lies beside
one, such as <code>.metadata</code>, the CI flag is set, or the client is a mirror, a browser, not known, or some other program. Every row of the log is accounted for.
A window is a number of whole UTC days; the last is the newest one in the data.</p>
<p>The figures are counted from ${sourceName}. The log has blind spots:</p>
<ul>${BLIND_SPOTS.map((spot) => html`<li>${spot}</li>`)}</ul>
</section>`;

/** The page of all packages. */
export function indexPage(site: IndexView): string {
  const states = site.packages.map(({ state }) => state);
  const newest = newestOf(site);
  return htmlDocument('index', site, {
    title: 'Non-CI PyPI downloads',
    header: html`<h1>Non-CI PyPI downloads</h1>
<p class="quiet">Without CI runs, mirrors, browsers and unknown clients.
${site.finished === undefined ? 'No run yet.' : html`Last run ${time(site.finished)}.`}</p>`,
    main: html`${failures(site)}
${missing(site)}
${partial(site)}
${warnings(site)}
<section class="card">${facts(site, states)}</section>
${groups(site)}
<section class="card">
<div class="tools" hidden><label for="filter">Filter by name</label> <input id="filter" type="search" autocomplete="off" spellcheck="false"> <span id="shown" class="quiet" role="status"></span></div>
<div class="wide-table"><table id="packages"${site.packages.length >= LONG_LIST ? LONG : undefined}${newest === undefined ? undefined : html` data-counted-to="${newest}"`}>
<thead><tr>${heading('Package')}${COLUMNS.map(([title, by]) => (by === 'none' ? plainHeading(title) : heading(title, by)))}</tr></thead>
<tbody>
${site.packages.map((entry) => row(entry, newest))}</tbody>
</table></div>
</section>
${METRIC(site)}`,
    footer: html`<p>Nothing on this page asks any other server for anything. The same figures for programs:
<a href="_health.json">_health.json</a> (where the operator serves it), and history.json in each package's folder.</p>`,
  });
}
