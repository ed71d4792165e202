import { createServer, type RequestListener } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { fault } from '../../src/errors/error.ts';
import { openHttp, RETRY_POLICY, retryAfter, withRetry } from '../../src/sources/http.ts';
import { startProxy } from '../support/google-server.ts';
import { listen } from '../support/listen.ts';

const NOW = new Date('2026-04-25T04:00:00Z');
const SERVER = { step: 'clickhouse', who: 'the server' } as const;

async function serve(listener: RequestListener): Promise<string> {
  const { port, close } = await listen(createServer(listener));
  onTestFinished(close);
  return `http://127.0.0.1:${port}`;
}

function open(env: Record<string, string> = {}) {
  const http = openHttp({ env, now: () => NOW, product: 'ours/1' });
  onTestFinished(() => http.close());
  return http;
}

const unstopped = () => new AbortController().signal;
const get = (http: ReturnType<typeof open>, url: string, signal = unstopped()) =>
  http.send({ method: 'GET', url }, SERVER, signal);

describe('an answer', () => {
  it('is whatever came, and tells the clock', async () => {
    const date = new Date(NOW.getTime() - 90_000).toUTCString();
    const url = await serve((_, response) => response.writeHead(418, { date }).end('short and stout'));
    const http = open();
    expect(http.clockSkewMs()).toBeUndefined();
    expect(await get(http, url)).toMatchObject({ status: 418, body: 'short and stout' });
    expect(http.clockSkewMs()).toBe(90_000);
  });

  it('is for who asks, which every source is told', async () => {
    const url = await serve(({ headers }, response) => response.end(headers['user-agent']));
    expect(await get(open(), url)).toMatchObject({ body: 'ours/1' });
  });

  it('is not followed to another address', async () => {
    const url = await serve((_, response) => response.writeHead(302, { location: '/elsewhere' }).end());
    expect(await get(open(), url)).toMatchObject({ status: 302 });
  });

  const BOMB = gzipSync(Buffer.alloc(65 * 1024 ** 2));
  it.each<[string, RequestListener]>([
    ['unpacked', (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(BOMB)],
    ['by its own words', (_, response) => response.writeHead(200, { 'content-length': 2 ** 30 }).write('x')],
  ])('of more than 64 MiB is refused: %s', async (_, listener) => {
    const asked = get(open(), await serve(listener));
    await expect(asked).rejects.toMatchObject({ code: 'unexpected-answer' });
  });

  it.each<[string, RequestListener]>([
    ['never comes', () => {}],
    ['never ends', (_, response) => void response.write('x')],
  ])('that %s is waited for until the signal is given', async (_, listener) => {
    const stop = new AbortController();
    const url = await serve((request, response) => {
      listener(request, response);
      setTimeout(() => stop.abort(), 20);
    });
    const silence = { code: 'no-answer', details: { step: 'clickhouse' } };
    await expect(get(open(), url, stop.signal)).rejects.toMatchObject(silence);
  });

  const [four, soon] = ['Sat, 25 Apr 2026 04:00:00 GMT', 'Sat, 25 Apr 2026 04:00:10 GMT'];
  it.each([
    ['3', undefined, 3_000],
    [soon, four, 10_000],
    [four, soon, 0],
    [soon, undefined, undefined],
    ['soon', undefined, undefined],
  ])('that asks for a pause by Retry-After: %s, with Date: %s, wants %s ms', (after, date, expected) => {
    const headers = new Headers({ 'retry-after': after, ...(date && { date }) });
    expect(retryAfter(headers)).toBe(expected);
  });
});

describe('the proxy', () => {
  it('that is no HTTP proxy is told before anybody is asked', async () => {
    const asked = get(open({ HTTP_PROXY: 'socks5://127.0.0.1:1' }), 'http://clickhouse.example:8123/');
    await expect(asked).rejects.toMatchObject({ code: 'proxy-invalid' });
  });

  it.each<[string, 403 | 407 | 503 | 'hang up' | 'silence', string]>([
    ['refuses', 403, 'proxy-refused'],
    ['wants a password', 407, 'proxy-refused'],
    ['cannot reach the server', 503, 'proxy-unreachable'],
    ['hangs up', 'hang up', 'proxy-unreachable'],
    ['is silent', 'silence', 'no-answer'],
  ])('that %s is told apart from the server', async (_, manner, code) => {
    const proxy = await startProxy({ tlsPort: 1 }, manner);
    onTestFinished(() => proxy.close());
    const http = open({ HTTP_PROXY: `http://${proxy.host}` });
    const stop = new AbortController();
    const message = expect.stringMatching(`^proxy: ${proxy.host} `);
    const asked = expect(get(http, 'http://clickhouse.example:8123/', stop.signal)).rejects;
    const refused = asked.toMatchObject({ code, details: { step: 'proxy' }, message });
    await expect.poll(() => proxy.asked).toEqual(['clickhouse.example:8123']);
    if (manner === 'silence') stop.abort();
    await refused;
  });
});

describe('trying again', () => {
  const POLICY = { backoffMs: 1, longestPauseMs: 50 };
  const busy = (retryAfterMs?: number) => fault('unavailable', 'busy', SERVER, { retryAfterMs });

  it.each<[string, () => unknown, number]>([
    ['a fault that may pass', busy, 6],
    ['one that lasts', () => fault('permission', 'no', SERVER), 1],
    ['a job that failed', () => fault('job-failed', 'no', SERVER, { ofJob: true }), 1],
    ['a fault of this program', () => new RangeError('bug'), 1],
    ['a server that wants more time than there is', () => busy(51), 1],
  ])('of %s', async (_, problem, tries) => {
    const work = vi.fn().mockImplementation(() => Promise.reject(problem()));
    await expect(withRetry(work, POLICY, unstopped())).rejects.toThrow();
    expect(work).toHaveBeenCalledTimes(tries);
  });

  it('waits longer each time, as long as a ClickHouse Cloud that slept takes to wake up', async () => {
    // A clock that the test turns.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const at: number[] = [];
    const work = async () => {
      at.push(Date.now());
      throw busy();
    };
    const asked = expect(withRetry(work, RETRY_POLICY, unstopped())).rejects;
    const failed = asked.toMatchObject({ details: { tries: 6 } });
    while (at.length < 6) {
      await vi.advanceTimersByTimeAsync(100);
      await setImmediate();
    }
    await failed;
    // Doubled each time, and longer by a random part.
    for (const [index, time] of at.slice(1).entries()) {
      expect(time - (at[index] ?? 0)).toBeGreaterThanOrEqual(1_000 * 2 ** index);
    }
  });

  it('says how often it was tried, the innermost', async () => {
    const inner = () => withRetry(() => Promise.reject(busy()), POLICY, unstopped());
    const outer = withRetry(inner, { ...POLICY, retries: 1 }, unstopped());
    await expect(outer).rejects.toThrow(/\(busy, 6 times\)$/);
  });

  it('waits at least as long as the server asks for', async () => {
    const at: number[] = [];
    const work = async () => {
      at.push(performance.now());
      throw busy(100);
    };
    const policy = { backoffMs: 1, longestPauseMs: 100, retries: 1 };
    await expect(withRetry(work, policy, unstopped())).rejects.toMatchObject({ details: { tries: 2 } });
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
    const asked = withRetry(work, { ...POLICY, backoffMs: 60_000 }, stop.signal);
    const fault = { code: 'unavailable', message: expect.not.stringMatching(/times/) };
    await expect(asked).rejects.toMatchObject(fault);
  });
});

describe('a clock', () => {
  const MINUTE = 60_000;
  it.each<[string, string, number | undefined, number | undefined, RegExp | undefined]>([
    ['is not known', '04:00:00', undefined, undefined, undefined],
    ['agrees', '04:00:00', 0, undefined, undefined],
    ['is three hours ahead on the same day', '04:00:00', 180 * MINUTE, undefined, undefined],
    ['is ahead by too much', '04:00:00', 180 * MINUTE, 5 * MINUTE, /is 3 hours ahead of theirs; set it/],
    ['is five days behind', '04:00:00', -7_200 * MINUTE, undefined, /is 5 days behind theirs/],
    ['is ten minutes ahead at midnight', '00:05:00', 10 * MINUTE, undefined, /is 10 minutes ahead/],
    ['is ten minutes behind at midnight', '23:55:00', -10 * MINUTE, undefined, /is 10 minutes behind/],
    ['is some seconds ahead at midnight', '00:00:02', 5_000, undefined, undefined],
  ])('that %s', async (_, time, skewMs, mostMs, says) => {
    const now = new Date(`2026-04-25T${time}Z`);
    const url = await serve((_, response) => {
      response.sendDate = false;
      const date = skewMs !== undefined && { date: new Date(now.getTime() - skewMs).toUTCString() };
      response.writeHead(200, { ...date }).end();
    });
    const http = openHttp({ env: {}, now: () => now }, { whose: 'theirs', ...(mostMs && { mostMs }) });
    onTestFinished(() => http.close());
    const answer = await get(http, url).catch((error: unknown) => error);
    const fault = { code: 'clock', affectsAll: true, message: expect.stringMatching(says ?? '') };
    expect(answer).toMatchObject(says ? fault : { status: 200 });
  });
});
