import { loadSource } from '../config/config.ts';
import { UsageError } from '../errors/error.ts';
import { formatBytes } from '../format.ts';
import { allDownloads } from '../metric/breakdown.ts';
import type { ShownFacet } from '../metric/facets.ts';
import { incompleteDaysOf, knownDays } from '../metric/package-days.ts';
import { typicalDay } from '../metric/spikes.ts';
import type { PackageSummary } from '../metric/summary.ts';
import { PUBLIC_SOURCE, type SourceConfig, traitsOf } from '../sources/index.ts';
import { byCount, formatJson, isNonEmpty } from '../util.ts';
import { type Account, hasRows, renderAccounts, unknownText } from './account.ts';
import { readNow } from './ask.ts';
import { citationOf } from './cite.ts';
import type { Context, GlobalOptions } from './context.ts';
import { showFacets } from './facets.ts';
import { bySentence, inkOf, say, styleOf, wrap } from './output.ts';
import { selectAsOf, selectDays, selectNames } from './select.ts';

export interface ShowOptions extends GlobalOptions {
  readonly days: string;
  readonly asOf?: string;
  readonly source?: SourceConfig['kind'];
  readonly json?: boolean;
  readonly by?: ShownFacet;
  readonly of?: string;
  readonly markdown?: boolean;
  readonly yes?: boolean;
  readonly cite?: boolean;
}

function packageJson({ history, windows, warnings }: PackageSummary) {
  const [{ breakdown }] = windows;
  const { count, counts, countsBySystem, excluded, others } = breakdown;
  const { unknown, partial } = incompleteDaysOf(history);
  return {
    count,
    all: allDownloads(breakdown),
    counts,
    counts_by_system: countsBySystem,
    excluded,
    others: Object.fromEntries([...others].toSorted(byCount)),
    typical_day: typicalDay(history, history.length) ?? null,
    by_day: history.map((each) => ({ day: each.day, count: each.breakdown?.count ?? null })),
    unknown_days: unknown,
    partial_days: partial,
    warnings,
  };
}

/**
 * `show`: the account of any package, now, without a tracked.yaml. Writes nothing.
 *
 * @returns 1 if a package could not be counted, or was not downloaded at all.
 * @throws UsageError if the command line is wrong.
 */
export async function show(
  names: readonly string[],
  options: ShowOptions,
  context: Context,
): Promise<number> {
  const { stdout, stderr, env } = context;
  const { source: kind, config, json, cite, by, of, markdown, yes } = options;
  const source = kind === undefined ? PUBLIC_SOURCE : loadSource(kind, config, context.cwd);
  const { name: sourceName } = traitsOf(source, env);
  const asked = {
    names: selectNames(names),
    windowDays: selectDays(options.days),
    asOf: selectAsOf(options.asOf, context.now()),
    source,
  };
  if (by !== undefined) return showFacets(asked, { ...options, by }, context);
  if (of !== undefined || markdown || yes) {
    throw new UsageError('--of, --markdown and --yes go with --by, such as --by python');
  }
  const counted: Account[] = [];
  const faults: [string, string][] = [];
  let bytesBilled = 0;
  for (const answer of await readNow(asked, options, context)) {
    if (answer.kind === 'failed') {
      faults.push([answer.name, answer.why]);
      continue;
    }
    bytesBilled += answer.taken.bytesBilled;
    const { history } = answer.summary;
    if (!history.some(({ isUnknown }) => isUnknown) || knownDays(history).length > 0) counted.push(answer);
    else
      faults.push([answer.name, 'the source does not say of any of these days which downloads were by CI']);
  }
  const accounts = counted.filter(hasRows);
  if (json) {
    const packages = Object.fromEntries(counted.map(({ name, summary }) => [name, packageJson(summary)]));
    const { asOf, windowDays } = asked;
    stdout.write(formatJson({ source: source.kind, as_of: asOf, window_days: windowDays, packages }));
  } else if (cite) {
    const citations = accounts.map((account) => citationOf(account, sourceName, context, kind));
    stdout.write(citations.join('\n'));
  } else if (isNonEmpty(accounts)) {
    const style = styleOf(stdout, env);
    const text = renderAccounts(accounts, { ...style, ink: inkOf(env) });
    const billed = bytesBilled > 0 ? ` ${formatBytes(bytesBilled)} were billed.` : '';
    stdout.write(wrap(`${text}\nCounted from ${sourceName}.${billed}\n`, style));
  }
  const unknown = counted.filter((account) => !hasRows(account));
  const said = [...unknown.map((account) => unknownText(account, sourceName)), ...bySentence(faults)];
  for (const line of said) say(stderr, env, line);
  return unknown.length + faults.length > 0 ? 1 : 0;
}
