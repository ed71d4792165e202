import { describe, expect, it } from 'vitest';
import { ERRORS, type ErrorCode, isErrorCode, sentenceOf } from '../../src/errors/codes.ts';

/** Faults about which the place that raises them says more than the table could. */
const SAID_ELSEWHERE = `
  usage configuration credentials-missing credentials-unreadable project-missing proxy-invalid incomplete-window truncated
  upstream-late upstream-back budget duckdb-missing files-missing files-unreadable disk-full disk-readonly disk-permission
  disk-obstacle disk-failed locked lock-lost state-damaged group-incomplete no-health interrupted bug`;

/** Faults after which a smaller query may be answered. */
const REFUSED = 'too-large timeout job-timeout job-failed source-failed unexpected-answer truncated';

const isIn = (list: string, code: string) => list.trim().split(/\s+/).includes(code);

// Which faults may pass, and which end the querying, is compared with docs/operations.md.
describe.each(Object.entries(ERRORS))('%s', (code, { operator, public: told, refused }) => {
  it('has a sentence for strangers that names nobody', () => {
    expect(told).toMatch(/^[A-Z].*\.$/);
    expect(told).not.toMatch(/\{|https?:|roles\/|_|gcloud/);
  });

  it('has sentences for the operator that say what to do, unless they are said elsewhere', () => {
    expect(operator === undefined).toBe(isIn(SAID_ELSEWHERE, code));
    for (const variant of Object.keys(operator ?? { other: '' })) {
      expect(sentenceOf(code as ErrorCode, 'somebody', [variant])).toMatch(/^[^{};]+; [^{}]+[^.]$/);
    }
  });

  it('may be asked for less, or not', () => {
    expect(refused === true).toBe(isIn(REFUSED, code));
  });
});

it('is one of a closed list', () => {
  expect(['permission', 'toString', 7].map(isErrorCode)).toEqual([true, false, false]);
});

it.each([
  [[undefined, 'key', 'clickhouse'], /^it cannot .*CLICKHOUSE_URL/],
  [['toString'], /^it cannot be reached; .*\(HTTPS_PROXY\)$/],
])('has the first sentence that fits, else the one for all others: %j', (variants, says) => {
  expect(sentenceOf('unreachable', 'it', variants)).toMatch(says);
});
