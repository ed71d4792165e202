import { decodeBase64, decodePercent, isJson } from './encoded.ts';
import { redact } from './redact.ts';

/** What Linux allows in a path, and most file systems in each name of it, in bytes. */
const PATH_MAX = 4_096;
const NAME_MAX = 255;

export interface Allowed {
  /** Whether an address may hold `user:password@`, such as a proxy's. */
  readonly password?: boolean;
  /** Whether the text is a list, which may be longer than a path. */
  readonly list?: boolean;
}

const USER = /^((?:[a-z][a-z0-9+.-]*:)?\/\/)?[^\s/?#]*@/i;
const PASSWORD = /^(?:[a-z][a-z0-9+.-]*:\/\/[^/?#@]*@|(?:[a-z][a-z0-9+.-]*:\/\/)?[^/@\s]*:[^@\s]*@)/i;

function encoded(text: string): string | undefined {
  const compact = text.replaceAll(/\s+/g, '');
  const percent = decodePercent(text);
  if (percent !== undefined && percent !== text) {
    const inner = content(percent);
    if (inner !== undefined) return `${inner}, percent-encoded`;
  }
  if (compact.length < 16 || !/^[\w+/=-]+$/.test(compact)) return undefined;
  const inner = decodeBase64(compact).flatMap((plain) => content(plain) ?? [])[0];
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
  return encoded(text);
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
  const rest = allowed.password === true ? text.trim().replace(USER, '$1') : text;
  if (redact(rest) !== rest) return 'a key, a token or a password';
  if (/[\r\n]/.test(text)) return 'several lines of text';
  if (/\p{Cc}/u.test(text)) return 'text with control characters';
  if (allowed.list === true) return undefined;
  const long =
    Buffer.byteLength(text) >= PATH_MAX || text.split('/').some((name) => Buffer.byteLength(name) > NAME_MAX);
  return long ? 'something longer than a path can be' : undefined;
}
