import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { BigQueryConfig } from '../../../src/sources/bigquery/index.ts';
import { openBigQuery } from '../../../src/sources/bigquery/source.ts';
import type { QueryCost, SourceError } from '../../../src/sources/source.ts';
import type { Question } from '../../../src/sources/sql.ts';
import {
  BigQueryServer,
  type CallKind,
  type ServerOptions,
  type ServerRow,
  type Trouble,
} from '../../support/bigquery-server.ts';

const SPAN = { start: '2026-04-01', end: '2026-04-03' };
const QUESTION: Question = { packages: ['demo'], span: SPAN };
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

const CONFIG: BigQueryConfig = {
  kind: 'bigquery',
  projectId: 'my-project',
  location: 'US',
  table: 'bigquery-public-data.pypi.file_downloads',
  queryTimeoutSeconds: 5,
  sharing: 'auto',
};

let server: BigQueryServer;
afterEach(() => server.close());

async function source(
  options: ServerOptions = {},
  config: Partial<BigQueryConfig> = {},
  path = '',
  now = () => new Date(),
) {
  server = await BigQueryServer.start({ rows: ROWS, ...options });
  return openBigQuery(
    { ...CONFIG, ...config },
    { env: { BIGQUERY_EMULATOR_HOST: `${server.host}${path}` }, now },
  );
}

const withTrouble = (...trouble: Trouble[]) => source({ trouble });

/** What was sent with the first call of a kind. */
const bodyOf = (kind: 'insert'): unknown => server.callsOf(kind).map(({ body }) => body)[0];

async function failure(work: Promise<unknown>): Promise<SourceError> {
  return work.then(
    () => expect.unreachable('it worked'),
    (error) => error,
  );
}

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

describe('a pivot question', () => {
  it('is answered with its rows and its bill, and asks no more than three times', async () => {
    const bigQuery = await source();
    expect(await bigQuery.read(QUESTION)).toEqual({
      rows: new Map([['demo', EXPECTED]]),
      unknownDays: new Map(),
      failures: new Map(),
      cost: { bytesProcessed: 300_000_000, bytesBilled: BILLED, cacheHit: false },
    });
    expect(server.calls.map(({ kind }) => kind)).toEqual(['insert', 'results', 'job']);
  });

  it('sends typed parameters, labels and a time limit, and nothing of them inside the SQL', async () => {
    const bigQuery = await source();
    await bigQuery.read(QUESTION);
    const { configuration, jobReference } = bodyOf('insert') as Record<string, Record<string, unknown>>;
    expect(jobReference).toEqual({
      projectId: 'my-project',
      location: 'US',
      jobId: expect.stringMatching(/^pypi-badges_[0-9a-f-]{36}$/),
    });
    expect(configuration).toMatchObject({
      labels: { app: 'pypi-badges', package: 'demo' },
      jobTimeoutMs: '5000',
    });
    const query = configuration?.['query'] as Record<string, unknown>;
    expect(query).toMatchObject({ useLegacySql: false, parameterMode: 'NAMED' });
    expect(query['query']).toContain('FROM `bigquery-public-data.pypi.file_downloads`');
    expect(query['query']).not.toMatch(/demo|2026-0[^8]/);
    expect(query['queryParameters']).toEqual([
      { name: 'project', parameterType: { type: 'STRING' }, parameterValue: { value: 'demo' } },
      {
        name: 'start',
        parameterType: { type: 'TIMESTAMP' },
        parameterValue: { value: '2026-04-01 00:00:00+00' },
      },
      {
        name: 'end',
        parameterType: { type: 'TIMESTAMP' },
        parameterValue: { value: '2026-04-03 00:00:00+00' },
      },
      { name: 'limit', parameterType: { type: 'INT64' }, parameterValue: { value: String(2 * 376 + 1) } },
    ]);
  });

  it.each(['', '/', '/bigquery/v2', '/bigquery/v2/'])(
    'reaches an emulator whose host ends in %j',
    async (path) => {
      const bigQuery = await source({}, {}, path);
      expect((await bigQuery.read(QUESTION)).rows.get('demo')).toEqual(EXPECTED);
    },
  );

  it('reads every page', async () => {
    const bigQuery = await source({ pageRows: 1 });
    expect((await bigQuery.read(QUESTION)).rows.get('demo')).toEqual(EXPECTED);
    expect(server.callsOf('results').map(({ page }) => page)).toEqual([0, 1, 2]);
  });

  it('waits for a job that takes its time', async () => {
    const bigQuery = await withTrouble({ on: 'insert', fault: { looks: 3 } });
    expect((await bigQuery.read(QUESTION)).rows.get('demo')).toEqual(EXPECTED);
    expect(server.callsOf('results')).toHaveLength(4);
  });

  it('refuses a result as long as its limit', async () => {
    // As from an engine that does not fold names.
    const change = (body: Record<string, unknown>) => {
      const [row] = body['rows'] as { f: { v: string | null }[] }[];
      const rows = Array.from({ length: 1_000 }, (_, index) => ({
        f: row?.f.with(2, { v: `tool-${index}` }),
      }));
      return { ...body, rows, totalRows: '1000' };
    };
    const trouble: Trouble[] = [{ on: 'results', fault: { change } }];
    const error = await failure((await source({ trouble })).read(QUESTION));
    expect(error.message).toMatch(/^result truncated: .* \[job pypi-badges_/);
    expect(error.cost?.bytesBilled).toBe(BILLED);
  });
});

describe('a fault that may pass', () => {
  const once: [string, Trouble][] = [
    ['a reset of the insert', { on: 'insert', fault: 'reset' }],
    ['429', { on: 'insert', fault: { status: 429, reason: 'rateLimitExceeded' } }],
    ['500', { on: 'insert', fault: { status: 500, reason: 'internalError' } }],
    ['502 with an HTML body', { on: 'insert', fault: { status: 502, answer: '<html>Bad gateway</html>' } }],
    ['503', { on: 'results', fault: { status: 503, reason: 'backendError' } }],
    ['a 200 that is a web page', { on: 'insert', fault: { answer: '<html>Welcome</html>' } }],
    ['a 200 that is empty', { on: 'insert', fault: { answer: '' } }],
    ['a 200 that is no object', { on: 'results', fault: { answer: '17', type: 'application/json' } }],
    ['an insert whose answer is lost', { on: 'insert', fault: 'lost' }],
    ['an insert whose answer is cut short', { on: 'insert', fault: 'cut' }],
    ['a reset of the result', { on: 'results', fault: 'reset' }],
    ['a result that is cut short', { on: 'results', fault: 'cut' }],
    ['a second page that fails', { on: 'results', page: 1, fault: { status: 503, reason: 'backendError' } }],
    ['statistics that are reset', { on: 'job', fault: 'reset' }],
    ['an answer that trickles in', { on: 'results', fault: 'trickle' }],
  ];

  it.each(once)('%s is waited out, and billed once', async (_, trouble) => {
    const bigQuery = await source({ trouble: [{ ...trouble, times: 1 }], pageRows: 2 });
    const { rows, cost } = await bigQuery.read(QUESTION);
    expect(rows.get('demo')).toEqual(EXPECTED);
    expect(cost.bytesBilled).toBe(BILLED);
    expect(server.bytesBilled).toBe(BILLED);
    expect(server.jobs.size).toBe(1);
  });

  it('repeats an insert under the same job id', async () => {
    const bigQuery = await withTrouble({ on: 'insert', times: 2, fault: 'lost' });
    await bigQuery.read(QUESTION);
    const inserts = server.callsOf('insert').map(({ jobId }) => jobId);
    expect(inserts).toHaveLength(3);
    expect(new Set(inserts).size).toBe(1);
  });

  it.each(['backendError', 'rateLimitExceeded'])(
    'a job that failed by %s is run again under another id',
    async (reason) => {
      const fault = { jobFails: { reason, message: 'try again' } };
      const bigQuery = await withTrouble({ on: 'insert', times: 1, fault });
      expect((await bigQuery.read(QUESTION)).rows.get('demo')).toEqual(EXPECTED);
      expect(server.jobs.size).toBe(2);
      expect(server.bytesBilled).toBe(BILLED);
    },
  );

  it('is reported when it does not pass, with how often it was tried', async () => {
    const bigQuery = await withTrouble({ on: 'insert', fault: { status: 503, reason: 'backendError' } });
    const error = await failure(bigQuery.read(QUESTION));
    expect(error.message).toMatch(
      /^BigQuery: the service is in trouble; run again later.* \(BigQuery said: the server says backendError, 6 times\)$/,
    );
    expect(error.affectsAll).toBe(false);
    expect(server.callsOf('insert')).toHaveLength(6);
  });

  it('ends the querying if the network is gone', async () => {
    const bigQuery = await source();
    await server.close();
    const error = await failure(bigQuery.read(QUESTION));
    expect(error.message).toMatch(
      /^BigQuery: the service cannot be reached; check the network.*ECONNREFUSED/,
    );
    expect(error.affectsAll).toBe(true);
    server = await BigQueryServer.start();
  });

  it('is given up at the time limit, and named instead of the limit', async () => {
    const busy = { status: 500, reason: 'backendError' };
    const bigQuery = await withTrouble(
      { on: 'results', times: 1, fault: busy },
      { on: 'results', fault: { ...busy, retryAfter: '5' } },
    );
    const error = await pastLimit(() => bigQuery.read(QUESTION), 'results', 2);
    expect(error.message).toMatch(/^BigQuery: the service is in trouble/);
    expect(error.cost?.bytesBilled).toBe(BILLED);
  });

  it('is not waited out if the server asks for more than all the time there is', async () => {
    const fault = { status: 429, reason: 'rateLimitExceeded', retryAfter: '3600' };
    const error = await failure((await withTrouble({ on: 'insert', fault })).read(QUESTION));
    expect(error.message).toMatch(/^BigQuery: the service had too many requests/);
    expect(server.callsOf('insert')).toHaveLength(1);
  });

  it('of a job is given up after four jobs', async () => {
    const fault = { jobFails: { reason: 'jobBackendError', message: 'still not' } };
    const error = await failure((await withTrouble({ on: 'insert', fault })).read(QUESTION));
    expect(error.message).toMatch(/^BigQuery: the job failed each time; .*still not, 4 times\)/);
    expect(server.jobs.size).toBe(4);
    expect(server.callsOf('cancel')).toHaveLength(0);
  });
});

describe('a fault that does not pass', () => {
  it.each<[string, number, string, RegExp]>([
    [
      'accessDenied',
      403,
      'no bigquery.jobs.create',
      /^BigQuery: permission denied; grant .*bigquery.jobUser/,
    ],
    ['authError', 401, 'Invalid Credentials', /^BigQuery: Google refused the credentials/],
  ])('%s is not tried again', async (reason, status, message, text) => {
    const bigQuery = await withTrouble({ on: 'insert', fault: { status, reason, message } });
    const error = await failure(bigQuery.read(QUESTION));
    expect(error.message).toMatch(text);
    // There was no job.
    expect(error.message).not.toContain('[job');
    expect(error.affectsAll).toBe(true);
    expect(server.calls.map(({ kind }) => kind)).toEqual(['insert']);
  });

  it('of the job itself is told as such', async () => {
    const fault = { jobFails: { reason: 'invalidQuery', message: 'Unrecognized name: details at [3:3]' } };
    const error = await failure((await withTrouble({ on: 'insert', fault })).read(QUESTION));
    expect(error.message).toMatch(/^BigQuery: the query is not understood.*Unrecognized name/);
    expect(server.jobs.size).toBe(1);
  });

  it('keeps the bill of a job whose pages cannot be fetched', async () => {
    const trouble: Trouble[] = [{ on: 'results', page: 1, fault: { status: 403, reason: 'accessDenied' } }];
    const error = await failure((await source({ trouble, pageRows: 2 })).read(QUESTION));
    expect(error.cost).toEqual({ bytesProcessed: 300_000_000, bytesBilled: BILLED, cacheHit: false });
    expect(server.bytesBilled).toBe(BILLED);
  });

  it('of the statistics alone costs nothing: the bill is worked out', async () => {
    const bigQuery = await withTrouble({ on: 'job', fault: { status: 403, reason: 'accessDenied' } });
    expect((await bigQuery.read(QUESTION)).cost.bytesBilled).toBe(BILLED);
  });
});

describe('an insert', () => {
  const internal = { status: 500, reason: 'internalError' } as const;
  const denied = { status: 403, reason: 'accessDenied' } as const;

  it.each<
    [
      what: string,
      first: Trouble['fault'],
      then: Trouble['fault'] | undefined,
      cancels: number,
      billed: number,
    ]
  >([
    ['500, and the job runs, again and again', { ...internal, done: true }, undefined, 1, BILLED],
    ['500, and the job runs, then silence', { ...internal, done: true }, 'silence', 1, BILLED],
    ['500, and the job runs, then a refusal', { ...internal, done: true }, denied, 1, BILLED],
    ['500, and there is no job', internal, undefined, 1, 0],
    ['500, and there is no job, then a refusal', internal, denied, 1, 0],
    ['400', { status: 400, reason: 'invalid' }, undefined, 0, 0],
    ['403', denied, undefined, 0, 0],
    ['429 again and again', { status: 429, reason: 'rateLimitExceeded' }, undefined, 0, 0],
  ])(
    'that fails by %s leaves no job running and no bill unknown',
    async (_, first, then, cancels, billed) => {
      const trouble = [
        { on: 'insert', times: then === undefined ? 100 : 1, fault: first },
        { on: 'insert', fault: then ?? first },
      ] as const;
      const queryTimeoutSeconds = then === 'silence' ? 2 : 60;
      const bigQuery = await source({ trouble }, { queryTimeoutSeconds });
      await expect(bigQuery.read(QUESTION)).rejects.toMatchObject({ cost: { bytesBilled: billed } });
      expect(server.callsOf('cancel')).toHaveLength(cancels);
      expect([...server.jobs.values()].map(({ cancelled }) => cancelled)).toEqual(billed > 0 ? [true] : []);
      expect(server.bytesBilled).toBe(billed);
    },
  );
});

describe('an answer that makes no sense', () => {
  type Body = Record<string, unknown>;
  const value = (v: unknown) => (body: Body) => {
    const [first, ...others] = body['rows'] as { f: { v: unknown }[] }[];
    const cells = first?.f.slice(0, -1) ?? [];
    return { ...body, rows: [{ f: [...cells, { v }] }, ...others] };
  };
  const odd = { f: [1, 2, 3, 4, 5, 6] };
  const answers: [string, (body: Body) => unknown, RegExp][] = [
    ['no jobComplete', ({ jobComplete: _, ...rest }) => rest, /does not say whether the job is done/],
    ['no schema', ({ schema: _, ...rest }) => rest, /its columns are not named/],
    ['no number of its rows', (body) => ({ ...body, totalRows: undefined }), /it does not say how many rows/],
    [
      'a number of rows that is none',
      (body) => ({ ...body, totalRows: 'x' }),
      /it does not say how many rows/,
    ],
    ['rows that are no list', (body) => ({ ...body, rows: 'none' }), /its rows are no list/],
    ['a row without values', (body) => ({ ...body, rows: [{}] }), /a row has 0 values instead of 6/],
    ['missing rows', (body) => ({ ...body, rows: [] }), /0 rows came instead of 3/],
    ['a value that is none', (body) => ({ ...body, rows: Array(3).fill(odd) }), /column day holds nothing/],
    ['a count past 2^53', value('9007199254740993'), /holds "9007199254740993" instead of a count/],
  ];

  it.each(answers)('%s is an error and no number', async (_, change, text) => {
    const bigQuery = await withTrouble({
      on: 'results',
      fault: { change: change as (body: Body) => unknown },
    });
    const error = await failure(bigQuery.read(QUESTION));
    expect(error.message).toMatch(/^unexpected answer: /);
    expect(error.message).toMatch(text);
    expect(error.affectsAll).toBe(false);
  });

  const bills: [string, (body: Body) => Body, Partial<QueryCost>][] = [
    ['no statistics', ({ statistics: _, ...rest }) => rest, { bytesProcessed: 0, bytesBilled: 0 }],
    [
      'no bill',
      (body) => ({ ...body, statistics: { query: { totalBytesProcessed: '1' } } }),
      { bytesBilled: 10 * MIB },
    ],
    [
      'a cached answer',
      (body) => ({ ...body, statistics: { query: { totalBytesProcessed: '9', cacheHit: true } } }),
      { bytesBilled: 0, cacheHit: true },
    ],
    [
      'a bill that is no number',
      (body) => ({
        ...body,
        statistics: { query: { totalBytesProcessed: '20971521', totalBytesBilled: 'lots' } },
      }),
      { bytesBilled: 21 * MIB },
    ],
  ];
  it.each(bills)('statistics with %s are made the best of', async (_, change, cost) => {
    const bigQuery = await withTrouble({ on: 'job', fault: { change: (body) => change(body as Body) } });
    expect((await bigQuery.read(QUESTION)).cost).toMatchObject(cost);
  });
});

describe('the time limit', () => {
  it('cancels a job that never finishes, and says what to do', async () => {
    const trouble: Trouble[] = [{ on: 'insert', fault: { looks: 1e9 } }];
    const bigQuery = await source({ trouble });
    const error = await pastLimit(() => bigQuery.read(QUESTION), 'results');
    expect(error.message).toMatch(
      /^BigQuery: the query took longer than 5 seconds and was cancelled; raise bigquery.query_timeout_seconds \[job/,
    );
    expect(server.callsOf('cancel')).toHaveLength(1);
    expect([...server.jobs.values()][0]?.cancelled).toBe(true);
  });

  it('ends the waiting for a server that never answers, and even for the cancelling', async () => {
    const trouble: Trouble[] = [
      { on: 'results', fault: 'silence' },
      { on: 'cancel', fault: 'reset' },
    ];
    const bigQuery = await source({ trouble });
    const error = await pastLimit(() => bigQuery.read(QUESTION), 'results');
    expect(error.message).toMatch(/^BigQuery: the query took longer .* \[job /);
  });

  it('holds for a dry run too', async () => {
    const trouble: Trouble[] = [{ on: 'dryRun', fault: 'silence' }];
    const bigQuery = await source({ trouble });
    const error = await pastLimit(() => bigQuery.estimate(QUESTION), 'dryRun');
    expect(error.message).toMatch(/^BigQuery: the service did not answer within the time limit/);
    expect(server.callsOf('cancel')).toHaveLength(0);
  });
});

describe('a signal', () => {
  it('cancels the running job and is thrown on', async () => {
    const bigQuery = await withTrouble({ on: 'insert', fault: { looks: 1e9 } });
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('the operator wants to go home')), 100);
    const error = await failure(bigQuery.read(QUESTION, stop.signal));
    expect(error.message).toBe('the operator wants to go home');
    expect([...server.jobs.values()].map(({ cancelled }) => cancelled)).toEqual([true]);
  });

  it('ends the waiting between two tries', async () => {
    const bigQuery = await withTrouble({ on: 'insert', fault: 'lost' });
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('enough')), 50);
    expect((await failure(bigQuery.read(QUESTION, stop.signal))).message).toBe('enough');
    expect([...server.jobs.values()].every(({ cancelled }) => cancelled)).toBe(true);
  });

  it('that was given before keeps anything from being asked', async () => {
    const bigQuery = await source();
    const error = await failure(bigQuery.read(QUESTION, AbortSignal.abort(new Error('too late'))));
    expect(error.message).toBe('too late');
    expect(server.calls).toHaveLength(0);
  });
});

describe('an estimate', () => {
  it('is the upper bound of a dry run, which is no job', async () => {
    const bigQuery = await source();
    expect(await bigQuery.estimate(QUESTION)).toBe(300_000_000);
    expect(server.calls.map(({ kind }) => kind)).toEqual(['dryRun']);
    expect(server.jobs.size).toBe(0);
  });

  it('outlives a fault that passes, and reports one that does not', async () => {
    const bigQuery = await withTrouble(
      { on: 'dryRun', times: 1, fault: { status: 503 } },
      { on: 'dryRun', times: 1, fault: { change: () => ({ statistics: {} }) } },
      { on: 'dryRun', fault: { status: 403, reason: 'accessDenied' } },
    );
    expect((await failure(bigQuery.estimate(QUESTION))).message).toMatch(
      /the dry run does not tell its bytes/,
    );
    const denied = await failure(bigQuery.estimate(QUESTION));
    expect(denied.message).toMatch(/^BigQuery: permission denied/);
    expect(denied.message).not.toContain('[job');
  });
});

describe('the rows of days', () => {
  it('are the rows of each day of the whole table', async () => {
    const bigQuery = await source();
    expect(await bigQuery.days(SPAN)).toEqual({
      kind: 'known',
      rows: new Map([
        ['2026-04-01', 12],
        ['2026-04-02', 111],
      ]),
      cost: { bytesProcessed: 10 * MIB, bytesBilled: 10 * MIB, cacheHit: false },
    });
    const { configuration } = bodyOf('insert') as { configuration: { query: Record<string, unknown> } };
    expect(configuration.query['query']).toContain(
      'FROM `bigquery-public-data.pypi.INFORMATION_SCHEMA.PARTITIONS`',
    );
    expect(configuration.query['queryParameters']).toEqual([
      { name: 'table', parameterType: { type: 'STRING' }, parameterValue: { value: 'file_downloads' } },
      { name: 'start', parameterType: { type: 'STRING' }, parameterValue: { value: '20260401' } },
      { name: 'end', parameterType: { type: 'STRING' }, parameterValue: { value: '20260403' } },
      { name: 'limit', parameterType: { type: 'INT64' }, parameterValue: { value: '3' } },
    ]);
  });

  type Partitions = [string | null, string | null][];

  it.each<[string, Partitions, string]>([
    ['no partitions', [[null, '17']], 'the table is not partitioned'],
    ['partitions by hour', [['2026040100', '17']], 'the table is not partitioned by day'],
    ['partitions by month', [['202604', '17']], 'the table is not partitioned by day'],
    ['no row ever, as of a view', [], 'it has no row for the table, which must be a view'],
  ])('cannot be told of a table with %s', async (_, list, text) => {
    const bigQuery = await source({ partitions: list });
    const answer = await bigQuery.days(SPAN);
    expect(answer).toMatchObject({ kind: 'unsupported', reason: `INFORMATION_SCHEMA.PARTITIONS: ${text}` });
    expect(answer).not.toHaveProperty('refused');
    // It was answered, and so billed.
    expect(answer.cost?.bytesBilled).toBe(server.bytesBilled);
  });

  it.each<[string, Partitions, RegExp]>([
    [
      'a day twice',
      [
        ['20260401', '1'],
        ['20260401', '2'],
      ],
      /partition_id holds "20260401"/,
    ],
    ['a count that is none', [['20260401', '-5']], /total_rows holds "-5"/],
  ])('are a failure of an answer with %s', async (_, list, says) => {
    const error = await failure((await source({ partitions: list })).days(SPAN));
    expect(error).toMatchObject({ code: 'unexpected-answer', message: expect.stringMatching(says) });
  });

  it('are none of a table that is far behind', async () => {
    const bigQuery = await source();
    const answer = await bigQuery.days({ start: '2026-10-01', end: '2026-10-03' });
    expect(answer).toMatchObject({ kind: 'known', rows: new Map() });
    expect(answer.cost?.bytesBilled).toBe(server.bytesBilled);
  });

  it('leave out a day that has a partition and no rows', async () => {
    const bigQuery = await source({
      partitions: [
        ['20260401', '0'],
        ['20260402', '3'],
      ],
    });
    expect(await bigQuery.days(SPAN)).toMatchObject({ rows: new Map([['2026-04-02', 3]]) });
  });

  it('are a failure of a table that does not exist', async () => {
    const bigQuery = await source({
      partitions: [],
      trouble: [{ on: 'dryRun', times: 1, fault: { status: 404, reason: 'notFound' } }],
    });
    const error = await failure(bigQuery.days(SPAN));
    expect(error.message).toMatch(/^BigQuery: not found; check bigquery.table/);
    expect(error.cost?.bytesBilled).toBe(server.bytesBilled);
  });

  it('cannot be told to an account that may not ask', async () => {
    const bigQuery = await withTrouble({
      on: 'insert',
      revisions: true,
      fault: { status: 403, reason: 'accessDenied' },
    });
    expect(await bigQuery.days(SPAN)).toMatchObject({
      kind: 'unsupported',
      refused: true,
      reason: expect.stringContaining('the server says accessDenied'),
    });
  });

  it.each<[string, Trouble['fault'], string]>([
    ['notFound', { status: 404, reason: 'notFound' }, 'not-found'],
    ['invalidQuery', { status: 400, reason: 'invalidQuery' }, 'query-invalid'],
    ['jobInternalError', { status: 400, reason: 'jobInternalError' }, 'source-failed'],
    ['a job that fails', { jobFails: { reason: 'jobInternalError', message: 'no' } }, 'job-failed'],
  ])('are a failure where the view is answered with %s', async (_, fault, code) => {
    const bigQuery = await withTrouble({ on: 'insert', revisions: true, fault });
    expect(await failure(bigQuery.days(SPAN))).toMatchObject({ code });
  });

  it('are a failure where nothing else can be asked either', async () => {
    const bigQuery = await withTrouble({ on: 'insert', fault: { status: 401, reason: 'authError' } });
    const error = await failure(bigQuery.days(SPAN));
    expect(error.message).toMatch(/^BigQuery: Google refused the credentials/);
  });
});

it('knows its project and how far the clock is off, however long the server was silent since', async () => {
  const clock = { now: new Date('2026-04-25T04:12:30Z') };
  const bigQuery = await source({ date: new Date('2026-04-25T04:12:00Z') }, {}, '', () => clock.now);
  expect(bigQuery.project).toBe('my-project');
  expect(bigQuery.clockSkewMs?.()).toBeUndefined();
  await bigQuery.estimate(QUESTION);
  clock.now = new Date('2026-04-25T04:20:00Z');
  expect(bigQuery.clockSkewMs?.()).toBe(30_000);
  await bigQuery.close();
});

it('refuses an emulator address that is none', async () => {
  server = await BigQueryServer.start();
  const error = await failure(
    openBigQuery(CONFIG, { env: { BIGQUERY_EMULATOR_HOST: 'http://[' }, now: () => new Date() }),
  );
  expect(error.message).toBe('BIGQUERY_EMULATOR_HOST: http://[ is no address; write it as localhost:9050');
});
