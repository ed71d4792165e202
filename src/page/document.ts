import { createHash } from 'node:crypto';
import { date } from '../days/day.ts';
import { html, Markup, type Part } from '../markup.ts';
import { INSTALLERS, type Installer } from '../metric/classes.ts';
import shareCode from '../share.js?raw';
import script from './client.js?raw';
import indexStyle from './index.css?raw';
import indexScript from './index-client.js?raw';
import packageStyle from './package.css?raw';
import packageScript from './package-client.js?raw';
import pageStyle from './page.css?raw';

/** What every page tells. */
export interface SiteView {
  /** When the last run ended; ISO 8601 instant, UTC, or its day. Absent before the first. */
  readonly finished: string | undefined;
  readonly staleThresholdDays: number;
  /** Where the output folder is served, without a slash at its end. */
  readonly publicUrl: string | undefined;
  /** Whose figures these are, as words that follow "counted from", and where there is little room. */
  readonly source: { readonly name: string; readonly shortName: string };
}

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
const INSTALLER_STYLE = `${rules(0)}@media screen and (prefers-color-scheme:dark){${rules(1)}}`;

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/**
 * A kind of page: the style and the script that it has beside those of every page, and what it may do: run its own script,
 * use its own style, and nothing else; above all it may ask nobody for anything.
 */
function kindOf(style: string, script: string) {
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    // The empty icon below, which keeps browsers from asking for /favicon.ico.
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ];
  return { style: new Markup(style), script: new Markup(script), policy: new Markup(policy.join('; ')) };
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
  { title, header, main, footer }: Readonly<Record<'title' | 'header' | 'main' | 'footer', Markup>>,
): string {
  const { policy, style, script: code } = KINDS[kind];
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body data-stale-days="${site.staleThresholdDays}" data-finished="${site.finished}">
<header>
${header}
</header>
<main>
<div id="late" class="notice warn" role="status" hidden><strong>This page is <span></span> old.</strong>
<p>The collector draws it again after every run; it may have stopped.</p></div>
${main}
</main>
<footer>
${footer}
<p id="told" role="status"></p>
</footer>
<script>${code}</script>
</body>
</html>
`;
  return text;
}

/** How a package stands, and the class of its colour; `new` was never collected, `stale` has figures that are too old. */
export const TONES = { ok: 'ok', 'no rows': 'warn', stale: 'warn', failed: 'bad', new: 'quiet' } as const;

/** A part of a page under a heading. */
export function card(title: string, ...content: readonly Part[]): Markup {
  return html`<section class="card"><h2>${title}</h2>
${content}</section>
`;
}

/** A box with a message of one or more paragraphs; nothing where there is none. */
export function notice(tone: 'warn' | 'bad', title: string, paragraphs: readonly Part[]): Markup | undefined {
  if (paragraphs.length === 0) return undefined;
  return html`<section class="notice ${tone}"><strong>${title}</strong>
${paragraphs.map((paragraph) => html`<p>${paragraph}</p>`)}</section>
`;
}

/** Characters of a day at the beginning of an instant. */
export const DAY_LENGTH = 10;

/** An instant of ISO 8601 in UTC, or a day, readable and exact: `24 Apr 2026, 04:12 UTC`. */
export function time(text: string): Markup {
  const clock = text.length > DAY_LENGTH && `, ${text.slice(11, 16)} UTC`;
  return html`<time datetime="${text}">${date(text)}${clock}</time>`;
}
