import { z } from 'zod';
import { readNamedFile } from '../disk/files.ts';
import { SourceError, UsageError } from '../errors/error.ts';
import { misplacedSecret, UNEXPANDED } from '../errors/misplaced.ts';
import type { Env } from '../util.ts';

/*
 * What fields of tracked.yaml are made of. Each error text says what is allowed at that place, and nothing else: where
 * it stands and what was found there is added by config/config.ts, which knows the positions.
 */

/** A text that can be what its field is for: whatever looks like a key or a password is refused. */
export const text = (error: string | ((issue: { readonly input: unknown }) => string)) =>
  z.string({ error }).refine((value) => misplacedSecret(value) === undefined, { error, abort: true });

/** A mapping of these keys and no others, which are the error's text where there is another one. */
export const mapping = <T extends z.ZodRawShape>(error: string, shape: T) =>
  z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? Object.keys(shape).join(', ') : error),
  });

/** A text of one pattern. */
export const matching = (error: string, pattern: RegExp) => text(error).regex(pattern, { error });

/** As a pattern for editors; it says no more than `path` does. */
const PATH_PATTERN = String.raw`^(?!~)(?![^$]*\$\{?[A-Za-z_])[^\u0000-\u001f\u007f]+$`;

export const path = (what: string) => {
  const error = `${what}; ~ and $NAME are not expanded: write the path out`;
  return text(error)
    .min(1, { error })
    .refine((value) => !UNEXPANDED.test(value), { error })
    .meta({ pattern: PATH_PATTERN });
};

export const wholeNumber = (error: string, min: number, max: number) =>
  z.int({ error }).min(min, { error }).max(max, { error });

const URL_ALLOWED = 'an http:// or https:// address without a query, a fragment or a password';

/**
 * A text as the base address of a service: http:// or https://, and nothing in it that may be a secret.
 *
 * @returns Undefined if it is none. An error must not repeat the text: it may hold a password.
 */
export function plainUrl(text: string): URL | undefined {
  if (!URL.canParse(text) || !/^https?:\/\/[^?#]*$/i.test(text)) return undefined;
  const url = new URL(text);
  return url.username === '' && url.password === '' ? url : undefined;
}

/**
 * Where a server is: what a variable of the environment names, or the usual address, without slashes at its end.
 *
 * @throws UsageError if it is no plain address. It is not repeated: a password may be in it.
 */
export function serverUrl(env: Env, variable: string, usual: string, advice = ''): string {
  const url = (env[variable] || usual).replace(/\/+$/, '');
  if (plainUrl(url) !== undefined) return url;
  const expected = 'expected an http:// or https:// address without user, password or query';
  throw new UsageError(`${variable}: ${expected}${advice}`, 'configuration');
}

/**
 * The text of a file with a secret, which a person named.
 *
 * @param field What named it, for messages.
 * @param advice What to do, by the system's name of what is wrong.
 * @throws SourceError if it cannot be read.
 */
export function readSecret(field: string, path: string, advice: Record<string, string> = {}): string {
  try {
    return readNamedFile(path).toString();
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const unreadable = `it cannot be read (${code}); check the path and its permissions`;
    const why = advice[code] ?? (code === 'disk-obstacle' ? message : unreadable);
    throw new SourceError('credentials-unreadable', `${field} ${path}: ${why}`);
  }
}

export const webAddress = () =>
  text(URL_ALLOWED).refine((value) => plainUrl(value) !== undefined, { error: URL_ALLOWED });

export const querySeconds = () => wholeNumber('a whole number of seconds from 1 to 3600', 1, 3600);
