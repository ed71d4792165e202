import { createHash } from 'node:crypto';
import script from './client.js?raw';
import { INSTALLER_STYLE } from './colors.ts';
import { html, Markup } from './html.ts';
import pageStyle from './page.css?raw';
import type { SiteView } from './view.ts';

const style = `${pageStyle}${INSTALLER_STYLE}`;

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/**
 * What the page may do: run its own script, use its own style, and nothing else; above all it may ask
 * nobody for anything.
 */
export const PAGE_POLICY = [
  "default-src 'none'",
  `script-src ${hashOf(script)}`,
  `style-src ${hashOf(style)}`,
  // The empty icon below, which keeps browsers from asking for /favicon.ico.
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/**
 * A whole HTML document around its parts.
 *
 * @param site For what every page tells: when it was drawn, and when that is too long ago.
 */
export function htmlDocument(
  site: SiteView,
  parts: { readonly title: string; readonly header: Markup; readonly main: Markup; readonly footer: Markup },
): string {
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${PAGE_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${parts.title}</title>
<link rel="icon" href="data:,">
<style>${new Markup(style)}</style>
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
<script>${new Markup(script)}</script>
</body>
</html>
`;
  return text;
}
