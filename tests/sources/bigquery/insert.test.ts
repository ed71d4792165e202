import { expect, it, onTestFinished } from 'vitest';
import { openBigQuery } from '../../../src/sources/bigquery/source.ts';
import { BigQueryServer, type Fault } from '../../support/bigquery-server.ts';

/* What an error answer to an insert leaves behind, and what is done about it. */

const QUESTION = { packages: ['demo'], span: { start: '2026-04-01', end: '2026-04-03' } } as const;
const MIB = 1024 ** 2;
/** Two days of 150 MB, rounded up to whole MiB. */
const BILLED = Math.ceil(300_000_000 / MIB) * MIB;

const internal = { status: 500, reason: 'internalError' } as const;
const denied = { status: 403, reason: 'accessDenied' } as const;

it.each<[what: string, first: Fault, then: Fault | undefined, cancels: number, billed: number]>([
  ['500, and the job runs, again and again', { ...internal, done: true }, undefined, 1, BILLED],
  ['500, and the job runs, then silence', { ...internal, done: true }, 'silence', 1, BILLED],
  ['500, and the job runs, then a refusal', { ...internal, done: true }, denied, 1, BILLED],
  ['500, and there is no job', internal, undefined, 1, 0],
  ['500, and there is no job, then a refusal', internal, denied, 1, 0],
  ['400', { status: 400, reason: 'invalid' }, undefined, 0, 0],
  ['403', denied, undefined, 0, 0],
  ['429 again and again', { status: 429, reason: 'rateLimitExceeded' }, undefined, 0, 0],
])('an insert that fails by %s', async (_, first, then, cancels, billed) => {
  const trouble = [
    { on: 'insert', times: then === undefined ? 100 : 1, fault: first },
    { on: 'insert', fault: then ?? first },
  ] as const;
  const server = await BigQueryServer.start({ trouble });
  onTestFinished(() => server.close());
  const source = await openBigQuery(
    {
      kind: 'bigquery',
      projectId: 'my-project',
      location: 'US',
      table: 'bigquery-public-data.pypi.file_downloads',
      queryTimeoutSeconds: then === 'silence' ? 2 : 60,
      sharing: 'auto',
    },
    { BIGQUERY_EMULATOR_HOST: server.host },
    () => new Date(),
  );
  await expect(source.read(QUESTION)).rejects.toMatchObject({ cost: { bytesBilled: billed } });
  expect(server.callsOf('cancel')).toHaveLength(cancels);
  expect([...server.jobs.values()].map(({ cancelled }) => cancelled)).toEqual(billed > 0 ? [true] : []);
  expect(server.bytesBilled).toBe(billed);
});
