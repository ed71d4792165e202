import { expect, it } from 'vitest';
import { renderAccounts } from '../../src/commands/account.ts';
import { inkOf } from '../../src/commands/output.ts';
import { daysOf } from '../../src/days/day.ts';
import { breakdownDays, type ReadDays, summarize } from '../../src/metric/summary.ts';

const span = { start: '2026-10-01', end: '2026-10-11' };
const row = (installer: string | null, downloads: number, system: string | null = null) => ({
  ci: null,
  sidecar: false,
  installer,
  system,
  downloads,
});
const NAMES = ['a1', 'b2', 'c3', 'd4', 'e5', 'f6', 'g7', 'h8'];

const fold = (read: ReadDays, windows: [number, ...number[]], partialDays: string[]) =>
  summarize(breakdownDays(read, partialDays), windows);

/** Four of ten days are not known, one is there in part, and eight unknown programs came by. */
const summary = fold(
  {
    span,
    rows: new Map(
      daysOf(span)
        .slice(4)
        .map((day, index) => [
          day,
          index === 0 ? NAMES.map((name, at) => row(name, 80 - at)) : [row('pip', index, 'Windows')],
        ]),
    ),
  },
  [10],
  ['2026-10-06'],
);
const ink = inkOf({ LC_ALL: 'en_GB.UTF-8' });

it('says what is not known, what is there in part, and the first of many names', () => {
  const text = renderAccounts([{ name: 'demo', summary }], { ink, width: 80, color: false });
  expect(text).toContain('\nNothing is known of 4 days.\n');
  expect(text).toContain('\nThe source has only a part of the rows of 6 Oct 2026.\n');
  expect(text).toContain('\nOther programs: a1 80, b2 79, c3 78, d4 77, e5 76, f6 75 and 2 more\n');
  expect(text).toMatch(/^Windows +15 +2\.4%/m);
  expect(text).toContain('\n????·▂▄▅▇█\n');
});

it('is painted on a terminal, with the same words', () => {
  const plain = renderAccounts([{ name: 'demo', summary }], { ink, width: 80, color: false });
  const painted = renderAccounts([{ name: 'demo', summary }], { ink, width: 80, color: true });
  expect(painted).toContain('\u001B[32mNon-CI downloads');
  expect(painted.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g'), '')).toBe(plain);
});

it('has no line of days of a package that nobody installs', () => {
  const nobody = fold({ span, rows: new Map([['2026-10-10', [row('bandersnatch', 5)]]]) }, [10], []);
  const text = renderAccounts([{ name: 'demo', summary: nobody }], { ink, width: 80, color: false });
  expect(text).not.toContain('by day');
  expect(text).toMatch(/^Non-CI downloads +0 +0\.0%$/m);
});
