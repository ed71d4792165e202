import type { BigQueryConfig, Config, SourceConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { addDays, type Day, dayOf } from '../days/day.ts';
import { windowBefore } from '../days/window.ts';
import { probeFolder } from '../disk/probe.ts';
import { bugIn, describeError, errorCode } from '../errors/error.ts';
import { formatAge, formatBytes, nameSome, plural } from '../format.ts';
import { nodeFault } from '../node-version.ts';
import { readHealth } from '../publish/health.ts';
import { standingsOf } from '../publish/health-merge.ts';
import type { BigQuerySource } from '../sources/bigquery/source.ts';
import { openSource } from '../sources/open.ts';
import { SourceError } from '../sources/source.ts';
import type { Context, GlobalOptions } from './context.ts';

/** What a check came to: `note` is worth knowing and needs no mending. */
interface Finding {
  readonly what: string;
  readonly state: 'ok' | 'note' | 'FAIL';
  readonly text: string;
  /** What was thrown, if the check itself broke. */
  readonly error?: unknown;
}

const ok = (what: string, text: string): Finding => ({ what, state: 'ok', text });
const note = (what: string, text: string): Finding => ({ what, state: 'note', text });
const fail = (what: string, text: string): Finding => ({ what, state: 'FAIL', text });
const broken = (what: string, error: unknown): Finding => ({ ...fail(what, describeError(error)), error });

/** Google refuses tokens that are off by some minutes; a clock that is kept right is off by far less. */
const SKEW_MAX_MS = 60_000;

/** Somebody waits for the answer. */
const RETRIES = 1;

/** Longest wait for BigQuery, in seconds; shorter than in a run, as `doctor` is run by hand. */
const PATIENCE_SECONDS = 20;

function checkNode(version: string): Finding {
  const fault = nodeFault(version);
  return fault === undefined ? ok('Node.js', version) : fail('Node.js', fault);
}

async function checkFolder(what: string, path: string): Promise<Finding> {
  try {
    return ok(
      what,
      (await probeFolder(path)) ? `${path} is writable` : `${path} will be made by the first run`,
    );
  } catch (error) {
    return broken(what, error);
  }
}

/** Where the identity comes from, without anything secret. */
function describeCredentials({ credentialFile }: BigQueryConfig, env: Context['env']): string {
  const emulator = env['BIGQUERY_EMULATOR_HOST'];
  if (emulator) return `none needed: BIGQUERY_EMULATOR_HOST leads to ${emulator}`;
  return credentialFile ?? 'Application Default Credentials';
}

function checkClock(skewMs: number | undefined, whose: string): Finding[] {
  if (skewMs === undefined) return [];
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  const off = `${seconds} s ${skewMs < 0 ? 'behind' : 'ahead of'} ${whose}`;
  const refused = whose === "Google's" ? ', and Google refuses such credentials' : '';
  return [
    Math.abs(skewMs) > SKEW_MAX_MS
      ? fail('clock', `it is ${off}${refused}; run: timedatectl set-ntp true`)
      : ok('clock', seconds === 0 ? `agrees with ${whose}` : off),
  ];
}

/** What is broken: the right to ask, or what leads there. */
function checkOf(error: unknown): string {
  const step = error instanceof SourceError ? error.step : undefined;
  return step === 'sign-in' || step === 'proxy' ? step : 'permission';
}

async function checkTable(
  source: BigQuerySource,
  table: string,
  config: Config,
  today: Day,
): Promise<Finding[]> {
  const [tracked] = config.packages;
  if (tracked === undefined) return [];
  const span = windowBefore(today, Math.max(...tracked.windows));
  try {
    const bytes = await source.estimate({ packages: [tracked.name], span });
    const size = formatBytes(bytes);
    const findings = [
      ok('permission', `${table} may be queried (free dry run for ${tracked.name}: ${size} at most)`),
    ];
    const refused = await source.daysRefused(span);
    const text = 'the table tells which days have changed';
    const without =
      'the two newest days are read again with each run, and every seventh day the whole window';
    return [...findings, refused === undefined ? ok('days', text) : note('days', `${refused}; ${without}`)];
  } catch (error) {
    // The check of the clock says that, and how far it is off.
    return errorCode(error) === 'clock' ? [] : [broken(checkOf(error), error)];
  }
}

async function checkBigQuery(config: Config, source: BigQueryConfig, context: Context): Promise<Finding[]> {
  const { openBigQuery } = await import('../sources/bigquery/source.ts');
  const queryTimeoutSeconds = Math.min(source.queryTimeoutSeconds, PATIENCE_SECONDS);
  let opened: BigQuerySource;
  try {
    opened = await openBigQuery({ ...source, queryTimeoutSeconds }, context.env, context.now);
  } catch (error) {
    return [broken(errorCode(error) === 'proxy-invalid' ? 'proxy' : 'credentials', error)];
  }
  try {
    const who = `${describeCredentials(source, context.env)} (${opened.payer ?? `project ${opened.project}`})`;
    const table = await checkTable(opened, source.table, config, dayOf(context.now()));
    return [ok('credentials', who), ...table, ...checkClock(opened.clockSkewMs?.(), "Google's")];
  } finally {
    await opened.close();
  }
}

/** Days for which a source that costs nothing is asked whether it has them. */
const LOOK_BACK_DAYS = 14;

/** How far behind the newest day of a table may be on a usual day. */
const BEHIND_DAYS = 2;

async function checkFreeSource(config: SourceConfig, context: Context): Promise<Finding[]> {
  const { kind } = config;
  const where =
    kind === 'clickhouse' ? `${context.env['CLICKHOUSE_URL'] || config.url}, ${config.table}` : '';
  const today = dayOf(context.now());
  try {
    const source = await openSource(config, { ...context, retries: RETRIES });
    try {
      if (!source.traits.wholeLog) return [ok(kind, 'can be opened')];
      const answer = await source.days({ start: addDays(today, -LOOK_BACK_DAYS), end: today });
      const answers = [
        ok(kind, where === '' ? 'can be opened' : `answers at ${where}`),
        ...checkClock(source.clockSkewMs?.(), "the server's"),
      ];
      if (answer.kind === 'untold') return [...answers, note('days', answer.reason)];
      const newest = [...answer.rows]
        .flatMap(([day, rows]) => (rows > 0 ? [day] : []))
        .toSorted()
        .at(-1);
      const last =
        newest === undefined
          ? `it has none of the last ${LOOK_BACK_DAYS} days`
          : `its newest day is ${newest}`;
      const late = newest === undefined || newest < addDays(today, -BEHIND_DAYS);
      return [...answers, late ? note('days', `${last}; windows end there`) : ok('days', last)];
    } finally {
      await source.close();
    }
  } catch (error) {
    return [broken(errorCode(error) === 'clock' ? 'clock' : kind, error)];
  }
}

function checkSource(config: Config, source: SourceConfig, context: Context): Promise<Finding[]> {
  return source.kind === 'bigquery'
    ? checkBigQuery(config, source, context)
    : checkFreeSource(source, context);
}

async function checkFreshness(config: Config, now: Date): Promise<Finding> {
  const what = 'last success';
  try {
    const health = await readHealth(config.outputDir);
    if (health === undefined) return note(what, 'nothing was collected yet; run: pypi-badges collect');
    if (health === 'unreadable')
      return fail(what, '_health.json is not a health file; run: pypi-badges collect');
    const states = standingsOf(config, health, now);
    const unwell = states.filter(({ state }) => state !== 'ok');
    if (unwell.length > 0) {
      const some = unwell.map(({ name, state }) => `${name} (${state})`);
      return fail(what, `not well: ${nameSome(some, 3)}; see: pypi-badges status`);
    }
    const ages = states.map(({ entry }) => now.getTime() - Date.parse(entry?.lastSuccess ?? ''));
    return ok(what, `${formatAge(Math.max(...ages))}, for every package`);
  } catch (error) {
    return broken(what, error);
  }
}

/**
 * `doctor`: looks at everything that a run depends on, and says how to mend what is broken. It costs
 * nothing and changes nothing.
 *
 * @returns 1 if something must be mended.
 */
export async function doctor(options: GlobalOptions, context: Context): Promise<number> {
  const config = loadConfig(options.config, context.cwd);
  const checks: (() => Finding[] | Promise<Finding[]>)[] = [
    () => [checkNode(context.nodeVersion ?? process.versions.node)],
    () => [ok('configuration', `${options.config} is valid: ${plural(config.packages.length, 'package')}`)],
    async () => [await checkFolder('output_dir', config.outputDir)],
    async () => [await checkFolder('state_dir', config.stateDir)],
    () => checkSource(config, config.source, context),
    async () => [await checkFreshness(config, context.now())],
  ];
  let healthy = true;
  for (const check of checks) {
    for (const { what, state, text, error } of await check()) {
      context.stdout.write(`${state.padEnd(4)}  ${what.padEnd(13)}  ${text}\n`);
      healthy &&= state !== 'FAIL';
      if (bugIn(error) !== undefined) context.stderr.write(context.bugReport?.(error) ?? '');
    }
  }
  return healthy ? 0 : 1;
}
