import pLimit from 'p-limit';

import type { Day, Span } from '../../days/day.ts';
import { type Endpoint, fault, SourceError } from '../../errors/error.ts';
import { plural } from '../../format.ts';
import { NO_COST } from '../../util.ts';
import { addFacetAnswers, checkFacets, type FacetAnswer, type FacetQuestion, NO_ANSWER } from '../facets.ts';
import { readSecret, serverUrl } from '../fields.ts';
import { openHttp, RETRY_POLICY, type RetryPolicy, withRetry } from '../http.ts';
import { PUBLIC_SOURCE, traitsOf } from '../index.ts';
import { checkDays, checkRows, count, type RawRow } from '../rows.ts';
import type { Answer, DaysAnswer, Source, World } from '../source.ts';
import type { PivotRow, Question } from '../sql.ts';
import { readAnswer } from './answer.ts';
import type { ClickHouseConfig } from './index.ts';
import { namesInParts, readInParts } from './parts.ts';
import {
  daysStatement,
  facetRows,
  facetStatement,
  pivotStatement,
  ROW_LIMIT,
  referenceStatement,
  SETTINGS,
  type Statement,
} from './sql.ts';

/** What to do instead of writing them into the address. */
const ADVICE = '; set clickhouse.user and clickhouse.password_file in tracked.yaml instead';

/**
 * The password in a file; empty if there is no file.
 *
 * @throws SourceError if the file cannot be read, or holds anything but one line.
 */
function readPassword(file: string | undefined): string {
  if (file === undefined) return '';
  const field = 'clickhouse.password_file:';
  const password = readSecret(field, file).replace(/\r?\n$/, '');
  const wrong = (what: string) => new SourceError('credentials-unreadable', `${field} ${file} ${what}`);
  if (password === '') throw wrong('is empty; write the password into it');
  if (/[\r\n\0]/.test(password))
    throw wrong('holds more than one line; write nothing but the password into it');
  return password;
}

/** A header's value in UTF-8, as ClickHouse reads it; HTTP itself would have it in Latin-1. */
const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

function parameter(value: string | number | readonly string[]): string {
  if (!Array.isArray(value)) return String(value);
  return `[${value.map((each: string) => `'${each.replaceAll(/['\\]/g, '\\$&')}'`).join(',')}]`;
}

/** On top of the query's time limit, so that the server's own words on it can arrive. */
const GRACE_MS = 5_000;

/**
 * ClickHouse's copy of PyPI's download log: by default the public one, which is somebody's gift. So there
 * is one query at a time, however many callers there are, and a pause is as long as the server asks for.
 *
 * @throws SourceError if the password cannot be read; UsageError if the address is none.
 */
export async function openClickHouse(
  config: ClickHouseConfig,
  world: World,
  policy: RetryPolicy & { readonly graceMs?: number } = RETRY_POLICY,
): Promise<Source> {
  const { env, isWaitedFor } = world;
  const url = serverUrl(env, 'CLICKHOUSE_URL', config.url, ADVICE);
  const password = readPassword(config.passwordFile);
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    'x-clickhouse-user': utf8(config.user),
    ...(password !== '' && { 'x-clickhouse-key': utf8(password) }),
  };
  const server: Endpoint = { step: 'clickhouse', who: 'ClickHouse', secrets: [password] };
  const traits = traitsOf(config, env);
  // ClickHouse's own copy has every table of ClickPy.
  const isPublic = traits.id === traitsOf(PUBLIC_SOURCE, {}).id;
  const http = openHttp(world, { whose: "the server's" });
  const inTurn = pLimit(1);

  /** One request: the text in the body, parameters and settings in the address. */
  async function once({ sql, parameters }: Statement, signal: AbortSignal): Promise<RawRow[]> {
    const deadline = AbortSignal.timeout(1000 * config.queryTimeoutSeconds + (policy.graceMs ?? GRACE_MS));
    const named = Object.entries(parameters).map(([name, value]) => [`param_${name}`, parameter(value)]);
    const params = { ...SETTINGS, ...Object.fromEntries(named) };
    const request = { method: 'POST', url, params, headers, data: sql } as const;
    try {
      const answer = await http.send(request, server, AbortSignal.any([signal, deadline]));
      return readAnswer(answer, server, isPublic);
    } catch (error) {
      const isSlow =
        error instanceof SourceError && error.code === 'no-answer' && error.details.step === 'clickhouse';
      throw isSlow
        ? fault('timeout', `no whole answer after ${plural(config.queryTimeoutSeconds, 'second')}`, server)
        : error;
    }
  }

  /** @throws SourceError, or the signal's reason. */
  function ask(statement: Statement, signal = new AbortController().signal, retries = isWaitedFor && 1) {
    return inTurn(async () => {
      try {
        return await withRetry(() => once(statement, signal), { ...policy, retries }, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      }
    });
  }

  async function read(question: Question, signal?: AbortSignal): Promise<Answer> {
    const rows = new Map(question.packages.map((name): [string, PivotRow[]] => [name, []]));
    const unknownDays = new Map<string, Set<Day>>();
    const askRows = async (part: Question, tries?: number) =>
      checkRows(part, await ask(pivotStatement(config.table, part), signal, tries), ROW_LIMIT);
    const { answers, failures } = await readInParts(question, askRows);
    for (const answer of answers) {
      for (const [name, more] of answer.rows) rows.get(name)?.push(...more);
      for (const [name, more] of answer.unknownDays) {
        unknownDays.set(name, new Set([...(unknownDays.get(name) ?? []), ...more]));
      }
    }
    for (const name of failures.keys()) rows.delete(name);
    return { rows, unknownDays, failures, cost: NO_COST };
  }

  /** Facets add up over days and over versions, of which an address holds a part. */
  async function facets(question: FacetQuestion, signal?: AbortSignal): Promise<FacetAnswer> {
    let sum = NO_ANSWER;
    for (const versions of question.versions ? namesInParts(question.versions) : [undefined]) {
      const askFacets = async (part: Question, tries?: number) => {
        const statement = facetStatement(config.table, { ...part, versions });
        return checkFacets(part, facetRows(await ask(statement, signal, tries)));
      };
      const { answers, failures } = await readInParts(question, askFacets);
      sum = [...answers, { ...NO_ANSWER, failures }].reduce(addFacetAnswers, sum);
    }
    return sum;
  }

  async function days(span: Span, signal?: AbortSignal): Promise<DaysAnswer> {
    const untold = (text: string) =>
      ({ kind: 'unsupported', reason: `pypi_downloads_per_day: ${text}`, cost: NO_COST }) as const;
    try {
      const rows = checkDays(span, await ask(daysStatement(config.table, span), signal));
      if (rows.size > 0) return { kind: 'known', rows, cost: NO_COST };
      // Far behind, or a copy of other packages alone?
      const [known = {}] = await ask(referenceStatement(config.table), signal);
      if (count(known, 'row_count') > 0) return { kind: 'known', rows, cost: NO_COST };
      return untold('it knows none of the packages by which days are told');
    } catch (error) {
      // A copy of one's own may have the downloads and no table of days.
      if (error instanceof SourceError && error.code === 'not-found' && error.details.variant === 'table')
        return untold(error.message);
      throw error;
    }
  }

  return {
    traits,
    hasFileNames: true,
    clockSkewMs: http.clockSkewMs,
    read,
    estimate: async () => 0,
    facets,
    days,
    close: async () => http.close(),
  };
}
