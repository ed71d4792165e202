import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { chmod, lstat, mkdtemp, open, readdir, rename, rm, symlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { diskError, isUnsupported } from '../disk/disk-error.ts';
import { removeFile, removeIfPossible } from '../disk/files.ts';
import { OperatorError, sanitizeMessage } from '../errors/error.ts';
import { stateError } from './state-file.ts';

/*
 * One run at a time. A run listens on a Unix socket of its own in the state folder, and looks whether
 * anybody answers at the others'. The kernel closes a socket together with its process, however that
 * ends: what answers is alive, and what refuses is left over, at once and without clocks, process ids or
 * boot ids to compare. So it also holds between containers that share the folder, whose process ids mean
 * nothing to each other. It does not hold between machines that share it over a network.
 *
 * Two that start together see each other, as each listens before it looks; the one with the smaller
 * ticket goes first. A lock file with a process id in it could not do that: two runs that both find it
 * stale cannot replace it without one of them replacing the other's.
 *
 * Nobody gets the lock while the socket's file stands, so its owner need only look for the file to know that
 * it still holds the lock. Where somebody has removed or replaced it, another run may have begun.
 *
 * Where a file system holds no sockets, as that of some shares, the lock is one of the kernel on a file, of which Linux knows
 * no more than that somebody has it.
 */

/** Somebody else's run is under way. */
export class LockHeldError extends OperatorError {
  override name = 'LockHeldError';

  constructor(message: string) {
    super('locked', message);
  }
}

/** A lock that was taken. */
export interface Lock {
  /**
   * To be called before what no two runs may do.
   *
   * @throws OperatorError `lock-lost` if the lock was removed or replaced; that of the disk if this cannot be told.
   */
  assertHeld(): void;
  release(): Promise<void>;
}

/** What one run tells another. */
interface Greeting {
  readonly state: 'waiting' | 'held';
  readonly pid: number;
  readonly since: string;
}

const SOCKET = /^run-\d{15}-[0-9a-f]{8}\.lock$/;

/** The same before it has its name. Only a run that was killed within that instant leaves one behind. */
const UNNAMED = /^run-.*\.lock\.new$/;
const UNNAMED_AGE_MS = 3_600_000;

/** Longest path of a socket, in bytes: Linux has room for 107, macOS for 103. */
const PATH_MAX = 103;
/** Length of a socket's name with the slash before it. */
const NAME_LENGTH = '/run-000000000000000-00000000.lock.new'.length;

/** A run that does not answer within this time is alive all the same: it may be stopped, or busy. */
const ANSWER_MS = 1_000;
const LOOK_AGAIN_MS = 20;

/** A path of the folder that is short enough for a socket, for as long as it is needed. */
interface ShortPath {
  readonly path: string;
  readonly close: () => Promise<void>;
}

/**
 * A folder whose own path is too long is reached through its descriptor, which only Linux can, or else
 * through a link among the temporary files.
 */
async function shortPath(folder: string): Promise<ShortPath> {
  if (Buffer.byteLength(folder) + NAME_LENGTH <= PATH_MAX) {
    return { path: folder, close: async () => undefined };
  }
  if (process.platform === 'linux') {
    const handle = await open(folder, 'r');
    return { path: `/proc/self/fd/${handle.fd}`, close: () => handle.close() };
  }
  const parent = await mkdtemp(join(tmpdir(), 'pb-'));
  const path = join(parent, 's');
  await symlink(folder, path);
  return { path, close: () => rm(parent, { recursive: true, force: true }) };
}

/** How often an answer that makes no sense is asked for again: a run that ends just now breaks off. */
const UNCLEAR_TRIES = 5;

/**
 * What the run behind a socket says; undefined if there is none any more. A run whose answers make no sense or do not come
 * is alive, so it counts as holding the lock.
 */
async function greet(path: string): Promise<Partial<Greeting> | undefined> {
  for (let tries = 1; tries <= UNCLEAR_TRIES; tries += 1) {
    try {
      return JSON.parse(await text(connect({ path, signal: AbortSignal.timeout(ANSWER_MS) })));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ECONNREFUSED' || code === 'ENOENT') return undefined;
      if (code === 'ABORT_ERR') break;
    }
    await sleep(LOOK_AGAIN_MS);
  }
  return { state: 'held' };
}

async function sweepUnnamed(folder: string, now: Date): Promise<void> {
  for (const name of (await readdir(folder)).filter((each) => UNNAMED.test(each))) {
    const { mtimeMs } = await lstat(join(folder, name)).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (now.getTime() - mtimeMs > UNNAMED_AGE_MS) await rm(join(folder, name), { force: true });
  }
}

async function listen(path: string, greeting: () => Greeting): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(JSON.stringify(greeting()));
  });
  await once(server.listen(path), 'listening');
  // The lock must not keep a process alive that has nothing left to do.
  server.unref();
  return server;
}

function heldBy({ pid, since }: Partial<Greeting>, folder: string): LockHeldError {
  const who = pid === undefined ? 'another run' : `another run (process ${pid}, since ${since})`;
  return new LockHeldError(
    `${who} holds the lock in ${folder}; wait until it has ended. Nothing was queried or written`,
  );
}

/** What the file of the lock is called where there can be no sockets. It stays: to remove it is to remove somebody's lock. */
const LOCK_FILE = 'run.lock';
const OPEN_LOCK = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Takes an flock(2). Node.js has no call for it, and the command `flock` of Linux takes it for whoever has opened the file: the
 * lock belongs to what both have open, so it lasts as long as this process.
 *
 * @throws LockHeldError at once if another run has it; OperatorError if the file system has no such locks either.
 */
function acquireFlock(folder: string): Lock {
  const path = join(folder, LOCK_FILE);
  let descriptor: number;
  try {
    descriptor = openSync(path, OPEN_LOCK, 0o600);
  } catch (error) {
    throw diskError(error, path);
  }
  const { status, stderr, error } = spawnSync('flock', ['-n', '3'], {
    stdio: ['ignore', 'ignore', 'pipe', descriptor],
    encoding: 'utf8',
  });
  if (status === 0) {
    const { ino } = fstatSync(descriptor, { bigint: true });
    return { assertHeld: () => assertSame(path, ino), release: async () => closeSync(descriptor) };
  }
  closeSync(descriptor);
  if (status === 1 && stderr === '') throw heldBy({}, folder);
  const reason = sanitizeMessage(error?.message ?? stderr);
  const message = `${folder}: its file system holds no sockets, and the command flock could not lock a file there; choose a state_dir on a local disk, or install flock (util-linux) if it is missing (${reason})`;
  throw new OperatorError('disk-failed', message, { affectsAll: true });
}

function assertSame(path: string, inode: bigint): void {
  let found: bigint | undefined;
  try {
    // As bigint: when the last numbers that a synchronous stat brought are a socket's, Node.js 20 does not resolve the links
    // in the path of the next module that it loads.
    found = lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
  } catch (error) {
    throw stateError(diskError(error, path));
  }
  if (found === inode) return;
  throw new OperatorError(
    'lock-lost',
    `the lock of this run, ${path}, was removed or replaced, and another run may be under way; nothing more is queried, and what was read is kept. Let nothing clean up this folder and no other machine use it, then run again`,
  );
}

/**
 * Takes the lock of a state folder, if nobody has it.
 *
 * @param folder Absolute path of an existing folder.
 * @throws LockHeldError at once if another run has it; OperatorError if the disk refuses.
 */
export async function acquireLock(folder: string, now: () => Date): Promise<Lock> {
  const since = now().toISOString();
  const ticket = `${String(now().getTime()).padStart(15, '0')}-${randomBytes(4).toString('hex')}`;
  const name = `run-${ticket}.lock`;
  const { path, close } = await shortPath(folder);
  let state: Greeting['state'] = 'waiting';
  const greeting = () => ({ state, pid: process.pid, since });
  let server: Server | undefined;
  const release = async () => {
    // What stays is left over, as after a run that was killed.
    removeIfPossible(join(folder, name));
    server?.close();
    await close();
  };
  try {
    // It gets its name when it can be answered at: one that refuses is then left over for certain.
    const early = `${name}.new`;
    server = await listen(join(path, early), greeting);
    // Where there are no modes, everybody may ask.
    await chmod(join(folder, early), 0o666).catch(() => undefined);
    const { ino } = await lstat(join(folder, early), { bigint: true });
    await rename(join(folder, early), join(folder, name));
    for (;;) {
      const others = (await readdir(folder)).filter((other) => SOCKET.test(other) && other !== name);
      let ahead = 0;
      for (const other of others) {
        const said = await greet(join(path, other));
        if (said === undefined) removeFile(join(folder, other));
        else if (said.state === 'held' || other < name) throw heldBy(said, folder);
        else ahead += 1;
      }
      if (ahead === 0) {
        state = 'held';
        await sweepUnnamed(folder, now());
        return { assertHeld: () => assertSame(join(folder, name), ino), release };
      }
      await sleep(LOOK_AGAIN_MS);
    }
  } catch (error) {
    await release().catch(() => undefined);
    if (server === undefined && isUnsupported(error)) return acquireFlock(folder);
    throw diskError(error, folder);
  }
}
