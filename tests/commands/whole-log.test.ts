import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { daysOf } from '../../src/days/day.ts';
import { runMain } from '../support/context.ts';
import { ndjson } from '../support/downloads.ts';
import { tempFolder } from '../support/temp-folder.ts';

describe('a day without a row of any package', () => {
  const days = daysOf({ start: '2025-10-01', end: '2026-04-25' });

  it.each([
    [30, true, { count: null, missing: ['2026-04-10'], trend: '±0 %' }],
    [90, true, { count: null, missing: ['2026-04-10'], trend: '±0 %' }],
    [30, false, { count: 0, missing: [], trend: '−3 %' }],
  ])('in local files, %d days, whole log: %s', async (windowDays, wholeLog, expected) => {
    const folder = tempFolder();
    const filled = days.filter((day) => day !== '2026-04-10');
    writeFileSync(
      join(folder, 'rows.ndjson'),
      ndjson(filled.map((at) => ({ at, project: 'demo', installer: 'uv' }))),
    );
    writeFileSync(
      join(folder, 'tracked.yaml'),
      `service: {output_dir: out, source: duckdb}\nduckdb: {files: rows.ndjson, whole_log: ${wholeLog}}\nbadges: {extra: [trend]}\npackages: [{name: demo, window_days: ${windowDays}}]\n`,
    );
    await runMain(folder, ['collect']);
    const json = (file: string) => JSON.parse(readFileSync(join(folder, 'out', file), 'utf8'));
    const history = json('demo/history.json');
    expect({
      count: history.count[history.days.indexOf('2026-04-10')],
      missing: history.missing_days,
      trend: json(`demo/trend-${windowDays}d-non-ci.json`).message,
    }).toEqual(expected);
    expect(json('_health.json').upstream.missing_days).toEqual(expected.missing);
  });
});
