import { codeOf, type ErrorCode } from '../../errors/codes.ts';
import { sanitizeMessage } from '../../errors/sanitize.ts';
import { SourceError } from '../source.ts';

/** A fault as far as anybody can tell it apart from others. */
export interface Fault {
  /** HTTP status of the answer, if there was one. */
  readonly status?: number;
  /** ClickHouse's number for it (https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp). */
  readonly exception?: number;
  /** The operating system's or Node's name for it, such as ECONNRESET. */
  readonly code?: string;
  /** What is wrong with an answer that is none: it ends too early, it is something else, or its columns are others. */
  readonly answer?: 'cut' | 'foreign' | 'columns';
  /** Nothing came in time. In seconds. */
  readonly waited?: number;
  /** How long the server asks to be left alone. In seconds. */
  readonly retryAfter?: number;
  /** What was said. It may hold anything, so it is not fit for printing as it is. */
  readonly message: string;
}

/** One question that failed, before anybody has decided what that means. */
export class ClickHouseFault extends Error {
  override name = 'ClickHouseFault';
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.message);
    this.fault = fault;
  }
}

/** What to do about a fault. */
interface Remedy {
  readonly matches: (fault: Fault) => boolean;
  readonly code: ErrorCode;
  readonly text: string;
  /** Whether every other package would meet the same. */
  readonly affectsAll?: true;
  /** Whether the same question may well be answered a little later. */
  readonly passes?: true;
  /** Whether a smaller question may well be answered. */
  readonly tooMuch?: true;
}

const exception =
  (...numbers: readonly number[]) =>
  (fault: Fault) =>
    fault.exception !== undefined && numbers.includes(fault.exception);

const status =
  (...numbers: readonly number[]) =>
  (fault: Fault) =>
    fault.exception === undefined && fault.status !== undefined && numbers.includes(fault.status);

/** What Node calls by such a code is of one of these kinds, whoever was being talked to. */
const network =
  (...kinds: readonly ErrorCode[]) =>
  ({ code }: Fault) =>
    code !== undefined && kinds.some((kind) => codeOf({ step: 'clickhouse', code, message: '' }) === kind);

/** In the order in which they are tried: the narrow ones first. */
const REMEDIES: readonly Remedy[] = [
  {
    // TOO_MANY_ROWS, TOO_MANY_BYTES, TOO_MANY_ROWS_OR_BYTES.
    matches: exception(158, 307, 396),
    code: 'too-large',
    text: 'a single day of this package is more than the server reads or answers at once; take the package off the list, or use a server or source without this limit',
    tooMuch: true,
  },
  {
    // MEMORY_LIMIT_EXCEEDED, by this query and not by all that the server does.
    matches: (fault) => exception(241)(fault) && !/\(total\)/.test(fault.message),
    code: 'too-large',
    text: 'a single day of this package takes more memory than the server gives to a query; take the package off the list, or use a server or source without this limit',
    tooMuch: true,
  },
  {
    // TIMEOUT_EXCEEDED, TOO_SLOW.
    matches: exception(159, 160),
    code: 'timeout',
    text: 'the server ended the query at its time limit, even for a single day of this package; run again at another hour',
    tooMuch: true,
  },
  {
    // UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, AUTHENTICATION_FAILED.
    matches: (fault) => exception(192, 193, 194, 516)(fault) || status(401, 403)(fault),
    code: 'sign-in-refused',
    text: 'ClickHouse refused the user or the password; check clickhouse.user and clickhouse.password_file in tracked.yaml',
    affectsAll: true,
  },
  {
    // ACCESS_DENIED.
    matches: exception(497),
    code: 'sign-in-refused',
    text: 'the user may not read the table; grant it SELECT on clickhouse.table, or set another clickhouse.user',
    affectsAll: true,
  },
  {
    // UNKNOWN_TABLE, UNKNOWN_DATABASE.
    matches: exception(60, 81),
    code: 'not-found',
    text: 'the table is not there; check clickhouse.table and clickhouse.url in tracked.yaml',
    affectsAll: true,
  },
  {
    // UNKNOWN_IDENTIFIER, NO_SUCH_COLUMN_IN_TABLE, ILLEGAL_TYPE_OF_ARGUMENT, TYPE_MISMATCH, CANNOT_CONVERT_TYPE,
    // NO_COMMON_TYPE.
    matches: exception(47, 16, 43, 53, 70, 386),
    code: 'unexpected-answer',
    text: 'the table lacks a column or has another type for it; check that clickhouse.table has the columns of ClickPy (pypi.pypi)',
    affectsAll: true,
  },
  {
    // UNKNOWN_SETTING, READONLY, SETTING_CONSTRAINT_VIOLATION.
    matches: exception(115, 164, 452),
    code: 'query-invalid',
    text: 'the user may not send the settings that rule out a cut answer (read_overflow_mode and others); give it a profile with readonly = 2',
    affectsAll: true,
  },
  {
    // QUOTA_EXCEEDED: renewed by the hour, which is too long to wait.
    matches: exception(201),
    code: 'rate-limited',
    text: "the user's quota on the server is used up; run again later, and less often",
    affectsAll: true,
  },
  {
    // TOO_MANY_SIMULTANEOUS_QUERIES.
    matches: (fault) => exception(202)(fault) || status(429)(fault),
    code: 'rate-limited',
    text: 'the server has too many requests and asks for a pause; run again later',
    affectsAll: true,
    passes: true,
  },
  {
    // NO_FREE_CONNECTION, SOCKET_TIMEOUT, NETWORK_ERROR, ABORTED, MEMORY_LIMIT_EXCEEDED of the whole server,
    // ALL_CONNECTION_TRIES_FAILED, QUERY_WAS_CANCELLED, SYSTEM_ERROR, CANNOT_SCHEDULE_TASK, KEEPER_EXCEPTION.
    matches: exception(203, 209, 210, 236, 241, 279, 394, 425, 439, 999),
    code: 'unavailable',
    text: 'ClickHouse is in trouble; run again later',
    passes: true,
  },
  {
    matches: ({ exception }) => exception !== undefined,
    code: 'query-invalid',
    text: 'ClickHouse does not understand or refuses the query; check clickhouse.table, and that the server is ClickHouse 23.8 or newer',
    affectsAll: true,
  },
  {
    matches: ({ waited }) => waited !== undefined,
    code: 'timeout',
    text: 'the server did not answer in time; run again later, or raise clickhouse.query_timeout_seconds',
  },
  {
    matches: network('unreachable'),
    code: 'unreachable',
    text: 'ClickHouse cannot be reached; check the network, DNS, and clickhouse.url in tracked.yaml (or CLICKHOUSE_URL)',
    affectsAll: true,
    passes: true,
  },
  {
    matches: network('certificate', 'clock'),
    code: 'certificate',
    text: "the server's TLS certificate is not trusted; check the clock and clickhouse.url, and set NODE_EXTRA_CA_CERTS if it has a CA of its own",
    affectsAll: true,
  },
  {
    matches: (fault) => fault.answer === 'cut' || network('connection-broken')(fault),
    code: 'connection-broken',
    text: 'the connection to ClickHouse broke again and again; check the network',
    passes: true,
  },
  {
    matches: ({ answer }) => answer === 'columns',
    code: 'unexpected-answer',
    text: 'ClickHouse answered with other columns than were asked for; check that clickhouse.table has the columns of ClickPy (pypi.pypi)',
    affectsAll: true,
  },
  {
    matches: status(408, 500, 502, 503, 504),
    code: 'unavailable',
    text: 'ClickHouse, or a proxy before it, is in trouble; run again later',
    passes: true,
  },
  {
    matches: () => true,
    code: 'not-the-source',
    text: 'something that is not ClickHouse answered; check clickhouse.url in tracked.yaml (or CLICKHOUSE_URL) and any proxy',
    affectsAll: true,
  },
];

function remedyOf(fault: Fault): Remedy {
  const found = REMEDIES.find(({ matches }) => matches(fault));
  // The last one matches everything.
  if (found === undefined) throw new Error(fault.message);
  return found;
}

/** Whether the same question may well be answered a little later. */
export function mayPass(fault: Fault): boolean {
  return remedyOf(fault).passes === true;
}

/** Whether it was the size of the question that was refused. */
export function isTooMuch(fault: Fault): boolean {
  return remedyOf(fault).tooMuch === true;
}

/**
 * A fault as a sentence that says what to do. Of the foreign message, one scrubbed line gets through.
 *
 * @param secret What must not be repeated, whatever the server says; may be empty.
 * @param tries How often it was tried.
 */
export function sourceError(fault: Fault, { secret, tries }: { secret: string; tries: number }): SourceError {
  const { code, text, affectsAll = false } = remedyOf(fault);
  const said = sanitizeMessage(fault.message, [secret]);
  return new SourceError(code, `${text} (${said}${tries > 1 ? `, ${tries} times` : ''})`, { affectsAll });
}
