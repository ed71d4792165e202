import { readFileSync } from 'node:fs';
import pLimit from 'p-limit';

import type { Day, Span } from '../../days/day.ts';
import { UsageError } from '../../errors/error.ts';
import type { Env } from '../../util.ts';
import { plainUrl } from '../fields.ts';
import {
  clockFault,
  type HttpRequest,
  openHttp,
  RETRY_POLICY,
  type RetryPolicy,
  withRetry,
} from '../http.ts';
import { traitsOf } from '../index.ts';
import { checkRows, count, dayReader, type RawRow, unexpected } from '../rows.ts';
import {
  type DaysAnswer,
  Fault,
  NO_COST,
  type Source,
  SourceError,
  sourceErrorOf,
  type World,
} from '../source.ts';
import type { Question } from '../sql.ts';
import { readAnswer, SERVER } from './answer.ts';
import { type ClickHouseConfig, isPublicClickHouse } from './index.ts';
import { type Ask, readInParts } from './parts.ts';
import {
  daysStatement,
  pivotStatement,
  ROW_LIMIT,
  referenceStatement,
  SETTINGS,
  type Statement,
} from './sql.ts';

/**
 * Where ClickHouse is asked: CLICKHOUSE_URL in the environment, or what the configuration says.
 *
 * @throws UsageError if it is no plain http:// or https:// address. It is not repeated: a password may be in it.
 */
function serverUrl(config: ClickHouseConfig, env: Env): URL {
  const fromEnv = env['CLICKHOUSE_URL'];
  const url = plainUrl(fromEnv || config.url);
  if (url !== undefined) return url;
  throw new UsageError(
    `${fromEnv ? 'CLICKHOUSE_URL' : 'clickhouse.url'}: expected an http:// or https:// address without user, password or query; set clickhouse.user and clickhouse.password_file in tracked.yaml instead`,
    'configuration',
  );
}

/**
 * The password in a file; empty if there is no file.
 *
 * @throws SourceError if the file cannot be read, or holds anything but one line.
 */
function readPassword(file: string | undefined): string {
  if (file === undefined) return '';
  const refuse = (what: string) =>
    new SourceError('credentials-unreadable', `clickhouse.password_file: ${file} ${what}`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw refuse(
      `cannot be read (${(error as NodeJS.ErrnoException).code}); check the path and its permissions`,
    );
  }
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw refuse('is empty; write the password into it');
  if (/[\r\n\0]/.test(password))
    throw refuse('holds more than one line; write nothing but the password into it');
  return password;
}

/** A header's value in UTF-8, as ClickHouse reads it; HTTP itself would have it in Latin-1. */
const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

function parameter(value: string | number | readonly string[]): string {
  if (!Array.isArray(value)) return String(value);
  return `[${value.map((each: string) => `'${each.replaceAll(/['\\]/g, '\\$&')}'`).join(',')}]`;
}

/** One statement as a request: text in the body, parameters and settings in the address. */
function requestOf(
  url: URL,
  { sql, parameters }: Statement,
  headers: Readonly<Record<string, string>>,
): HttpRequest {
  const named = Object.entries(parameters).map(([name, value]) => [`param_${name}`, parameter(value)]);
  const address = url.href.replace(/\/+$/, '');
  return {
    method: 'POST',
    url: address,
    params: { ...SETTINGS, ...Object.fromEntries(named) },
    headers,
    data: sql,
  };
}

/** On top of the query's time limit, so that the server's own words on it can arrive. */
const GRACE_MS = 5_000;

/** @throws SourceError if a day is none of the span, or there twice. */
function readDays(rows: readonly RawRow[], span: Span): Map<Day, number> {
  const dayOf = dayReader(span);
  const days = new Map<Day, number>();
  for (const row of rows) {
    const day = dayOf(row);
    if (days.has(day)) throw unexpected('day', day, 'each day once');
    days.set(day, count(row, 'row_count'));
  }
  return days;
}

/**
 * ClickHouse's copy of PyPI's download log: by default the public one, which is somebody's gift. So there
 * is one query at a time, however many callers there are, and a pause is as long as the server asks for.
 *
 * @throws SourceError if the password cannot be read; UsageError if the address is none.
 */
export async function openClickHouse(
  config: ClickHouseConfig,
  { env, now, product = 'pypi-badges', retries }: World,
  policy: RetryPolicy & { readonly graceMs?: number } = RETRY_POLICY,
): Promise<Source> {
  const url = serverUrl(config, env);
  const password = readPassword(config.passwordFile);
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    'user-agent': product,
    'x-clickhouse-user': utf8(config.user),
    ...(password !== '' && { 'x-clickhouse-key': utf8(password) }),
  };
  const isPublic = isPublicClickHouse(config, env);
  const http = openHttp(env, now);
  const inTurn = pLimit(1);
  const context = { secrets: [password] };
  const limitMs = config.queryTimeoutSeconds * 1000;

  const often: RetryPolicy = retries === undefined ? policy : { ...policy, retries };

  async function once(statement: Statement, signal: AbortSignal): Promise<RawRow[]> {
    const deadline = AbortSignal.timeout(limitMs + (policy.graceMs ?? GRACE_MS));
    const either = AbortSignal.any([signal, deadline]);
    try {
      const answer = await http.send(requestOf(url, statement, headers), SERVER, either);
      const clock = clockFault(http.clockSkewMs(), now(), { whose: "the server's" });
      if (clock !== undefined) throw clock;
      return readAnswer(answer, statement.columns, isPublic);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Fault) || error.code !== 'no-answer' || error.endpoint !== SERVER) throw error;
      throw new Fault('timeout', `no whole answer after ${Math.round(limitMs / 1000)} seconds`, SERVER);
    }
  }

  /** @throws Fault, SourceError if the clock is wrong, or the signal's reason. */
  function ask(
    statement: Statement,
    signal = new AbortController().signal,
    how: RetryPolicy = often,
  ): Promise<RawRow[]> {
    return inTurn(async () => {
      try {
        signal.throwIfAborted();
        return await withRetry(() => once(statement, signal), how, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      }
    });
  }

  async function askPart(
    question: Question,
    how: Parameters<Ask>[1],
    signal: AbortSignal | undefined,
  ): ReturnType<Ask> {
    try {
      const statement = pivotStatement(config.table, question);
      const rows = await ask(statement, signal, how === 'once' ? { ...policy, retries: 0 } : often);
      return checkRows(question, rows, ROW_LIMIT);
    } catch (error) {
      // A smaller question may have a whole answer.
      if (error instanceof SourceError && error.code === 'truncated') return error;
      if (!(error instanceof Fault)) throw error;
      const failed = sourceErrorOf(error, context);
      // The server's own time limit, and not ours, for which it would have to be asked again and again.
      if (error.code === 'too-large' || (error.code === 'timeout' && error.details.spoken)) return failed;
      throw failed;
    }
  }

  async function days(span: Span, signal?: AbortSignal): Promise<DaysAnswer> {
    const untold = (text: string): DaysAnswer => ({
      kind: 'unsupported',
      reason: `pypi_downloads_per_day: ${text}`,
    });
    try {
      const rows = readDays(await ask(daysStatement(config.table, span), signal), span);
      if (rows.size > 0) return { kind: 'known', rows, cost: NO_COST };
      // Far behind, or a copy of other packages alone?
      const [known = {}] = await ask(referenceStatement(config.table), signal);
      if (count(known, 'row_count') > 0) return { kind: 'known', rows, cost: NO_COST };
      return untold('it knows none of the packages by which days are told');
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const failed = sourceErrorOf(error, context);
      // A copy of one's own may have the downloads and no table of days.
      if (error.code === 'not-found' && error.details.reason === '60') return untold(failed.message);
      throw failed;
    }
  }

  return {
    traits: traitsOf(config, env),
    hasFileNames: true,
    clockSkewMs: http.clockSkewMs,
    read: async (question, signal) => ({
      ...(await readInParts(question, (part, how) => askPart(part, how, signal))),
      cost: NO_COST,
    }),
    estimate: async () => 0,
    days,
    close: async () => http.close(),
  };
}
