import { describe, expect, it } from 'vitest';
import {
  codeOf,
  ERROR_CODES,
  ERRORS,
  type ErrorKind,
  type Fault,
  isErrorCode,
  remedyOf,
  type Sign,
} from '../../src/errors/codes.ts';

/** Every fault that a sign describes by names; patterns are left to the tests of what Google says. */
function faultsOf({ step, party, status, reason, code, says }: Sign): Fault[] {
  if (says !== undefined || code instanceof RegExp) return [];
  const each = <T>(list: readonly T[] | undefined): readonly (T | undefined)[] => list ?? [undefined];
  return each(step).flatMap((at) =>
    each(party).flatMap((who) =>
      each(status).flatMap((state) =>
        each(reason).flatMap((word) =>
          each(code).map(
            (name): Fault => ({
              step: at ?? (who === undefined ? 'bigquery' : 'sign-in'),
              message: '',
              ...(who === undefined ? {} : { party: who }),
              ...(state === undefined ? {} : { status: state }),
              ...(word === undefined ? {} : { reason: word }),
              ...(name === undefined ? {} : { code: name }),
            }),
          ),
        ),
      ),
    ),
  );
}

describe.each(ERROR_CODES)('%s', (code) => {
  const kind: ErrorKind = ERRORS[code];

  it('is what its signs lead to, and no sign of an earlier one stands in the way', () => {
    for (const fault of (kind.signs ?? []).flatMap(faultsOf)) {
      expect(codeOf(fault), JSON.stringify(fault)).toBe(code);
    }
  });

  it('has a sentence for strangers that names nobody, and one for the operator that says what to do', () => {
    expect(kind.public).toMatch(/^[A-Z].*\.$/);
    expect(kind.public).not.toMatch(/\{|https?:|roles\/|_|gcloud/);
    for (const identity of [undefined, 'key', 'login', 'impersonation', 'federation', 'metadata'] as const) {
      const text = remedyOf(code, 'somebody', identity);
      if (text !== undefined) expect(text).toMatch(/^[^{};]+; [^{}]+[^.]$/);
    }
    // What has signs is worded here; all else by the place that raises it.
    if (kind.signs !== undefined && !code.startsWith('disk-')) expect(kind.operator).toBeDefined();
  });
});

it('is one of a closed list', () => {
  expect(isErrorCode('permission')).toBe(true);
  expect(isErrorCode('toString')).toBe(false);
  expect(isErrorCode(7)).toBe(false);
  expect(codeOf({ step: 'bigquery', message: 'never heard of' })).toBeUndefined();
});
