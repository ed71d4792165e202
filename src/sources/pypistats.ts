import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import pRetry from 'p-retry';
import { z } from 'zod';
import { type Day, parseDay } from '../days/day.ts';
import { codeOf, type ErrorCode } from '../errors/codes.ts';
import { UsageError } from '../errors/error.ts';
import { plainUrl, retryAfter } from './http.ts';
import type { PivotRow } from './query.ts';
import { SourceError } from './source.ts';

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
export interface Patience {
  readonly limitMs: number;
  /** Between two packages, which are two requests each: 30 requests a minute. */
  readonly gapMs: number;
  /** Before the first retry, at least; doubled before each further one. */
  readonly backoffMs: number;
  /** Longest Retry-After that is waited out. */
  readonly longestPauseMs: number;
}

const PATIENCE: Patience = { limitMs: 20_000, gapMs: 4_000, backoffMs: 2_000, longestPauseMs: 60_000 };

const RETRIES = 3;

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

/** A request that failed, and whether the same may well work a little later. */
class PyPiStatsFault extends Error {
  override name = 'PyPiStatsFault';
  readonly code: ErrorCode;
  readonly passes: boolean;
  readonly pauseMs: number;

  constructor(code: ErrorCode, message: string, { passes = false, pauseMs = 0 } = {}) {
    super(message);
    this.code = code;
    this.passes = passes;
    this.pauseMs = pauseMs;
  }
}

function faultOfStatus(status: number, pauseMs: number): PyPiStatsFault {
  if (status === 429) {
    const text =
      'pypistats.org allows 30 requests a minute for each address, and others may share yours; run again in a few minutes';
    return new PyPiStatsFault('rate-limited', text, { passes: true, pauseMs });
  }
  if (status >= 500 || status === 408) {
    const text = `pypistats.org is in trouble (HTTP status ${status}); run again later`;
    return new PyPiStatsFault('unavailable', text, { passes: true, pauseMs });
  }
  return new PyPiStatsFault(
    'not-the-source',
    `something that is not pypistats.org answered (HTTP status ${status}); check PYPISTATS_URL and any proxy`,
  );
}

/** What fetch threw: its own words are "fetch failed", the cause has the code. */
function faultOfNetwork(error: unknown): unknown {
  const { cause, code } = error as { cause?: { code?: unknown }; code?: unknown };
  const name = String(cause?.code ?? code ?? '');
  if (error instanceof PyPiStatsFault || name === '') return error;
  switch (codeOf({ step: 'pypistats', code: name, message: '' })) {
    case 'unreachable':
      return new PyPiStatsFault(
        'unreachable',
        `pypistats.org cannot be reached; check the network and DNS (${name})`,
        { passes: true },
      );
    case 'clock':
    case 'certificate':
      return new PyPiStatsFault(
        'certificate',
        `the TLS certificate of pypistats.org is not trusted; check the clock, and NODE_EXTRA_CA_CERTS (${name})`,
      );
    default:
      return new PyPiStatsFault(
        'connection-broken',
        `the connection to pypistats.org broke; check the network (${name})`,
        { passes: true },
      );
  }
}

/**
 * Opens pypistats.org's API, or what PYPISTATS_URL in the environment names in its place.
 *
 * @param product How the program introduces itself, such as `pypi-badges/1.0.0 (+https://example.com)`.
 * @throws UsageError if PYPISTATS_URL is no address.
 */
export function openPyPiStats(
  env: Readonly<Record<string, string | undefined>>,
  product: string,
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
  const inTurn = pLimit(1);
  let gap: Promise<unknown> = Promise.resolve();

  async function send(path: string, signal: AbortSignal): Promise<string | undefined> {
    const headers = { 'user-agent': product, accept: 'application/json' };
    const response = await fetch(`${base}${path}`, { headers, signal });
    const body = await response.text();
    // An unknown package is a 404 of pypistats.org's own, whose body is the number; a proxy's is a page.
    if (response.status === 404 && body.trim() === '404') return undefined;
    const pauseMs = (retryAfter((name) => response.headers.get(name)) ?? 0) * 1000;
    if (!response.ok) throw faultOfStatus(response.status, pauseMs);
    return body;
  }

  async function once<K extends keyof typeof ANSWERS>(
    kind: K,
    name: string,
    signal: AbortSignal | undefined,
  ) {
    const deadline = AbortSignal.timeout(patience.limitMs);
    const either = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
    try {
      const body = await send(`/api/packages/${encodeURIComponent(name)}/${kind}`, either);
      return body === undefined ? undefined : accept(kind, name, body);
    } catch (error) {
      signal?.throwIfAborted();
      if (!deadline.aborted) throw faultOfNetwork(error);
      const seconds = patience.limitMs / 1000;
      throw new PyPiStatsFault(
        'timeout',
        `pypistats.org did not answer within ${seconds} seconds; run again later`,
      );
    }
  }

  async function ask<K extends keyof typeof ANSWERS>(kind: K, name: string, signal: AbortSignal | undefined) {
    const isWorthIt = (error: unknown) =>
      error instanceof PyPiStatsFault && error.passes && error.pauseMs <= patience.longestPauseMs;
    try {
      return await pRetry(() => once(kind, name, signal), {
        retries: RETRIES,
        minTimeout: patience.backoffMs,
        randomize: true,
        ...(signal === undefined ? {} : { signal }),
        shouldRetry: ({ error }) => isWorthIt(error),
        onFailedAttempt: async ({ error, retriesLeft }) => {
          if (retriesLeft === 0 || !isWorthIt(error) || !(error instanceof PyPiStatsFault)) return;
          await sleep(error.pauseMs, undefined, signal === undefined ? {} : { signal });
        },
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof PyPiStatsFault) throw new SourceError(error.code, error.message);
      throw error;
    }
  }

  return {
    read: (name, signal) =>
      inTurn(async () => {
        signal?.throwIfAborted();
        await gap;
        signal?.throwIfAborted();
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

/** @throws PyPiStatsFault if the answer is another one. */
function accept<K extends keyof typeof ANSWERS>(
  kind: K,
  name: string,
  body: string,
): z.infer<(typeof ANSWERS)[K]> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    const cut = /^\s*\{/.test(body);
    throw cut
      ? new PyPiStatsFault('connection-broken', "pypistats.org's answer was cut short; run again", {
          passes: true,
        })
      : new PyPiStatsFault(
          'not-the-source',
          'something that is not pypistats.org answered (a page instead of JSON); check PYPISTATS_URL and any proxy',
        );
  }
  const { data, error } = ANSWERS[kind].safeParse(value);
  if (data?.package === name) return data as z.infer<(typeof ANSWERS)[K]>;
  const where = error?.issues[0]?.path.join('.') || 'package';
  throw new PyPiStatsFault(
    'unexpected-answer',
    `pypistats.org's answer about ${kind} has another shape than it used to (at ${where}); please report this`,
  );
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
