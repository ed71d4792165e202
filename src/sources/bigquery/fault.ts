/*
 * What goes wrong between here and BigQuery, in one shape: Google's libraries report the same fault in
 * half a dozen ways, depending on where it happened.
 */

import { codeOf, ERRORS, type Fault, GARBLED, type Party } from '../../errors/codes.ts';
import { SourceError } from '../source.ts';
import { proxyFault } from './network.ts';

/** Who was asked. */
export type Place = { readonly step: 'bigquery' } | { readonly step: 'sign-in'; readonly party?: Party };

export const BIGQUERY: Place = { step: 'bigquery' };

/** An answer that says no, or that makes no sense, or that never came. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly fault: Fault;
  /** How long the server wants to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(fault: Fault, retryAfterMs?: number) {
    super(fault.message);
    this.fault = fault;
    this.retryAfterMs = retryAfterMs;
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

/** What a page or a plain text says: its title, or all of it. */
function wordsOf(text: string): string {
  const [, title] = /<title>([\s\S]*?)<\/title>/i.exec(text) ?? [];
  return (title ?? text.replaceAll(/<(script|style)[\s\S]*?<\/\1>|<[^>]*>/gi, ' ')).trim();
}

function parsed(body: unknown): unknown {
  if (typeof body !== 'string') return body;
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

/**
 * The fault in an answer with an error status.
 *
 * @param body What came with it: Google's `{error: {message, errors: [{reason}], details: [{reason}]}}`,
 * OAuth's `{error: "invalid_grant", error_description}`, a text, or a proxy's page.
 */
export function faultOfAnswer(status: number, body: unknown, place: Place = BIGQUERY): Fault {
  const answer = parsed(body);
  const silent = `HTTP status ${status}`;
  if (typeof answer === 'string') return { ...place, status, message: wordsOf(answer) || silent };
  const { error, error_description } = object(answer);
  if (typeof error === 'string') {
    const described = textOf(error_description);
    const message = described === undefined ? error : `${error}: ${described}`;
    return { ...place, status, reason: error, message };
  }
  const { message, errors, details, status: state } = object(error);
  const reasons = (list: unknown) =>
    Array.isArray(list) ? list.flatMap((inner) => textOf(object(inner)['reason']) ?? []) : [];
  const [reason] = [...reasons(errors), ...(textOf(state) === undefined ? [] : [String(state)])];
  return {
    ...place,
    status,
    ...optional('reason', reason),
    details: reasons(details),
    message: textOf(message) ?? silent,
  };
}

/** How long an answer asks to wait, in milliseconds; undefined if it does not say. */
export function retryAfter(headers: Headers, now: number): number | undefined {
  const text = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/**
 * Anything that a request threw, as a fault.
 *
 * @param place Who was asked.
 */
export function faultOf(error: unknown, place: Place = BIGQUERY): Fault {
  if (error instanceof ApiError) return error.fault;
  const { message, code, response, cause } = object(error);
  const { status, data } = object(response);
  if (typeof status === 'number') return faultOfAnswer(status, data, place);
  const name = textOf(code) ?? textOf(object(cause)['code']);
  // Of several addresses that were tried in vain, nothing but the code is told.
  const text = (textOf(message) ?? String(error)).replace(/^request to \S+ failed, reason: */, '');
  const proxy = proxyFault(name);
  if (proxy !== undefined) return { step: 'proxy', ...proxy, message: text };
  if (/^Invalid response from metadata service/.test(text)) {
    return { ...place, reason: GARBLED, message: text };
  }
  return { ...place, ...optional('code', name), message: text };
}

/** Whether the same request may well work a little later. */
export function isTransient(fault: Fault): boolean {
  const code = codeOf(fault);
  return code !== undefined && ERRORS[code].passes === true;
}

/** This machine's clock and Google's differ by too much. */
export class ClockSkew extends SourceError {
  override name = 'ClockSkew';
  /** Whether BigQuery had the request when that was found out. */
  readonly arrived: boolean;

  constructor(skewMs: number, arrived: boolean) {
    const minutes = Math.abs(skewMs) / 60_000;
    const [unit, count] =
      minutes < 120
        ? (['minutes', minutes] as const)
        : minutes < 2_880
          ? (['hours', minutes / 60] as const)
          : (['days', minutes / 1_440] as const);
    const off = `${Math.round(count)} ${unit}`;
    const side = skewMs < 0 ? 'behind' : 'ahead of';
    super('clock', `clock: this machine's is ${off} ${side} Google's; set it: timedatectl set-ntp true`);
    this.arrived = arrived;
  }
}

/** Whether BigQuery may have had the request that failed, although there is no answer that says so. */
export function mayHaveArrived(error: unknown): boolean {
  if (error instanceof ClockSkew) return error.arrived;
  const fault = faultOf(error);
  if (fault.step !== 'bigquery') return false;
  const code = codeOf(fault);
  if (code === 'unreachable' || code === 'certificate' || code === 'clock') return false;
  const { status = 0 } = fault;
  return status < 400 || status >= 500;
}
