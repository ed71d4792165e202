import { SYSTEM_NAMES } from '../badges/catalogue.ts';
import { formatNumber, formatShare } from '../format.ts';
import { date, days, EXCLUSION_NAMES } from '../page/words.ts';
import { allDownloads, type Breakdown } from '../winnow/breakdown.ts';
import { EXCLUSIONS, INSTALLERS, SYSTEMS } from '../winnow/classes.ts';
import type { Folded } from '../winnow/fold.ts';
import { missingDaysOf } from '../winnow/package-days.ts';
import { bar, columns, type Ink, left, paint, renderTable, right } from './output.ts';

/** The account of one package, for people at a terminal. */
export interface Account {
  readonly name: string;
  readonly folded: Folded;
}

/** How it is drawn. */
export interface Drawing {
  readonly ink: Ink;
  readonly color: boolean;
}

/** Text is at most so wide, as terminals are by default. */
const WIDTH = 80;
const LABEL = 24;
const NUMBER = 13;
const SHARE = 8;
const BAR = WIDTH - LABEL - NUMBER - SHARE - 4;
const NAMES_SHOWN = 6;

type Line = readonly [label: string, value: number];

/** Lines with a figure, its share and a bar. */
function bars(lines: readonly Line[], whole: number, { ink }: Drawing): string[] {
  return lines.map(([label, value]) => {
    const figures = formatNumber(value).padStart(NUMBER) + formatShare(value, whole).padStart(SHARE);
    return `${label.padEnd(LABEL)}${figures}  ${bar(value, whole, BAR, ink)}`.trimEnd();
  });
}

/** What does not count, the greatest first; what there is nothing of is left out. */
function exclusions({ excluded }: Breakdown): Line[] {
  return EXCLUSIONS.map((reason): Line => [EXCLUSION_NAMES[reason], excluded[reason]])
    .filter(([, value]) => value > 0)
    .toSorted(([, a], [, b]) => b - a);
}

function section(title: string, lines: readonly Line[], drawing: Drawing): string[] {
  const shown = lines.filter(([, value]) => value > 0).toSorted(([, a], [, b]) => b - a);
  const whole = shown.reduce((sum, [, value]) => sum + value, 0);
  return shown.length === 0 ? [] : ['', paint(title, 'bold', drawing.color), ...bars(shown, whole, drawing)];
}

function byDay({ history }: Folded, { ink }: Drawing): string {
  const values = history.breakdowns.map((breakdown) => breakdown?.count ?? null);
  return columns(values, WIDTH, ink);
}

function otherNames({ others }: Breakdown): string[] {
  const sorted = [...others].toSorted(([, a], [, b]) => b - a);
  if (sorted.length === 0) return [];
  const named = sorted.slice(0, NAMES_SHOWN).map(([name, downloads]) => `${name} ${formatNumber(downloads)}`);
  const more = sorted.length > NAMES_SHOWN ? ` and ${formatNumber(sorted.length - NAMES_SHOWN)} more` : '';
  return ['', `Other programs: ${named.join(', ')}${more}`];
}

function remarks(name: string, { history, warnings }: Folded): string[] {
  const missing = missingDaysOf(history);
  const list = (some: readonly string[]) => (some.length > 3 ? days(some.length) : some.map(date).join(', '));
  return [
    ...(missing.length === 0 ? [] : [`Nothing is known of ${list(missing)}.`]),
    ...(history.unknownDays.length === 0
      ? []
      : [`Left out, as it is not known which downloads were by CI: ${list(history.unknownDays)}.`]),
    ...(history.partialDays.length === 0
      ? []
      : [`The source has only a part of the rows of ${list(history.partialDays)}.`]),
    ...warnings.map(({ code, message }) => `${name}: warning (${code}): ${message}`),
  ];
}

/** The window as people write it. */
export function windowText({ history }: Folded): string {
  const [first = '', last = ''] = [history.days[0], history.days.at(-1)];
  return `${days(history.days.length)} from ${date(first)} to ${date(last)}`;
}

/** One package: the way from all downloads down to the non-CI downloads, and what that is made of. */
export function renderAccount({ name, folded }: Account, drawing: Drawing): string {
  const [{ breakdown }] = folded.windows;
  const { count, counts, countsBySystem } = breakdown;
  const all = allDownloads(breakdown);
  const way = bars(
    [['All downloads', all], ...exclusions(breakdown), ['Non-CI downloads', count]],
    all,
    drawing,
  );
  const [honest = '', ...before] = way.toReversed();
  const notes = remarks(name, folded).map((line) => paint(line, 'yellow', drawing.color));
  return `${[
    `${paint(name, 'bold', drawing.color)}, ${windowText(folded)} (UTC)`,
    '',
    ...before.toReversed(),
    paint(honest, 'green', drawing.color),
    ...section(
      'By installer',
      INSTALLERS.map((installer): Line => [installer, counts[installer]]),
      drawing,
    ),
    ...section(
      'By system, for all clients',
      SYSTEMS.map((system): Line => [SYSTEM_NAMES[system], countsBySystem[system]]),
      drawing,
    ),
    ...(count === 0
      ? []
      : ['', paint('Non-CI downloads by day', 'bold', drawing.color), byDay(folded, drawing)]),
    ...otherNames(breakdown),
    ...(notes.length === 0 ? [] : ['', ...notes]),
  ].join('\n')}\n`;
}

/** Groups of packages whose columns fit beside each other. */
function groups(accounts: readonly Account[]): Account[][] {
  const fit: Account[][] = [];
  let left = 0;
  for (const account of accounts) {
    const width = Math.max(account.name.length, 9) + 2;
    if (width > left) {
      fit.push([]);
      left = WIDTH - LABEL;
    }
    fit.at(-1)?.push(account);
    left -= width;
  }
  return fit;
}

function rowsOf(accounts: readonly Account[]): string[][] {
  const cells = (label: string, of: (breakdown: Breakdown) => number) => [
    label,
    ...accounts.map(({ folded }) => formatNumber(of(folded.windows[0].breakdown))),
  ];
  const whenAny = (label: string, of: (breakdown: Breakdown) => number) =>
    accounts.some(({ folded }) => of(folded.windows[0].breakdown) > 0) ? [cells(label, of)] : [];
  return [
    cells('All downloads', allDownloads),
    ...EXCLUSIONS.flatMap((reason) => whenAny(EXCLUSION_NAMES[reason], ({ excluded }) => excluded[reason])),
    cells('Non-CI downloads', ({ count }) => count),
    [
      'of all',
      ...accounts.map(({ folded }) => {
        const [{ breakdown }] = folded.windows;
        return formatShare(breakdown.count, allDownloads(breakdown));
      }),
    ],
    [],
    ...INSTALLERS.flatMap((name) => whenAny(`by ${name}`, ({ counts }) => counts[name])),
    ...SYSTEMS.flatMap((name) =>
      whenAny(`on ${SYSTEM_NAMES[name]}`, ({ countsBySystem }) => countsBySystem[name]),
    ),
  ];
}

/** Several packages, side by side. */
export function renderAccounts(accounts: readonly Account[], drawing: Drawing): string {
  const [first] = accounts;
  if (first === undefined) return '';
  const tables = groups(accounts).map((group) => {
    const titles = [left(''), ...group.map(({ name }) => right(name))];
    return renderTable(titles, rowsOf(group), { width: Number.POSITIVE_INFINITY, color: drawing.color });
  });
  const lines = accounts.map(({ name, folded }) => `${name.padEnd(LABEL)}  ${byDay(folded, drawing)}`);
  const notes = [...new Set(accounts.flatMap(({ name, folded }) => remarks(name, folded)))];
  return [
    `${windowText(first.folded)} (UTC)\n`,
    ...tables,
    `Non-CI downloads by day\n${lines.join('\n')}\n`,
    ...(notes.length === 0
      ? []
      : [`${notes.map((line) => paint(line, 'yellow', drawing.color)).join('\n')}\n`]),
  ].join('\n');
}
