import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { openClickHouse } from '../../src/sources/clickhouse/source.ts';
import { freePort, installPackages } from '../support/python.mjs';

/* ClickHouse's own engine on loopback, with the tables of ClickPy: tests/clickhouse/server.py. */

type Clients = 'installer' | 'system' | 'country_code' | 'python_minor' | 'libc';

/** Downloads that are alike. `ci` is missing where the column was not there yet. */
export interface EngineRow
  extends Readonly<Partial<Record<Clients | 'filename' | 'version' | 'type', string>>> {
  /** YYYY-MM-DD */
  readonly date: string;
  readonly project: string;
  readonly ci?: 'true' | 'false';
  /** How many of them; 1 if absent. */
  readonly times?: number;
}

/** What `demo` has sent. */
interface Asked {
  readonly sql: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, string>>;
  readonly agent: string;
}

export type Engine = Awaited<ReturnType<typeof startEngine>>;

const TABLES = [
  'CREATE DATABASE pypi',
  `CREATE TABLE pypi.pypi (
    date Date, country_code LowCardinality(String), project String, type LowCardinality(String),
    installer LowCardinality(String), python_minor LowCardinality(String), system LowCardinality(String),
    version String, ci Enum8('false' = 0, 'true' = 1, 'unknown' = 2) DEFAULT 'unknown',
    libc LowCardinality(String), filename String
  ) ENGINE = MergeTree ORDER BY (project, date, version, country_code, python_minor, system)`,
  `CREATE TABLE pypi.pypi_downloads_per_day (date Date, project String, count Int64)
   ENGINE = SummingMergeTree ORDER BY (project, date)`,
  `CREATE MATERIALIZED VIEW pypi.pypi_downloads_per_day_mv TO pypi.pypi_downloads_per_day
   AS SELECT date, project, count() AS count FROM pypi.pypi GROUP BY date, project`,
  // A row of it is so many downloads, which spares the tests a million lines.
  `CREATE TABLE pypi.alike (
    date Date, project String, installer String, system String, ci String, filename String, version String,
    country_code String, type String, python_minor String, libc String, times UInt32
  ) ENGINE = Null`,
  `CREATE MATERIALIZED VIEW pypi.alike_mv TO pypi.pypi AS
   SELECT date, project, installer, system, CAST(ci, 'Enum8(\\'false\\' = 0, \\'true\\' = 1, \\'unknown\\' = 2)') AS ci, filename, version,
    country_code, type, python_minor, libc
   FROM pypi.alike ARRAY JOIN range(times) AS n`,
];

/**
 * Starts the engine.
 *
 * @param maxRowsToRead Most rows that a question of `demo` may read; a billion at the public endpoint.
 */
export async function startEngine(maxRowsToRead: number) {
  const folder = installPackages({
    name: 'chdb',
    label: 'chDB 4.4.0 (ClickHouse 26.9)',
    requirements: join(import.meta.dirname, 'requirements.txt'),
    pythons: ['python3', 'python3.11', 'python3.12', 'python3.13'],
    accepts: ([major = 0, minor = 0]) => major === 3 && minor >= 11,
    size: '900 MB',
  });
  if (folder === undefined) throw new Error('these tests need Python 3.11 or newer with venv');
  mkdirSync(join(folder, 'home'), { recursive: true });
  const port = await freePort();
  const log = join(folder, 'log');
  const output = openSync(log, 'w');
  const script = join(import.meta.dirname, 'server.py');
  // The engine leaves its tables behind when it is killed.
  const temporary = mkdtempSync(join(tmpdir(), 'pypi-badges-engine-'));
  const child = spawn(join(folder, 'venv/bin/python'), [script, port, String(maxRowsToRead)], {
    env: { ...process.env, HOME: join(folder, 'home'), TMPDIR: temporary },
    stdio: ['ignore', output, output],
  });
  const ended = new Promise((done) => child.once('exit', done));
  process.once('exit', () => child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;

  async function isUp(): Promise<boolean> {
    for (let tries = 0; tries < 600 && child.exitCode === null; tries += 1) {
      if (await fetch(url).catch(() => undefined)) return true;
      await sleep(100);
    }
    return false;
  }
  if (!(await isUp())) throw new Error(`the engine does not answer:\n${readFileSync(log, 'utf8')}`);

  /** Runs a statement without any limit. */
  const admin = async (sql: string) => {
    const headers = { 'x-clickhouse-user': 'default', 'x-clickhouse-key': 'secret of the test' };
    const answer = await fetch(url, { method: 'POST', headers, body: sql });
    if (!answer.ok) throw new Error(await answer.text());
  };
  for (const sql of TABLES) await admin(sql);

  return {
    url,
    admin,
    /** Adds downloads; `pypi_downloads_per_day` follows by itself, as it does at ClickPy. */
    async add(...rows: readonly EngineRow[]) {
      const usual = { ci: 'unknown', installer: '', system: '', version: '1.0', times: 1 };
      const lines = rows.map(({ project, version = usual.version, ...row }) => {
        const filename = `${project}-${version}-py3-none-any.whl`;
        return JSON.stringify({ ...usual, project, version, filename, ...row });
      });
      await admin(`INSERT INTO pypi.alike FORMAT JSONEachRow\n${lines.join('\n')}`);
    },
    /** The source that asks it, until the end of the test. */
    async open(changes: { table?: string; user?: string } = {}) {
      const config = { kind: 'clickhouse', url, user: 'demo', table: 'pypi.pypi' } as const;
      const source = await openClickHouse(
        { ...config, queryTimeoutSeconds: 60, ...changes },
        { env: {}, now: () => new Date(), product: 'pypi-badges/1.2.3 (+https://example.com)' },
        { graceMs: 5_000, backoffMs: 1, longestPauseMs: 1_000 },
      );
      onTestFinished(() => source.close());
      return source;
    },
    /** What `demo` has asked since the last look. */
    asked: async () => (await (await fetch(url)).json()) as Asked[],
    async stop() {
      child.kill('SIGKILL');
      await ended;
      rmSync(temporary, { recursive: true, force: true });
    },
  };
}

/** What ClickPy makes of a row of BigQuery's table, as it stands in an export: NULL is '' or, for ci, 'false'. */
function copied(line: string): EngineRow {
  const { timestamp, file, details } = JSON.parse(line);
  return {
    date: timestamp.slice(0, 10),
    project: file.project,
    installer: details?.installer?.name ?? '',
    system: details?.system?.name ?? '',
    ci: details?.ci === true ? 'true' : 'false',
    ...(file.filename === undefined ? {} : { filename: file.filename }),
  };
}

/** Copies a table of BigQuery's shape, in NDJSON, as ClickPy does. */
export async function loadNdjson(engine: Engine, path: string): Promise<void> {
  const rows = readFileSync(path, 'utf8').trimEnd().split('\n').map(copied);
  for (let from = 0; from < rows.length; from += 20_000) await engine.add(...rows.slice(from, from + 20_000));
}
