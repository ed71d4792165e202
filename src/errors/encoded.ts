/*
 * What a secret looks like when it has no label: random characters, and texts in base64 or percent
 * encoding. Everything here computes with one word, a run of characters without a space.
 */

/** Shortest word that is looked at: a token of 18 random bytes in base64. */
export const WORD_MIN = 24;

/** `sha256-...`, as in a Content-Security-Policy, with as many characters as such a hash has. */
const HASH = /^(?:sha256-[\w+/-]{43}=?|sha384-[\w+/-]{64}|sha512-[\w+/-]{86}(?:==)?)$/;

const UPPER = 1;
const LOWER = 2;
const DIGIT = 3;
const ALL_CLASSES = (1 << UPPER) | (1 << LOWER) | (1 << DIGIT);

function classOf(code: number): number {
  if (code >= 65 && code <= 90) return UPPER;
  if (code >= 97 && code <= 122) return LOWER;
  return code >= 48 && code <= 57 ? DIGIT : 0;
}

/**
 * How often, in random base64, a character is of another class than the one before it: about 0.6. In
 * words, however they are written (`maximumBytesBilled`, `X509v3`), it is below 0.3.
 */
const CHANGES_MIN = 0.38;

/** The same for words so long that chance does not count. */
const CHANGES_MIN_LONG = 0.33;
const LONG = 36;

/** Fewest characters between two slashes, on average: random base64 has one in 64, a path more. */
const SEGMENT_MIN = 8;

function looksRandom(word: string): boolean {
  let seen = 0;
  let pairs = 0;
  let changes = 0;
  let before = 0;
  for (let index = 0; index < word.length; index++) {
    const now = classOf(word.charCodeAt(index));
    // Words that are joined by a sign, as in a path, may well begin with capitals.
    if (now !== 0 && before !== 0) {
      pairs += 1;
      if (now !== before) changes += 1;
    }
    seen |= 1 << now;
    before = now;
  }
  if (pairs < WORD_MIN - 8 || (seen & ALL_CLASSES) !== ALL_CLASSES) return false;
  return changes / pairs >= (pairs >= LONG ? CHANGES_MIN_LONG : CHANGES_MIN);
}

/** Whether a word is a labelled hash, which is as random as a key and no secret. */
export function isHash(word: string): boolean {
  return HASH.test(word);
}

/** How a private key begins in DER, in base64: PKCS #8 and PKCS #1, RSA, EC and Ed25519. */
const DER = /^(?:MII[A-K]|MIG[A-Z]|MH[cQ]CAQ|MC[4o]CAQ)[\w+/]*[a-z]/;

/** Whether a word is as random as a key, or begins as one. Slashes are part of base64, and of paths. */
export function isRandom(word: string): boolean {
  if (word.length < WORD_MIN) return false;
  if (DER.test(word)) return true;
  const segments = word.split('/').length;
  return (segments === 1 || word.length / segments >= SEGMENT_MIN) && looksRandom(word);
}

/** What a percent-encoded text says; undefined if it is none. */
export function decodePercent(text: string): string | undefined {
  if (!/%[0-9A-Fa-f]{2}/.test(text)) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    // Cut in the middle of a character: each byte by itself.
    return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
}

/** Where a JSON object or a PEM block begins in base64, whatever stands before it. */
const HEADS = /eyJ|ewo|ew0K|eyA|eyd|W3si|LS0tLS/g;

const TEXT = /^[\t\n\r\x20-\x7e]{12,}/;

/**
 * What a word says if it is base64 or base64url of a text. It may be cut short, and have other letters
 * in front, such as `key=`.
 */
export function decodeBase64(word: string): string[] {
  if (!/[A-Z]/.test(word) || !/[a-z]/.test(word)) return [];
  const starts = new Set([0, ...[...word.matchAll(HEADS)].map(({ index }) => index)]);
  return [...starts].slice(0, 8).flatMap((start) => {
    const text = TEXT.exec(Buffer.from(word.slice(start), 'base64').toString('latin1'))?.[0];
    return text === undefined ? [] : [text];
  });
}

/** Whether a text is JSON, or the beginning of one. A glob such as `{a,b}/*.parquet` or `[0-9].json` is not. */
export function isJson(text: string): boolean {
  return /^\s*(?:\{\s*(?:["'}\r\n]|$)|\[\s*(?:[[{"'\r\n]|$))/.test(text);
}
