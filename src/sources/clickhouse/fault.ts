import type { ErrorCode } from '../../errors/codes.ts';
import { type Endpoint, Fault, type FaultDetails } from '../fault.ts';
import { type HttpAnswer, retryAfter } from '../http.ts';

export const SERVER: Endpoint = { step: 'clickhouse', who: 'ClickHouse' };

type Meaning = readonly [code: ErrorCode, variant?: string, affectsAll?: true];

const UNKNOWN_TABLE = 60;
const MEMORY_LIMIT_EXCEEDED = 241;

/**
 * What ClickHouse's exceptions mean (src/Common/ErrorCodes.cpp there), as far as they last. Every other number may
 * pass: a server that is overloaded, starts or loses its disks has hundreds of them.
 */
const LASTING: readonly (readonly [numbers: readonly number[], meaning: Meaning])[] = [
  // TOO_MANY_ROWS, TOO_MANY_BYTES, TOO_MANY_ROWS_OR_BYTES.
  [[158, 307, 396], ['too-large']],
  [[MEMORY_LIMIT_EXCEEDED], ['too-large', 'memory']],
  // TIMEOUT_EXCEEDED, TOO_SLOW.
  [
    [159, 160],
    ['timeout', 'other'],
  ],
  // UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, AUTHENTICATION_FAILED.
  [[192, 193, 194, 516], ['sign-in-refused']],
  // ACCESS_DENIED.
  [[497], ['sign-in-refused', 'grant']],
  // UNKNOWN_TABLE, UNKNOWN_DATABASE.
  [[UNKNOWN_TABLE, 81], ['not-found']],
  // NO_SUCH_COLUMN_IN_TABLE, ILLEGAL_TYPE_OF_ARGUMENT, UNKNOWN_IDENTIFIER, TYPE_MISMATCH, CANNOT_CONVERT_TYPE,
  // NO_COMMON_TYPE.
  [
    [16, 43, 47, 53, 70, 386],
    ['unexpected-answer', 'schema', true],
  ],
  // SYNTAX_ERROR.
  [[62], ['query-invalid']],
  // UNKNOWN_SETTING, READONLY, SETTING_CONSTRAINT_VIOLATION.
  [
    [115, 164, 452],
    ['query-invalid', 'settings'],
  ],
  // QUOTA_EXCEEDED: renewed by the hour, which is too long to wait.
  [[201], ['quota']],
];

/** TOO_MANY_SIMULTANEOUS_QUERIES, RECEIVED_ERROR_TOO_MANY_REQUESTS. */
const BUSY = [202, 364];

/** What an exception means, by its number. */
function meaningOf(exception: number, said: string, isPublicTable: boolean): Meaning {
  // The public table is there, whatever its server says while it is moved.
  if (exception === UNKNOWN_TABLE && isPublicTable) return ['unavailable'];
  // What all queries take together is not this one's fault.
  if (exception === MEMORY_LIMIT_EXCEEDED && said.includes('(total)')) return ['unavailable'];
  const known = LASTING.find(([numbers]) => numbers.includes(exception))?.[1];
  return known ?? (BUSY.includes(exception) ? ['rate-limited'] : ['unavailable']);
}

/** The exception of an answer, which may stand in its header or anywhere in its text. */
export function exceptionFault(
  { status, headers }: HttpAnswer,
  exception: number,
  said: string,
  isPublicTable: boolean,
): Fault {
  const [code, variant, affectsAll] = meaningOf(exception, said, isPublicTable);
  const details: FaultDetails = {
    status,
    reason: String(exception),
    retryAfterMs: retryAfter(headers),
    spoken: true,
    ...(variant === undefined ? {} : { variants: [variant] }),
    ...(affectsAll === undefined ? {} : { affectsAll }),
  };
  return new Fault(code, said, SERVER, details);
}

/** A failed answer without an exception: of a proxy, or of something else at this address. */
export function statusFault({ status, headers, body }: HttpAnswer, described: string): Fault {
  const details = { status, retryAfterMs: retryAfter(headers) };
  if (/is for clickhouse-client program/.test(body)) {
    return new Fault('wrong-port', body, SERVER, { ...details, variants: ['native'], spoken: true });
  }
  const code: ErrorCode =
    status === 401 || status === 403
      ? 'sign-in-refused'
      : status === 429
        ? 'rate-limited'
        : status === 408 || status >= 500
          ? 'unavailable'
          : 'not-the-source';
  return new Fault(code, described, SERVER, details);
}
