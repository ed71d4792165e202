// What the ledger saves, and what it costs to keep.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { importTs } from '../scripts/import-ts.mjs';
import { measureCollect } from './command.mjs';

const WINDOW = 30;
const RUNS = 30;
/** What a day of one package bills on the real table (DESIGN section 3). */
const BYTES_PER_DAY = 150_000_000;
const BYTES_OF_REVISIONS = 10 * 2 ** 20;
const GIB = 2 ** 30;
const DAY_MS = 86_400_000;

const dayAfter = (day, days) => new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);
const packagesOf = (count, windows) =>
  Array.from({ length: count }, (_, index) => ({ name: `package-${index}`, windows }));

/** A quiet table, in which every day has rows and none changes; it adds up what it is asked. */
function countingSource() {
  const cost = (bytes) => ({ bytesProcessed: bytes, bytesBilled: bytes, cacheHit: false });
  const source = {
    billed: true,
    bytes: 0,
    queries: 0,
    async pivot({ span }) {
      const bytes = ((Date.parse(span.end) - Date.parse(span.start)) / DAY_MS) * BYTES_PER_DAY;
      source.bytes += bytes;
      source.queries += 1;
      return { rows: [], cost: cost(bytes) };
    },
    async revisions({ start, end }) {
      source.bytes += BYTES_OF_REVISIONS;
      source.queries += 1;
      const revisions = new Map();
      for (let day = start; day < end; day = dayAfter(day, 1)) revisions.set(day, 1_000_000_000);
      return { revisions, cost: cost(BYTES_OF_REVISIONS) };
    },
    estimate: async () => 0,
    close: async () => undefined,
  };
  return source;
}

/** A state that remembers ledgers as their files' text, or forgets them at once. */
function memoryState({ EMPTY_LEDGER, parseLedger, serializeLedger }, keeps) {
  const texts = new Map();
  const identity = (name) => ({ source: 'bench', package: name });
  return {
    async loadLedger(name) {
      return texts.has(name) ? parseLedger(texts.get(name), identity(name)) : EMPTY_LEDGER;
    },
    async saveLedger(name, ledger) {
      if (keeps) texts.set(name, serializeLedger(ledger, identity(name)));
    },
    loadSpend: async () => ({ months: {}, pending: {} }),
    saveSpend: async () => undefined,
  };
}

/** Bytes that a month of daily runs asks for, after the first run has filled the windows. */
async function monthOfRuns({ beginRun }, ledgerModule, count, keeps) {
  const source = countingSource();
  const state = memoryState(ledgerModule, keeps);
  for (let run = 0; run <= RUNS; run += 1) {
    const asOf = dayAfter('2026-03-01', run);
    if (run === 1) Object.assign(source, { bytes: 0, queries: 0 });
    const { outcomes } = await beginRun({
      packages: packagesOf(count, [WINDOW]),
      asOf,
      full: false,
      open: async () => source,
      state,
      budgetBytes: null,
      now: () => new Date(`${asOf}T04:00:00Z`),
    });
    for await (const outcome of outcomes) if (outcome.kind === 'failed') throw outcome.error;
  }
  return source;
}

async function savings() {
  const run = await importTs('src/run/run.ts');
  const ledger = await importTs('src/state/ledger.ts');
  const figures = [];
  for (const count of [1, 100, 1000]) {
    const kept = await monthOfRuns(run, ledger, count, true);
    const forgotten = await monthOfRuns(run, ledger, count, false);
    const each = (source) => `${(source.bytes / count / GIB).toFixed(2)} GiB`;
    figures.push({
      what: `${count} packages: a month's bytes a package`,
      value: `${each(kept)} with the ledger, ${each(forgotten)} without  (1 : ${(forgotten.bytes / kept.bytes).toFixed(1)})`,
      how: `${RUNS} daily runs of a ${WINDOW}-day window after the first one; ${kept.queries} queries against ${forgotten.queries}, each day at ${BYTES_PER_DAY / 1e6} MB`,
    });
  }
  return figures;
}

const PACKAGES = 1000;
const LEDGER_DAYS = 365;
const AS_OF = '2026-04-25';
const COMBINATIONS = [
  ['pip', 'Linux'],
  ['pip', 'Darwin'],
  ['pip', 'Windows'],
  ['uv', 'Linux'],
  ['uv', 'Darwin'],
  ['poetry', 'Linux'],
  ['bandersnatch', null],
  [null, null],
  ['Browser', null],
  ['requests', null],
];

/** A table in which the newest day alone has rows of the packages, and every day before it one of somebody's. */
async function makeTable(file) {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  await connection.run(`COPY (
    SELECT TIMESTAMPTZ '${AS_OF} 12:00:00+00' - to_days(CAST(1 + n AS INTEGER)) AS timestamp,
      {project: 'somebody'} AS file, {ci: NULL::BOOLEAN, installer: {name: 'pip'}, system: {name: 'Linux'}} AS details
    FROM range(1, ${LEDGER_DAYS + 8}) AS days(n)
    UNION ALL
    SELECT TIMESTAMPTZ '${AS_OF} 12:00:00+00' - INTERVAL 1 DAY,
      {project: 'package-' || n}, {ci: NULL::BOOLEAN, installer: {name: 'uv'}, system: {name: 'Linux'}}
    FROM range(${PACKAGES}) AS packages(n)
  ) TO '${file}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
}

/** Ledgers of a year each that lack the newest day. */
async function makeLedgers(stateDir, source) {
  const { EMPTY_LEDGER, serializeLedger, withDays } = await importTs('src/state/ledger.ts');
  const span = { start: dayAfter(AS_OF, -LEDGER_DAYS), end: dayAfter(AS_OF, -1) };
  const rows = [];
  for (let day = span.start; day < span.end; day = dayAfter(day, 1)) {
    for (const [installer, system] of COMBINATIONS)
      rows.push({ day, ci: null, installer, system, downloads: 7 });
  }
  const ledger = withDays(EMPTY_LEDGER, span, rows, () => 1);
  mkdirSync(join(stateDir, 'ledger'), { recursive: true });
  for (const { name } of packagesOf(PACKAGES, [])) {
    writeFileSync(
      join(stateDir, 'ledger', `${name}.json`),
      serializeLedger(ledger, { source, package: name }),
    );
  }
}

async function keeping(folder) {
  const files = join(folder, 'rows.parquet');
  await makeTable(files);
  await makeLedgers(join(folder, 'state'), `duckdb:${files}`);
  const configure = (name, count) => {
    const list = packagesOf(count, []).map(
      ({ name: entry }) => `  - {name: ${entry}, window_days: ${LEDGER_DAYS}}\n`,
    );
    const config = join(folder, `${name}.yaml`);
    writeFileSync(
      config,
      `service:\n  output_dir: output\n  source: duckdb\nduckdb:\n  files: ${files}\npackages:\n${list.join('')}`,
    );
    return config;
  };
  const one = measureCollect(folder, configure('one', 1), AS_OF);
  const all = measureCollect(folder, configure('all', PACKAGES), AS_OF);
  const own = (all.lifeMs - all.engineMs - (one.lifeMs - one.engineMs)) / (PACKAGES - 1);
  return [
    {
      what: `${PACKAGES} packages with a year each: our own time`,
      value: `${own.toFixed(2)} ms a package  (${((own * PACKAGES) / 1000).toFixed(1)} s in all)`,
      how: 'one new day each, and all badges made anew: life of the process less DuckDB’s calls, less the same for 1 package',
    },
    {
      what: `${PACKAGES} packages with a year each: peak memory`,
      value: `${(all.maxRssKib / 1024).toFixed(0)} MiB  (${(all.maxRssKib / one.maxRssKib).toFixed(2)} x that of 1 package)`,
      how: 'maximum resident set of the whole process',
    },
  ];
}

export const title = 'The ledger';

export async function measure() {
  const folder = mkdtempSync(join(tmpdir(), 'pypi-badges-bench-'));
  try {
    return [...(await savings()), ...(await keeping(folder))];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
