import { describe, expect, it } from 'vitest';
import { badgeFiles } from '../../src/badges/endpoint.ts';
import { badgeSvg, svgFiles } from '../../src/badges/svg.ts';
import { winnow } from '../../src/winnow/winnow.ts';
import { parseXml } from '../support/xml.ts';

const account = winnow([
  { ci: null, installer: 'pip', system: 'Linux', downloads: 1_150 },
  { ci: null, installer: 'uv', system: null, downloads: 5 },
]);

describe('svgFiles', () => {
  it('has one beside each endpoint file', () => {
    const stems = (files: { name: string }[]) => files.map(({ name }) => name.replace(/\.\w+$/, ''));
    expect(stems(svgFiles(account, 30))).toEqual(stems(badgeFiles(account, 30)));
    expect(svgFiles(account, 7).every(({ name }) => name.endsWith('-7d-non-ci.svg'))).toBe(true);
  });

  it('is well-formed XML that says label and message in its title, and asks for nothing', () => {
    for (const [index, { content }] of svgFiles(account, 30).entries()) {
      const { label, message } = JSON.parse(badgeFiles(account, 30)[index]?.content ?? '');
      const elements = parseXml(content);
      expect(elements[0]).toMatchObject({
        name: 'svg',
        attributes: { role: 'img', 'aria-label': `${label}: ${message}` },
      });
      expect(content).toContain(`<title>${label}: ${message}</title>`);
      expect(elements.map(({ name }) => name)).not.toContain('image');
      expect(content).not.toMatch(/href|url\((?!#)/);
    }
  });

  it('shows the message, and few downloads in another colour than many', () => {
    const [hero, , , , uv] = svgFiles(account, 30);
    expect(hero?.content).toContain('>1.2k<');
    expect(uv?.content).toContain('>5<');
    const fills = (svg = '') => parseXml(svg).filter(({ name }) => name === 'rect')[2]?.attributes['fill'];
    expect(fills(hero?.content)).toBe('#007ec6');
    expect(fills(uv?.content)).toBe('#9f9f9f');
  });
});

describe('badgeSvg', () => {
  it('keeps the ids of several badges in a document apart', () => {
    const badge = { schemaVersion: 1, label: 'a', message: '1', color: 'blue' } as const;
    const ids = ['x-1', 'x-2'].flatMap((suffix) =>
      parseXml(badgeSvg(badge, suffix)).flatMap(({ attributes }) => attributes['id'] ?? []),
    );
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
