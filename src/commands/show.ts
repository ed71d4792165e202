import { causeText } from '../collect/run.ts';
import { loadSource } from '../config/config.ts';
import type { Day } from '../days/day.ts';
import { OperatorError, UsageError } from '../errors/error.ts';
import { formatBytes, formatJson } from '../format.ts';
import { PUBLIC_SOURCE, SOURCE_CHOICE, SOURCE_KINDS, type SourceConfig, traitsOf } from '../sources/index.ts';
import { allDownloads } from '../winnow/breakdown.ts';
import { type Folded, foldDays } from '../winnow/fold.ts';
import { knownDays } from '../winnow/package-days.ts';
import { type Account, renderAccount, renderAccounts } from './account.ts';
import { readNow, selectDays, selectNames } from './ask.ts';
import { type Context, type GlobalOptions, useColor } from './context.ts';
import { inkOf } from './output.ts';
import { selectAsOf } from './select.ts';

export interface ShowOptions extends GlobalOptions {
  readonly days: string;
  readonly asOf?: string;
  readonly source?: string;
  readonly json?: boolean;
}

/** The public source, or what was asked for as tracked.yaml describes it. */
function selectSource({ source, config }: ShowOptions, cwd: string): SourceConfig {
  if (source === undefined) return PUBLIC_SOURCE;
  const kind = SOURCE_KINDS.find((known) => known === source);
  if (kind !== undefined) return loadSource(kind, config, cwd);
  throw new UsageError(`--source ${source}: expected ${SOURCE_CHOICE}`);
}

function packageJson({ history, windows, warnings }: Folded) {
  const [{ breakdown }] = windows;
  const { count, counts, countsBySystem, excluded, others } = breakdown;
  return {
    count,
    all: allDownloads(breakdown),
    counts,
    counts_by_system: countsBySystem,
    excluded,
    others: Object.fromEntries([...others].toSorted(([, a], [, b]) => b - a)),
    by_day: history.days.map((day, index) => ({ day, count: history.breakdowns[index]?.count ?? null })),
    unknown_days: history.unknownDays,
    partial_days: history.partialDays,
    warnings,
  };
}

/** The accounts, the packages that nobody has downloaded, and those that could not be counted. */
interface Shown {
  readonly accounts: readonly Account[];
  readonly unknown: readonly Account[];
  readonly failures: readonly (readonly [name: string, error: unknown])[];
  readonly bytesBilled: number;
  readonly asOf: Day;
}

const UNCOUNTED = new OperatorError(
  'incomplete-window',
  'the source does not say of any of these days which downloads were by CI',
);

async function read(
  names: readonly string[],
  source: SourceConfig,
  options: ShowOptions,
  context: Context,
): Promise<Shown> {
  const windowDays = selectDays(options.days);
  const asOf = selectAsOf(options.asOf, context.now());
  const read = await readNow({ names, windowDays, asOf, source }, options, context);
  const counted = read.flatMap((outcome): Account[] =>
    outcome.kind === 'read'
      ? [
          {
            name: outcome.package.name,
            folded: foldDays(outcome.days, [windowDays]),
          },
        ]
      : [],
  );
  const isUncounted = ({ folded: { history } }: Account) =>
    history.unknownDays.length > 0 && knownDays(history).length === 0;
  const all = counted.filter((account) => !isUncounted(account));
  const isKnown = ({ folded: { history, windows } }: Account) =>
    history.unknownDays.length > 0 || allDownloads(windows[0].breakdown) > 0;
  return {
    asOf,
    accounts: all.filter(isKnown),
    unknown: all.filter((account) => !isKnown(account)),
    failures: [
      ...read.flatMap((outcome) =>
        outcome.kind === 'failed' ? [[outcome.package.name, outcome.error] as const] : [],
      ),
      ...counted.filter(isUncounted).map(({ name }) => [name, UNCOUNTED] as const),
    ],
    bytesBilled: read.reduce(
      (sum, outcome) => sum + (outcome.kind === 'read' ? outcome.taken.bytesBilled : 0),
      0,
    ),
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
  const config = selectSource(options, context.cwd);
  const shown = await read(selectNames(names), config, options, context);
  const { accounts, unknown, failures, bytesBilled } = shown;
  const { name: sourceName } = traitsOf(config, env);
  if (options.json) {
    stdout.write(
      formatJson({
        source: config.kind,
        as_of: shown.asOf,
        window_days: Number(options.days),
        packages: Object.fromEntries(
          [...accounts, ...unknown].map(({ name, folded }) => [name, packageJson(folded)]),
        ),
      }),
    );
  } else if (accounts.length > 0) {
    const drawing = { ink: inkOf(env), color: useColor(stdout, env) };
    const [first, ...others] = accounts;
    const text =
      first !== undefined && others.length === 0
        ? renderAccount(first, drawing)
        : renderAccounts(accounts, drawing);
    const billed = bytesBilled > 0 ? ` ${formatBytes(bytesBilled)} were billed.` : '';
    stdout.write(`${text}\nCounted from ${sourceName}.${billed}\n`);
  }
  for (const { name, folded } of unknown) {
    const [first = '', last = ''] = [folded.history.days[0], folded.history.days.at(-1)];
    stderr.write(
      `${name}: ${sourceName} has no download of any kind from ${first} to ${last}; is the name right? See https://pypi.org/project/${name}/\n`,
    );
  }
  for (const [name, error] of failures) stderr.write(`${name}: ${causeText(error)}\n`);
  return unknown.length + failures.length > 0 ? 1 : 0;
}
