import { describe, expect, it } from 'vitest';
import { ERROR_CODES, ERRORS, type ErrorKind, isErrorCode, sentenceOf } from '../../src/errors/codes.ts';

describe.each(ERROR_CODES)('%s', (code) => {
  const { operator = { other: '' }, public: told }: ErrorKind = ERRORS[code];

  it('has a sentence for strangers that names nobody', () => {
    expect(told).toMatch(/^[A-Z].*\.$/);
    expect(told).not.toMatch(/\{|https?:|roles\/|_|gcloud/);
  });

  it('has sentences for the operator that say what to do', () => {
    const variants = typeof operator === 'string' ? ['other'] : Object.keys(operator);
    for (const variant of variants) {
      expect(sentenceOf(code, 'somebody', [variant])).toMatch(/^[^{};]+; [^{}]+[^.]$/);
    }
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
