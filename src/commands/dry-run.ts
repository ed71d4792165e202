import { spanDays } from '../days/day.ts';
import { formatBytes, formatJson, formatNumber } from '../format.ts';
import { planPackage, prepareFree } from '../run/prepare.ts';
import { openSource, sourceId } from '../sources/open.ts';
import { readLedger } from '../state/files.ts';
import type { Job } from './job.ts';
import { type Column, renderTable } from './table.ts';

interface PackagePlan {
  readonly package: string;
  readonly queries: readonly {
    readonly start: string;
    readonly end: string;
    readonly bytes_at_most: number;
  }[];
  readonly days: number;
  readonly bytes_at_most: number;
}

const COLUMNS: readonly Column[] = [
  { title: 'package', align: 'left', maxWidth: 40 },
  { title: 'queries', align: 'right' },
  { title: 'days', align: 'right' },
  { title: 'bytes at most', align: 'right' },
];

const NOTES = `
The bytes are BigQuery's upper bound, and high: only a query that runs finds out which blocks of the
clustered table it can skip. Days that have changed since they were read are not in the plan: finding
them out takes a query that is billed (10 MB), which the run makes.
`;

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function render(plans: readonly PackagePlan[], billed: boolean): string {
  const cells = plans.map(({ package: name, queries, days, bytes_at_most }) => [
    name,
    formatNumber(queries.length),
    formatNumber(days),
    formatBytes(bytes_at_most),
  ]);
  const all = [
    'all',
    formatNumber(sum(plans.map(({ queries }) => queries.length))),
    formatNumber(sum(plans.map(({ days }) => days))),
    formatBytes(sum(plans.map(({ bytes_at_most }) => bytes_at_most))),
  ];
  return renderTable(COLUMNS, [...cells, all]) + (billed ? NOTES : '');
}

/**
 * `collect --dry-run`: the queries that a run would make now, and what the source says that they would
 * read. Costs nothing and writes nothing.
 */
export async function dryRun(job: Job): Promise<number> {
  const { config, context } = job;
  const source = await openSource(config.source, context.env, context.now);
  try {
    const preparation = await prepareFree(source, job);
    const plans: PackagePlan[] = [];
    for (const tracked of job.packages) {
      const ledger = await readLedger(config.stateDir, {
        source: sourceId(config.source),
        package: tracked.name,
      });
      const { spans } = planPackage(ledger, tracked, preparation, job);
      const queries = [];
      for (const span of spans) {
        const bytes_at_most = await source.estimate({ package: tracked.name, span });
        queries.push({ ...span, bytes_at_most });
      }
      plans.push({
        package: tracked.name,
        queries,
        days: sum(spans.map(spanDays)),
        bytes_at_most: sum(queries.map(({ bytes_at_most }) => bytes_at_most)),
      });
    }
    context.stdout.write(job.json ? formatJson(plans) : render(plans, source.billed));
    return 0;
  } finally {
    await source.close();
  }
}
