import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { BADGES, CATALOGUE, findBadge, pythonBadges } from '../../src/badges/catalogue.ts';
import { altText, snippet } from '../../src/badges/snippet.ts';

const [kind] = CATALOGUE;
const hero = { package: 'mcp-clipboard', kind, windowDays: 30, sourceName: 'somewhere' };
const HERE = 'https://badges.example.com';
const ALT = 'Non-CI PyPI downloads of mcp-clipboard by installers in 30 days (somewhere)';
const SHIELDS =
  'https://img.shields.io/endpoint?url=https%3A%2F%2Fbadges.example.com%2Fmcp-clipboard%2Fdownloads-30d-non-ci.json';

describe('snippet', () => {
  it.each([
    ['markdown', `[![${ALT}](${SHIELDS})](https://pypi.org/project/mcp-clipboard/)`],
    ['rst', `.. image:: ${SHIELDS}\n   :alt: ${ALT}\n   :target: https://pypi.org/project/mcp-clipboard/`],
    ['html', `<a href="https://pypi.org/project/mcp-clipboard/"><img src="${SHIELDS}" alt="${ALT}"></a>`],
    ['url', SHIELDS],
  ] as const)('writes %s', (format, expected) => {
    expect(snippet(hero, HERE, format, 'shields')).toBe(expected);
  });

  it('shields.io finds the endpoint file behind its parameter', () => {
    const url = new URL(snippet(hero, `${HERE}/a b/(c)`, 'url', 'shields'));
    const inner = new URL(url.searchParams.get('url') ?? '');
    expect(decodeURIComponent(inner.href)).toBe(`${HERE}/a b/(c)/mcp-clipboard/downloads-30d-non-ci.json`);
  });

  it.each(['shields', 'svg'] as const)('keeps a hostile address inside of its markup: %s', (picture) => {
    const hostile = `${HERE}/")](javascript:alert(1))<script>'"><img onerror=alert(1)>[x]*_\`|\\`;
    const url = snippet(hero, hostile, 'url', picture);
    expect(url).not.toMatch(/[\s"'<>()[\]*`|\\]/);
    const markdown = snippet(hero, hostile, 'markdown', picture);
    expect(markdown).toBe(`[![${ALT}](${url})](https://pypi.org/project/mcp-clipboard/)`);
    const { document } = parseHTML(`<html><body>${snippet(hero, hostile, 'html', picture)}</body></html>`);
    expect([...document.body.querySelectorAll('*')].map(({ tagName }) => tagName)).toEqual(['A', 'IMG']);
    expect(document.querySelector('img')?.getAttribute('src')).toBe(url);
  });
});

describe('altText', () => {
  it.each([
    ['installer-uv', 7, 'by uv in 7 days'],
    ['installer-pip-family', 7, 'by the pip family in 7 days'],
    ['os-macos', 1, 'on macOS in 1 day'],
  ])('says what %s of %d days counts', (id, windowDays, expected) => {
    const alt = altText({ ...hero, kind: findBadge(id) ?? kind, windowDays });
    expect(alt).toBe(`Non-CI PyPI downloads of mcp-clipboard ${expected} (somewhere)`);
  });

  const all = [...BADGES, ...pythonBadges({ extra: ['python>=3.10'] })];
  it.each(all)('has at most 100 characters, whatever the name: $id', (each) => {
    const windowDays = each.windowless ? undefined : 365;
    const alt = altText({ package: 'n'.repeat(200), kind: each, windowDays, sourceName: 'local files' });
    expect(alt.length).toBeLessThanOrEqual(100);
    expect(alt).toContain(` ${'n'.repeat(27)}… `);
  });
});
