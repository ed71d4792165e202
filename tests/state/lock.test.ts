import { once } from 'node:events';
import { mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, Server } from 'node:net';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { acquireLock, type Lock, LockHeldError } from '../../src/state/lock.ts';
import { tempFolder } from '../support/temp-folder.ts';

const now = () => new Date('2026-04-25T04:12:00.000Z');

/** A process that stands behind a lock's socket until it is killed. */
async function holder(folder: string, name: string, says: string) {
  const program = `require('net').createServer((s) => { if (process.argv[2]) s.end(process.argv[2]) })
    .listen(process.argv[1], () => console.log('ready'))`;
  const argv = ['-e', program, join(folder, name), says];
  const child = execa(process.execPath, argv, { reject: false, stdin: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return { child };
}

const FIRST = 'run-000000000000001-00000000.lock';
const LAST = 'run-999999999999999-00000000.lock';
const greeting = (state: string) => JSON.stringify({ state, pid: 4711, since: '2026-04-25T04:00:00.000Z' });

describe('the lock', () => {
  it.each(['', 'a'.repeat(255)])(
    'is for one at a time, and free again after, in a folder %s',
    async (name) => {
      const folder = join(tempFolder(), name);
      mkdirSync(folder, { recursive: true });
      const lock = await acquireLock(folder, now);
      const says = `another run (process ${process.pid}, since 2026-04-25T04:12:00.000Z) holds the lock in ${folder}; wait until it has ended`;
      await expect(acquireLock(folder, now)).rejects.toThrow(says);
      await lock.release();
      expect(readdirSync(folder)).toEqual([]);
      await (await acquireLock(folder, now)).release();
    },
  );

  it('is let go where its file cannot be removed', async () => {
    const folder = tempFolder();
    const lock = await acquireLock(folder, now);
    const [name = ''] = readdirSync(folder);
    rmSync(join(folder, name));
    mkdirSync(join(folder, name));
    await lock.release();
    expect(readdirSync(folder)).toEqual([name]);
  });

  it('goes to exactly one of many that ask at once, whoever they are', async () => {
    const folder = tempFolder();
    for (let round = 0; round < 10; round += 1) {
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => acquireLock(folder, now)));
      const locks: Lock[] = [];
      for (const each of results) {
        if (each.status === 'fulfilled') locks.push(each.value);
        else expect(each.reason).toBeInstanceOf(LockHeldError);
      }
      expect(locks).toHaveLength(1);
      await locks[0]?.release();
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  it('of a process that was killed is taken over at once, and swept away', async () => {
    const folder = tempFolder();
    const { child: other } = await holder(folder, FIRST, greeting('held'));
    await expect(acquireLock(folder, now)).rejects.toThrow('process 4711, since 2026-04-25T04:00:00.000Z');
    other.kill('SIGKILL');
    await other;
    expect(readdirSync(folder)).toEqual([FIRST]);
    const lock = await acquireLock(folder, now);
    expect(readdirSync(folder)).not.toContain(FIRST);
    await lock.release();
  });

  it('of a process that is stopped or speechless is never taken', async () => {
    const folder = tempFolder();
    const { child: other } = await holder(folder, LAST, '');
    other.kill('SIGSTOP');
    await expect(acquireLock(folder, now)).rejects.toThrow(`another run holds the lock in ${folder}`);
    other.kill('SIGCONT');
  });

  it('is not taken from somebody who hangs up each time, and does not mind what else listens there', async () => {
    const folder = tempFolder();
    const listenAs = (name: string) => {
      const server = createServer((socket) => socket.destroy()).listen(join(folder, name));
      onTestFinished(() => void server.close());
    };
    listenAs('other.sock');
    await (await acquireLock(folder, now)).release();
    listenAs(LAST);
    await expect(acquireLock(folder, now)).rejects.toBeInstanceOf(LockHeldError);
  });

  it.each([
    ['is not taken from somebody who talks nonsense', LAST, 'pardon?'],
    ['gives way to one with a smaller ticket that is still looking', FIRST, greeting('waiting')],
  ])('%s', async (_, name, says) => {
    const folder = tempFolder();
    await holder(folder, name, says);
    await expect(acquireLock(folder, now)).rejects.toBeInstanceOf(LockHeldError);
  });

  it('waits for one that began earlier to look, and came later', async () => {
    const folder = tempFolder();
    const { child: other } = await holder(folder, LAST, greeting('waiting'));
    const asking = acquireLock(folder, now);
    setTimeout(() => other.kill('SIGKILL'), 150);
    await (await asking).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('sweeps away what was left behind an hour ago, before it had a name', async () => {
    const folder = tempFolder();
    for (const age of [7_200, 60]) {
      const path = join(folder, `run-${age}.lock.new`);
      writeFileSync(path, '');
      utimesSync(path, now().getTime() / 1000 - age, now().getTime() / 1000 - age);
    }
    await (await acquireLock(folder, now)).release();
    expect(readdirSync(folder)).toEqual(['run-60.lock.new']);
  });

  it.each<[string, (path: string) => void]>([
    ['removed', rmSync],
    ['replaced by another file', (path) => renameSync(join(dirname(path), 'new'), path)],
    ['moved away with its folder', (path) => renameSync(dirname(path), `${dirname(path)}.old`)],
  ])('is lost once its file was %s', async (_, lose) => {
    const folder = tempFolder();
    const lock = await acquireLock(folder, now);
    lock.assertHeld();
    const [name = ''] = readdirSync(folder);
    writeFileSync(join(folder, 'new'), '');
    lose(join(folder, name));
    const says = `^the lock of this run, ${join(folder, name)}, was removed or replaced, and another run may be under way`;
    const error = { code: 'lock-lost', affectsAll: true, message: expect.stringMatching(says) };
    expect(() => lock.assertHeld()).toThrow(expect.objectContaining(error));
    await lock.release();
  });

  it('says what is wrong with the disk', async () => {
    const missing = join(tempFolder(), 'missing');
    await expect(acquireLock(missing, now)).rejects.toThrow(`${missing}: permission denied`);
  });
});

describe('the lock where a file system holds no sockets', () => {
  beforeEach(() => {
    vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server) {
      const error = Object.assign(new Error('listen ENOTSUP'), { code: 'ENOTSUP', errno: -95 });
      setImmediate(() => this.emit('error', error));
      return this;
    });
    return () => void vi.restoreAllMocks();
  });

  // macOS has no command flock. That the kernel frees it, and only then: tests/disk/run.mjs.
  it.runIf(process.platform === 'linux')('is for one at a time, and free again after', async () => {
    const folder = tempFolder();
    const lock = await acquireLock(folder, now);
    await expect(acquireLock(folder, now)).rejects.toThrow(`another run holds the lock in ${folder}; wait`);
    lock.assertHeld();
    rmSync(join(folder, 'run.lock'));
    expect(() => lock.assertHeld()).toThrow(expect.objectContaining({ code: 'lock-lost' }));
    await lock.release();
    await (await acquireLock(folder, now)).release();
    expect(readdirSync(folder)).toEqual(['run.lock']);
  });

  it('says what is missing where the command is', async () => {
    vi.stubEnv('PATH', tempFolder());
    onTestFinished(() => void vi.unstubAllEnvs());
    const says = /holds no sockets.*choose a state_dir on a local disk, or install flock/;
    const error = { code: 'disk-failed', affectsAll: true, message: expect.stringMatching(says) };
    await expect(acquireLock(tempFolder(), now)).rejects.toMatchObject(error);
  });

  it('is not taken by way of a link or a folder', async () => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'run.lock'));
    await expect(acquireLock(folder, now)).rejects.toThrow(
      'run.lock: a folder stands where a file should be',
    );
  });
});
