import { describe, expect, it } from 'vitest';
import { allDaysOfLedger, allDaysOfRows } from '../../src/run/all-days.ts';
import { EMPTY_LEDGER, withDays } from '../../src/state/ledger.ts';

const row = { ci: null, installer: 'pip', system: null, sidecar: false, downloads: 1 };
const never = () => false;

describe('all that is known', () => {
  it.each([
    [false, [{ start: '2026-01-01', end: '2026-01-06' }]],
    [
      true,
      [
        { start: '2026-01-01', end: '2026-01-02' },
        { start: '2026-01-03', end: '2026-01-05' },
      ],
    ],
  ])('of files whose being the whole log is %s', (wholeLog, spans) => {
    const filled = ['2026-01-04', '2026-01-03', '2026-01-01', '2026-01-06', '2026-01-07'];
    const rows = [{ ...row, day: '2026-01-03' }];
    expect(allDaysOfRows(rows, filled, wholeLog, '2026-01-06')).toEqual({ spans, rows, end: '2026-01-06' });
    expect(allDaysOfRows([], ['2026-01-06'], wholeLog, '2026-01-06')).toBeUndefined();
  });

  it('of a ledger is what it keeps as a sum, and its days, each once, but for those that the table lost', () => {
    const span = { start: '2026-01-01', end: '2026-01-05' };
    const rows = ['01', '02', '03', '04'].map((day) => ({ ...row, day: `2026-01-${day}` }));
    const kept = withDays(EMPTY_LEDGER, span, rows, (day) => (day === '2026-01-04' ? 0 : 5));
    const old = { spans: [{ start: '2025-12-31', end: '2026-01-02' }], rows: [{ ...row, downloads: 7 }] };
    const all = allDaysOfLedger({ ...kept, old }, '2026-01-05', (day) => day === '2026-01-03');
    expect(all?.spans).toEqual([{ start: '2025-12-31', end: '2026-01-03' }]);
    expect([...(all?.rows ?? [])].map(({ downloads }) => downloads)).toEqual([7, 1]);
    expect(allDaysOfLedger({ ...kept, old }, '2026-01-01', never)).toBeUndefined();
    expect(allDaysOfLedger(EMPTY_LEDGER, '2026-01-05', never)).toBeUndefined();
  });
});
