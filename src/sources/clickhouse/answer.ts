import type { ErrorCode } from '../../errors/codes.ts';
import { codeOfStatus, type HttpAnswer, retryAfter } from '../http.ts';
import { isObject, type JsonObject, objectOf, type RawRow, wordOf } from '../rows.ts';
import { type Endpoint, Fault } from '../source.ts';

export const SERVER: Endpoint = { step: 'clickhouse', who: 'ClickHouse' };

type Meaning = readonly [code: ErrorCode, variant?: string];

const UNKNOWN_TABLE = 60;
const MEMORY_LIMIT_EXCEEDED = 241;

/**
 * What ClickHouse's exceptions mean (src/Common/ErrorCodes.cpp there), as far as they last or ask for a pause. Every
 * other number may pass: a server that is overloaded, starts or loses its disks has hundreds of them.
 */
const EXCEPTIONS: readonly (readonly [meaning: Meaning, ...numbers: number[]])[] = [
  // TOO_MANY_ROWS, TOO_MANY_BYTES, TOO_MANY_ROWS_OR_BYTES.
  [['too-large'], 158, 307, 396],
  [['too-large', 'memory'], MEMORY_LIMIT_EXCEEDED],
  // TIMEOUT_EXCEEDED, TOO_SLOW.
  [['timeout', 'other'], 159, 160],
  // UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, AUTHENTICATION_FAILED.
  [['sign-in-refused'], 192, 193, 194, 516],
  // ACCESS_DENIED.
  [['sign-in-refused', 'grant'], 497],
  // UNKNOWN_TABLE, UNKNOWN_DATABASE.
  [['not-found'], UNKNOWN_TABLE, 81],
  // NO_SUCH_COLUMN_IN_TABLE, ILLEGAL_TYPE_OF_ARGUMENT, UNKNOWN_IDENTIFIER, TYPE_MISMATCH, CANNOT_CONVERT_TYPE,
  // NO_COMMON_TYPE.
  [['unexpected-answer', 'schema'], 16, 43, 47, 53, 70, 386],
  // SYNTAX_ERROR.
  [['query-invalid'], 62],
  // UNKNOWN_SETTING, READONLY, SETTING_CONSTRAINT_VIOLATION.
  [['query-invalid', 'settings'], 115, 164, 452],
  // QUOTA_EXCEEDED: renewed by the hour, which is too long to wait.
  [['quota'], 201],
  // TOO_MANY_SIMULTANEOUS_QUERIES, RECEIVED_ERROR_TOO_MANY_REQUESTS.
  [['rate-limited'], 202, 364],
];

/** What an exception means, by its number. */
function meaningOf(exception: number, said: string, isPublicTable: boolean): Meaning {
  // The public table is there, whatever its server says while it is moved.
  const isMoved = exception === UNKNOWN_TABLE && isPublicTable;
  // What all queries take together is not this one's fault.
  const isFull = exception === MEMORY_LIMIT_EXCEEDED && said.includes('(total)');
  const known = EXCEPTIONS.find(([, ...numbers]) => numbers.includes(exception))?.[0];
  return isMoved || isFull || known === undefined ? ['unavailable'] : known;
}

/** The exception of an answer, which may stand in its header or anywhere in its text. */
export function exceptionFault(
  { status, headers }: HttpAnswer,
  exception: number,
  said: string,
  isPublicTable: boolean,
): Fault {
  const [code, variant] = meaningOf(exception, said, isPublicTable);
  return new Fault(code, said, SERVER, {
    status,
    reason: String(exception),
    retryAfterMs: retryAfter(headers),
    spoken: true,
    variants: [variant],
    affectsAll: variant === 'schema' || undefined,
  });
}

/** The columns that an answer must have, in order: which ClickHouse types will do, and the usual one. */
export type Columns = Readonly<Record<string, { readonly type: RegExp; readonly expected: string }>>;

/** What follows "Code: 158. DB::Exception: " is for people; the number is what counts. */
const EXCEPTION = /Code: (\d+)\. DB::Exception: ([^\n]*)/;

/** The first words of an answer that is none, for the person who has to find out who answered. */
function described({ status, headers, body }: HttpAnswer): string {
  const type = headers.get('content-type') ?? 'no content type';
  const title = /<title>([^<]*)<\/title>/i.exec(body)?.[1]?.trim();
  return `it answered ${status} with ${type}${title ? `, titled ${title}` : ''}`;
}

/** A failed answer without an exception: of a proxy, or of something else at this address. */
export function statusFault(answer: HttpAnswer): Fault {
  const { status, headers, body } = answer;
  const details = { status, retryAfterMs: retryAfter(headers) };
  if (/is for clickhouse-client program/.test(body)) {
    return new Fault('wrong-port', body, SERVER, { ...details, variants: ['native'], spoken: true });
  }
  const refused = status === 401 || status === 403 ? 'sign-in-refused' : codeOfStatus(status);
  return new Fault(refused ?? 'not-the-source', described(answer), SERVER, details);
}

const cut = (what: string) => new Fault('connection-broken', what, SERVER);

/**
 * Reads an answer in the format JSONCompact. Of all formats it tells most about itself: names and types of
 * the columns in front, the number of rows at the end, and no part of it is valid alone.
 *
 * @param isPublicTable Whether the table is ClickPy's own, which is known to be there.
 * @throws Fault if it is an error, is cut short, is something else, or has other columns.
 */
export function readAnswer(answer: HttpAnswer, columns: Columns, isPublicTable: boolean): RawRow[] {
  const { status, headers, body } = answer;
  const throwIfException = (text: string, inHeader?: string | null) => {
    const [, number = inHeader, said = text] = EXCEPTION.exec(text) ?? [];
    if (number) throw exceptionFault(answer, Number(number), said, isPublicTable);
  };
  const code = headers.get('x-clickhouse-exception-code');
  if (status < 200 || status > 299 || code !== null) {
    throwIfException(body, code);
    throw statusFault(answer);
  }
  const { meta, data, rows } = parse(answer, throwIfException);
  const names = Object.keys(columns);
  checkColumns(meta, columns);
  const whole =
    Array.isArray(data) &&
    data.length === rows &&
    data.every((row: unknown) => Array.isArray(row) && row.length === names.length);
  if (!whole) throw cut(`it holds other rows than the ${rows} told`);
  return data.map((row: readonly unknown[]) =>
    Object.fromEntries(names.map((name, index) => [name, row[index]])),
  );
}

function parse(
  answer: HttpAnswer,
  throwIfException: (text: string) => void,
): JsonObject & { meta: unknown[] } {
  const { body, status } = answer;
  const foreign = () => new Fault('not-the-source', described(answer), SERVER, { status });
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    // An exception in mid-stream: the status was sent long ago, and the text stands where rows should.
    throwIfException(body);
    if (body === '' || /^\s*\{\s*"(meta|$)/.test(body)) {
      throw cut(`the answer ends after ${body.length} characters`);
    }
    throw foreign();
  }
  if (!isObject(value)) throw foreign();
  // With http_write_exception_in_output_format, the exception is a part of the JSON.
  const { exception, meta } = value;
  if (typeof exception === 'string') throwIfException(exception);
  if (exception !== undefined) throw cut('the answer ends with an exception');
  if (!Array.isArray(meta)) throw foreign();
  return { ...value, meta };
}

function checkColumns(meta: readonly unknown[], columns: Columns): void {
  const found = meta.map(objectOf);
  const expected = Object.entries(columns);
  const fits = expected.every(
    ([name, { type }], index) => found[index]?.['name'] === name && type.test(wordOf(found[index]?.['type'])),
  );
  if (fits && found.length === expected.length) return;
  const names = found.map((column) => `${wordOf(column['name'])} ${wordOf(column['type'])}`).join(', ');
  const wanted = expected.map(([name, column]) => `${name} ${column.expected}`).join(', ');
  throw new Fault('unexpected-answer', `${names} instead of ${wanted}`, SERVER, {
    variants: ['columns'],
    affectsAll: true,
  });
}
