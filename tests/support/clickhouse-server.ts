import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { listen } from './listen.ts';
import {
  type Change,
  foldedBy,
  type Instead,
  type Interruption,
  JSON_TYPE,
  misbehave,
  sumsBy,
} from './stand-in.ts';

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
  | Interruption
  | Change<Json>
  | Instead
  /** An exception before the answer has begun. */
  | { readonly exception: number; readonly message?: string; readonly status?: number }
  /** An exception behind half of an answer with status 200, as servers before or from 25.11 write it. */
  | { readonly midway: number; readonly as: 'text' | 'tagged' | 'json' };

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

const DISTRIBUTION = /\.(whl|tar\.gz|zip)$/;

/** An exception as the server words it. */
class Refusal extends Error {
  readonly code: number;
  readonly status: number;

  constructor(code: number, message: string, status = 500) {
    super(`Code: ${code}. DB::Exception: ${message} (SOMETHING) (version 26.9.2.1 (official build))\n`);
    this.code = code;
    this.status = status;
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

/** An answer with the columns `name Type`. */
function table(columns: readonly string[], data: unknown[][]): Json {
  const meta = columns.map((column) => {
    const [name = '', type = ''] = column.split(' ');
    return { name, type };
  });
  return { meta, data, rows: data.length };
}

const sizeOf = (rows: readonly ServerRow[]) => rows.reduce((sum, { downloads }) => sum + downloads, 0);

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
  if (sizeOf(matching) > maxRowsToRead) {
    const limit = `Limit for rows (controlled by 'max_rows_to_read' setting) exceeded, max rows: ${maxRowsToRead}.`;
    throw new Refusal(158, limit);
  }
  const [installerOf, systemOf] = [foldedBy(sql, 'installer'), foldedBy(sql, 'system')];
  const sums = sumsBy(
    matching,
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
  const most = settings['max_result_rows'];
  if (groups.length > Number(most)) throw new Refusal(396, `Limit for result exceeded, max rows: ${most}.`);
  return table([...PIVOT, 'download_count UInt64', ...(sidecars ? ['sidecar UInt8'] : [])], groups);
}

function midway(code: number, as: 'text' | 'tagged' | 'json', text: string): string {
  const error = `Code: ${code}. DB::Exception: it went wrong halfway. (SOMETHING) (version 26.9.2.1)`;
  if (as === 'json') return `${text.slice(0, -1)},"exception":${JSON.stringify(error)}}`;
  const half = text.slice(0, text.length / 2);
  if (as === 'text') return `${half}${error}\n`;
  const tag = 'abcdefghijklmnop';
  return `${half}\r\n__exception__\r\n${tag}\r\n${error}\n${error.length + 1} ${tag}\r\n__exception__\r\n`;
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
        throw new Refusal(516, 'demo: Authentication failed: password is incorrect.', 403);
      }
      const text = JSON.stringify(answerTo(call, options));
      if (fault === undefined) response.writeHead(200, JSON_TYPE).end(text);
      else if (typeof fault === 'string') await misbehave(fault, text, response);
      else if ('exception' in fault) {
        throw new Refusal(fault.exception, fault.message ?? 'it went wrong.', fault.status);
      } else if ('midway' in fault) {
        response.writeHead(200, JSON_TYPE).end(midway(fault.midway, fault.as, text));
      } else await misbehave(fault, text, response);
    } catch (error) {
      if (!(error instanceof Refusal)) return void response.writeHead(599).end(String(error));
      const type = { 'content-type': 'text/plain' };
      response
        .writeHead(error.status, { 'x-clickhouse-exception-code': String(error.code), ...type })
        .end(error.message);
    }
  }

  const server = createServer((request, response) => void handle(request, response));
  server.on('connection', (socket) => sockets.add(socket));
  const { port, close } = await listen(server);
  /** All that has been sent so far. */
  const bytesSent = () => [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
  return { url: `http://127.0.0.1:${port}`, calls, bytesSent, close };
}
