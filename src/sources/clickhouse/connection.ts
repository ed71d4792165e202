import { readFileSync } from 'node:fs';
import type { Env } from '../../env.ts';
import { UsageError } from '../../errors/error.ts';
import { type HttpRequest, plainUrl } from '../http.ts';
import { SourceError } from '../source.ts';
import type { ClickHouseConfig } from './index.ts';
import { SETTINGS, type Statement } from './query.ts';

/**
 * Where ClickHouse is asked: CLICKHOUSE_URL in the environment, or what the configuration says.
 *
 * @throws UsageError if it is no plain http:// or https:// address. It is not repeated: a password may be in it.
 */
export function serverUrl(config: ClickHouseConfig, env: Env): URL {
  const fromEnv = env['CLICKHOUSE_URL'];
  const url = plainUrl(fromEnv || config.url);
  if (url !== undefined) return url;
  throw new UsageError(
    `${fromEnv ? 'CLICKHOUSE_URL' : 'clickhouse.url'}: expected an http:// or https:// address without user, password or query; set clickhouse.user and clickhouse.password_file in tracked.yaml instead`,
    'configuration',
  );
}

/**
 * The password in a file; empty if there is no file.
 *
 * @throws SourceError if the file cannot be read, or holds anything but one line.
 */
export function readPassword(file: string | undefined): string {
  if (file === undefined) return '';
  const refuse = (what: string) =>
    new SourceError('credentials-unreadable', `clickhouse.password_file: ${file} ${what}`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw refuse(
      `cannot be read (${(error as NodeJS.ErrnoException).code}); check the path and its permissions`,
    );
  }
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw refuse('is empty; write the password into it');
  if (/[\r\n\0]/.test(password))
    throw refuse('holds more than one line; write nothing but the password into it');
  return password;
}

/** A header's value in UTF-8, as ClickHouse reads it; HTTP itself would have it in Latin-1. */
const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

function parameter(value: string | number | readonly string[]): string {
  if (!Array.isArray(value)) return String(value);
  return `[${value.map((each: string) => `'${each.replaceAll(/['\\]/g, '\\$&')}'`).join(',')}]`;
}

/**
 * One statement as a request: text in the body, parameters and settings in the address.
 *
 * @param product The value of User-Agent.
 */
export function requestOf(
  url: URL,
  { sql, parameters }: Statement,
  { user, password, product }: { readonly user: string; readonly password: string; readonly product: string },
): HttpRequest {
  const named = Object.entries(parameters).map(([name, value]) => [`param_${name}`, parameter(value)]);
  return {
    method: 'POST',
    url: url.href.replace(/\/+$/, ''),
    params: Object.fromEntries(
      [...Object.entries(SETTINGS), ...named].map(([key, value]) => [key, String(value)]),
    ),
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'user-agent': product,
      'x-clickhouse-user': utf8(user),
      ...(password === '' ? {} : { 'x-clickhouse-key': utf8(password) }),
    },
    body: sql,
  };
}
