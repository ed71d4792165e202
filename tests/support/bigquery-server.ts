import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
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

/** What becomes of a job that is inserted. */
interface Course {
  /** It is accepted, and runs on until it has been asked for so often. */
  readonly looks?: number;
  /** It is accepted, and fails in the end. */
  readonly jobFails?: Failure;
}

type Json = Record<string, unknown>;

/** What goes wrong. */
export type Fault =
  | Interruption
  | Change<Json>
  /** An error answer in Google's own shape, perhaps although everything is done. */
  | ({ readonly status: number; readonly done?: true; readonly retryAfter?: string } & Partial<Failure>)
  | (Instead & { readonly body: string })
  /** The connection is reset after everything is done. */
  | 'lost'
  | Course;

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

type Cells = readonly (string | null)[];

interface Job extends Pick<Call, 'package' | 'revisions'> {
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

type Parameter = { name: string; parameterValue: { value?: string; arrayValues?: { value: string }[] } };

/** What is sent to begin a job, or a dry run. */
interface Insertion {
  readonly configuration: { dryRun?: true; query: { query: string; queryParameters: Parameter[] } };
  readonly jobReference: { readonly jobId?: string };
}

type Query = ReturnType<typeof queryOf>;

/** A query's text, and what it was given. */
function queryOf({ configuration }: Insertion) {
  const { query: sql, queryParameters } = configuration.query;
  const given = (name: string) => queryParameters.find((each) => each.name === name)?.parameterValue;
  const many = given('projects')?.arrayValues?.map(({ value }) => value);
  return {
    sql,
    projects: many ?? [given('project')?.value ?? []].flat(),
    start: given('start')?.value?.slice(0, 10) ?? '',
    end: given('end')?.value?.slice(0, 10) ?? '',
    limit: Number(given('limit')?.value),
    revisions: sql.includes('INFORMATION_SCHEMA.PARTITIONS'),
  };
}

function pivotCells({ sql }: Query, rows: readonly ServerRow[], columns: readonly string[]): Cells[] {
  const [installerOf, systemOf] = [foldedBy(sql, 'installer'), foldedBy(sql, 'system')];
  const sums = sumsBy(rows, ({ ci = null, installer, system, sidecar = false, ...row }) => {
    const cells: Record<string, unknown> = {
      ...row,
      ci: ci === null || sidecar ? null : String(ci),
      installer_name: installer && !sidecar ? installerOf(installer) : null,
      system_name: system && !sidecar ? systemOf(system) : null,
      sidecar: String(sidecar),
    };
    return JSON.stringify(columns.slice(0, -1).map((name) => cells[name]));
  });
  return sums.map(([key, sum]) => [...JSON.parse(key), sum]);
}

/** Those of the span first, as the query orders them. */
function partitionCells({ start, end }: Query, rows: readonly ServerRow[]): Cells[] {
  const isOutside = ([id]: [string, string]) => Number(id < start || id >= end);
  const totals = sumsBy(rows, ({ day }) => day.replaceAll('-', ''));
  return totals.sort().toSorted((a, b) => isOutside(a) - isOutside(b));
}

/** Facets of one package, of which the server knows no more than how many non-CI downloads there are, and all on Python 3.9. */
function facetCells(rows: readonly ServerRow[], [name = '']: readonly string[]): Cells[] {
  const counted = rows.filter(({ project, ci }) => project === name && ci !== true);
  const total = String(counted.reduce((sum, { downloads }) => sum + downloads, 0));
  const unknown = ['system', 'type', 'country', 'kind'].map((facet) => [facet, null] as const);
  const values = [...Object.entries({ flag: 'false', python: '3.9', version: '1.0' }), ...unknown];
  return values.map(([facet, value]) => [name, facet, value, total]);
}

/** Columns and rows of an answer, from the rows of the whole table. */
function answerTo(query: Query, { rows = [], partitions }: ServerOptions): Pick<Job, 'columns' | 'cells'> {
  const { sql, projects, start, end, limit, revisions } = query;
  if (revisions) {
    const cells = partitions ?? partitionCells(query, rows).slice(0, limit);
    return { columns: ['partition_id', 'total_rows'], cells };
  }
  const wanted = new Set(projects);
  const own = rows.filter(({ project, day }) => wanted.has(project) && day >= start && day < end);
  if (sql.includes(' AS facets')) {
    return { columns: ['project', 'facet', 'value', 'download_count'], cells: facetCells(own, projects) };
  }
  const columns = PIVOT.filter((name) => sql.includes(` AS ${name}`));
  return { columns, cells: pivotCells(query, own, columns).slice(0, limit) };
}

type Reply = readonly [status: number, body: unknown];

const problem = (code: number, reason: string, message: string): Reply => [
  code,
  { error: { code, message, errors: [{ domain: 'global', reason, message }], status: 'FAILED' } },
];

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
    const { latencyMs, date } = this.#options;
    if (latencyMs !== undefined) await sleep(latencyMs);
    if (date !== undefined) response.setHeader('date', date.toUTCString());
    await this.#reply(call, fault, response);
  }

  #understand({ pathname, searchParams }: URL, body: Insertion | ''): Call {
    const [, place, id = '', verb] =
      /\/projects\/[^/]+\/(\w+)(?:\/([^/]+))?(?:\/(\w+))?$/.exec(pathname) ?? [];
    const page = Number(searchParams.get('pageToken')?.replace('page-', '') ?? 0);
    if (id !== '' || body === '') {
      const { package: name, revisions = false } = this.jobs.get(id) ?? {};
      const kind = place === 'queries' ? 'results' : verb === 'cancel' ? 'cancel' : 'job';
      return { kind, jobId: id, package: name, revisions, page, body };
    }
    const { projects, start, end, revisions } = queryOf(body);
    return {
      kind: body.configuration.dryRun ? 'dryRun' : 'insert',
      jobId: body.jobReference.jobId ?? '',
      ...{ package: projects[0], revisions, page, body },
      ...(!revisions && { start, end }),
    };
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
    const send = ([status, body]: Reply) =>
      void response.writeHead(status, JSON_TYPE).end(JSON.stringify(body));
    if (fault === 'silence' || fault === 'reset') return misbehave(fault, '', response);
    if (typeof fault === 'object' && 'body' in fault) return misbehave(fault, '', response);
    if (typeof fault === 'object' && 'status' in fault) {
      const { status, reason = 'unknown', message = `the server says ${reason}` } = fault;
      if (fault.done) this.#work(call);
      if (fault.retryAfter !== undefined) response.setHeader('retry-after', fault.retryAfter);
      return send(problem(status, reason, message));
    }
    if (fault === undefined) return send(this.#work(call));
    if (typeof fault === 'object' && !('change' in fault)) return send(this.#work(call, fault));
    const text = JSON.stringify(this.#work(call)[1]);
    return misbehave(fault === 'lost' ? 'reset' : fault, text, response);
  }

  #work(call: Call, course: Course = {}): Reply {
    if (call.kind === 'insert' || call.kind === 'dryRun') return this.#insert(call, course);
    const job = this.jobs.get(call.jobId);
    if (job === undefined) return problem(404, 'notFound', `Not found: Job p:US.${call.jobId}`);
    if (call.kind === 'results') return this.#results(job, call.page);
    if (call.kind === 'job') return [200, this.#resource(job)];
    job.cancelled = true;
    return [200, { job: this.#resource(job) }];
  }

  #insert(call: Call, { looks = 0, jobFails: failure }: Course): Reply {
    const { kind, jobId, body, package: name, revisions } = call;
    const query = queryOf(body as Insertion);
    const { bytesPerDay = 150_000_000, bytesPerSharedDay = 100_000_000_000 } = this.#options;
    const days = (Date.parse(query.end) - Date.parse(query.start)) / 86_400_000;
    const bytes = revisions ? 10 * MIB : days * (query.projects.length > 1 ? bytesPerSharedDay : bytesPerDay);
    if (kind === 'dryRun') {
      const total = { totalBytesProcessed: String(bytes) };
      return [200, { status: { state: 'DONE' }, statistics: { ...total, query: total } }];
    }
    if (this.jobs.has(jobId)) return problem(409, 'duplicate', `Already Exists: Job p:US.${jobId}`);
    const billed = Math.max(10 * MIB, Math.ceil(bytes / MIB) * MIB);
    const answer = answerTo(query, this.#options);
    const job = { package: name, revisions, bytes, billed, failure, looks, cancelled: false, ...answer };
    this.jobs.set(jobId, job);
    if (failure === undefined && looks === 0) this.bytesBilled += billed;
    return [200, this.#resource(job, true)];
  }

  /** @param early Whether it has not come to its end yet. */
  #resource({ bytes, billed, looks, cancelled, failure: failed }: Job, early = false): Json {
    const stopped = { reason: 'stopped', message: 'Job execution was cancelled: User requested it' };
    const failure = cancelled && looks > 0 ? stopped : early ? undefined : failed;
    const isDone = cancelled || (!early && (failed !== undefined || looks === 0));
    const total = { totalBytesProcessed: String(bytes) };
    const totalBytesBilled = String(failure !== undefined || looks > 0 ? 0 : billed);
    return {
      status: { state: isDone ? 'DONE' : 'RUNNING', ...(failure && { errorResult: failure }) },
      statistics: { ...total, query: { ...total, totalBytesBilled, cacheHit: false } },
    };
  }

  #results(job: Job, page: number): Reply {
    if (job.failure !== undefined) {
      const { reason, message } = job.failure;
      return problem(/backendError|internalError/i.test(reason) ? 500 : 400, reason, message);
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
