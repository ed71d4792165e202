import { retryAfter } from '../http.ts';
import type { RawRow } from '../rows.ts';
import { ClickHouseFault } from './fault.ts';

/** The columns that an answer must have, in order: which ClickHouse types will do, and the usual one. */
export type Columns = Readonly<Record<string, { readonly type: RegExp; readonly expected: string }>>;

/** An answer of the server, whole or not. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function header({ headers }: RawAnswer, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

/** What follows "Code: 158. DB::Exception: " is for people; the number is what counts. */
const EXCEPTION = /Code: (\d+)\. DB::Exception: ([^\n]*)/;

/** The first words of an answer that is none, for the person who has to find out who answered. */
function described(answer: RawAnswer): string {
  const type = header(answer, 'content-type') ?? 'no content type';
  const title = /<title>([^<]*)<\/title>/i.exec(answer.body)?.[1]?.trim();
  return `it answered ${answer.status} with ${type}${title ? `, titled ${title}` : ''}`;
}

/** The exception in an answer, if there is one: in the header, or anywhere in the text. */
function throwIfException(answer: RawAnswer, text: string): void {
  const found = EXCEPTION.exec(text);
  const number = found?.[1] ?? header(answer, 'x-clickhouse-exception-code');
  if (number === undefined) return;
  const wait = retryAfter((name) => header(answer, name));
  throw new ClickHouseFault({
    status: answer.status,
    exception: Number(number),
    ...(wait === undefined ? {} : { retryAfter: wait }),
    message: `ClickHouse said: ${found?.[2] ?? text}`,
  });
}

function throwIfRefused(answer: RawAnswer): void {
  const { status, body } = answer;
  const failed = status < 200 || status > 299;
  if (!failed && header(answer, 'x-clickhouse-exception-code') === undefined) return;
  throwIfException(answer, body);
  const wait = retryAfter((name) => header(answer, name));
  throw new ClickHouseFault({
    status,
    ...(wait === undefined ? {} : { retryAfter: wait }),
    message: described(answer),
  });
}

function parse(answer: RawAnswer): Json {
  const { body, status } = answer;
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    // An exception in mid-stream: the status was sent long ago, and the text stands where rows should.
    throwIfException({ ...answer, headers: {} }, body);
    const cut = body === '' || /^\s*\{\s*"(meta|$)/.test(body);
    throw new ClickHouseFault({
      status,
      answer: cut ? 'cut' : 'foreign',
      message: cut ? `the answer ends after ${body.length} characters` : described(answer),
    });
  }
  // With http_write_exception_in_output_format, the exception is a part of the JSON.
  if (isObject(value) && typeof value['exception'] === 'string') {
    throwIfException({ ...answer, headers: {} }, value['exception']);
  }
  if (isObject(value) && Array.isArray(value['meta'])) return value;
  throw new ClickHouseFault({ status, answer: 'foreign', message: described(answer) });
}

function checkColumns(status: number, meta: readonly unknown[], columns: Columns): void {
  const found = meta.map((column) => (isObject(column) ? column : {}));
  const expected = Object.entries(columns);
  const fits = expected.every(
    ([name, { type }], index) => found[index]?.['name'] === name && type.test(String(found[index]?.['type'])),
  );
  if (fits && found.length === expected.length) return;
  const names = found.map((column) => `${column['name']} ${column['type']}`).join(', ');
  const wanted = expected.map(([name, column]) => `${name} ${column.expected}`).join(', ');
  throw new ClickHouseFault({ status, answer: 'columns', message: `${names} instead of ${wanted}` });
}

/**
 * Reads an answer in the format JSONCompact. Of all formats it tells most about itself: names and types of
 * the columns in front, the number of rows at the end, and no part of it is valid alone.
 *
 * @throws ClickHouseFault if it is an error, is cut short, is something else, or has other columns.
 */
export function readAnswer(answer: RawAnswer, columns: Columns): RawRow[] {
  throwIfRefused(answer);
  const { meta, data, rows } = parse(answer);
  const { status } = answer;
  checkColumns(status, meta as readonly unknown[], columns);
  const names = Object.keys(columns);
  const whole =
    Array.isArray(data) &&
    data.length === rows &&
    data.every((row: unknown) => Array.isArray(row) && row.length === names.length);
  if (!whole) {
    throw new ClickHouseFault({
      status,
      answer: 'cut',
      message: `it holds other rows than the ${rows} told`,
    });
  }
  return data.map((row: readonly unknown[]) =>
    Object.fromEntries(names.map((name, index) => [name, row[index]])),
  );
}
