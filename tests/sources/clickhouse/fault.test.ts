import { describe, expect, it } from 'vitest';
import { type Fault, isTooMuch, mayPass, sourceError } from '../../../src/sources/clickhouse/fault.ts';

describe('sourceError', () => {
  it.each([
    ['ECONNREFUSED', 'unreachable', true],
    ['ENOTFOUND', 'unreachable', true],
    ['EAI_AGAIN', 'unreachable', true],
    ['ENETUNREACH', 'unreachable', true],
    ['ECONNRESET', 'connection-broken', true],
    ['ETIMEDOUT', 'connection-broken', true],
    ['EPIPE', 'connection-broken', true],
    ['CERT_HAS_EXPIRED', 'certificate', false],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate', false],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'certificate', false],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate', false],
    ['EPROTO', 'certificate', false],
    ['HPE_INVALID_CONSTANT', 'not-the-source', false],
  ])('knows %s of Node as %s', (code, expected, passes) => {
    const fault: Fault = { code, message: `connect ${code}` };
    expect(sourceError(fault, { secret: '', tries: 1 })).toMatchObject({
      code: expected,
      message: expect.stringMatching(new RegExp(`\\(connect ${code}\\)$`)),
    });
    expect(mayPass(fault)).toBe(passes);
    expect(isTooMuch(fault)).toBe(false);
  });

  it('goes by the exception where an answer has one, whatever its status', () => {
    const fault: Fault = { status: 404, exception: 158, message: 'Limit for rows exceeded' };
    expect(isTooMuch(fault)).toBe(true);
    expect(sourceError({ ...fault, exception: 60 }, { secret: '', tries: 1 }).code).toBe('not-found');
  });

  it('repeats what was said without the password', () => {
    const fault: Fault = { exception: 62, message: 'no hunter2' };
    const error = sourceError(fault, { secret: 'hunter2', tries: 3 });
    expect(error.message).toMatch(/\(no \[removed\], 3 times\)$/);
  });
});
