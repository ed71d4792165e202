import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
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
  /** The first package that the query is about; undefined if it is about none. */
  readonly package: string | undefined;
  /** Whether it is about INFORMATION_SCHEMA.PARTITIONS. */
  readonly revisions: boolean;
  /** The span of a question about packages, YYYY-MM-DD, its end excluded. */
  readonly start?: string;
  readonly end?: string;
  /** Which page of a result, from 0. */
  readonly page: number;
  /** What was sent with it. */
  readonly body: unknown;
}

interface Failure {
  readonly reason: string;
  readonly message: string;
}

/** What goes wrong. */
export type Fault =
  /** An error answer in Google's own shape, perhaps although everything is done. */
  | ({ readonly status: number; readonly done?: true; readonly retryAfter?: string } & Partial<Failure>)
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
  | { readonly jobFails: Failure }
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

type Json = Record<string, unknown>;
type Cells = readonly (string | null)[];

interface Job {
  readonly package: string | undefined;
  readonly revisions: boolean;
  readonly columns: readonly string[];
  readonly cells: readonly Cells[];
  readonly bytes: number;
  readonly billed: number;
  readonly failure: Failure | undefined;
  looks: number;
  cancelled: boolean;
}

const MIB = 1024 ** 2;
const PIVOT = ['project', 'day', 'ci', 'installer_name', 'system_name', 'sidecar', 'download_count'];

/** A query's text, and what it was given. */
interface Query {
  readonly sql: string;
  readonly projects: readonly string[];
  readonly start: string;
  readonly end: string;
  readonly limit: number;
  readonly revisions: boolean;
}

function queryOf(configuration: Json): Query {
  const { query, queryParameters } = configuration['query'] as {
    query: string;
    queryParameters: {
      name: string;
      parameterValue: { value?: string; arrayValues?: { value: string }[] };
    }[];
  };
  const given = (name: string) => queryParameters.find((each) => each.name === name)?.parameterValue;
  const many = given('projects')?.arrayValues?.map(({ value }) => value);
  return {
    sql: query,
    projects: many ?? [given('project')?.value ?? []].flat(),
    start: given('start')?.value?.slice(0, 10) ?? '',
    end: given('end')?.value?.slice(0, 10) ?? '',
    limit: Number(given('limit')?.value),
    revisions: query.includes('INFORMATION_SCHEMA.PARTITIONS'),
  };
}

/** What `CASE WHEN name IN (...) THEN name WHEN name <> '' THEN '(other)' END` makes of a name, by the query's own list. */
function foldedBy(sql: string, name: 'installer' | 'system') {
  const [, list = ''] = new RegExp(`WHEN ${name} IN \\(([^)]*)\\) THEN ${name}`).exec(sql) ?? [];
  const known = new Set([...list.matchAll(/'([^']*)'/g)].map((match) => match[1]));
  return (value: string | null) => (!value ? null : known.has(value) ? value : '(other)');
}

function pivotCells({ sql, limit }: Query, rows: readonly ServerRow[], columns: readonly string[]): Cells[] {
  const [installerOf, systemOf] = [foldedBy(sql, 'installer'), foldedBy(sql, 'system')];
  const sums = new Map<string, number>();
  for (const { ci = null, installer = null, system = null, sidecar = false, downloads, ...row } of rows) {
    const cells: Record<string, string | null> = {
      ...row,
      ci: ci === null || sidecar ? null : String(ci),
      installer_name: sidecar ? null : installerOf(installer),
      system_name: sidecar ? null : systemOf(system),
      sidecar: String(sidecar),
    };
    const key = JSON.stringify(columns.slice(0, -1).map((name) => cells[name] ?? null));
    sums.set(key, (sums.get(key) ?? 0) + downloads);
  }
  return [...sums].slice(0, limit).map(([key, sum]) => [...JSON.parse(key), String(sum)]);
}

/** Those of the span first, as the query orders them. */
function partitionCells({ start, end, limit }: Query, rows: readonly ServerRow[]): Cells[] {
  const totals = new Map<string, number>();
  for (const { day, downloads } of rows) {
    const id = day.replaceAll('-', '');
    totals.set(id, (totals.get(id) ?? 0) + downloads);
  }
  const isOutside = ([id]: [string, number]) => Number(id < start || id >= end);
  const ordered = [...totals].sort().toSorted((a, b) => isOutside(a) - isOutside(b));
  return ordered.slice(0, limit).map(([id, total]) => [id, String(total)]);
}

/** Facets of one package, of which the server knows no more than how many non-CI downloads there are, and all on Python 3.9. */
function facetCells(rows: readonly ServerRow[], [project = '']: readonly string[]): Cells[] {
  const counted = rows.filter((row) => row.project === project && row.ci !== true);
  const total = counted.reduce((sum, { downloads }) => sum + downloads, 0);
  const values = {
    flag: 'false',
    python: '3.9',
    version: '1.0',
    system: null,
    type: null,
    country: null,
    kind: null,
  };
  return Object.entries(values).map(([facet, value]) => [project, facet, value, String(total)]);
}

/** Columns and rows of an answer, from the rows of the whole table. */
function answerTo(query: Query, { rows = [], partitions }: ServerOptions): Pick<Job, 'columns' | 'cells'> {
  const { sql, projects, start, end, revisions } = query;
  if (revisions) {
    return { columns: ['partition_id', 'total_rows'], cells: partitions ?? partitionCells(query, rows) };
  }
  const wanted = new Set(projects);
  const own = rows.filter(({ project, day }) => wanted.has(project) && day >= start && day < end);
  if (sql.includes(' AS facets')) {
    return { columns: ['project', 'facet', 'value', 'download_count'], cells: facetCells(own, projects) };
  }
  const columns = PIVOT.filter((name) => sql.includes(` AS ${name}`));
  return { columns, cells: pivotCells(query, own, columns) };
}

const problem = (code: number, reason: string, message: string): Json => ({
  error: { code, message, errors: [{ domain: 'global', reason, message }], status: 'FAILED' },
});

export class BigQueryServer {
  readonly calls: Call[] = [];
  readonly jobs = new Map<string, Job>();
  /** Sum of what has been billed: a job bills when it has run, and not again. */
  bytesBilled = 0;
  /** Most requests that were being answered at the same time. */
  mostAtOnce = 0;
  #options: ServerOptions = {};
  #left: number[] = [];
  #atOnce = 0;
  #listening = { port: 0, close: async () => {} };

  constructor(options: ServerOptions = {}) {
    this.become(options);
  }

  /** Changes what the server does from now on; trouble begins anew. */
  become(options: ServerOptions): void {
    this.#options = { ...this.#options, ...options };
    this.#left = (this.#options.trouble ?? []).map(({ times = Number.POSITIVE_INFINITY }) => times);
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
    let text = '';
    for await (const chunk of request) text += chunk;
    const call = this.#understand(new URL(request.url ?? '', 'http://server'), text && JSON.parse(text));
    this.calls.push(call);
    const fault = this.#faultFor(call);
    if (this.#options.latencyMs !== undefined) await sleep(this.#options.latencyMs);
    await this.#reply(call, fault, response);
  }

  #understand({ pathname, searchParams }: URL, body: Json | ''): Call {
    const [, place, id = '', verb] =
      /\/projects\/[^/]+\/(\w+)(?:\/([^/]+))?(?:\/(\w+))?$/.exec(pathname) ?? [];
    const page = Number(searchParams.get('pageToken')?.replace('page-', '') ?? 0);
    if (id === '') {
      const { configuration, jobReference } = body as {
        configuration: Json;
        jobReference: { jobId?: string };
      };
      const { projects, start, end, revisions } = queryOf(configuration);
      const kind = configuration['dryRun'] === true ? 'dryRun' : 'insert';
      const call = {
        kind,
        jobId: jobReference.jobId ?? '',
        package: projects[0],
        revisions,
        page,
        body,
      } as const;
      return revisions ? call : { ...call, start, end };
    }
    const { package: name, revisions = false } = this.jobs.get(id) ?? {};
    const kind = place === 'queries' ? 'results' : verb === 'cancel' ? 'cancel' : 'job';
    return { kind, jobId: id, package: name, revisions, page, body };
  }

  #faultFor(call: Call): Fault | undefined {
    const { trouble = [] } = this.#options;
    const index = trouble.findIndex(
      ({ on, among, fault: _, times: __, ...same }, place) =>
        (this.#left[place] ?? 0) > 0 &&
        on === call.kind &&
        (among === undefined || JSON.stringify(call.body).includes(`"${among}"`)) &&
        Object.entries(same).every(([key, value]) => value === call[key as keyof typeof same]),
    );
    if (index >= 0) this.#left[index] = (this.#left[index] ?? 0) - 1;
    return trouble[index]?.fault;
  }

  async #reply(call: Call, fault: Fault | undefined, response: ServerResponse): Promise<void> {
    const { socket } = response;
    if (fault === 'silence') return;
    if (fault === 'reset') return void socket?.resetAndDestroy();
    if (typeof fault === 'object' && 'answer' in fault) {
      response
        .writeHead(fault.status ?? 200, { 'content-type': fault.type ?? 'text/html' })
        .end(fault.answer);
      return;
    }
    if (typeof fault === 'object' && 'status' in fault) {
      const { status, reason = 'unknown', message = `the server says ${reason}` } = fault;
      if (fault.done) this.#work(call, undefined);
      if (fault.retryAfter !== undefined) response.setHeader('retry-after', fault.retryAfter);
      return this.#send(response, status, problem(status, reason, message));
    }
    const [status, body] = this.#work(call, fault);
    if (fault === 'lost') return void socket?.resetAndDestroy();
    if (fault === 'cut' || fault === 'trickle') return this.#drip(response, JSON.stringify(body), fault);
    const changed = typeof fault === 'object' && 'change' in fault ? fault.change(body) : body;
    this.#send(response, status, changed);
  }

  #send(response: ServerResponse, status: number, body: unknown): void {
    const { date } = this.#options;
    if (date !== undefined) response.setHeader('date', date.toUTCString());
    response
      .writeHead(status, { 'content-type': 'application/json; charset=UTF-8' })
      .end(JSON.stringify(body));
  }

  async #drip(response: ServerResponse, text: string, how: 'cut' | 'trickle'): Promise<void> {
    const length = Buffer.byteLength(text);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': length });
    const step = Math.ceil(text.length / 8);
    for (let start = 0; start < text.length; start += step) {
      response.write(text.slice(start, start + step));
      await sleep(5);
      if (how === 'cut') return void response.destroy();
    }
    response.end();
  }

  #work(call: Call, fault: Fault | undefined): [status: number, body: Json] {
    if (call.kind === 'insert' || call.kind === 'dryRun') return this.#insert(call, fault);
    const job = this.jobs.get(call.jobId);
    if (job === undefined) return [404, problem(404, 'notFound', `Not found: Job p:US.${call.jobId}`)];
    if (call.kind === 'results') return this.#results(job, call.page);
    if (call.kind === 'job') return [200, this.#resource(job)];
    job.cancelled = true;
    return [200, { job: this.#resource(job) }];
  }

  #insert(
    { kind, jobId, body, package: name, revisions }: Call,
    fault: Fault = { looks: 0 },
  ): [number, Json] {
    const query = queryOf((body as { configuration: Json }).configuration);
    const { bytesPerDay = 150_000_000, bytesPerSharedDay = 100_000_000_000 } = this.#options;
    const days = (Date.parse(query.end) - Date.parse(query.start)) / 86_400_000;
    const bytes = revisions ? 10 * MIB : days * (query.projects.length > 1 ? bytesPerSharedDay : bytesPerDay);
    if (kind === 'dryRun') {
      const total = { totalBytesProcessed: String(bytes) };
      return [
        200,
        {
          jobReference: { location: 'US' },
          status: { state: 'DONE' },
          statistics: { ...total, query: total },
        },
      ];
    }
    if (this.jobs.has(jobId)) return [409, problem(409, 'duplicate', `Already Exists: Job p:US.${jobId}`)];
    const job: Job = {
      ...{ package: name, revisions, bytes, ...answerTo(query, this.#options) },
      billed: Math.max(10 * MIB, Math.ceil(bytes / MIB) * MIB),
      looks: typeof fault === 'object' && 'looks' in fault ? fault.looks : 0,
      failure: typeof fault === 'object' && 'jobFails' in fault ? fault.jobFails : undefined,
      cancelled: false,
    };
    this.jobs.set(jobId, job);
    if (job.failure === undefined && job.looks === 0) this.bytesBilled += job.billed;
    return [200, this.#resource(job, true)];
  }

  /** @param early Whether it has not come to its end yet. */
  #resource({ bytes, billed, looks, cancelled, failure: failed }: Job, early = false): Json {
    const stopped = {
      reason: 'stopped',
      message: 'Job execution was cancelled: User requested cancellation',
    };
    const failure = cancelled && looks > 0 ? stopped : early ? undefined : failed;
    const isDone = cancelled || (!early && (failed !== undefined || looks === 0));
    const total = { totalBytesProcessed: String(bytes) };
    const bill = {
      totalBytesBilled: String(failure !== undefined || looks > 0 ? 0 : billed),
      cacheHit: false,
    };
    return {
      status: {
        state: isDone ? 'DONE' : 'RUNNING',
        ...(failure && { errorResult: failure }),
      },
      statistics: { ...total, query: { ...total, ...bill } },
    };
  }

  #results(job: Job, page: number): [number, Json] {
    if (job.failure !== undefined) {
      const { reason, message } = job.failure;
      const status = /backendError|internalError/i.test(reason) ? 500 : 400;
      return [status, problem(status, reason, message)];
    }
    if (job.looks > 0) {
      job.looks -= 1;
      if (job.looks === 0) this.bytesBilled += job.billed;
      return [200, { jobComplete: false }];
    }
    const { pageRows: size = 5_000 } = this.#options;
    const rows = job.cells.slice(page * size, (page + 1) * size);
    const body = {
      jobComplete: true,
      schema: { fields: job.columns.map((name) => ({ name, type: 'STRING' })) },
      totalRows: String(job.cells.length),
      totalBytesProcessed: String(job.bytes),
      cacheHit: false,
      ...(rows.length > 0 && { rows: rows.map((cells) => ({ f: cells.map((v) => ({ v })) })) }),
      ...((page + 1) * size < job.cells.length && { pageToken: `page-${page + 1}` }),
    };
    return [200, body];
  }
}
