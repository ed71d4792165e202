import { createHash } from 'node:crypto';
import shareCode from '../share.js?raw';
import { INSTALLERS, type Installer } from '../winnow/classes.ts';
import script from './client.js?raw';
import { html, Markup } from './html.ts';
import indexStyle from './index.css?raw';
import indexScript from './index-client.js?raw';
import packageStyle from './package.css?raw';
import packageScript from './package-client.js?raw';
import pageStyle from './page.css?raw';
import type { PackageView, SiteView } from './view.ts';
import { date, instant, isDay } from './words.ts';

/** Colours of the installers on a light and on a dark page, told apart with every kind of colour vision. */
const COLORS: Readonly<Record<Installer, readonly [light: string, dark: string]>> = {
  pip: ['#0072b2', '#56b4e9'],
  pipenv: ['#3a8fc4', '#9ed2f2'],
  pipx: ['#8a6d00', '#f0e442'],
  uv: ['#d55e00', '#f28e2b'],
  poetry: ['#00885f', '#2fc79a'],
  pdm: ['#a8508a', '#e08fc0'],
};

const rules = (scheme: 0 | 1) => INSTALLERS.map((name) => `.${name}{--of:${COLORS[name][scheme]}}`).join('');

/** The style sheet of the installers' colours: a mark or a sample of the class of an installer is of its colour. */
const INSTALLER_STYLE = `${rules(0)}@media (prefers-color-scheme:dark){${rules(1)}}`;

/** A kind of page: the style and the script that it has beside those of every page. */
interface Kind {
  readonly style: Markup;
  readonly script: Markup;
  readonly policy: string;
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** What the page may do: run its own script, use its own style, and nothing else; above all it may ask nobody for anything. */
function kindOf(style: string, script: string): Kind {
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    // The empty icon below, which keeps browsers from asking for /favicon.ico.
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return { style: new Markup(style), script: new Markup(script), policy };
}

/** The rule for shares, as a script has it that is no module. */
const SHARE = shareCode.replace('export ', '');

const KINDS = {
  index: kindOf(pageStyle + indexStyle, script + indexScript),
  package: kindOf(pageStyle + INSTALLER_STYLE + packageStyle, [script, SHARE, packageScript].join('\n')),
};

/**
 * A whole HTML document around its parts.
 *
 * @param site For what every page tells: when it was drawn, and when that is too long ago.
 */
export function htmlDocument(
  kind: keyof typeof KINDS,
  site: SiteView,
  parts: { readonly title: string; readonly header: Markup; readonly main: Markup; readonly footer: Markup },
): string {
  const { policy, style, script: code } = KINDS[kind];
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${parts.title}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body data-stale-days="${site.staleThresholdDays}" data-finished="${site.finished}">
<header>
${parts.header}
</header>
<main>
<div id="late" class="notice warn" role="status" hidden><strong>This page is <span></span> old.</strong>
<p>The collector draws it again after every run; it may have stopped.</p></div>
${parts.main}
</main>
<footer>
${parts.footer}
<p id="told" role="status"></p>
</footer>
<script>${code}</script>
</body>
</html>
`;
  return text;
}

const STATES = {
  ok: { word: 'ok', tone: 'ok' },
  stale: { word: 'stale', tone: 'warn' },
  failed: { word: 'failed', tone: 'bad' },
  new: { word: 'new', tone: 'quiet' },
} as const;

/** The class of a state's colour. */
export function toneOf(state: PackageView['state']): string {
  return STATES[state].tone;
}

/** A state as a word; the page's script turns it to "stale" when the time has come. */
export function stateMark({ countedTo, state }: Pick<PackageView, 'countedTo' | 'state'>): Markup {
  const { word, tone } = STATES[state];
  return countedTo === undefined
    ? html`<span class="state ${tone}">${word}</span>`
    : html`<span class="state ${tone}" data-counted-to="${countedTo}">${word}</span>`;
}

/** An instant or a day, readable and exact. */
export function time(text: string): Markup {
  return html`<time datetime="${text}">${isDay(text) ? date(text) : instant(text)}</time>`;
}
