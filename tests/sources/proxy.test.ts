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

const EXEMPTIONS: [string, string, boolean][] = [
  ['*', GOOGLE, true],
  ['localhost, *', GOOGLE, true],
  ['googleapis.com', GOOGLE, true],
  ['.googleapis.com', GOOGLE, true],
  ['*.googleapis.com', GOOGLE, true],
  ['GoogleAPIs.com', GOOGLE, true],
  ['bigquery.googleapis.com', GOOGLE, true],
  ['bigquery.googleapis.com:443', GOOGLE, true],
  ['bigquery.googleapis.com:8443', GOOGLE, false],
  ['apis.com', GOOGLE, false],
  ['storage.googleapis.com', GOOGLE, false],
  ['localhost 127.0.0.1,.googleapis.com', GOOGLE, true],
  ['', GOOGLE, false],
  ['10.0.0.0/8', 'https://10.1.2.3/', true],
  ['10.0.0.0/8', 'https://11.1.2.3/', false],
  ['10.1.2.3', 'https://10.1.2.3/', true],
  ['2.3', 'https://10.1.2.3/', false],
  ['10.0.0.0/99', 'https://10.1.2.3/', false],
  ['fd00::/8', 'https://[fd12::1]/', true],
  ['[fd00::]/8', 'https://[fe12::1]/', false],
  ['fd12::1', 'https://[fd12::1]/', true],
  ['[fd12::1]:443', 'https://[fd12::1]/', true],
  ['10.0.0.0/8', GOOGLE, false],
];

describe('the proxy', () => {
  it.each(CHOICES)('with %j for %s is %s', (env, address, expected) => {
    expect(proxyFor(new URL(address), env)?.href).toBe(expected);
  });

  it.each(EXEMPTIONS)('is left out by NO_PROXY=%s for %s: %s', (rules, address, exempt) => {
    for (const name of ['NO_PROXY', 'no_proxy']) {
      const proxy = proxyFor(new URL(address), { HTTPS_PROXY: 'proxy:1', [name]: rules });
      expect(proxy === undefined).toBe(exempt);
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
