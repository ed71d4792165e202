import { html, type Markup } from './html.ts';
import type { PackageView } from './view.ts';
import { date, instant, isDay } from './words.ts';

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
