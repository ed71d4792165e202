import { SYSTEM_NAMES } from '../badges/catalogue.ts';
import { addDays, type Day, date } from '../days/day.ts';
import { formatNumber, formatShare, nameSome } from '../format.ts';
import { allDownloads, type Breakdown, otherSystems } from '../metric/breakdown.ts';
import { EXCLUSIONS, INSTALLERS, SYSTEMS } from '../metric/classes.ts';
import { incompleteDaysOf, spanOf } from '../metric/package-days.ts';
import { typicalDay } from '../metric/spikes.ts';
import type { PackageSummary } from '../metric/summary.ts';
import { days, EXCLUSION_NAMES, OTHER_SYSTEM, spanText } from '../page/words.ts';
import { byCount, mapNonEmpty, type NonEmpty, partsOf, sum } from '../util.ts';
import { bar, columns, type Ink, paint, renderFigures, type Style } from './output.ts';

/** The account of one package, for people at a terminal. */
export interface Account {
  readonly name: string;
  readonly summary: PackageSummary;
}

/** Whether the source has any row of a package; days of which it is not known what was by CI have some. */
export function hasRows({ summary: { history, windows } }: Account): boolean {
  return history.some(({ isUnknown }) => isUnknown) || allDownloads(windows[0].breakdown) > 0;
}

/** How it is drawn. */
export interface Drawing extends Style {
  readonly ink: Ink;
}

/** Bars and lines of days are at most so wide, as terminals are by default. */
const WIDTH_MAX = 80;
const LABEL = 24;
const NUMBER = 13;
const SHARE = 8;
const NAMES_SHOWN = 6;

const widthOf = ({ width }: Style) => Math.min(width, WIDTH_MAX);

type Line = readonly [label: string, value: number];

/** A figure behind what it is of. */
function figure(label: string, value: number, style: Style): string {
  const width = Math.min(LABEL, widthOf(style) - NUMBER - SHARE);
  return label.padEnd(width) + formatNumber(value).padStart(NUMBER);
}

/** Lines with a figure, its share and a bar as long as that. */
function bars(lines: readonly Line[], whole: number, drawing: Drawing): string[] {
  const room = widthOf(drawing) - LABEL - NUMBER - SHARE - 4;
  return lines.map(([label, value]) => {
    const figures = figure(label, value, drawing) + formatShare(value, whole).padStart(SHARE);
    return `${figures}  ${bar(value, whole, room, drawing.ink)}`.trimEnd();
  });
}

/** The greatest first; what there is nothing of is left out. */
function sorted(lines: readonly Line[]): Line[] {
  return lines.filter(([, value]) => value > 0).toSorted(byCount);
}

/** A line of days for each package, all on one scale. */
function byDay(summaries: readonly PackageSummary[], { ink }: Drawing, cells: number): string[] {
  const lines = summaries.map(({ history }) => history.map(({ breakdown }) => breakdown?.count ?? null));
  return columns(lines, cells, ink);
}

/** Days in a sentence: each of a few, or how many there are. */
export function listDays(some: readonly Day[]): string {
  return some.length > 3 ? days(some.length) : some.map(date).join(', ');
}

function remarks({ name, summary: { history, warnings } }: Account): string[] {
  const { missing, unknown, partial } = incompleteDaysOf(history);
  const about = (text: string, some: readonly Day[]) =>
    some.length === 0 ? [] : [`${text} ${listDays(some)}.`];
  return [
    ...about('Nothing is known of', missing),
    ...about('Left out, as it is not known which downloads were by CI:', unknown),
    ...about('The source has only a part of the rows of', partial),
    ...warnings.map(({ code, message }) => `${name}: warning (${code}): ${message}`),
  ];
}

/** That a source has no row of a package. */
export function unknownText({ name, summary }: Account, sourceName: string): string {
  const { start, end } = spanOf(summary.history);
  return `${name}: no download of any kind from ${start} to ${addDays(end, -1)} in ${sourceName}; is the name right? See https://pypi.org/project/${name}/`;
}

/** One package: the way from all downloads down to the non-CI downloads, and what that is made of. */
function renderAccount(account: Account, drawing: Drawing): string {
  const { name, summary } = account;
  const { color } = drawing;
  const [{ breakdown }] = summary.windows;
  const { count, counts, countsBySystem, excluded, others } = breakdown;
  const all = allDownloads(breakdown);
  const typical = typicalDay(summary.history, summary.history.length);
  const classes = sorted(EXCLUSIONS.map((reason): Line => [EXCLUSION_NAMES[reason], excluded[reason]]));
  const installers = sorted(INSTALLERS.map((installer): Line => [installer, counts[installer]]));
  const systems = [
    ...sorted(SYSTEMS.map((system): Line => [SYSTEM_NAMES[system], countsBySystem[system]])),
    ...sorted([[OTHER_SYSTEM, otherSystems(breakdown)]]),
  ];
  const onAll = sum(systems, ([, value]) => value);
  const programs = sorted([...others]).map(([program, downloads]) => `${program} ${formatNumber(downloads)}`);
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [paint(title, 'bold', color), ...lines];
  const blocks = [
    [`${paint(name, 'bold', color)}, ${spanText(spanOf(summary.history))} (UTC)`],
    [
      ...bars([['All downloads', all], ...classes], all, drawing),
      ...bars([['Non-CI downloads', count]], all, drawing).map((line) => paint(line, 'green', color)),
      ...(typical === undefined ? [] : [figure('On a typical day', typical, drawing)]),
    ],
    section('By installer', bars(installers, count, drawing)),
    section('By system, for all clients', bars(systems, onAll, drawing)),
    section('Non-CI downloads by day', count > 0 ? byDay([summary], drawing, widthOf(drawing)) : []),
    programs.length === 0 ? [] : [`Other programs: ${nameSome(programs, NAMES_SHOWN)}`],
    remarks(account).map((line) => paint(line, 'yellow', color)),
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

function rowsOf(accounts: readonly Account[]): string[][] {
  const breakdowns = accounts.map(({ summary }) => summary.windows[0].breakdown);
  const cells = (label: string, of: (breakdown: Breakdown) => number) => [
    label,
    ...breakdowns.map((each) => formatNumber(of(each))),
  ];
  const whenAny = (label: string, of: (breakdown: Breakdown) => number) =>
    breakdowns.some((each) => of(each) > 0) ? [cells(label, of)] : [];
  return [
    cells('All downloads', allDownloads),
    ...EXCLUSIONS.flatMap((reason) => whenAny(EXCLUSION_NAMES[reason], ({ excluded }) => excluded[reason])),
    cells('Non-CI downloads', ({ count }) => count),
    ['of all', ...breakdowns.map((each) => formatShare(each.count, allDownloads(each)))],
    [],
    ...INSTALLERS.flatMap((name) => whenAny(`by ${name}`, ({ counts }) => counts[name])),
    ...SYSTEMS.flatMap((name) =>
      whenAny(`on ${SYSTEM_NAMES[name]}`, ({ countsBySystem }) => countsBySystem[name]),
    ),
  ];
}

/** Packages side by side; one alone is drawn. */
export function renderAccounts(accounts: NonEmpty<Account>, drawing: Drawing): string {
  const [first] = accounts;
  if (accounts.length === 1) return renderAccount(first, drawing);
  const room = widthOf(drawing) - LABEL;
  const tables = partsOf(accounts, room, ({ name }) => Math.max(name.length, 9) + 2).map((group) => {
    const names = mapNonEmpty(group, ({ name }) => name);
    const isTooLong = names[0].length > room;
    const table = renderFigures(['', ...(isTooLong ? [''] : names)], rowsOf(group), drawing);
    return isTooLong ? names[0] + table : table;
  });
  const summaries = accounts.map(({ summary }) => summary);
  const days = byDay(summaries, drawing, room - 2);
  const lines = accounts.map(({ name }, index) => `${name.padEnd(LABEL)}  ${days[index]}`);
  const notes = [...new Set(accounts.flatMap(remarks))].map((line) => paint(line, 'yellow', drawing.color));
  return [
    `${spanText(spanOf(first.summary.history))} (UTC)\n`,
    ...tables,
    `Non-CI downloads by day\n${lines.join('\n')}\n`,
    ...(notes.length === 0 ? [] : [`${notes.join('\n')}\n`]),
  ].join('\n');
}
