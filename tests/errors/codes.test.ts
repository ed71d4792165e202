import { describe, expect, it } from 'vitest';
import { ERROR_CODES, ERRORS, type ErrorKind, isErrorCode, sentenceOf } from '../../src/errors/codes.ts';

/** Faults about which the place that raises them says more than the table could. */
const SAID_ELSEWHERE = [
  ...['usage', 'configuration', 'credentials-missing', 'credentials-unreadable', 'project-missing'],
  ...['proxy-invalid', 'incomplete-window', 'truncated', 'upstream-late', 'upstream-back', 'budget'],
  ...['duckdb-missing', 'files-missing', 'files-unreadable', 'disk-full', 'disk-readonly', 'disk-permission'],
  ...['disk-obstacle', 'disk-failed', 'locked', 'lock-lost', 'state-damaged', 'group-incomplete'],
  ...['no-health', 'interrupted', 'bug'],
];

/** Faults after which a smaller query may be answered. */
const REFUSED = 'too-large timeout job-timeout job-failed source-failed unexpected-answer truncated'.split(
  ' ',
);

// Which faults may pass, and which end the querying, is compared with docs/operations.md.
describe.each(ERROR_CODES)('%s', (code) => {
  const { operator, public: told, refused }: ErrorKind = ERRORS[code];

  it('has a sentence for strangers that names nobody', () => {
    expect(told).toMatch(/^[A-Z].*\.$/);
    expect(told).not.toMatch(/\{|https?:|roles\/|_|gcloud/);
  });

  it('has sentences for the operator that say what to do, unless they are said elsewhere', () => {
    expect(operator === undefined).toBe(SAID_ELSEWHERE.includes(code));
    const variants = typeof operator === 'object' ? Object.keys(operator) : ['other'];
    for (const variant of variants) {
      expect(sentenceOf(code, 'somebody', [variant])).toMatch(/^[^{};]+; [^{}]+[^.]$/);
    }
  });

  it('may be asked for less, or not', () => {
    expect(refused === true).toBe(REFUSED.includes(code));
  });
});

it('is one of a closed list', () => {
  expect(isErrorCode('permission')).toBe(true);
  expect(isErrorCode('toString')).toBe(false);
  expect(isErrorCode(7)).toBe(false);
});

it('takes the first sentence that fits, else the one for all others', () => {
  expect(sentenceOf('unreachable', 'it', [undefined, 'key', 'clickhouse'])).toMatch(
    /^it cannot .*CLICKHOUSE_URL/,
  );
  expect(sentenceOf('unreachable', 'it', ['toString'])).toMatch(/^it cannot be reached; .*\(HTTPS_PROXY\)$/);
});
