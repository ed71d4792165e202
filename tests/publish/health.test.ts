import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type Health,
  type HealthSuccess,
  healthWindow,
  isSuccess,
  readHealth,
  writeHealth,
} from '../../src/publish/health.ts';
import { tempFolder } from '../support/temp-folder.ts';

const account = {
  count: 14,
  counts: { pip: 9, pipenv: 0, pipx: 0, uv: 5, poetry: 0, pdm: 0, 'pip-family': 9 },
  countsBySystem: { Linux: 8, Darwin: 4, Windows: 1 },
  excluded: { ci: 120, mirror: 1325, browser: 31, unknown: 1201, other: 80 },
};
const window = healthWindow(30, account);
const success: HealthSuccess = {
  ...window,
  windows: [window],
  query: { days_scanned: 30, bytes_processed: 0, bytes_billed: 0, cache_hit: false, duration_ms: 4 },
  attempted: '2026-04-25T04:12:01.000Z',
  last_success: '2026-04-25T04:12:02.000Z',
};
const health: Health = {
  started: '2026-04-25T04:12:00.000Z',
  finished: '2026-04-25T04:12:03.000Z',
  upstream: { last_day: '2026-04-24', missing_days: [] },
  packages: { 'mcp-clipboard': success, broken: { error: 'why', window_days: 30 } },
};

describe('the health file', () => {
  it('has the keys of DESIGN section 6', async () => {
    const outputDir = join(tempFolder(), 'out');
    await writeHealth(outputDir, health);
    const text = readFileSync(join(outputDir, '_health.json'), 'utf8');
    expect(text.endsWith('}\n')).toBe(true);
    expect(JSON.parse(text).packages['mcp-clipboard']).toMatchObject({
      count: 14,
      window_days: 30,
      counts: { pip: 9, pipenv: 0, pipx: 0, uv: 5, poetry: 0, pdm: 0, 'pip-family': 9 },
      counts_by_system: { Linux: 8, Darwin: 4, Windows: 1 },
      excluded: { ci: 120, mirror: 1325, browser: 31, unknown: 1201, other: 80 },
      windows: [{ window_days: 30, count: 14 }],
    });
    expect(statSync(join(outputDir, '_health.json')).mode & 0o777).toBe(0o644);
    expect(readdirSync(outputDir)).toEqual(['_health.json']);
  });

  it('reads back as it was written', async () => {
    const folder = tempFolder();
    await writeHealth(folder, health);
    expect(await readHealth(folder)).toEqual(health);
  });

  it('is absent before the first run', async () => {
    expect(await readHealth(tempFolder())).toBeUndefined();
  });

  it.each([
    ['cut off', '{"packages": {'],
    ['empty', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['without packages', '{"started": "2026-04-25T04:12:00.000Z"}'],
    ['with a list of packages', '{"packages": []}'],
    ['with a package that is a number', '{"packages": {"demo": 14}}'],
    ['with a package that is null', '{"packages": {"demo": null}}'],
  ])('is unreadable when it is %s', async (_, text) => {
    const folder = tempFolder();
    writeFileSync(join(folder, '_health.json'), text);
    expect(await readHealth(folder)).toBe('unreadable');
  });

  it('tells success from failure', () => {
    expect(isSuccess(success)).toBe(true);
    expect(isSuccess({ error: 'why', window_days: 30 })).toBe(false);
  });
});
