import { expect, it } from 'vitest';
import { drawSparkline } from '../../src/badges/picture.ts';
import { downloads, packageDays } from '../support/views.ts';
import { parseXml } from '../support/xml.ts';

function drawn(counts: readonly (number | null)[], windowDays = counts.length) {
  const rowsOf = (index: number) => (counts[index] == null ? null : [downloads('pip', counts[index])]);
  const history = packageDays(counts.length, rowsOf, { last: '2026-10-03' });
  const content = drawSparkline({ title: 'demo', history, windowDays })('auto');
  const elements = parseXml(content);
  const paths = elements.filter((each) => each.name === 'path').map(({ attributes }) => attributes['d']);
  return { content, elements, paths };
}

it('a sparkline draws a line from the first day to the last, highest where most was downloaded', () => {
  const { content, paths, elements } = drawn([0, 10, 5]);
  expect(elements[0]?.attributes).toMatchObject({ width: '120', height: '30', role: 'img' });
  // 2 to 118 across, 28 (nothing) up to 2 (the most): half of it is 15.
  expect(paths).toEqual(['M2 28l58-26 58 13V28H2Z', 'M2 28l58-26 58 13']);
  expect(content).toContain(
    'PyPI downloads of demo by day, without CI: 15 in 3 days to 2026-10-03, at most 10 a day</title>',
  );
  expect(content).toContain('@media (prefers-color-scheme:dark)');
});

it('a sparkline leaves a gap where nothing is known, and shows a day by itself', () => {
  expect(drawn([4, 4, null, 4]).paths[1]).toBe('M2 2l38.7 0M117.3 2h1.5');
});

it('a sparkline takes the last days of a longer history, and stays flat where there is nothing', () => {
  expect(drawn([9, 9, 0, 0], 2).paths[1]).toBe('M2 28l116 0');
  expect(drawn([null]).paths).toEqual(['', '']);
});
