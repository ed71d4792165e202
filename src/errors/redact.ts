/*
 * The gate through which every text passes on its way out: to a terminal, into the log, into a file. It
 * takes out what looks like a secret, wherever it came from, so that no other part of the program has to
 * think of it. It works on whole texts; a secret that is written in two parts is not seen.
 */

import { decodeBase64, decodePercent, isHash, isJson, isRandom, WORD_MIN } from './encoded.ts';

/** What stands in a secret's place. */
export const REMOVED = '[removed]';

const REPEATED = /(?:\[removed\]){2,}/g;

/** Turns a text into one that may be shown. */
export type Gate = (text: string) => string;

/** A quotation mark as it is, escaped once or more, in HTML, or percent-encoded. */
const QUOTE = String.raw`(?:\\*["']|&quot;|&#3[49];|(?:%5C)*%2[27])`;

/** Names of fields that hold secrets, in JSON, YAML, a query or a log. */
const NAMES = [
  'private_?key(?:_?id)?',
  'client_?secret',
  '(?:access|refresh|id|subject|auth|bearer|session|api|security)_?tokens?',
  '(?:api|secret|access|encryption|signing)_?key',
  'pass(?:word|wd|phrase)',
  'secret(?:_?access_?key)?',
  '(?:proxy-)?authorization',
  '(?:set-)?cookie',
  'assertion',
].join('|');

/** Field, mark between it and its value, and how that begins: quoted, as a YAML block, or up to a space. */
const FIELD = new RegExp(
  String.raw`((?:${NAMES})${QUOTE}?)(\s*(?:[:=]|%3[AD])\s*)` +
    String.raw`(?:(${QUOTE})|([|>][-+]?\s*(?:\n|\\+n)\s*[^\n"\\]*)|([^\s"',;&<>{}()[\]\\]+))`,
  'gi',
);

/** What is in every text that FIELD, SCHEMES or BOT match: looking for it first takes a tenth of the time. */
const STEM =
  /key|secret|token|passw|passp|authorization|cookie|assertion|bearer|basic|negotiate|digest|googlelogin|(?::|%3a)AA/i;

const SCHEME = /^(?:Bearer|Basic|Negotiate|Digest|GoogleLogin)$/i;
const SCHEMES = /(?:\b|(?<=\\[nrt]))(?:Bearer|Basic|Negotiate|Digest|GoogleLogin)(?:\s|%20)+([\w.~+/=%-]+)/gi;

/** Tokens that are known by how they begin. */
const TOKENS = new RegExp(
  [
    /\bya29\.[\w.-]+/,
    /\beyJ[\w-]+\.[\w-]+\.?[\w-]*/,
    /(?<![\w/])[14]\/\/?[01][\w-]{10,}/,
    /\bGOCSPX-[\w-]+/,
    /\bAIza[\w-]{20,}/,
    /\b(?:gh[pousr]_|npm_|hf_|[srp]k_(?:live|test)_|dop_v1_|glpat-|github_pat_)[A-Za-z0-9]{16}[\w-]*/,
    /\bsk-(?=[\w-]{0,200}\d)(?=[\w-]{0,200}[A-Z])[\w-]{16,}/,
    /\bpypi-AgE[\w-]{12,}/,
    /\bxox[a-z]-[\w-]{8,}/,
    /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/,
    /(?<=hooks\.slack\.com\/(?:services|workflows|triggers)\/)[\w/%.-]+/,
    /(?<=discord(?:app)?\.com\/api\/(?:v\d+\/)?webhooks\/)[\w/%.-]+/,
    /(?<=webhook\.office\.com\/)[\w/%.@-]+/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'g',
);

/** A Telegram bot's token. */
const BOT = /(?<!\d)\d{6,12}(?::|%3A)AA[\w-]{28,}/gi;

/** Names in front of long random values that are no secrets: an administrator is asked for them. */
const IDENTIFIER =
  /(?:Unique_?Id(?:entifier)?|(?:request|trace|correlation|insert|invocation|operation|error|log)[\s_-]?(?:id|no|number)|etag|digest)\W{0,6}$/i;
const IDENTIFIER_MAX = 160;

/** A picture inside a page or a badge. */
const PICTURE = /data:image\/[\w.+-]+;base64,$/;

/** What may stand between BEGIN and END of a PEM block, however its line ends are written. */
const PEM_BODY = String.raw`(?:[A-Za-z0-9+/=\s]|\\+(?:[nrt]|u000[ad])|%(?:0[AD]|2[0BF]|3D|5C)|&#1[03];)`;
const PEM_HEADER = String.raw`(?:(?:Proc-Type|DEK-Info):[^\\\n]*)?`;
const PEM = new RegExp(
  [
    // The whole block, the block without its end, and an end whose block comes before.
    '-----BEGIN(?:[A-Z0-9 +]|%20)*-----(?:-(?!----)|[^"<>{}-])*-----END[A-Z0-9 +%]*(?:-{1,5}|$)',
    `-----BEGIN(?:[A-Z0-9 +]|%20)*(?:-----(?:${PEM_BODY}+${PEM_HEADER})*)?`,
    '-----END[A-Z0-9 +%]*(?:-{1,5})?',
  ].join('|'),
  'gi',
);
const PEM_TAIL = new RegExp(`(?:${PEM_BODY}|\\\\)$`, 'i');

function withoutPem(text: string): string {
  if (!text.includes('-----')) return text;
  const parts: string[] = [];
  let from = 0;
  for (const match of text.matchAll(PEM)) {
    let end = match.index;
    // The head of the block was cut off: what stands before its end is the key.
    if (/^-----END/i.test(match[0])) {
      while (end > from && PEM_TAIL.test(text.slice(Math.max(from, end - 6), end))) end -= 1;
    }
    parts.push(text.slice(from, end), REMOVED);
    from = match.index + match[0].length;
  }
  return parts.join('') + text.slice(from);
}

/**
 * Where a quoted value ends: at its closing quote, or at that of the text around it, which has fewer
 * backslashes, so that a value that is cut short takes nothing else along.
 */
function endOfQuoted(text: string, start: number, quote: string): number {
  if (/[&%]/.test(quote)) {
    const rest = text.slice(start);
    return (
      start + (/%/.test(quote) ? rest.search(/%2[27]|[\s"'<>]|$/i) : rest.search(/&quot;|&#3[49];|[<>"]|$/i))
    );
  }
  const level = quote.length - 1;
  const around = quote.endsWith("'") ? /^"\s*[,}\]:]/ : undefined;
  let slashes = 0;
  for (let at = start; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '\\') {
      slashes += 1;
      continue;
    }
    const closes = slashes < level || (slashes - level) % (2 * (level + 1)) === 0;
    if (character === quote.at(-1) && closes) return at - Math.min(slashes, level);
    if (character === '"' && slashes < level) return at - slashes;
    if (around?.test(text.slice(at, at + 8))) return at;
    slashes = 0;
  }
  return text.length;
}

/** Whether a value without quotes is the next word of a sentence: "password: unknown key" is no password. */
function isSentence(mark: string, word: string, rest: string): boolean {
  return /:\s+$/.test(mark) && /^[a-z]+[.:]?$/i.test(word) && /^ +\S/.test(rest);
}

function withoutFields(text: string): string {
  let result = '';
  let from = 0;
  FIELD.lastIndex = 0;
  for (let match = FIELD.exec(text); match !== null; match = FIELD.exec(text)) {
    const [all, name = '', mark = '', quote, , bare] = match;
    const start = match.index + name.length + mark.length + (quote?.length ?? 0);
    const end = quote === undefined ? match.index + all.length : endOfQuoted(text, start, quote);
    FIELD.lastIndex = Math.max(end, match.index + 1);
    const kept =
      end === start ||
      text.startsWith(REMOVED, start) ||
      (bare !== undefined && isSentence(mark, bare, text.slice(end, end + 80))) ||
      (bare !== undefined && /authorization/i.test(name) && SCHEME.test(bare));
    if (kept) continue;
    result += text.slice(from, start) + REMOVED;
    from = end;
  }
  return result + text.slice(from);
}

function withoutScheme(all: string, value: string, index: number, text: string): string {
  const header = /authorization\W*$/i.test(text.slice(Math.max(0, index - 30), index));
  const pair = /^[\x20-\x7e]*:[\x20-\x7e]*$/.test(Buffer.from(value, 'base64').toString('latin1'));
  // "Basic authentication", and a server's `Bearer realm="..."`.
  const word = /^[a-z]+[.=]?$/i.test(value) && value.length < 20;
  return header || pair || !word ? REMOVED : all;
}

/** Kinds of members in IAM's policies: an address, not a password, stands behind them. */
const MEMBER = /^(?:serviceAccount|group|domain|mailto|deleted|principal|principalSet|git|npm)$/;

const MORE = /@(?:[^\s/@"'<>`|,;(){}]{0,100}@)*/y;

/** `user:password@` in an address, with or without a scheme; a name alone may be a token, if it is long. */
function withoutPassword(text: string): string {
  let result = '';
  let from = 0;
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    // A password may hold one, too.
    MORE.lastIndex = at;
    at += (MORE.exec(text)?.[0].length ?? 1) - 1;
    let start = at;
    while (start > from && at - start < 2_048 && !/[\s"'<>`|,;(){}]/.test(text.charAt(start - 1))) start -= 1;
    const word = text.slice(start, at);
    const scheme = /^.*:(?:\\*\/){2}/.exec(word)?.[0] ?? '';
    const user = word.slice(scheme.length);
    const [, name = '', behind = ''] = /^([^:]*):([\s\S]*)$/.exec(user) ?? [];
    const port = /^\d{1,5}(?:[/?#]|$)/.test(behind);
    const last = name.slice(name.lastIndexOf('/') + 1);
    const secret =
      scheme === ''
        ? last !== '' && !MEMBER.test(last) && /[\w[]/.test(text.charAt(at + 1))
        : behind !== '' || /^[^/?#:]{8,}$/.test(user);
    const plain = behind === '' ? scheme === '' : port && /\D/.test(behind);
    if (!secret || plain || user.endsWith(REMOVED)) continue;
    const kept = scheme === '' ? name.slice(0, -last.length) : scheme;
    result += text.slice(from, start) + kept + REMOVED;
    from = at;
  }
  return result + text.slice(from);
}

/** Characters of words: those of base64, base64url, percent encoding, addresses and paths. */
const IN_WORD = new Uint8Array(128);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_=-%.') {
  IN_WORD[character.charCodeAt(0)] = 1;
}

/** Shortest word in which a token may hide. */
const CHUNK_MIN = 12;

/** A stretch of an SVG's path, as most long words of a page are. No token is made of so few letters. */
const PATH_DATA = /^[\d.hlmvz-]+$/i;

/** The rest of a key whose lines were removed: its last line may be too short to be known for one. */
const REST_OF_LINES = /(?:\s*(?:\r?\n|\\+n|%0A)\s*[A-Za-z0-9+/=_-]+)+(?=\s*(?:$|["'\\\r\n&%])|(?<==)\s)/iy;
const LINE_MIN = 56;

/** Whether a text says more in another encoding than it may say. */
function hides(text: string, depth: number): boolean {
  return depth > 0 && (isJson(text) || clean(text, depth - 1) !== text);
}

/** A word of base64's characters, or what of it may be shown. */
function cleanWord(word: string, before: string, depth: number): string {
  if (word.length < WORD_MIN || isHash(word)) return word;
  if (decodeBase64(word).some((text) => hides(text, depth))) return REMOVED;
  if (word.length <= IDENTIFIER_MAX && IDENTIFIER.test(before)) return word;
  // In an address, the label and the identifier are one word.
  const equals = word.indexOf('=') + 1;
  if (equals > 1 && equals < word.length - 1 && IDENTIFIER.test(word.slice(0, equals))) {
    return word.slice(0, equals) + cleanWord(word.slice(equals), word.slice(0, equals), depth);
  }
  if (isRandom(word)) return REMOVED;
  if (!/[/=]/.test(word)) return word;
  return word.replaceAll(/[^/=]+=*/g, (part) => (isRandom(part) ? REMOVED : part));
}

function cleanChunk(chunk: string, before: string, depth: number): string {
  const decoded = decodePercent(chunk);
  if (decoded !== undefined && hides(decoded, depth)) return REMOVED;
  const known = chunk.replace(TOKENS, REMOVED);
  if (known.length < WORD_MIN) return known;
  return known.replaceAll(/[\w+/=-]+/g, (word, index: number) =>
    cleanWord(word, index === 0 ? before : known.slice(Math.max(0, index - 60), index), depth),
  );
}

/**
 * Looks at every long word of a text. Of a word as long as CHUNK_MIN every CHUNK_MIN-th character is a
 * part, so that most of a page is never looked at.
 */
function withoutTokens(text: string, depth: number): string {
  const inWord = (index: number) => IN_WORD[text.charCodeAt(index)] === 1;
  const harmless = new Set<string>();
  let result = '';
  let from = 0;
  for (let at = CHUNK_MIN - 1; at < text.length; at += CHUNK_MIN) {
    if (!inWord(at)) continue;
    let start = at;
    while (start > from && inWord(start - 1)) start -= 1;
    // The n of a line break that is written as \\n is no part of the word.
    if (text.charAt(start - 1) === '\\' && /[nrt]/.test(text.charAt(start))) start += 1;
    let end = at + 1;
    while (end < text.length && inWord(end)) end += 1;
    at = end;
    if (end - start < CHUNK_MIN) continue;
    const chunk = text.slice(start, end);
    // A page says most of its words several times.
    if (PATH_DATA.test(chunk) || harmless.has(chunk)) continue;
    const before = text.slice(Math.max(0, start - 60), start);
    const cleaned = PICTURE.test(before) ? chunk : cleanChunk(chunk, before, depth);
    if (cleaned === chunk) {
      if (chunk.length < WORD_MIN || !IDENTIFIER.test(before)) harmless.add(chunk);
      continue;
    }
    result += text.slice(from, start) + cleaned;
    REST_OF_LINES.lastIndex = end;
    const rest = chunk.length >= LINE_MIN ? (REST_OF_LINES.exec(text)?.[0].length ?? 0) : 0;
    from = end + rest;
    at = from;
  }
  return result + text.slice(from);
}

/** Shortest text that can hold a secret: `a:b@c`. */
const TEXT_MIN = 5;

/** How many encodings may lie one in another: base64 of JSON that is percent-encoded, and one more. */
const DEPTH = 3;

function clean(text: string, depth: number): string {
  let rest = withoutPem(text);
  if (STEM.test(rest)) {
    rest = withoutFields(rest).replace(SCHEMES, withoutScheme).replace(BOT, REMOVED);
  }
  if (rest.includes('@')) rest = withoutPassword(rest);
  return withoutTokens(rest, depth);
}

/**
 * A text without what looks like a secret: keys and tokens, values of fields such as `client_secret`,
 * passwords in addresses, whatever decodes to one of these, and words as random as a key. What an
 * administrator needs stays: names, paths, accounts, job ids, and identifiers behind their label.
 */
export function redact(text: string): string {
  if (text.length < TEXT_MIN) return text;
  const cleaned = clean(text, DEPTH);
  return cleaned === text ? text : cleaned.replaceAll(REPEATED, REMOVED);
}
