import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { z } from 'zod';
import { type Day, parseDay } from '../days/day.ts';
import { UsageError } from '../errors/error.ts';
import { type Endpoint, Fault, sourceErrorOf } from './fault.ts';
import {
  type HttpAnswer,
  type HttpRequest,
  mayPass,
  openHttp,
  plainUrl,
  RETRY_POLICY,
  type RetryPolicy,
  retryAfter,
  withRetry,
} from './http.ts';
import type { World } from './open.ts';
import type { PivotRow } from './query.ts';

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

/** Mirrors that pypistats.org knows. */
export const KNOWN_MIRRORS: ReadonlySet<string> = new Set([
  'bandersnatch',
  'z3c.pypimirror',
  'Artifactory',
  'devpi',
]);

/** Systems by pypistats.org's names. `null` is none named, `other` any further. */
const SYSTEMS = ['Windows', 'Linux', 'Darwin', 'other', 'null'] as const;
export type PyPiStatsSystem = (typeof SYSTEMS)[number];

/** Downloads of a day, as pypistats.org counts them. */
export interface PyPiStatsDay {
  /** All rows. */
  readonly withMirrors: number;
  /** Without known mirrors, and without clients that nobody knows. */
  readonly withoutMirrors: number;
  /** `withoutMirrors` by system. */
  readonly systems: Readonly<Record<PyPiStatsSystem, number>>;
}

export interface PyPiStats {
  /**
   * What pypistats.org has of a package, at most 180 days: days without a download are absent.
   *
   * @param name Normalized.
   * @returns Undefined if it knows no such package.
   * @throws SourceError when there is no complete answer, and the signal's reason once it is given.
   */
  read(name: string, signal?: AbortSignal): Promise<ReadonlyMap<Day, PyPiStatsDay> | undefined>;
}

/** How long to wait for what. All in milliseconds. */
export interface Patience extends RetryPolicy {
  readonly limitMs: number;
  /** Between two packages, which are two requests each: 30 requests a minute. */
  readonly gapMs: number;
}

const PATIENCE: Patience = {
  ...RETRY_POLICY,
  limitMs: 20_000,
  gapMs: 4_000,
  longestPauseMs: 60_000,
  retries: 3,
};

const PYPISTATS: Endpoint = { step: 'pypistats', who: 'pypistats.org' };

const ADDRESS = 'https://pypistats.org';

const row = z.object({
  date: z.string().refine((text) => parseDay(text) !== undefined),
  category: z.string().nullable(),
  downloads: z.int().min(0),
});

/** The two answers that are asked for. */
const ANSWERS = {
  overall: z.object({
    package: z.string(),
    type: z.literal('overall_downloads'),
    data: z.array(row.extend({ category: z.enum(['with_mirrors', 'without_mirrors']) })),
  }),
  system: z.object({ package: z.string(), type: z.literal('system_downloads'), data: z.array(row) }),
};

function statusFault({ status, headers }: HttpAnswer): Fault {
  const details = { status, retryAfterMs: retryAfter(headers) };
  const code =
    status === 429 ? 'rate-limited' : status === 408 || status >= 500 ? 'unavailable' : 'not-the-source';
  return new Fault(code, `HTTP status ${status}`, PYPISTATS, details);
}

/**
 * Opens pypistats.org's API, or what PYPISTATS_URL in the environment names in its place.
 *
 * @param product How the program introduces itself, such as `pypi-badges/1.0.0 (+https://example.com)`.
 * @throws UsageError if PYPISTATS_URL is no address.
 */
export function openPyPiStats(
  { env, now, product = 'pypi-badges' }: World,
  patience: Patience = PATIENCE,
): PyPiStats {
  const url = plainUrl(env['PYPISTATS_URL'] || ADDRESS);
  if (url === undefined) {
    throw new UsageError(
      'PYPISTATS_URL: expected an http:// or https:// address without user, password or query',
      'configuration',
    );
  }
  const base = url.href.replace(/\/+$/, '');
  const http = openHttp(env, now);
  const inTurn = pLimit(1);
  let gap: Promise<unknown> = Promise.resolve();

  async function once<K extends keyof typeof ANSWERS>(kind: K, name: string, signal: AbortSignal) {
    const deadline = AbortSignal.timeout(patience.limitMs);
    const request: HttpRequest = {
      method: 'GET',
      url: `${base}/api/packages/${encodeURIComponent(name)}/${kind}`,
      headers: { 'user-agent': product, accept: 'application/json' },
    };
    const answer = await http.send(request, PYPISTATS, AbortSignal.any([signal, deadline]));
    // An unknown package is a 404 of pypistats.org's own, whose body is the number; a proxy's is a page.
    if (answer.status === 404 && answer.body.trim() === '404') return undefined;
    if (answer.status !== 200) throw statusFault(answer);
    return accept(kind, name, answer.body);
  }

  async function ask<K extends keyof typeof ANSWERS>(kind: K, name: string, signal: AbortSignal) {
    try {
      // Somebody waits for the answer, and another site at this address stays one.
      const isWorthIt = (error: unknown) => mayPass(error) && error.code !== 'not-the-source';
      return await withRetry(() => once(kind, name, signal), patience, signal, isWorthIt);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof Fault ? sourceErrorOf(error) : error;
    }
  }

  return {
    read: (name, signal = new AbortController().signal) =>
      inTurn(async () => {
        signal.throwIfAborted();
        await gap;
        signal.throwIfAborted();
        try {
          const overall = await ask('overall', name, signal);
          if (overall === undefined) return undefined;
          const system = await ask('system', name, signal);
          return byDay(overall.data, system?.data ?? []);
        } finally {
          gap = sleep(patience.gapMs, undefined, { ref: false });
        }
      }),
  };
}

/** @throws Fault if the answer is another one. */
function accept<K extends keyof typeof ANSWERS>(
  kind: K,
  name: string,
  body: string,
): z.infer<(typeof ANSWERS)[K]> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    const code = /^\s*\{/.test(body) ? 'connection-broken' : 'not-the-source';
    throw new Fault(
      code,
      code === 'not-the-source' ? 'a page instead of JSON' : 'it was cut short',
      PYPISTATS,
    );
  }
  const { data, error } = ANSWERS[kind].safeParse(value);
  if (data?.package === name) return data as z.infer<(typeof ANSWERS)[K]>;
  const where = error?.issues[0]?.path.join('.') || 'package';
  throw new Fault('unexpected-answer', `${kind}, at ${where}`, PYPISTATS);
}

type Row = z.infer<typeof row>;

const NO_SYSTEMS: Record<PyPiStatsSystem, number> = { Windows: 0, Linux: 0, Darwin: 0, other: 0, null: 0 };

function byDay(overall: readonly Row[], system: readonly Row[]): Map<Day, PyPiStatsDay> {
  const days = new Map<
    Day,
    { withMirrors: number; withoutMirrors: number; systems: Record<PyPiStatsSystem, number> }
  >();
  const dayOf = (day: Day) => {
    const found = days.get(day) ?? { withMirrors: 0, withoutMirrors: 0, systems: { ...NO_SYSTEMS } };
    days.set(day, found);
    return found;
  };
  for (const { date, category, downloads } of overall) {
    dayOf(date)[category === 'with_mirrors' ? 'withMirrors' : 'withoutMirrors'] += downloads;
  }
  for (const { date, category, downloads } of system) {
    const name = SYSTEMS.find((known) => known === (category ?? 'null')) ?? 'other';
    dayOf(date).systems[name] += downloads;
  }
  return days;
}

/** Our rows hold '' or null where no system was named. */
function systemOf(name: string | null): PyPiStatsSystem {
  return name === null || name === '' ? 'null' : (SYSTEMS.find((known) => known === name) ?? 'other');
}

/**
 * What pypistats.org would make of rows of ours: where its figures still differ, one of the two lacks
 * a day, or the row has a Python version that pypistats.org does not read.
 */
export function countAsPyPiStats(
  rows: Iterable<Pick<PivotRow, 'installer' | 'system' | 'downloads'>>,
): PyPiStatsDay {
  let withMirrors = 0;
  let withoutMirrors = 0;
  const systems = { ...NO_SYSTEMS };
  for (const { installer, system, downloads } of rows) {
    withMirrors += downloads;
    if (installer === null || installer === '' || KNOWN_MIRRORS.has(installer)) continue;
    withoutMirrors += downloads;
    systems[systemOf(system)] += downloads;
  }
  return { withMirrors, withoutMirrors, systems };
}
