import { html, type Markup } from './html.ts';
import type { PackageView } from './view.ts';
import { date, instant } from './words.ts';

const STATES = {
  ok: { word: 'ok', tone: 'ok' },
  stale: { word: 'stale', tone: 'warn' },
  failed: { word: 'failed', tone: 'bad' },
  new: { word: 'new', tone: 'quiet' },
} as const;

/** A state as a word; the page's script turns it to "stale" when the time has come. */
export function stateMark({ countedTo, state }: Pick<PackageView, 'countedTo' | 'state'>): Markup {
  const { word, tone } = STATES[state];
  return countedTo === undefined
    ? html`<span class="state ${tone}">${word}</span>`
    : html`<span class="state ${tone}" data-counted-to="${countedTo}">${word}</span>`;
}

/** An instant, readable and exact. */
export function time(text: string): Markup {
  return html`<time datetime="${text}">${instant(text)}</time>`;
}

/** The day of an instant, for where there is little room. */
export function timeDay(text: string): Markup {
  return html`<time datetime="${text}" title="${instant(text)}">${date(text.slice(0, 10))}</time>`;
}
