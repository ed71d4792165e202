import { expect, it } from 'vitest';
import { drawSparkline } from '../../src/badges/catalogue.ts';
import { addDays } from '../../src/days/day.ts';
import { winnow } from '../../src/winnow/breakdown.ts';
import { parseXml } from '../support/xml.ts';

function drawn(counts: readonly (number | null)[], windowDays = counts.length) {
  const history = {
    days: counts.map((_, index) => addDays('2026-10-01', index)),
    breakdowns: counts.map((downloads) =>
      downloads === null
        ? null
        : winnow([{ ci: null, sidecar: false, installer: 'pip', system: null, downloads }]),
    ),
    unknownDays: [],
    partialDays: [],
  };
  const content = drawSparkline('demo', history, windowDays);
  const elements = parseXml(content);
  const paths = elements.filter((each) => each.name === 'path').map(({ attributes }) => attributes['d']);
  return { content, elements, paths };
}

it('draws a line from the first day to the last, highest where most was downloaded', () => {
  const { content, paths, elements } = drawn([0, 10, 5]);
  expect(elements[0]?.attributes).toMatchObject({ width: '120', height: '30', role: 'img' });
  // 2 to 118 across, 28 (nothing) up to 2 (the most): half of it is 15.
  expect(paths).toEqual(['M2 28L60 2L118 15V28H2Z', 'M2 28L60 2L118 15']);
  expect(content).toContain(
    'PyPI downloads of demo by day, CI left out: 15 in 3 days to 2026-10-03, at most 10 a day</title>',
  );
  expect(content).toContain('@media (prefers-color-scheme:dark)');
});

it('leaves a gap where nothing is known, and shows a day by itself', () => {
  expect(drawn([4, 4, null, 4]).paths[1]).toBe('M2 2L40.7 2M118 2h.1');
});

it('takes the last days of a longer history, and stays flat where there is nothing', () => {
  expect(drawn([9, 9, 0, 0], 2).paths[1]).toBe('M2 28L118 28');
  expect(drawn([null]).paths).toEqual(['', '']);
});
