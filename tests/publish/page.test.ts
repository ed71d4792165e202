import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { historyText } from '../../src/badges/history.ts';
import { parseConfig } from '../../src/config/load.ts';
import { publishHistory, readHistory } from '../../src/publish/history.ts';
import { publishPage } from '../../src/publish/page.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { historyOf, NOW } from '../support/views.ts';

const YAML = 'service:\n  output_dir: output\npackages:\n  - demo\n';
const EMPTY = { started: '', finished: '2026-04-25T04:12:00.000Z', packages: {} };

function setUp(yaml = YAML) {
  const folder = tempFolder();
  const config = parseConfig(yaml, 'tracked.yaml', folder);
  const index = () => {
    const { document } = parseHTML(readFileSync(join(folder, 'output/index.html'), 'utf8'));
    return (document.querySelector('main')?.textContent ?? '').replaceAll(/\s+/g, ' ');
  };
  return { folder, config, index, output: join(folder, 'output') };
}
const health = (upstream: { last_day: string | null; missing_days: string[] }) => ({ ...EMPTY, upstream });

describe('publishPage', () => {
  it('tells the newest day of the table, or else that of the newest history', async () => {
    const { config, index, output } = setUp();
    await publishPage(config, health({ last_day: '2026-04-22', missing_days: ['2026-04-02'] }), NOW);
    expect(index()).toContain('Counted up to22 Apr 2026');
    expect(index()).toContain('nothing at all for 2 Apr 2026.');
    await publishHistory(
      output,
      historyOf(30, () => 1),
    );
    await publishPage(config, health({ last_day: null, missing_days: [] }), NOW);
    expect(index()).toContain('Counted up to24 Apr 2026');
  });

  it('leaves pages alone that would not change', async () => {
    const { config, output } = setUp();
    await publishHistory(
      output,
      historyOf(30, () => 1),
    );
    const state = health({ last_day: null, missing_days: [] });
    expect(await publishPage(config, state, NOW)).toBe(2);
    const prints = () => ['index.html', 'demo/index.html'].map((file) => statSync(join(output, file)).ino);
    const before = prints();
    await publishPage(config, state, NOW);
    expect(prints()).toEqual(before);
  });

  it('tells strangers the kind of a failure and one sentence, and nothing of accounts or money', async () => {
    const { folder, config, index } = setUp();
    mkdirSync(join(folder, 'state'));
    writeFileSync(
      join(folder, 'state/spend.json'),
      '{"version":1,"months":{"2026-04":{"bytes_billed":10485760,"queries":3}},"pending":{}}',
    );
    const error = 'permission denied for badges@acme-4711.iam at /etc/key.json [job pypi-badges_1]';
    const draw = async (entry: object) => {
      await publishPage(config, { ...EMPTY, packages: { demo: entry as never } } as never, NOW);
      return index();
    };
    const page = await draw({ error, error_code: 'permission', window_days: 30 });
    expect(page).toContain('demo: BigQuery refused the permission; the operator has been told. permission');
    expect(page).not.toMatch(/acme|\/etc|job|Billed|MiB/);
    const old = await draw({ error, window_days: 30 });
    expect(old).toContain('demo: The source answered with a fault; the operator has been told.');
    expect(old).not.toMatch(/acme|\/etc|job/);
    expect(await draw({ error, error_code: 'of another version', window_days: 30 })).toContain(
      'source-failed',
    );
  });
});

describe('readHistory', () => {
  it("gives what was published, and nothing that is not the package's own", async () => {
    const { output } = setUp();
    const history = historyOf(30, () => 1);
    await publishHistory(output, history);
    expect(readFileSync(join(output, 'demo/history.json'), 'utf8')).toBe(historyText(history));
    expect(await readHistory(output, 'demo')).toEqual(history);
    expect(await readHistory(output, 'other')).toBeUndefined();
    mkdirSync(join(output, 'other'));
    writeFileSync(join(output, 'other/history.json'), historyText(history));
    expect(await readHistory(output, 'other')).toBeUndefined();
    writeFileSync(join(output, 'demo/history.json'), '{');
    expect(await readHistory(output, 'demo')).toBeUndefined();
  });
});
