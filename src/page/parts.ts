import { html, type Markup } from './html.ts';
import type { PackageView } from './view.ts';
import { date, instant } from './words.ts';

const MS_PER_DAY = 86_400_000;

/** The state that is shown: of packages whose last attempt worked, some may have been tried long ago. */
export function stateOf(
  { state, lastSuccess }: Pick<PackageView, 'state' | 'lastSuccess'>,
  staleThresholdDays: number,
  now: Date,
): 'ok' | 'stale' | 'failed' | 'new' {
  if (state !== 'ok' || lastSuccess === undefined) return state;
  const age = (now.getTime() - Date.parse(lastSuccess)) / MS_PER_DAY;
  return age >= staleThresholdDays ? 'stale' : 'ok';
}

const STATES = {
  ok: { word: 'ok', tone: 'ok' },
  stale: { word: 'stale', tone: 'warn' },
  failed: { word: 'failed', tone: 'bad' },
  new: { word: 'not yet', tone: 'quiet' },
} as const;

/** A state as a word; the page's script turns it to "stale" when the time has come. */
export function stateMark(
  { lastSuccess }: Pick<PackageView, 'lastSuccess'>,
  state: keyof typeof STATES,
): Markup {
  const { word, tone } = STATES[state];
  return lastSuccess === undefined
    ? html`<span class="state ${tone}">${word}</span>`
    : html`<span class="state ${tone}" data-last-success="${lastSuccess}">${word}</span>`;
}

/** An instant, readable and exact. */
export function time(text: string): Markup {
  return html`<time datetime="${text}">${instant(text)}</time>`;
}

/** The day of an instant, for where there is little room. */
export function timeDay(text: string): Markup {
  return html`<time datetime="${text}" title="${instant(text)}">${date(text.slice(0, 10))}</time>`;
}
