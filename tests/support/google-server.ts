import { readFileSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { BigQueryServer, type ServerOptions } from './bigquery-server.ts';
import { listen } from './listen.ts';

/*
 * Everybody who is asked for a token on the way to BigQuery, and BigQuery itself, on loopback: as plain HTTP for
 * what a credential file names by its address, and behind a proxy, with a certificate for *.googleapis.com,
 * for what Google's libraries ask at fixed addresses.
 */

/** Who is asked. */
export type Asked = 'token' | 'sts' | 'iam' | 'metadata' | 'subject' | 'bigquery';

/** An answer in place of the right one; silence is none at all. */
export type Answer =
  | 'silence'
  | { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> };

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

export class GoogleServer {
  /** Who was asked, in order. */
  readonly asked: Asked[] = [];
  /** The tokens that came with what BigQuery was asked. */
  readonly tokens: string[] = [];
  /** The accounts that were impersonated, and the parameters of the last request to the security token service. */
  readonly accounts: string[] = [];
  exchange: URLSearchParams = new URLSearchParams();
  readonly bigQuery: BigQueryServer;
  readonly #options: GoogleOptions;
  #left: number;
  #count = 0;
  #plain = { port: 0, close: async () => {} };
  #tls = { port: 0, close: async () => {} };

  private constructor(options: GoogleOptions) {
    this.#options = options;
    this.#left = options.times ?? Number.POSITIVE_INFINITY;
    this.bigQuery = new BigQueryServer({ ...options.bigQuery, ...(options.date && { date: options.date }) });
  }

  static async start(options: GoogleOptions = {}): Promise<GoogleServer> {
    const server = new GoogleServer(options);
    const listener: RequestListener = (request, response) => {
      server.#answer(request, response).catch((error) => {
        response.statusCode = 599;
        response.end(String(error));
      });
    };
    const cert = readFileSync(certificate(options.certificate === 'expired' ? 'expired.pem' : 'server.pem'));
    const key = readFileSync(certificate('server.key'));
    server.#plain = await listen(createServer(listener));
    server.#tls = await listen(createTlsServer({ cert, key }, listener));
    return server;
  }

  /** As plain HTTP, without a scheme: for GCE_METADATA_HOST. */
  get host(): string {
    return `127.0.0.1:${this.#plain.port}`;
  }

  /** Where it answers as any host of googleapis.com. */
  get tlsPort(): number {
    return this.#tls.port;
  }

  async close(): Promise<void> {
    await Promise.all([this.#plain.close(), this.#tls.close()]);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://google');
    const who = whoIs(url.pathname);
    this.asked.push(who);
    const instead = this.#options.answers?.[who];
    if (instead !== undefined && this.#left > 0) {
      this.#left -= 1;
      if (instead === 'silence') return this.#options.onSilence?.();
      return this.#send(response, instead.status, instead.body, instead.headers);
    }
    if (who === 'bigquery') {
      const token = String(request.headers.authorization);
      this.tokens.push(token);
      if (!/^Bearer token-\d+$/.test(token)) {
        const error = { code: 401, message: 'no token', errors: [{ reason: 'authError' }] };
        return this.#send(response, 401, { error });
      }
      return void this.bigQuery.handle(request, response);
    }
    let body = '';
    for await (const chunk of request) body += chunk;
    if (who === 'sts') this.exchange = new URLSearchParams(body);
    this.#send(response, ...this.#token(who, url.pathname));
  }

  /** The right answer of everybody but BigQuery. */
  #token(who: Asked, path: string): [status: number, body: unknown] {
    this.#count += 1;
    const { expiresIn = 3_600, projectId } = this.#options;
    const token = `token-${this.#count}`;
    if (who === 'subject') return [200, SUBJECT_TOKEN];
    if (who === 'iam') {
      this.accounts.push(decodeURIComponent(/serviceAccounts\/([^:]*):/.exec(path)?.[1] ?? ''));
      const expireTime = new Date(Date.now() + expiresIn * 1000).toISOString();
      return [200, { accessToken: token, expireTime }];
    }
    if (path.endsWith('/project-id')) {
      return projectId === undefined ? [404, '<title>Error 404 (Not Found)!!1</title>'] : [200, projectId];
    }
    return [200, { access_token: token, expires_in: expiresIn, token_type: 'Bearer' }];
  }

  #send(
    response: ServerResponse,
    status: number,
    body: unknown,
    more: Readonly<Record<string, string>> = {},
  ) {
    const { date } = this.#options;
    const type = typeof body === 'string' ? 'text/html' : 'application/json';
    const headers = { 'content-type': type, 'metadata-flavor': 'Google', ...more };
    response.writeHead(status, { ...headers, ...(date && { date: date.toUTCString() }) });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }
}

/** What a proxy does with a request for a connection: leads it on, refuses it, says nothing, or ends the connection. */
export type ProxyManner = 'open' | 'silence' | 'hang up' | number;

/** An HTTP proxy on loopback that leads wherever one wants to go to one place. */
export class ProxyServer {
  /** Hosts with ports that were asked for. */
  readonly asked: string[] = [];
  /** Credentials that came with them, as `user:password`. */
  readonly credentials: string[] = [];
  #server = { port: 0, close: async () => {} };

  static async start(to: { readonly tlsPort: number }, manner: ProxyManner = 'open'): Promise<ProxyServer> {
    const proxy = new ProxyServer();
    const server = createServer();
    server.on('connect', (request: IncomingMessage, socket: Socket) => {
      proxy.asked.push(String(request.url));
      const [, encoded = ''] = String(request.headers['proxy-authorization'] ?? '').split(' ');
      if (encoded !== '') proxy.credentials.push(Buffer.from(encoded, 'base64').toString());
      if (manner === 'silence') return;
      if (manner === 'hang up') return void socket.end();
      const isOpen = manner === 'open' || (manner === 407 && encoded !== '');
      if (isOpen) return proxy.#lead(socket, to.tlsPort);
      socket.end(`HTTP/1.1 ${manner} ${STATUS_CODES[manner]}\r\ncontent-length: 0\r\n\r\n`);
    });
    proxy.#server = await listen(server);
    return proxy;
  }

  /** For HTTPS_PROXY, without a scheme. */
  get host(): string {
    return `127.0.0.1:${this.#server.port}`;
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  #lead(socket: Socket, port: number): void {
    const through = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      through.pipe(socket).pipe(through);
    });
    through.on('error', () => socket.destroy());
    socket.on('error', () => through.destroy());
    socket.on('close', () => through.destroy());
  }
}
