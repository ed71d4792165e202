import { type Forecast, type ForecastEntry, forecast } from '../collect/forecast.ts';
import { needOf, WORTH_ASKING_BYTES } from '../collect/plan.ts';
import { type Config, loadConfig } from '../config/config.ts';
import { dayOf } from '../days/day.ts';
import { OperatorError } from '../errors/error.ts';
import { formatBytes, formatGib, formatNumber, formatShare, plural } from '../format.ts';
import { traitsOf } from '../sources/index.ts';
import { openLedgers } from '../state/ledgers.ts';
import { EMPTY_SPEND, readSpend, type Spend } from '../state/spend.ts';
import { formatJson, snakeKeys } from '../util.ts';
import type { Context, GlobalOptions } from './context.ts';
import { FEW, listPrice, renderFigures, type Style, styleOf, wrap } from './output.ts';

export type CostOptions = GlobalOptions & { readonly json?: boolean };

async function forecastEntries(config: Config, { env, now }: Context): Promise<ForecastEntry[]> {
  const traits = traitsOf(config.source, env);
  const ledgers = openLedgers(config.stateDir, traits.id, undefined);
  const today = dayOf(now());
  const goal = { end: today, asOf: today, full: false, known: { kind: 'skipped' }, lookBackDays: 0 } as const;
  const list: ForecastEntry[] = [];
  for (const tracked of config.packages) {
    const { ledger } = await ledgers.load(tracked.name);
    const newest = [...ledger.days.keys()].reduce((a, b) => (b > a ? b : a), '');
    const unsupported = ledger.days.get(newest)?.partitionRows === null;
    list.push({ tracked, unsupported, need: needOf(tracked, ledger, goal, traits) });
  }
  return list;
}

/** Any number as a whole one, for JSON: nobody is billed a part of a byte. */
function wholeNumber(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value) : value;
}

function toJson(result: Forecast, ages: Spend['ages'], budgetBytes: number | null) {
  const { steadyBytes, morePackages, day, packages, ...known } = result;
  const { held, ...prices } = day ?? {};
  const bills = packages.map(({ package: name, ...bill }) => [name, bill]);
  const usages = [...ages].map(([age, { daysScanned, bytesBilled }]) => [age, { daysScanned, bytesBilled }]);
  const value = {
    ...known,
    wholeMonthBytes: steadyBytes,
    budgetBytes,
    day: day && { ...prices, shares: day.shares && held },
    morePackages: morePackages === Number.POSITIVE_INFINITY ? 'any' : morePackages,
    byAge: Object.fromEntries(usages),
    packages: Object.fromEntries(bills),
  };
  return `${JSON.stringify(snakeKeys(value), wholeNumber, 2)}\n`;
}

/** What a day was billed, by its age when it was read. */
function renderAges(ages: Spend['ages'], style: Style): string {
  const rows = [...ages]
    .filter(([, { daysScanned }]) => daysScanned > 0)
    .toSorted(([a], [b]) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .map(([age, { daysScanned, bytesBilled }]) => [
      age,
      formatNumber(daysScanned),
      formatBytes(bytesBilled / daysScanned),
    ]);
  if (rows.length === 0) return '';
  return `\n${renderFigures(['age of the day', 'days scanned', 'billed a day'], rows, style)}`;
}

/** Both ways to read a day of the list, and which of them is taken. */
function renderDay({ day, packages }: Forecast): string {
  if (day === undefined) return '';
  const { aloneBytes, sharedBytes, basis, shares, held, breakEvenPackages } = day;
  const list = plural(packages.length, 'package');
  const asked =
    basis === 'an estimate' && aloneBytes > WORTH_ASKING_BYTES
      ? ' A run asks BigQuery itself, which is free, and decides by its answer: collect --dry-run shows it.'
      : '';
  return `
A day of ${list === '1 package' ? 'this package' : `these ${list}`}: one by one about ${formatGib(aloneBytes)}, read once for all about ${formatGib(sharedBytes)} (${basis}).
${shares && held ? 'Days are read once for all.' : 'Packages are asked for one by one.'} The two are equal at about ${plural(breakEvenPackages, 'package')} like these.${asked}
`;
}

function renderMore(result: Forecast, budget: number | null): string {
  const { morePackages, steadyBytes, missingBytes, bytesBilled, day } = result;
  if (budget === null || morePackages === null)
    return 'There is no budget (bigquery.monthly_budget_gib: null).';
  const of = `The budget of ${formatGib(budget)} a month`;
  if (steadyBytes > budget) {
    const instead = day?.shares && !day.held ? ' Until then packages are asked for one by one.' : '';
    return `${of} does not hold this list, which needs about ${formatGib(steadyBytes)}: raise bigquery.monthly_budget_gib, track fewer packages, or count from ClickHouse, which is free (service.source: clickhouse).${instead}`;
  }
  const left = Math.max(0, budget - bytesBilled);
  const short =
    missingBytes > left
      ? `\nThe days that are missing now need more than the ${formatGib(left)} that are left of it this month.`
      : '';
  if (morePackages === Number.POSITIVE_INFINITY)
    return `${of} holds this list, and every package that joins it.${short}`;
  if (morePackages === 0) return `${of} holds this list, and no further package.${short}`;
  return `${of} holds about ${plural(morePackages, 'more package')}.${short}`;
}

/** What each package was billed alone, and what was billed for all of them, or for none. */
function renderBills(result: Forecast, style: Style): string {
  const row = (what: string, days: string, bytes: number) => {
    return [what, days, formatGib(bytes), formatShare(bytes, result.bytesBilled)];
  };
  // Where days are read for all, thousands of packages have no bill of their own.
  const idle = result.packages.filter(({ bytesBilled }) => bytesBilled === 0).length;
  const hidden = idle > FEW ? idle : 0;
  const shown = result.packages.filter(({ bytesBilled }) => bytesBilled > 0 || hidden === 0);
  const rows = shown.map((each) => row(each.package, formatNumber(each.daysScanned), each.bytesBilled));
  if (hidden > 0) rows.push(row(`(${plural(hidden, 'package')}, not billed alone)`, '0', 0));
  const { shared, otherBytes } = result;
  const sharedDays = formatNumber(shared.daysScanned);
  if (shared.bytesBilled > 0) rows.push(row('(read once for all)', sharedDays, shared.bytesBilled));
  if (otherBytes > 0) rows.push(row('(which days changed, failures, others)', '', otherBytes));
  return renderFigures(['package', 'days scanned', 'billed', 'share'], rows, style);
}

function render(result: Forecast, ages: Spend['ages'], budget: number | null, style: Style): string {
  const { month, bytesBilled } = result;
  const amounts: [string, number][] = [
    [`${month} to date`, bytesBilled],
    ['the days that are missing now', result.missingBytes],
    [`${month} at its end, projected`, result.projectedBytes],
    ['a whole month of daily runs', result.steadyBytes],
    ['the same without a ledger', result.withoutLedgerBytes],
  ];
  const rows = amounts.map(([what, bytes]) => [what, formatGib(bytes), listPrice(bytes)]);
  const totals = renderFigures(['BigQuery', 'billed', 'list price'], rows, style);
  const more = renderMore(result, budget);
  const text = `${totals}\n${renderBills(result, style)}${renderAges(ages, style)}${renderDay(result)}\n${more}\nThe list price counts the first TiB of a month as free.\n`;
  return wrap(text, style);
}

/** `cost`: what the list costs and will cost. Reads files only. */
export async function cost(options: CostOptions, context: Context): Promise<number> {
  const config = loadConfig(options.config, context.cwd);
  const traits = traitsOf(config.source, context.env);
  const { stdout } = context;
  const style = styleOf(stdout, context.env);
  if (!traits.billed) {
    const nothing = { source: traits.kind, bytes_billed: 0 };
    stdout.write(options.json ? formatJson(nothing) : wrap(`${traits.name} bills nothing.\n`, style));
    return 0;
  }
  const spend = await readSpend(config.stateDir);
  if (spend === 'unreadable') {
    const what = `${config.stateDir}/spend.json is not sound; the next run sets it aside and adds it up anew`;
    throw new OperatorError('state-damaged', what);
  }
  const { budgetBytes: budget } = config;
  const known = spend ?? EMPTY_SPEND;
  const entries = await forecastEntries(config, context);
  const { sharesDays } = traits;
  const result = forecast(entries, known, budget, context.now(), sharesDays, config.facetsEveryDays);
  stdout.write(options.json ? toJson(result, known.ages, budget) : render(result, known.ages, budget, style));
  return 0;
}
