// The same lists on ClickHouse and on BigQuery, both played by this process: what is asked, read and billed, and our
// own time. A package has three rows a day; the run after the first is that of the next day.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importTs } from '../scripts/import-ts.mjs';
import { measureCollect } from './command.mjs';

const SIZES = [100, 1000];
/** A list whose first filling takes many questions, each about a few days of all packages. */
const LARGE = 4000;
const WINDOW = 30;
const DAY_MS = 86_400_000;
const NEWEST = Date.UTC(2026, 9, 31);
const dayBefore = (count) => new Date(NEWEST - count * DAY_MS).toISOString().slice(0, 10);
/** The longest look back, lateness included, and the weeks before it. */
const DAYS = Array.from({ length: WINDOW + 45 }, (_, back) => dayBefore(back));
/** The first run, that of the next day, and the same three times more. */
const RUNS = [dayBefore(0), dayBefore(-1), dayBefore(-1), dayBefore(-1), dayBefore(-1)];

function rowsOf(count) {
  const reference = DAYS.map((day) => ({ project: 'boto3', day, installer: 'pip', downloads: 100_000 }));
  return [
    ...reference,
    ...DAYS.slice(0, WINDOW + 10).flatMap((day) =>
      Array.from({ length: count }, (_, index) => [
        { project: `package-${index}`, day, installer: 'pip', system: 'Linux', downloads: 1 + index },
        { project: `package-${index}`, day, installer: 'uv', system: 'Darwin', downloads: 2 },
        { project: `package-${index}`, day, installer: 'bandersnatch', downloads: 3 },
      ]).flat(),
    ),
  ];
}

/** What the runs of some days took, one after the other. */
async function runsOf(days, root, source, count, env, asked) {
  const folder = join(root, `${source}-${count}`);
  mkdirSync(folder);
  const list = Array.from(
    { length: count },
    (_, index) => `  - {name: package-${index}, window_days: ${WINDOW}}\n`,
  );
  writeFileSync(
    join(folder, 'tracked.yaml'),
    `service: {output_dir: output, source: ${source}, concurrency: 8}\nbigquery: {project_id: bench, monthly_budget_gib: null}\npackages:\n${list.join('')}`,
  );
  const runs = [];
  for (const asOf of days) {
    const before = asked();
    const { cpuMs, lifeMs } = await measureCollect(folder, join(folder, 'tracked.yaml'), asOf, env);
    const after = asked();
    runs.push({
      cpuMs,
      lifeMs,
      questions: after.questions - before.questions,
      bytes: after.bytes - before.bytes,
    });
  }
  return runs;
}

export const title = 'Sources: the same list on ClickHouse and on BigQuery, first run / next day';

const mib = (bytes) => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
const gib = (bytes) => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;

export async function measure(root) {
  const { startClickHouse } = await importTs('tests/support/clickhouse-server.ts');
  const { BigQueryServer } = await importTs('tests/support/bigquery-server.ts');
  const lines = [];
  const idle = new Map();
  const filling = new Map();
  const onBigQuery = async (days, count, rows) => {
    const table = await BigQueryServer.start({ rows, bytesPerDay: 150_000_000, pageRows: 100_000 });
    const runs = await runsOf(days, root, 'bigquery', count, { BIGQUERY_EMULATOR_HOST: table.host }, () => ({
      questions: table.calls.filter(({ kind }) => kind === 'insert').length,
      bytes: table.bytesBilled,
    }));
    await table.close();
    filling.set(count, runs[0]);
    return runs;
  };
  for (const count of SIZES) {
    const rows = rowsOf(count);
    const copy = await startClickHouse({ rows });
    const [first, next] = await runsOf(
      RUNS.slice(0, 2),
      root,
      'clickhouse',
      count,
      { CLICKHOUSE_URL: copy.url },
      () => ({
        questions: copy.calls.length,
        bytes: copy.bytesSent(),
      }),
    );
    await copy.close();
    const [paid, daily, ...again] = await onBigQuery(RUNS, count, rows);
    idle.set(count, again);
    const most = Math.ceil(count / 100) + 3;
    lines.push(
      {
        what: `${count} packages, ClickHouse`,
        value: `${first.questions} / ${next.questions} questions`,
        target: `at most ${most} the next day`,
        met: next.questions <= most,
        how: `${mib(first.bytes)} / ${mib(next.bytes)} of answers, nothing billed; own time ${(first.cpuMs / count).toFixed(2)} / ${(next.cpuMs / count).toFixed(2)} ms a package (processor, start-up included)`,
      },
      {
        what: `${count} packages, BigQuery`,
        value: `${paid.questions} / ${daily.questions} questions`,
        how: `${gib(paid.bytes)} / ${gib(daily.bytes)} billed; own time ${(paid.cpuMs / count).toFixed(2)} / ${(daily.cpuMs / count).toFixed(2)} ms a package, ${(paid.cpuMs / first.cpuMs).toFixed(1)} / ${(daily.cpuMs / next.cpuMs).toFixed(1)} times that on ClickHouse`,
      },
    );
  }
  const [few, many] = SIZES;
  const least = (count, figure) => Math.min(...idle.get(count).map(figure));
  const each = (figure) => (least(many, figure) - least(few, figure)) / (many - few);
  const own = each(({ lifeMs }) => lifeMs);
  lines.push({
    what: 'BigQuery, nothing new: our own time a package',
    value: `${own.toFixed(2)} ms, processor ${each(({ cpuMs }) => cpuMs).toFixed(2)} ms`,
    target: '<= 1 ms',
    met: own <= 1,
    how: `life of the process, which asks one question, the least of three runs; ${many} packages less ${few}, divided by ${many - few}`,
  });
  await onBigQuery(RUNS.slice(0, 1), LARGE, rowsOf(LARGE));
  const [less, more] = [many, LARGE].map((count) => filling.get(count).cpuMs / count);
  lines.push({
    what: `a first filling of ${LARGE} packages against ${many}: our own time a package`,
    value: `${(more / less).toFixed(2)} x  (${more.toFixed(2)} against ${less.toFixed(2)} ms)`,
    target: 'at most 1.1 x',
    met: more <= 1.1 * less,
    how: `processor time of the process, start-up included; ${filling.get(LARGE).questions} questions against ${filling.get(many).questions}`,
  });
  return lines;
}
