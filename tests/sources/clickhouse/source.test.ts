import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Span, spanDays } from '../../../src/days/day.ts';
import type { ClickHouseConfig } from '../../../src/sources/clickhouse/index.ts';
import { openClickHouse } from '../../../src/sources/clickhouse/source.ts';
import { PUBLIC_SOURCE } from '../../../src/sources/index.ts';
import type { NonEmpty } from '../../../src/util.ts';
import {
  type Call,
  type Fault,
  type Options,
  type ServerRow,
  startClickHouse,
} from '../../support/clickhouse-server.ts';
import { folderOf, tempFolder } from '../../support/temp-folder.ts';

const APRIL: Span = { start: '2026-04-01', end: '2026-05-01' };
const ROWS: ServerRow[] = [
  { project: 'demo', day: '2026-04-01', installer: 'pip', system: 'Linux', downloads: 3 },
  { project: 'demo', day: '2026-04-02', ci: 'true', installer: 'uv', downloads: 4 },
];
const DEMO = [
  { day: '2026-04-01', ci: false, installer: 'pip', system: 'Linux', sidecar: false, downloads: 3 },
  { day: '2026-04-02', ci: true, installer: 'uv', system: null, sidecar: false, downloads: 4 },
];

const NOW = new Date('2026-04-25T04:00:00Z');
const now = () => NOW;
const USUAL = { kind: 'clickhouse', user: 'demo', table: 'pypi.pypi', queryTimeoutSeconds: 20 } as const;

/** A server, and a source that asks it and waits hardly at all. */
async function open(options: Options = {}, changes: Partial<ClickHouseConfig> = {}) {
  const server = await startClickHouse({ rows: ROWS, ...options });
  onTestFinished(() => server.close());
  const config: ClickHouseConfig = { ...USUAL, url: server.url, ...changes };
  const policy = { graceMs: 0, backoffMs: 1, longestPauseMs: 1_500 };
  const source = await openClickHouse(config, { env: {}, now, product: 'pypi-badges/1.2.3' }, policy);
  onTestFinished(() => source.close());
  const read = (packages: NonEmpty<string> = ['demo'], span = APRIL, signal?: AbortSignal) =>
    source.read({ packages, span }, signal);
  return { server, source, read, config };
}

const row = (project: string, date: string, downloads: number, more: Partial<ServerRow> = {}): ServerRow => ({
  ...{ project, day: `2026-04-${date}`, downloads },
  ...more,
});

/** What a question ends with, as far as programs see it. */
async function outcome(work: Promise<unknown>) {
  const error = await work.catch((reason: unknown) => reason);
  return error as { code: string; message: string; affectsAll: boolean } | undefined;
}

/** The right answer, with other rows, or with another column in the place of `day`. */
const withRows = (rowsOf: (data: unknown[][]) => unknown[][]): Fault => ({
  change: ({ meta, data }) => ({ meta, data: rowsOf(data), rows: rowsOf(data).length }),
});
const ofNumpy = withRows((data) => data.map((cells) => cells.with(0, 'numpy')));
const withDay = (name: string, type: string): Fault => ({
  change: (answer) => ({ ...answer, meta: answer.meta.with(1, { name, type }) }),
});

const PAGE = '<html><head><title>Log in to the Wi-Fi</title></head></html>';

describe('what may pass', () => {
  it.each<[string, Fault]>([
    ['429', { status: 429 }],
    ['a reset', 'reset'],
    ['an answer that breaks off', 'broken'],
    ['an answer that is cut short', 'cut'],
    ['an empty answer', { status: 200, body: '' }],
    ['fewer rows than told', { change: (answer) => ({ ...answer, data: answer.data.slice(1) }) }],
    ['a passing exception halfway', { midway: 210, as: 'text' }],
    ['an exception without a number', { change: (answer) => ({ ...answer, exception: 'no memory' }) }],
  ])('is waited out: %s', async (_, fault) => {
    const { read, server } = await open({ faults: [fault, fault] });
    const { rows, failures } = await read();
    expect(failures.size).toBe(0);
    expect(rows.get('demo')).toEqual(DEMO);
    expect(server.calls).toHaveLength(3);
  });
});

describe('what does not pass', () => {
  it.each<[string, Fault, string, RegExp, number]>([
    ['429 again and again', { status: 429 }, 'rate-limited', /a pause.*429 with text\/html, 6 times\)$/, 6],
    ['a cut answer', 'cut', 'connection-broken', /the answer ends after \d+ characters, 6 times/, 6],
    ['a page', { status: 200, body: PAGE }, 'not-the-source', /200 with text\/html, titled Log in to the/, 6],
    ['other JSON', { status: 200, body: '{"a": 1}' }, 'not-the-source', /answered 200/, 6],
    ['no grant', { exception: 497 }, 'sign-in-refused', /grant it SELECT/, 1],
    ['no table', { exception: 60, status: 404 }, 'not-found', /clickhouse\.table/, 1],
    ['no column', { exception: 47, status: 404 }, 'unexpected-answer', /lacks a column/, 1],
    ['settings that it refuses', { exception: 164 }, 'query-invalid', /readonly = 2/, 1],
    ['an exception of 200', { exception: 62, status: 200 }, 'query-invalid', /it went wrong\./, 1],
    ['an exception halfway', { midway: 62, as: 'text' }, 'query-invalid', /wrong halfway/, 1],
    ['a tagged exception halfway', { midway: 62, as: 'tagged' }, 'query-invalid', /wrong halfway/, 1],
    ['an exception in JSON', { midway: 62, as: 'json' }, 'query-invalid', /wrong halfway/, 1],
    ['days that are instants', withDay('day', 'DateTime'), 'unexpected-answer', /for it.*is DateTime/, 1],
    ['another column', withDay('date', 'Date'), 'unexpected-answer', /column day holds nothing/, 1],
    ['a package that nobody asked for', ofNumpy, 'unexpected-answer', /column project holds "numpy"/, 1],
  ])('is told: %s', async (_, fault, code, says, questions) => {
    const { read, server } = await open({ fault: () => fault });
    expect(await outcome(read())).toMatchObject({ code, message: expect.stringMatching(says) });
    expect(server.calls).toHaveLength(questions);
  });

  it('taints one package with a row that makes no sense', async () => {
    const change = withRows((data) => data.with(0, (data[0] ?? []).with(1, '2026-05-01')));
    const { read } = await open({ rows: [...ROWS, row('other', '01', 5)], fault: () => change });
    const { rows, failures } = await read(['demo', 'other']);
    expect([...rows.keys()]).toEqual(['other']);
    const message = expect.stringContaining('column day holds "2026-05-01"');
    expect([...failures]).toMatchObject([['demo', { message }]]);
  });

  it('is a day of a package whose flag is not known, however the question is cut', async () => {
    const flags = { '01': 'unknown', '02': 'false', '03': 'unknown' } as const;
    const demo = Object.entries(flags).map(([day, ci]) => row('demo', day, 60, { ci }));
    for (const maxRowsToRead of [1_000, 60]) {
      const { read } = await open({ rows: [...demo, row('other', '01', 60)], maxRowsToRead });
      const { rows, unknownDays, failures } = await read(['demo', 'other']);
      expect([...failures]).toEqual([]);
      expect([...unknownDays]).toEqual([['demo', new Set(['2026-04-01', '2026-04-03'])]]);
      expect(rows.get('demo')).toMatchObject([{ day: '2026-04-02', downloads: 60 }]);
      expect(rows.get('other')).toMatchObject([{ day: '2026-04-01', downloads: 60 }]);
    }
  });

  it('keeps what was read whole before the server broke down, and asks no more', async () => {
    const { read, server } = await open({ faults: [{ exception: 158 }, undefined, { exception: 201 }] });
    const { rows, failures } = await read(['a', 'b', 'c', 'd']);
    expect([...rows.keys()]).toEqual(['a', 'b']);
    expect([...failures.keys()]).toEqual(['c', 'd']);
    expect(server.calls).toHaveLength(3);
  });

  describe('by a fault that may pass', () => {
    const NAMES = Array.from({ length: 12 }, (_, index) => `p-${String(index).padStart(2, '0')}`);
    const readWith = async (fault: Options['fault'] & {}, count = 12) => {
      const { read, server } = await open({ rows: NAMES.map((name) => row(name, '01', 1)), fault });
      const [first = '', ...rest] = NAMES.slice(0, count);
      return { reading: read([first, ...rest], { start: '2026-04-01', end: '2026-04-02' }), server };
    };
    const readAll = async (...poisoned: readonly string[]) => {
      const { reading, server } = await readWith(({ projects }) =>
        projects.some((name) => poisoned.includes(name)) ? { exception: 745, status: 503 } : undefined,
      );
      return { ...(await reading), server };
    };

    it.each(['p-00', 'p-05', 'p-11'])('holds nobody up: %s', async (name) => {
      const { rows: found, failures, server } = await readAll(name);
      expect([...found.keys()]).toEqual(NAMES.filter((each) => each !== name));
      expect([...found.values()].map((list) => list.length)).toEqual(Array(11).fill(1));
      expect([...failures]).toMatchObject([[name, { code: 'unavailable', affectsAll: false }]]);
      // The whole with its retries, and each half once.
      expect(server.calls.length).toBeLessThanOrEqual(6 + 2 * 4);
    });

    it('ends the reading where both halves fail, and keeps what was read whole', async () => {
      const { rows: found, failures, server } = await readAll('p-00', 'p-03');
      expect([...found.keys()]).toEqual(NAMES.slice(6));
      expect([...failures.keys()]).toEqual(NAMES.slice(0, 6));
      for (const error of failures.values()) expect(error).toMatchObject({ affectsAll: true });
      // The whole, its halves, and the halves of the one that failed.
      expect(server.calls).toHaveLength(6 + 2 + 2);
    });

    it.each<[string, (projects: number) => number, number, number, boolean]>([
      ['at once where nobody can be read', () => 745, 12, 6 + 2, true],
      ['with the second package alone', (projects) => (projects > 1 ? 158 : 745), 3, 2 + 2 * 6, true],
      ['as the failure of a package that is alone', () => 745, 1, 6, false],
    ])('ends the reading %s', async (_, exceptionFor, count, questions, affectsAll) => {
      const fault = ({ projects }: Call) => ({ exception: exceptionFor(projects.length) });
      const { reading, server } = await readWith(fault, count);
      expect(await outcome(reading)).toMatchObject({ code: 'unavailable', affectsAll });
      expect(server.calls).toHaveLength(questions);
    });
  });

  const atMinutes = (minutes: number) => open({ date: new Date(NOW.getTime() + minutes * 60_000) });

  it.each([
    ['five days behind', 5 * 1_440],
    ['five hours ahead of the server, on another day', -300],
  ])('ends everything where the clock is %s: %i minutes', async (_, minutes) => {
    const { read, source, server } = await atMinutes(minutes);
    const message = expect.stringMatching(/^clock: this machine's is 5 (days|hours) .* the server's; set/);
    expect(await outcome(read())).toMatchObject({ code: 'clock', affectsAll: true, message });
    expect(server.calls).toHaveLength(1);
    expect(await outcome(source.days(APRIL))).toMatchObject({ code: 'clock' });
  });

  it('knows how far the clock is off where that does no harm', async () => {
    const { read, source } = await atMinutes(-10);
    await read();
    expect(source.clockSkewMs?.()).toBe(600_000);
  });

  it('says so where a plain port is asked by https, and ClickHouse’s own port by http', async () => {
    const native = { status: 400, body: 'Port 9000 is for clickhouse-client program\r\n' };
    const { server, config, source } = await open({ fault: () => native });
    const url = server.url.replace('http:', 'https:');
    const secure = await openClickHouse({ ...config, url }, { env: {}, now });
    onTestFinished(() => secure.close());
    const said = await Promise.all([secure, source].map((each) => outcome(each.days(APRIL))));
    expect(said).toMatchObject([{ code: 'wrong-port' }, { code: 'wrong-port' }]);
    expect(said[0]?.message).toMatch(/does not speak TLS at this port; write http:\/\//);
    expect(said[1]?.message).toMatch(/^this port is for ClickHouse's own client; .* clickhouse\.url \(8123/);
    expect(server.calls).toHaveLength(1);
  });
});

describe('time', () => {
  it.each<Fault>(['silence', 'stalled', 'trickle'])('does not wait for ever: %s', async (fault) => {
    const { read, server } = await open({ fault: () => fault }, { queryTimeoutSeconds: 0.3 });
    const says = /^the server did not answer in time; .*clickhouse\.query_timeout_seconds/;
    expect(await outcome(read())).toMatchObject({ code: 'timeout', message: expect.stringMatching(says) });
    expect(server.calls).toHaveLength(1);
  });

  const pause = { status: 429, headers: { 'retry-after': '1' } };
  it.each<Fault>(['silence', 'stalled', 'trickle', pause])('ends when told to: %j', async (fault) => {
    const { read, server } = await open({ fault: () => fault });
    const stop = new AbortController();
    const reason = new Error('interrupted');
    const reading = outcome(read(['demo'], APRIL, stop.signal));
    await expect.poll(() => server.calls).toHaveLength(1);
    stop.abort(reason);
    expect(await reading).toBe(reason);
    await expect.poll(() => server.calls[0]?.until).toBeDefined();
    // Nor is anything asked from then on.
    expect(await outcome(read(['demo'], APRIL, stop.signal))).toBe(reason);
    expect(server.calls).toHaveLength(1);
  });

  it('asks one question at a time, whoever asks', async () => {
    const { read, source, server } = await open();
    await Promise.all([read(), read(), source.days(APRIL), read()]);
    const { calls } = server;
    expect(calls.length).toBeGreaterThan(3);
    for (const [index, { at }] of calls.entries()) {
      expect(calls[index - 1]?.until ?? 0).toBeLessThanOrEqual(at);
    }
  });
});

describe('questions', () => {
  /** Packages and spans that were asked for. */
  const shape = (calls: readonly Call[]) =>
    calls.map(({ projects, start, end }) => `${projects.join('+')} ${start?.slice(8)}-${end?.slice(8)}`);
  const WEEK: Span = { start: '2026-04-01', end: '2026-04-05' };
  const daily = (project: string, downloads: number) =>
    [1, 2, 3, 4].map((day) => row(project, `0${day}`, downloads));

  it.each([158, 159])('are halved when refused by %d: packages first, then days', async (exception) => {
    const fault = ({ projects, start = '', end = '' }: Call) =>
      projects.includes('rich') && spanDays({ start, end }) > 1 ? { exception } : undefined;
    const rows = [...daily('a', 1), ...daily('rich', 10), ...daily('c', 1)];
    const { read, server } = await open({ rows, fault });
    const { rows: found, failures } = await read(['a', 'rich', 'c'], WEEK);
    expect(failures.size).toBe(0);
    const sums = [...found].map(([name, list]) => [name, list.reduce((sum, row) => sum + row.downloads, 0)]);
    expect(Object.fromEntries(sums)).toEqual({ a: 4, rich: 40, c: 4 });
    const whole = ['a+rich+c 01-05', 'a+rich 01-05', 'a 01-05', 'rich 01-05'];
    const parts = ['01-03', '01-02', '02-03', '03-05', '03-04', '04-05'].map((days) => `rich ${days}`);
    expect(shape(server.calls)).toEqual([...whole, ...parts, 'c 01-05']);
  });

  it('that are refused down to a day are that package’s failure', async () => {
    const { read } = await open({ rows: [...daily('a', 1), row('rich', '02', 10)], maxRowsToRead: 5 });
    const { rows, failures } = await read(['a', 'rich'], WEEK);
    expect([...rows.keys()]).toEqual(['a']);
    expect([...failures]).toMatchObject([['rich', { code: 'too-large', affectsAll: false }]]);
  });

  it('end where a slow server has timed out on single days of three packages', async () => {
    const { read, server } = await open({ fault: () => ({ exception: 159 }) });
    const { rows, failures } = await read(['a', 'b', 'c', 'd', 'e', 'f'], WEEK);
    expect(rows.size).toBe(0);
    expect([...failures.values()].map(({ code }) => code)).toEqual(Array(6).fill('timeout'));
    const alone = shape(server.calls).filter((each) => each.endsWith(' 01-02'));
    expect(new Set(alone)).toEqual(new Set(['a 01-02', 'b 01-02', 'c 01-02']));
  });

  it('are halved when the answer of a server that does not fold fills its limit, and fail where that is one day', async () => {
    const tools = (project: string, day: string, count: number) =>
      Array.from({ length: count }, (_, index) => row(project, day, 1, { installer: `tool-${index}` }));
    const wide = [...tools('wide', '01', 6_000), ...tools('wide', '03', 6_000)];
    const { read } = await open({ rows: [...wide, ...tools('wider', '02', 9_999)], folds: false });
    const { rows, failures } = await read(['wide', 'wider'], WEEK);
    const days = ['2026-04-01', '2026-04-03'];
    const folded = days.map((day) => ({ day, installer: '(other)', downloads: 6_000 }));
    expect(rows.get('wide')).toMatchObject(folded);
    expect([...failures]).toMatchObject([['wider', { code: 'truncated' }]]);
  });

  it('hold no more packages than fit an address', async () => {
    const { read, server } = await open();
    const [first = '', ...rest] = Array.from({ length: 50 }, (_, index) => `${index}`.padStart(200, 'p'));
    await read([first, ...rest]);
    expect(server.calls.map(({ projects }) => projects.length)).toEqual([19, 19, 12]);
  });

  it('say what they must, who asks, and nothing else, and cost nothing', async () => {
    const { read, server, source } = await open({ password: 'x y' }, { passwordFile: passwordFile('x y\n') });
    expect((await read()).cost).toEqual({ bytesProcessed: 0, bytesBilled: 0, cacheHit: false });
    expect(await source.estimate({ packages: ['demo'], span: APRIL })).toBe(0);
    const modes = ['read', 'result', 'timeout', 'group_by'].map((what) => `${what}_overflow_mode`);
    const all = [...modes, 'read_overflow_mode_leaf'].map((mode) => [mode, 'throw']);
    const limits = { max_result_rows: '9999', wait_end_of_query: '1' };
    const settings = { ...Object.fromEntries(all), ...limits };
    const headers = expect.objectContaining({ 'user-agent': 'pypi-badges/1.2.3' });
    const sql = expect.not.stringMatching(/demo|2026/);
    expect(server.calls).toEqual([expect.objectContaining({ settings, headers, sql, path: '/' })]);
  });
});

describe('days', () => {
  const day = (number: number, downloads: number) =>
    ['boto3', 'numpy', 'idna'].map((project) => row(project, `0${number}`, downloads));

  it('are the sums of the reference packages: a half-filled one has fewer, a late one none', async () => {
    const { source } = await open({ rows: [...day(1, 100), ...day(2, 100), ...day(4, 3), ...ROWS] });
    const sums = { '2026-04-01': 300, '2026-04-02': 300, '2026-04-04': 9 };
    expect(await source.days(APRIL)).toMatchObject({ kind: 'known', rows: new Map(Object.entries(sums)) });
    const far = await source.days({ start: '2026-05-01', end: '2026-05-31' });
    expect(far).toMatchObject({ kind: 'known', rows: new Map() });
  });

  it.each<[string, Fault | undefined]>([
    ['it knows none of the reference packages', undefined],
    ['there is no such table', { exception: 60 }],
  ])('are untold where %s', async (_, fault) => {
    const { source } = await open({ fault: () => fault });
    const reason = expect.stringMatching(/^pypi_downloads_per_day: /);
    expect(await source.days(APRIL)).toMatchObject({ kind: 'unsupported', reason });
  });

  it.each<[string, Fault, string]>([
    ['refuses the user', { exception: 516 }, 'sign-in-refused'],
    ['is in trouble', { status: 503 }, 'unavailable'],
    ['has no such column', { exception: 47 }, 'unexpected-answer'],
    ['reads no more', { exception: 158 }, 'too-large'],
    ['does not know the database', { exception: 81 }, 'not-found'],
    ['tells a day that is none', withRows(() => [['2025-01-01', 3]]), 'unexpected-answer'],
    ['tells a day twice', withRows(() => Array(2).fill(['2026-04-01', 3])), 'unexpected-answer'],
  ])('throw where the server %s', async (_, fault, code) => {
    const { source } = await open({ fault: () => fault });
    expect(await outcome(source.days(APRIL))).toMatchObject({ code });
  });
});

const passwordFile = (text: string) => join(folderOf({ password: text }), 'password');

describe('opening', () => {
  it.each([
    ['is not there', () => join(tempFolder(), 'none'), /cannot be read \(ENOENT\)/],
    ['is empty', () => passwordFile('\n'), /is empty/],
    ['has two lines', () => passwordFile('hunter2\nhunter3\n'), /holds more than one line/],
    ['is a device', () => '/dev/zero', /zero: a device stands where a file should be; put/],
  ])('refuses a password file that %s', async (_, file, says) => {
    const error = await outcome(open({}, { passwordFile: file() }));
    expect(error).toMatchObject({ code: 'credentials-unreadable', affectsAll: true });
    expect(error?.message).toMatch(/^clickhouse\.password_file: \/((?!hunter).)*$/);
    expect(error?.message).toMatch(says);
  });

  it('keeps the password out of what the server says', async () => {
    const fault: Fault = { exception: 516, message: 'demo: password hunter2 is incorrect' };
    const password = { passwordFile: passwordFile('hunter2') };
    const { read } = await open({ password: 'hunter2', fault: () => fault }, password);
    const error = await outcome(read());
    expect(error?.message).toContain('password [removed] is incorrect');
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('hunter2');
  });

  const withQuery = 'http://127.0.0.1:1/?x=hunter2';
  it.each(['http://demo:hunter2@127.0.0.1:1', 'ftp://127.0.0.1', withQuery, 'x'])(
    'refuses %s without repeating it',
    async (url) => {
      const message = expect.stringMatching(/^CLICKHOUSE_URL: expected an http((?!hunter|127).)*$/);
      const opening = openClickHouse({ ...USUAL, url: '' }, { env: { CLICKHOUSE_URL: url }, now });
      await expect(opening).rejects.toMatchObject({ name: 'UsageError', message });
    },
  );

  it('asks where CLICKHOUSE_URL says, below a path if it has one', async () => {
    const { server, config } = await open();
    const env = { CLICKHOUSE_URL: `${server.url}/behind/a/proxy/` };
    const source = await openClickHouse({ ...config, url: 'http://127.0.0.1:1' }, { env, now });
    onTestFinished(() => source.close());
    expect(server.calls).toEqual([]);
    await source.read({ packages: ['demo'], span: APRIL });
    expect(server.calls.map(({ path }) => path)).toEqual(['/behind/a/proxy']);
    expect(source.traits).toMatchObject({ billed: false, keepsLedger: true, wholeLog: true });
    expect(source.traits.id).toBe(`clickhouse:${server.url}/behind/a/proxy:pypi.pypi`);
    expect(PUBLIC_SOURCE).toMatchObject({ url: 'https://sql-clickhouse.clickhouse.com', table: 'pypi.pypi' });
  });
});
