import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listen } from './listen.ts';

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

export type StatsFault =
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  | { readonly change: (body: Record<string, unknown>) => unknown }
  | 'reset'
  | 'cut'
  | 'silence';

export interface StatsOptions {
  readonly rows?: readonly StatsRow[];
  /** The n-th request meets the n-th of them; undefined is none. */
  readonly faults?: readonly (StatsFault | undefined)[];
  readonly fault?: (path: string) => StatsFault | undefined;
}

export interface StatsRequest {
  readonly path: string;
  readonly agent: string | undefined;
}

/** What `installer NOT IN (...)` leaves: in SQL, NULL is never NOT IN a list. */
const MIRRORS: unknown[] = ['bandersnatch', 'z3c.pypimirror', 'Artifactory', 'devpi', null, undefined];
const SYSTEMS: unknown[] = ['Windows', 'Linux', 'Darwin'];

/** Sums by category and day, as the API orders them: by category, then by date. */
function series(rows: readonly StatsRow[], categoriesOf: (row: StatsRow) => readonly string[]) {
  const sums = new Map<string, number>();
  for (const row of rows) {
    for (const key of categoriesOf(row).map((category) => `${category} ${row.day}`)) {
      sums.set(key, (sums.get(key) ?? 0) + row.downloads);
    }
  }
  return [...sums].toSorted().map(([key, downloads]) => {
    const [category, date] = key.split(' ');
    return { category, date, downloads };
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
  const requests: StatsRequest[] = [];

  function answer(path: string): { status: number; body: string } {
    const [, name = '', kind = ''] = /^\/api\/packages\/([^/]+)\/(overall|system)$/.exec(path) ?? [];
    const own = rows.filter(({ project }) => project === decodeURIComponent(name));
    const data = series(own, SERIES[kind] ?? (() => []));
    // `system` of an unknown package is an empty list; only `overall` says 404.
    if (kind === '' || (kind === 'overall' && data.length === 0)) return { status: 404, body: '404' };
    const body = { data, package: name, type: `${kind}_downloads` };
    return { status: 200, body: `${JSON.stringify(body)}\n` };
  }

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const number = requests.push({ path, agent: request.headers['user-agent'] });
    const json = { 'content-type': 'application/json' };
    const html = { 'content-type': 'text/html; charset=utf-8' };
    const { status, body } = answer(path);
    const fault = faults[number - 1] ?? options.fault?.(path);
    if (fault === 'silence') return;
    if (fault === 'reset') request.socket.destroy();
    else if (fault === 'cut') response.writeHead(200, json).end(body.slice(0, body.length / 2));
    else if (fault === undefined) response.writeHead(status, status === 200 ? json : html).end(body);
    else if ('change' in fault)
      response.writeHead(200, json).end(JSON.stringify(fault.change(JSON.parse(body))));
    else
      response.writeHead(fault.status, { ...html, ...fault.headers }).end(fault.body ?? String(fault.status));
  }

  const { port, close } = await listen(createServer(handle));
  return { url: `http://127.0.0.1:${port}`, requests, close };
}
