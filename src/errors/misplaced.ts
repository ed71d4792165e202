/*
 * Values in which a secret stands that can be no path, address or name: they are refused before anything is done, and
 * never repeated.
 */

/** What Linux allows in a path, and most file systems in each name of it, in bytes. */
const PATH_MAX = 4_096;
const NAME_MAX = 255;

/** What a shell expands, and nobody else: a folder literally called `${HOME}` is never what was meant. */
export const UNEXPANDED = /^~|\$\{?[A-Za-z_]/;

export interface Allowed {
  /** Whether an address may hold `user:password@`, such as a proxy's. */
  readonly password?: boolean;
  /** Whether the text is a list, which may be longer than a path. */
  readonly list?: boolean;
}

const PASSWORD = /^(?:(?:[a-z][a-z0-9+.-]*:)?\/\/[^/?#@]*@|(?:[a-z][a-z0-9+.-]*:\/\/)?[^/@\s]*:[^@\s]*@)/i;

/** A JWT, or one of Google's access tokens. */
const TOKEN = /\beyJ[\w-]{8,}\.[\w-]+|\bya29\.[\w-]+/;

/** Control characters, those that change the order or the lines in which a text is read, and what XML 1.0 forbids. */
const UNSEEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\ufffe\uffff]/u;

/** What a percent-encoded text says, each byte by itself: it may be cut in the middle of a character. */
function decodePercent(text: string): string {
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Where a JSON object or a PEM block begins in base64, whatever stands before it. */
const HEADS = /eyJ|ewo|ew0K|eyA|eyd|W3si|LS0tLS/g;

const PRINTABLE = /^[\t\n\r\x20-\x7e]{12,}/;

/** What a word says if it is base64 or base64url of a text. It may be cut short, and have other letters in front. */
function decodeBase64(word: string): string[] {
  if (!/[A-Z]/.test(word) || !/[a-z]/.test(word)) return [];
  const starts = new Set([0, ...[...word.matchAll(HEADS)].map(({ index }) => index)]);
  return [...starts].slice(0, 8).flatMap((start) => {
    const text = PRINTABLE.exec(Buffer.from(word.slice(start), 'base64').toString('latin1'))?.[0];
    return text === undefined ? [] : [text];
  });
}

/** Whether a text is JSON, or the beginning of one. A glob such as `{a,b}/*.parquet` or `[0-9].json` is not. */
function isJson(text: string): boolean {
  return /^\s*(?:\{\s*(?:["'}\r\n]|$)|\[\s*(?:[[{"'\r\n]|$))/.test(text);
}

function encoded(text: string): string | undefined {
  const percent = decodePercent(text);
  const plain = percent === text ? undefined : content(percent);
  if (plain !== undefined) return `${plain}, percent-encoded`;
  // It may stand in quotation marks, or behind a word such as `base64:`.
  const words = text.replaceAll(/\s+/g, '').match(/[\w+/=-]{16,}/g) ?? [];
  const inner = words.flatMap(decodeBase64).flatMap((decoded) => content(decoded) ?? [])[0];
  return inner === undefined ? undefined : `${inner}, in base64`;
}

/** What kind of content a text is that belongs into a file. */
function content(text: string): string | undefined {
  const packed = /[\s"]/.test(text) ? undefined : encoded(text);
  if (packed !== undefined) return packed;
  if (/-----BEGIN[A-Z0-9 +%]*(?:PRIVATE|$)/i.test(text)) {
    return isJson(text) ? 'the content of a key file' : 'a private key';
  }
  if (/-----(?:BEGIN|END)/.test(text)) return 'the content of a PEM file';
  if (isJson(text)) {
    return /private_key|client_secret|refresh_token/.test(text) ? 'the content of a key file' : 'JSON';
  }
  return TOKEN.test(text) ? 'a token' : encoded(text);
}

/**
 * What a text looks like that can be no path, address or name, so that it must not be repeated: the
 * content of a key file, a token, an address with a password, several lines.
 *
 * @returns Words such as "a private key", or undefined if nothing is wrong with the text.
 */
export function misplacedSecret(text: string, allowed: Allowed = {}): string | undefined {
  const found = content(text);
  if (found !== undefined) return found;
  if (allowed.password !== true && PASSWORD.test(text.trim())) return 'an address with a password';
  if (/[\r\n]/.test(text)) return 'several lines of text';
  if (UNSEEN.test(text)) return 'text with control characters';
  if (allowed.list === true) return undefined;
  const long =
    Buffer.byteLength(text) >= PATH_MAX || text.split('/').some((name) => Buffer.byteLength(name) > NAME_MAX);
  return long ? 'something longer than a path can be' : undefined;
}
