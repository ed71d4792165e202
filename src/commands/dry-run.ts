import { facetTask, type Job, lookBackDays } from '../collect/collect.ts';
import { expectedFacetBill } from '../collect/facets.ts';
import { type PlannedRead, planRun, type RunScope } from '../collect/plan.ts';
import { fetchDaysFree } from '../collect/run.ts';
import type { Config } from '../config/config.ts';
import { spanDays, windowBefore } from '../days/day.ts';
import { OperatorError } from '../errors/error.ts';
import { formatBytes, formatGib, formatNumber, nameSome, plural } from '../format.ts';
import { readHealth } from '../publish/health.ts';
import type { FacetQuestion } from '../sources/facets.ts';
import { openSource } from '../sources/index.ts';
import type { World } from '../sources/source.ts';
import { ledgersOf } from '../state/ledgers.ts';
import { committedBytes, EMPTY_SPEND, monthOf, readSpend } from '../state/spend.ts';
import { append, formatJson, sum } from '../util.ts';
import type { Context } from './context.ts';
import { FEW, renderFigures, type Style, styleOf, withProgress, wrap } from './output.ts';

/** A question of the run, and what the source says that it would read. */
export type Priced = Required<PlannedRead>;

const NOTES = `
The bytes are BigQuery's upper bound, and high for a package that is asked for alone: only a query that runs finds out which blocks of the clustered table it can skip. Days that have changed since they were read are not in the plan: finding them out takes a query that is billed (10 MB), which the run makes.
`;

/** A line for each package, and one for all. */
export function renderReads(reads: readonly Priced[], names: readonly string[], style: Style): string {
  const own = new Map<string, Priced[]>(names.map((name) => [name, []]));
  for (const read of reads) append(own, nameSome(read.packages, 1), read);
  const cells = (name: string, list: readonly Priced[]) => [
    name,
    formatNumber(list.length),
    formatNumber(sum(list, ({ span }) => spanDays(span))),
    formatBytes(sum(list, ({ estimatedBytes }) => estimatedBytes)),
  ];
  const asked = new Set(reads.flatMap(({ packages }) => packages));
  const idle = names.filter((name) => !asked.has(name));
  const shown = [...own].filter(([, list]) => list.length > 0);
  const others = idle.length > FEW ? [`(${plural(idle.length, 'package')} with every day)`] : idle;
  const rows = [
    ...shown.map(([name, list]) => cells(name, list)),
    ...others.map((name) => cells(name, [])),
    cells('all', reads),
  ];
  return renderFigures(['package', 'queries', 'days', 'bytes at most'], rows, style);
}

/** What a run would ask for. All sizes in bytes. */
export type PricedPlan = Awaited<ReturnType<typeof planPriced>>;

/**
 * Plans a run without carrying it out, and asks the source what it would read. Costs nothing and writes nothing.
 *
 * @throws OperatorError if the source, or the disk, refuses.
 */
export async function planPriced(task: RunScope, config: Config, world: World) {
  const source = await openSource(config.source, world);
  try {
    const { traits } = source;
    const learnt = await fetchDaysFree(source, task);
    const { fault } = learnt.upstream;
    if (fault !== undefined) throw new OperatorError(fault.code, fault.message);
    const kept = await readSpend(config.stateDir);
    const spend = typeof kept === 'object' ? kept : EMPTY_SPEND;
    const plan = await planRun(task, source, learnt, {
      ledgers: ledgersOf(config.stateDir, traits, undefined),
      spend,
      budgetBytes: config.budgetBytes,
    });
    for (const fault of plan.faults.values()) throw fault;
    const reads: Priced[] = [];
    for (const planned of plan.reads) {
      const { estimatedBytes = await source.estimate(planned, task.signal) } = planned;
      reads.push({ ...planned, estimatedBytes });
    }
    const committed = committedBytes(spend, monthOf(world.now()));
    const { budgetBytes: budget } = config;
    return {
      reads,
      traits,
      /** What was billed, or may have been, in this month. */
      committed,
      /** What an operator should know, and how the way to read the days was chosen. */
      notes: [...plan.warnings, ...plan.notes],
      /** What the reads are expected to bill, by what such days have billed so far. */
      expected: sum(reads, ({ expectedBytes }) => expectedBytes),
      /** What is left of the month's budget; undefined if there is none. */
      room: budget === null ? undefined : Math.max(0, budget - committed),
    };
  } finally {
    await source.close();
  }
}

/** That a run asks for facets besides; nothing if none are due. */
async function facetNote(job: Job, billed: boolean): Promise<string[]> {
  const health = await readHealth(job.config.outputDir).catch(() => undefined);
  const previous = health === 'unreadable' ? undefined : health;
  const task = await facetTask(job, previous, () => undefined);
  if (task === undefined) return [];
  const due: FacetQuestion[] = [];
  for (const { name, windows } of job.packages) {
    const span = windowBefore(job.asOf, windows[0]);
    if (task.isWanted(name, span, await task.lastOf?.(name))) due.push({ packages: [name], span });
  }
  if (due.length === 0) return [];
  const bill = billed ? `, and expected to bill about ${formatGib(sum(due, expectedFacetBill))} more` : '';
  return [`Facets of ${nameSome(due.map(({ packages: [name] }) => name))} are due${bill}.`];
}

/** `collect --dry-run`: the plan that a run would carry out now, and what the source says that it would read. */
export async function dryRun(job: Job, json: boolean, context: Context): Promise<number> {
  const { config, packages } = job;
  const { stdout, env } = context;
  const task = { ...job, lookBackDays: lookBackDays(job) };
  const plan = await withProgress(context, 'Planning', () => planPriced(task, config, context));
  const { reads, traits, room } = plan;
  if (json) {
    const value = reads.map((read) => ({
      packages: read.packages,
      ...read.span,
      days: spanDays(read.span),
      expected_bytes: Math.round(read.expectedBytes),
      bytes_at_most: read.estimatedBytes,
    }));
    stdout.write(formatJson(value));
    return 0;
  }
  const names = packages.map(({ name }) => name);
  const left =
    room === undefined ? 'there is no budget' : `this month's budget has room for ${formatGib(room)}`;
  const price = `\nThey are expected to bill about ${formatGib(plan.expected)}; ${left}.\n`;
  const notes = [...(await facetNote(job, traits.billed)), ...plan.notes];
  const style = styleOf(stdout, env);
  const text = [
    renderReads(reads, names, style),
    traits.billed ? NOTES + price : '',
    ...notes.map((note) => `\n${note}\n`),
  ];
  stdout.write(wrap(text.join(''), style));
  return 0;
}
