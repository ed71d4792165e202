import type { ErrorCode } from '../../errors/codes.ts';
import { type Endpoint, Fault, type FaultDetails } from '../fault.ts';
import { type HttpAnswer, networkFault, retryAfter } from '../http.ts';

export const BIGQUERY: Endpoint = { step: 'bigquery', who: 'the service' };

/** Somebody who is asked for a token. */
const signIn = (who: string): Endpoint => ({ step: 'sign-in', who });

export const TOKEN = signIn("Google's token endpoint");
export const STS = signIn('the security token service');
export const IAM = signIn('IAM Credentials');
export const METADATA = signIn('the metadata server');
export const SUBJECT = signIn('the source of the token');

type Meaning = readonly [code: ErrorCode, variant?: string];

/** What BigQuery's answers mean whose words say more than their reason. */
const WORDS: readonly (readonly [RegExp, Meaning])[] = [
  [/VPC Service Controls|vpcServiceControlsUniqueIdentifier/, ['permission', 'perimeter']],
  [/insufficient authentication scopes/i, ['permission', 'scopes']],
  [/has not been used in project|SERVICE_DISABLED/, ['api-disabled']],
  [/free query bytes/i, ['free-tier']],
  [/does not exist in location|was not found in location/i, ['not-found', 'location']],
];

/**
 * What BigQuery's reasons mean (https://cloud.google.com/bigquery/docs/error-messages, and those of Google's
 * ErrorInfo, https://google.aip.dev/193), as far as they last or are to be told apart. Every other one may pass.
 */
const REASONS: Readonly<Record<string, Meaning>> = {
  policyViolation: ['permission', 'perimeter'],
  SECURITY_POLICY_VIOLATED: ['permission', 'perimeter'],
  ACCESS_TOKEN_SCOPE_INSUFFICIENT: ['permission', 'scopes'],
  USER_PROJECT_DENIED: ['permission', 'quota-project'],
  accessNotConfigured: ['api-disabled'],
  SERVICE_DISABLED: ['api-disabled'],
  billingNotEnabled: ['billing-disabled'],
  billingTierLimitExceeded: ['billing-disabled'],
  BILLING_DISABLED: ['billing-disabled'],
  quotaExceeded: ['quota'],
  bytesBilledLimitExceeded: ['too-large', 'bill'],
  resourcesExceeded: ['too-large'],
  responseTooLarge: ['too-large'],
  accessDenied: ['permission'],
  IAM_PERMISSION_DENIED: ['permission'],
  authError: ['credentials-refused'],
  invalidUser: ['credentials-refused'],
  notFound: ['not-found'],
  invalid: ['query-invalid'],
  invalidQuery: ['query-invalid'],
  notImplemented: ['query-invalid'],
  stopped: ['job-stopped'],
  timeout: ['job-timeout'],
  rateLimitExceeded: ['rate-limited'],
  jobRateLimitExceeded: ['rate-limited'],
  PERMISSION_DENIED: ['permission'],
};

/** Reasons of a job that failed by no fault of its query. */
const JOB_REASONS = /^(backendError|internalError|jobBackendError|jobInternalError|tableUnavailable)$/;

/** What an answer of BigQuery without any such reason means, by its status. */
function meaningOfStatus(status: number, isPage: boolean): Meaning {
  if (status === 401) return ['credentials-refused'];
  if (status === 429) return ['rate-limited'];
  if (status === 408 || status >= 500) return ['unavailable'];
  return [isPage ? 'not-the-source' : 'source-failed'];
}

function object(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

const textOf = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);

/** What a page or a plain text says: its title, or all of it. */
function wordsOf(text: string): string {
  const [, title] = /<title>([\s\S]*?)<\/title>/i.exec(text) ?? [];
  return (title ?? text.replaceAll(/<(script|style)[\s\S]*?<\/\1>|<[^>]*>/gi, ' ')).trim();
}

/** What an error answer says, by Google's names and in words. */
interface Said {
  /** The narrow ones first. */
  readonly reasons: readonly string[];
  readonly words: string;
  /** Whether it is a text or a page, and none of Google's answers. */
  readonly isPage: boolean;
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
 * Reads an error answer: Google's `{error: {message, errors: [{reason}], details: [{reason}], status}}`, OAuth's
 * `{error: "invalid_grant", error_description}`, a text, or a proxy's page.
 */
function saidIn(body: unknown): Said {
  const answer = parsed(body);
  if (typeof answer === 'string') return { reasons: [], words: wordsOf(answer), isPage: true };
  const { error, error_description: description } = object(answer);
  if (typeof error === 'string') {
    const words = [error, textOf(description)].filter((part) => part !== undefined).join(': ');
    return { reasons: [error], words, isPage: false };
  }
  const { message, errors, details, status } = object(error);
  const list = [...(Array.isArray(details) ? details : []), ...(Array.isArray(errors) ? errors : [])];
  const reasons = [...list.map((each) => object(each)['reason']), status].flatMap(
    (each) => textOf(each) ?? [],
  );
  return { reasons, words: textOf(message) ?? '', isPage: false };
}

function meaningOf({ reasons, words }: Said): Meaning | undefined {
  const [reason = ''] = reasons.filter((each) => Object.hasOwn(REASONS, each));
  return WORDS.find(([pattern]) => pattern.test(words))?.[1] ?? REASONS[reason];
}

function detailsOf(said: Said, variant: string | undefined, more: FaultDetails): FaultDetails {
  const [reason] = said.reasons;
  return {
    spoken: true,
    ...(reason === undefined ? {} : { reason }),
    ...(variant === undefined ? {} : { variants: [variant] }),
    ...more,
  };
}

/** The fault in an answer of BigQuery with an error status. */
export function faultOfAnswer({ status, headers, body }: HttpAnswer): Fault {
  const said = saidIn(body);
  const [code, variant] = meaningOf(said) ?? meaningOfStatus(status, said.isPage);
  // What was refused was not begun; a plain 500 on inserting a job may have started it.
  const more = { status, retryAfterMs: retryAfter(headers), maybeSent: status >= 500 };
  return new Fault(code, said.words || `HTTP status ${status}`, BIGQUERY, detailsOf(said, variant, more));
}

/** A job that BigQuery accepted and that then failed: asking for its answer again cannot help. */
export class JobFailed extends Fault {
  override name = 'JobFailed';
}

/** The fault in a job's `errorResult`. */
export function faultOfResult(errorResult: unknown): JobFailed {
  const { reason = '', message } = object(errorResult);
  const said: Said = {
    reasons: [String(reason)],
    words: textOf(message) ?? 'no reason given',
    isPage: false,
  };
  const otherwise: Meaning = [JOB_REASONS.test(String(reason)) ? 'job-failed' : 'source-failed'];
  const [code, variant] = meaningOf(said) ?? otherwise;
  return new JobFailed(code, said.words, BIGQUERY, detailsOf(said, variant, {}));
}

/** What a refusal to give a token means, by who refused. */
function meaningOfRefusal(endpoint: Endpoint, status: number, words: string): Meaning {
  if (/account.{0,40}disabled/i.test(words)) return ['credentials-refused', 'disabled'];
  switch (endpoint) {
    case IAM:
      return ['impersonation-denied'];
    case SUBJECT:
      return ['subject-token'];
    case METADATA:
      return ['sign-in-refused', 'metadata'];
    case STS:
      return ['credentials-refused', 'federation'];
    default:
      return status === 404 ? ['sign-in-refused'] : ['credentials-refused'];
  }
}

/**
 * Anything that Google's library threw while it signed in.
 *
 * @param endpoint Who was asked.
 */
export function signInFault(error: unknown, endpoint: Endpoint): Fault {
  if (error instanceof Fault) return error;
  const { response, message } = object(error);
  const { status, data, headers } = object(response);
  if (typeof status === 'number' && status >= 400) {
    const said = saidIn(data);
    const passing = status === 429 || status === 408 || status >= 500;
    const [code, variant] = passing
      ? meaningOfStatus(status, false)
      : meaningOfRefusal(endpoint, status, said.words);
    const more = { status, retryAfterMs: retryAfter(headers as Headers) };
    return new Fault(code, said.words || `HTTP status ${status}`, endpoint, detailsOf(said, variant, more));
  }
  const words = textOf(message) ?? String(error);
  const { code: name } = object(error);
  // A file that is not there, and a command that fails, are what the token should have come from.
  const isLocal = /^(\d+|E(NOENT|ACCES|PERM|ISDIR|NOTDIR|LOOP))$/.test(String(name));
  if (/^ERR_INVALID/.test(String(name))) return new Fault('credentials-invalid', words, endpoint);
  const network = isLocal ? undefined : networkFault(error, endpoint);
  if (network !== undefined) return network;
  if (/invalid_(grant|client|rapt)/.test(words)) return new Fault('credentials-refused', words, endpoint);
  if (/DECODER|PEM/.test(words)) return new Fault('credentials-invalid', words, endpoint);
  if (/^Invalid response from metadata service/.test(words))
    return new Fault('not-the-source', words, endpoint);
  return new Fault(endpoint === SUBJECT ? 'subject-token' : 'source-failed', words, endpoint);
}
