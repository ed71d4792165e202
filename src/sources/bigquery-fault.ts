/*
 * What goes wrong between here and BigQuery, in one shape: Google's libraries report the same fault in
 * half a dozen ways, depending on where it happened.
 */

/** A fault as far as anybody can tell it apart from others. */
export interface Fault {
  /** HTTP status of the answer, if there was one. */
  readonly status?: number;
  /** BigQuery's own name for it (https://cloud.google.com/bigquery/docs/error-messages), or OAuth's. */
  readonly reason?: string;
  /** The operating system's or Node's name for it, such as ECONNRESET. */
  readonly code?: string;
  /** What was said. It may hold anything, so it is not fit for printing as it is. */
  readonly message: string;
}

/** An answer that says no, or that makes no sense. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.message);
    this.fault = fault;
  }
}

/** A job that BigQuery accepted and that then failed: asking for its answer again cannot help. */
export class JobFailed extends ApiError {
  override name = 'JobFailed';
}

/** An answer that is cut short or no JSON at all, such as a proxy's error page. */
export const GARBLED = 'garbled';

function object(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function optional<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [key in K]?: V };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The fault in a job's `errorResult`. */
export function faultOfResult(errorResult: unknown): Fault {
  const { reason, message } = object(errorResult);
  return { ...optional('reason', textOf(reason)), message: textOf(message) ?? 'no reason given' };
}

/**
 * The fault in an answer with an error status.
 *
 * @param body What came with it: BigQuery's `{error: {message, errors: [{reason}]}}`, OAuth's
 * `{error: "invalid_grant", error_description}`, or a proxy's page.
 */
export function faultOfAnswer(status: number, body: unknown): Fault {
  const { error, error_description } = object(body);
  if (typeof error === 'string') {
    return { status, reason: error, message: textOf(error_description) ?? error };
  }
  const { message, errors, status: state } = object(error);
  const reasons = Array.isArray(errors) ? errors.map((inner) => textOf(object(inner)['reason'])) : [];
  const reason = reasons.find((inner) => inner !== undefined) ?? textOf(state);
  return { status, ...optional('reason', reason), message: textOf(message) ?? `HTTP status ${status}` };
}

/** Anything that a request threw, as a fault. */
export function faultOf(error: unknown): Fault {
  if (error instanceof ApiError) return error.fault;
  const { message, code, response, cause } = object(error);
  const { status, data } = object(response);
  if (typeof status === 'number') return faultOfAnswer(status, data);
  const inner = textOf(code) ?? textOf(object(cause)['code']);
  return { ...optional('code', inner), message: textOf(message) ?? String(error) };
}

/** The network between here and there is missing, and not only this one request. */
export const UNREACHABLE: readonly string[] = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTDOWN',
];

/** A connection that broke. */
export const BROKEN: readonly string[] = [
  'ECONNRESET',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
];

const TRANSIENT_STATUS: readonly number[] = [408, 429, 500, 502, 503, 504];

const TRANSIENT_REASONS: readonly string[] = [
  'rateLimitExceeded',
  'jobRateLimitExceeded',
  'backendError',
  'internalError',
  'jobBackendError',
  'jobInternalError',
  'tableUnavailable',
  GARBLED,
];

/** Whether the same request may well work a little later. */
export function isTransient({ status, reason = '', code = '' }: Fault): boolean {
  return (
    (status !== undefined && TRANSIENT_STATUS.includes(status)) ||
    TRANSIENT_REASONS.includes(reason) ||
    UNREACHABLE.includes(code) ||
    BROKEN.includes(code)
  );
}
