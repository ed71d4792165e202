import { DuckDBInstance, DuckDBTimestampTZValue, type DuckDBValue } from '@duckdb/node-api';
import { type Day, dayNumber, type Span, spanDays } from '../../src/days/day.ts';
import { type PivotQuestion, pivotSql, rowLimit } from '../../src/sources/query.ts';
import { checkRows } from '../../src/sources/rows.ts';
import type { QueryCost, RevisionsAnswer, Source } from '../../src/sources/source.ts';

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
  readonly package: string;
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
  /** Refuse to tell revisions. */
  readonly withoutRevisions?: boolean;
  /** What every day that is scanned bills; undefined for a source that bills nothing. */
  readonly bytesPerDay?: number;
  /** Throws instead of answering. */
  readonly fault?: (question: PivotQuestion) => Error | undefined;
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

  async function sql(text: string, values?: Record<string, DuckDBValue>) {
    return (await connection.runAndReadAll(text, values)).getRowObjects();
  }

  function source({ withoutRevisions = false, bytesPerDay, fault }: SourceOptions = {}): Source {
    const costOf = (days: number): QueryCost => {
      const bytes = days * (bytesPerDay ?? 0);
      return { bytesProcessed: bytes, bytesBilled: bytes, cacheHit: false };
    };
    return {
      billed: bytesPerDay !== undefined,
      async pivot(question) {
        asked.push(question);
        const problem = fault?.(question);
        if (problem !== undefined) throw problem;
        const rows = await sql(pivotSql('file_downloads', '$'), {
          project: question.package,
          start: timestamp(question.span.start),
          end: timestamp(question.span.end),
          limit: BigInt(rowLimit(question.span)),
        });
        return { rows: checkRows(question, rows), cost: costOf(spanDays(question.span)) };
      },
      estimate: async ({ span }) => costOf(spanDays(span)).bytesProcessed,
      async revisions({ start, end }): Promise<RevisionsAnswer> {
        if (withoutRevisions) return { unavailable: 'the view is refused' };
        const rows = await sql(
          `SELECT strftime(timestamp, '%Y-%m-%d') AS day, count(*)::INTEGER AS n FROM file_downloads
           WHERE timestamp >= $start AND timestamp < $end GROUP BY ALL`,
          { start: timestamp(start), end: timestamp(end) },
        );
        const revisions = new Map(rows.map(({ day, n }) => [String(day), Number(n)]));
        return { revisions, cost: { bytesProcessed: 0, bytesBilled: 0, cacheHit: false } };
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
