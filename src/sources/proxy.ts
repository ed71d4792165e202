import type { ClientRequest } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { unescape as decode } from 'node:querystring';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { SourceError } from '../errors/error.ts';
import type { Env } from '../util.ts';

/** Which variables name the proxy, by the scheme of the address that is asked; the first that is set wins. */
const VARIABLES: Readonly<Record<string, readonly string[]>> = {
  'https:': ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'],
  'http:': ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'],
};

/** The address in a variable. Curl takes one without a scheme, and so does everybody who tried it with curl. */
function parseProxy(variable: string, text: string): URL {
  const [, scheme = 'http'] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text) ?? [];
  const address = text.includes('://') ? text : `http://${text}`;
  const isHttp = /^https?$/i.test(scheme);
  if (isHttp && URL.canParse(address)) return new URL(address);
  // The text is not repeated: a password may stand in it.
  const what = isHttp ? 'holds no address' : `begins with ${scheme}://, and only HTTP proxies are supported`;
  throw new SourceError('proxy-invalid', `proxy: ${variable} ${what}; write it as http://host:port`);
}

/** Whether an address lies in a network in CIDR notation. */
function isInNetwork(host: string, rule: string): boolean {
  const [, network = '', prefix = ''] = /^\[?([\da-f.:]+)\]?\/(\d{1,3})$/i.exec(rule) ?? [];
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || Number(prefix) > (family === 4 ? 32 : 128)) return false;
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), kind);
  return list.check(host, kind);
}

/** Whether a rule of NO_PROXY names a host: `*`, a domain with all below it, an address, a network, with or without port. */
function exempts(rule: string, host: string, port: string): boolean {
  if (rule === '*' || isInNetwork(host, rule)) return true;
  const [, name = '', only = port] = /^(\[[^\]]*\]|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(rule) ?? [];
  const domain = name.replace(/^\[|\]$|^\*?\./g, '').toLowerCase();
  const isBelow = isIP(host) === 0 && host.endsWith(`.${domain}`);
  return only === port && domain !== '' && (host === domain || isBelow);
}

const hostOf = ({ hostname }: URL) => hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');

/** Whether it is the metadata server of Google or Amazon, which answers on the machine itself, and on no other. */
export function isMetadata(url: URL): boolean {
  return /^(169\.254\.\d+\.\d+|metadata\.google\.internal|fd20:ce::254)$/.test(hostOf(url));
}

/**
 * The proxy through which an address is to be asked, as curl chooses it; undefined for none.
 *
 * @param env For HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in capitals or not.
 * @throws SourceError if a variable holds something else than the address of an HTTP proxy.
 */
export function proxyFor(url: URL, env: Env): URL | undefined {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const rules = (env['NO_PROXY'] ?? env['no_proxy'] ?? '').split(/[\s,]+/).filter((rule) => rule !== '');
  if (isMetadata(url) || rules.some((rule) => exempts(rule, hostOf(url), port))) return undefined;
  const variable = VARIABLES[url.protocol]?.find((name) => env[name]?.trim());
  return variable === undefined ? undefined : parseProxy(variable, String(env[variable]).trim());
}

/**
 * What becomes of a proxy's fault on its way through libraries that keep nothing of an error but its message and its
 * code: host and port, and the HTTP status or the system's name of what went wrong.
 */
export const PROXY_FAULT = /^PROXY (\S+) (\S+)$/;

/**
 * A proxy, whose own faults are told apart from those of the server behind it: the base class passes its refusal on as
 * if it were the server's answer.
 */
export class ProxyAgent extends HttpsProxyAgent<string> {
  readonly server: string;
  waiting = 0;

  constructor({ host, port, protocol, username, password }: URL) {
    // As written where it is no percent-encoding, such as a password with a % of its own.
    const user = `${decode(username)}:${decode(password)}`;
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
