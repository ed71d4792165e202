import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import pRetry from 'p-retry';
import type { ClickHouseConfig } from '../../config/config.ts';
import type { Day, Span } from '../../days/day.ts';
import type { Env } from '../../env.ts';
import type { ErrorCode } from '../../errors/codes.ts';
import type { Question } from '../query.ts';
import { checkRows, count, dayReader, type RawRow, unexpected } from '../rows.ts';
import { type DaysAnswer, NO_COST, type Source, SourceError } from '../source.ts';
import { traitsOf } from '../traits.ts';
import { readAnswer } from './answer.ts';
import { type Connection, connect } from './connection.ts';
import { ClickHouseFault, isTooMuch, mayPass, sourceError } from './fault.ts';
import { type Reply, readInParts } from './parts.ts';
import { daysStatement, pivotStatement, ROW_LIMIT, referenceStatement, type Statement } from './query.ts';

/** How long to wait for what. All in milliseconds. */
export interface Patience {
  /** On top of the query's time limit, so that the server's own words on it can arrive. */
  readonly graceMs: number;
  /** Before the first retry, at least; doubled before each further one, and up to twice that at random. */
  readonly backoffMs: number;
  /** Longest Retry-After that is waited out. A server that asks for more is left alone. */
  readonly longestPauseMs: number;
}

const PATIENCE: Patience = { graceMs: 5_000, backoffMs: 1_000, longestPauseMs: 120_000 };

/** Retries of one question. */
const RETRIES = 4;

/** Puts one question at a time to the server, and again where a fault may pass. */
function createAsk(connection: Connection, limitMs: number, patience: Patience) {
  const inTurn = pLimit(1);

  async function once(statement: Statement, signal: AbortSignal | undefined): Promise<RawRow[]> {
    const deadline = AbortSignal.timeout(limitMs + patience.graceMs);
    const either = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
    try {
      return readAnswer(await connection.send(statement, either), statement.columns);
    } catch (error) {
      signal?.throwIfAborted();
      if (!deadline.aborted) throw error;
      const waited = Math.round(limitMs / 1000);
      throw new ClickHouseFault({ waited, message: `no whole answer after ${waited} seconds` });
    }
  }

  /** Whether it is worth to wait and try again; waits for as long as the server asks. */
  async function pause(error: unknown, signal: AbortSignal | undefined): Promise<void> {
    const wait = error instanceof ClickHouseFault ? (error.fault.retryAfter ?? 0) * 1000 : 0;
    if (wait > 0 && wait <= patience.longestPauseMs) await sleep(wait, undefined, signal ? { signal } : {});
  }

  function isWorthIt(error: unknown): boolean {
    if (!(error instanceof ClickHouseFault)) return false;
    const { fault } = error;
    return mayPass(fault) && (fault.retryAfter ?? 0) * 1000 <= patience.longestPauseMs;
  }

  /** @throws ClickHouseFault if the question is too much for the server, else SourceError, or the signal's reason. */
  return (statement: Statement, signal: AbortSignal | undefined): Promise<RawRow[]> =>
    inTurn(async () => {
      signal?.throwIfAborted();
      let tries = 0;
      try {
        return await pRetry(() => once(statement, signal), {
          retries: RETRIES,
          minTimeout: patience.backoffMs,
          randomize: true,
          ...(signal === undefined ? {} : { signal }),
          shouldRetry: ({ error }) => isWorthIt(error),
          onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
            tries = attemptNumber;
            if (retriesLeft > 0 && isWorthIt(error)) await pause(error, signal);
          },
        });
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof ClickHouseFault) || isTooMuch(error.fault)) throw error;
        throw sourceError(error.fault, { secret: connection.secret, tries });
      }
    });
}

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

/** What may well be a fault of the table of days alone. */
const UNTOLD: ReadonlySet<ErrorCode> = new Set(['not-found', 'unexpected-answer', 'query-invalid']);

/**
 * ClickHouse's copy of PyPI's download log: by default the public one, which is somebody's gift. So there
 * is one question at a time, however many callers there are, and a pause is as long as the server asks for.
 *
 * @param product How the program introduces itself, such as `pypi-badges/1.0.0 (+https://example.com)`.
 * @throws SourceError if the password cannot be read; UsageError if the address is none.
 */
export async function openClickHouse(
  config: ClickHouseConfig,
  env: Env,
  product: string,
  patience: Patience = PATIENCE,
): Promise<Source> {
  const limitMs = config.queryTimeoutSeconds * 1000;
  const connection = await connect(config, env, { product, idleMs: limitMs + patience.graceMs + 1_000 });
  const ask = createAsk(connection, limitMs, patience);

  async function askPart(question: Question, signal: AbortSignal | undefined): Promise<Reply> {
    try {
      const rows = await ask(pivotStatement(config.table, question), signal);
      return { kind: 'rows', ...checkRows(question, rows, ROW_LIMIT) };
    } catch (error) {
      // A smaller question may have a whole answer.
      if (error instanceof SourceError && error.code === 'truncated') return { kind: 'too-much', error };
      if (!(error instanceof ClickHouseFault)) throw error;
      return { kind: 'too-much', error: sourceError(error.fault, { secret: connection.secret, tries: 1 }) };
    }
  }

  async function days(span: Span, signal?: AbortSignal): Promise<DaysAnswer> {
    const untold = (text: string): DaysAnswer => ({
      kind: 'untold',
      reason: `pypi_downloads_per_day: ${text}`,
    });
    try {
      const answer = await ask(daysStatement(config.table, span), signal);
      const rows = readDays(answer, span);
      const told: DaysAnswer = { kind: 'told', rows, cost: NO_COST };
      if (rows.size > 0) return told;
      // Far behind, or a copy of other packages alone?
      const [known = {}] = await ask(referenceStatement(config.table), signal);
      const any = count(known, 'row_count') > 0;
      return any ? told : untold('it knows none of the packages by which days are told');
    } catch (error) {
      if (error instanceof ClickHouseFault) return untold('it is more than the server reads at once');
      // A copy of one's own may have the downloads but no table of days; asking for downloads will tell.
      if (error instanceof SourceError && UNTOLD.has(error.code)) return untold(error.message);
      throw error;
    }
  }

  return {
    traits: traitsOf(config, env),
    hasFileNames: true,
    read: async (question, signal) => ({
      ...(await readInParts(question, (part) => askPart(part, signal))),
      cost: NO_COST,
    }),
    estimate: async () => 0,
    days,
    close: () => connection.close(),
  };
}
