import { badgeStem, CATALOGUE, type CountedKind } from '../badges/catalogue.ts';
import {
  type Picture,
  SNIPPET_FORMATS,
  type SnippetFormat,
  shieldsRefuses,
  snippet,
  windowText,
} from '../badges/snippet.ts';
import { formatNumber } from '../format.ts';
import { allDownloads, type Breakdown } from '../winnow/breakdown.ts';
import { INSTALLERS, type Installer } from '../winnow/classes.ts';
import type { Window } from '../winnow/fold.ts';
import { BLIND_SPOTS } from '../winnow/metric.ts';
import { knownDays, missingDaysOf, type PackageDays } from '../winnow/package-days.ts';
import { systemsChart, winnowingChart } from './bar-charts.ts';
import { htmlDocument, stateMark, time } from './document.ts';
import { html, Markup } from './html.ts';
import { breakNote, dailyChart, mixBucketDays, mixChart, seenInstallers } from './time-charts.ts';
import { mainWindow, type PackageView, type SiteView } from './view.ts';
import { date, days, share } from './words.ts';

const FORMAT_NAMES: Record<SnippetFormat, string> = {
  markdown: 'Markdown',
  rst: 'reStructuredText',
  html: 'HTML',
  url: 'Address of the picture',
};

function installerTable(breakdown: Breakdown): Markup {
  const rows = INSTALLERS.filter((name) => breakdown.counts[name] > 0).sort(
    (a, b) => breakdown.counts[b] - breakdown.counts[a],
  );
  if (rows.length === 0) return html`<p class="none">No non-CI downloads, so no installers.</p>`;
  return html`<table>
<thead><tr><th scope="col">Installer</th><th scope="col" class="number">Downloads</th><th scope="col" class="number">Share</th></tr></thead>
<tbody>
${rows.map(
  (name) => html`<tr><th scope="row"><span class="swatch ${name}"></span>${name}</th>
<td class="number">${formatNumber(breakdown.counts[name])}</td>
<td class="number">${share(breakdown.counts[name], breakdown.count)}</td></tr>
`,
)}</tbody>
</table>`;
}

function story({ breakdown, windowDays }: Window): Markup {
  const all = allDownloads(breakdown);
  const out = all - breakdown.count;
  if (all === 0) return html`Nobody and nothing has downloaded it in ${days(windowDays)}.`;
  return html`Of <b>${formatNumber(all)}</b> downloads of any kind in ${days(windowDays)}, <b>${formatNumber(out)}</b>
(${share(out, all)}) are excluded: CI runs, mirrors, browsers and clients that are no installer.`;
}

/** A badge as it looks, in the page's own style: the SVGs of a window would be more than everything else. */
function badgeLink(kind: CountedKind, window: Window, looks: PackageView['looks'] = {}): Markup {
  const { label, message, color } = kind.render(window, looks);
  // The page knows the two colours that badges have by default; its policy forbids others.
  const shade = color === 'lightgrey' ? 'lightgrey' : 'blue';
  return html`<a class="badge ${shade}" href="${badgeStem(kind, window.windowDays)}.svg"><span>${label}</span> <b>${message}</b></a>`;
}

/** The main badge of each window, then those of the main window's others that have something to say. */
function badgesOf(view: PackageView): Markup {
  const main = mainWindow(view);
  const badges = CATALOGUE.flatMap((kind) =>
    view.windows
      .filter((window) => kind === CATALOGUE[0] || (window === main && kind.value(window.breakdown) > 0))
      .map((window) => badgeLink(kind, window, view.looks)),
  );
  return html`<div class="badges">${badges}</div>`;
}

/** The total, with since when and what is missing in it: it is not that of all time. */
function totalOf({ total, group }: PackageView): Markup | undefined {
  if (total === undefined) return undefined;
  const { since, count, unknownDays } = total;
  const of = group === undefined ? '' : ', of all its packages together,';
  const left =
    unknownDays === 0
      ? undefined
      : html` Of ${days(unknownDays)} since then${of} nothing is known; ${unknownDays === 1 ? 'it is' : 'they are'} left out.`;
  return html`<p class="quiet"><a href="${badgeStem({ id: 'total' }, undefined)}.svg">Total since ${date(since)}</a>, the first day that is known: <b data-figure="total">${formatNumber(count)}</b>.${left}</p>`;
}

function headline(view: PackageView, main: Window): Markup {
  return html`<section class="card">
<h2>Non-CI downloads</h2>
<div class="hero">
<p class="figure"><span data-figure="count">${formatNumber(main.breakdown.count)}</span> <small>in ${days(main.windowDays)}</small></p>
<p class="story">${story(main)}</p>
</div>
${badgesOf(view)}
${totalOf(view)}
</section>`;
}

/** What the colours of the enlarged last row mean. */
function lensLegend(breakdown: Breakdown): Markup | undefined {
  const names = INSTALLERS.filter((name) => breakdown.counts[name] > 0);
  if (names.length === 0) return undefined;
  return html`<ul class="legend">${names.map(
    (name) =>
      html`<li><span class="swatch ${name}"></span>${name} ${formatNumber(breakdown.counts[name])}</li>`,
  )}</ul>`;
}

function winnowing(view: PackageView, main: Window): Markup {
  return html`<section class="card">
<h2>What is excluded in ${days(main.windowDays)}</h2>
<figure>${winnowingChart(main.breakdown)}
${lensLegend(main.breakdown)}
<figcaption>Each bar is what one step takes away from what the step above left; lengths are in proportion.
${main.breakdown.count > 0 ? 'The last row is enlarged to the full width, by installer.' : undefined}</figcaption></figure>
${otherNames(main)}
${view.windows
  .filter((window) => window !== main)
  .map(
    ({ breakdown, windowDays }) => html`<details>
<summary>${days(windowDays)}: ${formatNumber(breakdown.count)} of ${formatNumber(allDownloads(breakdown))}</summary>
<figure>${winnowingChart(breakdown)}
${lensLegend(breakdown)}</figure>
</details>
`,
  )}
</section>`;
}

function legend(names: readonly Installer[], history: PackageDays): Markup {
  const gaps = [
    ...(missingDaysOf(history).length === 0 ? [] : ['no data']),
    ...(history.unknownDays.length === 0 ? [] : ['not known']),
  ];
  const missing =
    gaps.length === 0 ? undefined : html`<li><span class="swatch missing"></span>${gaps.join(' or ')}</li>`;
  const partial =
    history.partialDays.length === 0
      ? undefined
      : html`<li><span class="swatch partial"></span>only a part of the data</li>`;
  return html`<ul class="legend">${names.map((name) => html`<li><span class="swatch ${name}"></span>${name}</li>`)}${missing}${partial}</ul>`;
}

/** Days that are neither counted nor zero, and why. */
function gapNotes(history: PackageDays): Markup {
  const note = (what: string, gaps: readonly string[], why: string) => {
    if (gaps.length === 0) return undefined;
    const list = gaps.length > 10 ? days(gaps.length) : gaps.map(date).join(', ');
    const it = gaps.length === 1 ? 'it' : 'them';
    return html`<p class="quiet">${what} ${list}: ${why} ${it}, so the sums leave ${it} out. That is not the same as zero.</p>`;
  };
  return html`${note('No data for', missingDaysOf(history), 'the table has nothing at all for')}${note('Not known of', history.unknownDays, 'the source does not say which downloads were by CI on')}`;
}

function dayTable(history: PackageDays, names: readonly Installer[]): Markup {
  const [unknown, partial] = [new Set(history.unknownDays), new Set(history.partialDays)];
  const heading = (title: string) => html`<th scope="col">${title}</th>`;
  const rows = history.days.map((day, index) => {
    const breakdown = history.breakdowns[index];
    if (breakdown == null) {
      return html`<tr><th scope="row">${day}<td colspan="${names.length + 2}">${unknown.has(day) ? 'not known' : 'no data'}`;
    }
    const mark = partial.has(day) ? html` <small>(part)</small>` : undefined;
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
  const names = seenInstallers(history);
  const table = dayTable(history, names);
  const note = breakNote(history);
  const [first, last] = [history.days[0], history.days.at(-1)].map((day) => date(String(day)));
  if (names.length === 0) {
    return html`<section class="card">
<h2>Non-CI downloads by day</h2>
<p class="none">${knownDays(history).length === 0 ? 'Not known' : 'None'} from ${first} to ${last}.</p>
${gapNotes(history)}${table}
</section>`;
  }
  return html`<section class="card">
<h2>Non-CI downloads by day</h2>
${legend(names, history)}
<figure>${dailyChart(history)}</figure>
<h3>Installer mix by ${mixBucketDays(history) === 1 ? 'day' : 'week'}</h3>
<figure>${mixChart(history)}
<figcaption>${first} to ${last}, UTC days. Point at a column, or open the table, for exact figures.</figcaption></figure>
${gapNotes(history)}
${note === undefined ? undefined : html`<p class="quiet">${note}</p>`}
${table}
<p class="quiet no-print">Draw your own: <a href="history.json">history.json</a>.</p>
</section>`;
}

/** A text to copy under its heading; the script puts a button beside it. */
function code(text: string, what: string): Markup {
  return html`<h3>${what}</h3><div class="snippet"><pre><code>${text}</code></pre></div>`;
}

function snippets(view: PackageView, main: Window, { publicUrl, sourceName }: SiteView): Markup {
  if (publicUrl === undefined) {
    return html`<p>Set <code>service.public_url</code> in tracked.yaml to the address where this folder is served; then the lines to paste into a README stand here.</p>`;
  }
  const badge = {
    package: view.name,
    ...(view.group === undefined ? {} : { title: view.group.title }),
    kind: CATALOGUE[0],
    windowDays: main.windowDays,
    sourceName,
  };
  const refused = shieldsRefuses(publicUrl);
  const pictures: readonly Picture[] = refused === undefined ? ['shields', 'svg'] : ['svg'];
  const each = (format: SnippetFormat, picture: Picture) => {
    const by = picture === 'svg' ? "this site's own SVG" : 'drawn by shields.io';
    return code(snippet(badge, publicUrl, format, picture), `${FORMAT_NAMES[format]}, ${by}`);
  };
  const rest = SNIPPET_FORMATS.filter((format) => format !== 'markdown');
  const others = view.windows.flatMap((window) =>
    CATALOGUE.filter((kind) => window !== main || kind !== CATALOGUE[0]).map((kind) => {
      const other = window === main ? undefined : html` data-window="${windowText(window.windowDays)}"`;
      return html`<li data-scope="${kind.scope}"${other}>${badgeLink(kind, window, view.looks)} <code>${badgeStem(kind, window.windowDays)}</code>
`;
    }),
  );
  return html`${refused === undefined ? undefined : html`<p>${refused}, so here are only the lines for the pictures from this site.</p>`}
${pictures.map(
  (picture) => html`${each('markdown', picture)}
`,
)}
<details><summary>reStructuredText, HTML, bare address</summary>
${rest.map((format) => html`${pictures.map((picture) => each(format, picture))}`)}</details>
<details><summary>The other ${others.length} badges</summary>
<p>Their lines are those above with another name of the file in place of <code>${badgeStem(badge.kind, badge.windowDays)}</code>.</p>
<ul class="others" data-stem="${badgeStem(badge.kind, badge.windowDays)}" data-scope="${badge.kind.scope}" data-window="${windowText(badge.windowDays)}">
${others}</ul></details>`;
}

function failure(view: PackageView): Markup | undefined {
  if (view.state === 'new') {
    return html`<section class="notice warn"><strong>Not collected yet.</strong><p>The next run will count it.</p></section>`;
  }
  if (view.failure === undefined) return undefined;
  const since =
    view.lastSuccess === undefined
      ? html`It has never worked.`
      : html`The figures are those of the last success, ${time(view.lastSuccess)}.`;
  const what =
    view.failure.code === 'incomplete-window' ? 'A window was not renewed.' : 'The last run failed.';
  return html`<section class="notice bad"><strong>${what}</strong><p>${view.failure.sentence} <code>${view.failure.code}</code></p><p>${since}</p></section>`;
}

function warnings({ warnings: sentences }: PackageView): Markup | undefined {
  if (sentences.length === 0) return undefined;
  return html`<section class="notice warn"><strong>To be read with care.</strong>${sentences.map((sentence) => html`<p>${sentence}</p>`)}</section>`;
}

/** The names behind the class `other`, the largest first. */
function otherNames({ breakdown }: Window): Markup | undefined {
  const names = [...breakdown.others].toSorted(([, a], [, b]) => b - a);
  if (names.length === 0) return undefined;
  return html`<details><summary>Other programs by name</summary>
<table>
<thead><tr><th scope="col">Program</th><th scope="col" class="number">Downloads</th></tr></thead>
<tbody>
${names.slice(0, 20).map(
  ([
    name,
    downloads,
  ]) => html`<tr><th scope="row">${name}</th><td class="number">${formatNumber(downloads)}</td></tr>
`,
)}</tbody>
</table></details>`;
}

/** Where more is to be found of a package, or of the packages of a group. */
function whereabouts({ name, group }: PackageView): Markup {
  if (group === undefined) {
    return html`<a href="https://pypi.org/project/${name}/">${name} on PyPI</a>`;
  }
  const links = group.members.map((member) => html`<a href="../${member}/index.html">${member}</a>`);
  return html`The sum of ${links.map((link, index) => (index === 0 ? link : html` + ${link}`))}`;
}

/** The page of one package or group, as it lies in its folder. */
export function packagePage(view: PackageView, site: SiteView): string {
  const main = mainWindow(view);
  const title = view.group?.title ?? view.name;
  const state = stateMark(view);
  const counted = view.lastSuccess === undefined ? undefined : html`, counted ${time(view.lastSuccess)}`;
  return htmlDocument('package', site, {
    title: `${title}: non-CI PyPI downloads`,
    header: html`<p class="no-print"><a href="../index.html">All packages</a></p>
<h1>${title}</h1>
<p class="quiet">${state}${counted}. ${whereabouts(view)}</p>`,
    main: html`${failure(view)}${warnings(view)}
${
  main === undefined
    ? undefined
    : html`${headline(view, main)}
<div class="columns">
${winnowing(view, main)}
<div class="stack">
<section class="card"><h2>Installers in ${days(main.windowDays)}</h2>
${installerTable(main.breakdown)}</section>
<section class="card"><h2>Systems in ${days(main.windowDays)}</h2>
<figure>${systemsChart(main.breakdown)}
<figcaption>All downloads outside of CI that named their system, mirrors included; so the sum can differ from the non-CI downloads.</figcaption></figure></section>
</div>
</div>`
}
${view.history === undefined ? undefined : overTime(view.history)}
${
  main === undefined
    ? undefined
    : html`<section class="card no-print"><h2>Put it into a README</h2>
${snippets(view, main, site)}</section>`
}`,
    footer: html`<p>Counted from ${site.sourceName}. <a href="../index.html#metric">How it is counted.</a> ${BLIND_SPOTS.slice(0, 2).join(' ')}</p>`,
  });
}
