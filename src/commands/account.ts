import { SYSTEM_NAMES } from '../badges/catalogue.ts';
import { addDays, type Day, date } from '../days/day.ts';
import { formatNumber, formatShare, nameSome } from '../format.ts';
import { allDownloads, type Breakdown, otherSystems } from '../metric/breakdown.ts';
import { EXCLUSIONS, INSTALLERS, SYSTEMS } from '../metric/classes.ts';
import { oddDaysOf, spanOf } from '../metric/package-days.ts';
import { typicalDay } from '../metric/spikes.ts';
import type { PackageSummary } from '../metric/summary.ts';
import { days, EXCLUSION_NAMES, OTHER_SYSTEM, spanText } from '../page/words.ts';
import { byCount, type NonEmpty } from '../util.ts';
import { bar, columns, type Ink, paint, renderFigures, type Style } from './output.ts';

/** The account of one package, for people at a terminal. */
export interface Account {
  readonly name: string;
  readonly summary: PackageSummary;
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
const labelWidth = (style: Style) => Math.min(LABEL, widthOf(style) - NUMBER - SHARE);

type Line = readonly [label: string, value: number];

/** Lines with a figure, its share and a bar as long as that. */
function bars(lines: readonly Line[], whole: number, drawing: Drawing): string[] {
  const [label, room] = [labelWidth(drawing), widthOf(drawing) - LABEL - NUMBER - SHARE - 4];
  return lines.map(([what, value]) => {
    const figures = formatNumber(value).padStart(NUMBER) + formatShare(value, whole).padStart(SHARE);
    return `${what.padEnd(label)}${figures}  ${bar(value, whole, room, drawing.ink)}`.trimEnd();
  });
}

/** The greatest first; what there is nothing of is left out. */
function sorted(lines: readonly Line[]): Line[] {
  return lines.filter(([, value]) => value > 0).toSorted(byCount);
}

/** Lines under a title; nothing if there are none. */
function section(title: string, lines: readonly string[], { color }: Drawing): string[] {
  return lines.length === 0 ? [] : ['', paint(title, 'bold', color), ...lines];
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
  const { missing, unknown, partial } = oddDaysOf(history);
  const lacking: readonly (readonly [text: string, days: readonly Day[]])[] = [
    ['Nothing is known of', missing],
    ['Left out, as it is not known which downloads were by CI:', unknown],
    ['The source has only a part of the rows of', partial],
  ];
  return [
    ...lacking.filter(([, some]) => some.length > 0).map(([text, some]) => `${text} ${listDays(some)}.`),
    ...warnings.map(({ code, message }) => `${name}: warning (${code}): ${message}`),
  ];
}

/** The window as people write it. */
export function windowText({ history }: PackageSummary): string {
  return spanText(spanOf(history));
}

/** That a source has no row of a package. */
export function unknownText({ name, summary }: Account, sourceName: string): string {
  const { start, end } = spanOf(summary.history);
  return `${name}: no download of any kind from ${start} to ${addDays(end, -1)} in ${sourceName}; is the name right? See https://pypi.org/project/${name}/`;
}

/** One package: the way from all downloads down to the non-CI downloads, and what that is made of. */
function renderAccount(account: Account, drawing: Drawing): string {
  const { name, summary } = account;
  const [{ breakdown }] = summary.windows;
  const { count, counts, countsBySystem, excluded, others } = breakdown;
  const all = allDownloads(breakdown);
  const typical = typicalDay(summary.history, summary.history.length);
  const classes = sorted(EXCLUSIONS.map((reason): Line => [EXCLUSION_NAMES[reason], excluded[reason]]));
  const programs = sorted([...others]).map(([program, downloads]) => `${program} ${formatNumber(downloads)}`);
  const systems = [
    ...sorted(SYSTEMS.map((system): Line => [SYSTEM_NAMES[system], countsBySystem[system]])),
    ...sorted([[OTHER_SYSTEM, otherSystems(breakdown)]]),
  ];
  const onAll = systems.reduce((sum, [, value]) => sum + value, 0);
  const notes = remarks(account).map((line) => paint(line, 'yellow', drawing.color));
  const lines = [
    `${paint(name, 'bold', drawing.color)}, ${windowText(summary)} (UTC)`,
    '',
    ...bars([['All downloads', all], ...classes], all, drawing),
    ...bars([['Non-CI downloads', count]], all, drawing).map((line) => paint(line, 'green', drawing.color)),
  ];
  if (typical !== undefined)
    lines.push(`${'On a typical day'.padEnd(labelWidth(drawing))}${formatNumber(typical).padStart(NUMBER)}`);
  const installers = sorted(INSTALLERS.map((installer): Line => [installer, counts[installer]]));
  lines.push(...section('By installer', bars(installers, count, drawing), drawing));
  lines.push(...section('By system, for all clients', bars(systems, onAll, drawing), drawing));
  if (count > 0)
    lines.push(...section('Non-CI downloads by day', byDay([summary], drawing, widthOf(drawing)), drawing));
  if (programs.length > 0) lines.push('', `Other programs: ${nameSome(programs, NAMES_SHOWN)}`);
  if (notes.length > 0) lines.push('', ...notes);
  return `${lines.join('\n')}\n`;
}

/** Groups of packages whose columns fit beside each other. */
function groups(accounts: readonly Account[], style: Style): Account[][] {
  const fit: Account[][] = [];
  let left = 0;
  for (const account of accounts) {
    const width = Math.max(account.name.length, 9) + 2;
    if (width > left) {
      fit.push([]);
      left = widthOf(style) - LABEL;
    }
    fit.at(-1)?.push(account);
    left -= width;
  }
  return fit;
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
  const tables = groups(accounts, drawing).map((group) => {
    const names = group.map(({ name }) => name);
    const table = (titles: readonly string[]) => renderFigures(['', ...titles], rowsOf(group), drawing);
    const [name = ''] = names;
    return name.length > widthOf(drawing) - LABEL ? name + table(['']) : table(names);
  });
  const days = byDay(
    accounts.map(({ summary }) => summary),
    drawing,
    widthOf(drawing) - LABEL - 2,
  );
  const lines = accounts.map(({ name }, index) => `${name.padEnd(LABEL)}  ${days[index]}`);
  const notes = [...new Set(accounts.flatMap(remarks))].map((line) => paint(line, 'yellow', drawing.color));
  return [
    `${windowText(first.summary)} (UTC)\n`,
    ...tables,
    `Non-CI downloads by day\n${lines.join('\n')}\n`,
    ...(notes.length === 0 ? [] : [`${notes.join('\n')}\n`]),
  ].join('\n');
}
