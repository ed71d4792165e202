import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/errors/codes.ts';
import type { Endpoint, SourceError } from '../../src/errors/error.ts';
import {
  BIGQUERY,
  faultOfAnswer,
  faultOfResult,
  signInFault,
  TOKEN,
} from '../../src/sources/bigquery/fault.ts';
import { readAnswer } from '../../src/sources/clickhouse/answer.ts';
import { type HttpAnswer, networkFault } from '../../src/sources/http.ts';
import type { Loose } from '../../src/util.ts';

const SERVER: Endpoint = { step: 'clickhouse', who: 'ClickHouse', secrets: ['hunter2'] };

const answer = (status: number, body = ''): HttpAnswer => ({ status, headers: new Headers(), body });

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
  const codeOf = new Map(
    Object.entries(LASTING).flatMap(([code, numbers]) => numbers.map((number) => [number, code] as const)),
  );
  function faultOf(given: HttpAnswer, isPublic = false): SourceError {
    try {
      readAnswer(given, SERVER, isPublic);
    } catch (error) {
      return error as SourceError;
    }
    throw new Error('it is an answer');
  }
  const fault = (number: number, said = 'it went wrong.', isPublic = false) => {
    const headers = new Headers({ 'x-clickhouse-exception-code': String(number) });
    return faultOf({ ...answer(500, said), headers }, isPublic);
  };

  it('has exceptions that last, with a sentence that says what to do; by every other number it is in trouble', () => {
    for (const number of Array.from({ length: 1_101 }, (_, each) => each)) {
      const { code, message } = fault(number);
      expect(code).toBe(codeOf.get(number) ?? ([202, 364].includes(number) ? 'rate-limited' : 'unavailable'));
      expect(message).toMatch(/^[^;]+; .* \(ClickHouse said: it went wrong\.\)$/);
    }
    expect(fault(62, '').message).toMatch(/23\.8 or newer$/);
    expect(fault(516, 'no hunter2').message).toContain('no [removed]');
  });

  it('is in trouble where the whole server has no memory left, or the public table is away', () => {
    const total = fault(241, 'Memory limit (total) exceeded: would use 9.3 GiB');
    const away = fault(60, 'Table pypi.pypi does not exist', true);
    expect([total.code, away.code]).toEqual(['unavailable', 'unavailable']);
  });

  it.each<[ErrorCode, number[]]>([
    ['sign-in-refused', [401, 403]],
    ['unavailable', [408, 503]],
    ['rate-limited', [429]],
    ['not-the-source', [302, 404]],
  ])('without an exception is %s by these statuses: %j', (code, statuses) => {
    for (const status of statuses) expect(faultOf(answer(status)).code).toBe(code);
  });
});

describe('BigQuery', () => {
  const problem = (reason: string, message = 'said so') => ({ error: { message, errors: [{ reason }] } });

  /** Reasons of https://cloud.google.com/bigquery/docs/error-messages with their status, what they are in an answer and of a job. */
  const DOCUMENTED = {
    permission: 'accessDenied 403',
    'source-failed':
      'attributeError 400, badRequest 400, blocked 403, duplicate 409, resourceInUse 400, odd 400, x 407',
    'unavailable job-failed': 'backendError 503, internalError 500',
    'source-failed job-failed': 'jobBackendError 400, jobInternalError 400, tableUnavailable 400',
    'billing-disabled': 'billingNotEnabled 403, billingTierLimitExceeded 400',
    'too-large': 'bytesBilledLimitExceeded 400, resourcesExceeded 400, responseTooLarge 403',
    'query-invalid': 'invalid 400, invalidQuery 400, notImplemented 501',
    'credentials-refused': 'invalidUser 400',
    'rate-limited': 'jobRateLimitExceeded 400, rateLimitExceeded 403',
    'not-found': 'notFound 404',
    quota: 'quotaExceeded 403',
    'job-stopped': 'stopped 200',
    'job-timeout': 'timeout 400',
  };

  it.each(Object.entries(DOCUMENTED))('answers %s for %s', (codes, reasons) => {
    const [ofAnswer = '', ofJob = ofAnswer] = codes.split(' ');
    for (const each of reasons.split(', ')) {
      const [reason = '', status] = each.split(' ');
      const jobFault = { reason, message: 'said so' } as unknown as Loose;
      const found = [
        faultOfAnswer(answer(Number(status)), problem(reason), BIGQUERY),
        faultOfResult(jobFault, BIGQUERY),
      ];
      expect(found.map(({ code }) => code)).toEqual([ofAnswer, ofJob]);
      expect(found.map(({ details }) => details.ofJob)).toEqual([undefined, true]);
      for (const { message } of found) {
        expect(message).toMatch(/^BigQuery: [^;]+; .* \(BigQuery said: said so\)$/);
      }
    }
  });

  const free = problem('quotaExceeded', 'has exceeded quota for free query bytes scanned');
  const elsewhere = problem('accessDenied', 'does not exist in location EU');
  it.each<[string, number, unknown, ErrorCode, RegExp]>([
    ['no token', 401, problem('authError'), 'credentials-refused', /Google refused the credentials/],
    ['the free tier', 403, free, 'free-tier', /free tier of this month/],
    ['a disabled API', 403, problem('accessNotConfigured'), 'api-disabled', /gcloud services enable/],
    ['one in words', 403, problem('x', 'has not been used in project 1'), 'api-disabled', /gcloud services/],
    ['a location', 403, elsewhere, 'not-found', /location.* US/],
    ['a large bill', 400, problem('bytesBilledLimitExceeded'), 'too-large', /maximum bytes billed/],
    ['a perimeter', 403, problem('x', 'VPC Service Controls: no'), 'permission', /service perimeter/],
    ['a page of 403', 403, '<html><title>No</title></html>', 'not-the-source', /\(BigQuery said: No\)$/],
    ['nothing at all', 503, '', 'unavailable', /HTTP status 503/],
  ])('says what to do about %s', (_, status, body, code, says) => {
    const message = expect.stringMatching(says);
    expect(faultOfAnswer(answer(status), body, BIGQUERY)).toMatchObject({ code, message });
  });

  it('may have begun a job that it answered with a plain 500, and none that it refused', () => {
    const maybeSent = (status: number) => faultOfAnswer(answer(status), '', BIGQUERY).details.maybeSent;
    expect([400, 403, 429, 500, 503].map(maybeSent)).toEqual([false, false, false, true, true]);
  });
});

it('is an old grant where the library says so by itself', () => {
  const message = expect.stringMatching(/refused the key/);
  const fault = { code: 'credentials-refused', affectsAll: true, message };
  expect(signInFault(new Error('invalid_grant: reauth'), TOKEN, 'key')).toMatchObject(fault);
});

describe('the network', () => {
  const BROKEN = 'ECONNRESET ETIMEDOUT EPIPE ERR_STREAM_PREMATURE_CLOSE Z_BUF_ERROR EPROTO ODD';
  const UNTRUSTED =
    'DEPTH_ZERO_SELF_SIGNED_CERT UNABLE_TO_VERIFY_LEAF_SIGNATURE ERR_TLS_CERT_ALTNAME_INVALID';
  it.each<[ErrorCode, string]>([
    ['unreachable', 'ECONNREFUSED ENOTFOUND EAI_AGAIN ENETUNREACH'],
    ['connection-broken', BROKEN],
    ['not-the-source', 'HPE_INVALID_CONSTANT'],
    ['clock', 'CERT_HAS_EXPIRED'],
    ['certificate', UNTRUSTED],
  ])('is %s by these names of Node.js: %s', (code, names) => {
    for (const name of names.split(' ')) {
      const found = networkFault({ code: name, message: 'failed' }, SERVER);
      expect(found?.code, name).toBe(code);
      expect(found?.details.maybeSent).toBe(code === 'connection-broken' || code === 'not-the-source');
      expect(found?.message).toMatch(/^[^;]+; .*failed\)$/);
    }
  });

  it('has no fault in what Node.js has no name for', () => {
    expect(networkFault(new RangeError('a fault of this program'), SERVER)).toBeUndefined();
  });
});
