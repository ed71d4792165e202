import type { ErrorCode } from '../../errors/codes.ts';
import { codeOfStatus, type HttpAnswer, networkFault, retryAfter } from '../http.ts';
import { objectOf } from '../rows.ts';
import { type Endpoint, Fault, type FaultDetails } from '../source.ts';

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

/**
 * Reads an error answer: Google's `{error: {message, errors: [{reason}], details: [{reason}], status}}`, OAuth's
 * `{error: "invalid_grant", error_description}`, a text, or a proxy's page.
 */
function saidIn(body: unknown): Said {
  let answer = body;
  try {
    if (typeof body === 'string') answer = JSON.parse(body);
  } catch {
    // A text or a page.
  }
  if (typeof answer === 'string') return { reasons: [], words: wordsOf(answer), isPage: true };
  const { error, error_description: description } = objectOf(answer);
  if (typeof error === 'string') {
    const words = [error, textOf(description)].filter((part) => part !== undefined).join(': ');
    return { reasons: [error], words, isPage: false };
  }
  const { message, errors, details, status } = objectOf(error);
  const reasons = [details, errors].flat().map((each) => objectOf(each)['reason']);
  return {
    reasons: [...reasons, status].flatMap((each) => textOf(each) ?? []),
    words: textOf(message) ?? '',
    isPage: false,
  };
}

function meaningOf({ reasons, words }: Said): Meaning | undefined {
  const [reason = ''] = reasons.filter((each) => Object.hasOwn(REASONS, each));
  return WORDS.find(([pattern]) => pattern.test(words))?.[1] ?? REASONS[reason];
}

const detailsOf = ({ reasons }: Said, variant: string | undefined, more: FaultDetails): FaultDetails => ({
  spoken: true,
  reason: reasons[0],
  variants: [variant],
  ...more,
});

/** The fault in an answer of BigQuery with an error status. */
export function faultOfAnswer({ status, headers, body }: HttpAnswer): Fault {
  const said = saidIn(body);
  const refused = status === 401 ? 'credentials-refused' : codeOfStatus(status);
  const [code, variant] = meaningOf(said) ?? [refused ?? (said.isPage ? 'not-the-source' : 'source-failed')];
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
  const { reason = '', message } = objectOf(errorResult);
  const words = textOf(message) ?? 'no reason given';
  const said: Said = { reasons: [String(reason)], words, isPage: false };
  const otherwise: Meaning = [JOB_REASONS.test(String(reason)) ? 'job-failed' : 'source-failed'];
  const [code, variant] = meaningOf(said) ?? otherwise;
  return new JobFailed(code, said.words, BIGQUERY, detailsOf(said, variant, {}));
}

/** What a refusal to give a token means, by who refused. */
const REFUSALS: ReadonlyMap<Endpoint, Meaning> = new Map<Endpoint, Meaning>([
  [IAM, ['impersonation-denied']],
  [SUBJECT, ['subject-token']],
  [METADATA, ['sign-in-refused', 'metadata']],
  [STS, ['credentials-refused', 'federation']],
]);

function meaningOfRefusal(endpoint: Endpoint, status: number, words: string): Meaning {
  if (/account.{0,40}disabled/i.test(words)) return ['credentials-refused', 'disabled'];
  return REFUSALS.get(endpoint) ?? [status === 404 ? 'sign-in-refused' : 'credentials-refused'];
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
 * @param endpoint Who was asked.
 */
export function signInFault(error: unknown, endpoint: Endpoint): Fault {
  if (error instanceof Fault) return error;
  const { response, message } = objectOf(error);
  const { status, data, headers } = objectOf(response);
  if (typeof status === 'number' && status >= 400) {
    const said = saidIn(data);
    const passing = codeOfStatus(status);
    const [code, variant] = passing ? [passing] : meaningOfRefusal(endpoint, status, said.words);
    const more = { status, retryAfterMs: retryAfter(headers as Headers) };
    return new Fault(code, said.words || `HTTP status ${status}`, endpoint, detailsOf(said, variant, more));
  }
  const words = textOf(message) ?? String(error);
  const name = String(objectOf(error)['code']);
  if (/^ERR_INVALID/.test(name)) return new Fault('credentials-invalid', words, endpoint);
  // A file that is not there, and a command that fails, are what the token should have come from.
  const isLocal = /^(\d+|E(NOENT|ACCES|PERM|ISDIR|NOTDIR|LOOP))$/.test(name);
  const network = isLocal ? undefined : networkFault(error, endpoint);
  if (network !== undefined) return network;
  const otherwise = endpoint === SUBJECT ? 'subject-token' : 'source-failed';
  const known = SIGN_IN_WORDS.find(([pattern]) => pattern.test(words))?.[1];
  return new Fault(known ?? otherwise, words, endpoint);
}
