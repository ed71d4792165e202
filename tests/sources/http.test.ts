import { createServer, type RequestListener } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  clockFault,
  openHttp,
  RETRY_POLICY,
  type RetryPolicy,
  retryAfter,
  withRetry,
} from '../../src/sources/http.ts';
import { fault, type SourceError } from '../../src/sources/source.ts';
import { ProxyServer } from '../support/google-server.ts';
import { listen } from '../support/listen.ts';

const NOW = new Date('2026-04-25T04:00:00Z');
const SERVER = { step: 'clickhouse', who: 'the server' } as const;

async function serve(listener: RequestListener): Promise<string> {
  const { port, close } = await listen(createServer(listener));
  onTestFinished(close);
  return `http://127.0.0.1:${port}`;
}

function open(env: Record<string, string> = {}) {
  const http = openHttp(env, () => NOW);
  onTestFinished(() => http.close());
  return http;
}

const get = (http: ReturnType<typeof open>, url: string, signal = new AbortController().signal) =>
  http.send({ method: 'GET', url }, SERVER, signal);

async function failure(work: Promise<unknown>): Promise<SourceError> {
  return work.then(
    () => expect.unreachable('it worked'),
    (error) => error,
  );
}

describe('an answer', () => {
  it('is whatever came, and tells the clock', async () => {
    const url = await serve((_, response) => {
      response
        .writeHead(418, { date: new Date(NOW.getTime() - 90_000).toUTCString() })
        .end('short and stout');
    });
    const http = open();
    expect(http.clockSkewMs()).toBeUndefined();
    expect(await get(http, url)).toMatchObject({ status: 418, body: 'short and stout' });
    expect(http.clockSkewMs()).toBe(90_000);
  });

  it('is not followed to another address', async () => {
    const url = await serve((_, response) => response.writeHead(302, { location: '/elsewhere' }).end());
    expect(await get(open(), url)).toMatchObject({ status: 302 });
  });

  const BOMB = gzipSync(Buffer.alloc(65 * 1024 ** 2));
  it.each<[string, RequestListener]>([
    ['unpacked', (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(BOMB)],
    [
      'by what it says of itself',
      (_, response) => response.writeHead(200, { 'content-length': 2 ** 30 }).write('x'),
    ],
    [
      'in the end',
      (_, response) => {
        const part = Buffer.alloc(1024 ** 2);
        const more = () => {
          while (!response.destroyed && response.write(part));
        };
        response.writeHead(200).on('drain', more);
        more();
      },
    ],
  ])('of more than 64 MiB is refused: %s', async (_, listener) => {
    const error = await failure(get(open(), await serve(listener)));
    expect(error).toMatchObject({ code: 'unexpected-answer' });
  });

  it.each<[string, RequestListener]>([
    ['never comes', () => {}],
    ['never ends', (_, response) => void response.write('x')],
  ])('that %s is waited for until the signal is given', async (_, listener) => {
    const http = open();
    const stop = new AbortController();
    const url = await serve((request, response) => {
      listener(request, response);
      setTimeout(() => stop.abort(), 20);
    });
    expect(await failure(get(http, url, stop.signal))).toMatchObject({
      code: 'no-answer',
      details: { step: 'clickhouse' },
    });
  });

  it.each([
    ['3', undefined, 3_000],
    ['Sat, 25 Apr 2026 04:00:10 GMT', 'Sat, 25 Apr 2026 04:00:00 GMT', 10_000],
    ['Sat, 25 Apr 2026 03:00:00 GMT', 'Sat, 25 Apr 2026 04:00:00 GMT', 0],
    ['Sat, 25 Apr 2026 04:00:10 GMT', undefined, undefined],
    ['soon', undefined, undefined],
  ])('that asks for a pause by Retry-After: %s, with Date: %s, wants %s ms', (after, date, expected) => {
    const headers = new Headers({ 'retry-after': after, ...(date === undefined ? {} : { date }) });
    expect(retryAfter(headers)).toBe(expected);
  });
});

describe('the proxy', () => {
  it.each<[string, 403 | 407 | 503 | 'hang up' | 'silence', string]>([
    ['refuses', 403, 'proxy-refused'],
    ['wants a password', 407, 'proxy-refused'],
    ['cannot reach the server', 503, 'proxy-unreachable'],
    ['hangs up', 'hang up', 'proxy-unreachable'],
    ['is silent', 'silence', 'no-answer'],
  ])('that %s is told apart from the server', async (_, manner, code) => {
    const proxy = await ProxyServer.start({ tlsPort: 1 }, manner);
    onTestFinished(() => proxy.close());
    const http = open({ HTTP_PROXY: `http://${proxy.host}` });
    const stop = new AbortController();
    const asked = failure(get(http, 'http://clickhouse.example:8123/', stop.signal));
    if (manner === 'silence') {
      await expect.poll(() => proxy.asked).toHaveLength(1);
      stop.abort();
    }
    const message = expect.stringMatching(`^proxy: ${proxy.host} `);
    expect(await asked).toMatchObject({ code, details: { step: 'proxy' }, message });
    expect(proxy.asked).toEqual(['clickhouse.example:8123']);
  });
});

describe('trying again', () => {
  const POLICY = { backoffMs: 1, longestPauseMs: 50 };
  const busy = () => fault('unavailable', 'busy', SERVER);

  it.each<[string, () => unknown, number]>([
    ['a fault that may pass', busy, 6],
    ['one that lasts', () => fault('permission', 'no', SERVER), 1],
    ['a fault of this program', () => new RangeError('bug'), 1],
    [
      'a server that wants more time than there is',
      () => fault('unavailable', '', SERVER, { retryAfterMs: 51 }),
      1,
    ],
  ])('of %s', async (_, problem, tries) => {
    let count = 0;
    const work = async () => {
      count += 1;
      throw problem();
    };
    await expect(withRetry(work, POLICY, new AbortController().signal)).rejects.toThrow();
    expect(count).toBe(tries);
  });

  /** The waits before each further try, in milliseconds of a clock that the test turns. */
  async function waits(problem: () => SourceError, policy: RetryPolicy): Promise<number[]> {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const at: number[] = [];
    const work = async () => {
      at.push(Date.now());
      throw problem();
    };
    let isOver = false;
    const asked = failure(withRetry(work, policy, new AbortController().signal)).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await vi.advanceTimersByTimeAsync(100);
      await setImmediate();
    }
    expect((await asked).details.tries).toBe(at.length);
    return at.slice(1).map((time, index) => time - (at[index] ?? 0));
  }

  it('waits longer each time, as long as a ClickHouse Cloud that slept takes to wake up', async () => {
    const each = await waits(busy, RETRY_POLICY);
    expect(each).toHaveLength(5);
    // Doubled each time, and longer by a random part.
    for (const [index, wait] of each.entries()) expect(wait).toBeGreaterThanOrEqual(1_000 * 2 ** index);
  });

  it('waits at least as long as the server asks for', async () => {
    const at: number[] = [];
    const work = async () => {
      at.push(performance.now());
      throw fault('rate-limited', '', SERVER, { retryAfterMs: 100 });
    };
    const policy = { backoffMs: 1, longestPauseMs: 100, retries: 1 };
    const error = await failure(withRetry(work, policy, new AbortController().signal));
    expect(error.details).toMatchObject({ tries: 2 });
    const [first = 0, second = 0] = at;
    // A timer may be early by a millisecond, and late by any time.
    expect(second - first).toBeGreaterThanOrEqual(99);
  });

  it('ends with the fault, not with the signal that ended the waiting', async () => {
    const stop = new AbortController();
    const work = async () => {
      setTimeout(() => stop.abort(new Error('time is up')), 5);
      throw busy();
    };
    const error = await failure(withRetry(work, { ...POLICY, backoffMs: 60_000 }, stop.signal));
    expect([error.code, error.details.tries]).toEqual(['unavailable', undefined]);
  });
});

describe('a clock', () => {
  const at = (time: string) => new Date(`2026-04-25T${time}Z`);
  const MINUTE = 60_000;
  const DAY = 1_440 * MINUTE;

  it.each<[string, Date, number | undefined, number | undefined, RegExp | undefined]>([
    ['is not known', NOW, undefined, undefined, undefined],
    ['agrees', NOW, 0, undefined, undefined],
    ['is three hours ahead on the same day', NOW, 180 * MINUTE, undefined, undefined],
    [
      'is three hours ahead where that is too much',
      NOW,
      180 * MINUTE,
      5 * MINUTE,
      /is 3 hours ahead of theirs; set it/,
    ],
    ['is five days behind', NOW, -5 * DAY, undefined, /is 5 days behind theirs/],
    ['is ten minutes ahead at midnight', at('00:05:00'), 10 * MINUTE, undefined, /is 10 minutes ahead/],
    ['is ten minutes behind at midnight', at('23:55:00'), -10 * MINUTE, undefined, /is 10 minutes behind/],
    ['is some seconds ahead at midnight', at('00:00:02'), 5_000, undefined, undefined],
  ])('that %s', (_, now, skewMs, mostMs, says) => {
    const found = clockFault(skewMs, now, { whose: 'theirs', ...(mostMs && { mostMs }) });
    if (says === undefined) expect(found).toBeUndefined();
    else
      expect(found).toMatchObject({ code: 'clock', affectsAll: true, message: expect.stringMatching(says) });
  });
});
