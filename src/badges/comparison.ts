import { addDays, date, type Span, spanDays } from '../days/day.ts';
import { formatNumber, plural } from '../format.ts';
import { html } from '../markup.ts';
import { type PackageDays, periodsOf } from '../metric/package-days.ts';
import { sum } from '../util.ts';
import * as chart from './chart.ts';
import { type Draw, linesPath, px, svg } from './picture.ts';

/*
 * The days of several packages or groups as lines of one chart.
 */

/** The colour and the dashes of each line, in their order: nobody needs to tell colours apart. */
const LINES = [
  ['first', ''],
  ['second', '7 3'],
  ['third', '2 2'],
  ['fourth', '9 3 2 3'],
  ['fifth', '14 4'],
] as const;

/** Of the names behind the lines, in pixels: the margin at the right, the height of each, and how wide each may be in the size of a heading. */
const NAMES = { width: 186, height: 32, room: 224 };

/** The longest span, in days, of which each day is drawn; beyond, it is each second one. */
const EACH_DAY_MAX = 183;

/** A package or group of a comparison. */
export interface Compared {
  /** What it is called. */
  readonly title: string;
  /** Days before the span take part in the first means. */
  readonly history: PackageDays;
}

/** What is known of one of them in a span: its sum, its gaps, its means of seven days as they are drawn, and all of it in words. */
function seriesOf({ title, history }: Compared, span: Span, isIndexed: boolean) {
  const periods = periodsOf(history);
  const within = periods.filter(({ start }) => start >= span.start);
  const total = sum(within, ({ breakdown }) => breakdown.count);
  const means = chart.meansOf(periods, span);
  const unit = (isIndexed && total / within.length / 100) || 1;
  const last = means.findLast((mean) => mean !== undefined) ?? 0;
  const gaps = chart.gapsOf(within, span);
  const days = chart.listed(gaps.map((at) => addDays(span.start, at)));
  const left = days && `; nothing or only a part is known of ${days}`;
  const told = `${title}: ${formatNumber(total)}, at the end ${chart.meanText(last)} a day${left}.`;
  return { title, total, gaps, told, values: means.map((mean) => mean && mean / unit), end: last / unit };
}

/**
 * The means of seven days of several packages or groups as lines, with gaps where nothing is known. Their names stand in the
 * order in which the lines end, each with the sum of its days.
 *
 * @param compared At most five.
 * @param isIndexed Whether the mean of each over the span is drawn as 100, so that their courses can be compared.
 */
export function drawComparison(compared: readonly Compared[], span: Span, isIndexed: boolean): Draw {
  const series = compared.map((each) => seriesOf(each, span, isIndexed));
  const drawn = series
    .map((each, index) => ({ ...each, line: LINES[index] ?? LINES[0] }))
    .toSorted((a, b) => b.end - a.end);
  const most = Math.max(1, ...drawn.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const plot = chart.plotOf('large', span, most, NAMES.width);
  const { x, y, right } = plot;
  const step = spanDays(span) > EACH_DAY_MAX ? 2 : 1;
  const lines = drawn.map(({ title, total, line: [className, dashes], values }, index) => {
    const top = y(most) + index * NAMES.height;
    const points = values.map((value, at) =>
      value === undefined ? undefined : ([x(at + 0.5), y(value)] as const),
    );
    const shown = points.filter((point, at) => !point || (points.length - 1 - at) % step === 0);
    const path = `${linesPath(shown)}M${px(right) + 6} ${top + 6}h18`;
    const pattern = dashes && html` stroke-dasharray="${dashes}"`;
    const name = chart.words(right + 30, top + 10, chart.cut(title, NAMES.room), undefined, className);
    const figure = chart.words(right + 30, top + 24, formatNumber(total));
    return html`<path class="stroke ${className}" stroke-width="2"${pattern} d="${path}"/>${name}${figure}`;
  });
  const gaps = [...new Set(series.flatMap((each) => each.gaps))];
  const last = date(addDays(span.end, -1));
  const title = `PyPI downloads a day${isIndexed ? ', mean of each = 100' : ''}`;
  const note = `7-day means, without CI, to ${last}${gaps.length === 0 ? '' : ', ▪ no or partial data'}`;
  const description = [
    `Means of seven days of downloads by installers, not marked as CI, from ${date(span.start)} to ${last}.`,
    ...series.map((each) => each.told),
    chart.breakNote(span),
  ];
  const told = `${title}, without CI: ${series.map((each) => each.title).join(', ')}`;
  const heading = chart.frame(plot, title, `sums of ${plural(spanDays(span), 'day')}`, note);
  const body = [heading, chart.gapsPath(gaps, plot), lines];
  return svg(chart.CHART_SIZES.large, told, body, description.filter(Boolean).join(' '));
}
