/*
 * Texts of others (a server's words, a name from the command line), as far as they may be shown.
 */

/** Longest text of others that is shown, in characters. */
const LENGTH_MAX = 300;

/** What stands in a secret's place. */
export const REMOVED = '[removed]';

/** Fewer letters are part of half of all words. */
const SECRET_MIN = 4;

/** Secrets that are known by how they look: a PEM block, a JWT, Google's access tokens, `user:password@` of an address. */
const LOOKS_SECRET =
  /-----BEGIN[\s\S]*?(?:-----END[^-]*-----|$)|\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?|\bya29\.[\w.-]+|(?<=:\/\/)[^\s/?#@]*:[^\s/?#@]*(?=@)/g;

/**
 * A text on one line, with control, bidi and other invisible characters replaced by U+FFFD: it can neither begin a line
 * of its own, nor move a terminal's cursor, nor change the order in which it is read.
 */
export function printable(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '\ufffd')
    .trim();
}

/**
 * What a server or library said, as it may stand in an error's message: on one line, at most 300 characters, without
 * secrets.
 *
 * @param secrets Values that must not be shown: keys, tokens and passwords as the program has read them.
 */
export function sanitizeMessage(message: string, secrets: Iterable<string> = []): string {
  const known = [...secrets].filter((secret) => secret.length >= SECRET_MIN);
  const forms = new Set(known.flatMap((secret) => [secret, encodeURIComponent(secret)]));
  const clean = [...forms]
    .toSorted((a, b) => b.length - a.length)
    .reduce((text, form) => text.replaceAll(form, REMOVED), message)
    .replaceAll(LOOKS_SECRET, REMOVED);
  const line = printable(clean);
  return line.length <= LENGTH_MAX ? line : `${line.slice(0, LENGTH_MAX - 3).trimEnd()}...`;
}
