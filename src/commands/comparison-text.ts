import { styleText } from 'node:util';
import { SYSTEM_NAMES } from '../badges/catalogue.ts';
import type { Day } from '../days/day.ts';
import { formatNumber } from '../format.ts';
import { date, days as daysText, EXCLUSION_NAMES } from '../page/words.ts';
import type { PyPiStatsDay } from '../sources/pypistats.ts';
import { DISTRIBUTIONS_ONLY_SINCE } from '../sources/query.ts';
import { sourceName } from '../sources/traits.ts';
import type { Breakdown } from '../winnow/breakdown.ts';
import type { Exclusion } from '../winnow/classes.ts';
import { type Comparison, disagrees, figuresOf, type Reason } from './comparison.ts';
import { renderTable } from './table.ts';

/** What a source beside ours has of the same days. */
export interface OtherSource {
  readonly kind: string;
  readonly days: ReadonlyMap<Day, Breakdown>;
  /** What must be said of it; empty if nothing. */
  readonly remark: string;
}

/** All that is compared. */
export interface Compared {
  readonly name: string;
  /** Kind of the source that ours are counted from. */
  readonly source: string;
  /** The window, oldest first. */
  readonly days: readonly Day[];
  readonly ours: ReadonlyMap<Day, Breakdown>;
  readonly total: Breakdown;
  /** Undefined where pypistats.org has none, or could not be asked. */
  readonly stats: ReadonlyMap<Day, PyPiStatsDay> | undefined;
  readonly comparison: Comparison | undefined;
  readonly others: readonly OtherSource[];
  readonly warnings: readonly string[];
}

/** Most days that are listed one by one. */
const DAYS_SHOWN = 10;

function listed(days: readonly Day[]): string {
  return days.length > 3 ? daysText(days.length) : days.map(date).join(', ');
}

const DIFFERENCES: Readonly<Record<Reason, { label: string; why: (ours: string) => string }>> = {
  'absent-there': {
    label: 'Days that pypistats.org lacks',
    why: () => 'it reads a day once, at 01:00 UTC of the next, and keeps 180 days',
  },
  'absent-here': {
    label: 'Days that we lack',
    why: (ours) => `${ours} has nothing of them`,
  },
  'rows-differ': {
    label: 'Rows that only one of us has',
    why: (ours) =>
      `pypistats.org reads a day once, at 01:00 UTC of the next, and leaves out what names no usual version of Python; ${ours} may have been filled in later`,
  },
};

const SIDECARS = `until ${DISTRIBUTIONS_ONLY_SINCE} PyPI also recorded files beside packages, such as .metadata, and pypistats.org counts them`;

/** Why pypistats.org counts what we do not. */
const CLASSES: Readonly<Record<Exclusion, string>> = {
  sidecar: SIDECARS,
  ci: 'pypistats.org does not look at the CI flag',
  mirror:
    'pypistats.org knows bandersnatch, z3c.pypimirror, Artifactory and devpi, but not Nexus and pep381client',
  browser: 'pypistats.org counts browsers',
  other: 'pypistats.org counts every program that says its name, such as requests',
  unknown: 'pypistats.org leaves clients without a name out of this figure, too',
};

const signed = (value: number) => (value > 0 ? `+${formatNumber(value)}` : formatNumber(value));

interface Line {
  readonly cells: readonly [label: string, all: string, people: string];
  /** Why, for a line that is a difference. */
  readonly why?: string;
}

function linesOf({ theirs, differences, sameWay, excluded, honest }: Comparison, ours: string): Line[] {
  const classes = [...excluded].filter(([, downloads]) => downloads > 0).toSorted(([, a], [, b]) => b - a);
  return [
    { cells: ['pypistats.org', formatNumber(theirs.all), formatNumber(theirs.withoutMirrors)] },
    ...differences.map(({ reason, days, all, withoutMirrors }): Line => {
      const { label, why } = DIFFERENCES[reason];
      return {
        cells: [`  ${label}`, signed(all), signed(withoutMirrors)],
        why: `${label} (${listed(days)}): ${why(ours)}`,
      };
    }),
    { cells: [`${ours}, the same way`, formatNumber(sameWay.all), formatNumber(sameWay.withoutMirrors)] },
    ...classes.map(([reason, downloads]): Line => {
      const label = EXCLUSION_NAMES[reason];
      return { cells: [`  ${label}`, '', signed(-downloads)], why: `${label}: ${CLASSES[reason]}` };
    }),
    { cells: ['Honest downloads', '', formatNumber(honest)] },
  ];
}

function systemsTable({ systems }: Comparison, ours: string, { countsBySystem }: Breakdown): string {
  return renderTable(
    [
      { title: '', align: 'left' },
      { title: 'pypistats.org', align: 'right' },
      { title: `${ours}, the same way`, align: 'right' },
      { title: 'CI left out', align: 'right' },
    ],
    [...systems].map(([system, { theirs, sameWay }]) => [
      SYSTEM_NAMES[system],
      formatNumber(theirs),
      formatNumber(sameWay),
      formatNumber(countsBySystem[system]),
    ]),
  );
}

/** The days of two sources that disagree by more than 1 %, and both sums over the days that both know. */
function otherTable({ kind, days: known, remark }: OtherSource, { days, ours, source }: Compared): string {
  const name = sourceName(kind).shortName;
  const own = sourceName(source).shortName;
  const both = days.flatMap((day) => {
    const [mine, other] = [ours.get(day), known.get(day)];
    return mine && other ? [{ day, own: figuresOf(mine), other: figuresOf(other) }] : [];
  });
  const note = remark === '' ? '' : `, ${remark}`;
  const head = `${sourceName(kind).name}${note}: ${formatNumber(both.length)} of ${daysText(days.length)}\n`;
  if (both.length === 0) return head;
  const sum = (of: (day: (typeof both)[number]) => number) => both.reduce((total, day) => total + of(day), 0);
  const cells = (label: string, ownAll: number, otherAll: number, ownCount: number, otherCount: number) => [
    label,
    ...[ownAll, otherAll, ownCount, otherCount].map(formatNumber),
  ];
  const differing = both.filter(disagrees);
  const shown = differing.slice(-DAYS_SHOWN);
  const more = differing.length - shown.length;
  const table = renderTable(
    [
      { title: '', align: 'left' },
      { title: `all, ${own}`, align: 'right' },
      { title: name, align: 'right' },
      { title: `honest, ${own}`, align: 'right' },
      { title: name, align: 'right' },
    ],
    [
      ...shown.map(({ day, own: mine, other }) =>
        cells(date(day), mine.all, other.all, mine.count, other.count),
      ),
      cells(
        daysText(both.length),
        sum((day) => day.own.all),
        sum((day) => day.other.all),
        sum((day) => day.own.count),
        sum((day) => day.other.count),
      ),
    ],
  );
  const verdict =
    differing.length === 0
      ? 'No day differs by more than 1 %.\n'
      : `${daysText(differing.length)} differ${differing.length === 1 ? 's' : ''} by more than 1 %${more > 0 ? `; the last ${DAYS_SHOWN} are shown` : ''}.\n`;
  return `${head}${table}${verdict}`;
}

/** Breaks a sentence into lines of at most 80 characters. */
function wrap(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= 80)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(last === undefined ? word : `  ${word}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The comparison for people. */
export function renderComparison(compared: Compared, color: boolean): string {
  const { name, source, days, total, comparison, others, warnings } = compared;
  const paint = (text: string) => (color ? styleText('bold', text, { validateStream: false }) : text);
  const [first = '', last = ''] = [days[0], days.at(-1)];
  const ours = sourceName(source).shortName;
  const parts = [`${paint(name)}, ${daysText(days.length)} from ${date(first)} to ${date(last)} (UTC)\n`];
  if (comparison !== undefined) {
    const lines = linesOf(comparison, ours);
    const reasons = lines.flatMap(({ why }) => (why === undefined ? [] : [wrap(`- ${why}.`)]));
    const unknown = total.excluded.unknown;
    const apart = `- Without mirrors: pypistats.org also leaves clients without a name out${unknown > 0 ? `, of which there are ${formatNumber(unknown)} here` : ''}.`;
    parts.push(
      renderTable(
        [
          { title: '', align: 'left' },
          { title: 'with mirrors', align: 'right' },
          { title: 'without mirrors', align: 'right' },
        ],
        lines.map(({ cells }) => [...cells]),
      ),
      `${paint('Why they differ')}\n${wrap(apart)}${reasons.join('')}`,
      systemsTable(comparison, ours, total),
    );
  }
  parts.push(...others.map((other) => otherTable(other, compared)));
  if (warnings.length > 0) parts.push(warnings.map((warning) => wrap(`Warning: ${warning}`)).join(''));
  parts.push(`Counted from ${sourceName(source).name}.\n`);
  return parts.join('\n');
}
