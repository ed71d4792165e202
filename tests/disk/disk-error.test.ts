import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { diskError, isUnsupported } from '../../src/disk/disk-error.ts';
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
    ['EBUSY', 'end what uses it'],
    ['ESTALE', 'mount it again'],
  ])('of %s says what to do: %s', (code, remedy) => {
    const error = diskError(fault(code), '/srv/out/badge.json') as OperatorError;
    expect(error).toBeInstanceOf(OperatorError);
    expect(error.message).toMatch(new RegExp(`^/srv/out/badge\\.json: .*; .*${remedy}.*\\(${code}\\)`));
    expect(error.cause).toMatchObject({ code });
  });

  // Node.js has no names for some (https://github.com/libuv/libuv, include/uv/errno.h), and two ways to say so.
  it.each(['UNKNOWN', `Unknown system error -${constants.errno.EDQUOT}`])(
    'knows %s by its number',
    (code) => {
      const error = Object.assign(new Error(code), { code, errno: -constants.errno.EDQUOT });
      const message = expect.stringMatching(/quota .*\(EDQUOT\)$/);
      expect(diskError(error, '/srv')).toMatchObject({ code: 'disk-full', message });
    },
  );

  it('takes whatever else a file system says for its fault', () => {
    const error = Object.assign(new Error('?'), { code: 'ELIBBAD', errno: -constants.errno.ENODATA });
    const says = '/srv: the file system refused; look at how it is mounted, and at the kernel log (ENODATA)';
    expect(diskError(error, '/srv')).toMatchObject({ code: 'disk-failed', message: says });
  });

  it('leaves alone what the system did not say, and what is a sentence already', () => {
    const strange = fault('EWHATEVER');
    const said = new OperatorError('budget', 'said');
    const bug = new TypeError('bug');
    expect(diskError(strange, '/x')).toBe(strange);
    expect(diskError(said, '/x')).toBe(said);
    expect(diskError(bug, '/x')).toBe(bug);
    expect(diskError(undefined, '/x')).toBeUndefined();
  });
});

it.each([
  ['EINVAL', true],
  ['EBADF', true],
  ['ENOTSUP', true],
  ['EPERM', true],
  ['ENOSYS', true],
  ['EACCES', false],
  ['ENOSPC', false],
] as const)('%s says that there is no such operation: %s', (name, expected) => {
  expect(isUnsupported({ code: name, errno: -constants.errno[name] })).toBe(expected);
});
