import { budgetBytes, type Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { OperatorError } from '../errors/error.ts';
import { formatJson, formatNumber, formatShare } from '../format.ts';
import { type Forecast, forecast, type Tracked } from '../plan/forecast.ts';
import { sourceId } from '../sources/open.ts';
import { readLedger, readSpend } from '../state/files.ts';
import { EMPTY_SPEND, gib } from '../state/spend.ts';
import type { Context, GlobalOptions } from './context.ts';
import { renderTable } from './table.ts';

export interface CostOptions extends GlobalOptions {
  readonly json?: boolean;
}

const TIB = 1024 ** 4;

/** List price of a TiB on demand in the US, in dollars, after the first in a month (DESIGN section 3). */
const DOLLARS_PER_TIB = 6.25;

function dollars(bytes: number): string {
  const price = (Math.max(0, bytes - TIB) / TIB) * DOLLARS_PER_TIB;
  return `$${price.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

async function trackedLedgers(config: Config): Promise<Tracked[]> {
  const list: Tracked[] = [];
  for (const tracked of config.packages) {
    const identity = { source: sourceId(config.source), package: tracked.name };
    list.push({ tracked, ledger: await readLedger(config.stateDir, identity) });
  }
  return list;
}

function toJson(result: Forecast, budget: number | null) {
  return {
    month: result.month,
    bytes_billed: result.bytesBilled,
    queries: result.queries,
    projected_bytes: Math.round(result.projectedBytes),
    whole_month_bytes: Math.round(result.steadyBytes),
    without_ledger_bytes: Math.round(result.withoutLedgerBytes),
    budget_bytes: budget,
    more_packages: result.morePackages,
    other_bytes: result.otherBytes,
    packages: Object.fromEntries(
      result.packages.map((entry) => [
        entry.package,
        {
          days_scanned: entry.daysScanned,
          bytes_billed: entry.bytesBilled,
          bytes_per_day: Math.round(entry.bytesPerDay),
        },
      ]),
    ),
  };
}

function render(result: Forecast, budget: number | null): string {
  const { month, bytesBilled } = result;
  const amounts: [string, number][] = [
    [`${month} to date`, bytesBilled],
    [`${month} at its end, projected`, result.projectedBytes],
    ['a whole month of daily runs', result.steadyBytes],
    ['the same without a ledger', result.withoutLedgerBytes],
  ];
  const totals = renderTable(
    [
      { title: 'BigQuery', align: 'left' },
      { title: 'billed', align: 'right' },
      { title: 'list price', align: 'right' },
    ],
    amounts.map(([what, bytes]) => [what, gib(bytes), dollars(bytes)]),
  );
  const share = (bytes: number) => formatShare(bytes, bytesBilled);
  const other =
    result.otherBytes === 0
      ? []
      : [['(revisions, failures, others)', '', gib(result.otherBytes), share(result.otherBytes)]];
  const packages = renderTable(
    [
      { title: 'package', align: 'left', maxWidth: 40 },
      { title: 'days scanned', align: 'right' },
      { title: 'billed', align: 'right' },
      { title: 'share', align: 'right' },
    ],
    [
      ...result.packages.map((entry) => [
        entry.package,
        formatNumber(entry.daysScanned),
        gib(entry.bytesBilled),
        share(entry.bytesBilled),
      ]),
      ...other,
    ],
  );
  const more =
    budget === null || result.morePackages === null
      ? 'There is no budget (bigquery.monthly_budget_gib: null).'
      : `The budget of ${gib(budget)} a month holds about ${formatNumber(result.morePackages)} more packages.`;
  return `${totals}\n${packages}\n${more}\nThe list price counts the first TiB of a month as free.\n`;
}

/** `cost`: what the list costs and will cost. Reads files only. */
export async function cost(options: CostOptions, context: Context): Promise<number> {
  const config = loadConfig(options.config, context.cwd);
  if (config.source.kind === 'duckdb') {
    throw new OperatorError('usage', 'source duckdb bills nothing; there is no cost to show');
  }
  const spend = await readSpend(config.stateDir);
  if (spend === 'unreadable') {
    throw new OperatorError(
      'state-damaged',
      `${config.stateDir}/spend.json is not sound; the next run sets it aside and adds it up anew`,
    );
  }
  const budget = budgetBytes(config);
  const result = forecast(await trackedLedgers(config), spend ?? EMPTY_SPEND, budget, context.now());
  context.stdout.write(options.json ? formatJson(toJson(result, budget)) : render(result, budget));
  return 0;
}
