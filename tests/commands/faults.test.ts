import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addDays } from '../../src/days/day.ts';
import { type Fault as BigQueryFault, BigQueryServer } from '../support/bigquery-server.ts';
import { type Options, startClickHouse } from '../support/clickhouse-server.ts';
import { runMain } from '../support/context.ts';
import { tempFolder } from '../support/temp-folder.ts';

/*
 * Ten downloads of `demo` a day, in a table that is three days late: 30 days of it are 300, whatever fails, or the badge
 * stays as it was.
 */

const NOW = new Date('2026-10-31T08:00:00Z');
const LAST = '2026-10-27';
const DAYS = Array.from({ length: 90 }, (_, back) => addDays(LAST, -back));
const ROWS = DAYS.flatMap((day) => [
  { project: 'demo', day, installer: 'pip', downloads: 10 },
  { project: 'boto3', day, installer: 'pip', downloads: 5_000 },
]);

async function collect(source: string, env: Record<string, string>) {
  const folder = tempFolder();
  const config = `service: {output_dir: out, source: ${source}}\nbigquery: {project_id: p}\npackages: [demo]\n`;
  writeFileSync(join(folder, 'tracked.yaml'), config);
  const { exitCode } = await runMain(folder, ['collect', '--no-page'], { env, now: () => NOW });
  const { demo } = JSON.parse(readFileSync(join(folder, 'out/_health.json'), 'utf8')).packages;
  return { exitCode, demo: demo as { count?: number; error_code?: string; error?: string } };
}

async function fromClickHouse(options: Options) {
  const server = await startClickHouse({ rows: ROWS, ...options });
  onTestFinished(() => server.close());
  return collect('clickhouse', { CLICKHOUSE_URL: server.url });
}

async function fromBigQuery(fault: BigQueryFault, times?: number) {
  const server = await BigQueryServer.start({
    rows: ROWS,
    trouble: [{ on: 'insert', revisions: true, fault, ...(times === undefined ? {} : { times }) }],
  });
  onTestFinished(() => server.close());
  return collect('bigquery', { BIGQUERY_EMULATOR_HOST: server.host });
}

describe('no error becomes a number', () => {
  it('where a server is overloaded once', async () => {
    const { exitCode, demo } = await fromClickHouse({ faults: [{ exception: 745, status: 503 }] });
    expect([exitCode, demo.count]).toEqual([0, 300]);
  });

  it.each<[string, Options, string]>([
    [
      'the table of days has no such column',
      { fault: ({ kind }) => (kind === 'days' ? { exception: 47 } : undefined) },
      'unexpected-answer',
    ],
    ['the clock is five days behind', { date: new Date(NOW.getTime() + 5 * 86_400_000) }, 'clock'],
  ])('where %s', async (_, options, code) => {
    const { exitCode, demo } = await fromClickHouse(options);
    expect([exitCode, demo.count, demo.error_code]).toEqual([1, undefined, code]);
  });

  it('where the job about days fails once', async () => {
    const { exitCode, demo } = await fromBigQuery(
      { jobFails: { reason: 'jobInternalError', message: 'x' } },
      1,
    );
    expect([exitCode, demo.count]).toEqual([0, 300]);
  });

  it.each<[string, BigQueryFault, string]>([
    ['fails each time', { jobFails: { reason: 'jobInternalError', message: 'x' } }, 'job-failed'],
    ['is answered with what nobody knows', { status: 418, reason: 'teapot' }, 'source-failed'],
  ])('where the job about days %s', async (_, fault, code) => {
    const { exitCode, demo } = await fromBigQuery(fault);
    expect([exitCode, demo.count, demo.error_code]).toEqual([1, undefined, code]);
  });
});
