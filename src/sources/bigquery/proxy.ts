import { BlockList, isIP } from 'node:net';
import type { Env } from '../../env.ts';
import { SourceError } from '../source.ts';

/** Which variables name the proxy, by the scheme of the address that is asked; the first that is set wins. */
const VARIABLES = {
  'https:': ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'],
  'http:': ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'],
} as const;

function invalid(variable: string, what: string): SourceError {
  return new SourceError('proxy-invalid', `proxy: ${variable} ${what}; write it as http://host:port`);
}

/** The address in a variable. Curl takes one without a scheme, and so does everybody who tried it with curl. */
function parseProxy(variable: string, text: string): URL {
  const [, scheme] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text) ?? [];
  if (scheme !== undefined && /^socks/i.test(scheme)) {
    throw invalid(variable, `names a SOCKS proxy (${scheme}://), and only HTTP proxies are supported`);
  }
  if (scheme !== undefined && !/^https?$/i.test(scheme)) {
    throw invalid(variable, `begins with ${scheme}://, and only HTTP proxies are supported`);
  }
  const address = scheme === undefined ? `http://${text}` : text;
  // The text is not repeated: a password may stand in it.
  if (!URL.canParse(address)) throw invalid(variable, 'holds no address');
  return new URL(address);
}

function proxyOf(scheme: keyof typeof VARIABLES, env: Env): URL | undefined {
  for (const variable of VARIABLES[scheme]) {
    const text = env[variable]?.trim();
    if (text) return parseProxy(variable, text);
  }
  return undefined;
}

/** Whether an address lies in a network in CIDR notation. */
function inNetwork(host: string, rule: string): boolean {
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
  if (rule === '*') return true;
  if (inNetwork(host, rule)) return true;
  const [, name = '', only] = /^(\[[^\]]*\]|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(rule) ?? [];
  if (only !== undefined && only !== port) return false;
  const domain = name
    .replace(/^\[|\]$/g, '')
    .replace(/^\*?\./, '')
    .toLowerCase();
  return domain !== '' && (host === domain || (isIP(host) === 0 && host.endsWith(`.${domain}`)));
}

/** Google's metadata server answers on the machine itself, and on no other. */
function isMetadata(host: string): boolean {
  // Every request asks this, and making a list of networks would take longer than all else that is asked here.
  const linkLocal = isIP(host) === 4 && host.startsWith('169.254.');
  return linkLocal || host === 'metadata.google.internal' || host === 'fd20:ce::254';
}

/**
 * The proxy through which an address is to be asked, as curl chooses it; undefined for none.
 *
 * Google's client reads the same variables, but it takes an address without a scheme for a broken one, and
 * knows neither `*` nor networks nor a bare domain in NO_PROXY.
 *
 * @param env For HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in capitals or not.
 * @throws SourceError if a variable holds something else than the address of an HTTP proxy.
 */
export function proxyFor(target: URL, env: Env): URL | undefined {
  const { protocol } = target;
  if (protocol !== 'https:' && protocol !== 'http:') return undefined;
  const host = target.hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  const port = target.port || (protocol === 'https:' ? '443' : '80');
  const rules = (env['NO_PROXY'] ?? env['no_proxy'] ?? '').split(/[\s,]+/).filter((rule) => rule !== '');
  const exempt = isMetadata(host) || rules.some((rule) => exempts(rule, host, port));
  return exempt ? undefined : proxyOf(protocol, env);
}
