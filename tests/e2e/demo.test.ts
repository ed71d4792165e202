import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import { countByHand, downloadsIn } from '../support/independent.ts';
import { tempFolder } from '../support/temp-folder.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url));
const TABLE = readFileSync(join(EXAMPLES, 'file_downloads.ndjson'), 'utf8');

/** The windows of examples/tracked.yaml as of 2026-04-25, with their first days worked out by hand. */
const WINDOWS: [string, number, string][] = [
  ['example-young', 30, '2026-03-26'],
  ['example-moved-to-uv', 30, '2026-03-26'],
  ['example-moved-to-uv', 90, '2026-01-25'],
  ['example-large', 7, '2026-04-18'],
  ['example-large', 30, '2026-03-26'],
  ['example-unused', 30, '2026-03-26'],
];

describe('the demo', () => {
  it('publishes the figures that plain counting gives, for every package and window', async () => {
    const folder = tempFolder();
    cpSync(EXAMPLES, join(folder, 'examples'), { recursive: true });
    const argv = ['collect', '--config', 'examples/tracked.yaml', '--as-of', '2026-04-25'];
    expect((await runCommand(folder, argv)).exitCode).toBe(0);
    const output = join(folder, 'demo/output');
    const json = (file: string) => JSON.parse(readFileSync(join(output, file), 'utf8'));
    const health = json('_health.json');
    const message = (name: string, file: string) => json(`${name}/${file}-non-ci.json`).message;
    for (const [name, days, first] of WINDOWS) {
      const { all, ...expected } = countByHand(downloadsIn(TABLE, name, first, '2026-04-24'));
      const window = health.packages[name].windows.find(
        (each: { window_days: number }) => each.window_days === days,
      );
      expect(window, `${name} ${days}d`).toEqual({ window_days: days, ...expected });
      const { sidecar, ci, mirror, browser, unknown, other } = expected.excluded;
      expect(expected.count + sidecar + ci + mirror + browser + unknown + other).toBe(all);
      if (expected.count < 1_000) expect(message(name, `downloads-${days}d`)).toBe(String(expected.count));
    }
    // 1,735 and 1,567, rounded by hand.
    expect(message('example-large', 'downloads-30d')).toBe('1.7k');
    expect(message('example-moved-to-uv', 'downloads-90d')).toBe('1.6k');
    expect(
      readdirSync(output).filter((file) => existsSync(join(output, file, 'downloads-30d-non-ci.json'))),
    ).toEqual(['example-large', 'example-moved-to-uv', 'example-unused', 'example-young']);
  });

  it('has the table that its script makes', async () => {
    const folder = join(tempFolder(), 'examples');
    mkdirSync(folder);
    cpSync(join(EXAMPLES, 'make-table.mjs'), join(folder, 'make-table.mjs'));
    await execa(process.execPath, [join(folder, 'make-table.mjs')]);
    expect(readFileSync(join(folder, 'file_downloads.ndjson'), 'utf8') === TABLE).toBe(true);
  });
});
