import { z } from 'zod';
import { type Day, parseDay } from '../days/day.ts';
import { type Endpoint, fault } from '../errors/error.ts';
import { type DownloadRow, zeros } from '../metric/breakdown.ts';
import { isSystem, SYSTEMS } from '../metric/classes.ts';
import { jsonOf } from '../util.ts';
import { serverUrl } from './fields.ts';
import { codeOfStatus, openHttp, RETRY_POLICY, type RetryPolicy, retryAfter, withRetry } from './http.ts';
import type { World } from './source.ts';

/*
 * pypistats.org's figures of a package, which most public badges show. What they count is not written on the
 * site but in its code, https://github.com/psf/pypistats.org at 751726e (2025-08-26):
 *
 * - pypistats/tasks/pypi.py, get_query (lines 605 to 691), from BigQuery's table, once for each day:
 *   - a row counts if `details.python` is NULL or begins like `3.12` (lines 620, 621); others are nowhere;
 *   - `with_mirrors` is all of these (line 654);
 *   - `without_mirrors`, `system` and the Python versions are those with `installer NOT IN (...)` (lines 633,
 *     646, 670, 686), and for SQL a NULL is never NOT IN a list: downloads by unknown clients are out, too;
 *   - the list (line 17) has bandersnatch, z3c.pypimirror, Artifactory and devpi. Nexus and pep381client stay in,
 *     as do browsers, scripts (requests and others) and CI runs;
 *   - nothing asks for the file's name: up to 2026-08-24, `.metadata` and the like are counted.
 * - pypistats/config.py, line 23: at 01:00 UTC for the day before, once. What PyPI fills in later is missed.
 * - lines 118 and 417: packages with names of more than 128 characters are left out.
 * - line 26: days are kept for 180 days.
 * - pypistats/run.py, line 24: 5 requests a second and 30 a minute for each address.
 * - pypistats/views/api.py: an unknown package is 404 for `overall` (line 84); for `system`, whose list is
 *   never None (line 119), it is 200 and an empty list.
 * - pypistats/views/error.py: 429 is a link, 404 and 500 are their numbers as text. There is no Retry-After.
 */

const MIRRORS: ReadonlySet<string> = new Set(['bandersnatch', 'z3c.pypimirror', 'Artifactory', 'devpi']);

/**
 * Downloads of some days, as pypistats.org counts them: all rows; those without the mirrors that it knows and without
 * clients that give no name; and the latter by system.
 */
export const STATS = ['with_mirrors', 'without_mirrors', ...SYSTEMS] as const;
type Stat = (typeof STATS)[number];
export type StatsCount = Record<Stat, number>;

const isStat = (category: unknown): category is Stat => STATS.some((stat) => stat === category);

/** Whether pypistats.org has a row of ours in `without_mirrors`. */
export function isWithoutMirrors({ installer }: Pick<DownloadRow, 'installer'>): boolean {
  return installer !== null && installer !== '' && !MIRRORS.has(installer);
}

/**
 * What pypistats.org would make of rows of ours: where its figures still differ, one of the two lacks
 * a day, or the row has a Python version that pypistats.org does not read.
 */
export function countAsPyPiStats(
  rows: Iterable<Pick<DownloadRow, 'installer' | 'system' | 'downloads'>>,
): StatsCount {
  const count = zeros(STATS);
  for (const { installer, system, downloads } of rows) {
    count.with_mirrors += downloads;
    if (!isWithoutMirrors({ installer })) continue;
    count.without_mirrors += downloads;
    if (isSystem(system)) count[system] += downloads;
  }
  return count;
}

const PYPISTATS: Endpoint = { step: 'pypistats', who: 'pypistats.org' };

/** How long to wait for an answer, in milliseconds, and how it is tried again: somebody waits for it. */
export const PATIENCE: RetryPolicy & { readonly limitMs: number } = {
  ...RETRY_POLICY,
  limitMs: 20_000,
  longestPauseMs: 60_000,
  retries: 3,
};

/** The two answers that are asked for, by the categories of their rows. */
const CATEGORIES = {
  overall: z.enum(['with_mirrors', 'without_mirrors']),
  system: z.string().nullable(),
};

/** Another site at this address stays one. */
const another = (what: string) => fault('not-the-source', what, PYPISTATS, { passes: false });

/** @throws SourceError if the answer is another one. */
function parseAnswer(kind: keyof typeof CATEGORIES, name: string, body: string) {
  const value = jsonOf(body);
  if (value === undefined) {
    throw /^\s*\{/.test(body)
      ? fault('connection-broken', 'it was cut short', PYPISTATS)
      : another('a page instead of JSON');
  }
  const date = z.string().refine((text) => parseDay(text) !== undefined);
  const rows = z.array(z.object({ date, category: CATEGORIES[kind], downloads: z.int().min(0) }));
  const shape = z.object({ package: z.literal(name), type: z.literal(`${kind}_downloads`), data: rows });
  const { data, error } = shape.safeParse(value);
  if (data !== undefined) return data.data;
  throw fault('unexpected-answer', `${kind}, at ${error.issues[0]?.path.join('.')}`, PYPISTATS);
}

/**
 * What pypistats.org, or what PYPISTATS_URL in the environment names in its place, has of a package, at most 180 days:
 * days without a download are absent.
 *
 * @param name Normalized.
 * @returns Undefined if it knows no such package.
 * @throws UsageError if PYPISTATS_URL is no address, SourceError when there is no complete answer, and the signal's
 * reason once it is given.
 */
export async function readPyPiStats(
  name: string,
  world: World,
  signal = new AbortController().signal,
  patience = PATIENCE,
): Promise<ReadonlyMap<Day, StatsCount> | undefined> {
  const base = serverUrl(world.env, 'PYPISTATS_URL', 'https://pypistats.org');
  const http = openHttp(world);

  async function once(kind: keyof typeof CATEGORIES) {
    const url = `${base}/api/packages/${encodeURIComponent(name)}/${kind}`;
    const headers = { accept: 'application/json' };
    const limit = AbortSignal.any([signal, AbortSignal.timeout(patience.limitMs)]);
    const answer = await http.send({ method: 'GET', url, headers }, PYPISTATS, limit);
    const { status, body } = answer;
    // An unknown package is a 404 of pypistats.org's own, whose body is the number; a proxy's is a page.
    if (status === 404 && body.trim() === '404') return undefined;
    if (status === 200) return parseAnswer(kind, name, body);
    const code = codeOfStatus(status);
    const [says, retryAfterMs] = [`HTTP status ${status}`, retryAfter(answer.headers)];
    throw code === undefined ? another(says) : fault(code, says, PYPISTATS, { retryAfterMs });
  }

  try {
    const overall = await withRetry(() => once('overall'), patience, signal);
    if (overall === undefined) return undefined;
    const system = await withRetry(() => once('system'), patience, signal);
    const days = new Map<Day, StatsCount>();
    for (const { date, category, downloads } of [...overall, ...(system ?? [])]) {
      if (!isStat(category)) continue;
      const day = days.get(date) ?? zeros(STATS);
      day[category] += downloads;
      days.set(date, day);
    }
    return days;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    http.close();
  }
}
