import { SYSTEM_NAMES } from '../badges/catalogue.ts';
import { type Config, loadConfigIfPresent, loadSource } from '../config/config.ts';
import { type Day, date, daysOf } from '../days/day.ts';
import { ERAS } from '../days/eras.ts';
import { formatJson, formatNumber } from '../format.ts';
import { allDownloads, type Breakdown, breakdownOf, type DownloadRow, zeros } from '../metric/breakdown.ts';
import { EXCLUSIONS, type Exclusion, SYSTEMS } from '../metric/classes.ts';
import { spanOf } from '../metric/package-days.ts';
import { days as daysText, EXCLUSION_NAMES } from '../page/words.ts';
import { PUBLIC_SOURCE, sourceName, traitsOf } from '../sources/index.ts';
import {
  countAsPyPiStats,
  isWithoutMirrors,
  readPyPiStats,
  STATS,
  type StatsCount,
} from '../sources/pypistats.ts';
import { SourceError } from '../sources/source.ts';
import { openLedgers } from '../state/ledgers.ts';
import { byCount, sum } from '../util.ts';
import { type Account, hasRows, listDays, unknownText, windowText } from './account.ts';
import { type Asking, readNow, selectDays, selectNames } from './ask.ts';
import type { Context, GlobalOptions } from './context.ts';
import { withProgress } from './log.ts';
import { paint, renderFigures, type Style, say, styleOf, wrap } from './output.ts';
import { selectAsOf } from './select.ts';

export interface CompareOptions extends GlobalOptions {
  readonly days: string;
  readonly json?: boolean;
}

type Stats = ReadonlyMap<Day, StatsCount>;
type Rows = ReadonlyMap<Day, Iterable<DownloadRow>>;

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

type Pair = Pick<StatsCount, 'with_mirrors' | 'without_mirrors'>;

const pairOf = ({ with_mirrors, without_mirrors }: Pair): Pair => ({ with_mirrors, without_mirrors });

/**
 * The way from pypistats.org's figures to the count of the same days. pypistats.org has no entry for a day without
 * downloads, and none for a day that it missed: the former is no difference, as we have no rows then either.
 */
function explain(days: readonly Day[], rows: Rows, stats: Stats) {
  const [theirs, sameWay] = [zeros(STATS), zeros(STATS)];
  const differences = new Map<Reason, Pair & { reason: Reason; days: Day[] }>();
  for (const day of days) {
    const [known, there] = [rows.get(day), stats.get(day)];
    const here = known && countAsPyPiStats(known);
    for (const kind of STATS) {
      theirs[kind] += there?.[kind] ?? 0;
      sameWay[kind] += here?.[kind] ?? 0;
    }
    const more = (kind: keyof Pair) => (here?.[kind] ?? 0) - (there?.[kind] ?? 0);
    if (more('with_mirrors') === 0 && more('without_mirrors') === 0) continue;
    const absent = here === undefined ? 'absent-here' : 'rows-differ';
    const reason = there === undefined ? 'absent-there' : absent;
    const found = differences.get(reason) ?? { reason, with_mirrors: 0, without_mirrors: 0, days: [] };
    found.with_mirrors += more('with_mirrors');
    found.without_mirrors += more('without_mirrors');
    found.days.push(day);
    differences.set(reason, found);
  }
  const { excluded, count } = breakdownOf(
    days.flatMap((day) => [...(rows.get(day) ?? [])].filter(isWithoutMirrors)),
  );
  const present = EXCLUSIONS.map((reason) => [reason, excluded[reason]] as const).filter(
    ([, all]) => all > 0,
  );
  return {
    ...pairOf(theirs),
    differences: [...differences.values()],
    counted_the_same_way: pairOf(sameWay),
    excluded: Object.fromEntries(present.toSorted(byCount)),
    count,
    systems: Object.fromEntries(
      SYSTEMS.map((system) => [system, { pypistats: theirs[system], counted_the_same_way: sameWay[system] }]),
    ),
  };
}

/** A day as our source and another one have it; null where nothing is known. */
interface BothDays {
  readonly day: Day;
  readonly own: Figures | null;
  readonly other: Figures | null;
}
type Figures = ReturnType<typeof figuresOf>;

const figuresOf = (breakdown: Breakdown) => ({ all: allDownloads(breakdown), count: breakdown.count });

/** Whether the two disagree by more than 1 % of the greater figure. */
function disagrees({ own, other }: BothDays): boolean {
  const far = (a: number, b: number) => Math.abs(a - b) > 0.01 * Math.max(a, b);
  return own !== null && other !== null && (far(own.count, other.count) || far(own.all, other.all));
}

interface Compared extends Account {
  /** The window, oldest first. */
  readonly days: readonly BothDays[];
  /** Undefined where pypistats.org has none, or could not be asked. */
  readonly stats: Stats | undefined;
  readonly explained: ReturnType<typeof explain>;
  /** The source of tracked.yaml, where it is another one, and what must be said of it. */
  readonly other: { readonly kind: string; readonly remark: string } | undefined;
}

function toJson({ name, summary, days, stats, explained, other }: Compared): object {
  const [{ breakdown: total }] = summary.windows;
  return {
    package: name,
    source: PUBLIC_SOURCE.kind,
    days: { first: days[0]?.day, last: days.at(-1)?.day, count: days.length },
    ours: {
      ...figuresOf(total),
      counts: total.counts,
      counts_by_system: total.countsBySystem,
      excluded: total.excluded,
    },
    pypistats: stats === undefined ? null : explained,
    by_day: days.map(({ day, own, other: known }) => {
      const there = stats?.get(day);
      const pypistats = there === undefined ? null : pairOf(there);
      return { day, clickhouse: own, pypistats, ...(other && { [other.kind]: known }) };
    }),
    differing_days: other ? { [other.kind]: days.filter(disagrees).map(({ day }) => day) } : {},
  };
}

const signed = (value: number) => (value > 0 ? `+${formatNumber(value)}` : formatNumber(value));

/** From pypistats.org's figures down to the count; where there are none, from ours. */
function renderSteps({ summary, stats, explained }: Compared, style: Style): string {
  const { differences, counted_the_same_way: sameWay, excluded, count } = explained;
  const row = (label: string, pair: Pair, format = formatNumber) => [
    label,
    format(pair.with_mirrors),
    format(pair.without_mirrors),
  ];
  const classes = Object.entries(excluded) as [Exclusion, number][];
  const there = [
    row('pypistats.org', explained),
    ...differences.map((gap) => row(`  ${DIFFERENCES[gap.reason].label}`, gap, signed)),
  ];
  const steps = renderFigures(
    ['', 'with mirrors', 'without mirrors'],
    [
      ...(stats === undefined ? [] : there),
      row('ClickHouse, the same way', sameWay),
      ...classes.map(([reason, downloads]) => [`  ${EXCLUSION_NAMES[reason]}`, '', signed(-downloads)]),
      ['Non-CI downloads', '', formatNumber(count)],
    ],
    style,
  );
  if (stats === undefined) return steps;
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
  const row = (label: string, some: readonly BothDays[]) => {
    const total = (whose: 'own' | 'other', what: 'all' | 'count') =>
      formatNumber(sum(some, (each) => each[whose]?.[what] ?? 0));
    return [
      label,
      total('own', 'all'),
      total('other', 'all'),
      total('own', 'count'),
      total('other', 'count'),
    ];
  };
  const differing = both.filter(disagrees);
  const [count, shown] = [differing.length, differing.slice(-DAYS_SHOWN)];
  const last = count > shown.length ? `; the last ${DAYS_SHOWN} are shown` : '';
  const some = `${daysText(count)} differ${count === 1 ? 's' : ''} by more than 1 %${last}.\n`;
  return (
    head +
    renderFigures(
      ['', 'all, ClickHouse', shortName, 'non-CI, ClickHouse', shortName],
      [...shown.map((each) => row(date(each.day), [each])), row(daysText(both.length), both)],
      style,
    ) +
    (count === 0 ? 'No day differs by more than 1 %.\n' : some)
  );
}

function render(compared: Compared, style: Style): string {
  const { name, summary, stats, explained } = compared;
  const systems = SYSTEMS.map((system) => [
    SYSTEM_NAMES[system],
    stats === undefined ? '-' : formatNumber(explained.systems[system]?.pypistats ?? 0),
    formatNumber(explained.systems[system]?.counted_the_same_way ?? 0),
    formatNumber(summary.windows[0].breakdown.countsBySystem[system]),
  ]);
  const warnings = summary.warnings.map(({ message }) => `Warning: ${message}\n`).join('');
  const text = [
    `${paint(name, 'bold', style.color)}, ${windowText(summary)} (UTC)\n`,
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
): Promise<{ kind: string; rows: Rows; remark: string } | undefined> {
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
  let stats: Stats | undefined;
  let fault = `${name}: pypistats.org does not know it`;
  try {
    const signal = context.interruptible?.();
    stats = await withProgress(context, `Asking pypistats.org for ${name}`, () =>
      readPyPiStats(name, context, signal),
    );
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    fault = error.message;
  }
  const sameDays = { names, windowDays, asOf: spanOf(history).end };
  const other = await readOther(config, sameDays, options, context);
  const compared: Compared = {
    name,
    summary,
    days: history.map(({ day, breakdown: own }) => {
      const others = other?.rows.get(day);
      return { day, own: own ? figuresOf(own) : null, other: others ? figuresOf(breakdownOf(others)) : null };
    }),
    stats,
    explained: explain(daysOf(spanOf(history)), rows, stats ?? new Map()),
    other,
  };
  const known = hasRows(outcome);
  if (options.json) stdout.write(formatJson(toJson(compared)));
  else if (known || stats !== undefined) stdout.write(render(compared, styleOf(stdout, env)));
  if (!known) say(stderr, env, unknownText(compared, sourceName(PUBLIC_SOURCE.kind).name));
  if (stats === undefined) say(stderr, env, fault);
  return known && stats !== undefined ? 0 : 1;
}
