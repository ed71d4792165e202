// The main job: 300 packages from one table of a million rows, as NDJSON and as Parquet.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { measureCollect } from './command.mjs';

const ROWS = 1_000_000;
const PACKAGES = 300;
const DAYS = 30;
const RUNS = 3;
const AS_OF = '2026-04-25';

/** A name from a list, by a number of a row; earlier names are met more often. */
const pick = (salt, names) =>
  `list_extract([${names.map((name) => (name === null ? 'NULL' : `'${name}'`)).join(', ')}],
    1 + CAST(floor(${names.length} * pow((hash(i, '${salt}') % 10007) / 10007.0, 2)) AS INT))`;

/** Makes the table with DuckDB, in both formats; the same rows every time. */
async function makeTables(folder) {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  await connection.run(`SET TimeZone = 'UTC'`);
  await connection.run(`CREATE VIEW made AS SELECT
    TIMESTAMPTZ '${AS_OF} 00:00:00+00' - to_seconds(1 + CAST(hash(i, 'time') % ${DAYS * 86_400} AS INT)) AS timestamp,
    {project: 'package-' || (hash(i, 'project') % ${PACKAGES})} AS file,
    {ci: CASE hash(i, 'ci') % 5 WHEN 0 THEN true WHEN 1 THEN false END,
     installer: {name: ${pick('installer', ['pip', 'uv', 'bandersnatch', null, 'poetry', 'requests', 'Browser', 'pdm'])}},
     system: {name: ${pick('system', ['Linux', null, 'Darwin', 'Windows'])}}} AS details
    FROM range(${ROWS}) AS rows(i)`);
  const ndjson = join(folder, 'rows.ndjson');
  const parquet = join(folder, 'rows.parquet');
  await connection.run(
    `COPY (SELECT strftime(timestamp, '%Y-%m-%d %H:%M:%S UTC') AS timestamp, file, details FROM made) TO '${ndjson}' (FORMAT json)`,
  );
  await connection.run(`COPY (SELECT * FROM made ORDER BY file.project) TO '${parquet}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
  return { ndjson, parquet };
}

/** Runs `collect` in a new folder over some packages. */
async function collect(folder, name, files, packages) {
  const list = Array.from({ length: packages }, (_, index) => `  - package-${index}\n`).join('');
  const config = join(folder, `${name}.yaml`);
  writeFileSync(
    config,
    `service:\n  output_dir: ${name}/output\n  source: duckdb\nduckdb:\n  files: ${files}\npackages:\n${list}`,
  );
  const measured = await measureCollect(folder, config, AS_OF);
  const health = JSON.parse(readFileSync(join(folder, name, 'output/_health.json'), 'utf8'));
  if (Object.keys(health.packages).length !== packages) throw new Error('packages are missing');
  return measured;
}

/** What is not DuckDB's: the wall time, and the processor time of all threads. */
const rest = ({ lifeMs, engineMs }) => lifeMs - engineMs;
const restCpu = ({ cpuMs, engineCpuMs }) => cpuMs - engineCpuMs;

/** The least of a figure over several runs: what else the machine does can only add to it. */
const least = (runs, figure) => Math.min(...runs.map(figure));

function memory(format, { maxRssKib }, file) {
  const mib = maxRssKib / 1024;
  return {
    what: `${format}: peak memory`,
    value: `${mib.toFixed(0)} MiB`,
    target: '< 300 MB',
    met: mib * 1.048576 < 300,
    how: `most resident memory of the whole process; the file has ${(statSync(file).size / 2 ** 20).toFixed(0)} MiB`,
  };
}

function ownTime(what, all, one, how) {
  const each = (figure) => (least(all, figure) - least(one, figure)) / (PACKAGES - 1);
  const own = each(rest);
  const query = each(({ engineMs }) => engineMs);
  const ratio = query > 1 ? `  (${(own / query).toFixed(2)} x its query of ${query.toFixed(1)} ms)` : '';
  return {
    what: `Parquet: our own time a package, ${what}`,
    value: `${own.toFixed(2)} ms, processor ${each(restCpu).toFixed(2)} ms${ratio}`,
    target: '<= 3 ms',
    met: own <= 3,
    how,
  };
}

async function figures(folder, { ndjson, parquet }) {
  const fromNdjson = await collect(folder, 'ndjson', ndjson, PACKAGES);
  const one = [];
  const first = [];
  const again = [];
  for (let run = 0; run < RUNS; run += 1) {
    one.push(await collect(folder, `one-${run}`, parquet, 1));
    first.push(await collect(folder, `all-${run}`, parquet, PACKAGES));
    again.push(await collect(folder, `all-${run}`, parquet, PACKAGES));
  }
  return [
    memory('NDJSON', fromNdjson, ndjson),
    memory('Parquet', first[0], parquet),
    ownTime(
      'first run',
      first,
      one,
      `life of the process less DuckDB's calls, the least of ${RUNS} runs; ${PACKAGES} packages less 1, divided by ${PACKAGES - 1}`,
    ),
    ownTime('second run', again, one, 'the same once more: no badge changes'),
  ];
}

export const title = `collect, ${PACKAGES} packages over ${DAYS} days from one table of ${ROWS.toLocaleString('en-US')} rows`;

export async function measure(folder) {
  return figures(folder, await makeTables(folder));
}
