import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bigQueryError, isRefusal } from '../../../src/sources/bigquery/error.ts';
import { ApiError, faultOf, isTransient } from '../../../src/sources/bigquery/fault.ts';
import { scrub } from '../../../src/sources/foreign-message.ts';
import { SourceError } from '../../../src/sources/source.ts';

const OPERATIONS = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');

const api = (status: number, reason: string, message = 'said so') =>
  new ApiError({ step: 'bigquery', status, reason, message });
const network = (code: string, message = 'failed') => Object.assign(new Error(message), { code });

/** What Google's libraries throw, whether it may pass, whether it hits all, and how the sentence begins. */
const FAULTS: [string, unknown, boolean, boolean, string][] = [
  [
    'a refused token',
    { response: { status: 400, data: { error: 'invalid_grant', error_description: 'Bad' } } },
    false,
    true,
    'Google refused the credentials',
  ],
  [
    'an unknown client',
    { response: { status: 401, data: { error: 'invalid_client' } } },
    false,
    true,
    'Google refused the credentials',
  ],
  [
    'an old grant',
    new Error('invalid_grant: reauth related error'),
    false,
    true,
    'Google refused the credentials',
  ],
  ['a disabled API', api(403, 'accessNotConfigured'), false, true, 'the BigQuery API is not enabled'],
  [
    'a disabled API, by its message',
    api(403, 'forbidden', 'BigQuery API has not been used in project 1'),
    false,
    true,
    'the BigQuery API is not enabled',
  ],
  [
    'the free tier',
    api(403, 'quotaExceeded', 'exceeded quota for free query bytes scanned'),
    false,
    true,
    'the free tier of this month',
  ],
  ['a custom quota', api(403, 'quotaExceeded'), false, true, 'a quota of the project is used up'],
  [
    'no billing',
    api(403, 'billingNotEnabled'),
    false,
    true,
    'the project may not run this query without billing',
  ],
  ['rate limits', api(403, 'rateLimitExceeded'), true, false, 'BigQuery had too many requests'],
  ['rate limits of jobs', api(400, 'jobRateLimitExceeded'), true, false, 'BigQuery had too many requests'],
  ['429', api(429, ''), true, false, 'BigQuery had too many requests'],
  ['no permission', api(403, 'accessDenied'), false, true, 'permission denied'],
  ['403 by a proxy', { response: { status: 403, data: '<html>' } }, false, true, 'permission denied'],
  ['a missing table', api(404, 'notFound'), false, true, 'not found'],
  ['bad SQL', api(400, 'invalidQuery'), false, true, 'BigQuery does not understand the query'],
  ['a cancelled job', api(200, 'stopped'), false, false, 'somebody else cancelled the job'],
  ['a job past its time', api(400, 'timeout'), false, false, 'BigQuery ended the job at its time limit'],
  ['no network', network('ECONNREFUSED'), true, true, 'BigQuery cannot be reached'],
  ['no DNS', network('EAI_AGAIN'), true, true, 'BigQuery cannot be reached'],
  [
    'no network, as a cause',
    { message: 'failed', cause: { code: 'ENETUNREACH' } },
    true,
    true,
    'BigQuery cannot be reached',
  ],
  ['a reset', network('ECONNRESET'), true, false, 'the connection to BigQuery broke again and again'],
  [
    'an early end',
    network('ERR_STREAM_PREMATURE_CLOSE'),
    true,
    false,
    'the connection to BigQuery broke again and again',
  ],
  [
    'a strange certificate',
    network('SELF_SIGNED_CERT_IN_CHAIN'),
    false,
    true,
    "the server's TLS certificate is not trusted",
  ],
  [
    'a damaged key',
    network('ERR_OSSL_UNSUPPORTED'),
    false,
    true,
    'the private key in the credential file is damaged',
  ],
  ['a portal', api(200, 'garbled'), true, false, 'something that is not BigQuery answered'],
  ['502', api(502, ''), true, false, 'BigQuery is in trouble'],
  [
    'a failing backend',
    new ApiError({ step: 'bigquery', reason: 'jobBackendError', message: 'x' }),
    true,
    false,
    'the job failed inside BigQuery each time',
  ],
  [
    'a table that is away',
    api(400, 'tableUnavailable'),
    true,
    false,
    'the job failed inside BigQuery each time',
  ],
  ['anything else', api(400, 'odd'), false, false, 'BigQuery failed: said so'],
  ['no error at all', 'nonsense', false, false, 'BigQuery failed: nonsense'],
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

  it.each(FAULTS.filter(([, , , , text]) => !text.startsWith('BigQuery failed')))(
    'for %s is explained in docs/operations.md',
    (_, __, ___, affectsAll, text) => {
      const described = ['BigQuery ended the job', 'the private key in'];
      if (described.some((known) => text.startsWith(known))) return;
      const row = OPERATIONS.split('\n').find((line) => line.startsWith(`| \`${text}\``));
      expect(row, text).toBeDefined();
      expect(row?.split('|').at(-2)?.trim()).toBe(affectsAll ? 'yes' : 'no');
    },
  );

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

  it('is one short line, whatever was said', () => {
    const { message } = bigQueryError(api(400, 'odd', `\n\n${'ab '.repeat(500)}\nmore`));
    expect(message).toHaveLength('BigQuery failed: '.length + 200);
    expect(message.endsWith('...')).toBe(true);
    expect(bigQueryError(api(400, 'odd', '\n')).message).toBe('BigQuery failed: ');
  });
});

describe('scrub', () => {
  it.each([
    ['a -----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY----- b', 'a [removed] b'],
    ['a -----BEGIN RSA PRIVATE KEY-----\nMIIE cut', 'a [removed]'],
    ['Authorization: Bearer abc.def-123', 'Authorization: [removed]'],
    ['token ya29.a0Af_x-y', 'token [removed]'],
    ['jwt eyJhbGciOi.eyJpc3Mi.c2ln-_x', 'jwt [removed]'],
    ['refresh 1//0gabcdefghijklmnopqrstuvwxyz', 'refresh [removed]'],
    [`x ${'aB3/'.repeat(16)} y`, 'x [removed] y'],
    [
      'Not found: Table bigquery-public-data:pypi.file_downloads',
      'Not found: Table bigquery-public-data:pypi.file_downloads',
    ],
  ])('%j', (text, expected) => {
    expect(scrub(text)).toBe(expected);
  });

  it('lets no long random text through, wherever it stands', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9+/=_-]{64,200}$/);
    fc.assert(
      fc.property(fc.string(), secret, fc.string(), (before, key, after) => {
        expect(scrub(`${before}${key}${after}`)).not.toContain(key);
      }),
    );
  });
});
