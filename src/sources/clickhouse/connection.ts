import { readFileSync } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
import type { ClickHouseConfig } from '../../config/config.ts';
import type { Env } from '../../env.ts';
import { UsageError } from '../../errors/error.ts';
import { until } from '../../until.ts';
import { plainUrl } from '../http.ts';
import { SourceError } from '../source.ts';
import type { RawAnswer } from './answer.ts';
import { ClickHouseFault } from './fault.ts';
import { SETTINGS, type Statement } from './query.ts';

/** An open line to a ClickHouse server. */
export interface Connection {
  /** The password, so that it can be kept out of what is printed; empty if there is none. */
  readonly secret: string;
  /**
   * Sends one statement, without any retry, and reads the whole answer, whatever it is.
   *
   * @throws ClickHouseFault if the network fails, and the signal's reason once it is given.
   */
  send(statement: Statement, signal: AbortSignal): Promise<RawAnswer>;
  close(): Promise<void>;
}

/** An answer of ROW_LIMIT rows has a megabyte or two. What is far above that is none. */
const BODY_MAX = 64 * 1024 ** 2;

/**
 * Where ClickHouse is asked: CLICKHOUSE_URL in the environment, or what the configuration says.
 *
 * @throws UsageError if it is no plain http:// or https:// address. It is not repeated: a password may be in it.
 */
export function serverUrl(config: ClickHouseConfig, env: Env): URL {
  const fromEnv = env['CLICKHOUSE_URL'];
  const text = fromEnv || config.url;
  const url = plainUrl(text);
  if (url !== undefined) return url;
  throw new UsageError(
    `${fromEnv ? 'CLICKHOUSE_URL' : 'clickhouse.url'}: expected an http:// or https:// address without user, password or query; set clickhouse.user and clickhouse.password_file in tracked.yaml instead`,
    'configuration',
  );
}

function readPassword(file: string | undefined): string {
  if (file === undefined) return '';
  const refuse = (what: string) =>
    new SourceError('source-file', `clickhouse.password_file: ${file} ${what}`, { affectsAll: true });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw refuse(
      `cannot be read (${(error as NodeJS.ErrnoException).code}); check the path and its permissions`,
    );
  }
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw refuse('is empty; write the password into it');
  if (/[\r\n\0]/.test(password))
    throw refuse('holds more than one line; write nothing but the password into it');
  return password;
}

async function readAll(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += (chunk as Buffer).length;
    if (size > BODY_MAX) {
      throw new ClickHouseFault({
        answer: 'foreign',
        message: `its answer is longer than ${BODY_MAX} bytes`,
      });
    }
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What Node calls by a code is a fault of the network or of what came through it; anything else is our own. */
function networkFault(error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof ClickHouseFault || code === undefined) return error;
  return new ClickHouseFault({ code, message: message || code });
}

/**
 * Opens the line to ClickHouse; nothing is sent yet.
 *
 * The official client does the talking, through `exec`. What it does otherwise, as of 1.23, and why that
 * is not relied upon:
 * - `query` makes an `Error` of the body of any failed answer; status and headers, and so a 429 and its
 *   Retry-After, are lost. `exec` with `ignore_error_response` hands all of it over.
 * - `json()` of the JSONEachRow formats finds an exception in mid-stream only with the server's header of
 *   25.11 or newer and if it arrives in one piece; an answer that merely ends early is taken for whole.
 * - `abort_signal` counts until the headers are here and not while the body comes, and a signal that was
 *   given before is not seen at all.
 * - `request_timeout` is how long a socket may be idle, so that a server which sends a byte now and then
 *   is waited for without end.
 * - It logs to the console from `warn` on, SQL and all, unless told otherwise.
 * - What follows the host in `url` becomes the name of a database; a path belongs into `pathname`.
 * - Connections are kept alive, and one that stood idle longer than the server keeps it is reset
 *   (ECONNRESET) at the next question. It is one of the faults that are tried again.
 *
 * @throws SourceError if the password cannot be read; UsageError as `serverUrl`.
 */
export async function connect(
  config: ClickHouseConfig,
  env: Env,
  { product, idleMs }: { product: string; idleMs: number },
): Promise<Connection> {
  const url = serverUrl(config, env);
  const password = readPassword(config.passwordFile);
  const { createClient, ClickHouseLogLevel } = await import('@clickhouse/client');
  const client = createClient({
    url: url.origin,
    ...(url.pathname === '/' ? {} : { pathname: url.pathname.replace(/\/+$/, '') }),
    username: config.user,
    password,
    // The client puts it in front of its own User-Agent, and nothing can stand in place of that.
    application: product,
    max_open_connections: 1,
    request_timeout: idleMs,
    log: { level: ClickHouseLogLevel.OFF },
  });

  async function send({ sql, parameters }: Statement, signal: AbortSignal): Promise<RawAnswer> {
    signal.throwIfAborted();
    try {
      const asked = client.exec({
        query: sql,
        query_params: { ...parameters },
        clickhouse_settings: { ...SETTINGS },
        abort_signal: signal,
        ignore_error_response: true,
      });
      const { stream, response_headers, http_status_code } = await until(asked, signal);
      addAbortSignal(signal, stream);
      const body = await readAll(stream);
      return { status: http_status_code ?? 0, headers: response_headers, body };
    } catch (error) {
      signal.throwIfAborted();
      throw networkFault(error);
    }
  }

  return { secret: password, send, close: () => client.close() };
}
