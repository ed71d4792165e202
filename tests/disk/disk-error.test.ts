import { describe, expect, it } from 'vitest';
import { diskError } from '../../src/disk/disk-error.ts';
import { OperatorError } from '../../src/errors/error.ts';

const fault = (code: string) => Object.assign(new Error(`${code}: syscall`), { code });

describe('diskError', () => {
  it.each([
    ['ENOSPC', 'free some space'],
    ['EDQUOT', 'quota'],
    ['EROFS', 'ReadWritePaths='],
    ['EACCES', 'write permission'],
    ['EPERM', 'write permission'],
    ['EISDIR', 'move it away'],
    ['ENOTDIR', 'move it away'],
    ['ELOOP', 'remove it'],
    ['ENOENT', 'run again'],
    ['EIO', 'kernel log'],
  ])('of %s says what to do: %s', (code, remedy) => {
    const error = diskError(fault(code), '/srv/out/badge.json') as OperatorError;
    expect(error).toBeInstanceOf(OperatorError);
    expect(error.message).toMatch(/^\/srv\/out\/badge\.json: .*; /);
    expect(error.message).toContain(remedy);
    expect(error.message).toContain(`(${code})`);
    expect(error.cause).toMatchObject({ code });
  });

  it('leaves alone what it does not know, and what is a sentence already', () => {
    const strange = fault('EWHATEVER');
    const said = new OperatorError('budget', 'said');
    const bug = new TypeError('bug');
    expect(diskError(strange, '/x')).toBe(strange);
    expect(diskError(said, '/x')).toBe(said);
    expect(diskError(bug, '/x')).toBe(bug);
    expect(diskError(undefined, '/x')).toBeUndefined();
  });
});
