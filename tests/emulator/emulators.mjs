// The BigQuery emulators that nobody here wrote, with every package pinned: how to install and start them.
import { spawn } from 'node:child_process';
import { openSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BigQuery } from '@google-cloud/bigquery';
import { PassThroughClient } from 'google-auth-library';
import { freePort, installPackages, must } from '../support/python.mjs';

/**
 * Where an emulator falls short of the real service, the test asks less of it instead of bending the SQL:
 * `revisions` is whether INFORMATION_SCHEMA.PARTITIONS has the columns that the real view has. Neither
 * bills: bytes are 0 or missing, so that bills are tested against tests/support/bigquery-server.ts alone;
 * so is the repeating of an insert, as bqemulator takes the same job id twice and runs it twice.
 */
export const EMULATORS = [
  {
    name: 'bqemulator 1.4.0',
    requirements: 'bqemulator.txt',
    pythons: ['python3', 'python3.11', 'python3.12', 'python3.13'],
    accepts: ([major, minor]) => major === 3 && minor >= 11,
    needs: 'Python 3.11 or newer with venv',
    extensions: ['spatial'],
    tellsDays: true,
    argv: (folder, port) => [
      join(folder, 'venv/bin/bqemulator'),
      ...['start', '--ephemeral', '--rest-port', port, '--grpc-port', '0', '--log-level', 'error'],
    ],
  },
  {
    name: 'local-bigquery 0.3.2',
    requirements: 'local-bigquery.txt',
    pythons: ['python3.13', join(homedir(), '.pyenv/versions/3.13.0/bin/python3.13'), 'python3'],
    accepts: ([major, minor]) => major === 3 && minor === 13,
    needs: 'Python 3.13 with venv',
    extensions: ['icu', 'ducklake', 'spatial'],
    tellsDays: true,
    argv: (folder, port, grpcPort) => [
      join(folder, 'venv/bin/local-bigquery'),
      ...['serve', '--host', '127.0.0.1', '--port', port, '--grpc-port', grpcPort],
      ...['--project', 'my-project', '--data-dir', join(folder, 'data')],
    ],
  },
];

const SCHEMA = [
  { name: 'timestamp', type: 'TIMESTAMP', mode: 'REQUIRED' },
  {
    name: 'file',
    type: 'RECORD',
    fields: [
      { name: 'project', type: 'STRING' },
      { name: 'filename', type: 'STRING' },
    ],
  },
  {
    name: 'details',
    type: 'RECORD',
    fields: [
      { name: 'ci', type: 'BOOL' },
      { name: 'python', type: 'STRING' },
      { name: 'installer', type: 'RECORD', fields: [{ name: 'name', type: 'STRING' }] },
      { name: 'system', type: 'RECORD', fields: [{ name: 'name', type: 'STRING' }] },
    ],
  },
];

const here = import.meta.dirname;

/**
 * Installs an emulator into a cache folder outside of the repository, unless it is there.
 *
 * @returns The folder, or undefined where the Python that it needs is missing.
 */
export function install({ name, requirements, pythons, accepts, extensions }) {
  return installPackages({
    name: requirements.replace('.txt', ''),
    label: name,
    requirements: join(here, requirements),
    pythons,
    accepts,
    size: '700 MB',
    finish: (folder) => {
      // DuckDB's extensions come from PyPI too; the emulator would otherwise download them when it starts.
      const load = `from duckdb_extensions import import_extension\nfor name in ${JSON.stringify(extensions)}: import_extension(name)`;
      const env = { ...process.env, HOME: join(folder, 'home') };
      must(join(folder, 'venv/bin/python'), ['-c', load], { env });
    },
  });
}

/** Starts an installed emulator on loopback; `stop` ends it, and nothing else. */
export async function start(emulator, folder) {
  const port = await freePort();
  rmSync(join(folder, 'data'), { recursive: true, force: true });
  const [command, ...argv] = emulator.argv(folder, port, await freePort());
  const log = join(folder, 'log');
  const output = openSync(log, 'w');
  const child = spawn(command, argv, {
    env: { ...process.env, HOME: join(folder, 'home') },
    stdio: ['ignore', output, output],
  });
  const ended = new Promise((done) => child.once('exit', done));
  process.once('exit', () => child.kill('SIGKILL'));
  const stop = async () => {
    child.kill('SIGTERM');
    await Promise.race([ended, sleep(5_000).then(() => child.kill('SIGKILL'))]);
    await ended;
  };
  const host = `127.0.0.1:${port}`;
  for (let tries = 0; tries < 600; tries += 1) {
    if (child.exitCode !== null)
      throw new Error(`${emulator.name} ended at once:\n${readFileSync(log, 'utf8')}`);
    const answer = await fetch(`http://${host}/bigquery/v2/projects/my-project/datasets`).catch(
      () => undefined,
    );
    if (answer?.ok) return { host, stop };
    await sleep(100);
  }
  await stop();
  throw new Error(`${emulator.name} does not answer:\n${readFileSync(log, 'utf8')}`);
}

/** Makes PyPI's table with the columns that are read, and fills it from a file of NDJSON. */
export async function load(host, rows) {
  const client = new BigQuery({
    projectId: 'bigquery-public-data',
    apiEndpoint: `http://${host}`,
    authClient: new PassThroughClient(),
  });
  const options = { location: 'US' };
  const [dataset] = await client.createDataset('pypi', options).catch((error) => {
    if (error.code === 409) return [client.dataset('pypi')];
    throw error;
  });
  const timePartitioning = { type: 'DAY', field: 'timestamp' };
  const clustering = { fields: ['file.project'] };
  await dataset.createTable('file_downloads', { schema: { fields: SCHEMA }, timePartitioning, clustering });
  const [job] = await dataset.table('file_downloads').load(rows, {
    sourceFormat: 'NEWLINE_DELIMITED_JSON',
    schema: { fields: SCHEMA },
    writeDisposition: 'WRITE_TRUNCATE',
  });
  if (job.status?.errorResult) throw new Error(JSON.stringify(job.status));
}

/** Every name of an installer or a system that the query brings of a package, as the emulator answers it. */
export async function namesIn(host, sql, project) {
  const parameters = {
    project: ['STRING', project],
    start: ['TIMESTAMP', '2026-04-01 00:00:00+00'],
    end: ['TIMESTAMP', '2026-05-01 00:00:00+00'],
    limit: ['INT64', '100000'],
  };
  const body = {
    query: sql,
    useLegacySql: false,
    location: 'US',
    parameterMode: 'NAMED',
    queryParameters: Object.entries(parameters).map(([name, [type, value]]) => ({
      name,
      parameterType: { type },
      parameterValue: { value },
    })),
  };
  const url = `http://${host}/bigquery/v2/projects/my-project/queries`;
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  const { schema, rows, ...rest } = await answer.json();
  if (rows === undefined) throw new Error(JSON.stringify(rest).slice(0, 500));
  const columns = ['installer_name', 'system_name'].map((name) =>
    schema.fields.findIndex((field) => field.name === name),
  );
  return [...new Set(rows.flatMap(({ f }) => columns.map((column) => f[column].v)))];
}
