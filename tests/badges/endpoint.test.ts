import { describe, expect, it } from 'vitest';
import { badgeFiles, badgeSvg, endpointBadges } from '../../src/badges/endpoint.ts';
import type { Breakdown } from '../../src/winnow/breakdown.ts';
import { parseXml } from '../support/xml.ts';

/** Every figure differs, so that none can be taken for another. */
const breakdown: Breakdown = {
  count: 1_150,
  counts: { pip: 500, pipenv: 1, pipx: 2, uv: 400, poetry: 9, pdm: 10, 'pip-family': 503 },
  countsBySystem: { Linux: 2_000, Darwin: 30, Windows: 0 },
  excluded: { sidecar: 8, ci: 7, mirror: 6, browser: 5, unknown: 4, other: 3 },
  others: new Map([['requests', 3]]),
};

/** The eleven badges, spelled out: READMEs all over the place name them. */
const ELEVEN: Record<string, [label: string, message: string, color: string]> = {
  'downloads-30d-non-ci': ['pip*/uv/poetry/pdm (30d)', '1.2k', 'blue'],
  'installer-pip-30d-non-ci': ['pip (30d)', '500', 'blue'],
  'installer-pipenv-30d-non-ci': ['pipenv (30d)', '1', 'lightgrey'],
  'installer-pipx-30d-non-ci': ['pipx (30d)', '2', 'lightgrey'],
  'installer-uv-30d-non-ci': ['uv (30d)', '400', 'blue'],
  'installer-poetry-30d-non-ci': ['poetry (30d)', '9', 'lightgrey'],
  'installer-pdm-30d-non-ci': ['pdm (30d)', '10', 'blue'],
  'installer-pip-family-30d-non-ci': ['pip* (30d)', '503', 'blue'],
  'os-linux-30d-non-ci': ['linux (30d)', '2k', 'blue'],
  'os-macos-30d-non-ci': ['macos (30d)', '30', 'blue'],
  'os-windows-30d-non-ci': ['windows (30d)', '0', 'lightgrey'],
};

/** The colours of shields.io by their names (badge-maker, lib/color.js). */
const FILLS: Record<string, string> = { blue: '#007ec6', lightgrey: '#9f9f9f' };

const files = badgeFiles(breakdown, 30);
const withEnding = (ending: string) =>
  Object.fromEntries(
    files
      .filter(({ name }) => name.endsWith(ending))
      .map(({ name, content }) => [name.slice(0, -ending.length), content]),
  );

describe('badgeFiles', () => {
  it('makes an endpoint file for each of the eleven badges, with label, message and colour', () => {
    const made = Object.entries(withEnding('.json')).map(([stem, content]) => {
      const { label, message, color } = JSON.parse(content);
      return [stem, [label, message, color]];
    });
    expect(Object.fromEntries(made)).toEqual(ELEVEN);
    expect(files).toHaveLength(22);
  });

  it('writes nothing but the four keys, with two-space indent and a final newline', () => {
    expect(files[0]?.content).toBe(
      '{\n  "schemaVersion": 1,\n  "label": "pip*/uv/poetry/pdm (30d)",\n  "message": "1.2k",\n  "color": "blue"\n}\n',
    );
  });

  it('names the window in every file name and label', () => {
    const names = badgeFiles(breakdown, 365).map(({ name }) => name);
    for (const name of names) expect(name).toMatch(/-365d-non-ci\.(json|svg)$/);
    for (const { badge } of endpointBadges(breakdown, 365)) expect(badge.label).toMatch(/ \(365d\)$/);
  });

  it('draws each beside it: well-formed, the words in its title, and asking for nothing', () => {
    const drawn = withEnding('.svg');
    expect(Object.keys(drawn)).toEqual(Object.keys(ELEVEN));
    for (const [stem, [label, message, color]] of Object.entries(ELEVEN)) {
      const svg = drawn[stem] ?? '';
      const elements = parseXml(svg);
      expect(elements[0]).toMatchObject({
        name: 'svg',
        attributes: { role: 'img', 'aria-label': `${label}: ${message}` },
      });
      expect(svg).toContain(`<title>${label}: ${message}</title>`);
      expect(svg).toContain(`>${message}<`);
      expect(elements.filter(({ name }) => name === 'rect')[2]?.attributes['fill']).toBe(FILLS[color]);
      expect(elements.map(({ name }) => name)).not.toContain('image');
      expect(svg).not.toMatch(/href|url\((?!#)/);
    }
  });
});

describe('endpointBadges', () => {
  it('begins with the hero', () => {
    expect(endpointBadges(breakdown, 7)[0]).toMatchObject({
      stem: 'downloads-7d-non-ci',
      badge: { schemaVersion: 1, label: 'pip*/uv/poetry/pdm (7d)', message: '1.2k', color: 'blue' },
    });
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
