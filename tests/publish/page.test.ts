import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { writeFolder } from '../../src/disk/files.ts';
import { type Health, healthToJson, parseHealth } from '../../src/publish/health.ts';
import { historyText } from '../../src/publish/history.ts';
import { openPages } from '../../src/publish/page.ts';
import { parsePage } from '../support/html.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { historyOf, NOW, site, YOUNG } from '../support/views.ts';

/** A health file as it is read. */
const healthOf = (value: object) =>
  parseHealth(JSON.stringify({ packages: {}, ...value })) ?? expect.fail('it is no health file');

const EMPTY = healthOf({ finished: '2026-04-25T04:12:00Z' });

function setUp(packages = '[demo]') {
  const folder = tempFolder();
  const list = `service: {output_dir: output}\npackages: ${packages}\n`;
  const config = parseConfig(list, 'tracked.yaml', folder);
  const [tracked = { name: 'demo', windows: [30] as const }] = config.packages;
  const output = join(folder, 'output');
  const demo = join(output, 'demo/index.html');
  const page = (file = 'index.html') => parsePage(readFileSync(join(output, file), 'utf8'));
  const open = (signal?: AbortSignal, now = () => NOW) => openPages(config, site.source, now, signal);
  const inode = () => (existsSync(demo) ? statSync(demo).ino : undefined);
  return {
    ...{ output, demo, tracked, open, page },
    index: () => page().text,
    rows: () => page().cells('#packages tbody tr'),
    draw: (health: Health) => open().finish(health),
    /** Draws, and says whether the page of demo was. */
    async draws(health: Health) {
      const before = inode();
      await open().finish(health);
      return inode() !== before;
    },
    /** Puts a history where `collect` would. */
    async publish(days = historyOf(30, 1)) {
      const text = historyText(days, { name: 'demo' }, 'bigquery');
      await writeFolder(output, 'demo', [{ name: 'history.json', content: text }]);
      return { days, text };
    },
  };
}

const WINDOW = {
  window_days: 3,
  count: 16,
  counts: { pip: 9, uv: 7, 'pip-family': 9 },
  counts_by_system: { Linux: 15, Darwin: 5 },
  excluded: { ci: 7, mirror: 25, other: 4 },
};
const counted = (more: object = {}, at = '2026-04-25T04:12:00Z') => {
  const entry = { ...WINDOW, windows: [WINDOW], counted_to: '2026-04-24', last_success: at };
  return healthOf({ finished: at, packages: { demo: { ...entry, ...more } } });
};

describe('pages', () => {
  it('tell the newest day of the table, or else that of the newest history', async () => {
    const { draw, index, publish } = setUp();
    await publish();
    for (const [lastDay, told] of [
      ['2026-04-22', '22 Apr'],
      [null, '24 Apr'],
    ] as const) {
      await draw({ ...EMPTY, upstream: { ...EMPTY.upstream, lastDay } });
      expect(index()).toContain(`Counted up to${told} 2026`);
    }
  });

  it('are those that the run has drawn, which knows more names than the health file', async () => {
    const { tracked, open, draws, publish } = setUp('[{name: demo, window_days: [3, 30]}]');
    const windows = [3, 30].map((windowDays) => ({ windowDays, breakdown: YOUNG }));
    const lastSuccess = NOW.toISOString();
    const entry = { windowDays: 3, count: 14, windows, warnings: [], countedTo: '2026-04-24', lastSuccess };
    const history = await publish();
    await open().draw(tracked, entry, history);
    const health = { ...EMPTY, finished: lastSuccess, packages: new Map([['demo', entry]]) };
    expect(await draws(healthOf(healthToJson(health)))).toBe(false);
  });

  async function start() {
    const made = setUp();
    const history = (count: number) => made.publish(historyOf(30, count));
    await history(1);
    expect(await made.draws(counted())).toBe(true);
    return { ...made, history };
  }

  it('are drawn once, as long as nothing in them changes', async () => {
    const { draws, output } = await start();
    const { ino } = statSync(join(output, 'index.html'));
    expect(await draws(counted())).toBe(false);
    expect(statSync(join(output, 'index.html')).ino).toBe(ino);
    expect(await draws(counted({}, '2026-04-25T09:12:00Z'))).toBe(false);
  });

  it.each<[string, (of: Awaited<ReturnType<typeof start>>) => Promise<Health> | Health]>([
    ['its history', ({ history }) => history(2).then(() => counted())],
    ['a window', () => counted({ windows: [] })],
    ['a name of the class other', () => counted({ other: [{ installer: 'conda', count: 3 }] })],
    ['a failure', () => counted({ error: 'x', error_code: 'permission' })],
    ['a warning', () => counted({ warnings: [{ code: 'no-rows', message: 'x' }] })],
    ['the day of the run', () => ({ ...counted(), finished: '2026-04-26T04:12:00.000Z' })],
  ])('are drawn again after a change of %s', async (_, change) => {
    const of = await start();
    const changed = await change(of);
    expect([await of.draws(changed), await of.draws(changed)]).toEqual([true, false]);
  });

  it.each<[string, (text: string) => string | undefined]>([
    ['lost', () => undefined],
    ['emptied', () => ''],
    ['altered', (text) => text.replace('demo', 'damo')],
    ['cut short', (text) => text.slice(0, -400)],
    ['lengthened', (text) => `${text}<p>`],
  ])('are drawn again where one was %s', async (_, spoil) => {
    const { demo, draws } = await start();
    const before = readFileSync(demo, 'utf8');
    expect(before).toMatch(/<\/html>\n<!-- drawn from [0-9a-f]{32}, text [0-9a-f]{32} -->\n$/);
    const spoilt = spoil(before);
    if (spoilt === undefined) rmSync(demo);
    else writeFileSync(demo, spoilt);
    expect(await draws(counted())).toBe(true);
    expect(readFileSync(demo, 'utf8')).toBe(before);
  });

  it('end between two when that is asked for, and what is drawn is kept', async () => {
    const { open, output, demo, publish } = setUp('[demo, other]');
    await publish();
    const asked = new AbortController();
    const now = () => {
      asked.abort(new Error('asked to end'));
      return NOW;
    };
    await expect(open(asked.signal, now).finish(EMPTY)).rejects.toThrow('asked to end');
    expect([existsSync(demo), existsSync(join(output, 'index.html'))]).toEqual([true, false]);
  });

  it('are drawn at once of what a run has brought, and its history is read back no more', async () => {
    const { open, tracked, output, publish, demo, rows, draws } = setUp('[demo, other]');
    const health = counted({ last_success: undefined });
    const pages = open();
    const history = await publish();
    for (const entry of health.packages.values()) await pages.draw(tracked, entry, history);
    expect(readFileSync(demo, 'utf8')).toContain('in 3 days');
    rmSync(join(output, 'demo/history.json'));
    expect(await pages.finish(health)).toBe(2);
    expect(rows().map(([name, count]) => [name, count])).toEqual([
      ['demo', '16'],
      ['other', '–'],
    ]);
    // Drawn again from the disk it is the same.
    await publish();
    expect(await draws(health)).toBe(false);
  });

  it.each([
    ['[90, 7]', EMPTY, ['14', '7 days']],
    // Of a window that was just made longer, nothing is known yet.
    ['[30, 3]', counted(), ['16', '3 days']],
    ['[3, 30]', counted({ windows: [{ ...WINDOW, window_days: 30 }, WINDOW] }), ['16', '3 days']],
    ['[90]', EMPTY, ['–', '–']],
  ])('show the main one of windows of %s, or another that is known', async (list, health, expected) => {
    const { draw, publish, rows, page } = setUp(`[{name: demo, window_days: ${list}}]`);
    await publish(historyOf(30, 2));
    await draw(health);
    expect(rows()[0]?.slice(1, 3)).toEqual(expected);
    expect(page('demo/index.html').texts('.hero small')).toEqual(
      expected[0] === '–' ? [] : [`in ${expected[1]}`],
    );
  });
});
