import { describe, expect, it } from 'vitest';
import { addDays, type Day, daysOf } from '../../src/days/day.ts';
import { oddDaysOf, partitionSpan, upstreamOf } from '../../src/days/upstream.ts';

/** Rows of each day of a span: midweek days have `midweek`, Saturdays and Sundays 64 % of it. */
function weeks(start: Day, days: number, midweek: (index: number) => number): Map<Day, number> {
  const span = { start, end: addDays(start, days) };
  return new Map(
    daysOf(span).map((day, index) => {
      const weekday = new Date(`${day}T00:00:00Z`).getUTCDay();
      return [day, Math.round(midweek(index) * (weekday % 6 === 0 ? 0.64 : 1))];
    }),
  );
}

/** The odd days of all days that have rows. */
function oddIn(rows: ReadonlyMap<Day, number>) {
  const days = [...rows.keys()];
  const { partial, excess } = oddDaysOf({ start: days[0] ?? '', end: addDays(days.at(-1) ?? '', 1) }, rows);
  return { partial: [...partial], excess: [...excess] };
}

/** Where windows of 30 days end. */
const ofWholeLog = (asOf: Day, rows: ReadonlyMap<Day, number>, published?: Day) =>
  upstreamOf(asOf, 30, rows, oddDaysOf(partitionSpan(asOf, 30), rows), 'see there', published);

describe('an incomplete day', () => {
  it('is one like those of November 2021, when 467,591,439 rows a day fell to 780,878', () => {
    const rows = weeks('2021-10-01', 60, () => 467_591_439);
    const broken = ['2021-11-13', '2021-11-14', '2021-11-20'];
    for (const day of broken) rows.set(day, 780_878);
    expect(oddIn(rows).partial).toEqual(broken);
  });

  it.each<[string, Map<Day, number>]>([
    ['weekends', weeks('2026-01-01', 200, () => 3_000_000_000)],
    ['growth of 60 % in four months', weeks('2026-01-01', 120, (day) => 3e9 * (1 + (0.6 * day) / 120))],
    // A fifth of the rows was not recorded any more.
    ['the step of 2026-08-24', weeks('2026-07-01', 120, (day) => (day < 54 ? 4e9 : 3.2e9))],
    [
      'half the usual around Christmas',
      weeks('2025-11-01', 90, (day) => (day < 53 || day > 62 ? 3e9 : 1.5e9)),
    ],
    ['noise of 20 % either way', weeks('2026-01-01', 200, (day) => 3e9 * (1 + 0.2 * Math.sin(day * 1.7)))],
  ])('is not seen in %s', (_, rows) => {
    expect(oddIn(rows).partial).toEqual([]);
  });

  it.each([
    ['has fewer than 40 % of the median', [900, 1_100, 399], ['2026-03-15']],
    ['has not 40 %', [900, 1_100, 400], []],
    ['is not told where one of the same weekdays before is known', [1_000, 10], []],
    ['is no measure for those after it', [1e3, 1e3, 1e3, 10, 300], ['2026-03-08', '2026-03-15']],
  ])('%s, of %j rows a week', (_, counts, expected) => {
    const first = 1 - counts.length;
    const rows = new Map(counts.map((count, week) => [addDays('2026-03-15', 7 * (first + week)), count]));
    expect(oddIn(rows).partial).toEqual(expected);
  });

  it('stays one as long as an outage lasts', () => {
    const rows = weeks('2026-01-01', 70, (day) => (day >= 40 && day < 55 ? 1e6 : 3e9));
    expect(oddIn(rows).partial).toEqual(daysOf({ start: '2026-02-10', end: '2026-02-25' }));
  });
});

describe('a level that changes for good', () => {
  const FALL = '2026-03-02';
  /** What each daily run of six weeks says, with what was published before as the last run left it. */
  function runsAfter(share: number, lasts = 60, others: Readonly<Record<number, number>> = {}) {
    const rows = weeks('2025-11-01', 200, () => 3e9);
    for (const [index, day] of daysOf({ start: FALL, end: addDays(FALL, lasts) }).entries()) {
      rows.set(day, Math.round((rows.get(day) ?? 0) * (others[index] ?? share)));
    }
    let published = addDays(FALL, -1);
    return Array.from({ length: 42 }, (_, index) => {
      const asOf = addDays(FALL, index + 1);
      const known = new Map([...rows].filter(([day]) => day < asOf));
      const upstream = ofWholeLog(asOf, known, published);
      if (upstream.fault === undefined) published = addDays(upstream.end, -1);
      return { index, ...upstream, isNew: upstream.fault === undefined && upstream.end === asOf };
    });
  }

  it('is told from an outage that leaves next to nothing', () => {
    const runs = runsAfter(0.002, 20);
    expect(runs.slice(0, 20).some(({ isNew }) => isNew)).toBe(false);
    expect(runs[25]?.partialDays).toHaveLength(20);
  });

  it('is told from one that leaves now a little, now a third', () => {
    const shareOf = (day: number) => (day < 50 || day >= 62 ? 1 : day % 2 === 0 ? 0.3 : 0.06);
    const rows = weeks('2026-01-01', 80, (day) => shareOf(day) * 3e9);
    expect(oddIn(rows).partial).toHaveLength(12);
  });

  it.each<[string, number, Readonly<Record<number, number>>, number]>([
    ['35 %', 0.35, {}, 0],
    ['10 %', 0.1, {}, 0],
    ['5 %', 0.05, {}, 0],
    ['35 %, with a day without rows', 0.35, { 3: 0 }, 0],
    ['35 %, with a late day without rows', 0.35, { 7: 0 }, 0],
    ['35 %, with two days without rows', 0.35, { 3: 0, 6: 0 }, 0],
    ['35 %, with a day like those before', 0.35, { 4: 0.9 }, 0],
    ['35 %, with a day of still fewer rows, which stays incomplete', 0.35, { 4: 0.1 }, 1],
  ])('is accepted after ten days at %s', (_, share, others, incomplete) => {
    const after = runsAfter(share, 60, others).filter(({ index }) => index >= 10 && index < 34);
    expect(after.map(({ isNew, partialDays }) => [isNew, partialDays.length])).toEqual(
      after.map(() => [true, incomplete]),
    );
  });

  it.each([
    [0.35, 8],
    [0.35, 10],
    [0.1, 10],
    [0.1, 20],
    [2.7, 10],
    [2.7, 20],
  ])('to %d for %i days only was none: these days are named, and no other', (share, lasts) => {
    const days = daysOf({ start: FALL, end: addDays(FALL, lasts) });
    const after = runsAfter(share, lasts).filter(({ index }) => index >= lasts + 2 && index < 30);
    const odd = after.map(({ isNew, partialDays, excessDays }) => [isNew, partialDays, excessDays]);
    expect(odd).toEqual(after.map(() => (share < 1 ? [true, days, []] : [true, [], days])));
  });

  it('to three times as much is told for a week, and usual then', () => {
    const runs = runsAfter(3);
    expect(runs.every(({ isNew }) => isNew)).toBe(true);
    expect(runs.map(({ excessDays }) => excessDays.length).slice(0, 9)).toEqual([1, 2, 3, 4, 5, 6, 7, 0, 0]);
  });
});

it.each([
  [2.7, 1],
  [2, 0],
])('a day with %d times the usual rows: %d told', (times, told) => {
  expect(oddIn(weeks('2026-01-01', 70, (day) => (day === 60 ? times : 1) * 1e6)).excess).toHaveLength(told);
});

describe('where windows end', () => {
  const asOf = '2026-03-10';
  const reach = partitionSpan(asOf, 30);
  const full = weeks(reach.start, 72, () => 1_000);
  const without = (...days: Day[]) => new Map([...full].filter(([day]) => !days.includes(day)));
  const partial = (...days: Day[]) => new Map([...full, ...days.map((day): [Day, number] => [day, 10])]);
  const since = (start: Day) => daysOf({ start, end: asOf });
  const OLDER = '2026-02-20';
  const PARTS = ['2026-03-08', '2026-03-09'];
  const BACK = { code: 'upstream-back', message: expect.stringContaining('2026-03-08') };

  it('looks five weeks further back than the window, wherever lateness puts it', () => {
    expect(reach).toEqual({ start: '2025-12-28', end: '2026-03-10' });
  });

  it.each([
    ['2026-03-09', 0.549, '2026-03-08'],
    ['2026-03-09', 0.56, '2026-03-09'],
    ['2026-03-08', 0.402, '2026-03-09'],
  ])('with %s at %d of its usual rows they end with %s', (day, share, lastDay) => {
    const rows = new Map([...full, [day, (full.get(day) ?? 0) * share]]);
    expect(ofWholeLog(asOf, rows)).toMatchObject({ lastDay, partialDays: [], fault: undefined });
  });

  it.each<[string, Map<Day, number>, object]>([
    ['nothing is missing', full, { end: asOf, lastDay: '2026-03-09', missingDays: [], partialDays: [] }],
    ['the newest two have no rows', without(...PARTS), { end: '2026-03-08', lastDay: '2026-03-07' }],
    ['the newest day is incomplete', partial('2026-03-09'), { end: '2026-03-09', partialDays: [] }],
    [
      'a part of one day, none of the next',
      new Map([...without('2026-03-09'), ['2026-03-08', 10]]),
      { end: '2026-03-08' },
    ],
    ['an older day is incomplete', partial(OLDER), { end: asOf, partialDays: [OLDER], missingDays: [] }],
    ['an older day has no rows', without(OLDER), { end: asOf, missingDays: [OLDER] }],
    ['seven newest are incomplete', partial(...since('2026-03-03')), { end: '2026-03-03', fault: undefined }],
  ])('when %s', (_, rows, expected) => {
    expect(ofWholeLog(asOf, rows)).toMatchObject(expected);
  });

  it('is nowhere when eight newest days are incomplete', () => {
    const message = expect.stringMatching(
      /no whole day since 2026-03-01, .*; it is behind \(see there\), or --as-of is wrong; /,
    );
    const fault = { code: 'upstream-late', message };
    expect(ofWholeLog(asOf, partial(...since('2026-03-02')))).toMatchObject({ lastDay: '2026-03-01', fault });
  });

  it.each<[string, Map<Day, number>, Day, object]>([
    ['lies before the newest complete day', full, '2026-03-05', { lastDay: '2026-03-09', fault: undefined }],
    [
      'has become incomplete: it stays the last, and is named',
      partial(...PARTS),
      '2026-03-09',
      { end: asOf, lastDay: '2026-03-09', partialDays: PARTS, fault: undefined },
    ],
    [
      'is before an incomplete day, and incomplete itself',
      partial(...PARTS),
      '2026-03-08',
      { end: '2026-03-09', lastDay: '2026-03-08', fault: undefined },
    ],
    ['is lost', without(...PARTS), '2026-03-08', { lastDay: '2026-03-07', fault: BACK }],
    ['is lost, as is all before it', new Map(), '2026-03-08', { fault: BACK }],
  ])('when the last day that was published %s', (_, rows, published, expected) => {
    expect(ofWholeLog(asOf, rows, published)).toMatchObject(expected);
  });
});
