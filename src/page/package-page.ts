import { badgeStem, CATALOGUE, type EndpointBadge, pythonBadges } from '../badges/catalogue.ts';
import { breakNote } from '../badges/chart.ts';
import {
  SNIPPET_FORMATS,
  type SnippetFormat,
  shieldsRefuses,
  snippet,
  windowText,
} from '../badges/snippet.ts';
import type { TrackedPackage } from '../config/config.ts';
import { type Day, date } from '../days/day.ts';
import { ERRORS, type ErrorCode } from '../errors/codes.ts';
import { formatNumber } from '../format.ts';
import { html, Markup, type Part } from '../markup.ts';
import { allDownloads, type Breakdown, largestOthers } from '../metric/breakdown.ts';
import { BLIND_SPOTS, type Installer } from '../metric/classes.ts';
import {
  bySeries,
  type DatedFacets,
  FACET_NOTES,
  type FacetList,
  SHOWN_FACETS,
  type ShownFacet,
  shownRows,
} from '../metric/facets.ts';
import { incompleteDaysOf, type PackageDays, spanOf, type Total, totalOf } from '../metric/package-days.ts';
import { typicalDay } from '../metric/spikes.ts';
import type { Window } from '../metric/summary.ts';
import { byCount } from '../util.ts';
import {
  dailyChart,
  exclusionChart,
  installersOf,
  mixBucketDays,
  mixChart,
  SHARED_MIN,
  systemsChart,
} from './charts.ts';
import { card, htmlDocument, notice, type SiteView, TONES, time } from './document.ts';
import { days, FACET_TITLES, fromTo, share } from './words.ts';

/**
 * What the page of a package or group shows. Everything in it may come from outside, and is escaped when it is drawn.
 */
export interface PackageView extends Omit<TrackedPackage, 'windows' | 'total'> {
  readonly state: keyof typeof TONES;
  /** Why the last attempt failed, as far as strangers may know. */
  readonly failure?: ErrorCode | undefined;
  /** ISO 8601 instant, UTC, or its day where the time does not matter. */
  readonly lastSuccess?: string | undefined;
  /** Newest day in the figures. */
  readonly countedTo?: Day | undefined;
  /** Sentences about what may make the figures untrue. */
  readonly warnings: readonly string[];
  /** Tracked windows whose figures are known; a package is shown by the first, its main one if that is known. */
  readonly windows: readonly Window[];
  /** Its downloads since the first day that is known, where that is asked for. */
  readonly total?: Total | undefined;
  /** The days of the longest window. */
  readonly history?: PackageDays | undefined;
  /** Of the days that were asked about last; absent where there are none. */
  readonly facets?: DatedFacets | undefined;
}

const FORMAT_NAMES: Record<SnippetFormat, string> = {
  markdown: 'Markdown',
  rst: 'reStructuredText',
  html: 'HTML',
  url: 'Address of the picture',
};

type Row = readonly [name: Part, ...figures: string[]];

/** A table of names with their figures. */
function table(headings: readonly string[], rows: readonly Row[]): Markup {
  const heading = (title: string, at: number) =>
    html`<th scope="col"${at > 0 && html` class="number"`}>${title}</th>`;
  const row = ([name, ...figures]: Row) =>
    html`<tr><th scope="row">${name}</th>${figures.map((figure) => html`<td class="number">${figure}</td>`)}</tr>
`;
  return html`<table>
<thead><tr>${headings.map(heading)}</tr></thead>
<tbody>
${rows.map(row)}</tbody>
</table>`;
}

/** What a colour or a pattern of a chart means. */
const swatch = (className: string, words: string) => html`<span class="swatch ${className}"></span>${words}`;

const legend = (items: readonly Markup[]) =>
  items.length > 0 && html`<ul class="legend">${items.map((item) => html`<li>${item}</li>`)}</ul>`;

function installerTable(breakdown: Breakdown): Markup {
  const { counts, count } = breakdown;
  const names = installersOf(breakdown).sort((a, b) => byCount([a, counts[a]], [b, counts[b]]));
  if (names.length === 0) return html`<p class="none">No non-CI downloads, so no installers.</p>`;
  return table(
    ['Installer', 'Downloads', 'Share'],
    names.map((name) => [swatch(name, name), formatNumber(counts[name]), share(counts[name], count)]),
  );
}

function story({ breakdown, windowDays }: Window): Markup {
  const all = allDownloads(breakdown);
  const out = all - breakdown.count;
  if (all === 0) return html`Nothing was downloaded in ${days(windowDays)}.`;
  return html`Of <b>${formatNumber(all)}</b> downloads of any kind in ${days(windowDays)}, <b>${formatNumber(out)}</b>
(${share(out, all)}) are excluded: CI runs, mirrors, browsers and clients that are no installer.`;
}

/** A badge as it looks, in the page's own style: the SVGs of a window would be more than everything else. */
function badgeLink(stem: string, { label, message, color }: EndpointBadge): Markup {
  // The page knows the two colours that badges have by default; its policy forbids others.
  const shade = color === 'lightgrey' ? 'lightgrey' : 'blue';
  return html`<a class="badge ${shade}" href="${stem}.svg"><span>${label}</span> <b>${message}</b></a>`;
}

/** The main badge of each window, then those of the main window's others that have something to say. */
function badgesOf({ windows, looks = {} }: PackageView): Markup {
  const badges = CATALOGUE.flatMap((kind) =>
    windows
      .filter((window, at) => kind === CATALOGUE[0] || (at === 0 && kind.value(window.breakdown) > 0))
      .map((window) => badgeLink(badgeStem(kind, window.windowDays), kind.render(window, looks))),
  );
  return html`<div class="badges">${badges}</div>`;
}

/** The total, with since when and what is missing in it: it is not that of all time. */
function totalLine({ total, members }: PackageView): Part {
  if (total === undefined) return undefined;
  const { since, count, unknownDays } = total;
  const of = members && ', of all its packages together,';
  const left =
    unknownDays > 0 &&
    ` Of ${days(unknownDays)} since then${of ?? ''} nothing is known; ${unknownDays === 1 ? 'it is' : 'they are'} left out.`;
  return html`<p class="quiet"><a href="${badgeStem({ id: 'total' }, undefined)}.svg">Total since ${date(since)}</a>, the first day that is known: <b data-figure="total">${formatNumber(count)}</b>.${left}</p>`;
}

function headline(view: PackageView, main: Window): Markup {
  const typical = view.history && typicalDay(view.history, main.windowDays);
  return card(
    'Non-CI downloads',
    html`<div class="hero">
<p class="figure"><span data-figure="count">${formatNumber(main.breakdown.count)}</span> <small>in ${days(main.windowDays)}${typical !== undefined && html`, <span data-figure="typical">${formatNumber(typical)}</span> on a typical day`}</small></p>
<p class="story">${story(main)}</p>
</div>
${badgesOf(view)}
${totalLine(view)}`,
  );
}

/** What is excluded, and what the colours of the enlarged last row mean. */
function exclusionFigure({ breakdown }: Window, caption?: Markup): Markup {
  const items = installersOf(breakdown).map((name) =>
    swatch(name, `${name} ${formatNumber(breakdown.counts[name])}`),
  );
  return html`<figure>${exclusionChart(breakdown)}
${legend(items)}
${caption}</figure>`;
}

function exclusions({ windows }: PackageView, main: Window): Markup {
  const caption = html`<figcaption>Each bar is what one step takes away from what the step above left; lengths are in proportion.
${main.breakdown.count > 0 && 'The last row is enlarged to the full width, by installer.'}</figcaption>`;
  const [, ...others] = windows;
  return card(
    `What is excluded in ${days(main.windowDays)}`,
    exclusionFigure(main, caption),
    otherNames(main),
    others.map(
      (window) => html`<details>
<summary>${days(window.windowDays)}: ${formatNumber(window.breakdown.count)} of ${formatNumber(allDownloads(window.breakdown))}</summary>
${exclusionFigure(window)}
</details>
`,
    ),
  );
}

function dayLegend(names: readonly Installer[], history: PackageDays): Part {
  const { missing, unknown, partial } = incompleteDaysOf(history);
  const gaps = [missing.length > 0 && 'no data', unknown.length > 0 && 'not known'].filter(Boolean);
  return legend([
    ...names.map((name) => swatch(name, name)),
    ...(gaps.length > 0 ? [swatch('missing', gaps.join(' or '))] : []),
    ...(partial.length > 0 ? [swatch('partial', 'only a part of the data')] : []),
  ]);
}

/** Days that are neither counted nor zero, and why. */
function gapNotes(history: PackageDays): Markup[] {
  const { missing, unknown } = incompleteDaysOf(history);
  const notes = [
    ['No data for', missing, 'the table has nothing at all for'],
    ['Not known of', unknown, 'the source does not say which downloads were by CI on'],
  ] as const;
  return notes.map(([what, gaps, why]) => {
    const list = gaps.length > 10 ? days(gaps.length) : gaps.map(date).join(', ');
    const it = gaps.length === 1 ? 'it' : 'them';
    return html`${gaps.length > 0 && html`<p class="quiet">${what} ${list}: ${why} ${it}, so the sums leave ${it} out. That is not the same as zero.</p>`}`;
  });
}

function dayTable(history: PackageDays, names: readonly Installer[]): Markup {
  const heading = (title: string) => html`<th scope="col">${title}</th>`;
  const rows = history.map(({ day, breakdown, isUnknown, isPartial }) => {
    if (breakdown === null) {
      return html`<tr><th scope="row">${day}<td colspan="${names.length + 2}">${isUnknown ? 'not known' : 'no data'}`;
    }
    const mark = isPartial && html` <small>(part)</small>`;
    let cells = `<td>${formatNumber(breakdown.count)}`;
    for (const name of names) cells += `<td>${formatNumber(breakdown.counts[name])}`;
    cells += `<td>${formatNumber(allDownloads(breakdown) - breakdown.count)}`;
    return html`<tr><th scope="row">${day}${mark}${new Markup(cells)}`;
  });
  return html`<details>
<summary>Every day in figures</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Every day in figures">
<table>
<thead><tr><th scope="col">Day (UTC)</th>${heading('Non-CI')}${names.map(heading)}${heading('Excluded')}</tr></thead>
<tbody>${rows.reverse()}</tbody>
</table>
</div>
</details>`;
}

function overTime(history: PackageDays): Markup {
  const title = 'Non-CI downloads by day';
  const names = installersOf(totalOf(history));
  const when = fromTo(spanOf(history));
  if (names.length === 0) {
    const none = history.every(({ breakdown }) => breakdown === null) ? 'Not known' : 'None';
    return card(
      title,
      html`<p class="none">${none} from ${when}.</p>`,
      gapNotes(history),
      dayTable(history, names),
    );
  }
  const column = mixBucketDays(history) === 1 ? 'day' : 'week';
  const note = breakNote(spanOf(history));
  return card(
    title,
    html`${dayLegend(names, history)}
<figure>${dailyChart(history)}</figure>
<h3>Installer mix by ${column}</h3>
<figure>${mixChart(history)}
<figcaption>${when}, UTC days. Above the mix of a ${column} stand its non-CI downloads; below ${SHARED_MIN} it has no shares.</figcaption></figure>`,
    gapNotes(history),
    note && html`<p class="quiet">${note}</p>`,
    dayTable(history, names),
    html`<p class="quiet no-print">Draw your own: <a href="history.json">history.json</a>.</p>`,
  );
}

/** A text to copy under its heading; the script puts a button beside it. */
function code(text: string, what: string): Markup {
  return html`<h3>${what}</h3><div class="snippet"><pre><code>${text}</code></pre></div>`;
}

function snippets(view: PackageView, main: Window, { publicUrl, source }: SiteView): Markup {
  if (publicUrl === undefined) {
    return html`<p>Set <code>service.public_url</code> in tracked.yaml to the address where this folder is served; then the lines to paste into a README stand here.</p>`;
  }
  const { name, title, windows, looks = {} } = view;
  const [kind] = CATALOGUE;
  const { windowDays } = main;
  const badge = { package: name, title, kind, windowDays, sourceName: source.shortName };
  const stem = badgeStem(kind, windowDays);
  const refused = shieldsRefuses(publicUrl);
  const lines = (format: SnippetFormat) =>
    (refused === undefined ? (['shields', 'svg'] as const) : (['svg'] as const)).map((picture) => {
      const by = picture === 'svg' ? "this site's own SVG" : 'drawn by shields.io';
      return code(snippet(badge, publicUrl, format, picture), `${FORMAT_NAMES[format]}, ${by}`);
    });
  const rest = SNIPPET_FORMATS.filter((format) => format !== 'markdown');
  const others = windows.flatMap((window) =>
    CATALOGUE.filter((each) => window !== main || each !== kind).map((each) => {
      const when = window !== main && html` data-window="${windowText(window.windowDays)}"`;
      const file = badgeStem(each, window.windowDays);
      return html`<li data-scope="${each.scope}"${when}>${badgeLink(file, each.render(window, looks))} <code>${file}</code>
`;
    }),
  );
  return html`${refused && html`<p>${refused}, so here are only the lines for the pictures from this site.</p>`}
${lines('markdown').map((line) => [line, '\n'])}
<details><summary>reStructuredText, HTML, bare address</summary>
${rest.map(lines)}</details>
<details><summary>The other ${others.length} badges</summary>
<p>Their lines are those above with another name of the file in place of <code>${stem}</code>.</p>
<ul class="others" data-stem="${stem}" data-scope="${kind.scope}" data-window="${windowText(windowDays)}">
${others}</ul></details>`;
}

function failureNotice({ state, failure, lastSuccess }: PackageView): Markup | undefined {
  if (state === 'new') return notice('warn', 'Not collected yet.', ['The next run will count it.']);
  if (failure === undefined) return undefined;
  const since = lastSuccess && html`The figures are those of the last success, ${time(lastSuccess)}.`;
  const what = failure === 'incomplete-window' ? 'A window was not renewed.' : 'The last run failed.';
  const why = html`${ERRORS[failure].public} <code>${failure}</code>`;
  return notice('bad', what, [why, since ?? 'It has never worked.']);
}

/** The names behind the class `other`, the largest first. */
function otherNames({ breakdown }: Window): Markup | undefined {
  const names = largestOthers(breakdown);
  if (names.length === 0) return undefined;
  return html`<details><summary>Other programs by name</summary>
${table(
  ['Program', 'Downloads'],
  names.map(([name, downloads]) => [name, formatNumber(downloads)]),
)}</details>`;
}

/** Where more is to be found of a package, or of the packages of a group. */
function whereabouts({ name, members }: PackageView): Markup {
  if (members === undefined) return html`<a href="https://pypi.org/project/${name}/">${name} on PyPI</a>`;
  const link = (member: string, index: number) =>
    html`${index > 0 && ' + '}<a href="../${member}/index.html">${member}</a>`;
  return html`The sum of ${members.map(link)}`;
}

function figures(view: PackageView, main: Window): Markup {
  return html`${headline(view, main)}
<div class="columns">
${exclusions(view, main)}
<div class="stack">
${card(`Installers in ${days(main.windowDays)}`, installerTable(main.breakdown))}
${card(
  `Systems in ${days(main.windowDays)}`,
  html`<figure>${systemsChart(main.breakdown)}
<figcaption>All downloads not marked as CI, mirrors included; so the sum can differ from the non-CI downloads.</figcaption></figure>`,
)}
</div>
</div>`;
}

/** Most values of a facet that stand on the page. */
const FACET_ROWS = 8;

function facetTable(title: string, facet: ShownFacet, list: FacetList, total: number): Markup {
  const shown = shownRows(facet, list, FACET_ROWS).filter(([, count]) => count > 0);
  const rows = shown.map(([value, count]) => [value, formatNumber(count), share(count, total)] as const);
  return html`<div>${table([title, 'Downloads', 'Share'], rows)}</div>
`;
}

/** What maintainers decide with, with the days that it was counted on: they are not those of the other figures. */
function facetLists(dated: DatedFacets, { looks = {} }: PackageView, main: Window | undefined): Part {
  const { facets, span } = dated;
  const { total, version } = facets;
  if (total === 0) return undefined;
  const badges = main === undefined ? [] : pythonBadges(looks);
  const link = (kind: (typeof badges)[number]) =>
    main && badgeLink(badgeStem(kind, undefined), kind.render({ ...main, facets: dated }, looks));
  const lists = SHOWN_FACETS.map((facet) => [
    facetTable(FACET_TITLES[facet], facet, facets[facet], total),
    facet === 'version' && facetTable('Series', facet, bySeries(version), total),
  ]);
  return card(
    'Pythons, versions, systems, types and countries',
    html`<p class="quiet">Of ${formatNumber(total)} non-CI downloads from ${fromTo(span)}. ${Object.values(FACET_NOTES).join(' ')}</p>
${badges.length > 0 && html`<div class="badges">${badges.map(link)}</div>`}
<div class="columns">
${lists}</div>
<p class="quiet no-print">All of it: <a href="facets.json">facets.json</a>.</p>`,
  );
}

/** The page of one package or group, as it lies in its folder. */
export function packagePage(view: PackageView, site: SiteView): string {
  const { name, title = name, state, windows, countedTo, lastSuccess, facets, history } = view;
  const [main] = windows;
  const ends = countedTo && html` data-counted-to="${countedTo}"`;
  const body = html`${failureNotice(view)}${notice('warn', 'Take care with these figures.', view.warnings)}
${main && figures(view, main)}
${facets && facetLists(facets, view, main)}
${history && overTime(history)}
${
  main &&
  html`<section class="card no-print"><h2>Put it into a README</h2>
${snippets(view, main, site)}</section>`
}`;
  return htmlDocument('package', site, {
    header: html`<p class="no-print"><a href="../index.html">All packages</a></p>
<h1>${title}</h1>
<p class="quiet"><span class="state ${TONES[state]}"${ends}>${state}</span>${lastSuccess && html`, counted ${time(lastSuccess)}`}. ${whereabouts(view)}</p>`,
    main: body,
    title: html`${title}: non-CI PyPI downloads`,
    footer: html`<p>Counted from ${site.source.name}. <a href="../index.html#metric">How it is counted.</a> ${BLIND_SPOTS.slice(0, 2).join(' ')}</p>`,
  });
}
