import { describe, expect, it } from 'vitest';
import { badgeFiles, endpointBadges } from '../../src/badges/endpoint.ts';
import type { Account } from '../../src/winnow/winnow.ts';

/** Every figure differs, so that none can be taken for another. */
const account: Account = {
  count: 1_150,
  counts: { pip: 500, pipenv: 1, pipx: 2, uv: 400, poetry: 9, pdm: 10, 'pip-family': 503 },
  countsBySystem: { Linux: 2_000, Darwin: 30, Windows: 0 },
  excluded: { ci: 7, mirror: 6, browser: 5, unknown: 4, other: 3 },
};

/** The eleven files of DESIGN section 6, spelled out: READMEs all over the place name them. */
const ELEVEN = {
  'downloads-30d-non-ci.json': ['pip*/uv/poetry/pdm (30d)', '1.2k', 'blue'],
  'installer-pip-30d-non-ci.json': ['pip (30d)', '500', 'blue'],
  'installer-pipenv-30d-non-ci.json': ['pipenv (30d)', '1', 'lightgrey'],
  'installer-pipx-30d-non-ci.json': ['pipx (30d)', '2', 'lightgrey'],
  'installer-uv-30d-non-ci.json': ['uv (30d)', '400', 'blue'],
  'installer-poetry-30d-non-ci.json': ['poetry (30d)', '9', 'lightgrey'],
  'installer-pdm-30d-non-ci.json': ['pdm (30d)', '10', 'blue'],
  'installer-pip-family-30d-non-ci.json': ['pip* (30d)', '503', 'blue'],
  'os-linux-30d-non-ci.json': ['linux (30d)', '2k', 'blue'],
  'os-macos-30d-non-ci.json': ['macos (30d)', '30', 'blue'],
  'os-windows-30d-non-ci.json': ['windows (30d)', '0', 'lightgrey'],
};

describe('badgeFiles', () => {
  it('makes the eleven files, each with its label, message and colour', () => {
    const made = badgeFiles(account, 30).map(({ name, content }) => {
      const { label, message, color } = JSON.parse(content);
      return [name, [label, message, color]];
    });
    expect(Object.fromEntries(made)).toEqual(ELEVEN);
    expect(made).toHaveLength(11);
  });

  it('writes nothing but the four keys, with two-space indent and a final newline', () => {
    expect(badgeFiles(account, 30)[0]?.content).toBe(
      '{\n  "schemaVersion": 1,\n  "label": "pip*/uv/poetry/pdm (30d)",\n  "message": "1.2k",\n  "color": "blue"\n}\n',
    );
  });

  it('names the window in every file name and label', () => {
    for (const { name, content } of badgeFiles(account, 365)) {
      expect(name).toMatch(/-365d-non-ci\.json$/);
      expect(JSON.parse(content).label).toMatch(/ \(365d\)$/);
    }
  });
});

describe('endpointBadges', () => {
  it('begins with the hero', () => {
    expect(endpointBadges(account, 7)[0]).toMatchObject({
      stem: 'downloads-7d-non-ci',
      badge: { schemaVersion: 1, label: 'pip*/uv/poetry/pdm (7d)', message: '1.2k', color: 'blue' },
    });
  });
});
