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
    const says = new RegExp(`^/srv/out/badge\\.json: .*; .*${remedy}.*\\(${code}\\)`);
    const error = diskError(fault(code), '/srv/out/badge.json');
    expect(error).toBeInstanceOf(OperatorError);
    expect(error).toMatchObject({ message: expect.stringMatching(says), cause: { code } });
  });

  // Node.js has no names for some (https://github.com/libuv/libuv, include/uv/errno.h), and two ways to say so.
  it.each([
    ['UNKNOWN', 'EDQUOT', 'disk-full', 'quota'],
    [`Unknown system error -${constants.errno.EDQUOT}`, 'EDQUOT', 'disk-full', 'quota'],
    // What no table has.
    ['ELIBBAD', 'ENODATA', 'disk-failed', 'refused; look at how it is mounted'],
  ] as const)('knows %s by its number', (said, name, code, remedy) => {
    const error = Object.assign(fault(said), { errno: -constants.errno[name] });
    const message = expect.stringMatching(new RegExp(`^/srv: .*${remedy}.*\\(${name}\\)$`));
    expect(diskError(error, '/srv')).toMatchObject({ code, message });
  });

  it('leaves alone what the system did not say, and what is a sentence already', () => {
    for (const error of [
      fault('EWHATEVER'),
      new OperatorError('budget', 'said'),
      new TypeError('bug'),
      undefined,
    ]) {
      expect(diskError(error, '/x')).toBe(error);
    }
  });
});

it('says of some errors that there is no such operation', () => {
  const names = ['EINVAL', 'EBADF', 'ENOTSUP', 'EPERM', 'ENOSYS', 'EACCES', 'ENOSPC'] as const;
  const found = names.filter((code) => isUnsupported({ code, errno: -constants.errno[code] }));
  expect(found).toEqual(names.slice(0, 5));
});
