import type { GaxiosError } from 'gaxios';
import type { ErrorCode } from '../../errors/codes.ts';
import { type Endpoint, type FaultDetails, fault, SourceError } from '../../errors/error.ts';
import { jsonOf, type Loose } from '../../util.ts';
import { codeOfStatus, type HttpAnswer, networkFault, retryAfter } from '../http.ts';
import type { Meaning } from '../source.ts';
import type { Identity } from './credentials.ts';

export const BIGQUERY: Endpoint = { step: 'bigquery', who: 'the service' };

/** Somebody who is asked for a token, and what a refusal of theirs means. */
export interface AuthEndpoint extends Endpoint {
  readonly refusal: Meaning;
}

const authEndpoint = (who: string, ...refusal: Meaning): AuthEndpoint => ({ step: 'sign-in', who, refusal });

export const TOKEN = authEndpoint("Google's token endpoint", 'credentials-refused');
export const STS = authEndpoint('the security token service', 'credentials-refused', 'federation');
export const IAM = authEndpoint('IAM Credentials', 'impersonation-denied');
export const METADATA = authEndpoint('the metadata server', 'sign-in-refused', 'metadata');
export const SUBJECT = authEndpoint('the source of the token', 'subject-token');

/**
 * What BigQuery's answers mean, as far as they last or are to be told apart; every other one may pass. A sign is a pattern
 * of its words, which say more than its reason, or one of BigQuery's reasons
 * (https://cloud.google.com/bigquery/docs/error-messages) and of Google's ErrorInfo (https://google.aip.dev/193).
 */
const MEANINGS: readonly (readonly [Meaning, ...signs: (string | RegExp)[]])[] = [
  [['permission', 'perimeter'], /VPC ?Service ?Controls/i, 'policyViolation', 'SECURITY_POLICY_VIOLATED'],
  [['permission', 'scopes'], /insufficient authentication scopes/i, 'ACCESS_TOKEN_SCOPE_INSUFFICIENT'],
  [['permission', 'quota-project'], 'USER_PROJECT_DENIED'],
  [['permission'], 'accessDenied', 'IAM_PERMISSION_DENIED', 'PERMISSION_DENIED'],
  [
    ['api-disabled'],
    /has not been used in project|SERVICE_DISABLED/,
    'accessNotConfigured',
    'SERVICE_DISABLED',
  ],
  [['billing-disabled'], 'billingNotEnabled', 'billingTierLimitExceeded', 'BILLING_DISABLED'],
  [['free-tier'], /free query bytes/i],
  [['quota'], 'quotaExceeded'],
  [['too-large', 'bill'], 'bytesBilledLimitExceeded'],
  [['too-large'], 'resourcesExceeded', 'responseTooLarge'],
  [['credentials-refused'], 'authError', 'invalidUser'],
  [['not-found', 'location'], /does not exist in location|was not found in location/i],
  [['not-found'], 'notFound'],
  [['query-invalid'], 'invalid', 'invalidQuery', 'notImplemented'],
  [['job-stopped'], 'stopped'],
  [['job-timeout'], 'timeout'],
  [['rate-limited'], 'rateLimitExceeded', 'jobRateLimitExceeded'],
];

/** Reasons of a job that failed by no fault of its query. */
const JOB_REASONS = /^(backendError|internalError|jobBackendError|jobInternalError|tableUnavailable)$/;

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
  readonly isPage?: true;
}

/**
 * Reads an error answer: Google's `{error: {message, errors: [{reason}], details: [{reason}], status}}`, OAuth's
 * `{error: "invalid_grant", error_description}`, a text, or a proxy's page.
 */
function saidIn(value: unknown): Said {
  if (typeof value === 'string') return { reasons: [], words: wordsOf(value), isPage: true };
  const { error, error_description } = (value ?? {}) as Loose;
  const name = textOf(error);
  if (name !== undefined) {
    return { reasons: [name], words: [name, textOf(error_description) ?? []].flat().join(': ') };
  }
  const { message, errors, details, status } = error ?? {};
  const reasons = [details, errors].flat().map((each) => each?.['reason']);
  return {
    reasons: [...reasons, status].flatMap((each) => textOf(each) ?? []),
    words: textOf(message) ?? '',
  };
}

function meaningOf({ reasons, words }: Said): Meaning | undefined {
  const meaningBy = (fits: (sign: string | RegExp) => boolean) =>
    MEANINGS.find(([, ...signs]) => signs.some(fits))?.[0];
  const byWords = meaningBy((sign) => sign instanceof RegExp && sign.test(words));
  return byWords ?? reasons.map((reason) => meaningBy((sign) => sign === reason)).find(Boolean);
}

/** A fault in Google's own words. */
function spokenFault([code, variant]: Meaning, words: string, endpoint: Endpoint, more: FaultDetails) {
  const said = words || (more.status === undefined ? 'no reason given' : `HTTP status ${more.status}`);
  return fault(code, said, endpoint, { spoken: true, variant, ...more });
}

/**
 * The fault in an answer of BigQuery with an error status.
 *
 * @param value What the body is as JSON; its text where it is none.
 */
export function faultOfAnswer(
  { status, headers }: Omit<HttpAnswer, 'body'>,
  value: unknown,
  endpoint: Endpoint,
): SourceError {
  const said = saidIn(value);
  const refused = status === 401 ? 'credentials-refused' : codeOfStatus(status);
  const meaning: Meaning = meaningOf(said) ?? [refused ?? (said.isPage ? 'not-the-source' : 'source-failed')];
  // What was refused was not begun; a plain 500 on inserting a job may have started it.
  const more = { status, retryAfterMs: retryAfter(headers), maybeSent: status >= 500 };
  return spokenFault(meaning, said.words, endpoint, more);
}

/** The fault in the `errorResult` of a job that BigQuery accepted and that then failed. */
export function faultOfResult({ reason, message }: Loose, endpoint: Endpoint): SourceError {
  const [name, words] = [String(reason), textOf(message) ?? ''];
  const failed = JOB_REASONS.test(name) ? 'job-failed' : 'source-failed';
  return spokenFault(meaningOf({ reasons: [name], words }) ?? [failed], words, endpoint, { ofJob: true });
}

function meaningOfRefusal(asked: AuthEndpoint, status: number, words: string): Meaning {
  if (/account.{0,40}disabled/i.test(words)) return ['credentials-refused', 'disabled'];
  return asked === TOKEN && status === 404 ? ['sign-in-refused'] : asked.refusal;
}

/** What Google's library says by itself. */
const SIGN_IN_WORDS: readonly (readonly [RegExp, ErrorCode])[] = [
  [/invalid_(grant|client|rapt)/, 'credentials-refused'],
  [/DECODER|PEM/, 'credentials-invalid'],
  [/^Invalid response from metadata service/, 'not-the-source'],
];

/**
 * Anything that Google's library threw while it signed in.
 *
 * @param asked Who was asked.
 */
export function signInFault(error: unknown, asked: AuthEndpoint, identity: Identity): SourceError {
  if (error instanceof SourceError) return error;
  const endpoint = { ...asked, identity };
  const { response, message, code } = error as Partial<GaxiosError<unknown>>;
  if (response !== undefined && response.status >= 400) {
    const { status, data, headers } = response;
    const { words } = saidIn(typeof data === 'string' ? (jsonOf(data) ?? data) : data);
    const passing = codeOfStatus(status);
    const meaning: Meaning = passing ? [passing] : meaningOfRefusal(asked, status, words);
    return spokenFault(meaning, words, endpoint, { status, retryAfterMs: retryAfter(headers) });
  }
  const words = textOf(message) ?? String(error);
  const name = String(code);
  if (/^ERR_INVALID/.test(name)) return fault('credentials-invalid', words, endpoint);
  // A file that is not there, and a command that fails, are what the token should have come from.
  const isLocal = /^(\d+|E(NOENT|ACCES|PERM|ISDIR|NOTDIR|LOOP))$/.test(name);
  const network = isLocal ? undefined : networkFault(error, endpoint);
  if (network !== undefined) return network;
  const known = SIGN_IN_WORDS.find(([pattern]) => pattern.test(words))?.[1];
  return fault(known ?? (asked === SUBJECT ? 'subject-token' : 'source-failed'), words, endpoint);
}
