import { makeBadge } from 'badge-maker';
import { describe, expect, it } from 'vitest';
import { drawBadge } from '../../src/badges/picture.ts';
import { STYLES } from '../../src/config/looks.ts';

/** Figures of every shape, with every digit at every place; a suffix may have signs that XML escapes, and digits. */
const MESSAGES = [
  ...Array.from({ length: 10 }, (_, digit) => String(digit)),
  ...Array.from({ length: 10 }, (_, digit) => `${digit}${(digit + 3) % 10}.${(digit + 7) % 10}k`),
  '1.1k',
  '111.1M',
  '907/<month> & "30d"',
  '+12 %',
  '−7 %',
  '±0 %',
  'over +999 %',
  'nothing to compare',
  '',
];

/** A label with the very text of a message must stay as it is. */
const LABELS = ['pip*/uv (30d)', '00: 00', '12.5k (365d)', 'total since 2026-09'];

const LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><path d="M0 0h10"/></svg>';
const LOGO_URL = `data:image/svg+xml;base64,${Buffer.from(LOGO).toString('base64')}`;

describe.each(STYLES)('drawBadge, %s', (style) => {
  it.each(LABELS)('draws to the byte what the library draws, with the label %s', (label) => {
    for (const message of MESSAGES) {
      const plain = { label, message, color: 'blue', style };
      expect(drawBadge(plain)).toBe(makeBadge(plain));
      const adorned = { ...plain, labelColor: '#12345f', color: '0a0a0a' };
      expect(drawBadge({ ...adorned, logoSvg: LOGO })).toBe(makeBadge({ ...adorned, logoBase64: LOGO_URL }));
    }
  });
});

it('takes the style that the library takes where none was chosen', () => {
  const badge = { label: 'uv (30d)', message: '4.2k', color: 'blue' };
  expect(drawBadge(badge)).toBe(makeBadge(badge));
});
