import { describe, expect, it, onTestFinished } from 'vitest';
import { PATIENCE, readPyPiStats } from '../../src/sources/pypistats.ts';
import {
  type StatsFault,
  type StatsOptions,
  type StatsRow,
  startPyPiStats,
} from '../support/pypistats-server.ts';

const first = { project: 'demo', day: '2026-04-01' };
const second = { ...first, day: '2026-04-02' };
const ROWS: StatsRow[] = [
  { ...first, installer: 'pip', system: 'Linux', downloads: 9 },
  { ...first, installer: 'uv', system: 'Darwin', downloads: 5 },
  { ...first, installer: 'bandersnatch', downloads: 1_000 },
  { ...first, installer: 'devpi', system: 'Linux', downloads: 20 },
  { ...first, installer: 'Nexus', downloads: 300 },
  { ...first, installer: 'requests', system: 'FreeBSD', downloads: 61 },
  { ...second, installer: null, downloads: 70 },
  { ...second, installer: 'Browser', system: 'Windows', downloads: 2 },
];

async function open(options: StatsOptions = {}, changes: Partial<typeof PATIENCE> = {}) {
  const server = await startPyPiStats({ rows: ROWS, ...options });
  onTestFinished(() => server.close());
  const patience = { ...PATIENCE, backoffMs: 1, longestPauseMs: 1_500, ...changes };
  const world = { env: { PYPISTATS_URL: server.url }, now: () => new Date(0), product: 'pypi-badges/1.2.3' };
  const read = (name: string, signal?: AbortSignal) => readPyPiStats(name, world, signal, patience);
  return { server, stats: { read } };
}

const outcome = (work: Promise<unknown>) => work.catch((reason: unknown) => reason);

describe('read', () => {
  it('has what pypistats.org has, in two requests with our own name', async () => {
    const { stats, server } = await open();
    const days = await stats.read('demo');
    expect(Object.fromEntries(days ?? [])).toEqual({
      '2026-04-01': { with_mirrors: 1_395, without_mirrors: 375, Linux: 9, Darwin: 5, Windows: 0 },
      '2026-04-02': { with_mirrors: 72, without_mirrors: 2, Linux: 0, Darwin: 0, Windows: 2 },
    });
    const paths = ['overall', 'system'].map((kind) => `/api/packages/demo/${kind}`);
    expect(server.requests).toEqual(paths.map((path) => ({ path, agent: 'pypi-badges/1.2.3' })));
  });

  it('leaves out a system that we do not tell', async () => {
    const data = [null, 'Haiku'].map((category) => ({ date: '2026-04-01', category, downloads: 1 }));
    const rename: StatsFault = { change: (body) => ({ ...body, data }) };
    const { stats } = await open({ faults: [undefined, rename] });
    const day = (await stats.read('demo'))?.get('2026-04-01');
    expect(day).toMatchObject({ Linux: 0, Darwin: 0, Windows: 0 });
  });

  it.each<[string, StatsFault]>([
    ['429', { status: 429 }],
    ['503', { status: 503, body: '503 TEMPORARILY DISABLED' }],
    ['a reset', 'reset'],
    ['a cut answer', 'cut'],
  ])('waits out %s', async (_, fault) => {
    const { stats, server } = await open({ faults: [fault, undefined, fault] });
    expect((await stats.read('demo'))?.size).toBe(2);
    expect(server.requests).toHaveLength(4);
  });

  const wrong = (change: object): StatsFault => ({ change: (body) => ({ ...body, ...change }) });
  const odd = (change: object) =>
    wrong({ data: [{ date: '2026-04-01', category: 'with_mirrors', downloads: 1, ...change }] });
  const long = { status: 429, headers: { 'retry-after': '60' } };
  it.each<[string, StatsFault, string, RegExp, number]>([
    ['429 for longer than is worth the wait', long, 'rate-limited', /30 requests a minute/, 1],
    ['429 again and again', { status: 429 }, 'rate-limited', /30 requests a minute/, 4],
    ['resets', 'reset', 'connection-broken', /broke again and again; check the network/, 4],
    ['403', { status: 403 }, 'not-the-source', /HTTP status 403/, 1],
    ["a proxy's 404", { status: 404, body: '<html>not here</html>' }, 'not-the-source', /HTTP status 404/, 1],
    ['a page', { status: 200, body: '<html>Log in</html>' }, 'not-the-source', /a page instead of JSON/, 1],
    ['another package', wrong({ package: 'numpy' }), 'unexpected-answer', /at package/, 1],
    ['another type', wrong({ type: 'recent_downloads' }), 'unexpected-answer', /at type/, 1],
    ['no list', wrong({ data: {} }), 'unexpected-answer', /at data/, 1],
    ['another category', odd({ category: 'all' }), 'unexpected-answer', /data\.0\.category/, 1],
    ['no day', odd({ date: '2026-02-30' }), 'unexpected-answer', /data\.0\.date/, 1],
    ['half a download', odd({ downloads: 0.5 }), 'unexpected-answer', /data\.0\.downloads/, 1],
  ])('tells %s', async (_, fault, code, says, requests) => {
    const { stats, server } = await open({ fault: () => fault });
    const error = { name: 'SourceError', code, message: expect.stringMatching(says) };
    await expect(stats.read('demo')).rejects.toMatchObject(error);
    expect(server.requests).toHaveLength(requests);
  });

  it('does not wait for ever, and ends when told to', async () => {
    const silent = await open({ fault: () => 'silence' }, { limitMs: 200 });
    expect(await outcome(silent.stats.read('demo'))).toMatchObject({ code: 'no-answer' });
    const { stats } = await open({ fault: () => 'silence' });
    const stop = new AbortController();
    const reason = new Error('interrupted');
    const reading = outcome(stats.read('demo', stop.signal));
    setTimeout(() => stop.abort(reason), 50);
    expect(await reading).toBe(reason);
    expect(await outcome(stats.read('demo', stop.signal))).toBe(reason);
  });
});
