import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { SourceError } from '../../../src/errors/error.ts';
import { bigquery } from '../../../src/sources/bigquery/index.ts';
import { openBigQuery } from '../../../src/sources/bigquery/source.ts';
import { traitsOf } from '../../../src/sources/index.ts';
import type { QueryCost } from '../../../src/util.ts';
import {
  BigQueryServer,
  type CallKind,
  type ServerOptions,
  type ServerRow,
  type Trouble,
} from '../../support/bigquery-server.ts';

const SPAN = { start: '2026-04-01', end: '2026-04-03' };
const QUESTION = { packages: ['demo'], span: SPAN } as const;
const MIB = 1024 ** 2;
/** Two days of 150 MB, rounded up to whole MiB. */
const BILLED = Math.ceil(300_000_000 / MIB) * MIB;

const ROWS: ServerRow[] = [
  { project: 'demo', day: '2026-04-01', installer: 'pip', system: 'Linux', downloads: 5 },
  { project: 'demo', day: '2026-04-01', ci: true, installer: 'uv', system: 'Linux', downloads: 7 },
  { project: 'demo', day: '2026-04-02', ci: false, downloads: 11 },
  { project: 'other', day: '2026-04-02', installer: 'pip', downloads: 100 },
  { project: 'demo', day: '2026-04-03', installer: 'pip', downloads: 1000 },
];

const EXPECTED = [
  { day: '2026-04-01', ci: null, installer: 'pip', system: 'Linux', sidecar: false, downloads: 5 },
  { day: '2026-04-01', ci: true, installer: 'uv', system: 'Linux', sidecar: false, downloads: 7 },
  { day: '2026-04-02', ci: false, installer: null, system: null, sidecar: false, downloads: 11 },
];

const SECTION = { project_id: 'my-project', query_timeout_seconds: 60 };
const CONFIG = bigquery.configure({ section: SECTION, absolute: (path) => path });

let server: BigQueryServer;
afterEach(() => server.close());

async function source(options: ServerOptions = {}, path = '', now = () => new Date()) {
  server = await BigQueryServer.start({ rows: ROWS, ...options });
  return openBigQuery(CONFIG, { env: { BIGQUERY_EMULATOR_HOST: `${server.host}${path}` }, now });
}

const withTrouble = (...trouble: Trouble[]) => source({ trouble });

const failure = (work: Promise<unknown>) => work.catch((error) => error) as Promise<SourceError>;

/** What a question comes to in trouble. */
const readIn = async (...trouble: Trouble[]) => (await withTrouble(...trouble)).read(QUESTION);
const failureIn = (...trouble: Trouble[]) => failure(readIn(...trouble));

/** What a query comes to whose time limit passes as soon as the server has had so many calls of a kind. */
async function pastLimit(work: () => Promise<unknown>, kind: CallKind, calls = 1): Promise<SourceError> {
  const limit = new AbortController();
  const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValueOnce(limit.signal);
  onTestFinished(() => timeout.mockRestore());
  const error = failure(work());
  await expect.poll(() => server.callsOf(kind).length).toBeGreaterThanOrEqual(calls);
  limit.abort(new DOMException('', 'TimeoutError'));
  return error;
}

const kindsAsked = () => server.calls.map(({ kind }) => kind);
const cancelledJobs = () => [...server.jobs.values()].map(({ cancelled }) => cancelled);

/** The query that was sent first, and its parameters as `name TYPE value`. */
function sentQuery() {
  type Parameter = { name: string; parameterType: { type: string }; parameterValue: { value: string } };
  type Query = { query: string; queryParameters: Parameter[] };
  const { body } = server.callsOf('insert')[0] as { body: unknown };
  const { jobReference, configuration } = body as { jobReference: object; configuration: { query: Query } };
  const parameters = configuration.query.queryParameters.map(
    ({ name, parameterType: { type }, parameterValue: { value } }) => `${name} ${type} ${value}`,
  );
  return { jobReference, configuration, sql: configuration.query.query, parameters };
}

describe('a pivot question', () => {
  it('is answered with its rows and its bill, and asks three times', async () => {
    expect(await readIn()).toEqual({
      rows: new Map([['demo', EXPECTED]]),
      unknownDays: new Map(),
      failures: new Map(),
      cost: { bytesProcessed: 300_000_000, bytesBilled: BILLED, cacheHit: false },
    });
    expect(kindsAsked()).toEqual(['insert', 'results', 'job']);
  });

  it('sends typed parameters, labels and a time limit, and nothing of them inside the SQL', async () => {
    await readIn();
    const { jobReference, configuration, sql, parameters } = sentQuery();
    const jobId = expect.stringMatching(/^pypi-badges_[0-9a-f-]{36}$/);
    expect(jobReference).toEqual({ projectId: 'my-project', location: 'US', jobId });
    const labels = { app: 'pypi-badges', package: 'demo' };
    const query = { useLegacySql: false, parameterMode: 'NAMED' };
    expect(configuration).toMatchObject({ labels, jobTimeoutMs: '60000', query });
    expect(sql).toContain('FROM `bigquery-public-data.pypi.file_downloads`');
    expect(sql).not.toMatch(/demo|2026-0[^8]/);
    expect(parameters).toEqual([
      'project STRING demo',
      'start TIMESTAMP 2026-04-01 00:00:00+00',
      'end TIMESTAMP 2026-04-03 00:00:00+00',
      `limit INT64 ${2 * 376 + 1}`,
    ]);
  });

  it.each(['/', '/bigquery/v2', '/bigquery/v2/'])('reaches an emulator at a host with %j', async (path) => {
    const bigQuery = await source({}, path);
    expect((await bigQuery.read(QUESTION)).rows.get('demo')).toEqual(EXPECTED);
  });

  it('reads every page', async () => {
    const bigQuery = await source({ pageRows: 1 });
    expect((await bigQuery.read(QUESTION)).rows.get('demo')).toEqual(EXPECTED);
    expect(server.callsOf('results').map(({ page }) => page)).toEqual([0, 1, 2]);
  });

  it('waits for a job that takes its time', async () => {
    const { rows } = await readIn({ on: 'insert', fault: { looks: 3 } });
    expect(rows.get('demo')).toEqual(EXPECTED);
    expect(server.callsOf('results')).toHaveLength(4);
  });

  it('refuses a result as long as its limit', async () => {
    const change = (body: Record<string, unknown>) => {
      const [row] = body['rows'] as unknown[];
      return { ...body, rows: Array(2 * 376 + 1).fill(row), totalRows: String(2 * 376 + 1) };
    };
    const error = await failureIn({ on: 'results', fault: { change } });
    expect(error.message).toMatch(/^result truncated: .* \[job pypi-badges_/);
    expect(error.cost?.bytesBilled).toBe(BILLED);
  });
});

const BUSY = { status: 503, reason: 'backendError' } as const;
const DENIED = { status: 403, reason: 'accessDenied' } as const;
const LIMITED = { status: 429, reason: 'rateLimitExceeded' } as const;

describe('a fault that may pass', () => {
  it.each<[string, Trouble]>([
    ['a reset of the insert', { on: 'insert', fault: 'reset' }],
    ['503', { on: 'results', fault: BUSY }],
    ['a 200 that is no object', { on: 'results', fault: { status: 200, body: '17' } }],
    ['an insert whose answer is lost', { on: 'insert', fault: 'lost' }],
    ['an insert whose answer is lost twice', { on: 'insert', fault: 'lost', times: 2 }],
    ['an insert whose answer is cut short', { on: 'insert', fault: 'broken' }],
    ['a reset of the result', { on: 'results', fault: 'reset' }],
    ['a result that is cut short', { on: 'results', fault: 'broken' }],
    ['a second page that fails', { on: 'results', page: 1, fault: BUSY }],
    ['statistics that are reset', { on: 'job', fault: 'reset' }],
    ['an answer that trickles in', { on: 'results', fault: 'trickle' }],
  ])('%s is waited out as one job, and billed once', async (_, trouble) => {
    const bigQuery = await source({ trouble: [{ times: 1, ...trouble }], pageRows: 2 });
    const { rows, cost } = await bigQuery.read(QUESTION);
    expect(rows.get('demo')).toEqual(EXPECTED);
    expect([cost.bytesBilled, server.bytesBilled]).toEqual([BILLED, BILLED]);
    expect(server.jobs.size).toBe(1);
    expect(new Set(server.callsOf('insert').map(({ jobId }) => jobId)).size).toBe(1);
  });

  it.each(['backendError', 'rateLimitExceeded'])('of a job, %s, is another job', async (reason) => {
    const fault = { jobFails: { reason, message: 'try again' } };
    const { rows } = await readIn({ on: 'insert', times: 1, fault });
    expect(rows.get('demo')).toEqual(EXPECTED);
    expect([server.jobs.size, server.bytesBilled]).toEqual([2, BILLED]);
  });

  it('is reported when it does not pass, with how often it was tried', async () => {
    const error = await failureIn({ on: 'insert', fault: BUSY });
    expect(error.message).toMatch(/^BigQuery: the service is in trouble; .* says backendError, 6 times\)$/);
    expect(error.affectsAll).toBe(false);
    expect(server.callsOf('insert')).toHaveLength(6);
  });

  it('ends the querying if the network is gone', async () => {
    const bigQuery = await source();
    await server.close();
    const error = { affectsAll: true, message: expect.stringMatching(/ cannot be reached; .*ECONNREFUSED/) };
    expect(await failure(bigQuery.read(QUESTION))).toMatchObject(error);
    server = await BigQueryServer.start();
  });

  it('is given up at the time limit, and named instead of the limit', async () => {
    const bigQuery = await withTrouble(
      { on: 'results', times: 1, fault: BUSY },
      { on: 'results', fault: { ...BUSY, retryAfter: '5' } },
    );
    const error = await pastLimit(() => bigQuery.read(QUESTION), 'results', 2);
    expect(error.message).toMatch(/^BigQuery: the service is in trouble/);
    expect(error.cost?.bytesBilled).toBe(BILLED);
  });

  it('is not waited out if the server asks for more than all the time there is', async () => {
    const error = await failureIn({ on: 'insert', fault: { ...LIMITED, retryAfter: '3600' } });
    expect(error.message).toMatch(/^BigQuery: the service had too many requests/);
    expect(server.callsOf('insert')).toHaveLength(1);
  });

  it('of a job is given up after four jobs', async () => {
    const fault = { jobFails: { reason: 'jobBackendError', message: 'still not' } };
    const error = await failureIn({ on: 'insert', fault });
    expect(error.message).toMatch(/^BigQuery: the job failed each time; .*still not, 4 times\)/);
    expect([server.jobs.size, server.callsOf('cancel').length]).toEqual([4, 0]);
  });
});

describe('a fault that does not pass', () => {
  it('is not tried again, and of no job', async () => {
    const message = /^BigQuery: permission denied; grant .*bigquery.jobUser.* says accessDenied\)$/;
    const error = await failureIn({ on: 'insert', fault: DENIED });
    expect(error).toMatchObject({ affectsAll: true, message: expect.stringMatching(message) });
    expect(kindsAsked()).toEqual(['insert']);
  });

  it('of the job itself is told as such', async () => {
    const fault = { jobFails: { reason: 'invalidQuery', message: 'Unrecognized name: details at [3:3]' } };
    const error = await failureIn({ on: 'insert', fault });
    expect(error.message).toMatch(/^BigQuery: the query is not understood.*Unrecognized name/);
    expect(server.jobs.size).toBe(1);
  });

  it('keeps the bill of a job whose pages cannot be fetched, or whose statistics', async () => {
    const trouble: Trouble[] = [{ on: 'results', page: 1, fault: DENIED }];
    const error = await failure((await source({ trouble, pageRows: 2 })).read(QUESTION));
    expect(error.cost).toEqual({ bytesProcessed: 300_000_000, bytesBilled: BILLED, cacheHit: false });
    expect(server.bytesBilled).toBe(BILLED);
    await server.close();
    expect((await readIn({ on: 'job', fault: DENIED })).cost.bytesBilled).toBe(BILLED);
  });
});

describe('an insert', () => {
  const internal = { status: 500, reason: 'internalError' } as const;
  const begun = { ...internal, done: true } as const;

  it.each<[string, Trouble['fault'], Trouble['fault'], cancels: number, billed: number]>([
    ['500, and the job runs, again and again', begun, begun, 1, BILLED],
    ['500, and the job runs, then silence', begun, 'silence', 1, BILLED],
    ['500, and the job runs, then a refusal', begun, DENIED, 1, BILLED],
    ['500, and there is no job', internal, internal, 1, 0],
    ['500, and there is no job, then a refusal', internal, DENIED, 1, 0],
    ['400', { status: 400, reason: 'invalid' }, DENIED, 0, 0],
    ['403', DENIED, DENIED, 0, 0],
    ['429 again and again', LIMITED, LIMITED, 0, 0],
  ])('that fails by %s leaves no job and no bill behind', async (_, first, then, cancels, billed) => {
    const begins: Trouble = { on: 'insert', times: 1, fault: first };
    const bigQuery = await withTrouble(begins, { on: 'insert', fault: then });
    const read = () => bigQuery.read(QUESTION);
    const error = then === 'silence' ? await pastLimit(read, 'insert', 2) : await failure(read());
    expect(error).toMatchObject({ cost: { bytesBilled: billed } });
    expect(server.callsOf('cancel')).toHaveLength(cancels);
    expect(cancelledJobs()).toEqual(billed > 0 ? [true] : []);
    expect(server.bytesBilled).toBe(billed);
  });
});

describe('an answer that makes no sense', () => {
  type Body = Record<string, unknown>;
  const value = (v: unknown) => (body: Body) => {
    const [first, ...others] = body['rows'] as { f: { v: unknown }[] }[];
    const cells = first?.f.slice(0, -1) ?? [];
    return { ...body, rows: [{ f: [...cells, { v }] }, ...others] };
  };
  const but = (change: Body) => (body: Body) => ({ ...body, ...change });
  const odd = { f: [1, 2, 3, 4, 5, 6] };

  it.each<[string, (body: Body) => unknown, RegExp]>([
    ['no jobComplete', but({ jobComplete: undefined }), /its jobComplete is not/],
    ['no schema', but({ schema: undefined }), /its schema is not/],
    ['no number of its rows', but({ totalRows: undefined }), /its totalRows is not/],
    ['a number of rows that is none', but({ totalRows: 'x' }), /its totalRows is not/],
    ['rows that are no list', but({ rows: 'none' }), /its rows is not/],
    ['a row without values', but({ rows: [{}] }), /its rows\.0\.f is not/],
    ['missing rows', but({ rows: [] }), /0 rows came instead of 3/],
    ['a value that is none', but({ rows: Array(3).fill(odd) }), /its rows\.0\.f\.0 is not/],
    ['columns of no name', but({ schema: { fields: [{ name: {} }] } }), /its schema\.fields\.0\.name is not/],
    ['a count past 2^53', value('9007199254740993'), /holds "9007199254740993" instead of a count/],
  ])('%s is an error and no number', async (_, change, text) => {
    const error = await failureIn({ on: 'results', fault: { change } });
    expect(error.message).toMatch(/^unexpected answer: /);
    expect(error.message).toMatch(text);
    expect(error.affectsAll).toBe(false);
  });

  const billed = (totalBytesProcessed: string, more: object = {}) =>
    but({ statistics: { query: { totalBytesProcessed, ...more } } });
  it.each<[string, (body: Body) => unknown, Partial<QueryCost>]>([
    ['no statistics', but({ statistics: undefined }), { bytesProcessed: 0, bytesBilled: 0 }],
    ['no bill', billed('1'), { bytesBilled: 10 * MIB }],
    ['a cached answer', billed('9', { cacheHit: true }), { bytesBilled: 0, cacheHit: true }],
    ['a bill that is none', billed('20971521', { totalBytesBilled: 'lots' }), { bytesBilled: 21 * MIB }],
  ])('statistics with %s are made the best of', async (_, change, cost) => {
    expect((await readIn({ on: 'job', fault: { change } })).cost).toMatchObject(cost);
  });
});

describe('the time limit', () => {
  it.each<[string, Trouble, boolean]>([
    ['a job that never finishes', { on: 'insert', fault: { looks: 1e9 } }, true],
    ['a server that is silent', { on: 'results', fault: 'silence' }, false],
  ])('ends %s, and says what to do', async (_, trouble, cancelled) => {
    const isGone: Trouble = { on: 'cancel', times: cancelled ? 0 : 1, fault: 'reset' };
    const bigQuery = await withTrouble(trouble, isGone);
    const error = await pastLimit(() => bigQuery.read(QUESTION), 'results');
    const says = /^BigQuery: the query took longer than 60 seconds and was cancelled; raise .* \[job/;
    expect(error.message).toMatch(says);
    expect(server.callsOf('cancel')).toHaveLength(1);
    expect(cancelledJobs()).toEqual([cancelled]);
  });

  it('holds for a dry run too', async () => {
    const bigQuery = await withTrouble({ on: 'dryRun', fault: 'silence' });
    const error = await pastLimit(() => bigQuery.estimate(QUESTION), 'dryRun');
    expect(error.message).toMatch(/^BigQuery: the service did not answer within the time limit/);
    expect(server.callsOf('cancel')).toHaveLength(0);
  });
});

describe('a signal', () => {
  it.each<[string, Trouble, CallKind]>([
    ['cancels the running job and is thrown on', { on: 'insert', fault: { looks: 1e9 } }, 'results'],
    ['ends the waiting between two tries', { on: 'insert', fault: 'lost' }, 'insert'],
  ])('%s', async (_, trouble, kind) => {
    const bigQuery = await withTrouble(trouble);
    const stop = new AbortController();
    const error = failure(bigQuery.read(QUESTION, stop.signal));
    await expect.poll(() => server.callsOf(kind)).not.toHaveLength(0);
    stop.abort(new Error('the operator wants to go home'));
    expect((await error).message).toBe('the operator wants to go home');
    expect(cancelledJobs()).toEqual([true]);
  });

  it('that was given before keeps anything from being asked', async () => {
    const bigQuery = await source();
    const error = await failure(bigQuery.read(QUESTION, AbortSignal.abort(new Error('too late'))));
    expect(error.message).toBe('too late');
    expect(server.calls).toHaveLength(0);
  });
});

describe('an estimate', () => {
  it('is the upper bound of a dry run, which is no job, and outlives a fault that passes', async () => {
    const bigQuery = await withTrouble(
      { on: 'dryRun', times: 1, fault: { status: 503 } },
      { on: 'dryRun', times: 1, fault: { change: () => ({ statistics: {} }) } },
    );
    const says = /the dry run does not tell its bytes/;
    expect((await failure(bigQuery.estimate(QUESTION))).message).toMatch(says);
    expect(await bigQuery.estimate(QUESTION)).toBe(300_000_000);
    expect(kindsAsked()).toEqual(['dryRun', 'dryRun', 'dryRun']);
    expect(server.jobs.size).toBe(0);
  });

  const failed = { errorResult: { reason: 'accessDenied', message: 'no' } };
  const statistics = { totalBytesProcessed: '300' };
  it.each<[string, Trouble['fault']]>([
    ['by its status', DENIED],
    ['with a status of success', { change: () => ({ status: failed, statistics }) }],
  ])('is none where it is refused %s, and of no job', async (_, fault) => {
    const error = await failure((await withTrouble({ on: 'dryRun', fault })).estimate(QUESTION));
    expect(error).toMatchObject({ code: 'permission', cost: { bytesBilled: 0 } });
    expect(error.message).not.toContain('[job');
  });
});

describe('the rows of days', () => {
  type Partitions = [string | null, string | null][];
  const daysOf = async (partitions: Partitions) => (await source({ partitions })).days(SPAN);
  const daysIn = async (...trouble: Trouble[]) => (await withTrouble(...trouble)).days(SPAN);

  it('are the rows of each day of the whole table', async () => {
    const bigQuery = await source();
    expect(await bigQuery.days(SPAN)).toEqual({
      kind: 'known',
      rows: new Map(Object.entries({ '2026-04-01': 12, '2026-04-02': 111 })),
      cost: { bytesProcessed: 10 * MIB, bytesBilled: 10 * MIB, cacheHit: false },
    });
    const { sql, parameters } = sentQuery();
    expect(sql).toContain('FROM `bigquery-public-data.pypi.INFORMATION_SCHEMA.PARTITIONS`');
    const expected = ['table STRING file_downloads', 'start STRING 20260401', 'end STRING 20260403'];
    expect(parameters).toEqual([...expected, 'limit INT64 3']);
  });

  it.each<[string, Partitions, string]>([
    ['no partitions', [[null, '17']], 'the table is not partitioned'],
    ['partitions by hour', [['2026040100', '17']], 'the table is not partitioned by day'],
    ['partitions by month', [['202604', '17']], 'the table is not partitioned by day'],
    ['no row ever, as of a view', [], 'it has no row for the table, which must be a view'],
  ])('cannot be told of a table with %s', async (_, list, text) => {
    const answer = await daysOf(list);
    expect(answer).toMatchObject({ kind: 'unsupported', reason: `INFORMATION_SCHEMA.PARTITIONS: ${text}` });
    expect(answer).not.toHaveProperty('refused');
    // It was answered, and so billed.
    expect(answer.cost?.bytesBilled).toBe(server.bytesBilled);
  });

  it.each<[string, Partitions, string]>([
    ['a day twice', Array(2).fill(['20260401', '1']), 'day holds "2026-04-01" instead of each day once'],
    ['a count that is none', [['20260401', '-5']], 'row_count holds "-5"'],
  ])('are a failure of an answer with %s', async (_, list, says) => {
    const message = expect.stringContaining(says);
    expect(await failure(daysOf(list))).toMatchObject({ code: 'unexpected-answer', message });
  });

  it('are none of a table that is far behind, and leave out a day without rows and what is no day', async () => {
    const list: Partitions = [...Object.entries({ 20260401: '0', 20260402: '3' }), ['__NULL__', '9']];
    const bigQuery = await source({ partitions: list });
    expect(await bigQuery.days(SPAN)).toMatchObject({ kind: 'known', rows: new Map([['2026-04-02', 3]]) });
    const answer = await bigQuery.days({ start: '2026-10-01', end: '2026-10-03' });
    expect(answer).toMatchObject({ kind: 'known', rows: new Map(), cost: { bytesBilled: 10 * MIB } });
  });

  it('are a failure of a table that does not exist', async () => {
    const trouble = [{ on: 'dryRun', times: 1, fault: { status: 404, reason: 'notFound' } }] as const;
    const error = await failure((await source({ partitions: [], trouble })).days(SPAN));
    expect(error.message).toMatch(/^BigQuery: not found; check bigquery.table/);
    expect(error.cost?.bytesBilled).toBe(server.bytesBilled);
  });

  it('cannot be told to an account that may not ask', async () => {
    const reason = expect.stringContaining('the server says accessDenied');
    const answer = await daysIn({ on: 'insert', revisions: true, fault: DENIED });
    expect(answer).toMatchObject({ kind: 'unsupported', refused: true, reason });
  });

  it.each<[string, Trouble['fault'], string]>([
    ['notFound', { status: 404, reason: 'notFound' }, 'not-found'],
    ['a job that fails', { jobFails: { reason: 'jobInternalError', message: 'no' } }, 'job-failed'],
    ['a refusal of the credentials', { status: 401, reason: 'authError' }, 'credentials-refused'],
  ])('are a failure where the view is answered with %s', async (_, fault, code) => {
    expect(await failure(daysIn({ on: 'insert', revisions: true, fault }))).toMatchObject({ code });
  });
});

it('knows how far the clock is off, however long the server was silent since', async () => {
  const clock = { now: new Date('2026-04-25T04:12:30Z') };
  const bigQuery = await source({ date: new Date('2026-04-25T04:12:00Z') }, '', () => clock.now);
  expect(bigQuery.traits).toMatchObject({ id: `bigquery:${CONFIG.table} on ${server.host}`, billed: true });
  expect(traitsOf(CONFIG, {}).id).toBe(`bigquery:${CONFIG.table}`);
  expect(bigQuery.clockSkewMs?.()).toBeUndefined();
  await bigQuery.estimate(QUESTION);
  clock.now = new Date('2026-04-25T04:20:00Z');
  expect(bigQuery.clockSkewMs?.()).toBe(30_000);
  await bigQuery.close();
});

it('refuses an emulator address that is none', async () => {
  server = await BigQueryServer.start();
  const world = { env: { BIGQUERY_EMULATOR_HOST: 'http://[' }, now: () => new Date() };
  const error = await failure(openBigQuery(CONFIG, world));
  expect(error.message).toBe('BIGQUERY_EMULATOR_HOST: http://[ is no address; write it as localhost:9050');
});
