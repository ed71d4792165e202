import { describe, expect, it } from 'vitest';
import { proxyFor } from '../../src/sources/proxy.ts';

const GOOGLE = 'https://bigquery.googleapis.com/bigquery/v2';

/** Environment, address, and the proxy that curl takes for it (curl's manual page, ENVIRONMENT); undefined for none. */
const CHOICES: [Record<string, string>, string, string | undefined][] = [
  [{}, GOOGLE, undefined],
  [{ HTTPS_PROXY: '' }, GOOGLE, undefined],
  [{ HTTPS_PROXY: 'http://proxy.corp.example:3128' }, GOOGLE, 'http://proxy.corp.example:3128/'],
  [{ HTTPS_PROXY: 'proxy.corp.example:3128' }, GOOGLE, 'http://proxy.corp.example:3128/'],
  [{ HTTPS_PROXY: '127.0.0.1:3128' }, GOOGLE, 'http://127.0.0.1:3128/'],
  [{ HTTPS_PROXY: 'localhost:3128' }, GOOGLE, 'http://localhost:3128/'],
  [{ https_proxy: ' user:p%40ss@proxy:3128 ' }, GOOGLE, 'http://user:p%40ss@proxy:3128/'],
  [{ HTTPS_PROXY: 'https://proxy:3129' }, GOOGLE, 'https://proxy:3129/'],
  [{ HTTPS_PROXY: '[::1]:3128' }, GOOGLE, 'http://[::1]:3128/'],
  [{ ALL_PROXY: 'proxy:1' }, GOOGLE, 'http://proxy:1/'],
  [{ HTTPS_PROXY: 'proxy:1', ALL_PROXY: 'proxy:2' }, GOOGLE, 'http://proxy:1/'],
  [{ HTTPS_PROXY: 'proxy:1' }, 'http://localhost:9050/', undefined],
  [{ HTTP_PROXY: 'proxy:1' }, 'http://emulator:9050/', 'http://proxy:1/'],
  [{ HTTPS_PROXY: 'proxy:1' }, 'http://169.254.169.254/computeMetadata/v1', undefined],
  [{ HTTP_PROXY: 'proxy:1' }, 'http://metadata.google.internal./x', undefined],
  [{ HTTP_PROXY: 'proxy:1' }, 'http://169.254.169.254/latest/api/token', undefined],
];

/** Addresses, with rules that exempt them and rules that do not. */
const EXEMPTIONS: [address: string, rules: string, others: string][] = [
  [GOOGLE, '* | localhost, * | localhost 127.0.0.1,.googleapis.com', 'apis.com |  | 10.0.0.0/8'],
  [GOOGLE, 'googleapis.com | .googleapis.com | *.googleapis.com | GoogleAPIs.com', 'storage.googleapis.com'],
  [GOOGLE, 'bigquery.googleapis.com | bigquery.googleapis.com:443', 'bigquery.googleapis.com:8443'],
  ['https://10.1.2.3/', '10.0.0.0/8 | 10.1.2.3', '11.0.0.0/8 | 2.3 | 10.0.0.0/99'],
  ['https://[fd12::1]/', 'fd00::/8 | [fd00::]/8 | fd12::1 | [fd12::1]:443', '[fe00::]/8'],
];

describe('the proxy', () => {
  it.each(CHOICES)('with %j for %s is %s', (env, address, expected) => {
    expect(proxyFor(new URL(address), env)?.href).toBe(expected);
  });

  it.each(EXEMPTIONS)('is left out for %s by NO_PROXY=%s, and not by %s', (address, rules, others) => {
    for (const name of ['NO_PROXY', 'no_proxy']) {
      const exempts = (rule: string) =>
        proxyFor(new URL(address), { HTTPS_PROXY: 'proxy:1', [name]: rule }) === undefined;
      for (const rule of rules.split(' | ')) expect(exempts(rule), rule).toBe(true);
      for (const rule of others.split(' | ')) expect(exempts(rule), rule).toBe(false);
    }
  });

  it.each([
    ['socks5://127.0.0.1:1080', 'begins with socks5://, and only HTTP proxies are supported'],
    ['SOCKS4a://user:hush@host', 'begins with SOCKS4a://, and only HTTP proxies are supported'],
    ['ftp://host', 'begins with ftp://, and only HTTP proxies are supported'],
    ['http://user:hush@[', 'holds no address'],
    ['http://', 'holds no address'],
  ])('%s is refused, and not repeated', (address, what) => {
    const expected = `proxy: HTTPS_PROXY ${what}; write it as http://host:port`;
    expect(() => proxyFor(new URL(GOOGLE), { HTTPS_PROXY: address })).toThrow(expected);
    // Nobody is asked through it.
    expect(proxyFor(new URL(GOOGLE), { HTTPS_PROXY: address, NO_PROXY: '*' })).toBeUndefined();
  });
});
