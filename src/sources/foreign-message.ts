/*
 * What others say goes wrong may hold anything: the request with its token, a page of HTML, a stack.
 */

/** What must never be printed, whoever sends it: keys, tokens, and anything as long and random as one. */
const SECRETS: readonly RegExp[] = [
  /-----BEGIN[\s\S]*?(-----END[^-]*-----|$)/g,
  /\bBearer\s+[\w.~+/=-]+/gi,
  /\bya29\.[\w-]+/g,
  /\beyJ[\w-]+\.[\w-]+\.[\w-]*/g,
  /\b1\/\/[\w-]{20,}/g,
  /[A-Za-z0-9+/=_-]{64,}/g,
];

/** A text without keys and tokens. */
export function scrub(text: string): string {
  return SECRETS.reduce((rest, secret) => rest.replace(secret, '[removed]'), text);
}

/** One line of a foreign message, harmless and short enough to read. */
export function firstLine(message: string): string {
  const line = (
    scrub(message)
      .split('\n')
      .find((part) => part.trim() !== '') ?? ''
  ).trim();
  return line.length > 200 ? `${line.slice(0, 197)}...` : line;
}
