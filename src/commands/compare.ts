import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Config, SourceConfig } from '../config/config.ts';
import { loadConfig, loadSource } from '../config/load.ts';
import { CLICKHOUSE_PUBLIC } from '../config/resolve.ts';
import { addDays, type Day, daysOf } from '../days/day.ts';
import { describeError, UsageError } from '../errors/error.ts';
import { formatJson } from '../format.ts';
import type { ReadDays } from '../run/outcome.ts';
import { causeText } from '../run/run.ts';
import { openPyPiStats, type PyPiStatsDay } from '../sources/pypistats.ts';
import { sourceName, traitsOf } from '../sources/traits.ts';
import { openLedgers } from '../state/ledgers.ts';
import { allDownloads, type Breakdown, winnow } from '../winnow/breakdown.ts';
import { fold } from '../winnow/fold.ts';
import { readNow, selectDays, selectNames } from './ask.ts';
import { type Comparison, comparePyPiStats, disagrees, figuresOf } from './comparison.ts';
import { type Compared, type OtherSource, renderComparison } from './comparison-text.ts';
import { type Context, type GlobalOptions, useColor } from './context.ts';
import { selectAsOf } from './select.ts';

export interface CompareOptions extends GlobalOptions {
  readonly days: string;
  readonly json?: boolean;
}

/** What is asked about. */
interface Subject {
  readonly name: string;
  readonly windowDays: number;
  readonly asOf: Day;
}

const winnowed = ({ rows }: ReadDays): Map<Day, Breakdown> =>
  new Map([...rows].map(([day, of]) => [day, winnow(of)]));

/** The sources beside ClickHouse that tracked.yaml names. */
function otherSources(config: Config | undefined): SourceConfig[] {
  return config === undefined || config.source.kind === 'clickhouse' ? [] : [config.source];
}

/**
 * What another source has of the days: where questions cost money, what the ledger has of them, so that a
 * comparison is free.
 */
async function readOther(
  source: SourceConfig,
  { stateDir }: Config,
  { name, windowDays, asOf }: Subject,
  options: CompareOptions,
  context: Context,
): Promise<OtherSource> {
  const traits = traitsOf(source, context.env);
  const remark = (days: ReadonlyMap<Day, Breakdown>, text: string): OtherSource => ({
    kind: source.kind,
    days,
    remark: text,
  });
  if (traits.billed) {
    const { ledger } = await openLedgers(stateDir, traits.id, undefined).load(name);
    const span = { start: addDays(asOf, -windowDays), end: asOf };
    const kept = daysOf(span).flatMap((day) => {
      const entry = ledger.days.get(day);
      return entry === undefined ? [] : [[day, winnow(entry.rows)] as const];
    });
    return remark(new Map(kept), 'as its ledger has them, which costs nothing');
  }
  const [outcome] = await readNow({ names: [name], windowDays, asOf, source }, options, context);
  if (outcome?.kind !== 'read') return remark(new Map(), causeText(outcome?.error));
  return remark(winnowed(outcome.read), '');
}

function comparisonJson({ theirs, differences, sameWay, excluded, honest, systems }: Comparison) {
  const pair = ({ all, withoutMirrors }: { all: number; withoutMirrors: number }) => ({
    with_mirrors: all,
    without_mirrors: withoutMirrors,
  });
  return {
    ...pair(theirs),
    differences: differences.map(({ reason, days, ...gap }) => ({ reason, ...pair(gap), days })),
    counted_the_same_way: pair(sameWay),
    excluded: Object.fromEntries(excluded),
    honest,
    systems: Object.fromEntries(
      [...systems].map(([system, figures]) => [
        system,
        { pypistats: figures.theirs, counted_the_same_way: figures.sameWay },
      ]),
    ),
  };
}

function toJson({ name, source, days, ours, total, comparison, stats, others }: Compared): object {
  return {
    package: name,
    source,
    days: { first: days[0], last: days.at(-1), count: days.length },
    ours: {
      all: allDownloads(total),
      count: total.count,
      counts: total.counts,
      counts_by_system: total.countsBySystem,
      excluded: total.excluded,
    },
    pypistats: comparison === undefined ? null : comparisonJson(comparison),
    by_day: days.map((day) => {
      const [own, theirs] = [ours.get(day), stats?.get(day)];
      return {
        day,
        [source]: own === undefined ? null : figuresOf(own),
        pypistats:
          theirs === undefined
            ? null
            : { with_mirrors: theirs.withMirrors, without_mirrors: theirs.withoutMirrors },
        ...Object.fromEntries(
          others.map(({ kind, days: known }) => {
            const other = known.get(day);
            return [kind, other === undefined ? null : figuresOf(other)];
          }),
        ),
      };
    }),
    differing_days: Object.fromEntries(
      others.map(({ kind, days: known }) => [
        kind,
        days.filter((day) => {
          const [own, other] = [ours.get(day), known.get(day)];
          return own && other && disagrees({ own: figuresOf(own), other: figuresOf(other) });
        }),
      ]),
    ),
  };
}

/** pypistats.org's days, or why they cannot be had; undefined for a package that it does not know. */
async function readStats(
  name: string,
  context: Context,
): Promise<{ stats?: ReadonlyMap<Day, PyPiStatsDay>; fault?: unknown }> {
  const client = openPyPiStats(context);
  try {
    const stats = await client.read(name, context.interruptible?.());
    return stats === undefined ? {} : { stats };
  } catch (fault) {
    if (fault instanceof UsageError) throw fault;
    return { fault };
  }
}

/**
 * `compare`: our account of a package beside pypistats.org's, and beside the other sources that tracked.yaml
 * names, with the reason of each difference. Costs nothing and writes nothing.
 *
 * @returns 1 if one of the two could not be asked, or does not know the package.
 * @throws UsageError if the command line is wrong.
 */
export async function compare(text: string, options: CompareOptions, context: Context): Promise<number> {
  const { cwd, stdout, stderr } = context;
  const [name = ''] = selectNames([text]);
  const subject = { name, windowDays: selectDays(options.days), asOf: selectAsOf(undefined, context.now()) };
  const listed = existsSync(resolve(cwd, options.config));
  const config = listed ? loadConfig(options.config, cwd) : undefined;
  const source = listed ? loadSource('clickhouse', options.config, cwd) : CLICKHOUSE_PUBLIC;
  const [outcome] = await readNow({ names: [name], source, ...subject }, options, context);
  if (outcome?.kind !== 'read') {
    stderr.write(`${name}: ${causeText(outcome?.error)}\n`);
    return 1;
  }
  const { history, windows, warnings } = fold(
    outcome.read,
    [subject.windowDays],
    outcome.upstream.partialDays,
  );
  const [{ breakdown: total }] = windows;
  const span = { start: history.days[0] ?? subject.asOf, end: outcome.upstream.end };
  const read = { span, rows: outcome.read.rows };
  const { stats, fault } = await readStats(name, context);
  const here = { ...subject, asOf: span.end };
  const others: OtherSource[] = [];
  for (const other of otherSources(config)) {
    if (config !== undefined) others.push(await readOther(other, config, here, options, context));
  }
  const compared: Compared = {
    name,
    source: source.kind,
    days: history.days,
    ours: winnowed({ span, rows: new Map([...read.rows].filter(([day]) => day >= span.start)) }),
    total,
    stats,
    comparison: stats && comparePyPiStats(read, stats),
    others,
    warnings: warnings.map(({ message }) => message),
  };
  const known = allDownloads(total) > 0 || history.unknownDays.length > 0;
  if (options.json) stdout.write(formatJson(toJson(compared)));
  else if (known || stats !== undefined)
    stdout.write(renderComparison(compared, useColor(stdout, context.env)));
  if (!known) {
    stderr.write(
      `${name}: ${sourceName(source.kind).name} has no download of any kind from ${span.start} on; is the name right? See https://pypi.org/project/${name}/\n`,
    );
  }
  if (stats === undefined) {
    stderr.write(
      fault === undefined ? `${name}: pypistats.org does not know it\n` : `${describeError(fault)}\n`,
    );
  }
  return known && stats !== undefined ? 0 : 1;
}
