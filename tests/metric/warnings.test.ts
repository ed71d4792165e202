import { describe, expect, it } from 'vitest';
import type { DownloadRow } from '../../src/metric/breakdown.ts';
import type { PackageDays } from '../../src/metric/package-days.ts';
import { warningsOf } from '../../src/metric/warnings.ts';
import { downloads, packageDays } from '../support/views.ts';

/** The rows of a day, and null where it is not known; `age` is 0 for the newest. */
type Day = (age: number) => DownloadRow[] | null;

/** Five weeks, of which the last seven days are `now` and the others `then`. */
const weeks = (then: Day, now: Day, more: Parameters<typeof packageDays>[2] = {}): PackageDays =>
  packageDays(35, (index) => (index < 28 ? then(34 - index) : now(34 - index)), more);
const always = (day: Record<string, number>): Day => {
  const rows = Object.entries(day).map(([name, count]) => downloads(name || null, count));
  return () => rows;
};
const PIP = always({ pip: 9 });
const BOTH = always({ pip: 9, uv: 9 });
const TWO = always({ pip: 2, uv: 2 });
const uv = (count: number) => [downloads('uv', count)];
const pip = (count: number) => [downloads('pip', count)];
const devpi = (count: number) => [downloads('devpi', count)];
const APRIL_18_TO_23 = [18, 19, 20, 21, 22, 23].map((day) => `2026-04-${day}`);
const codes = (all: PackageDays) => warningsOf(all, [30]).map(({ code }) => code);

it.each<[string, PackageDays, boolean]>([
  // 21 of 105 are a fifth, and seven a week; 21 of 106 are not.
  ['a fifth of the count', weeks(always({ uv: 1, pip: 3 }), always({ pip: 3 })), true],
  ['less than a fifth', weeks(always({ uv: 1, pip: 3 }), (age) => pip(age === 0 ? 4 : 3)), false],
  ['six a week, which may be chance', weeks((age) => (age % 7 ? uv(1) : []), always({ pip: 1 })), false],
  ['what nobody downloads any more', weeks(always({ uv: 9 }), always({ bandersnatch: 9 })), false],
  ['one in the last week', weeks(BOTH, (age) => [...pip(9), ...uv(age === 3 ? 1 : 0)]), false],
  ['an installer that went eight days ago', weeks((age) => (age === 7 ? PIP : BOTH)(age), PIP), true],
  ['an installer that is new', weeks(PIP, BOTH), false],
  // Two of the installer would be due on it.
  ['a week of which one day is known', weeks(TWO, (age) => (age === 0 ? PIP(0) : null)), false],
  ['a week with six incomplete days', weeks(TWO, PIP, { partialDays: APRIL_18_TO_23 }), false],
  ['fewer than four weeks', packageDays(27, (index) => (index < 20 ? BOTH : PIP)(0)), false],
  ['four weeks', packageDays(28, (index) => (index < 21 ? BOTH : PIP)(0)), true],
])('installer-vanished, of %s: %3$s', (_, all, told) => {
  expect(codes(all)).toEqual(told ? ['installer-vanished'] : []);
});

it('tells of each installer that has vanished, with its figures', () => {
  // Over four weeks: pip 28 days at 2, the others 21 days.
  const all = weeks(always({ pip: 2, uv: 2, poetry: 3 }), always({ pip: 2 }));
  const end =
    'downloads in four weeks and none in the last seven days, while others had 14; it may send its name in another form, which would count as unknown or other';
  const messages = warningsOf(all, [30]).map(({ message }) => message);
  expect(messages).toEqual([`uv had 42 of 161 ${end}`, `poetry had 63 of 161 ${end}`]);
});

describe('unidentified-jump', () => {
  const FEW = [downloads(null, 60), ...pip(40)];
  const FILES = downloads('pip', 100, { sidecar: true });
  /** `share` in 50 a day is not known, the others are mirrors. */
  const unknown = (share: number) => always({ '': share, devpi: 50 - share });
  const endsWith = (last: number) => (age: number) => [downloads(null, age === 0 ? last : 0)];

  it('tells its figures, and goes with the installer that has changed its name', () => {
    const [vanished, jumped] = warningsOf(weeks(BOTH, always({ pip: 9, '': 9 })), [30]);
    expect(vanished?.code).toBe('installer-vanished');
    expect(jumped?.message).toBe(
      'clients that are unknown or other had 50.0% of the downloads of the last seven days, and 0.0% in the four weeks before; an installer may send its name in another form',
    );
  });

  it.each<[string, PackageDays, boolean]>([
    ['from 24 % to 44 %', weeks(unknown(12), unknown(22)), true],
    ['from 24 % to 42 %', weeks(unknown(12), unknown(21)), false],
    ['from 44 % to 24 %', weeks(unknown(22), unknown(12)), false],
    ['to other programs', weeks(always({ pip: 20 }), always({ pip: 10, 'uv-next/1.0': 10 })), true],
    ['to mirrors', weeks(always({ pip: 20 }), always({ pip: 10, devpi: 10 })), false],
    // 6 of 10 are unknown throughout; of 20 they were 3 in 10.
    ['after the end of other files', weeks(() => [...FEW, FILES], always({ '': 60, pip: 40 })), false],
    ['among 99 a week', weeks(always({ pip: 99 }), endsWith(99)), false],
    ['among 100 a week', weeks(always({ devpi: 99 }), endsWith(100)), true],
    ['after four weeks with 99', weeks((age) => devpi(age === 9 ? 99 : 0), unknown(50)), false],
    ['after four weeks that are not known', weeks(() => null, unknown(50)), false],
    ['of a package that is a week old', packageDays(7, unknown(50)), false],
  ])('%s: %3$s', (_, all, told) => {
    expect(codes(all)).toEqual(told ? ['unidentified-jump'] : []);
  });
});

describe('no-rows', () => {
  /** Five weeks with these rows on one day, and nothing else. */
  const only = (at: number, ...rows: DownloadRow[]) => packageDays(35, (index) => (index === at ? rows : []));

  it.each<[string, PackageDays, string[]]>([
    ['no download of any kind', packageDays(35, () => []), ['no-rows']],
    ['rows of no downloads', packageDays(35, always({ pip: 0 })), ['no-rows']],
    ['one of a mirror', only(20, ...devpi(1)), []],
    ['one of a file beside a package', only(20, downloads('pip', 1, { sidecar: true })), []],
    ['one before the window', only(4, ...pip(1)), ['no-rows']],
    ['one on the first day of the window', only(5, ...pip(1)), []],
    ['nothing known of any day', packageDays(35, () => null), []],
    [
      'none but perhaps on an unknown day',
      packageDays(35, (index) => (index === 30 ? null : []), { unknownDays: ['2026-04-20'] }),
      ['unknown-days'],
    ],
  ])('%s', (_, all, expected) => {
    expect(codes(all)).toEqual(expected);
  });

  it('says how many days', () => {
    const message = 'no download of any kind in 7 days: is the name right?';
    expect(warningsOf(only(0), [7])).toEqual([{ code: 'no-rows', message }]);
  });
});

it.each([
  [['2026-04-24'], ['2026-04-24 were by CI; this day is left out']],
  [['2026-04-01', '2026-04-24'], ['2026-04-01, 2026-04-24 were by CI; these days are left out']],
  // Before the window.
  [['2026-03-25'], []],
])('unknown-days names them: %j', (unknownDays, says) => {
  const found = warningsOf(packageDays(35, always({ pip: 1 }), { unknownDays }), [30]);
  const messages = says.map((text) => `the source does not say which downloads of ${text}`);
  expect(found).toEqual(messages.map((message) => ({ code: 'unknown-days', message })));
});
