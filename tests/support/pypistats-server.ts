import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listen } from './listen.ts';
import { type Change, type Instead, type Interruption, JSON_TYPE, misbehave, sumsBy } from './stand-in.ts';

/*
 * pypistats.org's JSON API on loopback, with its limits. Written from its public source
 * (https://github.com/psf/pypistats.org, pypistats/views/api.py and error.py, run.py); shares nothing with src/.
 */

/** A download as BigQuery's table has it, many times over. */
export interface StatsRow {
  readonly project: string;
  /** YYYY-MM-DD */
  readonly day: string;
  readonly installer?: string | null;
  readonly system?: string | null;
  readonly downloads: number;
}

export type StatsFault = Interruption | Change<Record<string, unknown>> | Instead;

export interface StatsOptions {
  readonly rows?: readonly StatsRow[];
  /** The n-th request meets the n-th of them; undefined is none. */
  readonly faults?: readonly (StatsFault | undefined)[];
  readonly fault?: (path: string) => StatsFault | undefined;
}

/** What `installer NOT IN (...)` leaves: in SQL, NULL is never NOT IN a list. */
const MIRRORS: unknown[] = ['bandersnatch', 'z3c.pypimirror', 'Artifactory', 'devpi', null, undefined];
const SYSTEMS: unknown[] = ['Windows', 'Linux', 'Darwin'];

/** Sums by category and day, as the API orders them: by category, then by date. */
function series(rows: readonly StatsRow[], categoriesOf: (row: StatsRow) => readonly string[]) {
  const counted = rows.flatMap((row) => categoriesOf(row).map((category) => ({ ...row, category })));
  const sums = sumsBy(counted, ({ category, day }) => `${category} ${day}`);
  return sums.toSorted().map(([key, sum]) => {
    const [category, date] = key.split(' ');
    return { category, date, downloads: Number(sum) };
  });
}

const SERIES: Record<string, (row: StatsRow) => readonly string[]> = {
  overall: ({ installer }) => ['with_mirrors', ...(MIRRORS.includes(installer) ? [] : ['without_mirrors'])],
  system: ({ installer, system }) => {
    if (MIRRORS.includes(installer)) return [];
    return [SYSTEMS.includes(system) ? String(system) : system == null ? 'null' : 'other'];
  },
};

/** Starts the server on loopback. */
export async function startPyPiStats(options: StatsOptions = {}) {
  const { rows = [], faults = [] } = options;
  const requests: { path: string; agent: string | undefined }[] = [];

  function answer(path: string): { status: number; body: string } {
    const [, name = '', kind = ''] = /^\/api\/packages\/([^/]+)\/(overall|system)$/.exec(path) ?? [];
    const own = rows.filter(({ project }) => project === decodeURIComponent(name));
    const data = series(own, SERIES[kind] ?? (() => []));
    // `system` of an unknown package is an empty list; only `overall` says 404.
    if (kind === '' || (kind === 'overall' && data.length === 0)) return { status: 404, body: '404' };
    const body = { data, package: name, type: `${kind}_downloads` };
    return { status: 200, body: `${JSON.stringify(body)}\n` };
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const number = requests.push({ path, agent: request.headers['user-agent'] });
    const { status, body } = answer(path);
    const fault = faults[number - 1] ?? options.fault?.(path);
    if (fault !== undefined) return misbehave(fault, body, response);
    const type = status === 200 ? JSON_TYPE : { 'content-type': 'text/html; charset=utf-8' };
    response.writeHead(status, type).end(body);
  }

  const { port, close } = await listen(createServer((request, response) => void handle(request, response)));
  return { url: `http://127.0.0.1:${port}`, requests, close };
}
