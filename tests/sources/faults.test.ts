import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/errors/codes.ts';
import {
  faultOfAnswer,
  faultOfResult,
  JobFailed,
  signInFault,
  TOKEN,
} from '../../src/sources/bigquery/fault.ts';
import { exceptionFault, statusFault } from '../../src/sources/clickhouse/answer.ts';
import { type HttpAnswer, networkFault } from '../../src/sources/http.ts';
import { Fault, mayPass, sourceErrorOf } from '../../src/sources/source.ts';

const answer = (status: number, body: unknown = '', headers: Record<string, string> = {}): HttpAnswer => ({
  status,
  headers: new Headers(headers),
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

describe('ClickHouse', () => {
  /** Numbers of src/Common/ErrorCodes.cpp that last, by what we call them; ClickHouse has given out 0 to 1003 so far. */
  const LASTING: Partial<Record<ErrorCode, readonly number[]>> = {
    'too-large': [158, 241, 307, 396],
    timeout: [159, 160],
    'sign-in-refused': [192, 193, 194, 497, 516],
    'not-found': [60, 81],
    'unexpected-answer': [16, 43, 47, 53, 70, 386],
    'query-invalid': [62, 115, 164, 452],
    quota: [201],
  };
  const lasting = new Map(
    Object.entries(LASTING).flatMap(([code, numbers]) => numbers.map((number) => [number, code] as const)),
  );
  const all = Array.from({ length: 1_101 }, (_, number) => number);
  const fault = (number: number, said = 'it went wrong.', isPublic = false) =>
    exceptionFault(answer(500), number, said, isPublic);

  it('has exceptions that last; every other number may pass', () => {
    expect(all.filter((number) => !mayPass(fault(number)))).toEqual(
      [...lasting.keys()].toSorted((a, b) => a - b),
    );
    for (const [number, code] of lasting) expect(fault(number).code, String(number)).toBe(code);
    expect([202, 364, 745].map((number) => fault(number).code)).toEqual([
      'rate-limited',
      'rate-limited',
      'unavailable',
    ]);
  });

  it('is in trouble where the whole server has no memory left, or the public table is away', () => {
    expect(mayPass(fault(241, 'Memory limit (total) exceeded: would use 9.3 GiB'))).toBe(true);
    expect(mayPass(fault(60, 'Table pypi.pypi does not exist', true))).toBe(true);
  });

  it('has a sentence for each that says what to do, and ends with what was said', () => {
    for (const number of lasting.keys()) {
      const { message } = sourceErrorOf(fault(number));
      expect(message).toMatch(/^[^;]+; .* \(ClickHouse said: it went wrong\.\)$/);
    }
    expect(sourceErrorOf(fault(62, '')).message).toMatch(/23\.8 or newer$/);
    expect(sourceErrorOf(fault(516, 'no hunter2'), { secrets: ['hunter2'] }).message).toContain(
      'no [removed]',
    );
  });

  it.each<[number, string, ErrorCode, boolean]>([
    [401, '', 'sign-in-refused', false],
    [403, '', 'sign-in-refused', false],
    [408, '', 'unavailable', true],
    [429, '', 'rate-limited', true],
    [503, '', 'unavailable', true],
    [404, '<html>', 'not-the-source', true],
    [302, '', 'not-the-source', true],
    [400, 'Port 9000 is for clickhouse-client program\r\n', 'wrong-port', false],
  ])('without an exception is known by the status %d: %s', (status, body, code, passes) => {
    const found = statusFault(answer(status, body));
    expect([found.code, mayPass(found)]).toEqual([code, passes]);
  });
});

describe('BigQuery', () => {
  /** Reasons of https://cloud.google.com/bigquery/docs/error-messages with their status, and what they are here. */
  const DOCUMENTED: [reason: string, status: number, ofAnswer: ErrorCode, ofJob: ErrorCode][] = [
    ['accessDenied', 403, 'permission', 'permission'],
    ['attributeError', 400, 'source-failed', 'source-failed'],
    ['backendError', 503, 'unavailable', 'job-failed'],
    ['badRequest', 400, 'source-failed', 'source-failed'],
    ['billingNotEnabled', 403, 'billing-disabled', 'billing-disabled'],
    ['billingTierLimitExceeded', 400, 'billing-disabled', 'billing-disabled'],
    ['blocked', 403, 'source-failed', 'source-failed'],
    ['bytesBilledLimitExceeded', 400, 'too-large', 'too-large'],
    ['duplicate', 409, 'source-failed', 'source-failed'],
    ['internalError', 500, 'unavailable', 'job-failed'],
    ['invalid', 400, 'query-invalid', 'query-invalid'],
    ['invalidQuery', 400, 'query-invalid', 'query-invalid'],
    ['invalidUser', 400, 'credentials-refused', 'credentials-refused'],
    ['jobBackendError', 400, 'source-failed', 'job-failed'],
    ['jobInternalError', 400, 'source-failed', 'job-failed'],
    ['jobRateLimitExceeded', 400, 'rate-limited', 'rate-limited'],
    ['notFound', 404, 'not-found', 'not-found'],
    ['notImplemented', 501, 'query-invalid', 'query-invalid'],
    ['proxyAuthenticationRequired', 407, 'source-failed', 'source-failed'],
    ['quotaExceeded', 403, 'quota', 'quota'],
    ['rateLimitExceeded', 403, 'rate-limited', 'rate-limited'],
    ['resourceInUse', 400, 'source-failed', 'source-failed'],
    ['resourcesExceeded', 400, 'too-large', 'too-large'],
    ['responseTooLarge', 403, 'too-large', 'too-large'],
    ['stopped', 200, 'job-stopped', 'job-stopped'],
    ['tableUnavailable', 400, 'source-failed', 'job-failed'],
    ['timeout', 400, 'job-timeout', 'job-timeout'],
    ['neverHeardOf', 400, 'source-failed', 'source-failed'],
  ];
  const LASTING = [
    ...[
      'accessDenied',
      'billingNotEnabled',
      'billingTierLimitExceeded',
      'bytesBilledLimitExceeded',
      'invalid',
    ],
    ...['invalidQuery', 'invalidUser', 'notFound', 'notImplemented', 'quotaExceeded', 'resourcesExceeded'],
    ...['responseTooLarge', 'stopped', 'timeout'],
  ];
  const problem = (reason: string, message = 'said so') => ({ error: { message, errors: [{ reason }] } });

  it.each(DOCUMENTED)('answers %s with %d', (reason, status, ofAnswer, ofJob) => {
    const found = [
      faultOfAnswer(answer(status, problem(reason))),
      faultOfResult({ reason, message: 'said so' }),
    ];
    expect(found.map(({ code }) => code)).toEqual([ofAnswer, ofJob]);
    expect(found.map(mayPass)).toEqual(Array(2).fill(!LASTING.includes(reason)));
    expect(found[1]).toBeInstanceOf(JobFailed);
    for (const fault of found) {
      expect(sourceErrorOf(fault, { jobId: 'j1' }).message).toMatch(
        /^BigQuery: [^;]+; .* \(BigQuery said: said so\) \[job j1\]$/,
      );
    }
  });

  const long = 'has exceeded quota for free query bytes scanned';
  it.each<[string, number, unknown, ErrorCode, RegExp]>([
    ['no token', 401, problem('authError'), 'credentials-refused', /Google refused the credentials/],
    ['the free tier', 403, problem('quotaExceeded', long), 'free-tier', /free tier of this month/],
    ['a disabled API', 403, problem('accessNotConfigured'), 'api-disabled', /gcloud services enable/],
    ['one in words', 403, problem('x', 'has not been used in project 1'), 'api-disabled', /gcloud services/],
    [
      'a location',
      403,
      problem('accessDenied', 'does not exist in location EU'),
      'not-found',
      /location.* US/,
    ],
    ['a large bill', 400, problem('bytesBilledLimitExceeded'), 'too-large', /maximum bytes billed/],
    ['a perimeter', 403, problem('x', 'VPC Service Controls: no'), 'permission', /service perimeter/],
    ['a page of 403', 403, '<html><title>No</title></html>', 'not-the-source', /\(BigQuery said: No\)$/],
    ['nothing at all', 503, '', 'unavailable', /HTTP status 503/],
  ])('says what to do about %s', (_, status, body, code, says) => {
    const fault = faultOfAnswer(answer(status, body));
    expect(fault.code).toBe(code);
    expect(sourceErrorOf(fault).message).toMatch(says);
  });

  it('may have begun a job that it answered with a plain 500, and none that it refused', () => {
    const maybeSent = (status: number) => faultOfAnswer(answer(status, '')).details.maybeSent;
    expect([400, 403, 429, 500, 503].map(maybeSent)).toEqual([false, false, false, true, true]);
  });
});

describe('signing in', () => {
  const refusal = (status: number, data: unknown) => ({ response: { status, data, headers: new Headers() } });

  const disabled = refusal(400, { error: 'invalid_grant', error_description: 'Account has been disabled' });
  it.each<[string, unknown, ErrorCode, RegExp]>([
    ['a disabled account', disabled, 'credentials-refused', /the service account is disabled; enable it/],
    ['an old grant', new Error('invalid_grant: reauth'), 'credentials-refused', /refused the key/],
    ['no network', { code: 'ENOTFOUND', message: 'x' }, 'unreachable', /check the network, DNS/],
  ])('tells %s', (_, error, code, says) => {
    const fault = signInFault(error, TOKEN);
    expect(fault.code).toBe(code);
    expect(sourceErrorOf(fault, { identity: 'key' })).toMatchObject({
      affectsAll: true,
      message: expect.stringMatching(says),
    });
  });
});

describe('the network', () => {
  const SERVER = { step: 'clickhouse', who: 'ClickHouse' } as const;

  it.each<[string, ErrorCode, boolean]>([
    ['ECONNREFUSED', 'unreachable', true],
    ['ENOTFOUND', 'unreachable', true],
    ['EAI_AGAIN', 'unreachable', true],
    ['ENETUNREACH', 'unreachable', true],
    ['ECONNRESET', 'connection-broken', true],
    ['ETIMEDOUT', 'connection-broken', true],
    ['EPIPE', 'connection-broken', true],
    ['ERR_STREAM_PREMATURE_CLOSE', 'connection-broken', true],
    ['Z_BUF_ERROR', 'connection-broken', true],
    ['EPROTO', 'connection-broken', true],
    ['NEVER_HEARD_OF', 'connection-broken', true],
    ['HPE_INVALID_CONSTANT', 'not-the-source', true],
    ['CERT_HAS_EXPIRED', 'clock', false],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate', false],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'certificate', false],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate', false],
    ['PROXY proxy:3128 407', 'proxy-refused', false],
    ['PROXY proxy:3128 403', 'proxy-refused', false],
    ['PROXY proxy:3128 503', 'proxy-unreachable', true],
    ['PROXY proxy:3128 ECONNREFUSED', 'proxy-unreachable', true],
  ])('has %s of Node.js as %s', (name, code, passes) => {
    const fault = networkFault({ code: name, message: 'failed' }, SERVER) as Fault;
    expect([fault.code, mayPass(fault)]).toEqual([code, passes]);
    expect(sourceErrorOf(fault).message).toMatch(/^[^;]+; .*failed\)$/);
  });

  it('knows a port that speaks no TLS', () => {
    const message = 'write EPROTO 40B7:error:0A00010B:SSL routines:ssl3_get_record:wrong version number';
    const fault = networkFault({ code: 'EPROTO', message }, SERVER) as Fault;
    expect(sourceErrorOf(fault).message).toMatch(/^ClickHouse does not speak TLS at this port; /);
  });

  it('has no fault in what Node.js has no name for', () => {
    expect(networkFault(new RangeError('a fault of this program'), SERVER)).toBeUndefined();
  });

  it('is told with how often it was tried', () => {
    const fault = new Fault('unreachable', 'connect ECONNREFUSED', SERVER);
    fault.tries = 6;
    expect(sourceErrorOf(fault).message).toMatch(/\(connect ECONNREFUSED, 6 times\)$/);
  });
});
