import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { BigQueryServer, type ServerOptions } from './bigquery-server.ts';
import { listen } from './listen.ts';
import type { Instead } from './stand-in.ts';

/*
 * Everybody who is asked for a token on the way to BigQuery, and BigQuery itself, on loopback: as plain HTTP for
 * what a credential file names by its address, and behind a proxy, with a certificate for *.googleapis.com,
 * for what Google's libraries ask at fixed addresses.
 */

/** Who is asked. */
export type Asked = 'token' | 'sts' | 'iam' | 'metadata' | 'subject' | 'bigquery';

/** An answer in place of the right one; silence is none at all. */
export type Answer = 'silence' | (Omit<Instead, 'body'> & { readonly body: unknown });

/** What a federation signs in with. */
export const SUBJECT_TOKEN = 'hush-oidc';

export interface GoogleOptions {
  /** What each says instead of giving a token, always or that often. */
  readonly answers?: Partial<Record<Asked, Answer>>;
  /** How often they say so. */
  readonly times?: number;
  /** How long a token is good for, in seconds. */
  readonly expiresIn?: number;
  /** The metadata server's project; 404 without one. */
  readonly projectId?: string;
  readonly bigQuery?: ServerOptions;
  /** The certificate, if not a good one. */
  readonly certificate?: 'expired';
  /** Is called when one is silent. */
  readonly onSilence?: () => void;
  /** The clock of all of them. */
  readonly date?: Date;
}

const certificate = (name: string) => fileURLToPath(new URL(`certificates/${name}`, import.meta.url));

/** For NODE_EXTRA_CA_CERTS: who has signed the certificate for *.googleapis.com. */
export const TEST_CA = certificate('ca.pem');

function whoIs(path: string): Asked {
  if (path.startsWith('/computeMetadata/')) return 'metadata';
  if (path.endsWith(':generateAccessToken')) return 'iam';
  if (path === '/v1/token') return 'sts';
  if (path === '/token') return 'token';
  if (path.startsWith('/bigquery/v2/')) return 'bigquery';
  return 'subject';
}

/** Starts all of them on loopback. */
export async function startGoogle(options: GoogleOptions = {}) {
  const { answers, times = Number.POSITIVE_INFINITY, expiresIn = 3_600, projectId, date } = options;
  /** Who was asked, in order. */
  const asked: Asked[] = [];
  /** The tokens that came with what BigQuery was asked. */
  const tokens: string[] = [];
  /** The accounts that were impersonated. */
  const accounts: string[] = [];
  /** The parameters of the last request to the security token service. */
  const exchange = new URLSearchParams();
  const bigQuery = new BigQueryServer({ ...options.bigQuery, ...(date && { date }) });
  let left = times;
  let given = 0;

  /** The right answer of everybody but BigQuery. */
  function tokenOf(who: Asked, path: string): Answer {
    given += 1;
    const token = `token-${given}`;
    if (who === 'subject') return { status: 200, body: SUBJECT_TOKEN };
    if (who === 'iam') {
      accounts.push(decodeURIComponent(/serviceAccounts\/([^:]*):/.exec(path)?.[1] ?? ''));
      const expireTime = new Date(Date.now() + expiresIn * 1000).toISOString();
      return { status: 200, body: { accessToken: token, expireTime } };
    }
    if (path.endsWith('/project-id')) {
      return projectId ? { status: 200, body: projectId } : { status: 404, body: '<title>Error 404</title>' };
    }
    return { status: 200, body: { access_token: token, expires_in: expiresIn, token_type: 'Bearer' } };
  }

  async function answerTo(who: Asked, path: string, request: IncomingMessage): Promise<Answer | undefined> {
    const instead = answers?.[who];
    if (instead !== undefined && left > 0) {
      left -= 1;
      return instead;
    }
    if (who === 'bigquery') {
      const token = String(request.headers.authorization);
      tokens.push(token);
      const error = { code: 401, message: 'no token', errors: [{ reason: 'authError' }] };
      return /^Bearer token-\d+$/.test(token) ? undefined : { status: 401, body: { error } };
    }
    let body = '';
    for await (const chunk of request) body += chunk;
    if (who === 'sts') for (const [name, value] of new URLSearchParams(body)) exchange.set(name, value);
    return tokenOf(who, path);
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '', 'http://google').pathname;
    const who = whoIs(path);
    asked.push(who);
    const answer = await answerTo(who, path, request);
    if (answer === undefined) return bigQuery.handle(request, response);
    if (answer === 'silence') return options.onSilence?.();
    const { status, body, headers } = answer;
    const type = { 'content-type': typeof body === 'string' ? 'text/html' : 'application/json' };
    if (date !== undefined) response.setHeader('date', date.toUTCString());
    response.writeHead(status, { ...type, 'metadata-flavor': 'Google', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  const listener = (request: IncomingMessage, response: ServerResponse) =>
    void handle(request, response).catch(() => response.destroy());
  const cert = readFileSync(certificate(options.certificate === 'expired' ? 'expired.pem' : 'server.pem'));
  const plain = await listen(createServer(listener));
  const tls = await listen(createTlsServer({ cert, key: readFileSync(certificate('server.key')) }, listener));
  return {
    ...{ asked, tokens, accounts, exchange, bigQuery },
    /** As plain HTTP, without a scheme: for GCE_METADATA_HOST. */
    host: `127.0.0.1:${plain.port}`,
    /** Where it answers as any host of googleapis.com. */
    tlsPort: tls.port,
    close: async () => void (await Promise.all([plain.close(), tls.close()])),
  };
}

/** What a proxy does with a request for a connection: leads it on, refuses it, says nothing, or ends the connection. */
export type ProxyManner = 'open' | 'silence' | 'hang up' | number;

function lead(socket: Socket, port: number): void {
  const through = connect(port, '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    through.pipe(socket).pipe(through);
  });
  through.on('error', () => socket.destroy());
  socket.on('error', () => through.destroy());
  socket.on('close', () => through.destroy());
}

/** Starts an HTTP proxy on loopback that leads wherever one wants to go to one place. */
export async function startProxy({ tlsPort }: { readonly tlsPort: number }, manner: ProxyManner = 'open') {
  /** Hosts with ports that were asked for. */
  const asked: string[] = [];
  /** Credentials that came with them, as `user:password`. */
  const credentials: string[] = [];
  const server = createServer();
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    asked.push(String(request.url));
    const [, encoded = ''] = String(request.headers['proxy-authorization'] ?? '').split(' ');
    if (encoded !== '') credentials.push(Buffer.from(encoded, 'base64').toString());
    if (manner === 'silence') return;
    if (manner === 'hang up') return void socket.end();
    if (manner === 'open' || (manner === 407 && encoded !== '')) return lead(socket, tlsPort);
    socket.end(`HTTP/1.1 ${manner} ${STATUS_CODES[manner]}\r\ncontent-length: 0\r\n\r\n`);
  });
  const { port, close } = await listen(server);
  /** `host` is for HTTPS_PROXY, without a scheme. */
  return { asked, credentials, host: `127.0.0.1:${port}`, close };
}
