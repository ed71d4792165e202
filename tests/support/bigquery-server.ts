import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen } from './listen.ts';

/*
 * BigQuery's REST dialect on loopback, with every fault that the real service can throw, on demand. It
 * is written from the API's reference and shares nothing with src/: it works the answers out of rows of
 * its own, bills as the real service does, and never does anything that it was not told to.
 */

/** Downloads of a package that agree in everything; `null` stands for NULL. */
export interface ServerRow {
  readonly project: string;
  /** YYYY-MM-DD */
  readonly day: string;
  readonly ci?: boolean | null;
  readonly installer?: string | null;
  readonly system?: string | null;
  /** Whether the file is none that can be installed. */
  readonly sidecar?: boolean;
  readonly downloads: number;
}

export type CallKind = 'insert' | 'dryRun' | 'results' | 'job' | 'cancel';

/** A request, as the server understood it. */
export interface Call {
  readonly kind: CallKind;
  readonly jobId: string;
  /** Absent if the query is not about a package; the first of several. */
  readonly package?: string;
  /** Whether it is about INFORMATION_SCHEMA.PARTITIONS. */
  readonly revisions: boolean;
  /** The span of a question about packages, YYYY-MM-DD, its end excluded. */
  readonly start?: string;
  readonly end?: string;
  /** Which page of a result, from 0. */
  readonly page: number;
  /** Milliseconds since the server's start. */
  readonly at: number;
  /** What was sent with it. */
  readonly body: unknown;
}

/** What goes wrong. */
export type Fault =
  /** An error answer in Google's own shape, perhaps although everything is done. */
  | {
      readonly status: number;
      readonly done?: true;
      readonly reason?: string;
      readonly message?: string;
      readonly retryAfter?: string;
    }
  /** Any answer at all. */
  | { readonly answer: string; readonly status?: number; readonly type?: string }
  /** The right answer, changed. */
  | { readonly change: (body: Record<string, unknown>) => unknown }
  /** The connection is reset before anything is done, or after everything is, or in the middle of the answer. */
  | 'reset'
  | 'lost'
  | 'cut'
  /** Nothing comes, ever. */
  | 'silence'
  /** The right answer, a few bytes at a time. */
  | 'trickle'
  /** For inserts: the job is accepted, and fails in the end. */
  | { readonly jobFails: { readonly reason: string; readonly message: string } }
  /** For inserts: the job is accepted, and runs on until it has been asked for so often. */
  | { readonly looks: number };

/** When it goes wrong. Without a limit, always. */
export interface Trouble {
  readonly on: CallKind;
  readonly package?: string;
  /** A package that is among those asked for. */
  readonly among?: string;
  readonly revisions?: boolean;
  readonly page?: number;
  readonly times?: number;
  readonly fault: Fault;
}

export interface ServerOptions {
  readonly rows?: readonly ServerRow[];
  readonly trouble?: readonly Trouble[];
  /** Rows on each page of a result. */
  readonly pageRows?: number;
  /** Wait before each answer, in milliseconds. */
  readonly latencyMs?: number;
  /** Bytes that a package's day takes. */
  readonly bytesPerDay?: number;
  /** Bytes that a day takes when it is read for several packages: all of the columns that are asked for. */
  readonly bytesPerSharedDay?: number;
  /** Answer of INFORMATION_SCHEMA.PARTITIONS instead of one worked out from the rows. */
  readonly partitions?: readonly (readonly [id: string | null, rows: string | null])[];
  /** The server's clock. */
  readonly date?: Date;
}

interface Field {
  readonly name: string;
  readonly type: string;
}

interface Job {
  readonly id: string;
  readonly package: string | undefined;
  readonly revisions: boolean;
  readonly fields: readonly Field[];
  readonly cells: readonly (readonly (string | null)[])[];
  readonly bytes: number;
  readonly labels: unknown;
  failure?: { readonly reason: string; readonly message: string };
  looks: number;
  cancelled: boolean;
}

const MIB = 1024 ** 2;
const FACETS: readonly Field[] = [
  { name: 'project', type: 'STRING' },
  { name: 'facet', type: 'STRING' },
  { name: 'value', type: 'STRING' },
  { name: 'download_count', type: 'INTEGER' },
];

/** Columns of a pivot query, as far as its text asks for them. */
function pivotFields(sql: string): Field[] {
  const columns: Field[] = [
    { name: 'project', type: 'STRING' },
    { name: 'day', type: 'STRING' },
    { name: 'ci', type: 'BOOLEAN' },
    { name: 'installer_name', type: 'STRING' },
    { name: 'system_name', type: 'STRING' },
    { name: 'sidecar', type: 'BOOLEAN' },
    { name: 'download_count', type: 'INTEGER' },
  ];
  return columns.filter(({ name }) => sql.includes(` AS ${name}`));
}
const PARTITIONS: readonly Field[] = [
  { name: 'partition_id', type: 'STRING' },
  { name: 'total_rows', type: 'INTEGER' },
];

type Json = Record<string, unknown>;

/** What a query was given, and the packages that it is about. */
function parameters(query: Json): Record<string, string> & { projects: string[] } {
  const list = query['queryParameters'] as {
    name: string;
    parameterValue: { value?: string; arrayValues?: { value: string }[] };
  }[];
  const given = Object.fromEntries(
    list.map(({ name, parameterValue }) => [name, parameterValue.value ?? '']),
  ) as Record<string, string>;
  const many = list.flatMap(({ parameterValue }) => parameterValue.arrayValues ?? []);
  const projects = given['project'] === undefined ? many.map(({ value }) => value) : [given['project']];
  return Object.assign(given, { projects });
}

function days(start: string, end: string): number {
  return (Date.parse(end.slice(0, 10)) - Date.parse(start.slice(0, 10))) / 86_400_000;
}

/** What `CASE WHEN name IN (...) THEN name WHEN name <> '' THEN '(other)' END` makes of a name, by the query's own list. */
function foldedBy(sql: string, name: 'installer' | 'system') {
  const [, list = ''] = new RegExp(`WHEN ${name} IN \\(([^)]*)\\) THEN ${name}`).exec(sql) ?? [];
  const known = new Set([...list.matchAll(/'([^']*)'/g)].map((match) => match[1]));
  return (value: string | null) =>
    value === null || value === '' ? null : known.has(value) ? value : '(other)';
}

function pivotCells(
  sql: string,
  rows: readonly ServerRow[],
  fields: readonly Field[],
  { projects, start, end, limit }: ReturnType<typeof parameters>,
) {
  const wanted = new Set(projects);
  const groups = new Map<string, (string | null)[]>();
  const [installerOf, systemOf] = [foldedBy(sql, 'installer'), foldedBy(sql, 'system')];
  const count = fields.findIndex(({ name }) => name === 'download_count');
  const cells = rows
    .filter(
      (row) =>
        wanted.has(row.project) && row.day >= `${start}`.slice(0, 10) && row.day < `${end}`.slice(0, 10),
    )
    .map(({ project, day, ci = null, installer = null, system = null, sidecar = false, downloads }) => {
      const cells: Record<string, string | null> = {
        project,
        day,
        ci: ci === null || sidecar ? null : String(ci),
        installer_name: sidecar ? null : installerOf(installer),
        system_name: sidecar ? null : systemOf(system),
        sidecar: String(sidecar),
        download_count: String(downloads),
      };
      return fields.map(({ name }) => cells[name] ?? null);
    });
  for (const row of cells) {
    const key = JSON.stringify(row.with(count, null));
    const before = Number(groups.get(key)?.[count] ?? 0);
    groups.set(key, row.with(count, String(before + Number(row[count]))));
  }
  return [...groups.values()].slice(0, Number(limit));
}

/** Those of the span first, as the query orders them. */
function partitionCells(rows: readonly ServerRow[], { start = '', end = '', limit }: Record<string, string>) {
  const totals = new Map<string, number>();
  for (const { day, downloads } of rows) {
    const id = day.replaceAll('-', '');
    totals.set(id, (totals.get(id) ?? 0) + downloads);
  }
  const isOutside = ([id]: [string, number]) => Number(id < start || id >= end);
  const ordered = [...totals].sort().toSorted((a, b) => isOutside(a) - isOutside(b));
  return ordered.slice(0, Number(limit)).map(([id, total]) => [id, String(total)]);
}

/** Facets of one package, of which the server knows no more than how many non-CI downloads there are, and all on Python 3.9. */
function facetCells(rows: readonly ServerRow[], { project, start = '', end = '' }: Record<string, string>) {
  const total = rows
    .filter((row) => row.project === project && row.ci !== true)
    .filter(({ day }) => day >= start.slice(0, 10) && day < end.slice(0, 10))
    .reduce((sum, { downloads }) => sum + downloads, 0);
  const value = { flag: 'false', python: '3.9', version: '1.0' };
  return [...Object.entries(value), ['system', null], ['type', null], ['country', null], ['kind', null]].map(
    ([facet = null, each = null]) => [String(project), facet, each, String(total)],
  );
}

export class BigQueryServer {
  readonly calls: Call[] = [];
  readonly jobs = new Map<string, Job>();
  /** Sum of what has been billed: a job bills when it has run, and not again. */
  bytesBilled = 0;
  /** Most requests that were being answered at the same time. */
  mostAtOnce = 0;
  #options: ServerOptions;
  #left: number[];
  readonly #started = Date.now();
  #atOnce = 0;
  #listening = { port: 0, close: async () => {} };

  constructor(options: ServerOptions = {}) {
    this.#options = options;
    this.#left = (options.trouble ?? []).map(({ times }) => times ?? Number.POSITIVE_INFINITY);
  }

  /** Changes what the server does from now on; trouble begins anew. */
  become(options: ServerOptions): void {
    this.#options = { ...this.#options, ...options };
    this.#left = (this.#options.trouble ?? []).map(({ times }) => times ?? Number.POSITIVE_INFINITY);
  }

  static async start(options: ServerOptions = {}): Promise<BigQueryServer> {
    const server = new BigQueryServer(options);
    server.#listening = await listen(createServer((request, response) => server.handle(request, response)));
    return server;
  }

  /** Answers one request, whichever server it came to. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#answer(request, response).catch((error) => {
      response.statusCode = 599;
      response.end(String(error));
    });
  }

  /** For BIGQUERY_EMULATOR_HOST. */
  get host(): string {
    return `127.0.0.1:${this.#listening.port}`;
  }

  callsOf(kind: CallKind): Call[] {
    return this.calls.filter((call) => call.kind === kind);
  }

  close(): Promise<void> {
    return this.#listening.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
    response.on('close', () => {
      this.#atOnce -= 1;
    });
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const call = this.#understand(request, text === '' ? undefined : JSON.parse(text));
    this.calls.push(call);
    const fault = this.#faultFor(call);
    if (this.#options.latencyMs !== undefined) await sleep(this.#options.latencyMs);
    await this.#reply(call, fault, request.socket, response);
  }

  #understand(request: IncomingMessage, body: unknown): Call {
    const url = new URL(request.url ?? '', 'http://server');
    const [, path = ''] = /^(?:\/bigquery\/v2)?\/projects\/[^/]+(\/.*)$/.exec(url.pathname) ?? [];
    const insert = (body ?? {}) as { configuration?: Json; jobReference?: { jobId?: string } };
    const [, place = '', id = '', verb = ''] =
      /^\/(jobs|queries)(?:\/([^/]+))?(?:\/(\w+))?$/.exec(path) ?? [];
    const jobId = id || (insert.jobReference?.jobId ?? '');
    const at = Date.now() - this.#started;
    const page = Number(url.searchParams.get('pageToken')?.replace('page-', '') ?? 0);
    if (place === 'jobs' && id === '') {
      const query = (insert.configuration?.['query'] ?? {}) as Json;
      const { projects, start, end } = parameters(query);
      const [project] = projects;
      const revisions = String(query['query']).includes('INFORMATION_SCHEMA.PARTITIONS');
      const kind = insert.configuration?.['dryRun'] === true ? 'dryRun' : 'insert';
      return {
        kind,
        jobId,
        revisions,
        page,
        at,
        body,
        ...(start === undefined || end === undefined || revisions
          ? {}
          : { start: start.slice(0, 10), end: end.slice(0, 10) }),
        ...(project === undefined ? {} : { package: project }),
      };
    }
    const job = this.jobs.get(jobId);
    const kind = place === 'queries' ? 'results' : verb === 'cancel' ? 'cancel' : 'job';
    const name = job?.package === undefined ? {} : { package: job.package };
    return { kind, jobId, revisions: job?.revisions ?? false, page, at, body, ...name };
  }

  #faultFor(call: Call): Fault | undefined {
    const index = (this.#options.trouble ?? []).findIndex(
      (trouble, place) =>
        (this.#left[place] ?? 0) > 0 &&
        trouble.on === call.kind &&
        (trouble.package === undefined || trouble.package === call.package) &&
        (trouble.among === undefined || JSON.stringify(call.body)?.includes(`"${trouble.among}"`)) &&
        (trouble.revisions === undefined || trouble.revisions === call.revisions) &&
        (trouble.page === undefined || trouble.page === call.page),
    );
    if (index < 0) return undefined;
    this.#left[index] = (this.#left[index] ?? 0) - 1;
    return this.#options.trouble?.[index]?.fault;
  }

  async #reply(
    call: Call,
    fault: Fault | undefined,
    socket: Socket,
    response: ServerResponse,
  ): Promise<void> {
    if (fault === 'silence') return;
    if (fault === 'reset') return void socket.resetAndDestroy();
    if (typeof fault === 'object' && 'answer' in fault) {
      response.writeHead(fault.status ?? 200, { 'content-type': fault.type ?? 'text/html' });
      response.end(fault.answer);
      return;
    }
    if (typeof fault === 'object' && 'status' in fault) {
      const { status, reason = 'unknown', message = `the server says ${reason}` } = fault;
      if (fault.done) this.#work(call, undefined);
      if (fault.retryAfter !== undefined) response.setHeader('retry-after', fault.retryAfter);
      return this.#send(response, status, problem(status, reason, message));
    }
    const [status, body] = this.#work(call, fault);
    const changed = typeof fault === 'object' && 'change' in fault ? fault.change(body) : body;
    if (fault === 'lost') return void socket.resetAndDestroy();
    if (fault === 'cut' || fault === 'trickle') return this.#drip(response, JSON.stringify(body), fault);
    this.#send(response, status, changed);
  }

  #send(response: ServerResponse, status: number, body: unknown): void {
    const headers: Record<string, string> = { 'content-type': 'application/json; charset=UTF-8' };
    if (this.#options.date !== undefined) headers['date'] = this.#options.date.toUTCString();
    response.writeHead(status, headers);
    response.end(JSON.stringify(body));
  }

  async #drip(response: ServerResponse, text: string, how: 'cut' | 'trickle'): Promise<void> {
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    });
    const step = Math.ceil(text.length / 8);
    for (let start = 0; start < text.length; start += step) {
      if (how === 'cut' && start > 0) return void response.destroy();
      response.write(text.slice(start, start + step));
      await sleep(5);
    }
    response.end();
  }

  #work(call: Call, fault: Fault | undefined): [status: number, body: Json] {
    if (call.kind === 'insert' || call.kind === 'dryRun') return this.#insert(call, fault);
    const job = this.jobs.get(call.jobId);
    if (job === undefined) return [404, problem(404, 'notFound', `Not found: Job p:US.${call.jobId}`)];
    if (call.kind === 'cancel') {
      job.cancelled = true;
      return [200, { kind: 'bigquery#jobCancelResponse', job: this.#resource(job) }];
    }
    if (call.kind === 'job') return [200, this.#resource(job)];
    return this.#results(job, call.page);
  }

  #insert(call: Call, fault: Fault | undefined): [number, Json] {
    const { configuration } = call.body as { configuration: Json };
    const query = configuration['query'] as Json;
    const sql = String(query['query']);
    const given = parameters(query);
    const { start = '', end = '' } = given;
    const rows = this.#options.rows ?? [];
    const { bytesPerDay = 150_000_000, bytesPerSharedDay = 100_000_000_000 } = this.#options;
    const perDay = given.projects.length > 1 ? bytesPerSharedDay : bytesPerDay;
    const bytes = call.revisions ? 10 * MIB : perDay * days(start, end);
    if (call.kind === 'dryRun') {
      const statistics = {
        totalBytesProcessed: String(bytes),
        query: { totalBytesProcessed: String(bytes) },
      };
      return [200, { jobReference: { location: 'US' }, status: { state: 'DONE' }, statistics }];
    }
    if (this.jobs.has(call.jobId)) {
      return [409, problem(409, 'duplicate', `Already Exists: Job p:US.${call.jobId}`)];
    }
    const isFacets = sql.includes(' AS facets');
    const cells = call.revisions
      ? (this.#options.partitions?.map((pair) => [...pair]) ?? partitionCells(rows, given))
      : isFacets
        ? facetCells(rows, given)
        : pivotCells(sql, rows, pivotFields(sql), given);
    const job: Job = {
      id: call.jobId,
      package: call.package,
      revisions: call.revisions,
      fields: call.revisions ? PARTITIONS : isFacets ? FACETS : pivotFields(sql),
      cells,
      bytes,
      labels: configuration['labels'],
      looks: typeof fault === 'object' && 'looks' in fault ? fault.looks : 0,
      cancelled: false,
      ...(typeof fault === 'object' && 'jobFails' in fault ? { failure: fault.jobFails } : {}),
    };
    this.jobs.set(job.id, job);
    if (job.failure === undefined && job.looks === 0) this.#bill(job);
    return [200, this.#resource(job, true)];
  }

  #billed(job: Job): number {
    return Math.max(10 * MIB, Math.ceil(job.bytes / MIB) * MIB);
  }

  #bill(job: Job): void {
    this.bytesBilled += this.#billed(job);
  }

  /** @param early Whether it has not come to its end yet. */
  #resource(job: Job, early = false): Json {
    const done = job.cancelled || (!early && (job.failure !== undefined || job.looks === 0));
    const stopped = {
      reason: 'stopped',
      message: 'Job execution was cancelled: User requested cancellation',
    };
    const failure = job.cancelled && job.looks > 0 ? stopped : early ? undefined : job.failure;
    const billed = failure !== undefined || job.looks > 0 ? 0 : this.#billed(job);
    return {
      kind: 'bigquery#job',
      jobReference: { projectId: 'p', jobId: job.id, location: 'US' },
      configuration: { labels: job.labels },
      status: {
        state: done ? 'DONE' : 'RUNNING',
        ...(failure ? { errorResult: failure, errors: [failure] } : {}),
      },
      statistics: {
        totalBytesProcessed: String(job.bytes),
        query: { totalBytesProcessed: String(job.bytes), totalBytesBilled: String(billed), cacheHit: false },
      },
    };
  }

  #results(job: Job, page: number): [number, Json] {
    const jobReference = { projectId: 'p', jobId: job.id, location: 'US' };
    if (job.failure !== undefined) {
      const status = /backendError|internalError/i.test(job.failure.reason) ? 500 : 400;
      return [status, problem(status, job.failure.reason, job.failure.message)];
    }
    if (job.looks > 0) {
      job.looks -= 1;
      if (job.looks === 0) this.#bill(job);
      return [200, { jobReference, jobComplete: false }];
    }
    const size = this.#options.pageRows ?? 5_000;
    const rows = job.cells
      .slice(page * size, (page + 1) * size)
      .map((cells) => ({ f: cells.map((v) => ({ v })) }));
    const more = (page + 1) * size < job.cells.length;
    const body = {
      jobReference,
      jobComplete: true,
      schema: { fields: job.fields },
      totalRows: String(job.cells.length),
      totalBytesProcessed: String(job.bytes),
      cacheHit: false,
      ...(rows.length > 0 ? { rows } : {}),
      ...(more ? { pageToken: `page-${page + 1}` } : {}),
    };
    return [200, body];
  }
}

function problem(code: number, reason: string, message: string): Json {
  return { error: { code, message, errors: [{ domain: 'global', reason, message }], status: 'FAILED' } };
}
