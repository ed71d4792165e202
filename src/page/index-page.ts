import { BLIND_SPOTS, METRIC_DEFINITION } from '../badges/history.ts';
import { formatNumber } from '../format.ts';
import { allDownloads } from '../winnow/winnow.ts';
import { htmlDocument } from './document.ts';
import { html, type Markup } from './html.ts';
import { stateMark, stateOf, time, timeDay } from './parts.ts';
import type { IndexEntry, IndexView } from './view.ts';
import { date, days, share } from './words.ts';

const NOTHING = html`<td class="number" data-value="-1">–</td>`;

function row(view: IndexEntry, site: IndexView, now: Date): Markup {
  const state = stateOf(view, site.staleThresholdDays, now);
  const [main] = view.windows;
  const all = main === undefined ? 0 : allDownloads(main.account);
  const out = main === undefined ? 0 : all - main.account.count;
  const figures =
    main === undefined
      ? html`${NOTHING}<td class="number spare" data-value="-1">–</td><td class="number spare" data-value="-1">–</td>${NOTHING}`
      : html`<td class="number main-figure" data-value="${main.account.count}">${formatNumber(main.account.count)}</td>
<td class="number spare" data-value="${main.windowDays}">${days(main.windowDays)}</td>
<td class="number spare" data-value="${all}">${formatNumber(all)}</td>
<td class="number" data-value="${all === 0 ? -1 : out / all}">${all === 0 ? '–' : share(out, all)}</td>`;
  const last = view.lastSuccess;
  return html`<tr data-name="${view.name}"><th scope="row">${view.hasPage ? html`<a href="${view.name}/index.html">${view.name}</a>` : view.name}</th>
${figures}
<td class="spare">${view.sparkline}</td>
<td class="spare" data-value="${last ?? ''}">${last === undefined ? 'never' : timeDay(last)}</td>
<td data-value="${state}">${stateMark(view, state)}</td></tr>
`;
}

function heading(title: string, className = ''): Markup {
  return html`<th scope="col" class="${className}"><button type="button">${title}</button></th>`;
}

function facts(site: IndexView, states: readonly string[]): Markup {
  const count = (state: string) => states.filter((each) => each === state).length;
  const worries = ['failed', 'stale', 'new'].filter((state) => count(state) > 0);
  const names: Record<string, string> = { failed: 'failed', stale: 'stale', new: 'not collected yet' };
  const well =
    worries.length === 0
      ? 'all well'
      : worries.map((state) => `${formatNumber(count(state))} ${names[state]}`).join(', ');
  return html`<dl class="facts">
<div><dt>Packages</dt><dd>${formatNumber(site.packages.length)}<small>${well}</small></dd></div>
<div><dt>Counted up to</dt><dd>${site.lastDay === undefined ? 'nothing yet' : date(site.lastDay)}<small>the newest whole day (UTC) in the data</small></dd></div>
</dl>`;
}

function failures(site: IndexView): Markup | undefined {
  const byFailure = new Map<string, { code: string; sentence: string; names: string[] }>();
  for (const { name, failure } of site.packages) {
    if (failure === undefined) continue;
    const known = byFailure.get(failure.code);
    if (known === undefined) byFailure.set(failure.code, { ...failure, names: [name] });
    else known.names.push(name);
  }
  if (byFailure.size === 0) return undefined;
  const who = (names: readonly string[]) =>
    names.length > 5 ? `${formatNumber(names.length)} packages` : names.join(', ');
  return html`<section class="notice bad"><strong>The last run had failures; their badges stay as they were.</strong>
${[...byFailure.values()].map(
  ({ code, sentence, names }) => html`<p><b>${who(names)}</b>: ${sentence} <code>${code}</code></p>`,
)}</section>`;
}

function missing({ missingDays }: IndexView): Markup | undefined {
  if (missingDays.length === 0) return undefined;
  const list = missingDays.length > 10 ? days(missingDays.length) : missingDays.map(date).join(', ');
  return html`<section class="notice warn"><strong>Days without data</strong>
<p>The table has nothing at all for ${list}. Figures leave these days out; if they are filled in later, they are counted then.</p></section>`;
}

const METRIC = html`<section class="card" id="metric">
<h2>How it is counted</h2>
<p>${METRIC_DEFINITION} Everything else is left out, for the first reason that fits: the CI flag is set, the client
is a mirror, a browser, not known, or some other program. Every download is accounted for.
A window is a number of whole UTC days; the last is the newest one in the data.</p>
<p>The data is PyPI's own download log, as published in BigQuery. It has blind spots:</p>
<ul>${BLIND_SPOTS.map((spot) => html`<li>${spot}</li>`)}</ul>
</section>`;

/** The page of all packages. */
export function indexPage(site: IndexView, now: Date): string {
  const states = site.packages.map((view) => stateOf(view, site.staleThresholdDays, now));
  return htmlDocument(site, {
    title: 'Honest PyPI downloads',
    header: html`<h1>Honest PyPI downloads</h1>
<p class="quiet">CI runs, mirrors, browsers and scanners winnowed out.
${site.finished === undefined ? 'No run yet.' : html`Last run ${time(site.finished)}.`}</p>`,
    main: html`${failures(site)}
${missing(site)}
<section class="card">${facts(site, states)}</section>
<section class="card">
<div class="tools" hidden><label for="filter">Filter by name</label> <input id="filter" type="search" autocomplete="off" spellcheck="false"> <span id="shown" class="quiet" role="status"></span></div>
<div class="wide-table"><table id="packages">
<thead><tr>${heading('Package')}${heading('Honest', 'number')}${heading('Window', 'number spare')}${heading('All', 'number spare')}${heading('Winnowed out', 'number')}<th scope="col" class="spare">Honest by day</th>${heading('Last success', 'spare')}${heading('State')}</tr></thead>
<tbody>
${site.packages.map((view) => row(view, site, now))}</tbody>
</table></div>
</section>
${METRIC}`,
    footer: html`<p>Nothing on this page asks any other server for anything. The same figures for programs:
<a href="_health.json">_health.json</a> (where the operator serves it), and history.json in each package's folder.</p>`,
  });
}
