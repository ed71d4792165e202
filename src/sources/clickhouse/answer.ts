import { type Endpoint, fault, type SourceError } from '../../errors/error.ts';
import { jsonOf, objectOf } from '../../util.ts';
import { codeOfStatus, type HttpAnswer, retryAfter } from '../http.ts';
import type { RawRow } from '../rows.ts';
import type { Meaning } from '../source.ts';

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
  [['not-found', 'table'], UNKNOWN_TABLE],
  // UNKNOWN_DATABASE.
  [['not-found'], 81],
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

/** @param isPublicTable Whether the table is ClickPy's own, which is there, whatever its server says while it is moved. */
function meaningOf(exception: number, said: string, isPublicTable: boolean): Meaning {
  const isMoved = exception === UNKNOWN_TABLE && isPublicTable;
  // What all queries take together is not this one's fault.
  const isFull = exception === MEMORY_LIMIT_EXCEEDED && said.includes('(total)');
  const known = EXCEPTIONS.find(([, ...numbers]) => numbers.includes(exception))?.[0];
  return isMoved || isFull || known === undefined ? ['unavailable'] : known;
}

/** What follows "Code: 158. DB::Exception: " is for people; the number is what counts. */
const EXCEPTION = /Code: (\d+)\. DB::Exception: ([^\n]*)/;

/** The first words of an answer that is none, for the person who has to find out who answered. */
function described({ status, headers, body }: HttpAnswer): string {
  const type = headers.get('content-type') ?? 'no content type';
  const title = /<title>([^<]*)<\/title>/i.exec(body)?.[1]?.trim();
  return `it answered ${status} with ${type}${title ? `, titled ${title}` : ''}`;
}

/** A failed answer without an exception: of a proxy, or of something else at this address. */
function statusFault(answer: HttpAnswer, server: Endpoint): SourceError {
  const { status, headers, body } = answer;
  const details = { status, retryAfterMs: retryAfter(headers) };
  if (/is for clickhouse-client program/.test(body)) {
    return fault('wrong-port', body, server, { ...details, variant: 'native', spoken: true });
  }
  const refused = status === 401 || status === 403 ? 'sign-in-refused' : codeOfStatus(status);
  return fault(refused ?? 'not-the-source', described(answer), server, details);
}

/**
 * Reads an answer in the format JSONCompact. Of all formats it tells most about itself: the names of its columns in front,
 * the number of rows at the end, and no part of it is valid alone.
 *
 * @throws SourceError if it is an error, is cut short, or is something else.
 */
export function readAnswer(answer: HttpAnswer, server: Endpoint, isPublicTable: boolean): RawRow[] {
  const { status, headers, body } = answer;
  const cut = (what: string) => fault('connection-broken', what, server);
  const foreign = () => fault('not-the-source', described(answer), server, { status });
  /** An exception may stand in the header, or anywhere in the text. */
  const throwIfException = (text: string, inHeader?: string | null) => {
    const [, number = inHeader, said = text] = EXCEPTION.exec(text) ?? [];
    if (!number) return;
    const [code, variant] = meaningOf(Number(number), said, isPublicTable);
    const details = { status, retryAfterMs: retryAfter(headers), spoken: true, variant };
    throw fault(code, said, server, { ...details, ...(variant === 'schema' && { affectsAll: true }) });
  };
  const code = headers.get('x-clickhouse-exception-code');
  if (status < 200 || status > 299 || code !== null) {
    throwIfException(body, code);
    throw statusFault(answer, server);
  }
  const value = jsonOf(body);
  if (value === undefined) {
    // An exception in mid-stream: the status was sent long ago, and the text stands where rows should.
    throwIfException(body);
    if (body === '' || /^\s*\{\s*"(meta|$)/.test(body)) {
      throw cut(`the answer ends after ${body.length} characters`);
    }
    throw foreign();
  }
  const { exception, meta, data, rows } = objectOf(value);
  // With http_write_exception_in_output_format, the exception is a part of the JSON.
  if (typeof exception === 'string') throwIfException(exception);
  if (exception !== undefined) throw cut('the answer ends with an exception');
  if (!Array.isArray(meta)) throw foreign();
  const names = meta.map((column) => objectOf(column)['name'] as string);
  // Where days are instants, the query would find rows, if there are any, and group them wrongly.
  const dayType = String(objectOf(meta[names.indexOf('day')])['type'] ?? 'Date');
  if (!/^(Nullable\()?Date(32)?\)?$/.test(dayType)) {
    const details = { variant: 'schema', affectsAll: true } as const;
    throw fault('unexpected-answer', `day is ${dayType}`, server, details);
  }
  const isRow = (row: unknown) => Array.isArray(row) && row.length === names.length;
  if (!Array.isArray(data) || data.length !== rows || !data.every(isRow)) {
    throw cut(`it holds other rows than the ${rows} told`);
  }
  return data.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index]])));
}
