import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { packagePage } from '../../src/page/package-page.ts';
import { type Health, healthToJson, parseHealth } from '../../src/publish/health.ts';
import { historyText } from '../../src/publish/history.ts';
import { publishFolder } from '../../src/publish/package.ts';
import { type Drawing, openPages } from '../../src/publish/page.ts';
import { parsePage } from '../support/html.ts';
import { HEALTH_WINNOW } from '../support/old-files.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { downloads, historyOf, NOW, packageDays, YOUNG } from '../support/views.ts';

const FACTS = { package: 'demo', source: 'bigquery', publicUrl: undefined };

const EMPTY: Health = {
  finished: '2026-04-25T04:12:00.000Z',
  upstream: { lastDay: null, missingDays: [], partialDays: [], excessDays: [] },
  packages: new Map(),
  groups: new Map(),
  warnings: [],
};

function setUp(packages = '[demo]') {
  const folder = tempFolder();
  const yaml = `service:\n  output_dir: output\npackages: ${packages}\n`;
  const config = parseConfig(yaml, 'tracked.yaml', folder);
  const output = join(folder, 'output');
  const page = (file: string) => parsePage(readFileSync(join(output, file), 'utf8'));
  const textOf = (file: string) => page(file).text;
  const rows = () => page('index.html').cells('#packages tbody tr');
  const open = (signal?: AbortSignal, drawing?: Drawing) =>
    openPages(config, { name: 'a table of the test', shortName: 'a table' }, () => NOW, signal, drawing);
  const draw = (health: Health, signal?: AbortSignal, drawing?: Drawing) =>
    open(signal, drawing).finish(health);
  /** Puts a history where `collect` would. */
  const publish = (days = historyOf(30, 1)) => {
    const text = historyText(days, FACTS);
    const files = [{ name: 'history.json', content: text }];
    return publishFolder(output, 'demo', files).then(() => ({ days, text }));
  };
  return { output, config, open, draw, publish, textOf, index: () => textOf('index.html'), rows };
}

const WINDOW = {
  window_days: 3,
  count: 16,
  counts: { pip: 9, pipenv: 0, pipx: 0, uv: 7, poetry: 0, pdm: 0, 'pip-family': 9 },
  counts_by_system: { Linux: 15, Darwin: 5, Windows: 0 },
  excluded: { sidecar: 0, ci: 7, mirror: 25, browser: 0, unknown: 0, other: 4 },
};
const COUNTED = {
  ...WINDOW,
  windows: [WINDOW],
  counted_to: '2026-04-24',
  last_success: '2026-04-25T04:12:01.559Z',
};

/** A health file as it is read. */
function healthOf(value: object): Health {
  const health = parseHealth(JSON.stringify(value));
  expect(health).toBeDefined();
  return health ?? EMPTY;
}

/** A drawing of the same page that counts, and tells when it is used. */
function counting(version: string, use = () => {}) {
  const drawing = {
    version,
    drawn: 0,
    packagePage: (...view: Parameters<typeof packagePage>) => {
      use();
      drawing.drawn += 1;
      return packagePage(...view);
    },
  };
  return drawing;
}

describe('pages', () => {
  it('tells the newest day of the table, or else that of the newest history', async () => {
    const { draw, index, publish } = setUp();
    const odd = { missingDays: ['2026-04-02'], partialDays: ['2026-04-03'], excessDays: ['2026-04-04'] };
    await draw({ ...EMPTY, upstream: { lastDay: '2026-04-22', ...odd } });
    for (const words of [
      'Counted up to22 Apr 2026',
      'nothing at all for 2 Apr 2026.',
      'far fewer rows than usual for 3 Apr 2026.',
      'more than twice the usual rows for 4 Apr 2026.',
      'counted from a table of the test',
    ]) {
      expect(index()).toContain(words);
    }
    await publish();
    await draw(EMPTY);
    expect(index()).toContain('Counted up to24 Apr 2026');
  });

  it('leaves pages alone that would not change', async () => {
    const { draw, output, publish } = setUp();
    await publish();
    expect(await draw(EMPTY)).toBe(2);
    const prints = () => ['index.html', 'demo/index.html'].map((file) => statSync(join(output, file)).ino);
    const before = prints();
    await draw(EMPTY);
    expect(prints()).toEqual(before);
  });

  it('finds a page as the run has drawn it, which knows more names than the health file', async () => {
    const { config, open, publish } = setUp();
    const drawing = counting('1');
    const windows = [3, 30].map((windowDays) => ({ windowDays, breakdown: YOUNG }));
    const lastSuccess = NOW.toISOString();
    const entry = { windowDays: 3, count: 14, windows, warnings: [], countedTo: '2026-04-24', lastSuccess };
    const history = await publish();
    for (const tracked of config.packages) await open(undefined, drawing).draw(tracked, entry, history);
    const health = { ...EMPTY, finished: lastSuccess, packages: new Map([['demo', entry]]) };
    await open(undefined, drawing).finish(healthOf(healthToJson(health)));
    expect(drawing.drawn).toBe(1);
  });

  describe('draws the page of a package', () => {
    const counted = (hour: number, more: object = {}) =>
      healthOf({
        finished: `2026-04-25T0${hour}:12:00Z`,
        packages: { demo: { ...COUNTED, last_success: `2026-04-25T0${hour}:11:00Z`, ...more } },
      });

    async function start() {
      const { output, draw, publish } = setUp();
      const drawing = counting('1');
      const run = async (health: Health, by = drawing) => {
        const before = by.drawn;
        await draw(health, undefined, by);
        return by.drawn - before;
      };
      const history = (count: number) => publish(historyOf(30, () => count));
      await history(1);
      expect(await run(counted(4))).toBe(1);
      return { page: join(output, 'demo/index.html'), run, history };
    }

    it('once, as long as nothing in it changes', async () => {
      const { page, run } = await start();
      const { ino } = statSync(page);
      expect(await run(counted(4))).toBe(0);
      expect(await run(counted(9))).toBe(0);
      expect(statSync(page).ino).toBe(ino);
    });

    it.each<[string, (of: Awaited<ReturnType<typeof start>>) => Promise<Health> | Health]>([
      ['its history', ({ history }) => history(2).then(() => counted(4))],
      ['a window', () => counted(4, { windows: [] })],
      ['a name of the class other', () => counted(4, { other: [{ installer: 'conda', count: 3 }] })],
      ['a failure', () => counted(4, { error: 'x', error_code: 'permission' })],
      ['a warning', () => counted(4, { warnings: [{ code: 'no-rows', message: 'x' }] })],
      ['the day of the run', () => ({ ...counted(4), finished: '2026-04-26T04:12:00.000Z' })],
    ])('again after a change of %s', async (_, change) => {
      const of = await start();
      const changed = await change(of);
      expect(await of.run(changed)).toBe(1);
      expect(await of.run(changed)).toBe(0);
    });

    it.each<[string, (page: string) => void]>([
      ['lost', (page) => rmSync(page)],
      ['emptied', (page) => writeFileSync(page, '')],
      ['altered', (page) => writeFileSync(page, readFileSync(page, 'utf8').replace('demo', 'damo'))],
      ['cut short', (page) => writeFileSync(page, readFileSync(page, 'utf8').slice(0, -400))],
      ['lengthened', (page) => writeFileSync(page, `${readFileSync(page, 'utf8')}<p>`)],
    ])('again where it was %s', async (_, spoil) => {
      const { page, run } = await start();
      const before = readFileSync(page, 'utf8');
      spoil(page);
      expect(await run(counted(4))).toBe(1);
      expect(readFileSync(page, 'utf8')).toBe(before);
    });

    it('again by another version of the code', async () => {
      const { run } = await start();
      const next = counting('2');
      expect(await run(counted(4), next)).toBe(1);
      expect(await run(counted(4), next)).toBe(0);
    });

    it('by the program itself, whose version is its own code', async () => {
      const { output, draw, publish } = setUp('[demo, other]');
      await publish();
      await draw(counted(4));
      const page = readFileSync(join(output, 'demo/index.html'), 'utf8');
      expect(page).toMatch(/<\/html>\n<!-- drawn from [0-9a-f]{32}, text [0-9a-f]{32} -->\n$/);
    });
  });

  it('tells strangers the kind of a failure and one sentence, and nothing of accounts or money', async () => {
    const { draw, index } = setUp();
    const error = 'permission denied for badges@acme-4711.iam at /etc/key.json [job pypi-badges_1]';
    const drawn = async (entry: object) => {
      await draw(healthOf({ packages: { demo: entry } }));
      return index();
    };
    const page = await drawn({ error, error_code: 'permission', window_days: 30 });
    expect(page).toContain('demo: BigQuery refused the permission; the operator has been told. permission');
    expect(page).not.toMatch(/acme|\/etc|job|Billed|MiB/);
    const without = await drawn({ error, window_days: 30 });
    expect(without).toContain('demo: The source answered with a fault; the operator has been told.');
    expect(without).not.toMatch(/acme|\/etc|job/);
    expect(await drawn({ error, error_code: 'of another version', window_days: 30 })).toContain(
      'source-failed',
    );
  });

  it('tells strangers what may make figures untrue in a public sentence, on both pages', async () => {
    const { draw, index, textOf } = setUp();
    const warnings = [{ code: 'installer-vanished', message: 'uv had 42 of 98 downloads' }];
    await draw(healthOf({ packages: { demo: { ...COUNTED, warnings } } }));
    for (const text of [index(), textOf('demo/index.html')]) {
      expect(text).toContain('has been at zero for a week; it may have changed its name.');
      expect(text).not.toContain('42 of 98');
    }
  });

  it('ends between two pages when it is asked to, and keeps what is drawn', async () => {
    const { draw, output, publish } = setUp('[demo, other]');
    await publish();
    const asked = new AbortController();
    const drawing = counting('1', () => asked.abort(new Error('asked to end')));
    await expect(draw(EMPTY, asked.signal, drawing)).rejects.toThrow('asked to end');
    expect(existsSync(join(output, 'demo/index.html'))).toBe(true);
    expect(existsSync(join(output, 'index.html'))).toBe(false);
  });

  it('draws what a run has brought at once, and reads its history back no more', async () => {
    const { open, config, output, publish, rows, textOf } = setUp('[demo, other]');
    const { packages } = healthOf({ packages: { demo: COUNTED } });
    const [[tracked], entry] = [config.packages, packages.get('demo')];
    if (tracked === undefined || entry === undefined) throw new Error('there is no package');
    const history = await publish();
    const pages = open();
    await pages.draw(tracked, entry, history);
    const page = readFileSync(join(output, 'demo/index.html'), 'utf8');
    expect(textOf('demo/index.html')).toContain('Non-CI downloads 16 in 3 days');
    rmSync(join(output, 'demo/history.json'));
    expect(await pages.finish({ ...EMPTY, packages })).toBe(2);
    expect(rows().map(([name, count]) => [name, count])).toEqual([
      ['demo', '16'],
      ['other', '–'],
    ]);
    // Drawn again from the disk it is the same.
    await publish();
    await open().finish({ ...EMPTY, packages });
    expect(readFileSync(join(output, 'demo/index.html'), 'utf8')).toBe(page);
  });
});

describe('pages from files of before', () => {
  it('show after a failure what the history tells', async () => {
    const { draw, publish, rows, textOf } = setUp('[{name: demo, window_days: [3, 2]}]');
    const days = [
      [downloads('pip', 9), downloads('uv', 5), downloads('requests', 4)],
      null,
      [downloads('uv', 2), downloads('Nexus', 25), downloads('uv', 7, { ci: true })],
    ];
    await publish(packageDays(3, (index) => days[index] ?? null));
    await draw(healthOf({ packages: { demo: COUNTED } }));
    expect(rows()[0]?.slice(0, 5)).toEqual(['demo', '16', '3 days', '52', '69.2%']);
    expect(textOf('demo/index.html')).toContain('No data for 23 Apr 2026');
    const { last_success } = COUNTED;
    const failed = { error: 'x', error_code: 'disk-full', window_days: 3, last_success };
    await draw(healthOf({ packages: { demo: failed } }));
    expect(rows()[0]?.slice(0, 5)).toEqual(['demo', '16', '3 days', '52', '69.2%']);
    expect(rows()[0]?.at(-1)).toBe('failed');
    // The 24th: 2 by uv, 25 by a mirror and 7 by CI; nothing is known of the 23rd.
    expect(textOf('demo/index.html')).toContain('2 days: 2 of 34');
  });

  it('show a shorter window where the history does not reach as far as the main one', async () => {
    const { draw, publish, rows } = setUp('[{name: demo, window_days: [90, 7]}]');
    await publish(historyOf(30, 2));
    await draw(EMPTY);
    expect(rows()[0]?.slice(0, 4)).toEqual(['demo', '14', '7 days', '14']);
  });

  it('know no more of what pypi-winnow-downloads left than when it was counted', async () => {
    const { draw, rows, output } = setUp('[Small_00, bad, constructor]');
    await draw(healthOf(HEALTH_WINNOW));
    expect(rows()).toEqual([
      ['small-00', '–', '–', '–', '–', '', '25 Apr 2026', 'ok'],
      ['bad', '–', '–', '–', '–', '', 'never', 'failed'],
      ['constructor', '–', '–', '–', '–', '', 'never', 'new'],
    ]);
    expect(existsSync(join(output, 'small-00'))).toBe(false);
  });
});
