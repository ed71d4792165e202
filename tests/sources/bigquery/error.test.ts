import { describe, expect, it } from 'vitest';
import type { Party } from '../../../src/errors/codes.ts';
import { bigQueryError, isRefusal } from '../../../src/sources/bigquery/error.ts';
import { ApiError, faultOf, isTransient } from '../../../src/sources/bigquery/fault.ts';
import { SourceError } from '../../../src/sources/source.ts';

const api = (status: number, reason: string, message = 'said so') =>
  new ApiError({ step: 'bigquery', status, reason, message });
const network = (code: string, message = 'failed') => Object.assign(new Error(message), { code });

const signIn = (party: Party, error: unknown) => new ApiError(faultOf(error, { step: 'sign-in', party }));

/** What Google's libraries throw, whether it may pass, whether it hits all, and how the sentence begins. */
const FAULTS: [string, unknown, boolean, boolean, string][] = [
  [
    'a refused token',
    signIn('token', {
      response: { status: 400, data: { error: 'invalid_grant', error_description: 'Bad' } },
    }),
    false,
    true,
    'sign-in: Google refused the credentials',
  ],
  [
    'an unknown client',
    signIn('token', { response: { status: 401, data: { error: 'invalid_client' } } }),
    false,
    true,
    'sign-in: Google refused the credentials',
  ],
  [
    'an old grant',
    signIn('token', new Error('invalid_grant: reauth related error')),
    false,
    true,
    'sign-in: Google refused the credentials',
  ],
  ['a disabled API', api(403, 'accessNotConfigured'), false, true, 'BigQuery: the API is not enabled'],
  [
    'a disabled API, by its message',
    api(403, 'forbidden', 'BigQuery API has not been used in project 1'),
    false,
    true,
    'BigQuery: the API is not enabled',
  ],
  [
    'the free tier',
    api(403, 'quotaExceeded', 'exceeded quota for free query bytes scanned'),
    false,
    true,
    'BigQuery: the free tier of this month',
  ],
  ['a custom quota', api(403, 'quotaExceeded'), false, true, 'BigQuery: a quota of the project is used up'],
  [
    'no billing',
    api(403, 'billingNotEnabled'),
    false,
    true,
    'BigQuery: the project may not run this query without billing',
  ],
  ['rate limits', api(403, 'rateLimitExceeded'), true, false, 'BigQuery: the service had too many requests'],
  [
    'rate limits of jobs',
    api(400, 'jobRateLimitExceeded'),
    true,
    false,
    'BigQuery: the service had too many requests',
  ],
  ['429', api(429, ''), true, false, 'BigQuery: the service had too many requests'],
  ['no permission', api(403, 'accessDenied'), false, true, 'BigQuery: permission denied'],
  [
    '403 by a proxy',
    { response: { status: 403, data: '<html>' } },
    false,
    true,
    'BigQuery: permission denied',
  ],
  ['a missing table', api(404, 'notFound'), false, true, 'BigQuery: not found'],
  ['bad SQL', api(400, 'invalidQuery'), false, true, 'BigQuery: the query is not understood'],
  ['a cancelled job', api(200, 'stopped'), false, false, 'BigQuery: somebody else cancelled the job'],
  ['a job past its time', api(400, 'timeout'), false, false, 'BigQuery: the job was ended at its time limit'],
  ['no network', network('ECONNREFUSED'), true, true, 'BigQuery: the service cannot be reached'],
  ['no DNS', network('EAI_AGAIN'), true, true, 'BigQuery: the service cannot be reached'],
  [
    'no network, as a cause',
    { message: 'failed', cause: { code: 'ENETUNREACH' } },
    true,
    true,
    'BigQuery: the service cannot be reached',
  ],
  [
    'a reset',
    network('ECONNRESET'),
    true,
    false,
    'BigQuery: the connection to the service broke again and again',
  ],
  [
    'an early end',
    network('ERR_STREAM_PREMATURE_CLOSE'),
    true,
    false,
    'BigQuery: the connection to the service broke again and again',
  ],
  [
    'a strange certificate',
    network('SELF_SIGNED_CERT_IN_CHAIN'),
    false,
    true,
    'BigQuery: the TLS certificate of the service is not trusted',
  ],
  [
    'a damaged key',
    signIn('token', network('ERR_OSSL_UNSUPPORTED')),
    false,
    true,
    'sign-in: the private key in the credential file is damaged',
  ],
  ['a portal', api(200, 'garbled'), true, false, 'BigQuery: something else answered in place of the service'],
  ['502', api(502, ''), true, false, 'BigQuery: the service is in trouble'],
  [
    'a failing backend',
    new ApiError({ step: 'bigquery', reason: 'jobBackendError', message: 'x' }),
    true,
    false,
    'BigQuery: the job failed each time',
  ],
  ['a table that is away', api(400, 'tableUnavailable'), true, false, 'BigQuery: the job failed each time'],
  ['anything else', api(400, 'odd'), false, false, 'BigQuery: the request failed (BigQuery said: said so)'],
  ['no error at all', 'nonsense', false, false, 'BigQuery: the request failed (nonsense)'],
];

describe('a foreign error', () => {
  it.each(FAULTS)('for %s becomes a sentence', (_, error, transient, affectsAll, text) => {
    const sentence = bigQueryError(error, { jobId: 'j1' });
    expect(sentence.message.startsWith(text), sentence.message).toBe(true);
    expect(sentence.message).toMatch(/ \[job j1\]$/);
    expect(sentence.message).not.toContain('\n');
    expect(sentence.affectsAll).toBe(affectsAll);
    expect(isTransient(faultOf(error))).toBe(transient);
    expect(sentence.cause).toBeUndefined();
  });

  it('tells how often it was tried, and what it cost', () => {
    const cost = { bytesProcessed: 1, bytesBilled: 2, cacheHit: false };
    const error = bigQueryError(api(503, ''), { tries: 6, cost });
    expect(error.message).toMatch(/\(BigQuery said: said so, 6 times\)$/);
    expect(error.cost).toBe(cost);
  });

  it('that is a sentence already only gets what it lacks', () => {
    const own = new SourceError('credentials-missing', 'the key is missing');
    expect(bigQueryError(own, { jobId: 'j' })).toMatchObject({
      message: 'the key is missing [job j]',
      affectsAll: true,
    });
    expect(isRefusal(bigQueryError(new SourceError('query-invalid', 'no')))).toBe(true);
    expect(isRefusal(bigQueryError(own))).toBe(false);
  });

  it('is one line of at most 300 characters', () => {
    const said = (text: string) => bigQueryError(api(400, 'odd', text)).message;
    expect(said('one\n\n  two\tthree\n')).toBe('BigQuery: the request failed (BigQuery said: one two three)');
    expect(said('ab '.repeat(500))).toMatch(
      /^BigQuery: the request failed \(BigQuery said: (ab ?){99}\.\.\.\)$/,
    );
    expect(said('\n')).toBe('BigQuery: the request failed');
  });

  it.each([
    ['several addresses, all refused', 'request to http://localhost:1/x failed, reason: ', 'ECONNREFUSED'],
    ['one address', 'request to https://x/y?z failed, reason: connect ECONNREFUSED ::1:1', 'ECONNREFUSED'],
  ])('of %s has a reason', (_, message, code) => {
    expect(bigQueryError(network(code, message)).message).toMatch(
      /proxy \(HTTPS_PROXY\) \((connect )?ECONNREFUSED/,
    );
  });
});
