import { type AgentOptions, type ClientRequest, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { HttpsProxyAgent } from 'https-proxy-agent';
import type { Env } from '../../env.ts';
import { proxyFor } from './proxy.ts';

const KEEP_ALIVE: AgentOptions = { keepAlive: true };

type Agent = HttpAgent | HttpsProxyAgent<string>;

/**
 * What becomes of a fault of a proxy on its way through libraries that keep no more of an error than its
 * message and its `code`.
 */
const CODE = /^PROXY (\S+) (\S+)$/;

/** Host and port of the proxy, and the HTTP status or the system's name of what went wrong. */
export function proxyFault(code: unknown): { server: string; status?: number; code?: string } | undefined {
  const [, server, what = ''] = CODE.exec(String(code)) ?? [];
  if (server === undefined) return undefined;
  return /^\d+$/.test(what) ? { server, status: Number(what) } : { server, code: what };
}

/** The ways to the servers: directly, or through a proxy. */
export interface Network {
  /** @throws SourceError if a variable names no usable proxy. */
  readonly agentFor: (url: URL) => Agent;
  /** The proxy that was asked for a connection and has not answered yet, as host and port. */
  readonly waitingFor: () => string | undefined;
  /** Drops every connection, also those that still wait for an answer. */
  readonly close: () => void;
}

/**
 * A proxy, whose own faults are told apart from those of the server behind it: the base class passes its
 * refusal on as if it were the server's answer.
 */
class ProxyAgent extends HttpsProxyAgent<string> {
  readonly server: string;
  waiting = 0;

  constructor(proxy: URL) {
    const { host, port, protocol, username, password } = proxy;
    const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    // Beside the address and not in it: the base class logs the address when DEBUG is set.
    const headers =
      user === ':' ? {} : { 'Proxy-Authorization': `Basic ${Buffer.from(user).toString('base64')}` };
    super(`${protocol}//${host}`, { keepAlive: true, headers });
    this.server = port === '' ? `${host}:${protocol === 'https:' ? 443 : 80}` : host;
  }

  #fault(what: string | number, message: string): Error {
    return Object.assign(new Error(message), { code: `PROXY ${this.server} ${what}` });
  }

  override async connect(
    request: ClientRequest,
    options: Parameters<HttpsProxyAgent<string>['connect']>[1],
  ): ReturnType<HttpsProxyAgent<string>['connect']> {
    let refusal: Error | undefined;
    request.once('proxyConnect', ({ statusCode, statusText }: { statusCode: number; statusText: string }) => {
      if (statusCode !== 200) refusal = this.#fault(statusCode, statusText);
    });
    this.waiting += 1;
    const socket = await super
      .connect(request, options)
      .catch((error: NodeJS.ErrnoException) => {
        throw this.#fault(error.code ?? 'UNKNOWN', error.message);
      })
      .finally(() => {
        this.waiting -= 1;
      });
    if (refusal === undefined) return socket;
    socket.destroy();
    throw refusal;
  }
}

/** Opens the network, with the proxies that the environment names. */
export function openNetwork(env: Env): Network {
  const direct = { 'http:': new HttpAgent(KEEP_ALIVE), 'https:': new HttpsAgent(KEEP_ALIVE) };
  const proxies = new Map<string, ProxyAgent>();

  function agentFor(url: URL): Agent {
    const proxy = proxyFor(url, env);
    if (proxy === undefined) return direct[url.protocol === 'http:' ? 'http:' : 'https:'];
    const known = proxies.get(proxy.href) ?? new ProxyAgent(proxy);
    proxies.set(proxy.href, known);
    return known;
  }

  return {
    agentFor,
    waitingFor: () => [...proxies.values()].find(({ waiting }) => waiting > 0)?.server,
    close() {
      for (const agent of [...Object.values(direct), ...proxies.values()]) agent.destroy();
    },
  };
}
