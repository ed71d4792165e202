import { SYSTEM_NAMES } from '../badges/catalogue.ts';
import { type Config, loadConfigIfPresent, loadSource } from '../config/config.ts';
import { type Day, date } from '../days/day.ts';
import { ERAS } from '../days/eras.ts';
import { SourceError } from '../errors/error.ts';
import { formatNumber, plural } from '../format.ts';
import { allDownloads, type Breakdown, breakdownOf, type DownloadRow } from '../metric/breakdown.ts';
import { EXCLUSIONS, type Exclusion, SYSTEMS } from '../metric/classes.ts';
import { spanOf } from '../metric/package-days.ts';
import { days as daysText, EXCLUSION_NAMES, spanText } from '../page/words.ts';
import { PUBLIC_SOURCE, sourceName, traitsOf } from '../sources/index.ts';
import { countAsPyPiStats, isWithoutMirrors, readPyPiStats, type StatsCount } from '../sources/pypistats.ts';
import { openLedgers } from '../state/ledgers.ts';
import { append, byCount, formatJson, recordOf, sum } from '../util.ts';
import { type Account, hasRows, listDays, unknownText } from './account.ts';
import { type Asking, readNow } from './ask.ts';
import type { Context, GlobalOptions } from './context.ts';
import { paint, renderFigures, type Style, say, styleOf, withProgress, wrap } from './output.ts';
import { selectAsOf, selectDays, selectNames } from './select.ts';

export type CompareOptions = GlobalOptions & { readonly days: string; readonly json?: boolean };

/** Why two figures of the same day differ. */
const DIFFERENCES = {
  'absent-there': {
    label: 'Days that pypistats.org lacks',
    why: 'it reads a day once, at 01:00 UTC of the next, and keeps 180 days',
  },
  'absent-here': { label: 'Days that we lack', why: 'ClickHouse has nothing of them' },
  'rows-differ': {
    label: 'Rows that only one of us has',
    why: 'pypistats.org reads a day once, at 01:00 UTC of the next, and leaves out what names no usual version of Python; ClickHouse may have been filled in later',
  },
};
type Reason = keyof typeof DIFFERENCES;

/** Why pypistats.org counts what we do not. */
const CLASSES: Readonly<Record<Exclusion, string>> = {
  sidecar: `until ${ERAS.distributions} PyPI also recorded files beside packages, such as .metadata, and pypistats.org counts them`,
  ci: 'pypistats.org does not look at the CI flag',
  mirror:
    'pypistats.org knows bandersnatch, z3c.pypimirror, Artifactory and devpi, but not Nexus and pep381client',
  browser: 'pypistats.org counts browsers',
  other: 'pypistats.org counts every program that says its name, such as requests',
  unknown: 'pypistats.org leaves clients without a name out of this figure, too',
};

/** A day as each has it. */
interface ComparedDay {
  readonly day: Day;
  /** As our source and another one have it; null where nothing is known. */
  readonly own: Breakdown | null;
  readonly other: Breakdown | null;
  /** Our rows as pypistats.org counts them, and its own figures; undefined where there are none. */
  readonly here: StatsCount | undefined;
  readonly there: StatsCount | undefined;
}

const PAIR = ['with_mirrors', 'without_mirrors'] as const;
type Pair = Pick<StatsCount, (typeof PAIR)[number]>;

/** The sum of a figure over days. */
function total(days: readonly ComparedDay[], whose: 'here' | 'there', stat: keyof StatsCount): number {
  return sum(days, (day) => day[whose]?.[stat] ?? 0);
}

/** How many downloads of days our rows have that pypistats.org lacks. */
function moreHere(days: readonly ComparedDay[]): Pair {
  return recordOf(PAIR, (stat) => total(days, 'here', stat) - total(days, 'there', stat));
}

/**
 * Why a day differs; undefined if it does not. pypistats.org has no entry for a day without downloads, and none for one that
 * it missed: the former is no difference, as we have no rows then either.
 */
function reasonOf(day: ComparedDay): Reason | undefined {
  const more = moreHere([day]);
  if (PAIR.every((stat) => more[stat] === 0)) return undefined;
  if (day.there === undefined) return 'absent-there';
  return day.here === undefined ? 'absent-here' : 'rows-differ';
}

/**
 * The way from pypistats.org's figures to the count of the same days.
 *
 * @param rows Ours of these days.
 */
function explain(days: readonly ComparedDay[], rows: readonly DownloadRow[]) {
  const differing = new Map<Reason, ComparedDay[]>();
  for (const day of days) {
    const reason = reasonOf(day);
    if (reason !== undefined) append(differing, reason, day);
  }
  const { excluded, count } = breakdownOf(rows.filter(isWithoutMirrors));
  const classes = EXCLUSIONS.map((reason) => [reason, excluded[reason]] as const);
  return {
    ...recordOf(PAIR, (stat) => total(days, 'there', stat)),
    differences: [...differing].map(([reason, some]) => {
      return { reason, ...moreHere(some), days: some.map(({ day }) => day) };
    }),
    counted_the_same_way: recordOf(PAIR, (stat) => total(days, 'here', stat)),
    excluded: Object.fromEntries(classes.filter(([, downloads]) => downloads > 0).toSorted(byCount)),
    count,
    systems: recordOf(SYSTEMS, (system) => ({
      pypistats: total(days, 'there', system),
      counted_the_same_way: total(days, 'here', system),
    })),
  };
}

/** Whether the two disagree by more than 1 % of the greater figure. */
function disagrees({ own, other }: ComparedDay): boolean {
  const far = (a: number, b: number) => Math.abs(a - b) > 0.01 * Math.max(a, b);
  if (own === null || other === null) return false;
  return far(own.count, other.count) || far(allDownloads(own), allDownloads(other));
}

interface Compared extends Account {
  /** The window, oldest first. */
  readonly days: readonly ComparedDay[];
  /** Whether pypistats.org knows it, and could be asked. */
  readonly isThere: boolean;
  readonly explained: ReturnType<typeof explain>;
  /** The source of tracked.yaml, where it is another one, and what must be said of it. */
  readonly other: { readonly kind: string; readonly remark: string } | undefined;
}

function toJson({ name, summary, days, isThere, explained, other }: Compared): object {
  const [{ breakdown }] = summary.windows;
  const { count, counts, countsBySystem, excluded } = breakdown;
  const figuresOf = (of: Breakdown | null) => of && { all: allDownloads(of), count: of.count };
  return {
    package: name,
    source: PUBLIC_SOURCE.kind,
    days: { first: days[0]?.day, last: days.at(-1)?.day, count: days.length },
    ours: { all: allDownloads(breakdown), count, counts, counts_by_system: countsBySystem, excluded },
    pypistats: isThere ? explained : null,
    by_day: days.map((each) => ({
      day: each.day,
      clickhouse: figuresOf(each.own),
      pypistats: each.there ? recordOf(PAIR, (stat) => each.there?.[stat]) : null,
      ...(other && { [other.kind]: figuresOf(each.other) }),
    })),
    differing_days: other ? { [other.kind]: days.filter(disagrees).map(({ day }) => day) } : {},
  };
}

const signed = (value: number) => (value > 0 ? `+${formatNumber(value)}` : formatNumber(value));

/** From pypistats.org's figures down to the count; where there are none, from ours. */
function renderSteps({ summary, isThere, explained }: Compared, style: Style): string {
  const { differences, excluded } = explained;
  const classes = Object.entries(excluded) as [Exclusion, number][];
  const row = (label: string, pair: Pair, format = formatNumber) => [
    label,
    ...PAIR.map((stat) => format(pair[stat])),
  ];
  const there = [
    row('pypistats.org', explained),
    ...differences.map((gap) => row(`  ${DIFFERENCES[gap.reason].label}`, gap, signed)),
  ];
  const rows = [
    ...(isThere ? there : []),
    row('ClickHouse, the same way', explained.counted_the_same_way),
    ...classes.map(([reason, downloads]) => [`  ${EXCLUSION_NAMES[reason]}`, '', signed(-downloads)]),
    ['Non-CI downloads', '', formatNumber(explained.count)],
  ];
  const steps = renderFigures(['', 'with mirrors', 'without mirrors'], rows, style);
  if (!isThere) return steps;
  const { unknown } = summary.windows[0].breakdown.excluded;
  const here = unknown > 0 ? `, of which there are ${formatNumber(unknown)} here` : '';
  const reasons = [
    `Without mirrors: pypistats.org also leaves clients without a name out${here}`,
    ...differences.map(
      ({ reason, days }) => `${DIFFERENCES[reason].label} (${listDays(days)}): ${DIFFERENCES[reason].why}`,
    ),
    ...classes.map(([reason]) => `${EXCLUSION_NAMES[reason]}: ${CLASSES[reason]}`),
  ];
  const why = paint('Why they differ', 'bold', style.color);
  return `${steps}\n${why}\n${reasons.map((reason) => `- ${reason}.\n`).join('')}`;
}

/** Most days that are listed one by one. */
const DAYS_SHOWN = 10;

/** The days of two sources that disagree by more than 1 %, and both sums over the days that both know. */
function renderOther({ days, other }: Compared, style: Style): string {
  if (other === undefined) return '';
  const { name, shortName } = sourceName(other.kind);
  const both = days.filter((each) => each.own !== null && each.other !== null);
  const note = other.remark === '' ? '' : `, ${other.remark}`;
  const head = `\n${name}${note}: ${formatNumber(both.length)} of ${daysText(days.length)}\n`;
  if (both.length === 0) return head;
  const row = (label: string, some: readonly ComparedDay[]) => {
    const figures = [allDownloads, ({ count }: Breakdown) => count].flatMap((of) => [
      sum(some, ({ own }) => (own ? of(own) : 0)),
      sum(some, ({ other }) => (other ? of(other) : 0)),
    ]);
    return [label, ...figures.map(formatNumber)];
  };
  const differing = both.filter(disagrees);
  const [count, shown] = [differing.length, differing.slice(-DAYS_SHOWN)];
  const last = count > shown.length ? `; the last ${DAYS_SHOWN} are shown` : '';
  const differ = plural(count, 'day differs', 'days differ');
  const titles = ['', 'all, ClickHouse', shortName, 'non-CI, ClickHouse', shortName];
  const rows = [...shown.map((each) => row(date(each.day), [each])), row(daysText(both.length), both)];
  const table = renderFigures(titles, rows, style);
  return `${head}${table}${count === 0 ? 'No day differs' : differ} by more than 1 %${last}.\n`;
}

function render(compared: Compared, style: Style): string {
  const { name, summary, isThere, explained } = compared;
  const systems = SYSTEMS.map((system) => {
    const { pypistats, counted_the_same_way } = explained.systems[system];
    const counted = summary.windows[0].breakdown.countsBySystem[system];
    const there = isThere ? formatNumber(pypistats) : '-';
    return [SYSTEM_NAMES[system], there, formatNumber(counted_the_same_way), formatNumber(counted)];
  });
  const warnings = summary.warnings.map(({ message }) => `Warning: ${message}\n`).join('');
  const text = [
    `${paint(name, 'bold', style.color)}, ${spanText(spanOf(summary.history))} (UTC)\n`,
    renderSteps(compared, style),
    renderFigures(['', 'pypistats.org', 'ClickHouse, the same way', 'CI excluded'], systems, style) +
      renderOther(compared, style),
    ...(warnings === '' ? [] : [warnings]),
    `Counted from ${sourceName(PUBLIC_SOURCE.kind).name}.\n`,
  ].join('\n');
  return wrap(text, style);
}

/**
 * What the source of tracked.yaml has of a package, if that is another one: where queries cost money, what its ledger has, so that a comparison is
 * free.
 */
async function readOther(
  config: Config | undefined,
  asked: Omit<Asking, 'source'>,
  options: CompareOptions,
  context: Context,
): Promise<{ kind: string; rows: ReadonlyMap<Day, readonly DownloadRow[]>; remark: string } | undefined> {
  if (config === undefined || config.source.kind === PUBLIC_SOURCE.kind) return undefined;
  const { source, stateDir } = config;
  const { kind, billed, id } = traitsOf(source, context.env);
  const [name = ''] = asked.names;
  if (billed) {
    const { ledger } = await openLedgers(stateDir, id, undefined).load(name);
    const rows = new Map([...ledger.days].map(([day, entry]) => [day, entry.rows]));
    return { kind, rows, remark: 'as its ledger has them, which costs nothing' };
  }
  const [answer] = await readNow({ ...asked, source }, options, context);
  return answer?.kind === 'read'
    ? { kind, rows: answer.rows, remark: '' }
    : { kind, rows: new Map(), remark: answer?.why ?? '' };
}

/**
 * `compare`: our breakdown of a package beside pypistats.org's, and beside the source that tracked.yaml
 * names, with the reason of each difference. Costs nothing and writes nothing.
 *
 * @returns 1 if one of the two could not be asked, or does not know the package.
 * @throws UsageError if the command line is wrong.
 */
export async function compare(text: string, options: CompareOptions, context: Context): Promise<number> {
  const { cwd, env, stdout, stderr } = context;
  const names = selectNames([text]);
  const [name = ''] = names;
  const windowDays = selectDays(options.days);
  const config = loadConfigIfPresent(options.config, cwd);
  const source = loadSource(PUBLIC_SOURCE.kind, options.config, cwd);
  const asOf = selectAsOf(undefined, context.now());
  const [outcome] = await readNow({ names, source, windowDays, asOf }, options, context);
  if (outcome?.kind !== 'read') {
    say(stderr, env, `${name}: ${outcome?.why}`);
    return 1;
  }
  const { summary, rows } = outcome;
  const { history } = summary;
  let fault = `${name}: pypistats.org does not know it`;
  const signal = context.interruptible?.();
  const ask = () => readPyPiStats(name, context, signal);
  const stats = await withProgress(context, `Asking pypistats.org for ${name}`, ask).catch((error) => {
    if (!(error instanceof SourceError)) throw error;
    fault = error.message;
    return undefined;
  });
  const other = await readOther(config, { names, windowDays, asOf: spanOf(history).end }, options, context);
  const days = history.map(({ day, breakdown }): ComparedDay => {
    const [ours, others] = [rows.get(day), other?.rows.get(day)];
    return {
      day,
      own: breakdown,
      other: others ? breakdownOf(others) : null,
      here: ours && countAsPyPiStats(ours),
      there: stats?.get(day),
    };
  });
  const ours = history.flatMap(({ day }) => rows.get(day) ?? []);
  const isThere = stats !== undefined;
  const compared: Compared = { name, summary, days, isThere, explained: explain(days, ours), other };
  const isHere = hasRows(outcome);
  if (options.json) stdout.write(formatJson(toJson(compared)));
  else if (isHere || isThere) stdout.write(render(compared, styleOf(stdout, env)));
  if (!isHere) say(stderr, env, unknownText(compared, sourceName(PUBLIC_SOURCE.kind).name));
  if (!isThere) say(stderr, env, fault);
  return isHere && isThere ? 0 : 1;
}
