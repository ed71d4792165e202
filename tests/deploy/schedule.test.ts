import { expect, it } from 'vitest';
import { nextRun } from '../../deploy/container/schedule.mjs';

it.each([
  ['04:17', '2026-04-25T04:16:59Z', '2026-04-25T04:17:00.000Z'],
  ['04:17', '2026-04-25T04:17:00Z', '2026-04-26T04:17:00.000Z'],
  ['04:17,14:17', '2026-04-25T04:17:00Z', '2026-04-25T14:17:00.000Z'],
  [' 14:00 , 02:30', '2026-12-31T23:59:00Z', '2027-01-01T02:30:00.000Z'],
])('%s after %s is %s', (times, now, next) => {
  expect(nextRun(times, new Date(now)).toISOString()).toBe(next);
});

it.each(['', '24:00', '4:17', '04:17;14:17', 'noon'])('refuses %j', (times) => {
  expect(() => nextRun(times, new Date())).toThrow(/^COLLECT_AT: ".*" is no time; write times of UTC as/);
});
