/*
 * What every source that speaks HTTP needs of it.
 */

/**
 * A text as the base address of a service: http:// or https://, and nothing in it that may be a secret.
 *
 * @returns Undefined if it is none. An error must not repeat the text: it may hold a password.
 */
export function plainUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const plain = [url.username, url.password, url.search, url.hash].every((part) => part === '');
  return plain && /^https?:$/.test(url.protocol) ? url : undefined;
}

/**
 * How long a server asks to be left alone, in seconds. A date is measured against the answer's own, so that
 * no clock is needed and a wrong one here does no harm.
 *
 * @param header Gives a header of the answer by its lower-case name.
 * @returns Undefined if it does not ask for that, or not in a way that can be read.
 */
export function retryAfter(header: (name: string) => string | null | undefined): number | undefined {
  const text = header('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text);
  const wait = Date.parse(text) - Date.parse(header('date') ?? '');
  return Number.isNaN(wait) ? undefined : Math.max(0, Math.ceil(wait / 1000));
}
