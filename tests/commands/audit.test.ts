import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addDays } from '../../src/days/day.ts';
import { BigQueryServer, type ServerOptions } from '../support/bigquery-server.ts';
import { startClickHouse } from '../support/clickhouse-server.ts';
import { runMain } from '../support/context.ts';
import { tempFolder } from '../support/temp-folder.ts';

/*
 * A list that is counted from ClickHouse's copy, and audited by BigQuery. Yesterday is 30 October; the settled
 * day is a week before it, the 23rd.
 */

/** The last of them lie ahead of the first run. */
const DAYS = Array.from({ length: 95 }, (_, back) => addDays('2026-11-02', -back));
const SETTLED = '2026-10-23';

interface Day {
  readonly project: string;
  readonly day: string;
  readonly installer: string;
  readonly downloads: number;
}

const daily = (project: string, downloads: number, change: Readonly<Record<string, number>> = {}): Day[] =>
  DAYS.map((day) => ({ project, day, installer: 'pip', downloads: change[day] ?? downloads }));

const WHOLE = daily('boto3', 5_000);

async function house(
  bigQueryRows: readonly Day[],
  options: ServerOptions = {},
  audit = '{source: bigquery}',
) {
  const copy = await startClickHouse({ rows: [...WHOLE, ...daily('alpha', 200), ...daily('beta', 50)] });
  const table = await BigQueryServer.start({
    rows: [...WHOLE, ...bigQueryRows],
    bytesPerDay: 150_000_000,
    ...options,
  });
  onTestFinished(async () => {
    await copy.close();
    await table.close();
  });
  const folder = tempFolder();
  writeFileSync(
    join(folder, 'tracked.yaml'),
    `service: {output_dir: out, source: clickhouse}\nbigquery: {project_id: p}\naudit: ${audit}\npackages: [alpha, beta]\n`,
  );
  const env = { CLICKHOUSE_URL: copy.url, BIGQUERY_EMULATOR_HOST: table.host };
  const run = (argv: readonly string[], today = '2026-10-31') =>
    runMain(folder, argv, { env, now: () => new Date(`${today}T08:00:00Z`) });
  const read = (path: string) => readFileSync(join(folder, path), 'utf8');
  return {
    table,
    collect: (today?: string) => run(['collect'], today),
    status: () => run(['status']),
    read,
    entries: () => JSON.parse(read('out/_health.json')).packages as Record<string, Record<string, unknown>>,
    /** The questions about packages that BigQuery got so far. */
    asked: () => table.calls.filter(({ kind, revisions }) => kind === 'insert' && !revisions).length,
  };
}

describe('audit', () => {
  it('keeps silent where both have the same, and is asked about a package once in a while', async () => {
    const { collect, entries, asked, read, table } = await house(
      [...daily('alpha', 200), ...daily('beta', 50)],
      {},
      '{source: bigquery, every_days: 3}',
    );
    expect((await collect()).exitCode).toBe(0);
    expect(entries()['alpha']).toMatchObject({
      count: 6_000,
      warnings: [],
      audit: {
        source: 'clickhouse',
        other_source: 'bigquery',
        day: SETTLED,
        own: { all: 200, count: 200 },
        other: { all: 200, count: 200 },
        checked: '2026-10-31',
      },
    });
    expect(asked()).toBe(2);
    await collect();
    expect(asked()).toBe(2);
    await collect('2026-11-03');
    // The settled day is another one by then.
    expect(asked()).toBe(4);
    expect(entries()['alpha']).toMatchObject({ audit: { day: '2026-10-26', checked: '2026-11-03' } });
    // Two days of two packages, 150 MB each, and what asking for days bills: the account has them.
    expect(table.bytesBilled).toBeGreaterThanOrEqual(600_000_000);
    expect(JSON.stringify(JSON.parse(read('state/spend.json')))).toContain('alpha');
  });

  it('warns with both figures in health, status and page where they differ by more than 1 %', async () => {
    const { collect, status, entries, read } = await house([
      ...daily('alpha', 200, { [SETTLED]: 203 }),
      ...daily('beta', 50, { [SETTLED]: 50 }),
    ]);
    const { exitCode, stderr } = await collect();
    expect(exitCode).toBe(0);
    const message =
      'on 2026-10-23 ClickHouse has 200 honest downloads of 200 in all, and BigQuery 203 honest downloads of 203 in all; one of the two is wrong, or was filled in later';
    expect(stderr).toContain(`alpha: ${message}`);
    expect(entries()['alpha']?.['warnings']).toEqual([{ code: 'sources-differ', message }]);
    expect(entries()['beta']?.['warnings']).toEqual([]);
    expect((await status()).stdout).toContain(`alpha: warning (sources-differ): ${message}`);
    expect(read('out/alpha/index.html')).toContain(
      'For 23 Oct 2026: 200 honest downloads of 200 by ClickHouse',
    );
    // It stands until the next audit says otherwise.
    await collect();
    expect(entries()['alpha']?.['warnings']).toEqual([{ code: 'sources-differ', message }]);
  });

  it('lets 1 % pass', async () => {
    const { collect, entries } = await house([...daily('alpha', 202), ...daily('beta', 50)]);
    await collect();
    expect(entries()['alpha']).toMatchObject({ warnings: [], audit: { other: { count: 202 } } });
  });

  it('fails nothing where the other source cannot be asked, and tries again with the next run', async () => {
    const { collect, entries, table } = await house([...daily('alpha', 200), ...daily('beta', 50)], {
      trouble: [{ on: 'insert', fault: { status: 403, reason: 'accessDenied', message: 'denied' } }],
    });
    const { exitCode, stderr } = await collect();
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(
      /the audit by PyPI's download log in BigQuery was not complete: BigQuery: permission denied/,
    );
    expect(entries()['alpha']).not.toHaveProperty('audit');
    expect(table.calls.length).toBeGreaterThan(0);
  });

  it('does not spend beyond the budget', async () => {
    const { collect, entries } = await house([...daily('alpha', 200), ...daily('beta', 50)], {
      bytesPerDay: 2 ** 41,
    });
    const { exitCode } = await collect();
    expect(exitCode).toBe(0);
    // The first package's day is billed, and the second's would pass the month's limit of 1 TiB.
    expect(Object.values(entries()).filter((entry) => 'audit' in entry)).toHaveLength(1);
  });
});
