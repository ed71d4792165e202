import { describe, expect, it } from 'vitest';
import { addDays } from '../../src/days/day.ts';
import { spikesOf, typicalDay } from '../../src/metric/spikes.ts';
import { createRandom } from '../support/random.ts';
import { daysWith } from '../support/views.ts';

const usual = (days: number, count = 20) => Array.from({ length: days }, () => count);
/** Windows end with 2026-04-24. */
const dayAt = (index: number, length: number) => addDays('2026-04-25', index - length);

describe('spikes', () => {
  it.each<[string, (number | null)[], number, number[]]>([
    ['one day of 50,000 among days of 20', [...usual(29), 50_000], 30, [29]],
    ['two of them', [50_000, ...usual(10), 40_000, ...usual(18)], 30, [0, 11]],
    ['none on ordinary days', usual(30), 30, []],
    ['none of 99 downloads', [1, ...usual(28, 0), 99], 30, []],
    ['one of 100', [1, ...usual(28, 0), 100], 30, [29]],
    ['none of exactly ten times as many', [...usual(6), 200], 7, []],
    ['one of a download more', [...usual(6), 201], 7, [6]],
    ['none that is a third of the sum', [...usual(29), 290], 30, []],
    ['one that is more', [...usual(29), 291], 30, [29]],
    ['none where more than a quarter of the days are such', [...usual(20), ...usual(7, 5_000)], 27, []],
    ['those that are a quarter of the days', [...usual(6), 5_000, 5_000], 8, [6, 7]],
    ['none at a launch, with nothing before', [...usual(10, 0), 5_000, 3_000, ...usual(18)], 30, []],
    ['one after a launch', [...usual(10, 0), 5_000, ...usual(18), 9_000], 30, [29]],
    ['one on the first day where nothing is known of the days before', [9_000, ...usual(29)], 30, [0]],
    ['none where fewer than seven days are known', [...usual(5), null, 9_000], 7, []],
    ['one where seven are', [...usual(6), 9_000], 7, [6]],
    ['none in a window that begins after it', [9_000, ...usual(29)], 29, []],
    ['one of a package that is hardly used', [...usual(20, 0), 1, 0, 0, 1, 0, 0, 1, 0, 0, 400], 30, [29]],
  ])('%s', (_, counts, windowDays, expected) => {
    expect(spikesOf(daysWith(counts), windowDays).map(({ day }) => day)).toEqual(
      expected.map((index) => dayAt(index, counts.length)),
    );
  });

  it('may be on an incomplete day, which is no part of what is usual', () => {
    const all = daysWith([...usual(6), 50_000], { partialDays: ['2026-04-24'] });
    expect(spikesOf(all, 7)).toEqual(all.slice(6));
    expect(typicalDay(all, 7)).toBe(20);
  });

  it('leave the typical day as it is', () => {
    const windows = [
      [...usual(29), 50_000],
      [...usual(20, 0), ...usual(10, 30)],
      [...usual(5, 10), ...usual(5, 11)],
    ];
    const typical = [...windows, usual(30, 9), [null]].map((counts) =>
      typicalDay(daysWith(counts), counts.length),
    );
    expect(typical).toEqual([20, 30, 11, undefined, undefined]);
  });
});

/** The simulation that chose the thresholds: packages of 1 to 10,000 downloads a day, with weekends and noise. */
describe('the thresholds of a spike', () => {
  const WINDOWS = 1_000;
  const random = createRandom(20261130);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  /** A window of a mean level whose days scatter by a factor (log-normal), and by chance on top of that. */
  const ordinary = (level: number, scatter: number) =>
    Array.from({ length: 30 }, (_, index) => {
      const mean = level * (index % 7 < 5 ? 1 : 0.64) * Math.exp(scatter * normal() - scatter ** 2 / 2);
      return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
    });
  const levelOf = (least: number) => least * 10 ** (random() * 3);
  const shareOf = (make: () => number[]) =>
    Array.from({ length: WINDOWS }, make).filter((counts) => spikesOf(daysWith(counts), 30).length > 0)
      .length / WINDOWS;

  it.each([
    ['calm', 0.2, 0],
    ['usual', 0.5, 0.003],
    ['restless', 0.8, 0.01],
  ])('give a false alarm on at most 1 % of windows of %s packages', (_, scatter, most) => {
    expect(shareOf(() => ordinary(levelOf(1), scatter))).toBeLessThanOrEqual(most);
  });

  it.each([
    [20, 0.95],
    [50, 0.995],
  ])('find days with %d times the usual in %d of all cases at least', (times, least) => {
    const withSpike = () => {
      const level = levelOf(10);
      const counts = ordinary(level, 0.3);
      counts[Math.floor(random() * 30)] = Math.round(level * times);
      return counts;
    };
    expect(shareOf(withSpike)).toBeGreaterThanOrEqual(least);
  });
});
