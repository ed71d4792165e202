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
  /** LIMIT, if there is one. */
  readonly limit: number | undefined;
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
  | {
      readonly exception: number;
      readonly name?: string;
      readonly message?: string;
      readonly status?: number;
    }
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

  constructor(code: number, name: string, message: string) {
    super(`Code: ${code}. DB::Exception: ${message} (${name}) (version 26.9.2.1 (official build))\n`);
    this.code = code;
  }
}

function understand(request: IncomingMessage, sql: string, at: number): Call {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const parameter = (name: string) => url.searchParams.get(`param_${name}`) ?? undefined;
  const names = [...(parameter('projects') ?? '').matchAll(/'([^']*)'/g)].map((match) => match[1] ?? '');
  const settings = [...url.searchParams].filter(([name]) => !/^(param_.*|query_id)$/.test(name));
  const limit = parameter('limit');
  const days = sql.includes('pypi_downloads_per_day');
  return {
    kind: /\bfacet\b/.test(sql)
      ? 'facets'
      : !days
        ? 'pivot'
        : parameter('start') === undefined
          ? 'reference'
          : 'days',
    projects: names,
    versions: parameter('versions'),
    start: parameter('start'),
    end: parameter('end'),
    limit: limit === undefined ? undefined : Number(limit),
    settings: Object.fromEntries(settings),
    headers: request.headers,
    sql,
    path: url.pathname,
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
  call: Call,
  mode: string,
  list: T[],
  fits: (list: T[]) => boolean,
  refusal: Refusal,
): T[] {
  if (fits(list)) return list;
  if (call.settings[mode] === 'throw') throw refusal;
  let part = list;
  while (!fits(part)) part = part.slice(0, Math.floor(part.length / 2));
  return part;
}

const COUNTED = ['pip', 'uv', 'poetry', 'pdm'];

/** Facets of rows, of which the server knows no more than Python and version. */
function facetsOf(rows: readonly ServerRow[], projects: readonly string[]): Json {
  const data = projects.flatMap((project) => {
    const own = rows.filter((row) => row.project === project);
    const counting = own.filter(
      ({ ci = 'false', installer = '' }) =>
        ci === 'unknown' || (ci === 'false' && COUNTED.includes(installer)),
    );
    const by = (facet: string, valueIn: (row: ServerRow) => string) => {
      const counts = new Map<string, number>();
      for (const row of counting) counts.set(valueIn(row), (counts.get(valueIn(row)) ?? 0) + row.downloads);
      return [project, facet, [...counts].map(([value, count]) => [value, String(count)])];
    };
    const others = ['system', 'type', 'country', 'kind'].map((facet) => by(facet, () => ''));
    const rowsOf = [by('flag', ({ ci = 'false' }) => ci), by('python', ({ python = '' }) => python)];
    return [...rowsOf, by('version', ({ version = '1.0' }) => version), ...others];
  });
  const meta = [
    { name: 'project', type: 'String' },
    { name: 'facet', type: 'String' },
    { name: 'counts', type: 'Array(Tuple(String, UInt64))' },
  ];
  return { meta, data, rows: data.length };
}

function answerTo(call: Call, { rows = [], maxRowsToRead = 1e9, folds = true }: Options): Json {
  const { start = '', end = '9', projects, settings, kind } = call;
  const matching = rows.filter((row) => projects.includes(row.project) && row.day >= start && row.day < end);
  if (kind === 'facets') return facetsOf(matching, projects);
  if (kind !== 'pivot') {
    const days = new Map<string, number>();
    for (const { day, downloads } of matching) days.set(day, (days.get(day) ?? 0) + downloads);
    if (kind === 'reference') {
      return { meta: [{ name: 'row_count', type: 'UInt64' }], data: [[days.size]], rows: 1 };
    }
    const meta = [
      { name: 'day', type: 'Date' },
      { name: 'row_count', type: 'Int64' },
    ];
    return { meta, data: [...days].map(([day, count]) => [day, String(count)]), rows: days.size };
  }
  const size = (list: ServerRow[]) => list.reduce((sum, { downloads }) => sum + downloads, 0);
  const tooMany = new Refusal(
    158,
    'TOO_MANY_ROWS',
    `Limit for rows (controlled by 'max_rows_to_read' setting) exceeded, max rows: ${maxRowsToRead}, current rows: ${size(matching)}.`,
  );
  const read = limited(call, 'read_overflow_mode', matching, (list) => size(list) <= maxRowsToRead, tooMany);
  const sidecars = /\bsidecar\b/.test(call.sql);
  const groups = new Map<string, unknown[]>();
  const [installerOf, systemOf] = [foldedBy(call.sql, 'installer'), foldedBy(call.sql, 'system')];
  for (const {
    project,
    day,
    ci = 'false',
    installer = '',
    system = '',
    filename = 'a.whl',
    downloads,
  } of read) {
    const sidecar = day < '2026-08-25' && !DISTRIBUTION.test(filename) ? 1 : 0;
    const flag = sidecar === 1 && ci !== 'unknown' ? 'false' : ci;
    const names =
      sidecar === 1 ? ['', ''] : folds ? [installerOf(installer), systemOf(system)] : [installer, system];
    const key = [project, day, flag, ...names, sidecar].join('\n');
    const before = Number(groups.get(key)?.[5] ?? 0);
    const group = [project, day, flag, ...names, String(before + downloads)];
    groups.set(key, sidecars ? [...group, sidecar] : group);
  }
  const most = Math.min(ROWS_MAX, Number(settings['max_result_rows'] ?? ROWS_MAX));
  const full = new Refusal(396, 'TOO_MANY_ROWS_OR_BYTES', `Limit for result exceeded, max rows: ${most}.`);
  const grouped = [...groups.values()].slice(0, call.limit);
  const data = limited(call, 'result_overflow_mode', grouped, (list) => list.length <= most, full);
  const text = 'LowCardinality(String)';
  const meta = [
    { name: 'project', type: 'String' },
    { name: 'day', type: 'Date' },
    { name: 'ci', type: 'String' },
    { name: 'installer_name', type: text },
    { name: 'system_name', type: text },
    { name: 'download_count', type: 'UInt64' },
    ...(sidecars ? [{ name: 'sidecar', type: 'UInt8' }] : []),
  ];
  return { meta, data, rows: data.length };
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

async function misbehave(
  fault: Fault,
  text: string,
  response: ServerResponse,
  socket: Socket,
): Promise<void> {
  const half = text.slice(0, text.length / 2);
  switch (fault) {
    case 'silence':
      return;
    case 'reset':
      socket.destroy();
      return;
    case 'stalled':
    case 'broken':
      response.writeHead(200, { ...JSON_TYPE, 'content-length': String(text.length) }).write(half);
      await sleep(20);
      if (fault === 'broken') socket.destroy();
      return;
    case 'cut':
      send(response, 200, half, JSON_TYPE);
      return;
    case 'trickle':
      response.writeHead(200, JSON_TYPE);
      for (const character of text) {
        if (socket.destroyed) return;
        response.write(character);
        await sleep(20);
      }
      response.end();
      return;
  }
  if ('exception' in fault) {
    const { exception, name = 'SOMETHING', message = 'it went wrong.', status = 500 } = fault;
    const headers = { 'x-clickhouse-exception-code': String(exception), 'content-type': 'text/plain' };
    send(response, status, new Refusal(exception, name, message).message, headers);
  } else if ('midway' in fault) {
    send(response, 200, midway(fault.midway, fault.as, text), JSON_TYPE);
  } else if ('change' in fault) {
    send(response, 200, JSON.stringify(fault.change(JSON.parse(text) as Json)), JSON_TYPE);
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
        throw new Refusal(
          516,
          'AUTHENTICATION_FAILED',
          'demo: Authentication failed: password is incorrect.',
        );
      }
      const text = JSON.stringify(answerTo(call, options));
      if (fault === undefined) send(response, 200, text, JSON_TYPE);
      else await misbehave(fault, text, response, request.socket);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const status = error.code === 516 ? 403 : 500;
      send(response, status, error.message, { 'x-clickhouse-exception-code': String(error.code) });
    }
  }

  const server = createServer((request, response) => void handle(request, response));
  server.on('connection', (socket) => sockets.add(socket));
  const { port, close } = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    /** All that has been sent so far. */
    bytesSent: () => [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0),
    close,
  };
}
