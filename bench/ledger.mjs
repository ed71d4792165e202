// What the ledger saves, and what it costs to keep.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importTs } from '../scripts/import-ts.mjs';
import { measureCollect } from './command.mjs';

const WINDOW = 30;
const RUNS = 30;
/** What a day of one package bills on the real table. */
const BYTES_PER_DAY = 150_000_000;
const BYTES_OF_DAYS = 10 * 2 ** 20;
const GIB = 2 ** 30;
const DAY_MS = 86_400_000;

const dayAfter = (day, days) => new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);
const packagesOf = (count, windows) =>
  Array.from({ length: count }, (_, index) => ({ name: `package-${index}`, windows }));

/** A quiet table, in which every day has rows and none changes; it adds up what it is asked. */
function countingSource() {
  const cost = (bytes) => ({ bytesProcessed: bytes, bytesBilled: bytes, cacheHit: false });
  const source = {
    traits: {
      kind: 'bigquery',
      id: 'bench',
      name: 'bench',
      billed: true,
      keepsLedger: true,
      wholeLog: true,
      packagesAtOnce: 1,
      packageDaysAtOnce: Number.POSITIVE_INFINITY,
      sharesDays: false,
      questionsAtOnce: 1,
    },
    hasFileNames: true,
    bytes: 0,
    queries: 0,
    async read({ packages, span }) {
      const bytes = ((Date.parse(span.end) - Date.parse(span.start)) / DAY_MS) * BYTES_PER_DAY;
      source.bytes += bytes;
      source.queries += 1;
      return {
        rows: new Map(packages.map((name) => [name, []])),
        unknownDays: new Map(),
        failures: new Map(),
        cost: cost(bytes),
      };
    },
    async days({ start, end }) {
      source.bytes += BYTES_OF_DAYS;
      source.queries += 1;
      const rows = new Map();
      for (let day = start; day < end; day = dayAfter(day, 1)) rows.set(day, 1_000_000_000);
      return { kind: 'known', rows, cost: cost(BYTES_OF_DAYS) };
    },
    estimate: async () => 0,
    close: async () => undefined,
  };
  return source;
}

/** A state that remembers ledgers as their files' text, or forgets them at once. */
function memoryState({ EMPTY_LEDGER, parseLedger, serializeLedger }, { EMPTY_SPEND }, keeps) {
  const texts = new Map();
  const identity = (name) => ({ source: 'bench', package: name });
  return {
    ledgers: {
      async load(name) {
        const ledger = texts.has(name) ? parseLedger(texts.get(name), identity(name)) : EMPTY_LEDGER;
        return { ledger, saved: ledger };
      },
      async save(name, ledger) {
        if (keeps) texts.set(name, serializeLedger(ledger, identity(name)));
      },
      recover: async () => undefined,
      assertRoom: async () => undefined,
    },
    spend: {
      load: async () => EMPTY_SPEND,
      note: async () => undefined,
      save: async () => undefined,
    },
  };
}

/** Bytes that a month of daily runs asks for, after the first run has filled the windows. */
async function monthOfRuns({ beginRun }, ledgerModule, billsModule, count, keeps) {
  const source = countingSource();
  const state = memoryState(ledgerModule, billsModule, keeps);
  for (let run = 0; run <= RUNS; run += 1) {
    const asOf = dayAfter('2026-03-01', run);
    if (run === 1) Object.assign(source, { bytes: 0, queries: 0 });
    const { outcomes } = await beginRun({
      packages: packagesOf(count, [WINDOW]),
      asOf,
      lookBackDays: 35,
      full: false,
      open: async () => source,
      assertHeld: () => undefined,
      ...state,
      budgetBytes: null,
      warn: () => undefined,
      now: () => new Date(`${asOf}T04:00:00Z`),
    });
    for await (const outcome of outcomes) if (outcome.kind === 'failed') throw outcome.error;
  }
  return source;
}

async function savings() {
  const run = await importTs('src/collect/run.ts');
  const ledger = await importTs('src/state/ledger.ts');
  const bills = await importTs('src/state/spend.ts');
  const figures = [];
  for (const count of [1, 100, 1000]) {
    const kept = await monthOfRuns(run, ledger, bills, count, true);
    const forgotten = await monthOfRuns(run, ledger, bills, count, false);
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
const AS_OF = '2026-11-20';
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

/** A BigQuery in which every day has rows, and the newest some of each package. */
function tableRows() {
  const newest = dayAfter(AS_OF, -1);
  const rows = packagesOf(PACKAGES, []).map(({ name }) => ({
    project: name,
    day: newest,
    installer: 'uv',
    system: 'Linux',
    downloads: 1,
  }));
  for (let day = dayAfter(AS_OF, -LEDGER_DAYS - 60); day <= newest; day = dayAfter(day, 1)) {
    rows.push({ project: 'somebody', day, installer: 'pip', downloads: 1_000_000 });
  }
  return rows;
}

/** Ledgers of a year each that lack the newest day. */
async function makeLedgers(stateDir, source) {
  const { EMPTY_LEDGER, withDays } = await importTs('src/state/ledger.ts');
  const { openLedgers } = await importTs('src/state/ledgers.ts');
  const span = { start: dayAfter(AS_OF, -LEDGER_DAYS), end: dayAfter(AS_OF, -1) };
  const rows = [];
  for (let day = span.start; day < span.end; day = dayAfter(day, 1)) {
    for (const [installer, system] of COMBINATIONS) {
      rows.push({ day, ci: null, installer, system, sidecar: false, downloads: 7 });
    }
  }
  const ledger = withDays(EMPTY_LEDGER, span, rows, () => 1_000_000);
  const ledgers = openLedgers(stateDir, source, undefined);
  for (const { name } of packagesOf(PACKAGES, [])) await ledgers.save(name, ledger);
}

async function keeping(folder) {
  const { BigQueryServer } = await importTs('tests/support/bigquery-server.ts');
  const server = await BigQueryServer.start({ rows: tableRows() });
  const env = { BIGQUERY_EMULATOR_HOST: server.host };
  const configure = (name, count) => {
    const list = packagesOf(count, []).map(
      ({ name: entry }) => `  - {name: ${entry}, window_days: ${LEDGER_DAYS}}\n`,
    );
    const config = join(folder, `${name}.yaml`);
    writeFileSync(
      config,
      `service:\n  output_dir: output-${name}\n  state_dir: state-${name}\nbigquery: {project_id: bench, monthly_budget_gib: null}\npackages:\n${list.join('')}`,
    );
    return config;
  };
  try {
    const table = 'bigquery-public-data.pypi.file_downloads';
    for (const name of ['one', 'all']) {
      await makeLedgers(join(folder, `state-${name}`), `bigquery:${table} on ${server.host}`);
    }
    const one = await measureCollect(folder, configure('one', 1), AS_OF, env);
    const all = await measureCollect(folder, configure('all', PACKAGES), AS_OF, env);
    const own = (all.cpuMs - one.cpuMs) / (PACKAGES - 1);
    return [
      {
        what: `${PACKAGES} packages with a year each: our own time`,
        value: `${own.toFixed(2)} ms a package  (${((own * PACKAGES) / 1000).toFixed(1)} s in all)`,
        how: 'one new day each from a stand-in for BigQuery, and all badges made anew: processor time of the process, less the same for 1 package',
      },
      {
        what: `${PACKAGES} packages with a year each: peak memory`,
        value: `${(all.maxRssKib / 1024).toFixed(0)} MiB  (${(all.maxRssKib / one.maxRssKib).toFixed(2)} x that of 1 package)`,
        how: 'maximum resident set of the whole process',
      },
    ];
  } finally {
    await server.close();
  }
}

export const title = 'The ledger';

export async function measure(folder) {
  return [...(await savings()), ...(await keeping(folder))];
}
