/*
 * What goes wrong between here and BigQuery, in one shape: Google's libraries report the same fault in
 * half a dozen ways, depending on where it happened.
 */

import { codeOf, ERRORS, type Fault } from '../../errors/codes.ts';

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
  return {
    step: 'bigquery',
    ...optional('reason', textOf(reason)),
    message: textOf(message) ?? 'no reason given',
  };
}

/**
 * The fault in an answer with an error status.
 *
 * @param body What came with it: BigQuery's `{error: {message, errors: [{reason}]}}`, OAuth's
 * `{error: "invalid_grant", error_description}`, or a proxy's page.
 */
export function faultOfAnswer(status: number, body: unknown): Fault {
  const step = 'bigquery';
  const { error, error_description } = object(body);
  if (typeof error === 'string') {
    return { step, status, reason: error, message: textOf(error_description) ?? error };
  }
  const { message, errors, status: state } = object(error);
  const reasons = Array.isArray(errors) ? errors.map((inner) => textOf(object(inner)['reason'])) : [];
  const reason = reasons.find((inner) => inner !== undefined) ?? textOf(state);
  return { step, status, ...optional('reason', reason), message: textOf(message) ?? `HTTP status ${status}` };
}

/** Anything that a request threw, as a fault. */
export function faultOf(error: unknown): Fault {
  if (error instanceof ApiError) return error.fault;
  const { message, code, response, cause } = object(error);
  const { status, data } = object(response);
  if (typeof status === 'number') return faultOfAnswer(status, data);
  const inner = textOf(code) ?? textOf(object(cause)['code']);
  return { step: 'bigquery', ...optional('code', inner), message: textOf(message) ?? String(error) };
}

/** Whether the same request may well work a little later. */
export function isTransient(fault: Fault): boolean {
  const code = codeOf(fault);
  return code !== undefined && ERRORS[code].passes === true;
}
