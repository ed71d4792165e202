import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen } from './listen.ts';

/*
 * ClickHouse's HTTP interface on loopback, with ClickPy's two tables, the public endpoint's limits, and every
 * fault that the real one can throw, on demand. It is written from the documentation of the interface
 * (https://clickhouse.com/docs/interfaces/http), shares nothing with src/, and knows the questions by their
 * parameters alone. tests/clickhouse/ holds the same source against ClickHouse's own engine.
 */

/** Downloads of a package that agree in everything. */
export interface ServerRow {
  readonly project: string;
  /** YYYY-MM-DD */
  readonly day: string;
  readonly ci?: 'true' | 'false' | 'unknown';
  readonly installer?: string;
  readonly system?: string;
  readonly filename?: string;
  readonly python?: string;
  readonly version?: string;
  readonly downloads: number;
}

/** A question, as the server understood it. */
export interface Call {
  readonly kind: 'pivot' | 'days' | 'reference' | 'facets';
  readonly projects: readonly string[];
  /** As it was sent. */
  readonly versions: string | undefined;
  readonly start: string | undefined;
  readonly end: string | undefined;
  readonly settings: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
  readonly sql: string;
  readonly path: string;
  /** Milliseconds since the server's start, at the beginning and at the end of the answer. */
  readonly at: number;
  until?: number;
}

type Json = { meta: { name: string; type: string }[]; data: unknown[][]; rows: number };

/** What goes wrong. */
export type Fault =
  /** An exception before the answer has begun. */
  | { readonly exception: number; readonly message?: string; readonly status?: number }
  /** An exception behind half of an answer with status 200, as servers before or from 25.11 write it. */
  | { readonly midway: number; readonly as: 'text' | 'tagged' | 'json' }
  /** Any answer at all. */
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  /** The right answer, changed. */
  | { readonly change: (answer: Json) => unknown }
  /** The connection is reset before the answer, or in the middle of it. */
  | 'reset'
  | 'broken'
  /** The answer ends in the middle as if that were all of it. */
  | 'cut'
  /** Nothing comes, ever; or half of the answer does. */
  | 'silence'
  | 'stalled'
  /** The right answer, a few bytes at a time. */
  | 'trickle';

export interface Options {
  readonly rows?: readonly ServerRow[];
  /** The n-th question meets the n-th of them; undefined is none. */
  readonly faults?: readonly (Fault | undefined)[];
  /** Decides about each question after that. */
  readonly fault?: (call: Call) => Fault | undefined;
  /** Most downloads that a question may read. */
  readonly maxRowsToRead?: number;
  /** Whether names are folded as the query asks; a proxy with a cache of its own may not. */
  readonly folds?: boolean;
  /** The server's clock; without one its answers have no Date. */
  readonly date?: Date;
  /** Password of the user demo. */
  readonly password?: string;
}

const ROWS_MAX = 10_000;
const DISTRIBUTION = /\.(whl|tar\.gz|zip)$/;

class Refusal extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(`Code: ${code}. DB::Exception: ${message} (SOMETHING) (version 26.9.2.1 (official build))\n`);
    this.code = code;
  }
}

function understand(request: IncomingMessage, sql: string, at: number): Call {
  const { searchParams, pathname } = new URL(request.url ?? '/', 'http://localhost');
  const parameter = (name: string) => searchParams.get(`param_${name}`) ?? undefined;
  const ofDays = parameter('start') === undefined ? 'reference' : 'days';
  const ofRows = /\bfacet\b/.test(sql) ? 'facets' : 'pivot';
  return {
    kind: sql.includes('pypi_downloads_per_day') ? ofDays : ofRows,
    projects: [...(parameter('projects') ?? '').matchAll(/'([^']*)'/g)].map((match) => match[1] ?? ''),
    versions: parameter('versions'),
    start: parameter('start'),
    end: parameter('end'),
    settings: Object.fromEntries([...searchParams].filter(([name]) => !name.startsWith('param_'))),
    headers: request.headers,
    sql,
    path: pathname,
    at,
  };
}

/** What `multiIf(name IN (...), name, '(other)')` makes of a name, by the query's own list. */
function foldedBy(sql: string, name: 'installer' | 'system') {
  const [, list = ''] = new RegExp(`${name} IN \\(([^)]*)\\)`).exec(sql) ?? [];
  const known = new Set([...list.matchAll(/'([^']*)'/g)].map((match) => match[1]));
  return (value: string) => (known.has(value) ? value : '(other)');
}

/** What is over a limit is an exception, or cut off without a word. */
function limited<T>(
  { settings }: Call,
  mode: string,
  list: T[],
  fits: (list: T[]) => boolean,
  refusal: Refusal,
) {
  let part = list;
  while (!fits(part)) {
    if (settings[mode] === 'throw') throw refusal;
    part = part.slice(0, Math.floor(part.length / 2));
  }
  return part;
}

/** An answer with the columns `name Type`. */
function table(columns: readonly string[], data: unknown[][]): Json {
  const meta = columns.map((column) => {
    const [name = '', type = ''] = column.split(' ');
    return { name, type };
  });
  return { meta, data, rows: data.length };
}

const sizeOf = (rows: readonly ServerRow[]) => rows.reduce((sum, { downloads }) => sum + downloads, 0);

/** Downloads by a text of each row, as ClickHouse writes numbers. */
function sumsBy(rows: readonly ServerRow[], keyOf: (row: ServerRow) => string): [key: string, sum: string][] {
  const sums = new Map<string, number>();
  for (const row of rows) sums.set(keyOf(row), (sums.get(keyOf(row)) ?? 0) + row.downloads);
  return [...sums].map(([key, sum]) => [key, String(sum)]);
}

const COUNTED = ['pip', 'uv', 'poetry', 'pdm'];

/** Facets of rows, of which the server knows no more than Python and version. */
function facetsOf(rows: readonly ServerRow[], projects: readonly string[]): Json {
  const isCounting = ({ ci = 'false', installer = '' }: ServerRow) =>
    ci === 'unknown' || (ci === 'false' && COUNTED.includes(installer));
  const values: Record<string, (row: ServerRow) => string> = {
    flag: ({ ci = 'false' }) => ci,
    python: ({ python = '' }) => python,
    version: ({ version = '1.0' }) => version,
    ...Object.fromEntries(['system', 'type', 'country', 'kind'].map((facet) => [facet, () => ''])),
  };
  const data = projects.flatMap((project) => {
    const own = rows.filter((row) => row.project === project && isCounting(row));
    return Object.entries(values).map(([facet, keyOf]) => [project, facet, sumsBy(own, keyOf)]);
  });
  return table(['project String', 'facet String', 'counts Array(Tuple(String,UInt64))'], data);
}

const PIVOT = ['project String', 'day Date', 'ci String', 'installer_name String', 'system_name String'];

function answerTo(call: Call, { rows = [], maxRowsToRead = 1e9, folds = true }: Options): Json {
  const { start = '', end = '9', projects, settings, kind, sql } = call;
  const matching = rows.filter((row) => projects.includes(row.project) && row.day >= start && row.day < end);
  if (kind === 'facets') return facetsOf(matching, projects);
  const days = sumsBy(matching, ({ day }) => day);
  if (kind === 'reference') return table(['row_count UInt64'], [[days.length]]);
  if (kind === 'days') return table(['day Date', 'row_count Int64'], days);
  const limit = `Limit for rows (controlled by 'max_rows_to_read' setting) exceeded, max rows: ${maxRowsToRead}.`;
  const fits = (list: ServerRow[]) => sizeOf(list) <= maxRowsToRead;
  const read = limited(call, 'read_overflow_mode', matching, fits, new Refusal(158, limit));
  const [installerOf, systemOf] = [foldedBy(sql, 'installer'), foldedBy(sql, 'system')];
  const sums = sumsBy(
    read,
    ({ project, day, ci = 'false', installer = '', system = '', filename = 'a.whl' }) => {
      const isSidecar = day < '2026-08-25' && !DISTRIBUTION.test(filename);
      const folded = folds ? [installerOf(installer), systemOf(system)] : [installer, system];
      const flag = isSidecar && ci !== 'unknown' ? 'false' : ci;
      return JSON.stringify([project, day, flag, ...(isSidecar ? ['', ''] : folded), Number(isSidecar)]);
    },
  );
  const sidecars = /\bsidecar\b/.test(sql);
  const groups = sums.map(([key, sum]) => {
    const cells: unknown[] = JSON.parse(key);
    return [...cells.slice(0, 5), sum, ...(sidecars ? cells.slice(5) : [])];
  });
  const most = Math.min(ROWS_MAX, Number(settings['max_result_rows'] ?? ROWS_MAX));
  const full = new Refusal(396, `Limit for result exceeded, max rows: ${most}.`);
  const data = limited(call, 'result_overflow_mode', groups, ({ length }) => length <= most, full);
  return table([...PIVOT, 'download_count UInt64', ...(sidecars ? ['sidecar UInt8'] : [])], data);
}

const JSON_TYPE = { 'content-type': 'application/json; charset=UTF-8' };

function send(response: ServerResponse, status: number, body: string, headers: Record<string, string>): void {
  response.writeHead(status, { 'x-clickhouse-query-id': 'query', ...headers }).end(body);
}

function midway(code: number, as: 'text' | 'tagged' | 'json', text: string): string {
  const error = `Code: ${code}. DB::Exception: it went wrong halfway. (SOMETHING) (version 26.9.2.1)`;
  if (as === 'json') return `${text.slice(0, -1)},"exception":${JSON.stringify(error)}}`;
  const half = text.slice(0, text.length / 2);
  if (as === 'text') return `${half}${error}\n`;
  const tag = 'abcdefghijklmnop';
  return `${half}\r\n__exception__\r\n${tag}\r\n${error}\n${error.length + 1} ${tag}\r\n__exception__\r\n`;
}

async function misbehave(fault: Fault, text: string, response: ServerResponse): Promise<void> {
  const half = text.slice(0, text.length / 2);
  if (fault === 'silence') return;
  if (fault === 'reset') return void response.destroy();
  if (fault === 'cut') return send(response, 200, half, JSON_TYPE);
  if (fault === 'stalled' || fault === 'broken') {
    response.writeHead(200, { ...JSON_TYPE, 'content-length': String(text.length) }).write(half);
    await sleep(20);
    if (fault === 'broken') response.destroy();
    return;
  }
  if (fault === 'trickle') {
    response.writeHead(200, JSON_TYPE);
    for (const character of text) {
      if (response.destroyed) return;
      response.write(character);
      await sleep(20);
    }
    response.end();
  } else if ('exception' in fault) {
    const { exception, message = 'it went wrong.', status = 500 } = fault;
    const headers = { 'x-clickhouse-exception-code': String(exception), 'content-type': 'text/plain' };
    send(response, status, new Refusal(exception, message).message, headers);
  } else if ('midway' in fault) {
    send(response, 200, midway(fault.midway, fault.as, text), JSON_TYPE);
  } else if ('change' in fault) {
    send(response, 200, JSON.stringify(fault.change(JSON.parse(text))), JSON_TYPE);
  } else {
    send(response, fault.status, fault.body ?? '', { 'content-type': 'text/html', ...fault.headers });
  }
}

/** Starts the server on loopback. */
export async function startClickHouse(options: Options = {}) {
  const begun = performance.now();
  const calls: Call[] = [];
  const sockets = new Set<Socket>();
  const utf8 = (text: string) => Buffer.from(text, 'latin1').toString('utf8');

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let sql = '';
    for await (const chunk of request) sql += chunk;
    const call = understand(request, sql, performance.now() - begun);
    const number = calls.push(call);
    response.once('close', () => {
      call.until = performance.now() - begun;
    });
    const fault = options.faults?.[number - 1] ?? options.fault?.(call);
    response.sendDate = false;
    if (options.date !== undefined) response.setHeader('date', options.date.toUTCString());
    try {
      const { 'x-clickhouse-user': user = '', 'x-clickhouse-key': key = '' } = request.headers;
      if (user !== 'demo' || utf8(String(key)) !== (options.password ?? '')) {
        throw new Refusal(516, 'demo: Authentication failed: password is incorrect.');
      }
      const text = JSON.stringify(answerTo(call, options));
      if (fault === undefined) send(response, 200, text, JSON_TYPE);
      else await misbehave(fault, text, response);
    } catch (error) {
      if (!(error instanceof Refusal)) return send(response, 599, String(error), {});
      const status = error.code === 516 ? 403 : 500;
      send(response, status, error.message, { 'x-clickhouse-exception-code': String(error.code) });
    }
  }

  const server = createServer((request, response) => void handle(request, response));
  server.on('connection', (socket) => sockets.add(socket));
  const { port, close } = await listen(server);
  /** All that has been sent so far. */
  const bytesSent = () => [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
  return { url: `http://127.0.0.1:${port}`, calls, bytesSent, close };
}
