/*
 * The one way to send a request over HTTP, for every source: proxies, size, retries, Retry-After and the server's
 * clock.
 */

import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gaxios, type GaxiosOptions, type GaxiosResponse } from 'gaxios';
import pRetry, { type RetryContext } from 'p-retry';
import type { ErrorCode } from '../errors/codes.ts';
import { type Endpoint, type FaultDetails, fault, SourceError } from '../errors/error.ts';
import { abortable, type Loose, MS_PER_DAY } from '../util.ts';
import { isMetadata, PROXY_FAULT, ProxyAgent, proxyFor } from './proxy.ts';
import type { World } from './source.ts';

/** Most bytes of an answer, unpacked. A right one has a megabyte or two. */
const BODY_MAX = 64 * 1024 ** 2;

/**
 * How a request is tried again: a first wait of `backoffMs` at least, doubled each time up to 32 of them, and each
 * longer by a random part. In production that is 31 s and more, in which a ClickHouse Cloud that slept has woken up;
 * BigQuery's SLA asks for these very waits.
 */
export interface RetryPolicy {
  readonly backoffMs: number;
  /** Longest Retry-After that is waited out. */
  readonly longestPauseMs: number;
  /** 5 if absent. */
  readonly retries?: number | undefined;
  /** Whether it is a job that is begun anew, and not a request about one that is sent again. */
  readonly ofJob?: true;
}

export const RETRY_POLICY: RetryPolicy = { backoffMs: 1_000, longestPauseMs: 120_000 };

/** What Node.js and the operating system call it; whatever is not here broke the connection. */
const NETWORK: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EHOSTDOWN)$/, 'unreachable'],
  [/^CERT_(NOT_YET_VALID|HAS_EXPIRED)$/, 'clock'],
  [/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/, 'certificate'],
  [/ERR_OSSL/, 'credentials-invalid'],
  [/^HPE_/, 'not-the-source'],
];

/** What OpenSSL says of a server that answers in plain text. */
const NOT_TLS = /wrong version number|packet length too long|http request|unknown protocol/i;

function proxyFault(who: string, what: string, said: string): SourceError {
  const proxy: Endpoint = { step: 'proxy', who };
  const status = Number(what);
  if (Number.isNaN(status)) return fault('proxy-unreachable', said || what, proxy);
  if (status >= 500) return fault('proxy-unreachable', said, proxy, { variant: 'failed', spoken: true });
  const variant = status === 407 ? 'password' : undefined;
  return fault('proxy-refused', said, proxy, { variant, spoken: true });
}

/**
 * What a library threw while something was asked, by the name that Node.js gives it.
 *
 * @returns Undefined for what has no such name, and is no fault of the network.
 */
export function networkFault(error: unknown, endpoint: Endpoint): SourceError | undefined {
  const { code, message = '', cause, type = cause?.['type'] } = error as Loose;
  const name = String(code ?? cause?.['code'] ?? '');
  const said = String(message).replace(
    /^(request to \S+ failed, reason|Invalid response body while trying to fetch \S+): */,
    '',
  );
  const [, proxy, what = ''] = PROXY_FAULT.exec(name) ?? [];
  if (proxy !== undefined) return proxyFault(proxy, what, said);
  if (String(type) === 'max-size' || /over the limit/.test(said)) {
    return fault('unexpected-answer', `more than ${BODY_MAX} bytes`, endpoint);
  }
  if (name === '') return undefined;
  const words = said || name;
  if (name === 'EPROTO' && NOT_TLS.test(words)) return fault('wrong-port', words, endpoint);
  const found = NETWORK.find(([pattern]) => pattern.test(name))?.[1] ?? 'connection-broken';
  return fault(found, words, endpoint, { maybeSent: !/^(unreachable|clock|certificate)$/.test(found) });
}

/** What the status of a failed answer means that says nothing else; undefined where that depends on who answers. */
export function codeOfStatus(status: number): ErrorCode | undefined {
  if (status === 429) return 'rate-limited';
  return status === 408 || status >= 500 ? 'unavailable' : undefined;
}

/**
 * How long a server asks to be left alone, in milliseconds, by seconds or a date. A date is measured against the
 * answer's own, so that no clock is needed and a wrong one here does no harm.
 *
 * @returns Undefined if it does not ask for that, or not in a way that can be read.
 */
export function retryAfter(headers: Headers): number | undefined {
  const text = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const wait = Date.parse(text) - Date.parse(headers.get('date') ?? '');
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

/** Within these a clock may be off around midnight without harm; an answer takes a part of it to arrive. */
const MIDNIGHT_MS = 60_000;

function inWords(ms: number): string {
  const minutes = ms / 60_000;
  if (minutes < 120) return `${Math.round(minutes)} minutes`;
  return minutes < 2_880 ? `${Math.round(minutes / 60)} hours` : `${Math.round(minutes / 1_440)} days`;
}

/** One answer, whole and whatever its status. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** A clock that this machine's is compared with. */
interface ServerClock {
  /** Whose it is, as in "Google's". */
  readonly whose: string;
  /** How far this machine's may be off whatever the day; as far as one likes if absent. */
  readonly mostMs?: number;
}

/**
 * Opens the way to the servers.
 *
 * @param clock Absent where a clock that is off does no harm.
 */
export function openHttp({ env, now, product = 'pypi-badges' }: World, clock?: ServerClock) {
  const direct = [new HttpAgent({ keepAlive: true }), new HttpsAgent({ keepAlive: true })] as const;
  const proxies = new Map<string, ProxyAgent>();
  let skewMs: number | undefined;

  function agentFor(url: URL) {
    const proxy = proxyFor(url, env);
    if (proxy === undefined) return direct[url.protocol === 'http:' ? 0 : 1];
    const known = proxies.get(proxy.href) ?? new ProxyAgent(proxy);
    proxies.set(proxy.href, known);
    return known;
  }

  class Transport extends Gaxios {
    /** What was asked last. */
    asked: URL | undefined;

    override request<T>(options: GaxiosOptions = {}): Promise<GaxiosResponse<T>> {
      const url = new URL(String(options.url));
      this.asked = url;
      return super.request<T>({
        ...options,
        agent: agentFor(url),
        maxContentLength: BODY_MAX,
        retryConfig: { retry: 0 },
        adapter: async (prepared, usual) => {
          const answer = await usual(prepared);
          const date = Date.parse(answer.headers.get('date') ?? '');
          // Metadata servers have this machine's clock.
          if (!Number.isNaN(date) && !isMetadata(url)) skewMs = now().getTime() - date;
          return answer;
        },
      } as GaxiosOptions);
    }
  }

  const headers = { 'user-agent': product };
  const own = new Transport({
    headers,
    redirect: 'manual',
    responseType: 'text',
    validateStatus: () => true,
  });

  /** Nobody answered while `endpoint` was asked: it, or the proxy before it. */
  function silence(endpoint: Endpoint): SourceError {
    const proxy = [...proxies.values()].find(({ waiting }) => waiting > 0);
    const asked: Endpoint = proxy === undefined ? endpoint : { step: 'proxy', who: proxy.server };
    return fault('no-answer', '', asked, { maybeSent: proxy === undefined });
  }

  /**
   * @param details Who had the request by then.
   * @throws SourceError if this machine's clock is off by so much that its day is not the server's, or that the server refuses
   * what was signed by it.
   */
  function assertClock(details?: FaultDetails): void {
    if (clock === undefined || skewMs === undefined) return;
    const { whose, mostMs = Number.POSITIVE_INFINITY } = clock;
    const offMs = Math.abs(skewMs);
    const day = (time: number) => Math.floor(time / MS_PER_DAY);
    const isOtherDay = day(now().getTime()) !== day(now().getTime() - skewMs) && offMs > MIDNIGHT_MS;
    if (!isOtherDay && offMs <= mostMs) return;
    const off = `${inWords(offMs)} ${skewMs < 0 ? 'behind' : 'ahead of'} ${whose}`;
    const message = `clock: this machine's is ${off}; set it: timedatectl set-ntp true`;
    throw new SourceError('clock', message, details);
  }

  /**
   * Sends one request, once, and reads the whole answer.
   *
   * @param endpoint Who answers.
   * @throws SourceError if there is no answer, or one of more than 64 MiB unpacked; what comes after the signal is
   * `no-answer`, and what came from a server whose clock is another, `clock`.
   */
  async function send(request: GaxiosOptions, endpoint: Endpoint, signal: AbortSignal): Promise<HttpAnswer> {
    const answer = own.request<string>({ ...request, signal });
    const { status, headers, data } = await abortable(answer, signal).catch((error: unknown) => {
      throw signal.aborted ? silence(endpoint) : (networkFault(error, endpoint) ?? error);
    });
    assertClock({ step: endpoint.step, maybeSent: true });
    return { status, headers, body: data };
  }

  return {
    /** For libraries that send by themselves, such as Google's ways to sign in. It retries nothing. */
    transport: new Transport(),
    send,
    silence,
    /** How far this machine's clock was ahead of the server's at its last answer, in milliseconds. */
    clockSkewMs: () => skewMs,
    assertClock,
    /** Drops every connection, also those that still wait for an answer. */
    close() {
      for (const agent of [...direct, ...proxies.values()]) agent.destroy();
    },
  };
}

/** What the last of several tries threw; a fault says how many there were. */
function withTries({ error, attemptNumber: tries }: RetryContext): Error {
  if (!(error instanceof SourceError) || error.details.tries !== undefined || tries === 1) return error;
  const { message, details } = error;
  const times = `${tries} times)`;
  return error.with({ tries }, details.said ? `${message.slice(0, -1)}, ${times}` : `${message} (${times}`);
}

/**
 * Does `work` again while it fails by a fault that may pass, after the wait that the server asked for or that is due
 * anyway. If the server asks for a longer wait than there is time, it gives up at once. A job that failed does so in
 * every answer, so that only another one helps.
 *
 * @throws What `work` threw last, with how often it was tried, also where the signal ended the waiting.
 */
export async function withRetry<T>(
  work: () => Promise<T>,
  { backoffMs, longestPauseMs, retries = 5, ofJob }: RetryPolicy,
  signal: AbortSignal,
): Promise<T> {
  let last: RetryContext | undefined;
  try {
    return await pRetry(work, {
      retries,
      minTimeout: backoffMs,
      maxTimeout: 32 * backoffMs,
      randomize: true,
      signal,
      onFailedAttempt: (attempt) => {
        // The end of the waiting is no fault of the request.
        if (!signal.aborted || last === undefined) last = attempt;
      },
      shouldRetry: async ({ error }) => {
        if (!(error instanceof SourceError)) return false;
        const { retryAfterMs = 0, ofJob: isOfJob } = error.details;
        const again = error.passes && isOfJob === ofJob && retryAfterMs <= longestPauseMs;
        if (again) await sleep(retryAfterMs, undefined, { signal });
        return again;
      },
    });
  } catch (error) {
    throw last === undefined ? error : withTries(last);
  }
}
