import {
  DuckDBInstance,
  DuckDBTimestampTZValue,
  type DuckDBType,
  type DuckDBValue,
  LIST,
  listValue,
  VARCHAR,
} from '@duckdb/node-api';
import { type Day, dayNumber, type Span, spanDays } from '../../src/days/day.ts';
import { checkRows } from '../../src/sources/rows.ts';
import type { DaysAnswer, QueryCost, Source, SourceTraits } from '../../src/sources/source.ts';
import { duckDbDialect, pivotSql, type Question, rowLimit } from '../../src/sources/sql.ts';
import { TRAITS } from './priced-source.ts';

/** What a test puts into the table: `times` downloads that are alike, at noon of the day. */
export interface Downloads {
  readonly day: Day;
  readonly package: string;
  readonly ci?: boolean | null;
  readonly installer?: string | null;
  readonly system?: string | null;
  readonly times?: number;
}

/** What a source was asked, in order. */
export interface Asked {
  readonly packages: readonly string[];
  readonly span: Span;
}

/** A table in DuckDB that can be added to, and a source that answers from it and remembers what it was asked. */
export interface Table {
  add(...downloads: readonly Downloads[]): Promise<void>;
  /** Runs SQL on `file_downloads`, for expectations that owe nothing to the code under test. */
  sql(text: string, values?: Record<string, DuckDBValue>): Promise<Record<string, DuckDBValue>[]>;
  source(options?: SourceOptions): Source;
  readonly asked: Asked[];
  /** Days that all pivot queries together have scanned. */
  daysScanned(): number;
}

export interface SourceOptions {
  /** Refuse to tell the rows of each day. */
  readonly withoutDays?: boolean;
  /** What every day of a package that is scanned bills. */
  readonly bytesPerDay?: number;
  readonly traits?: Partial<SourceTraits>;
  /** Throws instead of answering. */
  readonly fault?: (question: Question) => Error | undefined;
}

function timestamp(day: Day): DuckDBTimestampTZValue {
  return new DuckDBTimestampTZValue(BigInt(dayNumber(day)) * 86_400_000_000n);
}

export async function createTable(): Promise<Table> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  await connection.run(`CREATE TABLE file_downloads (
    timestamp TIMESTAMPTZ,
    file STRUCT(project VARCHAR),
    details STRUCT(ci BOOLEAN, installer STRUCT(name VARCHAR), system STRUCT(name VARCHAR))
  )`);
  const asked: Asked[] = [];

  async function sql(text: string, values?: Record<string, DuckDBValue>, types?: Record<string, DuckDBType>) {
    return (await connection.runAndReadAll(text, values, types)).getRowObjects();
  }

  function source({ withoutDays = false, bytesPerDay = 0, traits, fault }: SourceOptions = {}): Source {
    const costOf = ({ packages, span }: Question): QueryCost => {
      const bytes = spanDays(span) * packages.length * bytesPerDay;
      return { bytesProcessed: bytes, bytesBilled: bytes, cacheHit: false };
    };
    return {
      traits: { ...TRAITS, ...traits },
      hasFileNames: true,
      async read(question) {
        asked.push(question);
        const problem = fault?.(question);
        if (problem !== undefined) throw problem;
        const { packages, span } = question;
        const several = packages.length > 1;
        const rows = await sql(
          pivotSql(duckDbDialect('file_downloads'), { several, fileNames: false }),
          {
            ...(several ? { projects: listValue([...packages]) } : { project: packages[0] }),
            start: timestamp(span.start),
            end: timestamp(span.end),
            limit: BigInt(rowLimit(question)),
          },
          several ? { projects: LIST(VARCHAR) } : {},
        );
        return { ...checkRows(question, rows, rowLimit(question)), cost: costOf(question) };
      },
      facets: async () => {
        throw new Error('this source has no facets');
      },
      estimate: async (question) => costOf(question).bytesProcessed,
      async days({ start, end }): Promise<DaysAnswer> {
        if (withoutDays) return { kind: 'unsupported', reason: 'the view is refused' };
        const rows = await sql(
          `SELECT strftime(timestamp, '%Y-%m-%d') AS day, count(*)::INTEGER AS n FROM file_downloads
           WHERE timestamp >= $start AND timestamp < $end GROUP BY ALL`,
          { start: timestamp(start), end: timestamp(end) },
        );
        return {
          kind: 'known',
          rows: new Map(rows.map(({ day, n }) => [String(day), Number(n)])),
          cost: { bytesProcessed: 0, bytesBilled: 0, cacheHit: false },
        };
      },
      close: async () => undefined,
    };
  }

  return {
    asked,
    sql,
    source,
    daysScanned: () => asked.reduce((sum, { span }) => sum + spanDays(span), 0),
    async add(...downloads) {
      for (const {
        day,
        package: project,
        ci = null,
        installer = 'pip',
        system = null,
        times = 1,
      } of downloads) {
        await connection.run(
          `INSERT INTO file_downloads SELECT $day::TIMESTAMPTZ + INTERVAL 12 HOUR, {'project': $project},
             {'ci': $ci::BOOLEAN, 'installer': {'name': $installer::VARCHAR}, 'system': {'name': $system::VARCHAR}}
           FROM range($times::BIGINT)`,
          { day: timestamp(day), project, ci, installer, system, times },
        );
      }
    },
  };
}
